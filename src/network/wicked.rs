//! `ifcfg-NAME` and `ifroute-NAME` of SUSE, which wicked reads (ifcfg(5),
//! ifroute(5)).
//!
//! All goes by the interface's name: LLADDR would change the MAC address. A route
//! file has the columns destination, gateway, netmask, interface and options, of
//! which a hyphen leaves one empty; a route without a gateway is on the link, and
//! they are added in the order of the file (`__ni_netdev_update_routes` of
//! wicked's src/ifconfig.c), so that a gateway outside the subnet comes first.

use super::ifcfg::KEYS_OF_ADDRESS;
use super::template::{Routes, routes};
use super::{Dns, Format, Found, Look, MARK, add_file, address_of, fill_empty, is_ours, nic_of};
use crate::change::{Action, Change, Wanted, Write};
use crate::conf::Network;
use crate::part::Part;
use crate::resolver::NETCONFIG;
use crate::system::System;
use crate::text::Buf;
use crate::text::assignments::{self, Value};
use crate::text::lines::{lines, words};
use crate::value::Path;

pub(super) const FORMAT: Format = Format {
    looks: &[Look {
        folder: c"etc/sysconfig/network",
        prefixes: &[b"ifcfg-", b"ifroute-"],
        suffix: b"",
        judge,
    }],
    dns: Some(Dns {
        plan: plan_dns,
        feeds: &["netconfig"],
    }),
    ..Format::new("wicked", plan)
};

const FOLDER: &[u8] = b"etc/sysconfig/network/";

/// A file that gives another interface the MAC address of one of our NICs is one
/// about that NIC under an older name, or a bridge in its place.
fn judge(found: &Found<'_>, network: &Network, _: &System, add: &mut dyn FnMut(Change)) {
    let mac = assignments::get(found.content, "LLADDR");
    let is_about_ours = mac.is_some_and(|mac| network.with_mac(mac).is_some());
    if is_about_ours || is_ours(found.content) {
        add(found.removed());
    }
}

fn plan(network: &Network, system: &System, add: &mut dyn FnMut(Change)) {
    for nic in &network.nics {
        let name = system.name_of(nic).as_bytes();
        let write = Write::of_nic(edit_ifcfg, nic.label);
        add_file(add, &[FOLDER, b"ifcfg-", name], Action::Write(write));
        let write = Write {
            only_if_there: network.hops(nic).next().is_none(),
            ..Write::of_nic(edit_ifroute, nic.label)
        };
        add_file(add, &[FOLDER, b"ifroute-", name], Action::Write(write));
    }
    let write = Write {
        only_if_there: true,
        ..Write::new(edit_routes)
    };
    add_file(add, &[FOLDER, b"routes"], Action::Write(write));
}

fn plan_dns(_: &Network, _: &System, add: &mut dyn FnMut(Change)) {
    add(Change {
        part: Some(Part::Dns),
        path: Path::from(NETCONFIG.path),
        action: Action::Write(Write::new(NETCONFIG.edit)),
    });
}

fn edit_ifcfg(out: &mut Buf<'_>, old: &[u8], wanted: &Wanted<'_>, label: u8) {
    let Some((_, nic)) = nic_of(wanted, label) else {
        return out.push(old);
    };
    if !is_ours(old) {
        out.push(MARK);
        out.push(b"\n");
    }
    let [protocol, address, mask] = address_of(nic, KEYS_OF_ADDRESS, b"static");
    let settings = [("STARTMODE", Value::Word(b"auto")), protocol, address, mask];
    assignments::set(out, old, &settings, &CONTRARY);
}

/// Keys that would say something else about the same things, or make another
/// kind of device of the NIC (compat-suse.c). Every key that begins with IPADDR is
/// a further address, and what goes with it has the same end.
static CONTRARY: [&str; 15] = [
    "IPADDR*",
    "NETMASK*",
    "PREFIXLEN*",
    "BROADCAST*",
    "REMOTE_IPADDR*",
    "SCOPE*",
    "LABEL*",
    "LLADDR",
    "BONDING_*",
    "BRIDGE*",
    "TEAM_*",
    "ETHERDEVICE",
    "INTERFACETYPE",
    "TUNNEL*",
    "VLAN*",
];

/// The whole file is about this NIC's routes, so all of it is ours except for
/// IPv6, which is not in os.conf.
fn edit_ifroute(out: &mut Buf<'_>, old: &[u8], wanted: &Wanted<'_>, label: u8) {
    let Some((network, nic)) = nic_of(wanted, label) else {
        return out.push(old);
    };
    out.push(MARK);
    out.push(b"\n");
    for line in lines(old) {
        if is_ipv6(line.text) {
            out.push(line.text);
            out.push(line.end);
            assignments::end_line(out);
        }
    }
    routes(out, &ROUTES, wanted.system, network, nic);
}

const ROUTES: Routes = Routes {
    direct: "%d - - %n\n",
    default: "default %g - %n\n",
    other: "%d %g - %n\n",
};

fn is_ipv6(line: &[u8]) -> bool {
    let mut columns = words(line).take(2);
    columns.any(|column| column.contains(&b':')) && !line.starts_with(b"#")
}

/// The routes of all interfaces: those by our NICs give way, and so does a default
/// route, whoever has it, since there can be one only.
fn edit_routes(out: &mut Buf<'_>, old: &[u8], wanted: &Wanted<'_>, _: u8) {
    let Some(network) = wanted.conf.network.value() else {
        return out.push(old);
    };
    for line in lines(old) {
        let mut columns = words(line.text);
        let destination = columns.next().unwrap_or_default();
        let is_default = destination == b"default" || destination.starts_with(b"0.0.0.0");
        let interface = columns.nth(2).unwrap_or_default();
        let gives_way = is_default && network.default_route.is_some()
            || wanted.system.nic_named(network, interface).is_some();
        if !gives_way || is_ipv6(line.text) || destination.starts_with(b"#") {
            out.push(line.text);
            out.push(line.end);
        }
    }
    fill_empty(out, old);
}
