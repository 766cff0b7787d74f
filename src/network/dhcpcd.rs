//! `/etc/dhcpcd.conf` (dhcpcd.conf(5); read_config and parse_option in dhcpcd's
//! src/if-options.c, of versions 8.1.9, 9.4.1 and 10).
//!
//! `static ip_address=` switches DHCP off for an interface. What stands below
//! `interface NAME` is about that one alone, up to the next line that begins a
//! block, so ours stand at the end of the file. All blocks of one name count
//! together, so what other blocks say about IPv4 on our NICs goes, and the rest
//! of them stays.
//!
//! A line has one route, and its order counts. A router outside the subnet gets a
//! host route by dhcpcd itself, if it is the default one (inet_routerhostroute in
//! src/ipv4.c). Any other cannot be said: a route without a gateway ends the list.
//!
//! `denyinterfaces` and `allowinterfaces` must let it have our NICs (src/if.c).
//!
//! For an interface that has come up the resolv.conf hook writes
//! `/etc/resolv.conf` in any case, without name servers, if it knows none
//! (remove_resolv_conf in hooks/20-resolv.conf): so it is told them, or kept out.

use super::template::{Routes, fill, routes};
use super::{Dns, Format, add_file};
use crate::change::{Action, Change, Wanted, Write};
use crate::conf::Network;
use crate::system::System;
use crate::text::Buf;
use crate::text::assignments::list;
use crate::text::block;
use crate::text::lines::{lines, words};
use crate::value::Ipv4;

pub(super) const FORMAT: Format = Format {
    dns: Some(Dns {
        plan: |_, _, add| {
            plan_edit(add, |out, old, wanted, _| {
                edit(
                    out,
                    old,
                    wanted,
                    wanted.conf.name_servers.value().map(|all| &**all),
                );
            });
        },
        feeds: &[],
    }),
    lacks,
    ..Format::new("dhcpcd", plan)
};

fn plan(_: &Network, _: &System, add: &mut dyn FnMut(Change)) {
    plan_edit(add, |out, old, wanted, _| edit(out, old, wanted, None));
}

fn plan_edit(add: &mut dyn FnMut(Change), edit: crate::change::Edit) {
    add_file(add, &[b"etc/dhcpcd.conf"], Action::Write(Write::new(edit)));
}

fn lacks(network: &Network, say: &mut dyn FnMut(&'static str)) {
    let is_lost = network.nics.iter().any(|nic| {
        let default = network.default_gateway_of(nic);
        network
            .routes_of(nic)
            .any(|route| nic.is_off_subnet(route.gateway) && default != Some(route.gateway))
    });
    if is_lost {
        say(
            "reaches no gateway outside the subnet but the default one: \
             the routes through it will be missing: add them in /etc/dhcpcd.exit-hook",
        );
    }
}

/// Writes our block anew at the end, with these name servers, or those that it had.
fn edit(out: &mut Buf<'_>, old: &[u8], wanted: &Wanted<'_>, servers: Option<&[Ipv4]>) {
    let Some(network) = wanted.conf.network.value() else {
        return out.push(old);
    };
    let system = wanted.system;
    let mut is_about_ours = false;
    let mut had_servers: &[u8] = b"";
    block::pieces(old, &mut |piece, is_ours| {
        for line in lines(piece) {
            if is_ours {
                if line.text.starts_with(SERVERS) {
                    had_servers = line.text;
                }
                continue;
            }
            let mut all = words(line.text);
            let first = all.next().unwrap_or_default();
            let second = all.next().unwrap_or_default();
            match first {
                b"interface" => is_about_ours = system.nic_named(network, second).is_some(),
                b"ssid" | b"profile" => is_about_ours = false,
                b"static" if is_about_ours && !second.starts_with(b"ip6_") => continue,
                b"allowinterfaces" | b"denyinterfaces" => {
                    choose(out, line.text, first == b"allowinterfaces", network, system);
                    continue;
                }
                _ if is_about_ours && CONTRARY.contains(&first) => continue,
                _ => {}
            }
            out.push(line.text);
            out.push(line.end);
        }
    });
    block::begin(out);
    let outer = network.outer().map(|nic| nic.label);
    for nic in &network.nics {
        fill(out, "interface %n\n", system, nic);
        // DHCP is what it does of itself.
        if nic.is_by_dhcp() {
            continue;
        }
        fill(out, ADDRESS, system, nic);
        routes(out, &ROUTES, system, network, nic);
        if Some(nic.label) == outer
            && let Some(servers) = servers
        {
            out.push(SERVERS);
            list(out, servers, b" ");
        } else if Some(nic.label) == outer && !had_servers.is_empty() {
            out.push(had_servers);
        } else {
            out.push(b"nohook resolv.conf");
        }
        out.push(b"\n");
    }
    block::end(out);
}

/// Lets dhcpcd have our NICs. A pattern that shuts them out stays: it may be about
/// more than these.
fn choose(out: &mut Buf<'_>, line: &[u8], allows: bool, network: &Network, system: &System) {
    let names = || {
        let is_end = |byte: &u8| matches!(byte, b' ' | b',' | b'\t');
        line.split(is_end).filter(|name| !name.is_empty())
    };
    let is_other = |name| allows || system.nic_named(network, name).is_none();
    if !names().skip(1).any(is_other) {
        // The word alone would be an error.
        return;
    }
    for (index, name) in names().enumerate() {
        if is_other(name) {
            out.push(if index == 0 { b"" } else { b" " });
            out.push(name);
        }
    }
    for nic in &network.nics {
        let ours = system.name_of(nic).as_bytes();
        if allows && !names().any(|name| name == ours) {
            out.push(b" ");
            out.push(ours);
        }
    }
    out.push(b"\n");
}

const SERVERS: &[u8] = b"static domain_name_servers=";

const ADDRESS: &str = "static ip_address=%i\n";

const ROUTES: Routes = Routes {
    direct: "",
    default: "static routers=%g\n",
    other: "static routes=%d %g\n",
};

/// Words that take the address from elsewhere, or forbid it.
static CONTRARY: [&[u8]; 6] = [
    b"inform",
    b"noipv4",
    b"nodhcp",
    b"nogateway",
    b"fallback",
    b"arping",
];
