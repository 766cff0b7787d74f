//! NetworkManager's own profiles (nm-settings-keyfile(5), nm-settings(5)).
//!
//! A profile goes by the MAC address; NetworkManager takes the permanent one, or
//! where the driver knows none, as virtio's, the one that the interface came with
//! (nm-device.c, `nm_device_update_permanent_hw_address`). It is only read if root
//! owns it and nobody else can.
//!
//! Of several profiles that fit a NIC, the one with the highest
//! `autoconnect-priority` comes up, and none is made up where one fits. So those
//! that name no NIC, and the `ifcfg-` files of its older plug-in, are beaten;
//! those that name one of ours are removed, since a tie goes to the one that was
//! up last. IPv6 is not in os.conf: without a section it is as it would be
//! (`method=auto`).

use super::template::{Routes, fill, hop_by};
use super::{Dns, Format, Found, Look, MARK, add_file_of, eni, is_ours, keep_servers, nic_of};
use crate::change::{Change, Edit, Wanted, Write};
use crate::conf::{Hop, Network, Nic};
use crate::system::System;
use crate::text::{Buf, assignments, contains, ini, put};

pub(super) const FORMAT: Format = Format {
    needs_names: false,
    looks: &[
        PROFILES,
        Look {
            folder: c"etc/NetworkManager",
            prefixes: &[b"NetworkManager.conf"],
            suffix: b"",
            judge: judge_settings,
        },
        Look {
            folder: c"etc/NetworkManager/conf.d",
            prefixes: &[b""],
            suffix: b".conf",
            judge: judge_settings,
        },
        // Debian's plug-in keeps away from what stands there.
        eni::AWAY,
        eni::SOURCED,
    ],
    dns: Some(Dns {
        // The NIC that faces the Internet has the name servers.
        plan: |network, _, add| {
            if let Some(nic) = network.outer() {
                add_profile(add, nic, edit_dns);
            }
        },
        feeds: &["NetworkManager", "resolved"],
    }),
    ..Format::new("keyfile", |network, _, add| {
        for nic in &network.nics {
            add_profile(add, nic, edit);
        }
    })
};

/// Where NetworkManager's own profiles lie, whatever else it reads.
pub(super) const PROFILES: Look = Look {
    folder: c"etc/NetworkManager/system-connections",
    prefixes: &[b""],
    suffix: b"",
    judge,
};

/// Old profiles, of ours or about one of our NICs.
fn judge(found: &Found<'_>, network: &Network, system: &System, add: &mut dyn FnMut(Change)) {
    let get = |section, key| ini::get(found.content, section, key).unwrap_or_default();
    // What sits on top of a NIC may tell it by its MAC address, too.
    let is_ethernet = get("connection", "type").ends_with(b"ethernet");
    let names = [
        ("connection", "interface-name"),
        ("ethernet", "mac-address"),
        ("802-3-ethernet", "mac-address"),
    ];
    let mut names = names.iter();
    let is_about_ours = names.any(|(section, key)| system.is_ours(network, get(section, key)));
    if is_ours(found.content) || is_ethernet && is_about_ours {
        add(found.removed());
    }
}

const UNMANAGED: (&str, &str) = ("keyfile", "unmanaged-devices");

/// Where some devices are to be left alone, ours are none of them.
fn judge_settings(found: &Found<'_>, _: &Network, _: &System, add: &mut dyn FnMut(Change)) {
    if ini::get(found.content, UNMANAGED.0, UNMANAGED.1).is_some_and(|list| !list.is_empty()) {
        add(found.edited(edit_settings));
    }
}

/// What `except:` names is in the list in no case (NetworkManager.conf(5), Device
/// List Format). It is the permanent MAC address that counts here, which real and
/// paravirtual NICs have.
fn edit_settings(out: &mut Buf<'_>, old: &[u8], wanted: &Wanted<'_>, _: u8) {
    let Some(network) = wanted.conf.network.value() else {
        return out.push(old);
    };
    let list = ini::get(old, UNMANAGED.0, UNMANAGED.1).unwrap_or_default();
    ini::set(out, old, UNMANAGED.0, UNMANAGED.1, &|out| {
        out.push(list);
        for nic in &network.nics {
            let mut bytes = [0; 48];
            let mut except = Buf::new(&mut bytes);
            let pattern = match nic.mac {
                Some(_) => "except:mac:%X",
                None => "except:interface-name:=%n",
            };
            fill(&mut except, pattern, wanted.system, nic);
            let except = except.as_bytes();
            if !contains(list, except) {
                out.push(b";");
                out.push(except);
            }
        }
    });
}

fn add_profile(add: &mut dyn FnMut(Change), nic: &Nic, edit: Edit) {
    let write = Write {
        mode: 0o600,
        ..Write::of_nic(edit, nic.label)
    };
    let before = b"etc/NetworkManager/system-connections/osconf-eth";
    add_file_of(add, before, write, b".nmconnection");
}

/// The whole file is ours. The name servers in it stay, unless new ones come, which
/// may belong to another NIC.
fn edit(out: &mut Buf<'_>, old: &[u8], wanted: &Wanted<'_>, label: u8) {
    let Some((network, nic)) = nic_of(wanted, label) else {
        return out.push(old);
    };
    let system = wanted.system;
    out.push(MARK);
    fill(out, HEAD, system, nic);
    // The same on every machine: nothing is told apart by it beyond one.
    put!(out, "{}\n", 1000 + u16::from(label));
    let pattern = match nic.mac {
        Some(_) => "\n[ethernet]\nmac-address=%X\n",
        None => "interface-name=%n\n",
    };
    fill(out, pattern, system, nic);
    out.push(b"\n[ipv4]\n");
    keep_servers(out, old, wanted, label, ("ipv4", "dns"));
    if nic.is_at_rest() {
        return out.push(b"method=auto\n");
    }
    fill(out, "method=manual\naddress1=%i", system, nic);
    match network.default_gateway_of(nic) {
        Some(gateway) => put!(out, ",{}\n", gateway),
        // Nor one that anybody else tells it.
        None => out.push(b"\nnever-default=true\n"),
    }
    let mut number = 0u16;
    for hop in network.hops(nic) {
        if !matches!(hop, Hop::Via(route) if route.is_default()) {
            number += 1;
            put!(out, "route{}=", number);
            hop_by(out, &ROUTES, system, nic, hop);
        }
    }
}

const HEAD: &str = "
[connection]
id=osconf-eth%l
type=ethernet
autoconnect-priority=999
uuid=6f73636f-6e66-8000-8000-00000000";

const ROUTES: Routes = Routes {
    direct: "%d\n",
    default: "",
    other: "%d,%g\n",
};

fn edit_dns(out: &mut Buf<'_>, old: &[u8], wanted: &Wanted<'_>, _: u8) {
    match wanted.conf.name_servers.value() {
        Some(servers) => ini::set(out, old, "ipv4", "dns", &|out| {
            assignments::list(out, servers, b";");
        }),
        None => out.push(old),
    }
}
