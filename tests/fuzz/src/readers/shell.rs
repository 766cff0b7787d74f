//! Files that a shell sources: the last assignment of a variable counts
//! (POSIX, Shell Command Language, 2.2 and 2.9.1).

use super::{Files, Machine, Seen, take, text};
use std::collections::BTreeMap;

/// The statements of a script, each a row of words without their quotes; none, if a
/// quote is never closed. `(` and `)` of arrays are words, within which a newline
/// ends nothing.
pub fn statements(text: &str) -> Option<Vec<Vec<String>>> {
    let mut all = Vec::new();
    let mut words: Vec<String> = Vec::new();
    let mut word: Option<String> = None;
    let mut is_array = false;
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '\'' | '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next()? {
                        end if end == char => break,
                        '\\' if char == '"' => word.extend(chars.next()),
                        inner => word.push(inner),
                    }
                }
            }
            '\\' => match chars.next() {
                Some('\n') | None => {}
                Some(next) => word.get_or_insert_default().push(next),
            },
            '(' | ')' => {
                words.extend(word.take());
                words.push(char.into());
                is_array = char == '(';
            }
            '#' if word.is_none() => while chars.next_if(|next| *next != '\n').is_some() {},
            ' ' | '\t' | '\r' => words.extend(word.take()),
            '\n' => {
                words.extend(word.take());
                if !is_array && !words.is_empty() {
                    all.push(core::mem::take(&mut words));
                }
            }
            _ => word.get_or_insert_default().push(char),
        }
    }
    words.extend(word);
    if !words.is_empty() {
        all.push(words);
    }
    Some(all)
}

/// The variables of a file, and what else it says.
fn variables(seen: &mut Seen, text: &str) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for statement in statements(text).expect("every quote is closed") {
        let words = match statement.as_slice() {
            [first, rest @ ..] if first == "export" => rest,
            words => words,
        };
        match words {
            [word] if word.contains('=') => {
                let (key, value) = word.split_once('=').expect("an equals sign");
                all.insert(key.to_owned(), value.to_owned());
            }
            [key, open, inner @ .., close] if open == "(" && close == ")" => {
                all.insert(key.trim_end_matches('=').to_owned(), inner.join("\n"));
            }
            words => seen.unknown(words.join(" ")),
        }
    }
    all
}

/// What is left of a file when all that was asked for is taken out.
fn rest(seen: &mut Seen, values: BTreeMap<String, String>) {
    for (key, value) in values {
        seen.unknown(format!("{key}={value}"));
    }
}

/// sysconfig.txt of initscripts; nm-settings-ifcfg-rh(5).
pub fn ifcfg(files: &Files, machine: &Machine, seen: &mut Seen) {
    for nic in &machine.nics {
        let name = &nic.name;
        let path = format!("etc/sysconfig/network-scripts/ifcfg-{name}");
        let file = text(files, &path).expect("a file for each NIC");
        let mut values = variables(seen, &file);
        assert_eq!(take(&mut values, "DEVICE"), *name);
        assert_eq!(values.remove("HWADDR"), nic.mac);
        assert_eq!(take(&mut values, "ONBOOT"), "yes");
        assert_eq!(take(&mut values, "BOOTPROTO"), "none");
        let address = take(&mut values, "IPADDR");
        seen.address(nic.label, &address, &take(&mut values, "NETMASK"));
        let gateway = values.remove("GATEWAY");
        let takes_default = if gateway.is_some() { "yes" } else { "no" };
        assert_eq!(take(&mut values, "DEFROUTE"), takes_default);
        if let Some(gateway) = gateway {
            seen.route(nic.label, "default", &gateway);
        }
        for number in 1..=8 {
            let server = values.remove(&format!("DNS{number}"));
            seen.servers(server.as_deref());
        }
        rest(seen, values);
        let path = format!("etc/sysconfig/network-scripts/route-{name}");
        let file = text(files, &path).unwrap_or_default();
        for words in statements(&file).expect("every quote is closed") {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            seen.ip_route(nic.label, name, &words);
        }
    }
    let file = text(files, "etc/sysconfig/network").expect("the global file");
    let mut values = variables(seen, &file);
    assert_eq!(take(&mut values, "NETWORKING"), "yes");
    rest(seen, values);
}

/// ifcfg(5) and ifroute(5) of SUSE.
pub fn wicked(files: &Files, machine: &Machine, seen: &mut Seen) {
    for nic in &machine.nics {
        let name = &nic.name;
        let path = format!("etc/sysconfig/network/ifcfg-{name}");
        let file = text(files, &path).expect("a file for each NIC");
        let mut values = variables(seen, &file);
        assert_eq!(take(&mut values, "STARTMODE"), "auto");
        assert_eq!(take(&mut values, "BOOTPROTO"), "static");
        let address = take(&mut values, "IPADDR");
        seen.address(nic.label, &address, &take(&mut values, "NETMASK"));
        rest(seen, values);
        let path = format!("etc/sysconfig/network/ifroute-{name}");
        let file = text(files, &path).unwrap_or_default();
        for line in file.lines().filter(|line| !line.starts_with('#')) {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.as_slice() {
                [] => {}
                // IPv6.
                [destination, ..] if destination.contains(':') => seen.unknown(line),
                [host, "-", "-", dev] if dev == name => seen.direct(nic.label, host),
                [destination, gateway, "-", dev] if dev == name => {
                    seen.route(nic.label, destination, gateway);
                }
                _ => seen.unknown(line),
            }
        }
    }
    let file = text(files, "etc/sysconfig/network/config").unwrap_or_default();
    let mut values = variables(seen, &file);
    let servers = values.remove("NETCONFIG_DNS_STATIC_SERVERS");
    seen.servers(servers.iter().flat_map(|servers| servers.split(' ')));
    rest(seen, values);
}

/// netctl.profile(5).
pub fn netctl(files: &Files, machine: &Machine, seen: &mut Seen) {
    for nic in &machine.nics {
        let path = format!("etc/netctl/osconf_eth{}", nic.label);
        let file = text(files, &path).expect("a profile for each NIC");
        let mut values = variables(seen, &file);
        assert_eq!(take(&mut values, "Interface"), nic.name);
        assert_eq!(take(&mut values, "Connection"), "ethernet");
        assert_eq!(take(&mut values, "SkipNoCarrier"), "yes");
        assert_eq!(take(&mut values, "IP"), "static");
        seen.prefix(nic.label, &take(&mut values, "Address"));
        for command in take(&mut values, "IPCustom").lines() {
            let words: Vec<&str> = command.split(' ').collect();
            match words.as_slice() {
                ["route", "append", words @ ..] => seen.ip_route(nic.label, &nic.name, words),
                _ => panic!("not asked for: {command}"),
            }
        }
        rest(seen, values);
    }
}

/// net.example.Linux of netifrc.
pub fn netifrc(files: &Files, machine: &Machine, seen: &mut Seen) {
    let file = text(files, "etc/conf.d/net").expect("the file");
    let mut values = variables(seen, &file);
    for nic in &machine.nics {
        let is_word = |char: char| {
            if char.is_ascii_alphanumeric() {
                char
            } else {
                '_'
            }
        };
        let name: String = nic.name.chars().map(is_word).collect();
        seen.prefix(nic.label, &take(&mut values, &format!("config_{name}")));
        for line in take(&mut values, &format!("routes_{name}")).lines() {
            let words: Vec<&str> = line.split(' ').collect();
            match words.as_slice() {
                [""] => {}
                [destination, "via", gateway] => seen.route(nic.label, destination, gateway),
                [host] => seen.direct(nic.label, host),
                _ => panic!("not asked for: {line}"),
            }
        }
    }
    let servers = values.remove("dns_servers");
    seen.servers(servers.iter().flat_map(|servers| servers.split(' ')));
    rest(seen, values);
}

/// rc.inet1.conf(5), and what rc.local adds.
pub fn slackware(files: &Files, machine: &Machine, seen: &mut Seen) {
    let file = text(files, "etc/rc.d/rc.inet1.conf").expect("the file");
    let mut values = variables(seen, &file);
    let most: usize = values
        .remove("MAXNICS")
        .map_or(6, |most| most.parse().expect("a number"));
    for slot in 0..most {
        let mut value = |key: &str| values.remove(&format!("{key}[{slot}]")).unwrap_or_default();
        let name = value("IFNAME");
        let (address, mask) = (value("IPADDR"), value("NETMASK"));
        let addresses = value("IPADDRS");
        let more = [value("IPALIASES"), value("USE_DHCP"), value("HWADDR")];
        let name = if name.is_empty() {
            format!("eth{slot}")
        } else {
            name
        };
        // rc.inet1 takes the first slot that has the name.
        match machine.label(&name) {
            Some(nic)
                if seen
                    .network
                    .addresses
                    .iter()
                    .any(|address| address.0 == nic) => {}
            Some(nic) => {
                assert_eq!(more.concat(), "", "{name}");
                match address.as_str() {
                    "" => seen.prefix(nic, &addresses),
                    address => seen.address(nic, address, &mask),
                }
            }
            None => seen.unknown([address, addresses].concat()),
        }
    }
    if let Some(gateway) = values
        .remove("GATEWAY")
        .filter(|gateway| !gateway.is_empty())
    {
        seen.route(None, "default", &gateway);
    }
    rest(seen, values);
    let file = text(files, "etc/rc.d/rc.local").unwrap_or_default();
    for words in statements(&file).expect("every quote is closed") {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["/sbin/ip", "route", "replace", words @ .., "dev", name] => {
                let nic = machine.label(name).expect("one of our NICs");
                seen.ip_route(nic, name, &[words, &["dev", name]].concat());
            }
            words => seen.unknown(words.join(" ")),
        }
    }
}

/// Our own: the syntax of os.conf.
pub fn kernel(files: &Files, machine: &Machine, seen: &mut Seen) {
    let file = text(files, "etc/osconf/network").expect("the file");
    let mut values = variables(seen, &file);
    for nic in &machine.nics {
        let mut value = |key: &str| values.remove(&format!("eth{}_{key}", nic.label));
        let mac = value("mac_addr");
        assert_eq!(mac, nic.mac);
        let (address, mask) = (
            value("ip_addr").expect("address"),
            value("netmask").expect("mask"),
        );
        seen.address(nic.label, &address, &mask);
        for pair in value("route").iter().flat_map(|routes| routes.split(';')) {
            let (destination, gateway) = pair.split_once(' ').expect("a pair");
            seen.route(nic.label, destination, gateway);
        }
    }
    rest(seen, values);
}
