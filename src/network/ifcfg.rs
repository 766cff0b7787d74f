//! `ifcfg-NAME` and `route-NAME` of RHEL, CentOS, Anolis, openEuler and Alibaba
//! Cloud Linux (sysconfig.txt of initscripts; nm-settings-ifcfg-rh(5)).
//!
//! HWADDR names the NIC that is meant; MACADDR would change it. The default
//! route is GATEWAY of its NIC, and DEFROUTE tells the other NICs to have none.
//!
//! A gateway outside the subnet stands twice, since each of the two readers takes
//! it from another place: ifup-eth compares GATEWAY with the subnet and passes
//! over it, then ifup-routes adds what is in the route file; NetworkManager makes
//! the way to such a GATEWAY itself, and passes over default routes in the route
//! file (`parse_route_line` of nms-ifcfg-rh-reader.c).

use super::template::{Routes, hop_by};
use super::{Dns, Format, Found, Look, MARK, add_file, address_of, is_ours, keyfile, nic_of};
use crate::change::{Action, Change, Wanted, Write};
use crate::conf::Network;
use crate::limits::NAME_SERVERS;
use crate::system::System;
use crate::text::Buf;
use crate::text::assignments::{self, Value};
use crate::text::split::split;
use crate::value::Ipv4;

pub(super) const FORMAT: Format = Format {
    looks: &[
        Look {
            folder: c"etc/sysconfig/network-scripts",
            prefixes: &[IFCFG, b"route-", RULE],
            suffix: b"",
            judge,
        },
        // NetworkManager reads both, and takes what was up last.
        keyfile::PROFILES,
    ],
    dns: Some(Dns {
        plan: plan_dns,
        feeds: &["NetworkManager"],
    }),
    ..Format::new("ifcfg", plan)
};

const FOLDER: &[u8] = b"etc/sysconfig/network-scripts/";
const IFCFG: &[u8] = b"ifcfg-";
const RULE: &[u8] = b"rule-";

/// Another file about one of our NICs, or about a further address of it, would be
/// read beside ours, and udev would rename the NIC by it (rename_device.c). Rules
/// that go with the old address keep NetworkManager from reading any route
/// (`utils_has_complex_routes`).
fn judge(found: &Found<'_>, network: &Network, system: &System, add: &mut dyn FnMut(Change)) {
    let is_named = |name: &[u8]| system.nic_named(network, name).is_some();
    let value = |key| assignments::get(found.content, key).unwrap_or_default();
    let is_about_ours = match found.name.strip_prefix(RULE) {
        Some(name) => is_named(name),
        None => {
            let device = split(value("DEVICE"), b':').next().unwrap_or_default();
            found.name.starts_with(IFCFG)
                && !UNREAD.iter().any(|end| found.name.ends_with(end))
                && (network.with_mac(value("HWADDR")).is_some() || is_named(device))
        }
    };
    if is_about_ours || is_ours(found.content) {
        add(found.removed());
    }
}

/// Ends of files that neither program reads, as somebody keeps older ones.
static UNREAD: [&[u8]; 3] = [b"~", b".bak", b".orig"];

fn plan(network: &Network, system: &System, add: &mut dyn FnMut(Change)) {
    for nic in &network.nics {
        let name = system.name_of(nic).as_bytes();
        let has_routes = network.hops(nic).any(|hop| !hop.is_near_default(nic));
        let write = |edit| Action::Write(Write::of_nic(edit, nic.label));
        let routes = if has_routes {
            write(edit_routes)
        } else {
            Action::Remove
        };
        add_file(add, &[FOLDER, IFCFG, name], write(edit_ifcfg));
        add_file(add, &[FOLDER, b"route-", name], routes);
    }
    let global = Action::Write(Write::new(edit_global));
    add_file(add, &[b"etc/sysconfig/network"], global);
}

/// NetworkManager makes `/etc/resolv.conf` of DNS1, DNS2 and so on of all its
/// connections, and ifup-post writes the first three into it.
fn plan_dns(network: &Network, system: &System, add: &mut dyn FnMut(Change)) {
    for nic in &network.nics {
        let name = system.name_of(nic).as_bytes();
        let write = Write {
            only_if_there: true,
            ..Write::of_nic(edit_dns, nic.label)
        };
        add_file(add, &[FOLDER, IFCFG, name], Action::Write(write));
    }
}

/// The outer NIC has the name servers, and the others have none.
fn edit_dns(out: &mut Buf<'_>, old: &[u8], wanted: &Wanted<'_>, label: u8) {
    let (Some((network, _)), Some(servers)) =
        (nic_of(wanted, label), wanted.conf.name_servers.value())
    else {
        return out.push(old);
    };
    let is_outer = network.outer().is_some_and(|outer| outer.label == label);
    let servers: &[Ipv4] = if is_outer { servers } else { &[] };
    let mut settings = KEYS.map(|key| (key, Value::Gone));
    for (setting, server) in settings.iter_mut().zip(servers) {
        setting.1 = Value::Address(*server);
    }
    assignments::set(out, old, &settings, &["DNS*"]);
}

/// More than either program takes (ten and three).
static KEYS: [&str; NAME_SERVERS] = [
    "DNS1", "DNS2", "DNS3", "DNS4", "DNS5", "DNS6", "DNS7", "DNS8",
];

fn edit_ifcfg(out: &mut Buf<'_>, old: &[u8], wanted: &Wanted<'_>, label: u8) {
    let Some((network, nic)) = nic_of(wanted, label) else {
        return out.push(old);
    };
    if !is_ours(old) {
        out.push(MARK);
        out.push(b"\n");
    }
    let default = network.default_gateway_of(nic);
    let is_default = match network.default_route {
        Some(_) => default.is_some(),
        None => nic.is_by_dhcp(),
    };
    let [protocol, address, mask] = address_of(nic, KEYS_OF_ADDRESS, b"none");
    let settings = [
        ("DEVICE", Value::Word(wanted.system.name_of(nic).as_bytes())),
        ("HWADDR", nic.mac.map_or(Value::Gone, Value::Mac)),
        ("ONBOOT", Value::Word(b"yes")),
        protocol,
        address,
        mask,
        (
            "DEFROUTE",
            Value::Word(if is_default { b"yes" } else { b"no" }),
        ),
        ("GATEWAY", default.map_or(Value::Gone, Value::Address)),
    ];
    assignments::set(out, old, &settings, &CONTRARY);
}

/// How a NIC gets its address, which, and its mask.
pub(super) const KEYS_OF_ADDRESS: [&str; 3] = ["BOOTPROTO", "IPADDR", "NETMASK"];

/// Keys that would say something else about the same things, or make another
/// device of the NIC. NETWORK would be compared with the gateway (ifup-eth).
static CONTRARY: [&str; 14] = [
    "IPADDR*",
    "NETMASK*",
    "PREFIX*",
    "BROADCAST*",
    "GATEWAY*",
    "NETWORK",
    "IPV4_ROUTE_TABLE",
    "NOROUTESET",
    "MACADDR",
    "BRIDGE*",
    "MASTER*",
    "SLAVE",
    "TEAM_*",
    "DEVICETYPE",
];

/// The whole file is about this NIC's routes, so the whole file is ours.
fn edit_routes(out: &mut Buf<'_>, _: &[u8], wanted: &Wanted<'_>, label: u8) {
    let Some((network, nic)) = nic_of(wanted, label) else {
        return;
    };
    out.push(MARK);
    out.push(b"\n");
    for hop in network.hops(nic).filter(|hop| !hop.is_near_default(nic)) {
        hop_by(out, &ROUTES, wanted.system, nic, hop);
    }
}

const ROUTES: Routes = Routes {
    direct: "%d dev %n\n",
    // A prefix of length 0 is misread by some readers.
    default: "default via %g dev %n\n",
    other: "%d via %g dev %n\n",
};

/// The settings for all NICs. The init script does nothing without this file, or
/// with NETWORKING=no; a GATEWAY in it would be a second default route.
fn edit_global(out: &mut Buf<'_>, old: &[u8], wanted: &Wanted<'_>, _: u8) {
    let default = wanted
        .conf
        .network
        .value()
        .and_then(|network| network.default_route);
    let gone: &[&str] = match default {
        Some(_) => &["GATEWAY", "GATEWAYDEV"],
        None => &[],
    };
    assignments::set(out, old, &[("NETWORKING", Value::Word(b"yes"))], gone);
}
