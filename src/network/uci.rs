//! `/etc/config/network` of OpenWrt, which netifd reads (its config.c, interface.c,
//! interface-ip.c and proto.c).
//!
//! Firewall zones and the DHCP server name interface sections, so a NIC keeps the
//! section that it has, be it the NIC's or that of a bridge around it alone. A NIC
//! that has none gets what the first boot would give it (config_generate and
//! board.d's 99-default_network): `lan` for eth0, `wan` for eth1, if they are free.
//! Any other is `osconf_N`, which is in no zone, so that the firewall's default
//! policy decides about it.
//!
//! What is about IPv6 stays. Unknown options are ignored, so `osconf` in a section
//! marks it as ours; comments would not survive `uci commit`.

use super::template::{Routes, fill, hop_by};
use super::{Dns, Format, add_file, address_of};
use crate::change::{Action, Change, Edit, Wanted, Write};
use crate::conf::{Hop, Network, Nic};
use crate::system::System;
use crate::text::assignments::Value;
use crate::text::uci::{Section, end_section, find, sections};
use crate::text::{Buf, put};

pub(super) const FORMAT: Format = Format {
    dns: Some(Dns {
        plan: |_, _, add| plan_edit(add, edit_dns),
        feeds: &["netifd"],
    }),
    ..Format::new("uci", |_, _, add| plan_edit(add, edit))
};

fn plan_edit(add: &mut dyn FnMut(Change), edit: Edit) {
    let write = Write {
        // What config_generate and uci make; others may keep passwords here.
        mode: 0o600,
        ..Write::new(edit)
    };
    add_file(add, &[b"etc/config/network"], Action::Write(write));
}

/// What the first boot makes beside the NICs: it leaves a file with content alone.
const FRESH: &[u8] = b"
config interface 'loopback'
\toption device 'lo'
\toption proto 'static'
\toption ipaddr '127.0.0.1'
\toption netmask '255.0.0.0'

config globals 'globals'
\toption ula_prefix 'auto'
";

/// Marks an interface section that is ours, and the names of others.
const MARK: &str = "osconf";

/// Options that would say something else about the same, or switch it off.
static CONTRARY: [&str; 8] = [
    "broadcast",
    "ptpaddr",
    "peeraddr",
    "auto",
    "disabled",
    "defaultroute",
    "ip4table",
    "metric",
];

/// Protocols that are about IPv4 addresses; it may also be missing.
static PROTOCOLS: [&[u8]; 4] = [b"", b"none", b"static", b"dhcp"];

/// Where the names of ports stand.
static PORTS: [&str; 2] = ["ports", "ifname"];

fn edit(out: &mut Buf<'_>, old: &[u8], wanted: &Wanted<'_>, _: u8) {
    let Some(network) = wanted.conf.network.value() else {
        return out.push(old);
    };
    let file = File {
        text: if old.is_empty() { FRESH } else { old },
        network,
        system: wanted.system,
    };
    for section in sections(file.text) {
        file.edit(out, &section);
    }
    for nic in &network.nics {
        if file.section_of(nic).is_none() {
            file.add(out, nic);
        }
    }
    for nic in &network.nics {
        file.write_routes(out, nic);
    }
}

/// The name servers belong to the NIC that faces the Internet, as a router would
/// have it; netifd collects those of all interfaces.
fn edit_dns(out: &mut Buf<'_>, old: &[u8], wanted: &Wanted<'_>, _: u8) {
    let (Some(network), Some(servers)) = (
        wanted.conf.network.value(),
        wanted.conf.name_servers.value(),
    ) else {
        return out.push(old);
    };
    let file = File {
        text: old,
        network,
        system: wanted.system,
    };
    let outer = network.outer().map(|nic| nic.label);
    for section in sections(old) {
        let value = match file.nic_of(&section) {
            None => {
                section.copy(out);
                continue;
            }
            Some(nic) if Some(nic.label) == outer => Value::Addresses(servers),
            Some(_) => Value::Gone,
        };
        section.set(out, &[("dns", value)], &[]);
    }
}

/// The old file, and what is to come of it.
struct File<'a> {
    text: &'a [u8],
    network: &'a Network,
    system: &'a System,
}

impl<'a> File<'a> {
    /// The NIC whose IPv4 addresses this section is about.
    #[inline(never)]
    fn nic_of(&self, section: &Section<'_>) -> Option<&'a Nic> {
        let proto = section.get("proto").unwrap_or_default();
        if section.kind != b"interface"
            || !PROTOCOLS.contains(&proto)
            || section.get("ip6addr").is_some() && section.get("ipaddr").is_none()
        {
            return None;
        }
        let device = if is_bridge(section) {
            only_port(section)?
        } else {
            device_of(section)?
        };
        self.nic_behind(device)
    }

    /// The NIC that this device is, or that is the only port of a bridge of this name.
    #[inline(never)]
    fn nic_behind(&self, device: &[u8]) -> Option<&'a Nic> {
        let nic = |port| self.system.nic_named(self.network, port);
        for section in sections(self.text) {
            if is_bridge_device(&section)
                && !device.is_empty()
                && section.has("name", device)
                && let Some(nic) = only_port(&section).and_then(nic)
            {
                return Some(nic);
            }
        }
        nic(device)
    }

    /// The first section that is about `nic`.
    fn section_of(&self, nic: &Nic) -> Option<Section<'a>> {
        find(self.text, &|section| {
            let other = self.nic_of(section).filter(|_| !section.name.is_empty());
            other.is_some_and(|other| other.label == nic.label)
        })
    }

    fn edit(&self, out: &mut Buf<'_>, section: &Section<'_>) {
        let nic = self.nic_of(section);
        let first = nic.and_then(|nic| self.section_of(nic));
        let is_gone = match (nic, section.kind) {
            (Some(_), _) => !first.is_some_and(|first| first.is(section)),
            // A NIC that os.conf no longer names.
            (None, b"interface") => section.get(MARK).is_some(),
            (None, b"route") => self.is_our_route(section),
            _ => false,
        };
        match nic {
            _ if is_gone => section.remove(out),
            Some(nic) => self.set(out, section, nic),
            // A bridge around our NIC alone is as good as the NIC.
            None if is_any_bridge(section) && only_port(section).is_none() => {
                section.without(out, &PORTS, &|port| {
                    self.system.nic_named(self.network, port).is_some()
                });
            }
            None => section.copy(out),
        }
    }

    /// Whether a route was written by us, or leaves through one of our NICs, or
    /// would do so as soon as its section is there.
    fn is_our_route(&self, section: &Section<'_>) -> bool {
        let interface = section.get("interface").unwrap_or_default();
        let mut nics = self.network.nics.iter();
        section.name.starts_with(MARK.as_bytes())
            || find(self.text, &|other| {
                other.name == interface && self.nic_of(other).is_some()
            })
            .is_some()
            || nics.any(|nic| {
                let mut bytes = [0; 16];
                let mut name = Buf::new(&mut bytes);
                self.write_name(&mut name, nic);
                name.as_bytes() == interface
            })
    }

    fn set(&self, out: &mut Buf<'_>, section: &Section<'_>, nic: &Nic) {
        let gateway = self.network.default_gateway_of(nic);
        let gateway = gateway.filter(|gateway| !nic.is_off_subnet(*gateway));
        let [protocol, address, mask] = address_of(nic, ["proto", "ipaddr", "netmask"], b"static");
        let settings = [
            protocol,
            address,
            mask,
            ("gateway", gateway.map_or(Value::Gone, Value::Address)),
            (MARK, Value::Word(b"1")),
        ];
        section.set(out, &settings, &CONTRARY);
    }

    /// Adds a section for a NIC that has none.
    fn add(&self, out: &mut Buf<'_>, nic: &Nic) {
        // netifd of before 21.02 knows `ifname` alone.
        let is_old = find(self.text, &|section| {
            section.name == b"loopback" && section.get("ifname").is_some()
        })
        .is_some();
        let key = if is_old { "ifname" } else { "device" };
        end_section(out);
        put!(out, "config interface '");
        self.write_name(out, nic);
        put!(out, "'\n\toption {} '", key);
        let name = self.system.name_of(nic).as_bytes();
        let bridge = find(self.text, &|bridge| {
            let behind = bridge.get("name").and_then(|name| self.nic_behind(name));
            is_bridge_device(bridge) && behind.is_some_and(|behind| behind.label == nic.label)
        });
        out.push(bridge.and_then(|bridge| bridge.get("name")).unwrap_or(name));
        put!(out, "'\n");
        self.set(out, &Section::default(), nic);
    }

    /// Writes the name of the section of `nic`.
    fn write_name(&self, out: &mut Buf<'_>, nic: &Nic) {
        if let Some(section) = self.section_of(nic) {
            return out.push(section.name);
        }
        let usual = match self.system.name_of(nic) {
            "eth0" => "lan",
            "eth1" => "wan",
            _ => "",
        };
        let taken = find(self.text, &|section| {
            section.name == usual.as_bytes()
                && (section.get(MARK).is_none() || self.nic_of(section).is_some())
        });
        if usual.is_empty() || taken.is_some() {
            fill(out, "osconf_%l", self.system, nic);
        } else {
            put!(out, "{}", usual);
        }
    }

    fn write_routes(&self, out: &mut Buf<'_>, nic: &Nic) {
        let mut number = 0_u32;
        for hop in self.network.hops(nic) {
            // `onlink` says what a direct route is for.
            let Hop::Via(route) = hop else {
                continue;
            };
            let is_off_subnet = nic.is_off_subnet(route.gateway);
            if route.is_default() && !is_off_subnet {
                continue;
            }
            end_section(out);
            fill(out, "config route 'osconf_%l_", self.system, nic);
            put!(out, "{}'\n\toption interface '", number);
            self.write_name(out, nic);
            hop_by(out, &ROUTES, self.system, nic, hop);
            if is_off_subnet {
                put!(out, "\toption onlink '1'\n");
            }
            number += 1;
        }
    }
}

const ROUTE: &str = "'\n\toption target '%t'\n\toption netmask '%k'\n\toption gateway '%g'\n";
const ROUTES: Routes = Routes {
    direct: "",
    default: ROUTE,
    other: ROUTE,
};

/// Whether an interface section is its own bridge, as before 21.02.
fn is_bridge(section: &Section<'_>) -> bool {
    section.kind == b"interface" && section.has("type", b"bridge")
}

fn is_bridge_device(section: &Section<'_>) -> bool {
    section.kind == b"device" && section.has("type", b"bridge")
}

fn is_any_bridge(section: &Section<'_>) -> bool {
    is_bridge(section) || is_bridge_device(section)
}

fn device_of<'a>(section: &Section<'a>) -> Option<&'a [u8]> {
    section.get("device").or_else(|| section.get("ifname"))
}

/// The port of a bridge that has no other.
fn only_port<'a>(section: &Section<'a>) -> Option<&'a [u8]> {
    let mut only = None;
    let mut count = 0;
    for key in &PORTS {
        section.each_word(key, &mut |port| {
            only = Some(port);
            count += 1;
        });
    }
    only.filter(|_| count == 1)
}
