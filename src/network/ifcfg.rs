//! `ifcfg-NAME` and `route-NAME` of RHEL, CentOS, Anolis, openEuler and Alibaba
//! Cloud Linux (sysconfig.txt of initscripts; nm-settings-ifcfg-rh(5)).
//!
//! HWADDR names the NIC that is meant; MACADDR would change it. The default
//! route stands once, as GATEWAY of its NIC, and DEFROUTE tells the other NICs
//! to have none; a gateway that is outside the subnet cannot stand there
//! (ifup-eth compares), so its route goes into the route file.

use super::{PerNic, Writer};
use crate::change::{Action, Change, Wanted, Write};
use crate::conf::{Hop, Network, Nic};
use crate::part::Part;
use crate::system::System;
use crate::text::assignments::{self, Value};
use crate::text::lines::lines;
use crate::text::{Buf, put};
use crate::value::Path;

pub(super) const WRITER: Writer = Writer {
    plan,
    needs_names: true,
    is_kernel: false,
    per_nic: Some(PerNic {
        folder: c"etc/sysconfig/network-scripts",
        prefixes: &[b"ifcfg-", b"route-"],
        is_ours,
    }),
};

const FOLDER: &[u8] = b"etc/sysconfig/network-scripts/";
/// How a file of ours is known again, when its NIC is gone from os.conf.
const MARK: &[u8] = b"# osconf: from os.conf, written anew with each";

fn is_ours(text: &[u8]) -> bool {
    lines(text).any(|line| line.text == MARK)
}

fn plan(network: &Network, system: &System, add: &mut dyn FnMut(Change)) {
    for nic in &network.nics {
        let name = system.name_of(nic).as_bytes();
        let has_routes = network.hops(nic).any(|hop| !is_gateway_line(nic, hop));
        let write = |edit| {
            Action::Write(Write {
                label: nic.label,
                ..Write::new(edit)
            })
        };
        let routes = if has_routes {
            write(edit_routes)
        } else {
            Action::Remove
        };
        add_file(add, b"ifcfg-", name, write(edit_ifcfg));
        add_file(add, b"route-", name, routes);
    }
    add(Change {
        part: Some(Part::Network),
        path: Path::from(c"etc/sysconfig/network"),
        action: Action::Write(Write::new(edit_global)),
    });
}

#[inline(never)]
fn add_file(add: &mut dyn FnMut(Change), prefix: &[u8], name: &[u8], action: Action) {
    // Cannot fail: an interface's name has at most 15 bytes.
    if let Some(path) = Path::new(&[FOLDER, prefix, name]) {
        add(Change {
            part: Some(Part::Network),
            path,
            action,
        });
    }
}

/// Whether `hop` is the default route that GATEWAY can say.
fn is_gateway_line(nic: &Nic, hop: Hop) -> bool {
    matches!(hop, Hop::Via(route) if route.is_default() && !nic.is_off_subnet(route.gateway))
}

fn nic_of<'a>(wanted: &'a Wanted<'_>, label: u8) -> Option<(&'a Network, &'a Nic)> {
    let network = wanted.conf.network.value()?;
    let nic = network.nics.iter().find(|nic| nic.label == label)?;
    Some((network, nic))
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
    let name = wanted.system.name_of(nic);
    out.push(MARK);
    out.push(b"\n");
    for hop in network.hops(nic).filter(|hop| !is_gateway_line(nic, *hop)) {
        match hop {
            Hop::Direct(gateway) => put!(out, "{}/32", gateway),
            // A prefix of length 0 is misread by some readers.
            Hop::Via(route) if route.is_default() => put!(out, "default via {}", route.gateway),
            Hop::Via(route) => put!(out, "{} via {}", route.destination, route.gateway),
        }
        put!(out, " dev {}\n", name);
    }
}

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
