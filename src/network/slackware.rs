//! `/etc/rc.d/rc.inet1.conf` of Slackware, which rc.inet1 sources, and routes in
//! `/etc/rc.d/rc.local` (rc.inet1.conf(5); network-scripts of 13.0 to 15.0).
//!
//! The file is bash, so a block of ours at its end has the last word, and what is
//! above it comes back with a NIC that os.conf no longer names. A NIC has the slot
//! that rc.inet1 would find it in. 15.0 has `IPADDRS`; it reads the `IPADDR` of
//! before as well, but not where IPv6 configures itself.
//!
//! There is one gateway for all, added without a device, so one outside the subnet
//! cannot stand there, and no key for other routes. rc.M runs rc.local last; 14.2
//! sources it, so nothing in it may exit.

use super::template::{Routes, fill, hop_by};
use super::{Format, add_file};
use crate::change::{Action, Change, Wanted, Write};
use crate::conf::{Network, Nic};
use crate::limits::NICS;
use crate::system::System;
use crate::text::assignments::{end_line, get_bytes};
use crate::text::lines::{lines, words};
use crate::text::{Buf, block, contains, put};
use crate::value::ipv4::decimal;

pub(super) const FORMAT: Format = Format::new("slackware", plan);

fn plan(network: &Network, _: &System, add: &mut dyn FnMut(Change)) {
    let routes = Write {
        mode: 0o755,
        // A block that is there from an earlier os.conf goes.
        only_if_there: !has_routes(network),
        ..Write::new(edit_routes)
    };
    let conf = Action::Write(Write::new(edit));
    add_file(add, &[b"etc/rc.d/rc.inet1.conf"], conf);
    add_file(add, &[b"etc/rc.d/rc.local"], Action::Write(routes));
}

/// Whether there is anything for rc.local.
fn has_routes(network: &Network) -> bool {
    let mut nics = network.nics.iter();
    nics.any(|nic| network.hops(nic).any(|hop| !hop.is_near_default(nic)))
}

/// Slots that are looked at: those of the NICs, and as many of others.
const SLOTS: usize = 4 * NICS;

/// How many slots rc.inet1 looks at, if MAXNICS does not say otherwise.
const MAXNICS: u32 = 6;

/// Keys of a slot that is in use.
static USED: [&str; 7] = [
    "IFNAME",
    "IPADDR",
    "IPADDRS",
    "USE_DHCP",
    "IP6ADDRS",
    "USE_DHCP6",
    "USE_SLAAC",
];

fn edit(out: &mut Buf<'_>, old: &[u8], wanted: &Wanted<'_>, _: u8) {
    let Some(network) = wanted.conf.network.value() else {
        return out.push(old);
    };
    let file = File {
        text: old,
        network,
        system: wanted.system,
    };
    block::pieces(old, &mut |piece, is_ours| {
        if !is_ours {
            out.push(piece);
        }
    });
    block::begin(out);
    file.write(out);
    block::end(out);
}

/// The old file.
struct File<'a> {
    text: &'a [u8],
    network: &'a Network,
    system: &'a System,
}

impl File<'_> {
    /// The value that `key` has outside of our block.
    #[inline(never)]
    fn get(&self, key: &[u8]) -> &[u8] {
        let mut value = None;
        block::pieces(self.text, &mut |piece, is_ours| {
            if !is_ours {
                value = get_bytes(piece, key).or(value);
            }
        });
        value.unwrap_or_default()
    }

    /// The same in a slot.
    fn get_in(&self, key: &str, slot: usize) -> &[u8] {
        let mut bytes = [0; 24];
        let mut name = Buf::new(&mut bytes);
        put!(name, "{}[{}]", key, slot);
        self.get(name.as_bytes())
    }

    /// Whether a slot is that of the interface `name`.
    fn is_of(&self, slot: usize, name: &[u8]) -> bool {
        let given = self.get_in("IFNAME", slot);
        name == given || given.is_empty() && is_default(slot, name)
    }

    fn is_free(&self, slot: usize) -> bool {
        let mut nics = self.network.nics.iter();
        USED.iter().all(|key| self.get_in(key, slot).is_empty())
            && !nics.any(|nic| is_default(slot, self.system.name_of(nic).as_bytes()))
    }

    fn slot_of(&self, nic: &Nic) -> Option<usize> {
        let name = self.system.name_of(nic).as_bytes();
        (0..SLOTS).find(|slot| self.is_of(*slot, name))
    }

    fn write(&self, out: &mut Buf<'_>) {
        let is_new = contains(self.text, b"IPADDRS[");
        let mut free = (0..SLOTS).filter(|slot| self.is_free(*slot));
        let mut slots = 0;
        for nic in &self.network.nics {
            // Cannot fail: a file in which all are taken has more than rc.inet1
            // was ever meant for.
            let Some(slot) = self.slot_of(nic).or_else(|| free.next()) else {
                continue;
            };
            slots = slots.max(slot + 1);
            let rows: &[(&str, &str)] = if is_new { &NEW } else { &OLD };
            for (key, value) in rows {
                put!(out, "{}[{}]=\"", key, slot);
                fill(out, value, self.system, nic);
                put!(out, "\"\n");
            }
        }
        for slot in 0..SLOTS {
            self.leave(out, "BRNICS", slot);
            self.leave(out, "BONDNICS", slot);
        }
        if let Some(route) = self.network.default_route {
            put!(out, "GATEWAY=\"");
            let mut nics = self.network.nics.iter();
            if nics.any(|nic| nic.label == route.label && !nic.is_off_subnet(route.gateway)) {
                put!(out, "{}", route.gateway);
            }
            put!(out, "\"\n");
        }
        let most = decimal(self.get(b"MAXNICS")).unwrap_or(MAXNICS);
        if slots > most as usize {
            put!(out, "MAXNICS=\"{}\"\n", slots);
        }
    }

    /// Takes our NICs out of a bridge or bond.
    fn leave(&self, out: &mut Buf<'_>, key: &str, slot: usize) {
        let is_ours = |name: &&[u8]| self.system.nic_named(self.network, name).is_some();
        let names = self.get_in(key, slot);
        if words(names).any(|name| is_ours(&name)) {
            put!(out, "{}[{}]=\"", key, slot);
            let mut separator: &[u8] = b"";
            for name in words(names).filter(|name| !is_ours(name)) {
                out.push(separator);
                out.push(name);
                separator = b" ";
            }
            put!(out, "\"\n");
        }
    }
}

/// Whether a slot is that of the interface `name`, unless it says otherwise.
fn is_default(slot: usize, name: &[u8]) -> bool {
    let number = name.strip_prefix(b"eth").and_then(decimal);
    number == u32::try_from(slot).ok()
}

/// What a slot has in 15.0. HWADDR would change the MAC address.
static NEW: [(&str, &str); 7] = [
    ("IFNAME", "%n"),
    ("IPADDRS", "%i"),
    ("IPADDR", ""),
    ("NETMASK", ""),
    ("IPALIASES", ""),
    ("USE_DHCP", "%y"),
    ("HWADDR", ""),
];

/// The same before.
static OLD: [(&str, &str); 6] = [
    ("IFNAME", "%n"),
    ("IPADDR", "%a"),
    ("NETMASK", "%m"),
    ("IPALIASES", ""),
    ("USE_DHCP", "%y"),
    ("HWADDR", ""),
];

/// Puts the routes first, whatever else is done then.
fn edit_routes(out: &mut Buf<'_>, old: &[u8], wanted: &Wanted<'_>, _: u8) {
    let Some(network) = wanted.conf.network.value() else {
        return out.push(old);
    };
    let mut is_first = true;
    let old = if old.is_empty() { b"#!/bin/sh\n" } else { old };
    block::pieces(old, &mut |piece, is_ours| {
        if is_ours {
            return;
        }
        let mut rest = piece;
        if is_first {
            is_first = false;
            let line = lines(piece).next();
            let line = line.filter(|line| line.text.starts_with(b"#!"));
            let len = line.map_or(0, |line| line.text.len() + line.end.len());
            let (head, after) = piece.split_at_checked(len).unwrap_or_default();
            out.push(head);
            if has_routes(network) {
                end_line(out);
                write_routes(out, network, wanted.system);
            }
            rest = after;
        }
        out.push(rest);
    });
}

fn write_routes(out: &mut Buf<'_>, network: &Network, system: &System) {
    out.push(block::BEGIN);
    out.push(b"\n");
    for nic in &network.nics {
        for hop in network.hops(nic).filter(|hop| !hop.is_near_default(nic)) {
            hop_by(out, &ROUTES, system, nic, hop);
        }
    }
    block::end(out);
}

const ROUTES: Routes = Routes {
    direct: "/sbin/ip route replace %d dev %n\n",
    default: "/sbin/ip route replace default via %g dev %n\n",
    other: "/sbin/ip route replace %d via %g dev %n\n",
};
