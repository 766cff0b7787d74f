//! From what is wished for, and what the root is, to the files that change.

use crate::account::{self, Place};
use crate::change::{Action, Change, Edit, Wanted, Write};
use crate::conf::Wish;
use crate::limits::CHANGES;
use crate::network::KEPT_NETWORK;
use crate::part::{Part, Parts};
use crate::text::Buf;
use crate::value::Path;
use crate::{hosts, resolver};
use core::ffi::CStr;
use heapless::Vec;

/// What is to be done, in the order in which it is published.
#[derive(Default)]
pub struct Plan {
    changes: Vec<Change, CHANGES>,
    overflowed: bool,
}

impl Plan {
    /// Fills a new plan with what gives the root `parts` of what is wanted. Returned by
    /// value, all of it would be on the stack twice.
    #[inline(never)]
    pub fn fill(&mut self, wanted: &Wanted<'_>, parts: Parts) {
        for change in wanted.back {
            self.add(change.clone());
        }
        for path in &wanted.system.cut {
            let same = Write::new(|out, old, _, _| out.push(old));
            self.write(
                None,
                path.as_c_str(),
                Write {
                    show: account::mask,
                    ..same
                },
            );
        }
        for part in parts.iter() {
            match part {
                Part::Password => self.add_password(wanted),
                Part::HostName => self.add_host_name(wanted),
                Part::Network => self.add_network(wanted),
                Part::Dns => self.add_name_servers(wanted),
            }
        }
    }

    /// The changes.
    #[must_use]
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// Whether there were more than [`CHANGES`]. Then nothing may be done.
    #[must_use]
    pub fn overflowed(&self) -> bool {
        self.overflowed
    }

    fn add(&mut self, change: Change) {
        self.overflowed |= self.changes.push(change).is_err();
    }

    fn write(&mut self, part: Option<Part>, path: &CStr, write: Write) {
        self.add(Change {
            part,
            path: Path::from(path),
            action: Action::Write(write),
        });
    }

    /// With the hash in the shadow file, the passwd file must say that it is
    /// there, or login programs do not look.
    fn add_password(&mut self, wanted: &Wanted<'_>) {
        let Some(password) = wanted.password else {
            return;
        };
        if password.place == Place::Shadow {
            self.add_account(c"etc/shadow", |out, old, wanted, _| match wanted.password {
                Some(new) => account::shadow::edit(out, old, new.field(), new.day),
                None => out.push(old),
            });
        }
        self.add_account(c"etc/passwd", |out, old, wanted, _| match wanted.password {
            Some(new) if new.place == Place::Shadow => account::passwd::edit(out, old, b"x"),
            Some(new) => account::passwd::edit(out, old, new.field()),
            None => out.push(old),
        });
    }

    fn add_account(&mut self, path: &CStr, edit: Edit) {
        self.write(
            Some(Part::Password),
            path,
            Write {
                only_if_there: true,
                show: account::mask,
                keep_dash: true,
                ..Write::new(edit)
            },
        );
    }

    /// The hosts file goes first: it is told the old name, which the others hold.
    fn add_host_name(&mut self, wanted: &Wanted<'_>) {
        let part = Some(Part::HostName);
        self.write(
            part,
            c"etc/hosts",
            Write {
                only_if_there: true,
                ..Write::new(edit_hosts)
            },
        );
        for (label, place) in (0..).zip(&wanted.system.host_name_places) {
            self.write(
                part,
                place.path,
                Write {
                    label,
                    ..Write::new(edit_host_name)
                },
            );
        }
    }

    fn add_network(&mut self, wanted: &Wanted<'_>) {
        let system = wanted.system;
        let Some(network) = wanted.conf.network.value() else {
            return;
        };
        let format = system.network;
        (format.plan)(network, system, &mut |change| self.add(change));
        // A network that this program set up by itself gives way to this one.
        let kept = (!format.is_kernel).then(|| Change {
            part: Some(Part::Network),
            path: Path::from(KEPT_NETWORK),
            action: Action::Remove,
        });
        let older: &[Change] = match system.in_the_way().next() {
            None => &system.older,
            Some(_) => &[],
        };
        for change in kept.iter().chain(older) {
            let is_removed = matches!(change.action, Action::Remove);
            let is_written = self.changes.iter().any(|other| other.path == change.path);
            if !(is_removed && is_written) {
                self.add(change.clone());
            }
        }
        self.overflowed |= system.overflowed;
    }

    /// The program that makes the file at each boot is told, if there is one;
    /// otherwise the file is written, and the network system told as well, since it
    /// may write the file when it starts.
    fn add_name_servers(&mut self, wanted: &Wanted<'_>) {
        let part = Some(Part::Dns);
        let system = wanted.system;
        let owner = system.resolver;
        let mut is_told = false;
        if let Some(network) = wanted.conf.network.value()
            && let Some(dns) = &system.network.dns
        {
            (dns.plan)(network, system, &mut |change| {
                self.add(Change { part, ..change });
            });
            is_told = owner.is_some_and(|owner| dns.feeds.contains(&owner.name));
        }
        let direct = owner.and_then(|owner| owner.direct.as_ref());
        match direct {
            _ if is_told => {}
            Some(direct) => self.write(part, direct.path, Write::new(direct.edit)),
            // Where another program makes it, and cannot be told, this is refused.
            None => self.write(part, c"etc/resolv.conf", Write::new(resolver::edit)),
        }
        if owner.is_none() {
            let direct = &resolver::OPENRESOLV;
            let write = Write {
                only_if_there: true,
                ..Write::new(direct.edit)
            };
            self.write(part, direct.path, write);
        }
    }
}

fn edit_hosts(out: &mut Buf<'_>, old: &[u8], wanted: &Wanted<'_>, _: u8) {
    let is_old = |name: &[u8]| wanted.system.old_names.iter().any(|old| old == name);
    match &wanted.conf.host_name {
        Wish::Value(name) => hosts::edit(out, old, &is_old, name.as_bytes()),
        _ => out.push(old),
    }
}

/// The label counts the places of the system.
fn edit_host_name(out: &mut Buf<'_>, old: &[u8], wanted: &Wanted<'_>, label: u8) {
    let place = wanted.system.host_name_places.get(usize::from(label));
    match (&wanted.conf.host_name, place) {
        (Wish::Value(name), Some(place)) => place.form.edit(out, old, name.as_bytes()),
        _ => out.push(old),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::NewPassword;
    use crate::conf::{Findings, parse};
    use crate::hostname;
    use crate::network::{Dns, Format};
    use crate::system::{OldName, System};
    use std::string::String;
    use std::vec::Vec as List;

    /// A network system that writes two files, one of which tells it the name servers.
    static FORMAT: Format = Format {
        name: "format",
        plan: |_, _, add| {
            add(written(Part::Network, c"etc/net"));
            add(written(Part::Network, KEPT_NETWORK));
        },
        needs_names: false,
        is_kernel: false,
        looks: &[],
        dns: Some(Dns {
            plan: |_, _, add| add(written(Part::Network, c"etc/net")),
            feeds: &["resolved"],
        }),
        lacks: |_, _| {},
    };

    fn written(part: Part, path: &CStr) -> Change {
        Change {
            part: Some(part),
            path: Path::from(path),
            action: Action::Write(Write::new(|_, _, _, _| {})),
        }
    }

    fn with(path: &CStr, action: Action) -> Change {
        Change {
            part: Some(Part::Network),
            path: Path::from(path),
            action,
        }
    }

    /// What is wanted of the parts.
    fn parts(wanted: &Wanted<'_>) -> Parts {
        let is_wanted = |part: &Part| match part {
            Part::Password => wanted.password.is_some(),
            Part::HostName => wanted.conf.host_name.value().is_some(),
            Part::Network => wanted.conf.network.value().is_some(),
            Part::Dns => wanted.conf.name_servers.value().is_some(),
        };
        Part::ALL.into_iter().filter(is_wanted).collect()
    }

    /// Each change in one line; what an edit makes of `old` stands behind it.
    fn plan(
        source: &str,
        system: &System,
        password: Option<&NewPassword>,
        old: &str,
    ) -> List<String> {
        let conf = parse(source.as_bytes(), &mut Findings::default());
        let wanted = Wanted {
            conf: &conf,
            system,
            password,
            back: &[],
        };
        let plan = filled(&wanted, parts(&wanted));
        assert!(!plan.overflowed());
        let shown = plan.changes().iter().map(|change| {
            let part = change.part.map_or("-", Part::name);
            let path = change.path.as_c_str().to_str().unwrap();
            let Action::Write(write) = change.action else {
                return std::format!("{part} {path} removed");
            };
            let mut bytes = [0; 256];
            let mut out = Buf::new(&mut bytes);
            (write.edit)(&mut out, old.as_bytes(), &wanted, write.label);
            let mut line = std::format!("{part} {path}");
            for (is, word) in [
                (write.only_if_there, " if-there"),
                (write.keep_dash, " dash"),
            ] {
                line += if is { word } else { "" };
            }
            let mut space = [0; 64];
            let mut masked = Buf::new(&mut space);
            (write.show)(&mut masked, b"root:secret:");
            if !masked.as_bytes().windows(6).any(|text| text == b"secret") {
                line += " masked";
            }
            line + " " + &String::from_utf8_lossy(out.as_bytes())
        });
        shown.collect()
    }

    const DNS: &str = "dns_nameserver=7.7.7.7";
    const NET: &str = "eth0_ip_addr=10.0.0.2\neth0_netmask=255.255.255.0\neth0_mac_addr=00:16:3e:00:00:01\neth0_gateway=10.0.0.1\n";

    fn resolver(name: &str) -> Option<&'static resolver::Owner> {
        let mut owners = resolver::OWNERS.iter();
        Some(owners.find(|owner| owner.name == name).unwrap())
    }

    fn filled(wanted: &Wanted<'_>, parts: Parts) -> Plan {
        let mut plan = Plan::default();
        plan.fill(wanted, parts);
        plan
    }

    #[test]
    fn the_hash_goes_into_its_file_and_both_are_masked() {
        let system = System::of(&FORMAT);
        let new = |place| NewPassword::new(b"$6$a$b", Some(1), place).unwrap();
        assert_eq!(
            plan("", &system, Some(&new(Place::Shadow)), "root:*:\n"),
            [
                "password etc/shadow if-there dash masked root:$6$a$b:1::::::\n",
                "password etc/passwd if-there dash masked root:x:::::\n"
            ]
        );
        assert_eq!(
            plan("", &system, Some(&new(Place::Passwd)), "root:*:\n"),
            ["password etc/passwd if-there dash masked root:$6$a$b:::::\n"]
        );
    }

    #[test]
    fn what_a_cut_took_is_there_again_and_masked() {
        let mut system = System::of(&FORMAT);
        assert!(system.cut.push(Path::from(c"etc/shadow")).is_ok());
        assert_eq!(
            plan("", &system, None, "root:*:\n"),
            ["- etc/shadow masked root:*:\n"]
        );
    }

    #[test]
    fn the_name_goes_into_the_hosts_file_and_every_place() {
        let mut system = System::of(&FORMAT);
        assert!(system.host_name_places.push(&hostname::PLAIN).is_ok());
        assert!(system.host_name_places.push(&hostname::OTHERS[2]).is_ok());
        let old = OldName::from_slice(b"::1").unwrap();
        assert!(system.old_names.push(old).is_ok());
        assert_eq!(
            plan("hostname=new", &system, None, "::1 a"),
            [
                "hostname etc/hosts if-there new a",
                "hostname etc/hostname new\n",
                "hostname etc/conf.d/hostname ::1 a\nhostname=\"new\"\n"
            ]
        );
    }

    #[test]
    fn a_network_takes_the_place_of_older_files_unless_one_is_in_the_way() {
        let mut system = System::of(&FORMAT);
        for (path, action) in [
            (c"etc/net", Action::Remove),
            (c"etc/old", Action::Remove),
            (c"etc/net", Action::Write(Write::new(|_, _, _, _| {}))),
        ] {
            assert!(system.older.push(with(path, action)).is_ok());
        }
        let net = "network etc/net ";
        let kept = "network etc/osconf/network ";
        let gone = "network etc/old removed";
        assert_eq!(plan(NET, &system, None, ""), [net, kept, gone, net]);
        assert!(system.older.push(with(c"etc/x", Action::Leave)).is_ok());
        assert_eq!(plan(NET, &system, None, ""), [net, kept]);
        let last = System::of(crate::network::last());
        assert_eq!(plan(NET, &last, None, "").len(), 1);
        let other = System::of(crate::network::by_name(b"eni").unwrap());
        let removed = std::format!("{}removed", kept);
        assert_eq!(plan(NET, &other, None, "").last(), Some(&removed));
    }

    #[test]
    fn too_many_changes_are_no_plan() {
        let conf = parse(NET.as_bytes(), &mut Findings::default());
        let change = written(Part::Network, c"etc/x");
        for (count, is_too_many) in [(CHANGES - 2, false), (CHANGES - 1, true)] {
            let system = System::of(&FORMAT);
            let wanted = Wanted {
                conf: &conf,
                system: &system,
                password: None,
                back: &std::vec![change.clone(); count],
            };
            let plan = filled(&wanted, parts(&wanted));
            assert_eq!(plan.overflowed(), is_too_many, "{count}");
        }
        let mut system = System::of(&FORMAT);
        system.overflowed = true;
        let wanted = Wanted {
            conf: &conf,
            system: &system,
            password: None,
            back: &[],
        };
        assert!(filled(&wanted, parts(&wanted)).overflowed());
    }

    #[test]
    fn name_servers_go_to_who_makes_the_file_or_into_it() {
        let mut system = System::of(&FORMAT);
        let direct = "dns etc/resolv.conf nameserver 7.7.7.7\n";
        let open = "dns etc/resolvconf.conf if-there name_servers=\"7.7.7.7\"\n";
        assert_eq!(plan(DNS, &system, None, ""), [direct, open]);
        system.resolver = resolver("netconfig");
        let told = "dns etc/sysconfig/network/config NETCONFIG_DNS_STATIC_SERVERS=\"7.7.7.7\"\n";
        assert_eq!(plan(DNS, &system, None, ""), [told]);
        system.resolver = resolver("resolved");
        let own = "dns etc/systemd/resolved.conf.d/osconf.conf # osconf: from os.conf, written anew with each\n[Resolve]\nDNS=7.7.7.7\n";
        assert_eq!(plan(DNS, &system, None, ""), [own]);
        // This one is fed by the network system, where there is a network.
        let both = std::format!("{NET}{DNS}");
        let net = "network etc/net ";
        let kept = "network etc/osconf/network ";
        assert_eq!(plan(&both, &system, None, ""), [net, kept, "dns etc/net "]);
        system.resolver = resolver("netconfig");
        assert_eq!(
            plan(&both, &system, None, ""),
            [net, kept, "dns etc/net ", told]
        );
    }

    #[test]
    fn an_edit_without_its_wish_changes_nothing() {
        let conf = parse(b"", &mut Findings::default());
        let system = System::of(&FORMAT);
        let wanted = Wanted {
            conf: &conf,
            system: &system,
            password: None,
            back: &[],
        };
        for edit in [edit_hosts, edit_host_name, resolver::edit] {
            let mut bytes = [0; 8];
            let mut out = Buf::new(&mut bytes);
            edit(&mut out, b"old", &wanted, 0);
            assert_eq!(out.as_bytes(), b"old");
        }
    }
}
