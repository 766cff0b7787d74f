//! `/etc/netctl/PROFILE`, which a unit of systemd starts (netctl.profile(5)), and
//! what `netctl enable` makes for it (unit_enable in netctl's src/netctl.in, the
//! same from 1.24 to 1.29): a link, and a drop-in that waits for the interface.
//!
//! Routes= and Gateway= become `ip route add`, and when one of these fails, the
//! interface is taken down again (ip_set in src/lib/ip): for example if the same
//! destination leaves through another NIC, too. IPCustom= is handed to ip(8) as it
//! is, so the routes stand there, to be appended.
//!
//! There is no DNS=, which needs a resolvconf(8): if that fails, the interface is
//! taken down as well. Without it netctl leaves `/etc/resolv.conf` alone.
//!
//! A profile starts only on an interface that is down. So the other profiles of
//! our NICs are disabled, and the service that starts one when a cable is there
//! (netctl.special(7)). A profile's name ends in no `.service`, `.conf` or
//! `.action`, and ours needs no escaping in a unit's name.

use super::template::{Routes, fill, routes};
use super::{Format, Found, Look, MARK, add_file, is_ours, nic_of};
use crate::change::{Action, Change, Link, Wanted, Write};
use crate::conf::Network;
use crate::system::System;
use crate::text::{Buf, assignments, put};

pub(super) const FORMAT: Format = Format {
    looks: &[Look {
        folder: c"etc/netctl",
        prefixes: &[b""],
        suffix: b"",
        judge,
    }],
    ..Format::new("netctl", plan)
};

fn judge(found: &Found<'_>, network: &Network, system: &System, add: &mut dyn FnMut(Change)) {
    let is_ours = is_ours(found.content);
    let interface = assignments::get(found.content, "Interface").unwrap_or_default();
    if is_ours {
        add(found.removed());
    }
    if is_ours || system.nic_named(network, interface).is_some() {
        enable(add, found.name, Action::Remove, Action::Remove);
    }
}

fn plan(network: &Network, system: &System, add: &mut dyn FnMut(Change)) {
    for nic in &network.nics {
        let label = nic.label;
        let write = |edit| Action::Write(Write::of_nic(edit, label));
        let mut bytes = [0; 16];
        let mut profile = Buf::new(&mut bytes);
        put!(profile, "osconf_eth{}", label);
        let profile = profile.as_bytes();
        add_file(add, &[b"etc/netctl/", profile], write(edit_profile));
        let text = |out: &mut Buf<'_>, _: &[u8], _: &Wanted<'_>, _| {
            out.push(b"/usr/lib/systemd/system/netctl@.service");
        };
        enable(
            add,
            profile,
            Action::Link(Link { text, label }),
            write(edit_unit),
        );
        let mut bytes = [0; 64];
        let mut device = Buf::new(&mut bytes);
        escape(&mut device, system.name_of(nic).as_bytes());
        let device = device.as_bytes();
        let wanted = b".device.wants/netctl-ifplugd@";
        add_file(
            add,
            &[UNITS, DEVICES, device, wanted, device, b".service"],
            Action::Remove,
        );
    }
}

const UNITS: &[u8] = b"etc/systemd/system/";
const DEVICES: &[u8] = b"sys-subsystem-net-devices-";

/// Does this with what makes systemd start a profile: the link, and the drop-in.
fn enable(add: &mut dyn FnMut(Change), profile: &[u8], link: Action, drop_in: Action) {
    let mut bytes = [0; 128];
    let mut name = Buf::new(&mut bytes);
    escape(&mut name, profile);
    // A longer name was not enabled by netctl, either: a unit's has 255 bytes.
    if !name.overflowed() {
        let unit = name.as_bytes();
        let wanted = b"multi-user.target.wants/netctl@";
        add_file(add, &[UNITS, wanted, unit, b".service"], link);
        let folder = b".service.d/profile.conf";
        add_file(add, &[UNITS, b"netctl@", unit, folder], drop_in);
    }
}

/// As in a unit's name (systemd.unit(5), string escaping).
fn escape(out: &mut Buf<'_>, name: &[u8]) {
    for &byte in name {
        match byte {
            b':' | b'_' | b'.' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => out.push(&[byte]),
            _ => put!(out, "\\x{:x}", byte),
        }
    }
}

fn edit_profile(out: &mut Buf<'_>, _: &[u8], wanted: &Wanted<'_>, label: u8) {
    let Some((network, nic)) = nic_of(wanted, label) else {
        return;
    };
    out.push(MARK);
    fill(out, PROFILE, wanted.system, nic);
    let address = if nic.is_by_dhcp() { DHCP } else { FIXED };
    fill(out, address, wanted.system, nic);
    routes(out, &ROUTES, wanted.system, network, nic);
    out.push(b")\n");
}

/// An address needs no carrier, and a NIC that gets it late has one then.
const PROFILE: &str = "\nInterface=%n\nConnection=ethernet\nSkipNoCarrier=yes\n";
const FIXED: &str = "IP=static\nAddress=('%i')\nIPCustom=(\n";
const DHCP: &str = "IP=dhcp\nIPCustom=(\n";

const ROUTES: Routes = Routes {
    direct: "  'route append %g dev %n'\n",
    default: "  'route append default via %g dev %n'\n",
    other: "  'route append %d via %g dev %n'\n",
};

fn edit_unit(out: &mut Buf<'_>, _: &[u8], wanted: &Wanted<'_>, label: u8) {
    let Some((_, nic)) = nic_of(wanted, label) else {
        return;
    };
    out.push(MARK);
    out.push(b"\n[Unit]\n");
    for key in [&b"BindsTo="[..], b"After="] {
        out.push(key);
        out.push(DEVICES);
        escape(out, wanted.system.name_of(nic).as_bytes());
        out.push(b".device\n");
    }
}
