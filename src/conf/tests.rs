//! os.conf files, each with what it means.

use super::*;
use crate::text::{Buf, put};
use std::string::String;
use std::vec::Vec as List;

/// A conf in words, and the names of its findings with line and column.
fn read(source: &str) -> (String, List<String>) {
    let mut findings = Findings::default();
    let conf = parse(source.as_bytes(), &mut findings);
    let mut bytes = [0; 4096];
    let mut out = Buf::new(&mut bytes);
    match &conf.host_name {
        Wish::Value(name) => put!(
            out,
            "name {}\n",
            core::str::from_utf8(name.as_bytes()).unwrap()
        ),
        Wish::Invalid => put!(out, "name?\n"),
        Wish::Nothing => {}
    }
    match &conf.password {
        Wish::Value(secret) => put!(out, "password of {}\n", secret.expose().len()),
        Wish::Invalid => put!(out, "password?\n"),
        Wish::Nothing => {}
    }
    match &conf.network {
        Wish::Value(network) => write_network(&mut out, network),
        Wish::Invalid => put!(out, "network?\n"),
        Wish::Nothing => {}
    }
    match &conf.name_servers {
        Wish::Value(servers) => servers
            .iter()
            .for_each(|server| put!(out, "dns {}\n", *server)),
        Wish::Invalid => put!(out, "dns?\n"),
        Wish::Nothing => {}
    }
    let found = findings
        .iter()
        .map(|finding| {
            let at = Position::of(finding.span.start, source.as_bytes());
            std::format!("{}:{} {:?}", at.line, at.column, finding.fault)
        })
        .collect();
    (String::from_utf8_lossy(out.as_bytes()).into_owned(), found)
}

fn write_network(out: &mut Buf<'_>, network: &Network) {
    for nic in &network.nics {
        put!(
            out,
            "nic {} {}/{}",
            nic.label,
            nic.address,
            nic.mask.length()
        );
        if let Some(mac) = nic.mac {
            put!(out, " {}", mac);
        }
        out.push(b"\n");
        for route in network.routes_of(nic) {
            put!(
                out,
                "route {} {} {}\n",
                nic.label,
                route.destination,
                route.gateway
            );
        }
        if let Some(gateway) = network.default_gateway_of(nic) {
            put!(out, "default {} {}\n", nic.label, gateway);
        }
    }
}

#[track_caller]
fn check(source: &str, meaning: &str, findings: &[&str]) {
    assert_eq!(
        read(source),
        (
            meaning.into(),
            findings.iter().copied().map(String::from).collect()
        ),
        "{source}"
    );
}

/// A NIC with everything that it needs, so that a case can say only what differs.
const NIC: &str = "eth0_ip_addr=10.0.0.2\neth0_netmask=255.255.255.0\neth0_mac_addr=00:16:3e:00:00:01\neth0_gateway=10.0.0.1\n";
const NIC1: &str = "eth1_ip_addr=42.0.0.2\neth1_netmask=255.255.255.0\neth1_mac_addr=00:16:3e:00:00:02\neth1_gateway=42.0.0.1\n";

#[test]
fn the_classic_sample_means_two_nics_and_one_default_route() {
    check(
        "hostname=iZ23r29djmjZ\npassword=cXdlcjEyMzQK\neth0_ip_addr=10.171.254.123\neth0_mac_addr=00:8c:fa:5e:14:23\neth0_netmask=255.255.255.0\neth0_gateway=10.171.254.1\neth0_route=\"10.0.0.0/8 10.171.254.1;172.16.0.0/12 10.171.254.1\"\neth1_ip_addr=42.120.74.105\neth1_mac_addr=00:8c:fa:5e:14:24\neth1_netmask=255.255.255.0\neth1_gateway=42.120.74.1\neth1_route=\"0.0.0.0/0 42.120.74.1\"\ndns_nameserver=\"7.7.7.7 8.8.8.8\"\n",
        "name iZ23r29djmjZ\npassword of 8\nnic 0 10.171.254.123/24 00:8c:fa:5e:14:23\nroute 0 10.0.0.0/8 10.171.254.1\nroute 0 172.16.0.0/12 10.171.254.1\nnic 1 42.120.74.105/24 00:8c:fa:5e:14:24\ndefault 1 42.120.74.1\ndns 7.7.7.7\ndns 8.8.8.8\n",
        &[],
    );
}

#[test]
fn the_default_route_comes_from_a_list_or_from_the_outer_gateway() {
    let eth0 = "nic 0 10.0.0.2/24 00:16:3e:00:00:01\n";
    let eth1 = "nic 1 42.0.0.2/24 00:16:3e:00:00:02\n";
    check(NIC, &std::format!("{eth0}default 0 10.0.0.1\n"), &[]);
    check(
        &std::format!("{NIC}{NIC1}"),
        &std::format!("{eth0}{eth1}default 1 42.0.0.1\n"),
        &[],
    );
    check(
        &std::format!("{NIC}eth0_route='default 10.0.0.9'\n{NIC1}"),
        &std::format!("{eth0}default 0 10.0.0.9\n{eth1}"),
        &[],
    );
    check(
        &std::format!("{NIC}eth0_route='0.0.0.0/0 10.0.0.9'\n{NIC1}eth1_route='default 42.0.0.9'"),
        &std::format!("{eth0}{eth1}default 1 42.0.0.9\n"),
        &["5:13 DefaultTwice"],
    );
    let eth2 = NIC1.replace("eth1", "eth2");
    check(
        &std::format!("{NIC}eth0_route='default 10.0.0.9'\n{eth2}eth2_route='default 42.0.0.9'"),
        &std::format!(
            "{eth0}default 0 10.0.0.9\n{}",
            eth1.replace("nic 1", "nic 2")
        ),
        &["10:13 DefaultTwice"],
    );
    check(&eth2, &eth1.replace("nic 1", "nic 2"), &["1:14 NoDefault"]);
}

#[test]
fn the_network_type_is_not_a_matter_of_text_search() {
    check(
        &std::format!("hostname=eth1-box\n# eth1_route\n{NIC}"),
        "name eth1-box\nnic 0 10.0.0.2/24 00:16:3e:00:00:01\ndefault 0 10.0.0.1\n",
        &[],
    );
}

#[test]
fn every_form_of_a_route_is_read_and_every_pair_counts() {
    let routes = "10.1.0.0/16 10.0.0.1; 10.2.0.0/255.255.0.0 10.0.0.1,10.3.0.9 10.0.0.1\n10.4.0.1/16  10.0.0.1;;10.1.0.0/16 10.0.0.3;";
    check(
        &std::format!("{NIC}eth0_route=\"{routes}\""),
        "nic 0 10.0.0.2/24 00:16:3e:00:00:01\nroute 0 10.1.0.0/16 10.0.0.1\nroute 0 10.2.0.0/16 10.0.0.1\nroute 0 10.3.0.9/32 10.0.0.1\nroute 0 10.4.0.0/16 10.0.0.1\ndefault 0 10.0.0.1\n",
        &["6:1 RouteHostBits", "6:24 RouteTwice"],
    );
    let nic0 = "nic 0 10.0.0.2/24 00:16:3e:00:00:01\n";
    check(
        &std::format!("{NIC}eth0_route='default 10.0.0.1;default 10.0.0.9'"),
        &std::format!("{nic0}default 0 10.0.0.1\n"),
        &["5:30 RouteTwice"],
    );
    check(
        &std::format!(
            "{NIC}eth0_route='10.1.0.0/16 10.0.0.1'\n{NIC1}eth1_route='10.1.0.0/16 42.0.0.1'"
        ),
        &std::format!(
            "{nic0}route 0 10.1.0.0/16 10.0.0.1\nnic 1 42.0.0.2/24 00:16:3e:00:00:02\ndefault 1 42.0.0.1\n"
        ),
        &["10:13 RouteElsewhere"],
    );
    for (route, finding) in [
        ("10.1.0.0/16", "5:13 RouteWords"),
        ("10.1.0.0/16 via 10.0.0.1", "5:13 RouteWords"),
        ("10.1.0.0/33 10.0.0.1", "5:13 RouteDestination"),
        ("10.1.0.0/255.0.255.0 10.0.0.1", "5:13 RouteDestination"),
        ("10.1.0.0/ 10.0.0.1", "5:13 RouteDestination"),
        ("x 10.0.0.1", "5:13 RouteDestination"),
        ("10.1.0.0/16 10.0.0.256", "5:25 Address"),
        ("10.1.0.0/16 0.0.0.0", "5:25 NotAHost"),
        ("10.1.0.0/16 10.0.0.2", "5:25 GatewayIsOwn"),
    ] {
        check(
            &std::format!("{NIC}eth0_route='{route}'"),
            "network?\n",
            &[finding],
        );
    }
}

#[test]
fn a_nic_needs_address_and_mask_and_nothing_that_another_has() {
    for (source, findings) in [
        (
            "eth0_gateway=10.0.0.1",
            &["1:14 NoAddress", "1:14 NoMask", "1:14 NoMac"][..],
        ),
        (
            "eth0_ip_addr=10.0.0.2\neth0_mac_addr=00:16:3e:00:00:01",
            &["1:14 NoMask"],
        ),
    ] {
        check(source, "network?\n", findings);
    }
    for (key, value, finding) in [
        ("ip_addr", "10.0.0", "Address"),
        ("ip_addr", "127.0.0.1", "NotAHost"),
        ("ip_addr", "224.0.0.1", "NotAHost"),
        ("netmask", "255.0.255.0", "Mask"),
        ("netmask", "24", "Mask"),
        ("netmask", "0.0.0.0", "MaskEmpty"),
        ("mac_addr", "00:16:3e:00:00", "Mac"),
        ("mac_addr", "ff:ff:ff:ff:ff:ff", "MacOfNoNic"),
        ("gateway", "10.0.0.2", "GatewayIsOwn"),
    ] {
        let lines = NIC.lines().map(|line| match line.split_once('=') {
            Some((name, _)) if name.ends_with(key) => std::format!("{name}={value}\n"),
            _ => std::format!("{line}\n"),
        });
        let (meaning, found) = read(&lines.collect::<String>());
        assert_eq!(meaning, "network?\n", "{key}={value}");
        assert!(
            found.iter().any(|found| found.ends_with(finding)),
            "{found:?}"
        );
    }
    let twin = NIC.replace("eth0", "eth2");
    check(
        &std::format!("{NIC}{twin}"),
        "network?\n",
        &["5:14 AddressTwice", "7:15 MacTwice"],
    );
}

#[test]
fn doubts_are_told_and_the_rest_is_applied() {
    check("hostname=a\nhostname=b\n", "name b\n", &["2:1 Again"]);
    check("hostname=a\nhostname=\n", "", &["2:1 Again"]);
    check("hostname=a\nuser_data=x\n", "name a\n", &["2:1 UnknownKey"]);
    check("foo=$(id)\nhostname=a", "name a\n", &["1:1 UnknownKey"]);
    check(
        "hostname=\neth0_ip_addr=\npassword=\"\"\ndns_nameserver=' '",
        "",
        &[],
    );
    check("", "", &["1:1 NoAssignments"]);
    check("# nothing\n\n", "", &["1:1 NoAssignments"]);
    let unnamed = NIC.replace("eth0_mac_addr=00:16:3e:00:00:01\n", "");
    check(
        &unnamed,
        "nic 0 10.0.0.2/24\ndefault 0 10.0.0.1\n",
        &["1:14 NoMac"],
    );
    let edge = NIC.replace("=10.0.0.2", "=10.0.0.255");
    check(
        &edge,
        "nic 0 10.0.0.255/24 00:16:3e:00:00:01\ndefault 0 10.0.0.1\n",
        &["1:14 EdgeOfSubnet"],
    );
    for (mask, length) in [("255.255.255.255", 32), ("255.255.255.254", 31)] {
        check(
            &NIC.replace("255.255.255.0", mask),
            &std::format!("nic 0 10.0.0.2/{length} 00:16:3e:00:00:01\ndefault 0 10.0.0.1\n"),
            &[],
        );
    }
}

#[test]
fn a_fault_spoils_its_part_and_no_other() {
    check(
        "hostname=$(id)\ndns_nameserver=7.7.7.7",
        "name?\ndns 7.7.7.7\n",
        &["1:10 Special(36)"],
    );
    check(
        "password=a;reboot\nhostname=a",
        "name a\npassword?\n",
        &["1:11 Special(59)"],
    );
    check(
        "eth16_ip_addr=10.0.0.2\nhostname=a",
        "name a\nnetwork?\n",
        &["1:1 NicLimit"],
    );
    check(
        "dns_nameserver='7.7.7.7 ::1'\nhostname=a",
        "name a\ndns?\n",
        &["1:25 NameServer"],
    );
}

#[test]
fn a_line_that_is_no_assignment_spoils_the_file() {
    let all = "name?\npassword?\nnetwork?\ndns?\n";
    check("hostname=a\nreboot\n", all, &["2:1 NotAnAssignment"]);
    check("hostname=a\npassword='b\n", all, &["2:10 OpenQuote"]);
    check("hostname = a\n", all, &["1:1 BlankAtEquals"]);
}

#[test]
fn name_servers_are_few_and_different() {
    check(
        "dns_nameserver=\"7.7.7.7 8.8.8.8  7.7.7.7\t127.0.0.53\n9.9.9.9\"",
        "dns 7.7.7.7\ndns 8.8.8.8\ndns 127.0.0.53\ndns 9.9.9.9\n",
        &["1:34 NameServerTwice", "2:1 NameServersUnread"],
    );
    let many: String = (1..=9).map(|n| std::format!("10.0.0.{n} ")).collect();
    let (meaning, found) = read(&std::format!("dns_nameserver='{many}'"));
    assert_eq!(meaning, "dns?\n");
    assert!(found.contains(&"1:89 NameServerLimit".into()), "{found:?}");
}

#[test]
#[cfg_attr(miri, ignore = "a million comparisons of routes")]
fn more_routes_than_the_limit_are_an_error_that_names_it() {
    let list = |count: usize| {
        let routes: String = (0..count)
            .map(|n| std::format!("10.{}.{}.0/24 10.0.0.1;", n / 256 + 1, n % 256))
            .collect();
        read(&std::format!("{NIC}eth0_route=\"{routes}\"")).1
    };
    assert_eq!(list(ROUTES), List::<String>::new());
    assert_eq!(list(ROUTES + 1).len(), 1);
    assert!(list(10_000)[0].ends_with("RouteLimit"));
}

#[test]
fn no_text_makes_the_reader_panic_or_point_outside_of_it() {
    const PIECES: [&str; 30] = [
        "hostname=",
        "password=",
        "eth0_ip_addr=",
        "eth0_netmask=",
        "eth0_mac_addr=",
        "eth0_gateway=",
        "eth0_route=",
        "eth1_ip_addr=",
        "eth16_route=",
        "dns_nameserver=",
        "export ",
        "\"",
        "'",
        "\n",
        "\r\n",
        " ",
        "#",
        ";",
        "$",
        "`",
        "\\",
        "=",
        "\0",
        "10.0.0.1",
        "255.255.255.0",
        "00:16:3e:00:00:01",
        "default 10.0.0.9",
        "cXdlcg==",
        "\u{feff}",
        "a",
    ];
    // A small generator (xorshift) is enough, and the seed is in the source.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below as u64).unwrap()
    };
    for _ in 0..if cfg!(miri) { 100 } else { 20_000 } {
        let source: String = (0..random(40))
            .map(|_| PIECES[random(PIECES.len())])
            .collect();
        let mut findings = Findings::default();
        drop(parse(source.as_bytes(), &mut findings));
        for finding in findings.iter() {
            assert!(finding.span.start <= source.len(), "{source:?} {finding:?}");
            let mut bytes = [0; 512];
            let mut out = Buf::new(&mut bytes);
            finding.fault.describe(&mut out);
            assert!(!out.is_empty() && !out.overflowed(), "{finding:?}");
        }
    }
}

fn network_of(source: &str) -> Network {
    match parse(source.as_bytes(), &mut Findings::default()).network {
        Wish::Value(network) => network,
        _ => panic!("{source}"),
    }
}

#[test]
fn a_gateway_outside_the_subnet_is_made_reachable_once_for_each_nic() {
    let network = network_of(&std::format!(
        "{NIC}eth0_route='10.1.0.0/16 10.9.0.1;10.2.0.0/16 10.0.0.1;10.3.0.0/16 10.9.0.1'\n{}eth1_route='10.4.0.0/16 10.9.0.1;10.5.0.0/16 42.0.0.1'",
        NIC1.replace("=42.0.0.1", "=10.9.0.1")
    ));
    let hops = |nic: &Nic| -> List<String> {
        network
            .hops(nic)
            .map(|hop| {
                let mut bytes = [0; 64];
                let mut out = Buf::new(&mut bytes);
                match hop {
                    Hop::Direct(gateway) => put!(out, "{}", gateway),
                    Hop::Via(route) => put!(out, "{} {}", route.destination, route.gateway),
                }
                String::from_utf8_lossy(out.as_bytes()).into_owned()
            })
            .collect()
    };
    assert_eq!(
        hops(&network.nics[0]),
        [
            "10.9.0.1",
            "10.1.0.0/16 10.9.0.1",
            "10.2.0.0/16 10.0.0.1",
            "10.3.0.0/16 10.9.0.1"
        ]
    );
    assert_eq!(
        hops(&network.nics[1]),
        [
            "10.9.0.1",
            "0.0.0.0/0 10.9.0.1",
            "10.4.0.0/16 10.9.0.1",
            "10.5.0.0/16 42.0.0.1"
        ]
    );
}

#[test]
fn the_outer_nic_is_that_of_the_default_route_or_the_first() {
    let both = std::format!("{NIC}{NIC1}");
    for (source, outer) in [
        (NIC, 0),
        (&both, 1),
        (&both.replace("eth1_gateway=42.0.0.1\n", ""), 0),
        (
            &std::format!("{NIC}eth0_route='default 10.0.0.1'\n{NIC1}"),
            0,
        ),
    ] {
        let network = network_of(source);
        assert_eq!(
            network.outer().map(|nic| nic.label),
            Some(outer),
            "{source}"
        );
    }
    assert_eq!(Network::default().outer(), None);
}

#[test]
fn a_nic_is_found_by_its_mac_address_in_any_spelling() {
    let network = network_of(&std::format!("{NIC}{NIC1}"));
    for (text, label) in [
        ("00:16:3e:00:00:02", Some(1)),
        ("00-16-3E-00-00-01", Some(0)),
        ("00:16:3e:00:00:03", None),
        ("", None),
    ] {
        let nic = network.with_mac(text.as_bytes());
        assert_eq!(nic.map(|nic| nic.label), label, "{text}");
    }
}

#[test]
fn a_nic_of_os_conf_is_never_by_dhcp() {
    let nic = network_of(NIC).nics[0];
    assert!(!nic.is_by_dhcp() && !nic.is_at_rest());
    let nic = Nic::by_dhcp(0, nic.mac);
    assert!(nic.is_by_dhcp());
    assert_eq!(nic.is_at_rest(), cfg!(feature = "prepare"));
}

#[test]
fn only_a_default_route_by_a_gateway_in_the_subnet_has_a_word_of_its_own() {
    for (route, is_near) in [
        ("default 10.0.0.1", &[true][..]),
        ("default 10.9.0.1", &[false, false]),
        ("10.1.0.0/16 10.0.0.1", &[true, false]),
    ] {
        let network = network_of(&std::format!("{NIC}eth0_route='{route}'"));
        let nic = &network.nics[0];
        let found: List<bool> = network
            .hops(nic)
            .map(|hop| hop.is_near_default(nic))
            .collect();
        assert_eq!(found, is_near, "{route}");
    }
}
