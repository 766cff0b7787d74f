//! The readers: what each is called, whose files it reads, and how it is started
//! in a root that was never booted.

use crate::opinion::{Difference, Writer};
use crate::sourced::Sourced;

/// A program that reads network files.
pub(crate) struct Reader {
    /// Its name in the names of tests.
    pub(crate) name: &'static str,
    /// The format that it reads.
    pub(crate) format: &'static str,
    /// Debian's package that is laid over the root, where it conflicts with another.
    pub(crate) package: Option<&'static str>,
    /// The program, where not each release of Debian has it.
    pub(crate) program: &'static str,
    /// What starts it, as a script of sh(1).
    pub(crate) script: &'static str,
    /// Whether it goes on until it is killed; else the kernel is right when it ends.
    pub(crate) stays: bool,
    /// Whether it asks for DHCP itself, or what it starts for this is there.
    pub(crate) has_dhcp: bool,
    /// Words of its log that tell that it did not understand something.
    pub(crate) complaints: &'static [&'static str],
    /// Where it says which name servers there are, should `/etc/resolv.conf` be
    /// a link of which another program makes the file.
    pub(crate) name_servers: &'static str,
    /// Whether it adds a route to each name server, by way of the default gateway.
    pub(crate) adds_routes: bool,
    /// Its files that a shell sources.
    pub(crate) sourced: &'static [Sourced],
    /// If it reads nothing, but writes files of its own that ours are held against.
    pub(crate) writer: Option<Writer>,
}

const NONE: Reader = Reader {
    name: "",
    format: "",
    package: None,
    program: "",
    script: "",
    stays: false,
    has_dhcp: false,
    complaints: &[],
    name_servers: "",
    adds_routes: false,
    sourced: &[],
    writer: None,
};

/// Key by key what Slackware's rc.inet1.conf(5) has about addresses.
const SLACKWARE: Reader = Reader {
    format: "slackware",
    sourced: &[Sourced {
        start: "etc/rc.d/rc.inet1.conf",
        variables: &[
            "IFNAME",
            "IPADDR",
            "IPADDRS",
            "NETMASK",
            "IPALIASES",
            "USE_DHCP",
            "HWADDR",
            "BRNICS",
            "GATEWAY",
        ],
        posix: false,
    }],
    ..NONE
};

/// cloud-init ends at the C library's limit; NetworkManager has none.
const MORE_THAN_THREE: Difference = Difference {
    key: "",
    theirs: None,
    ours: Some("*"),
    reason: "cloud-init writes three name servers at most",
};

/// ifup of all three families: the interfaces that are to be up at boot.
/// For DHCP it starts dhcpcd, which nobody answers here.
const IFUP: Reader = Reader {
    format: "eni",
    script: "mkdir -p /run/network; printf 'noipv4ll\ntimeout 4\nnodelay\n' > /etc/dhcpcd.conf; ifup -a",
    has_dhcp: true,
    ..NONE
};

/// It names file and line in its log, and goes on without the line
/// (src/shared/conf-parser.c).
const NETWORKD: Reader = Reader {
    script: "mkdir /run/systemd; exec /lib/systemd/systemd-networkd",
    stays: true,
    has_dhcp: true,
    complaints: &[".network:"],
    name_servers: "run/systemd/netif/links",
    ..NONE
};

/// Without D-Bus: it brings up what it can, and ends (NetworkManager(8)). Debian's
/// own configuration has the plug-in for interfaces(5), which other distributions
/// have not. Nobody answers it.
const NETWORK_MANAGER: Reader = Reader {
    script: "printf '[main]\\nplugins=keyfile\\nautoconnect-retries-default=1\\n[connection]\\nipv4.dhcp-timeout=3\\nipv6.ra-timeout=1\\n' > /tmp/nm.conf
        exec NetworkManager --config=/tmp/nm.conf -n --configure-and-quit=initrd",
    has_dhcp: true,
    complaints: &["invalid", "failed to load", "cannot load", "ignored"],
    name_servers: "run/NetworkManager/resolv.conf",
    ..NONE
};

/// All of them. `tests/readers/main.rs` makes a test of each, for each case.
pub(crate) const READERS: &[Reader] = &[
    Reader {
        name: "ifupdown",
        ..IFUP
    },
    Reader {
        name: "ifupdown-ng",
        package: Some("ifupdown-ng"),
        ..IFUP
    },
    Reader {
        name: "ifupdown2",
        package: Some("ifupdown2"),
        // dpkg makes it executable when it configures the package.
        script: "chmod +x /usr/share/ifupdown2/__main__.py; mkdir -p /run/network; ifup -a",
        // It knows dhclient alone.
        has_dhcp: false,
        ..IFUP
    },
    Reader {
        name: "busybox",
        // A system that has no other ip(8) either.
        script: "mkdir /tmp/bin; busybox --install -s /tmp/bin; rm -r /etc/network/if-*.d
            PATH=/tmp/bin ifup -a",
        ..IFUP
    },
    Reader {
        name: "networkd",
        format: "networkd",
        ..NETWORKD
    },
    Reader {
        name: "networkmanager",
        format: "keyfile",
        ..NETWORK_MANAGER
    },
    Reader {
        name: "netplan-networkd",
        format: "netplan",
        // A veth has no permanent address, which is what netplan matches by.
        script: "PATH=/lib/netplan:/usr/libexec/netplan:$PATH generate; mkdir -p /run/systemd
            sed -i s/^PermanentMACAddress=/MACAddress=/ /run/systemd/network/*.network
            exec /lib/systemd/systemd-networkd",
        ..NETWORKD
    },
    Reader {
        name: "netplan-networkmanager",
        format: "netplan",
        // What Ubuntu's desktop has beside its other files.
        script: "printf 'network:\\n  version: 2\\n  renderer: NetworkManager\\n' \
                > /etc/netplan/01-network-manager-all.yaml
            chmod 600 /etc/netplan/01-network-manager-all.yaml
            PATH=/lib/netplan:/usr/libexec/netplan:$PATH generate
            printf '[main]\\nplugins=keyfile\\nautoconnect-retries-default=1\\n[connection]\\nipv4.dhcp-timeout=3\\nipv6.ra-timeout=1\\n' > /tmp/nm.conf
            exec NetworkManager --config=/tmp/nm.conf -n --configure-and-quit=initrd",
        ..NETWORK_MANAGER
    },
    Reader {
        name: "connman",
        format: "connman",
        // /run/connman comes from tmpfiles.d, or from a script of init.
        script: "mkdir -p /run/dbus /run/connman /var/run; dbus-daemon --system --fork
            exec connmand -n --nodnsproxy",
        stays: true,
        has_dhcp: true,
        name_servers: "run/connman/resolv.conf",
        adds_routes: true,
        ..NONE
    },
    Reader {
        name: "dhcpcd",
        format: "dhcpcd",
        // Without --nodev it waits for udev.
        script: "exec dhcpcd --nodev -B",
        stays: true,
        has_dhcp: true,
        complaints: &["invalid", "unknown option"],
        ..NONE
    },
    Reader {
        name: "netctl",
        format: "netctl",
        program: "usr/lib/netctl/network",
        // What systemd would start; a veth has its carrier at once.
        script: "cd /etc/systemd/system/multi-user.target.wants
            for unit in netctl@*.service; do
                profile=$(systemd-escape --unescape --template=netctl@.service \"$unit\")
                SKIPNOCARRIER=yes /usr/lib/netctl/network start \"$profile\"
            done",
        sourced: &[Sourced {
            start: "etc/netctl/",
            variables: &[
                "Description",
                "Interface",
                "Connection",
                "IP",
                "Address",
                "Gateway",
                "Routes",
                "DNS",
                "SkipNoCarrier",
                "IPCustom",
                "ForceConnect",
                "SkipDAD",
            ],
            posix: false,
        }],
        ..NONE
    },
    Reader {
        name: "osconf",
        format: "kernel",
        // As at every boot, when os.conf is long gone.
        script: "mkdir -p /boot/aliyun_custom_image
            exec /osconf apply --network kernel --wait 0 --conf /boot/aliyun_custom_image/os.conf",
        ..NONE
    },
    Reader {
        name: "own-ifcfg",
        format: "ifcfg",
        script: concat!(
            "exec bash -s <<'END'\n",
            include_str!("own/ifcfg.sh"),
            "END\n"
        ),
        sourced: &[Sourced {
            start: "etc/sysconfig/network-scripts/ifcfg-",
            variables: &[
                "DEVICE",
                "HWADDR",
                "ONBOOT",
                "BOOTPROTO",
                "IPADDR",
                "NETMASK",
                "PREFIX",
                "GATEWAY",
                "DEFROUTE",
                "TYPE",
                "NM_CONTROLLED",
                "PEERDNS",
                "DNS*",
            ],
            posix: true,
        }],
        ..NONE
    },
    Reader {
        name: "own-wicked",
        format: "wicked",
        script: concat!(
            "exec bash -s <<'END'\n",
            include_str!("own/wicked.sh"),
            "END\n"
        ),
        name_servers: "run/netconfig/resolv.conf",
        sourced: &[
            Sourced {
                start: "etc/sysconfig/network/ifcfg-",
                variables: &[
                    "STARTMODE",
                    "BOOTPROTO",
                    "IPADDR",
                    "NETMASK",
                    "PREFIXLEN",
                    "NAME",
                ],
                posix: true,
            },
            Sourced {
                start: "etc/sysconfig/network/config",
                variables: &["NETCONFIG_DNS_STATIC_SERVERS"],
                posix: true,
            },
        ],
        ..NONE
    },
    Reader {
        name: "own-netifrc",
        format: "netifrc",
        script: concat!(
            "exec bash -s <<'END'\n",
            include_str!("own/netifrc.sh"),
            "END\n"
        ),
        sourced: &[Sourced {
            start: "etc/conf.d/net",
            variables: &[
                "config_*", "routes_*", "dns_*", "dhcp_*", "modules*", "rc_need",
            ],
            posix: true,
        }],
        ..NONE
    },
    Reader {
        name: "own-uci",
        format: "uci",
        script: concat!(
            "exec python3 - <<'END'\n",
            include_str!("own/uci.py"),
            "END\n"
        ),
        name_servers: "tmp/resolv.conf.d/resolv.conf.auto",
        ..NONE
    },
    Reader {
        name: "own-slackware-14",
        format: "slackware-14",
        script: concat!(
            "exec bash -s 14 <<'END'\n",
            include_str!("own/slackware.sh"),
            "END\n"
        ),
        ..SLACKWARE
    },
    Reader {
        name: "own-slackware-15",
        script: concat!(
            "exec bash -s 15 <<'END'\n",
            include_str!("own/slackware.sh"),
            "END\n"
        ),
        ..SLACKWARE
    },
    Reader {
        name: "cloud-init-ifcfg",
        format: "ifcfg",
        package: Some("cloud-init"),
        writer: Some(Writer {
            distribution: "rhel",
            folder: "etc/sysconfig/network-scripts",
            routes: "route-",
            writes_routes: true,
            name_servers: None,
            differences: &[
                Difference {
                    key: "TYPE",
                    theirs: Some("ethernet"),
                    ours: None,
                    reason: "a NIC of no type is Ethernet",
                },
                Difference {
                    key: "USERCTL",
                    theirs: Some("no"),
                    ours: None,
                    reason: "without it nobody but root may control the NIC either",
                },
                Difference {
                    key: "NM_CONTROLLED",
                    theirs: Some("no"),
                    ours: None,
                    reason: "without it NetworkManager may, which alone reads these files on RHEL 8",
                },
                Difference {
                    key: "DEFROUTE",
                    theirs: None,
                    ours: Some("no"),
                    reason: "ours says that the default route is another NIC's",
                },
                Difference {
                    key: "DNS4",
                    ..MORE_THAN_THREE
                },
                Difference {
                    key: "DNS5",
                    ..MORE_THAN_THREE
                },
            ],
        }),
        ..NONE
    },
    Reader {
        name: "cloud-init-wicked",
        format: "wicked",
        package: Some("cloud-init"),
        writer: Some(Writer {
            distribution: "opensuse",
            folder: "etc/sysconfig/network",
            routes: "ifroute-",
            writes_routes: false,
            name_servers: Some((
                "etc/sysconfig/network/config",
                "NETCONFIG_DNS_STATIC_SERVERS",
            )),
            differences: &[Difference {
                key: "LLADDR",
                theirs: Some("*"),
                ours: None,
                reason: "it would set the MAC address, which the NIC has",
            }],
        }),
        ..NONE
    },
];
