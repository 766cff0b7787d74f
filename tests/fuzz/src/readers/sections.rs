//! Files of sections: systemd's, NetworkManager's and ConnMan's, and OpenWrt's.

use super::{Files, Machine, Seen, take, text};
use std::collections::BTreeMap;

/// A section: its name, and its values, of which the last counts.
type Section = (String, BTreeMap<String, String>);

/// The sections of an ini file (systemd.syntax(7); GLib's GKeyFile).
fn sections(text: &str) -> Vec<Section> {
    let mut all: Vec<Section> = Vec::new();
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = line
            .strip_prefix('[')
            .and_then(|name| name.strip_suffix(']'))
        {
            all.push((name.to_owned(), BTreeMap::new()));
            continue;
        }
        let (key, value) = line
            .split_once('=')
            .unwrap_or_else(|| panic!("no key: {line}"));
        let (_, values) = all.last_mut().expect("a section");
        let old = values.insert(key.to_owned(), value.to_owned());
        assert_eq!(old, None, "twice: {line}");
    }
    all
}

/// Nothing may be left of a section.
fn end(values: &BTreeMap<String, String>) {
    assert!(values.is_empty(), "not asked for: {values:?}");
}

/// systemd.network(5).
pub fn networkd(files: &Files, machine: &Machine, seen: &mut Seen) {
    for nic in &machine.nics {
        let path = format!("etc/systemd/network/0--osconf-eth{}.network", nic.label);
        let file = text(files, &path).expect("a file for each NIC");
        for (name, mut values) in sections(&file) {
            match name.as_str() {
                "Match" => {
                    let key = if nic.mac.is_some() {
                        "MACAddress"
                    } else {
                        "Name"
                    };
                    assert_eq!(machine.label(&take(&mut values, key)), Some(nic.label));
                    values.remove("Kind");
                }
                "Network" => seen.prefix(nic.label, &take(&mut values, "Address")),
                "Route" => {
                    let gateway = take(&mut values, "Gateway");
                    let destination = values.remove("Destination");
                    let destination = destination.as_deref().unwrap_or("default");
                    seen.route(nic.label, destination, &gateway);
                    if values
                        .remove("GatewayOnLink")
                        .is_some_and(|value| value == "yes")
                    {
                        seen.direct(nic.label, &gateway);
                    }
                }
                name => panic!("not asked for: [{name}]"),
            }
            end(&values);
        }
    }
}

/// nm-settings-keyfile(5).
pub fn keyfile(files: &Files, machine: &Machine, seen: &mut Seen) {
    for nic in &machine.nics {
        let label = nic.label;
        let folder = "etc/NetworkManager/system-connections";
        let path = format!("{folder}/osconf-eth{label}.nmconnection");
        let file = text(files, &path).expect("a file for each NIC");
        let mut named = None;
        for (name, mut values) in sections(&file) {
            match name.as_str() {
                "connection" => {
                    assert_eq!(take(&mut values, "id"), format!("osconf-eth{label}"));
                    assert_eq!(take(&mut values, "type"), "ethernet");
                    assert_eq!(take(&mut values, "autoconnect-priority"), "999");
                    assert_eq!(take(&mut values, "uuid").len(), 36);
                    named = named.or(values.remove("interface-name"));
                }
                "ethernet" => named = named.or(values.remove("mac-address")),
                "ipv4" => {
                    assert_eq!(take(&mut values, "method"), "manual");
                    let address = take(&mut values, "address1");
                    let (address, gateway) = match address.split_once(',') {
                        Some((address, gateway)) => (address, Some(gateway)),
                        None => (address.as_str(), None),
                    };
                    seen.prefix(label, address);
                    match gateway {
                        Some(gateway) => seen.route(label, "default", gateway),
                        None => assert_eq!(take(&mut values, "never-default"), "true"),
                    }
                    for number in 1.. {
                        match values.remove(&format!("route{number}")) {
                            None => break,
                            Some(route) => match route.split_once(',') {
                                Some((to, gateway)) => seen.route(label, to, gateway),
                                None => seen.direct(label, &route),
                            },
                        }
                    }
                    let servers = values.remove("dns");
                    seen.servers(servers.iter().flat_map(|servers| servers.split(';')));
                }
                name => panic!("not asked for: [{name}]"),
            }
            end(&values);
        }
        assert_eq!(named.and_then(|name| machine.label(&name)), Some(label));
    }
}

/// connman-service.config(5).
pub fn connman(files: &Files, machine: &Machine, seen: &mut Seen) {
    for nic in &machine.nics {
        let path = format!("var/lib/connman/osconfeth{}.config", nic.label);
        let file = text(files, &path).expect("a file for each NIC");
        let mut all = sections(&file);
        let (name, mut values) = all.pop().expect("a section");
        assert!(all.is_empty() && name == "service_osconf", "{name}");
        assert_eq!(take(&mut values, "Type"), "ethernet");
        let key = if nic.mac.is_some() {
            "MAC"
        } else {
            "DeviceName"
        };
        assert_eq!(machine.label(&take(&mut values, key)), Some(nic.label));
        let ipv4 = take(&mut values, "IPv4");
        let parts: Vec<&str> = ipv4.split('/').collect();
        let [address, mask, gateway] = parts[..] else {
            panic!("not asked for: {ipv4}");
        };
        seen.address(nic.label, address, mask);
        seen.route(nic.label, "default", gateway);
        let servers = values.remove("Nameservers");
        seen.servers(servers.iter().flat_map(|servers| servers.split(',')));
        end(&values);
    }
}

/// A section of OpenWrt's: its kind, its name, and its values in order.
struct Uci {
    kind: String,
    name: String,
    values: Vec<(String, String)>,
}

impl Uci {
    fn get(&self, key: &str) -> Option<&str> {
        let mut values = self.values.iter().rev();
        values
            .find(|(other, _)| other == key)
            .map(|(_, value)| value.as_str())
    }
}

/// OpenWrt's syntax (uci's file.c), and what netifd makes of `network`.
pub fn uci(files: &Files, machine: &Machine, seen: &mut Seen) {
    let file = text(files, "etc/config/network").expect("the file");
    let mut all: Vec<Uci> = Vec::new();
    for words in super::shell::statements(&file).expect("every quote is closed") {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words[..] {
            ["config", kind, ref name @ ..] if name.len() < 2 => all.push(Uci {
                kind: kind.to_owned(),
                name: name.concat(),
                values: Vec::new(),
            }),
            ["option" | "list", key, value] => {
                let section = all.last_mut().expect("a section");
                section.values.push((key.to_owned(), value.to_owned()));
            }
            _ => panic!("not asked for: {words:?}"),
        }
    }
    let port = |device: &str| {
        let is_it =
            |section: &&Uci| section.kind == "device" && section.get("name") == Some(device);
        let bridge = all.iter().find(is_it)?;
        bridge.get("ports").map(str::to_owned)
    };
    let mut interfaces = BTreeMap::new();
    for section in all.iter().filter(|section| section.kind == "interface") {
        let device = section
            .get("device")
            .or(section.get("ifname"))
            .unwrap_or_default();
        let name = port(device).unwrap_or(device.to_owned());
        let Some(nic) = machine.label(&name) else {
            seen.unknown(format!("interface {}", section.name));
            continue;
        };
        interfaces.insert(section.name.clone(), nic);
        assert_eq!(section.get("proto"), Some("static"));
        let [address, mask] = ["ipaddr", "netmask"].map(|key| section.get(key).expect("is there"));
        seen.address(nic, address, mask);
        if let Some(gateway) = section.get("gateway") {
            seen.route(nic, "default", gateway);
        }
        let known = [
            "device", "ifname", "proto", "ipaddr", "netmask", "gateway", "osconf",
        ];
        for (key, value) in &section.values {
            match key.as_str() {
                "dns" => seen.servers([value.as_str()]),
                key if known.contains(&key) => {}
                key => seen.unknown(format!("{key} {value}")),
            }
        }
    }
    for section in all.iter().filter(|section| section.kind == "route") {
        let interface = section.get("interface").unwrap_or_default();
        let Some(nic) = interfaces.get(interface) else {
            seen.unknown(format!("route by {interface}"));
            continue;
        };
        let [to, mask, gateway] =
            ["target", "netmask", "gateway"].map(|key| section.get(key).expect("is there"));
        seen.route(*nic, &format!("{to}/{}", super::bits(mask)), gateway);
        if section.get("onlink") == Some("1") {
            seen.direct(*nic, gateway);
        }
    }
}
