//! `/etc/resolv.conf` (resolv.conf(5)), and the programs that make it anew at each
//! boot, which must be told instead.

use crate::change::{Edit, Wanted};
use crate::text::assignments::{self, Value, end_line};
use crate::text::lines::lines;
use crate::text::{Buf, contains, put};
use crate::value::Ipv4;
use core::ffi::CStr;

/// A program that makes `/etc/resolv.conf`, which then is a link to its own file.
pub struct Owner {
    /// Its name.
    pub name: &'static str,
    /// What the path of its file has in it.
    sign: &'static [u8],
    /// Where it takes name servers from that belong to no interface; none, if they
    /// always belong to one.
    pub direct: Option<Direct>,
}

/// A file in which a program is told the name servers.
pub struct Direct {
    /// The file, below the root.
    pub path: &'static CStr,
    /// What writes them there.
    pub edit: Edit,
}

/// Every program that is known to do so.
pub static OWNERS: [Owner; 6] = [
    Owner {
        name: "resolved",
        // /run/systemd/resolve/…, or /usr/lib/systemd/resolv.conf, which names it.
        sign: b"systemd/resolv",
        direct: Some(Direct {
            path: c"etc/systemd/resolved.conf.d/osconf.conf",
            edit: edit_resolved,
        }),
    },
    Owner {
        // Debian's: its own file is /run/resolvconf/resolv.conf.
        name: "resolvconf",
        sign: b"resolvconf/",
        direct: Some(Direct {
            path: c"etc/resolvconf/resolv.conf.d/base",
            edit,
        }),
    },
    Owner {
        // SUSE's: /run/netconfig/resolv.conf.
        name: "netconfig",
        sign: b"netconfig/",
        direct: Some(NETCONFIG),
    },
    Owner {
        name: "NetworkManager",
        sign: b"NetworkManager/",
        direct: None,
    },
    Owner {
        name: "connman",
        sign: b"connman/",
        direct: None,
    },
    Owner {
        // OpenWrt's: /tmp/resolv.conf, and /tmp/resolv.conf.d/resolv.conf.auto.
        name: "netifd",
        sign: b"tmp/resolv.conf",
        direct: None,
    },
];

/// SUSE's netconfig(8) is told these by nobody else, as they belong to no lease.
pub const NETCONFIG: Direct = Direct {
    path: c"etc/sysconfig/network/config",
    edit: |out, old, wanted, _| edit_key(out, old, wanted, "NETCONFIG_DNS_STATIC_SERVERS"),
};

/// openresolv writes the file itself, where it stands (resolvconf.conf(5)).
pub const OPENRESOLV: Direct = Direct {
    path: c"etc/resolvconf.conf",
    edit: |out, old, wanted, _| edit_key(out, old, wanted, "name_servers"),
};

/// The program that makes the file at `path`.
#[must_use]
pub fn owner_of(path: &[u8]) -> Option<&'static Owner> {
    OWNERS.iter().find(|owner| contains(path, owner.sign))
}

/// Drop-in files are read after the main one, and the servers of all are asked
/// (resolved.conf(5)).
fn edit_resolved(out: &mut Buf<'_>, old: &[u8], wanted: &Wanted<'_>, _: u8) {
    let Some(servers) = wanted.conf.name_servers.value() else {
        return out.push(old);
    };
    put!(
        out,
        "# osconf: from os.conf, written anew with each\n[Resolve]\nDNS="
    );
    assignments::list(out, servers, b" ");
    put!(out, "\n");
}

fn edit_key(out: &mut Buf<'_>, old: &[u8], wanted: &Wanted<'_>, key: &str) {
    match wanted.conf.name_servers.value() {
        Some(servers) => assignments::set(out, old, &[(key, Value::Addresses(servers))], &[]),
        None => out.push(old),
    }
}

/// Writes the name servers that are wanted into a file of this syntax.
pub fn edit(out: &mut Buf<'_>, old: &[u8], wanted: &Wanted<'_>, _: u8) {
    match wanted.conf.name_servers.value() {
        Some(servers) => edit_servers(out, old, servers),
        None => out.push(old),
    }
}

/// Writes `old` with its `nameserver` lines replaced, where the first one stood,
/// or at the end. All other lines stay.
fn edit_servers(out: &mut Buf<'_>, old: &[u8], servers: &[Ipv4]) {
    let mut written = false;
    for line in lines(old) {
        if !is_name_server(line.text) {
            out.push(line.text);
            out.push(line.end);
        } else if !written {
            write(out, servers);
            written = true;
        }
    }
    if !written {
        end_line(out);
        write(out, servers);
    }
}

/// glibc and musl know a keyword at the very start of a line only.
fn is_name_server(line: &[u8]) -> bool {
    matches!(
        line.strip_prefix(b"nameserver"),
        Some([b' ' | b'\t', ..] | [])
    )
}

fn write(out: &mut Buf<'_>, servers: &[Ipv4]) {
    for server in servers {
        put!(out, "nameserver {}\n", *server);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_makes_the_file_is_known_by_where_it_leads() {
        for (path, owner) in [
            ("/run/systemd/resolve/stub-resolv.conf", Some("resolved")),
            ("usr/lib/systemd/resolv.conf", Some("resolved")),
            ("../run/systemd/resolve/resolv.conf", Some("resolved")),
            ("/run/resolvconf/resolv.conf", Some("resolvconf")),
            ("/run/NetworkManager/resolv.conf", Some("NetworkManager")),
            ("/tmp/resolv.conf", Some("netifd")),
            ("etc/resolv.conf", None),
            ("", None),
        ] {
            let found = owner_of(path.as_bytes());
            assert_eq!(found.map(|owner| owner.name), owner, "{path}");
        }
    }

    #[test]
    fn name_servers_are_replaced_and_other_lines_stay() {
        let servers = [b"7.7.7.7", b"8.8.8.8"].map(|text| Ipv4::parse(text).unwrap());
        let ours = "nameserver 7.7.7.7\nnameserver 8.8.8.8\n";
        for (old, new) in [
            ("", "{}"),
            ("search a", "search a\n{}"),
            ("nameserver 1.1.1.1", "{}"),
            (
                "# x\nnameserver 1.1.1.1\noptions y\nnameserver\t::1\r\n",
                "# x\n{}options y\n",
            ),
            (
                "#nameserver 1.1.1.1\n nameserver 1.1.1.1\n",
                "#nameserver 1.1.1.1\n nameserver 1.1.1.1\n{}",
            ),
        ] {
            let new = new.replace("{}", ours);
            for old in [old, &new] {
                let mut bytes = [0; 256];
                let mut out = Buf::new(&mut bytes);
                edit_servers(&mut out, old.as_bytes(), &servers);
                assert_eq!(out.as_bytes(), new.as_bytes(), "{old}");
            }
        }
    }
}
