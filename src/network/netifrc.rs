//! `/etc/conf.d/net` of Gentoo's netifrc, and the links that make OpenRC start
//! `net.NAME` (netifrc's doc/net.example.Linux, init.d/net.lo, net/iproute2.sh and
//! net/ifconfig.sh).
//!
//! The file is sourced by a shell. In a variable's name the interface's has `_` for
//! all but letters and digits (shell_var). A variable that has the MAC address in
//! its place, as `008CFA5E1423`, beats it (net/macnet.sh). Routes stand one to a
//! line and are appended in that order, so that a gateway outside the subnet is
//! made reachable first. OpenRC sources `/etc/conf.d/net.NAME` as well, and later.
//!
//! netifrc writes `/etc/resolv.conf` for each interface for which any `dns_…` is
//! set, be it for all of them, and leaves it alone otherwise (net/system.sh). So it
//! is told the name servers if something of that is there, and for all interfaces:
//! the last one to come up wins.

use super::template::{Routes, fill, routes};
use super::{Dns, Format, Found, Look, add_file};
use crate::change::{Action, Change, Edit, Link, Wanted, Write};
use crate::conf::{Network, Nic};
use crate::system::System;
use crate::text::lines::lines;
use crate::text::{Buf, assignments, block};
use crate::value::Ipv4;

pub(super) const FORMAT: Format = Format {
    looks: &[Look {
        folder: c"etc/conf.d",
        prefixes: &[b"net"],
        suffix: b"",
        judge,
    }],
    dns: Some(Dns {
        plan: |_, _, add| {
            plan_edit(add, |out, old, wanted, _| {
                let servers = wanted.conf.name_servers.value();
                edit(out, old, wanted, servers.map(|all| &**all));
            });
        },
        feeds: &[],
    }),
    ..Format::new("netifrc", plan)
};

fn judge(found: &Found<'_>, network: &Network, system: &System, add: &mut dyn FnMut(Change)) {
    if let Some(name) = found.name.strip_prefix(b"net.") {
        if system.nic_named(network, name).is_some() {
            add(found.edited(edit_other));
        }
    } else if found.name == b"net" {
        // The links have no mark, so our block names those that are ours.
        block::pieces(found.content, &mut |piece, is_ours| {
            for line in lines(piece) {
                if is_ours && let Some(name) = line.text.strip_prefix(b"# net.") {
                    links(add, name, Action::Remove, Action::Remove);
                }
            }
        });
    }
}

fn plan(network: &Network, system: &System, add: &mut dyn FnMut(Change)) {
    plan_edit(add, |out, old, wanted, _| edit(out, old, wanted, None));
    for nic in &network.nics {
        let link = |text| {
            let label = nic.label;
            Action::Link(Link { text, label })
        };
        let service = link(|out, _, _, _| out.push(b"net.lo"));
        let start = link(|out, _, wanted, label| {
            if let Some((_, nic)) = super::nic_of(wanted, label) {
                fill(out, "/etc/init.d/net.%n", wanted.system, nic);
            }
        });
        links(add, system.name_of(nic).as_bytes(), service, start);
    }
}

fn plan_edit(add: &mut dyn FnMut(Change), edit: Edit) {
    add_file(add, &[b"etc/conf.d/net"], Action::Write(Write::new(edit)));
}

/// Does this with the service of an interface, and with what starts it at boot.
fn links(add: &mut dyn FnMut(Change), name: &[u8], service: Action, start: Action) {
    add_file(add, &[b"etc/init.d/net.", name], service);
    add_file(add, &[b"etc/runlevels/default/net.", name], start);
}

fn edit_other(out: &mut Buf<'_>, old: &[u8], wanted: &Wanted<'_>, _: u8) {
    let network = wanted.conf.network.value();
    assignments::copy(out, old, &mut |key| {
        network.is_none_or(|network| !is_about(key, &CONTRARY, network, wanted.system))
    });
}

/// Writes our block anew at the end, where it beats what was assigned before.
fn edit(out: &mut Buf<'_>, old: &[u8], wanted: &Wanted<'_>, servers: Option<&[Ipv4]>) {
    let Some(network) = wanted.conf.network.value() else {
        return out.push(old);
    };
    let system = wanted.system;
    let mut has_dns = false;
    let mut had_servers = None;
    block::pieces(old, &mut |piece, is_ours| {
        if is_ours {
            had_servers = assignments::get(piece, "dns_servers");
            return;
        }
        assignments::copy(out, piece, &mut |key| {
            let is_gone = is_about(key, &CONTRARY, network, system)
                || servers.is_some() && is_about(key, &["dns_servers_"], network, system);
            has_dns |= !is_gone && key.starts_with(b"dns_");
            !is_gone
        });
    });
    block::begin(out);
    for nic in &network.nics {
        fill(out, if nic.is_by_dhcp() { DHCP } else { NIC }, system, nic);
        routes(out, &ROUTES, system, network, nic);
        out.push(b"\"\n");
    }
    if has_dns && (servers.is_some() || had_servers.is_some()) {
        out.push(b"dns_servers=\"");
        match servers {
            Some(servers) => assignments::list(out, servers, b" "),
            None => out.push(had_servers.unwrap_or_default()),
        }
        out.push(b"\"\n");
    }
    block::end(out);
}

const NIC: &str = "# net.%n\nconfig_%v=\"%i\"\nroutes_%v=\"\n";
const DHCP: &str = "# net.%n\nconfig_%v=\"dhcp\"\nroutes_%v=\"\n";

const ROUTES: Routes = Routes {
    direct: "%d\n",
    default: "default via %g\n",
    other: "%d via %g\n",
};

/// Variables that say something else about the same things.
static CONTRARY: [&str; 5] = [
    "config_",
    "routes_",
    "fallback_",
    "fallback_routes_",
    // Sets the MAC address.
    "mac_",
];

/// Whether `key` is one of `variables` for one of our NICs, by name or by MAC
/// address.
fn is_about(key: &[u8], variables: &[&str], network: &Network, system: &System) -> bool {
    let is_of = |nic: &Nic, pattern, rest: &[u8]| {
        let mut bytes = [0; 16];
        let mut text = Buf::new(&mut bytes);
        fill(&mut text, pattern, system, nic);
        !text.is_empty() && text.as_bytes() == rest
    };
    variables.iter().any(|variable| {
        let rest = key.strip_prefix(variable.as_bytes()).unwrap_or_default();
        let mut nics = network.nics.iter();
        nics.any(|nic| is_of(nic, "%v", rest) || is_of(nic, "%Y", rest))
    })
}
