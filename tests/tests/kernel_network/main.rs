//! The running kernel after `kernel::apply`, as iproute2 sees it.
//!
//! Each test has a network namespace of its own, with veth pairs as NICs, and
//! needs `unshare` (util-linux), `ip` (iproute2), and either root or user
//! namespaces. What osconf sends is recorded on the way to the real kernel.

mod rig;

use osconf::network::kernel::{self, Step};
use osconf::value::Ipv4;
use rig::{Recorder, applied, ip, ip_script, namespace, network, nics, routes};

/// The sample of the classic network in Alibaba Cloud's page.
const CLASSIC: &str = "\
eth0_ip_addr=10.171.254.123
eth0_mac_addr=00:8c:fa:5e:14:23
eth0_netmask=255.255.255.0
eth0_gateway=10.171.254.1
eth0_route=\"10.0.0.0/8 10.171.254.1;172.16.0.0/12 10.171.254.1\"
eth1_ip_addr=42.120.74.105
eth1_mac_addr=00:8c:fa:5e:14:24
eth1_netmask=255.255.252.0
eth1_gateway=42.120.74.1
eth1_route=\"0.0.0.0/0 42.120.74.1\"
";

/// What iproute2 shows once it is applied.
const CLASSIC_ROUTES: &str = "\
10.0.0.0/8 via 10.171.254.1 dev eth0 proto static
10.171.254.0/24 dev eth0 proto kernel scope link src 10.171.254.123
172.16.0.0/12 via 10.171.254.1 dev eth0 proto static
42.120.72.0/22 dev eth1 proto kernel scope link src 42.120.74.105
default via 42.120.74.1 dev eth1 proto static";

const VPC: &str = "\
eth0_ip_addr=10.171.254.123
eth0_mac_addr=00:8c:fa:5e:14:23
eth0_netmask=255.255.255.0
eth0_gateway=10.171.254.1
";

const VPC_ROUTES: &str = "\
10.171.254.0/24 dev eth0 proto kernel scope link src 10.171.254.123
default via 10.171.254.1 dev eth0 proto static";

fn address(link: &str) -> String {
    let text = ip(&format!("-4 -o addr show dev {link}"));
    let lines = text.lines().map(|line| {
        let words: Vec<_> = line.split_whitespace().skip(2).collect();
        words.join(" ").replace('\\', "")
    });
    lines.collect::<Vec<_>>().join("\n")
}

const ETH0: &str = "inet 10.171.254.123/24 brd 10.171.254.255 scope global eth0 valid_lft forever preferred_lft forever";

/// All that iproute2 can tell, and that must not change in a second run.
fn everything() -> String {
    ip("-d addr") + &ip("-d -4 route show table all") + &ip("-d -6 route")
}

#[test]
fn the_classic_sample_stands_and_a_second_run_sends_no_change() {
    namespace(
        "the_classic_sample_stands_and_a_second_run_sends_no_change",
        || {
            nics(&[("eth0", 0x23), ("eth1", 0x24)]);
            let network = network(CLASSIC);
            let first = Recorder::default();
            assert!(applied(&first, &network).is_complete());
            // lo and two links up, two addresses, three routes.
            assert_eq!(first.changes(), 8);
            assert_eq!(routes(), CLASSIC_ROUTES);
            assert_eq!(address("eth0"), ETH0);
            assert_eq!(
                address("eth1"),
                "inet 42.120.74.105/22 brd 42.120.75.255 scope global eth1 valid_lft forever preferred_lft forever"
            );
            assert!(address("lo").starts_with("inet 127.0.0.1/8"));
            let before = everything();
            let second = Recorder::default();
            assert!(applied(&second, &network).is_complete());
            assert_eq!(second.changes(), 0);
            assert_eq!(everything(), before);
        },
    );
}

#[test]
fn the_mac_decides_and_not_the_name() {
    namespace("the_mac_decides_and_not_the_name", || {
        nics(&[("eth0", 0x24), ("ens5", 0x23)]);
        assert!(applied(&Recorder::default(), &network(CLASSIC)).is_complete());
        let swapped = CLASSIC_ROUTES
            .replace("eth0", "ens5")
            .replace("eth1", "eth0");
        assert_eq!(routes(), swapped);
    });
}

#[test]
fn a_nic_that_is_not_there_is_named_and_the_other_one_works() {
    namespace(
        "a_nic_that_is_not_there_is_named_and_the_other_one_works",
        || {
            nics(&[("eth0", 0x23)]);
            let outcome = applied(&Recorder::default(), &network(CLASSIC));
            assert_eq!(outcome.missing.as_slice(), [1]);
            assert!(outcome.faults == 0 && !outcome.is_complete());
            let ours = CLASSIC_ROUTES.lines().filter(|line| line.contains("eth0"));
            assert_eq!(routes(), ours.collect::<Vec<_>>().join("\n"));
        },
    );
}

#[test]
fn a_single_host_and_a_gateway_outside_its_subnet_are_on_link() {
    namespace(
        "a_single_host_and_a_gateway_outside_its_subnet_are_on_link",
        || {
            nics(&[("eth0", 0x23)]);
            let network = network(
                "eth0_ip_addr=198.51.100.7
             eth0_mac_addr=00:8c:fa:5e:14:23
             eth0_netmask=255.255.255.255
             eth0_gateway=198.51.100.1
             eth0_route='10.0.0.0/8 203.0.113.9'",
            );
            let first = Recorder::default();
            assert!(applied(&first, &network).is_complete());
            assert_eq!(
                routes(),
                "10.0.0.0/8 via 203.0.113.9 dev eth0 proto static onlink\n\
             default via 198.51.100.1 dev eth0 proto static onlink"
            );
            assert_eq!(
                address("eth0"),
                "inet 198.51.100.7/32 scope global eth0 valid_lft forever preferred_lft forever"
            );
            let second = Recorder::default();
            assert!(applied(&second, &network).is_complete());
            assert_eq!(second.changes(), 0);
        },
    );
}

#[test]
fn a_thousand_routes_are_made_once() {
    namespace("a_thousand_routes_are_made_once", || {
        nics(&[("eth0", 0x23)]);
        let pairs: Vec<_> = (0..1000)
            .map(|n| format!("10.{}.{}.0/24 10.171.254.{}", n / 250, n % 250, 2 + n % 100))
            .collect();
        let text = format!("{VPC}eth0_route='{}'\n", pairs.join(";"));
        let network = network(&text);
        let first = Recorder::default();
        assert!(applied(&first, &network).is_complete());
        let found = routes();
        for pair in &pairs {
            let (destination, gateway) = pair.split_once(' ').unwrap();
            let line = format!("{destination} via {gateway} dev eth0 proto static");
            assert!(found.lines().any(|found| found == line), "{line}");
        }
        assert_eq!(found.lines().count(), 1002);
        // lo, eth0, its address, and each route.
        assert_eq!(first.changes(), 3 + 1001);
        let second = Recorder::default();
        assert!(applied(&second, &network).is_complete());
        assert_eq!(second.changes(), 0);
        // All of them are stale for another os.conf: more than one look finds.
        assert!(applied(&Recorder::default(), &self::network(VPC)).is_complete());
        assert_eq!(routes(), VPC_ROUTES);
    });
}

#[test]
fn what_a_dhcp_client_left_is_gone() {
    namespace("what_a_dhcp_client_left_is_gone", || {
        nics(&[("eth0", 0x23), ("eth1", 0x24)]);
        ip_script(
            "link set eth0 up
             addr add 192.168.7.2/24 brd + dev eth0 valid_lft 600 preferred_lft 600
             addr add 10.171.254.99/24 dev eth0
             addr add 10.171.254.123/24 dev eth0
             addr add 169.254.3.4/16 scope link dev eth0
             addr add 10.171.254.123/16 dev eth0
             addr add 10.171.254.7 peer 10.99.0.1/32 dev eth0
             addr add 10.171.254.123 peer 10.99.0.1/24 dev eth0
             -6 addr add fd00::5/64 dev eth0 nodad
             route add default via 192.168.7.1 dev eth0 proto dhcp src 192.168.7.2 metric 100
             route add default via 192.168.7.1 dev eth0
             route add 10.8.0.0/16 via 10.171.254.5 dev eth0
             route add 203.0.113.0/24 dev eth0 scope link",
        );
        assert!(applied(&Recorder::default(), &network(CLASSIC)).is_complete());
        assert_eq!(routes(), CLASSIC_ROUTES);
        assert_eq!(address("eth0"), ETH0);
        assert!(ip("-6 addr show dev eth0").contains("fd00::5/64"));
    });
}

#[test]
fn a_lease_of_our_own_address_becomes_permanent_without_a_gap() {
    namespace(
        "a_lease_of_our_own_address_becomes_permanent_without_a_gap",
        || {
            nics(&[("eth0", 0x23)]);
            ip_script(
                "link set lo up
             link set eth0 up
             addr add 10.171.254.123/24 brd + dev eth0 valid_lft 600 preferred_lft 600
             route add default via 10.171.254.1 dev eth0 proto dhcp src 10.171.254.123",
            );
            let recorder = Recorder::default();
            assert!(applied(&recorder, &network(VPC)).is_complete());
            assert_eq!(recorder.changes(), 1);
            assert_eq!(address("eth0"), ETH0);
            assert!(routes().contains("default via 10.171.254.1 dev eth0 proto dhcp"));
        },
    );
}

#[test]
fn an_address_without_the_route_to_its_subnet_is_made_anew() {
    namespace(
        "an_address_without_the_route_to_its_subnet_is_made_anew",
        || {
            nics(&[("eth0", 0x23)]);
            ip_script(
                "link set eth0 up
             addr add 10.171.254.123/24 dev eth0 noprefixroute",
            );
            assert!(applied(&Recorder::default(), &network(VPC)).is_complete());
            assert_eq!(routes(), VPC_ROUTES);
        },
    );
}

#[test]
fn routes_of_every_shape_are_removed_exactly() {
    namespace("routes_of_every_shape_are_removed_exactly", || {
        nics(&[("eth0", 0x23), ("other", 0x99)]);
        ip_script(
            "link set lo up
             link set eth0 up
             link set other up
             addr add 10.171.254.123/24 dev eth0
             addr add 192.0.2.1/24 dev other
             route add default via 192.0.2.9 dev other metric 50
             route add default nexthop via 10.171.254.8 dev eth0 nexthop via 192.0.2.8 dev other
             route append default via 192.0.2.9 dev other
             route append unreachable default
             route add 10.7.0.0/16 nexthop via 192.0.2.8 dev other nexthop via 10.171.254.9 dev eth0
             route add 10.7.0.0/16 via 192.0.2.7 dev other metric 7
             route add 10.1.0.0/16 via 192.0.2.7 dev other
             route append 10.1.0.0/16 nexthop via 192.0.2.8 dev other nexthop via 10.171.254.9 dev eth0
             nexthop add id 5 via 10.171.254.6 dev eth0
             route add 10.6.0.0/16 nhid 5
             route add 10.5.0.0/16 tos 0x10 via 10.171.254.5 dev eth0
             route add 10.4.0.0/16 via inet6 fe80::1 dev eth0
             route add 10.3.0.0/16 via 10.171.254.5 dev eth0 table 7
             route add blackhole 10.2.0.0/16",
        );
        let outcome = applied(&Recorder::default(), &network(VPC));
        assert!(outcome.is_complete());
        assert_eq!(
            routes(),
            "10.1.0.0/16 via 192.0.2.7 dev other\n\
             10.171.254.0/24 dev eth0 proto kernel scope link src 10.171.254.123\n\
             10.7.0.0/16 via 192.0.2.7 dev other metric 7\n\
             192.0.2.0/24 dev other proto kernel scope link src 192.0.2.1\n\
             blackhole 10.2.0.0/16\n\
             default via 10.171.254.1 dev eth0 proto static\n\
             default via 192.0.2.9 dev other metric 50"
        );
        assert!(ip("-4 route show table 7").contains("10.3.0.0/16"));
        let second = Recorder::default();
        assert!(applied(&second, &network(VPC)).is_complete());
        assert_eq!(second.changes(), 0);
    });
}

#[test]
fn a_route_to_the_own_subnet_stands_beside_the_kernels() {
    namespace(
        "a_route_to_the_own_subnet_stands_beside_the_kernels",
        || {
            nics(&[("eth0", 0x23)]);
            let text =
                format!("{VPC}eth0_route='10.171.254.0/24 10.171.254.1;10.9.0.0/16 10.171.254.2'");
            for changes in [6, 0] {
                let recorder = Recorder::default();
                assert!(applied(&recorder, &network(&text)).is_complete());
                assert_eq!(recorder.changes(), changes);
                assert!(routes().contains("10.171.254.0/24 dev eth0 proto kernel"));
            }
        },
    );
}

#[test]
fn the_master_of_a_nic_gets_its_address() {
    namespace("the_master_of_a_nic_gets_its_address", || {
        nics(&[("eth0", 0x23)]);
        ip_script(
            "link add br0 type bridge
             link set eth0 master br0
             link set br0 address 00:8c:fa:5e:14:23",
        );
        assert!(applied(&Recorder::default(), &network(VPC)).is_complete());
        assert_eq!(routes(), VPC_ROUTES.replace("eth0", "br0"));
    });
}

#[test]
fn a_refused_route_is_named_and_the_others_are_made() {
    namespace("a_refused_route_is_named_and_the_others_are_made", || {
        nics(&[("eth0", 0x23)]);
        // A broadcast address is no gateway to the kernel.
        let text = format!("{VPC}eth0_route='10.8.0.0/16 10.171.254.255;10.9.0.0/16 10.171.254.2'");
        let recorder = Recorder::default();
        let outcome = applied(&recorder, &network(&text));
        assert_eq!(outcome.faults, 1);
        let [fault] = recorder.faults()[..] else {
            panic!("{:?}", recorder.faults());
        };
        assert_eq!(fault.label, Some(0));
        let gateway = Ipv4::parse(b"10.171.254.255");
        assert!(matches!(fault.step, Step::AddRoute(_, via) if via == gateway));
        // EINVAL of errno(3).
        assert_eq!(fault.cause.raw_os_error(), 22);
        assert!(routes().contains("10.9.0.0/16 via 10.171.254.2 dev eth0 proto static"));
    });
}

#[test]
fn an_interrupted_dump_is_asked_for_again_and_strangers_are_not_heard() {
    namespace(
        "an_interrupted_dump_is_asked_for_again_and_strangers_are_not_heard",
        || {
            nics(&[("eth0", 0x23), ("eth1", 0x24)]);
            let links = kernel::links(&Recorder::interrupted()).unwrap();
            // Both NICs and their other ends, none of them twice.
            assert_eq!(links.iter().count(), 4);
            let recorder = Recorder::interrupted();
            assert!(applied(&recorder, &network(CLASSIC)).is_complete());
            assert_eq!(routes(), CLASSIC_ROUTES);
            assert_eq!(recorder.dumps(), 6);
        },
    );
}

#[test]
fn whichever_call_fails_it_is_told_and_the_next_run_repairs() {
    namespace(
        "whichever_call_fails_it_is_told_and_the_next_run_repairs",
        || {
            nics(&[("eth0", 0x23), ("eth1", 0x24)]);
            let network = network(CLASSIC);
            for call in 0.. {
                ip_script(
                    "link set eth0 up
                 link set eth1 down
                 addr flush dev eth0
                 addr add 10.171.254.99/24 dev eth0
                 route replace 10.0.0.0/8 via 10.171.254.99 dev eth0",
                );
                let recorder = Recorder::failing(call);
                let outcome = applied(&recorder, &network);
                if recorder.was_spared() {
                    assert!(outcome.is_complete() && call > 20);
                    break;
                }
                assert!(!outcome.is_complete(), "call {call}");
                assert!(
                    applied(&Recorder::default(), &network).is_complete(),
                    "call {call}"
                );
                assert_eq!(routes(), CLASSIC_ROUTES, "call {call}");
            }
        },
    );
}

#[test]
fn what_somebody_else_did_just_before_is_no_fault() {
    namespace("what_somebody_else_did_just_before_is_no_fault", || {
        nics(&[("eth0", 0x23), ("eth1", 0x24)]);
        ip_script(
            "link set eth0 up
             addr add 10.171.254.99/24 dev eth0
             route add 10.8.0.0/16 via 10.171.254.5 dev eth0",
        );
        assert!(applied(&Recorder::overtaken(), &network(CLASSIC)).is_complete());
        assert_eq!(routes(), CLASSIC_ROUTES);
        ip("route add 10.8.0.0/16 via 10.171.254.5 dev eth0");
        assert!(applied(&Recorder::overtaken(), &network(CLASSIC)).is_complete());
        assert_eq!(routes(), CLASSIC_ROUTES);
    });
}
