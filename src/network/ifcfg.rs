//! `ifcfg-NAME` and `route-NAME` of RHEL, CentOS, Anolis, openEuler and Alibaba
//! Cloud Linux (sysconfig.txt of initscripts; nm-settings-ifcfg-rh(5)).
//!
//! HWADDR names the NIC that is meant; MACADDR would change it. The default
//! route stands once, as GATEWAY of its NIC, and DEFROUTE tells the other NICs
//! to have none; a gateway that is outside the subnet cannot stand there
//! (ifup-eth compares), so its route goes into the route file.

use super::template::{Routes, hop_by};
use super::{Found, Look, MARK, Writer, add_file, is_ours, nic_of};
use crate::change::{Action, Change, Wanted, Write};
use crate::conf::{Hop, Network, Nic};
use crate::part::Part;
use crate::system::System;
use crate::text::Buf;
use crate::text::assignments::{self, Value};
use crate::value::Path;

pub(super) const WRITER: Writer = Writer {
    looks: &[Look {
        folder: c"etc/sysconfig/network-scripts",
        prefixes: &[b"ifcfg-", b"route-"],
        suffix: b"",
        judge,
    }],
    ..Writer::new(plan)
};

const FOLDER: &[u8] = b"etc/sysconfig/network-scripts/";

fn judge(found: &Found<'_>, _: &Network, _: &System, add: &mut dyn FnMut(Change)) {
    if is_ours(found.content) {
        add(found.removed());
    }
}

fn plan(network: &Network, system: &System, add: &mut dyn FnMut(Change)) {
    for nic in &network.nics {
        let name = system.name_of(nic).as_bytes();
        let has_routes = network.hops(nic).any(|hop| !is_gateway_line(nic, hop));
        let write = |edit| Action::Write(Write::of_nic(edit, nic.label));
        let routes = if has_routes {
            write(edit_routes)
        } else {
            Action::Remove
        };
        add_file(add, &[FOLDER, b"ifcfg-", name], write(edit_ifcfg));
        add_file(add, &[FOLDER, b"route-", name], routes);
    }
    add(Change {
        part: Some(Part::Network),
        path: Path::from(c"etc/sysconfig/network"),
        action: Action::Write(Write::new(edit_global)),
    });
}

/// Whether `hop` is the default route that GATEWAY can say.
fn is_gateway_line(nic: &Nic, hop: Hop) -> bool {
    matches!(hop, Hop::Via(route) if route.is_default() && !nic.is_off_subnet(route.gateway))
}

fn edit_ifcfg(out: &mut Buf<'_>, old: &[u8], wanted: &Wanted<'_>, label: u8) {
    let Some((network, nic)) = nic_of(wanted, label) else {
        return out.push(old);
    };
    if !is_ours(old) {
        out.push(MARK);
        out.push(b"\n");
    }
    let default = network.default_gateway_of(nic);
    let gateway = default.filter(|gateway| !nic.is_off_subnet(*gateway));
    let settings = [
        ("DEVICE", Value::Word(wanted.system.name_of(nic).as_bytes())),
        ("HWADDR", nic.mac.map_or(Value::Gone, Value::Mac)),
        ("ONBOOT", Value::Word(b"yes")),
        ("BOOTPROTO", Value::Word(b"none")),
        ("IPADDR", Value::Address(nic.address)),
        ("NETMASK", Value::Address(nic.mask.address())),
        (
            "DEFROUTE",
            Value::Word(if default.is_some() { b"yes" } else { b"no" }),
        ),
        ("GATEWAY", gateway.map_or(Value::Gone, Value::Address)),
    ];
    assignments::set(out, old, &settings, &CONTRARY);
}

/// Keys that would say something else about the same things, or make another
/// device of the NIC.
static CONTRARY: [&str; 10] = [
    "PREFIX",
    "IPADDR0",
    "NETMASK0",
    "PREFIX0",
    "GATEWAY0",
    "GATEWAYDEV",
    "MACADDR",
    "BRIDGE",
    "MASTER",
    "SLAVE",
];

/// The whole file is about this NIC's routes, so the whole file is ours.
fn edit_routes(out: &mut Buf<'_>, _: &[u8], wanted: &Wanted<'_>, label: u8) {
    let Some((network, nic)) = nic_of(wanted, label) else {
        return;
    };
    out.push(MARK);
    out.push(b"\n");
    for hop in network.hops(nic).filter(|hop| !is_gateway_line(nic, *hop)) {
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
