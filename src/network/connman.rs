//! `/var/lib/connman/*.config`, by which ConnMan sets up what it finds
//! (doc/config-format.txt). File names are of letters and digits.
//!
//! It knows an address, one gateway and name servers. Without a gateway the
//! interface itself becomes one, and of several NICs with a gateway the first that
//! is up has the default route (src/connection.c,
//! `__connman_connection_gateway_add`). So a NIC that has none is given the
//! broadcast address of its subnet, by which no kernel routes (EINVAL): then the
//! default route is another's. A gateway in no subnet is no trouble: ConnMan always
//! makes a host route to it.
//!
//! Whichever section fits first counts, in the order of a hash table (src/config.c,
//! `find_and_provision_service`), so old ones that fit one of our NICs must go, also
//! those that fit any. What it keeps in folders of its own about a NIC counts only
//! where none fits (src/service.c, `service_register`).

use super::template::fill;
use super::{Dns, Format, Found, Look, MARK, add_file_of, eni, is_ours, keep_servers, nic_of};
use crate::change::{Change, Edit, Wanted, Write};
use crate::conf::{Network, Nic};
use crate::system::System;
use crate::text::lines::lines;
use crate::text::split::split_once;
use crate::text::{Buf, assignments, ini, put};

pub(super) const FORMAT: Format = Format {
    needs_names: false,
    looks: &[
        Look {
            folder: c"var/lib/connman",
            prefixes: &[b""],
            suffix: b".config",
            judge,
        },
        // Poky has it beside connman, with DHCP for eth0.
        eni::AWAY,
        eni::SOURCED,
    ],
    dns: Some(Dns {
        plan: |network, _, add| {
            if let Some(nic) = network.outer() {
                add_config(add, nic, edit_dns);
            }
        },
        feeds: &["connman"],
    }),
    lacks,
    ..Format::new("connman", |network, _, add| {
        for nic in &network.nics {
            add_config(add, nic, edit);
        }
    })
};

fn lacks(network: &Network, say: &mut dyn FnMut(&'static str)) {
    if !network.routes.is_empty() {
        say(
            "has no word for routes but the default one: the rest is written: \
            add them by a script, or use another network system",
        );
    }
    let cannot_be_refused = |nic: &Nic| {
        !nic.is_at_rest() && nic.mask.length() > 30 && network.default_gateway_of(nic).is_none()
    };
    if network.nics.iter().any(cannot_be_refused) {
        say(
            "makes a default route through every NIC in a subnet without a broadcast \
            address: all is written as it can be: use another network system",
        );
    }
}

fn add_config(add: &mut dyn FnMut(Change), nic: &Nic, edit: Edit) {
    let write = Write::of_nic(edit, nic.label);
    add_file_of(add, b"var/lib/connman/osconfeth", write, b".config");
}

const SECTION: &str = "service_osconf";

/// The whole file is ours. The name servers in it stay, unless new ones come, which
/// may belong to another NIC.
fn edit(out: &mut Buf<'_>, old: &[u8], wanted: &Wanted<'_>, label: u8) {
    let Some((network, nic)) = nic_of(wanted, label) else {
        return out.push(old);
    };
    out.push(MARK);
    put!(out, "\n[{}]\n", SECTION);
    keep_servers(out, old, wanted, label, (SECTION, SERVERS));
    let pattern = match nic.mac {
        Some(_) => "Type=ethernet\nMAC=%x\nIPv4=%a/%m/",
        None if nic.is_at_rest() => "Type=ethernet\nDeviceName=%n\nIPv4=dhcp\n",
        None => "Type=ethernet\nDeviceName=%n\nIPv4=%a/%m/",
    };
    fill(out, pattern, wanted.system, nic);
    if nic.is_at_rest() {
        return;
    }
    let gateway = network.default_gateway_of(nic);
    put!(out, "{}\n", gateway.unwrap_or(nic.subnet().broadcast()));
}

const SERVERS: &str = "Nameservers";

fn edit_dns(out: &mut Buf<'_>, old: &[u8], wanted: &Wanted<'_>, _: u8) {
    match wanted.conf.name_servers.value() {
        Some(servers) => ini::set(out, old, SECTION, SERVERS, &|out| {
            assignments::list(out, servers, b",");
        }),
        None => out.push(old),
    }
}

/// Old files, of ours or about one of our NICs.
fn judge(found: &Found<'_>, network: &Network, system: &System, add: &mut dyn FnMut(Change)) {
    let (mut has_ours, mut has_others) = (false, false);
    each_section(found.content, &mut |section| {
        match fits(section, network, system) {
            true => has_ours = true,
            // What stands before the first section, and [global], serve no NIC.
            false => has_others |= section.starts_with(b"[service_"),
        }
    });
    if is_ours(found.content) || has_ours && !has_others {
        add(found.removed());
    } else if has_ours {
        add(found.edited(edit_away));
    }
}

/// Takes out what fits one of our NICs.
fn edit_away(out: &mut Buf<'_>, old: &[u8], wanted: &Wanted<'_>, _: u8) {
    each_section(old, &mut |section| {
        let network = wanted.conf.network.value();
        if !network.is_some_and(|network| fits(section, network, wanted.system)) {
            out.push(section);
        }
    });
}

/// Whether a section of the file would set up one of our NICs. A MAC address beats
/// a name, and with neither it is any NIC.
fn fits(section: &[u8], network: &Network, system: &System) -> bool {
    let get = |key: &[u8]| {
        let mut pairs = lines(section).filter_map(|line| split_once(line.text, b'='));
        let pair = pairs.find(|(name, _)| name.trim_ascii() == key)?;
        Some(pair.1.trim_ascii())
    };
    get(b"Type") == Some(b"ethernet")
        && get(b"MAC")
            .or_else(|| get(b"DeviceName"))
            .is_none_or(|name| system.is_ours(network, name))
}

/// Hands out the text from each `[` at the start of a line up to the next one.
fn each_section(text: &[u8], found: &mut dyn FnMut(&[u8])) {
    let mut rest = text;
    while !rest.is_empty() {
        let next = rest.windows(2).position(|pair| pair == b"\n[");
        let at = next.map_or(rest.len(), |index| index + 1);
        let (section, after) = rest.split_at_checked(at).unwrap_or((rest, b""));
        found(section);
        rest = after;
    }
}
