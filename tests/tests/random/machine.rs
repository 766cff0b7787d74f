//! A machine made up from a number: the files of its root, and an os.conf.

use crate::rig::Snapshot;
use core::fmt::Write as _;
use std::collections::BTreeMap;

/// What the password is, wherever there is one, and its base64.
const PASSWORD: &str = "Cz7:$x'\"\\ q";
const PASSWORD_BASE64: &str = "Q3o3OiR4JyJcIHE=";

/// A root and an os.conf.
pub(crate) struct Machine {
    /// The files of the root.
    pub(crate) files: BTreeMap<String, String>,
    /// os.conf.
    pub(crate) os_conf: String,
    /// More words for the command line.
    pub(crate) options: Vec<String>,
    strangers: BTreeMap<String, Vec<String>>,
}

/// Numbers that look random: splitmix64 (Steele, Lea and Flood, 2014).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[usize::try_from(self.roll(of.len() as u64)).unwrap_or(0)]
    }
}

impl Machine {
    /// The machine with this number.
    pub(crate) fn new(seed: u64) -> Self {
        let mut dice = Dice(seed);
        let mut machine = Self {
            files: BTreeMap::new(),
            os_conf: os_conf(&mut dice),
            options: Vec::new(),
            strangers: BTreeMap::new(),
        };
        for (path, lines) in LINES {
            // What is a file of RHEL's is a folder of SUSE's.
            let is_taken = path.starts_with("etc/sysconfig/network/")
                && machine.files.contains_key("etc/sysconfig/network");
            let sides = if path == "etc/sysconfig/network" {
                2
            } else {
                5
            };
            if dice.roll(sides) > 0 && !is_taken {
                machine.add_file(&mut dice, path, lines);
            }
        }
        // Without an account, and without /etc, there is no machine.
        machine.add_file(&mut dice, "etc/passwd", PASSWD);
        let root = dice.one(&["root:x:0:0:root:/root:/bin/sh\n", "root::0:0::/:/bin/sh\n"]);
        machine
            .files
            .entry("etc/passwd".into())
            .or_default()
            .insert_str(0, root);
        if dice.roll(4) > 0 {
            let name = dice.one(NETWORKS);
            machine.options.push(format!("--network={name}"));
        }
        machine
    }

    /// A file of lines that are not ours, among others that give way.
    fn add_file(&mut self, dice: &mut Dice, path: &str, lines: &[&str]) {
        let mut text = String::new();
        let mut strangers = Vec::new();
        for number in 0..dice.roll(8) {
            if dice.roll(2) == 0 {
                let stranger = format!(
                    "# stranger {number} {}",
                    dice.one(&["", "\t", "x=y", "\u{e4}", ":::"])
                );
                let _ = writeln!(text, "{stranger}");
                strangers.push(stranger);
            } else {
                let _ = writeln!(text, "{}", dice.one(lines));
            }
        }
        if dice.roll(4) == 0 {
            text.truncate(text.trim_end_matches('\n').len());
        }
        self.strangers.insert(path.into(), strangers);
        self.files.insert(path.into(), text);
    }

    /// Whether os.conf wishes for anything.
    pub(crate) fn has_work(&self) -> bool {
        self.os_conf.lines().any(|line| {
            line.split_once('=')
                .is_some_and(|(key, value)| !value.is_empty() && key != "strange_key")
        })
    }

    /// Holds that no line that is not ours is gone, or in another order.
    pub(crate) fn strangers_are_still_there(&self, after: &Snapshot) {
        for (path, strangers) in &self.strangers {
            let Some(content) = after.get(path) else {
                assert!(strangers.is_empty(), "{path} is gone");
                continue;
            };
            let found: Vec<&str> = content
                .lines()
                .filter(|line| line.starts_with("# stranger"))
                .collect();
            assert_eq!(found, *strangers, "{path}");
        }
    }

    /// The password, as os.conf has it.
    pub(crate) fn password_in_base64(&self) -> &'static str {
        PASSWORD_BASE64
    }

    /// What no output may hold.
    pub(crate) fn secrets(&self) -> [&'static str; 3] {
        [PASSWORD, PASSWORD_BASE64, "$6$"]
    }
}

/// Every network system.
const NETWORKS: &[&str] = &[
    "eni",
    "ifcfg",
    "wicked",
    "networkd",
    "keyfile",
    "netplan",
    "uci",
    "netifrc",
    "slackware",
    "netctl",
    "dhcpcd",
    "connman",
    "kernel",
];

/// Lines that may be ours to change, by file. Files that are removed as a whole
/// are not among them.
const LINES: [(&str, &[&str]); 18] = [
    (
        "etc/shadow",
        &[
            "root:*:19000:0:99999:7:::",
            "root:!",
            "bin:*:1:0:::::",
            "+::::::::",
            "junk",
            "root:$1$aaaaaaaa$bbbbbbbbbbbbbbbbbbbbbb:1:2:3:4:5:6:7\r",
        ],
    ),
    ("etc/hostname", &["old", "", "older"]),
    ("etc/HOSTNAME", &["old.example.org"]),
    (
        "etc/hosts",
        &[
            "127.0.0.1 localhost old",
            "::1 localhost",
            "127.0.1.1 old.example old # old",
            "10.0.0.9 old",
            "",
        ],
    ),
    (
        "etc/resolv.conf",
        &[
            "nameserver 1.1.1.1",
            "search a.example",
            "options rotate",
            "nameserver ::1",
        ],
    ),
    (
        "etc/network/interfaces",
        &[
            "auto lo",
            "iface lo inet loopback",
            "auto eth0 eth7",
            "allow-hotplug eth0",
            "iface eth0 inet dhcp",
            "\taddress 1.2.3.4",
            "iface eth0 inet6 auto",
            "iface eth7 inet manual",
            "source /etc/network/interfaces.d/*",
            "",
        ],
    ),
    (
        "etc/sysconfig/network",
        &[
            "NETWORKING=yes",
            "HOSTNAME=old",
            "GATEWAY=1.2.3.4",
            "NISDOMAIN=\"a",
            "b\"",
        ],
    ),
    (
        "etc/sysconfig/network-scripts/ifcfg-eth0",
        &[
            "DEVICE=eth0",
            "BOOTPROTO=dhcp",
            "export ONBOOT=no",
            "MTU=1400",
            "IPADDR='1.2.3.4'",
            "NETMASK=",
        ],
    ),
    (
        "etc/sysconfig/network/ifcfg-eth0",
        &[
            "BOOTPROTO='dhcp'",
            "STARTMODE='hotplug'",
            "IPADDR_1='1.2.3.4/24'",
            "MTU='1400'",
        ],
    ),
    (
        "etc/sysconfig/network/routes",
        &[
            "default 1.2.3.4 - -",
            "default 1.2.3.4 - eth0",
            "10.9.0.0/16 1.2.3.4 - eth7",
            "",
        ],
    ),
    (
        "etc/sysconfig/network/config",
        &[
            "NETCONFIG_DNS_STATIC_SERVERS=\"1.1.1.1\"",
            "NETCONFIG_DNS_POLICY=\"auto\"",
        ],
    ),
    (
        "etc/NetworkManager/NetworkManager.conf",
        &[
            "[main]",
            "plugins=ifupdown,keyfile",
            "[keyfile]",
            "unmanaged-devices=interface-name:eth*",
        ],
    ),
    (
        "etc/netplan/50-cloud-init.yaml",
        &[
            "network:",
            "  version: 2",
            "  ethernets:",
            "    eth0:",
            "      dhcp4: true",
            "    eth7: {dhcp4: true}",
            "      match: {macaddress: \"00:16:3e:00:00:07\"}",
        ],
    ),
    (
        "etc/config/network",
        &[
            "config interface 'loopback'",
            "config interface 'lan'",
            "\toption device 'eth0'",
            "\toption ifname 'eth0 eth7'",
            "\toption proto 'dhcp'",
            "\tlist ports 'eth1'",
            "config device",
            "\toption type 'bridge'",
            "config route",
            "\toption interface 'lan'",
            "junk 'a",
        ],
    ),
    (
        "etc/conf.d/net",
        &[
            "config_eth0=\"dhcp\"",
            "config_eth7=\"null\"",
            "routes_eth0=\"10.0.0.0/8 via 1.2.3.4\ndefault via 1.2.3.4\"",
            "dns_servers=\"1.1.1.1\"",
            "modules=\"iproute2\"",
        ],
    ),
    (
        "etc/rc.d/rc.inet1.conf",
        &[
            "IFNAME[0]=\"eth0\"",
            "IPADDR[0]=\"\"",
            "USE_DHCP[0]=\"yes\"",
            "IPADDRS[1]=\"1.2.3.4/24\"",
            "GATEWAY=\"\"",
        ],
    ),
    (
        "etc/rc.d/rc.local",
        &["#!/bin/sh", "/usr/local/bin/something", "exit 0"],
    ),
    (
        "etc/dhcpcd.conf",
        &[
            "hostname",
            "interface eth0",
            "static ip_address=1.2.3.4/24",
            "interface eth7",
            "nodhcp",
            "profile x",
        ],
    ),
];

const PASSWD: &[&str] = &[
    "bin:x:1:1::/:/bin/false",
    "daemon:*:2:2::/:",
    "+",
    "root:x:0:0::/:",
    "junk",
];

fn os_conf(dice: &mut Dice) -> String {
    let mut text = String::new();
    let mut add = |dice: &mut Dice, key: &str, values: &[&str]| {
        if dice.roll(4) > 0 {
            let _ = writeln!(text, "{key}={}", dice.one(values));
        }
    };
    add(
        dice,
        "hostname",
        &["web", "'web-1.example'", "\"a\"", "web", "-bad", ""],
    );
    // Hashing takes longer than all the rest, so it is rare.
    if dice.roll(6) == 0 {
        add(dice, "password", &[PASSWORD_BASE64]);
    }
    for label in 0..dice.roll(4) {
        let net = 10 + label;
        let _ = writeln!(
            text,
            "eth{label}_ip_addr=10.{net}.0.2\neth{label}_netmask=255.255.{}.0",
            dice.one(&["0", "255"])
        );
        let gateway = format!("10.{net}.0.1");
        let far = format!("198.51.100.{label}1");
        let hop = dice.one(&[&gateway, &gateway, &far]).to_owned();
        if dice.roll(3) > 0 {
            let _ = writeln!(text, "eth{label}_gateway={hop}");
        }
        let routes: Vec<String> = (0..dice.roll(5))
            .map(|number| match dice.roll(6) {
                0 => format!("0.0.0.0/0 {hop}"),
                1 => format!("172.{}.0.0/16 {far}", 16 + number),
                _ => format!("192.168.{}.0/24 {hop}", label * 10 + number),
            })
            .collect();
        let _ = writeln!(text, "eth{label}_route=\"{}\"", routes.join(";"));
    }
    let mut add = |dice: &mut Dice, key: &str, values: &[&str]| {
        if dice.roll(4) > 0 {
            let _ = writeln!(text, "{key}={}", dice.one(values));
        }
    };
    add(
        dice,
        "dns_nameserver",
        &[
            "7.7.7.7",
            "\"7.7.7.7 8.8.8.8\"",
            "'7.7.7.7 7.7.7.7 9.9.9.9'",
            "x",
        ],
    );
    add(dice, "strange_key", &["1", "$(id)"]);
    text
}
