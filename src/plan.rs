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
    /// The plan that gives the root `parts` of what is wanted.
    #[must_use]
    pub fn new(wanted: &Wanted<'_>, parts: Parts) -> Self {
        let mut plan = Self::default();
        for change in wanted.back {
            plan.add(change.clone());
        }
        for path in &wanted.system.cut {
            let same = Write::new(|out, old, _, _| out.push(old));
            plan.write(
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
                Part::Password => plan.add_password(wanted),
                Part::HostName => plan.add_host_name(wanted),
                Part::Network => plan.add_network(wanted),
                Part::Dns => plan.add_name_servers(wanted),
            }
        }
        plan
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
