//! Formats with a syntax of their own: ifupdown's, dhcpcd's and netplan's.

use super::{Files, Machine, Seen, text};

/// interfaces(5).
pub fn eni(files: &Files, machine: &Machine, seen: &mut Seen) {
    let file = text(files, "etc/network/interfaces").expect("the file");
    let joined = file.replace("\\\n", " ");
    let mut started = Vec::new();
    // The NIC that the lines are about, if it is ours; its address and mask.
    let mut stanza: Option<(u8, &str, Vec<&str>)> = None;
    for line in joined
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
    {
        let words: Vec<&str> = line.split_whitespace().collect();
        match (words.as_slice(), &mut stanza) {
            ([], _) => {}
            (["auto", names @ ..], _) => {
                for name in names {
                    match machine.label(name) {
                        Some(nic) => started.push(nic),
                        None => seen.unknown(format!("auto {name}")),
                    }
                }
            }
            (["iface", name, family, method, ..], _) => {
                finish(seen, &stanza);
                stanza = machine
                    .label(name)
                    .filter(|_| *family == "inet")
                    .map(|nic| {
                        assert_eq!(*method, "static");
                        (nic, *name, Vec::new())
                    });
                if stanza.is_none() {
                    seen.unknown(line);
                }
            }
            (["address" | "netmask", value], Some((_, _, values))) => values.push(value),
            (["gateway", gateway], Some((nic, ..))) => seen.route(*nic, "default", gateway),
            (["up", "ip", "route", "add", words @ .., "||", "true"], Some((nic, name, _))) => {
                seen.ip_route(*nic, name, words);
            }
            (
                ["up", "route", "add", words @ .., "dev", dev, "||", "true"],
                Some((nic, name, _)),
            ) => {
                assert_eq!(dev, name);
                match words {
                    ["-host", host] => seen.direct(*nic, host),
                    ["default", "gw", gateway] => seen.route(*nic, "default", gateway),
                    ["-net", to, "netmask", mask, "gw", gateway] => {
                        seen.route(*nic, &format!("{to}/{}", super::bits(mask)), gateway);
                    }
                    _ => panic!("not asked for: {line}"),
                }
            }
            (_, Some(_)) => panic!("not asked for: {line}"),
            (_, None) => seen.unknown(line),
        }
    }
    finish(seen, &stanza);
    let mut labels: Vec<u8> = machine.nics.iter().map(|nic| nic.label).collect();
    started.sort_unstable();
    labels.sort_unstable();
    assert_eq!(started, labels, "each NIC is started once");
}

fn finish(seen: &mut Seen, stanza: &Option<(u8, &str, Vec<&str>)>) {
    if let Some((nic, _, values)) = stanza {
        let [address, mask] = values[..] else {
            panic!("an address and a mask, not {values:?}");
        };
        seen.address(*nic, address, mask);
    }
}

/// dhcpcd.conf(5).
pub fn dhcpcd(files: &Files, machine: &Machine, seen: &mut Seen) {
    let file = text(files, "etc/dhcpcd.conf").expect("the file");
    let mut nic = None;
    for line in file.lines().filter(|line| !line.starts_with('#')) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match (words.as_slice(), nic) {
            ([], _) => {}
            (["interface", name], _) => {
                nic = machine.label(name);
                if nic.is_none() {
                    seen.unknown(line);
                }
            }
            (["static", rest @ ..], Some(nic)) => {
                let (key, first) = rest[0].split_once('=').expect("a value");
                match (key, &rest[1..]) {
                    ("ip_address", []) => seen.prefix(nic, first),
                    ("routers", []) => seen.route(nic, "default", first),
                    ("routes", [gateway]) => seen.route(nic, first, gateway),
                    ("domain_name_servers", more) => {
                        seen.servers([first]);
                        seen.servers(more.iter().copied());
                    }
                    _ => panic!("not asked for: {line}"),
                }
            }
            (["nohook", "resolv.conf"], Some(_)) => {}
            _ => seen.unknown(line),
        }
    }
}

/// netplan-yaml(5), and as much of YAML as is in our own file.
pub fn netplan(files: &Files, machine: &Machine, seen: &mut Seen) {
    let file = text(files, "etc/netplan/99-osconf.yaml").expect("the file");
    let mut nic = None;
    let mut destination = None;
    let mut gateway = "";
    for line in file.lines().filter(|line| !line.starts_with('#')) {
        let text = line.trim_start_matches(' ');
        let depth = (line.len() - text.len()) / 2;
        let (key, value) = text.split_once(':').unwrap_or((text, ""));
        let value = value.trim();
        match (depth, key, value, nic) {
            (0, "network", "", _) | (1, "version", "2", _) | (1, "ethernets", "", _) => {}
            (3, "match" | "addresses" | "routes", "", Some(_)) => {}
            (2, name, "", _) => {
                let label = name.strip_prefix("0-osconf-eth").expect("a name of ours");
                nic = Some(label.parse::<u8>().expect("a number"));
            }
            (4, "macaddress", mac, Some(nic)) => {
                let mac = mac.strip_prefix('"').and_then(|mac| mac.strip_suffix('"'));
                assert_eq!(machine.label(mac.expect("quotes")), Some(nic));
            }
            (4, "name", name, Some(nic)) => assert_eq!(machine.label(name), Some(nic)),
            (3, "nameservers", list, Some(_)) => {
                let list = list
                    .strip_prefix("{addresses: [")
                    .and_then(|list| list.strip_suffix("]}"));
                // Each NIC is told the same.
                if seen.servers.is_empty() {
                    seen.servers(list.expect("a list").split(", "));
                }
            }
            (4, "- to", to, Some(_)) => {
                let is_default = to == "0.0.0.0/0";
                destination = Some(if is_default { "default" } else { to });
            }
            (4, address, "", Some(nic)) => {
                seen.prefix(nic, address.strip_prefix("- ").expect("an item"));
            }
            (5, "via", via, Some(nic)) => {
                gateway = via;
                seen.route(nic, destination.take().expect("a destination"), via);
            }
            (5, "on-link", "true", Some(nic)) => seen.direct(nic, gateway),
            _ => panic!("not asked for: {line}"),
        }
    }
}
