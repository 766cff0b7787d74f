//! `/etc/network/interfaces`, in the words that Debian's ifupdown, ifupdown-ng,
//! ifupdown2 and BusyBox' ifup all understand.
//!
//! So there is `netmask`, since BusyBox has no `address A/P`, and no `hwaddress`,
//! on whose syntax they differ; a word that stands twice in a stanza, or an
//! interface twice in `auto`, makes BusyBox refuse the whole file
//! (networking/ifupdown.c); a comment begins a line (interfaces(5)).

use super::template::{Routes, fill, hop_by};
use super::{Format, Found, Look, add_file, fill_empty};
use crate::change::{Action, Change, Wanted, Write};
use crate::conf::{Network, Nic};
use crate::system::System;
use crate::text::lines::{before, lines, words};
use crate::text::split::split;
use crate::text::{Buf, block, put};

pub(super) const FORMAT: Format = Format {
    looks: &[SOURCED],
    ..Format::new("eni", plan)
};

/// The files that the main one names, in all distributions that have such.
pub(super) const SOURCED: Look = Look {
    folder: c"etc/network/interfaces.d",
    prefixes: &[b""],
    suffix: b"",
    judge,
};

fn plan(_: &Network, _: &System, add: &mut dyn FnMut(Change)) {
    let write = Action::Write(Write::new(edit));
    add_file(add, &[b"etc/network/interfaces"], write);
}

/// Takes our NICs out of a file that is about them.
pub(super) fn judge(
    found: &Found<'_>,
    network: &Network,
    system: &System,
    add: &mut dyn FnMut(Change),
) {
    let block = Block {
        network,
        system,
        has_loopback: true,
    };
    let mut rest = found.content;
    while !rest.is_empty() {
        let (line, after) = split_line(rest);
        rest = after;
        let mut names = words(line);
        let keyword = names.next().unwrap_or_default();
        if (keyword == b"iface" || takes_names(keyword)) && names.any(|name| block.is_ours(name)) {
            return add(found.edited(edit_away));
        }
    }
}

/// Whether names of interfaces follow this word, any number of them.
fn takes_names(keyword: &[u8]) -> bool {
    matches!(keyword, b"auto" | b"mapping") || keyword.starts_with(b"allow-")
}

/// Puts our block in its place, or at the end, and takes the NICs that it is
/// about out of all other stanzas.
fn edit(out: &mut Buf<'_>, old: &[u8], wanted: &Wanted<'_>, _: u8) {
    let Some(network) = wanted.conf.network.value() else {
        return out.push(old);
    };
    let block = Block {
        network,
        system: wanted.system,
        has_loopback: has_loopback(old),
    };
    let mut written = false;
    let mut stanza = Stanza::Kept;
    block::pieces(old, &mut |piece, is_ours| {
        if !is_ours {
            block.copy_all(out, piece, &mut stanza);
        } else if !written {
            block.write(out);
            written = true;
            stanza = Stanza::Kept;
        }
    });
    if !written {
        block.write(out);
    }
}

/// Where another network system has our NICs, they must be in no stanza: an ifup
/// that is run all the same would fight it.
pub(super) const AWAY: Look = Look {
    folder: c"etc/network",
    prefixes: &[b"interfaces"],
    suffix: b"",
    judge,
};

/// Takes our NICs out of all stanzas.
fn edit_away(out: &mut Buf<'_>, old: &[u8], wanted: &Wanted<'_>, _: u8) {
    let Some(network) = wanted.conf.network.value() else {
        return out.push(old);
    };
    let block = Block {
        network,
        system: wanted.system,
        has_loopback: true,
    };
    block.copy_all(out, old, &mut Stanza::Kept);
    fill_empty(out, old);
}

/// Further words that begin a stanza, or are one.
static STARTS: [&[u8]; 7] = [
    b"source",
    b"source-directory",
    b"source-dir",
    b"no-auto-down",
    b"no-scripts",
    b"template",
    b"rename",
];

/// Whether the lines that come belong to a stanza that gives way to ours.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stanza {
    Kept,
    Dropped,
}

/// Our part of the file.
struct Block<'a> {
    network: &'a Network,
    system: &'a System,
    has_loopback: bool,
}

impl Block<'_> {
    /// Whether this is one of our NICs, or a further address of one (`eth0:1`).
    fn is_ours(&self, interface: &[u8]) -> bool {
        let name = split(interface, b':').next().unwrap_or_default();
        self.system.nic_named(self.network, name).is_some()
    }

    /// Copies lines of somebody else's; one may begin in the middle of a stanza.
    fn copy_all(&self, out: &mut Buf<'_>, text: &[u8], stanza: &mut Stanza) {
        let mut rest = text;
        while !rest.is_empty() {
            let (line, after) = split_line(rest);
            rest = after;
            self.copy(out, line, stanza);
        }
    }

    /// Copies a line of somebody else's, unless it configures one of our NICs.
    fn copy(&self, out: &mut Buf<'_>, line: &[u8], stanza: &mut Stanza) {
        let mut parts = words(line);
        let first = parts.next().unwrap_or_default();
        match first {
            b"iface" => {
                let is_ours = parts.next().is_some_and(|name| self.is_ours(name));
                // IPv6 is not in os.conf, so it stays as it is.
                let is_ipv4 = parts.next() != Some(b"inet6");
                *stanza = if is_ours && is_ipv4 {
                    Stanza::Dropped
                } else {
                    Stanza::Kept
                };
            }
            _ if takes_names(first) => return self.copy_names(out, line, stanza),
            _ if STARTS.contains(&first) => *stanza = Stanza::Kept,
            _ => {}
        }
        let is_comment = first.is_empty() || first.starts_with(b"#");
        if *stanza == Stanza::Kept || is_comment {
            out.push(line);
        }
    }

    /// Copies `auto`, `allow-…` or `mapping` without our NICs.
    fn copy_names(&self, out: &mut Buf<'_>, line: &[u8], stanza: &mut Stanza) {
        *stanza = Stanza::Kept;
        let mut names = words(line);
        let keyword = names.next().unwrap_or_default();
        let (mut has_ours, mut has_others) = (false, false);
        for name in names.clone() {
            if self.is_ours(name) {
                has_ours = true;
            } else if name != b"\\" {
                has_others = true;
            }
        }
        if !has_ours {
            return out.push(line);
        }
        if !has_others {
            *stanza = Stanza::Dropped;
            return;
        }
        out.push(keyword);
        for name in names {
            if !self.is_ours(name) && name != b"\\" {
                out.push(b" ");
                out.push(name);
            }
        }
        out.push(b"\n");
    }

    fn write(&self, out: &mut Buf<'_>) {
        block::begin(out);
        if !self.has_loopback {
            put!(out, "auto lo\niface lo inet loopback\n\n");
        }
        for nic in &self.network.nics {
            self.write_nic(out, nic);
        }
        block::end(out);
    }

    fn write_nic(&self, out: &mut Buf<'_>, nic: &Nic) {
        let Self {
            network, system, ..
        } = self;
        let stanza = if nic.is_by_dhcp() { DHCP } else { STANZA };
        fill(out, stanza, system, nic);
        for hop in network.hops(nic) {
            if hop.is_near_default(nic) {
                hop_by(out, &NEAR, system, nic, hop);
                continue;
            }
            let words = if system.has_route_only { &ROUTE } else { &IP };
            hop_by(out, words, system, nic, hop);
            // A command that fails must not take the interface down again, and it
            // fails where the route is there already.
            fill(out, " dev %n || true\n", system, nic);
        }
        out.push(b"\n");
    }
}

const STANZA: &str = "auto %n\niface %n inet static\n\taddress %a\n\tnetmask %m\n";
const DHCP: &str = "auto %n\niface %n inet dhcp\n";

const NEAR: Routes = Routes {
    direct: "",
    default: "\tgateway %g\n",
    other: "",
};

const IP: Routes = Routes {
    direct: "\tup ip route add %d",
    default: "\tup ip route add default via %g",
    other: "\tup ip route add %d via %g",
};

/// The same in the words of route(8), for systems that have no `ip`.
const ROUTE: Routes = Routes {
    direct: "\tup route add -host %g",
    default: "\tup route add default gw %g",
    other: "\tup route add -net %t netmask %k gw %g",
};

/// The first line, with those that a backslash at its end joins to it.
fn split_line(text: &[u8]) -> (&[u8], &[u8]) {
    let mut lines = lines(text);
    while lines.next().is_some_and(|line| line.text.ends_with(b"\\")) {}
    (before(text, lines.rest), lines.rest)
}

/// Whether somebody else brings up the loopback interface, or may do so in a
/// file that this one names.
fn has_loopback(text: &[u8]) -> bool {
    let mut found = false;
    block::pieces(text, &mut |piece, is_ours| {
        found |= !is_ours
            && lines(piece).any(|line| {
                let mut parts = words(line.text);
                match parts.next() {
                    Some(b"iface") => parts.next() == Some(b"lo"),
                    Some(first) => first.starts_with(b"source"),
                    None => false,
                }
            });
    });
    found
}
