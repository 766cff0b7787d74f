//! Old files that make sense: rows of pieces, each a whole statement, of which some
//! are about our NIC, and some are a stranger's that must stay.

use super::model::Machine;

/// A stranger's piece begins with this; it is no part of it.
const FOREIGN: char = '!';

/// How a path begins, and the pieces of such files. `%n` is our first NIC.
static PIECES: [(&str, &[&str]); 15] = [
    (
        "etc/network/interfaces",
        &[
            "!# a stranger's comment\n",
            "!auto lo\niface lo inet loopback\n",
            "!auto br7\niface br7 inet static\n\taddress 192.0.2.7\n\tnetmask 255.255.255.0\n",
            "!source /etc/network/interfaces.d/*\n",
            "!mapping eth99\n\tscript /bin/true\n",
            "!iface %n inet6 auto\n",
            "auto %n\niface %n inet dhcp\n",
            "iface %n inet static\n address 192.0.2.9\n netmask 255.0.0.0\n gateway 192.0.2.1\n",
            "allow-hotplug %n\n",
            "auto lo \\\n  %n br7\n",
            "auto %n:1\niface %n:1 inet static\n\taddress 192.0.2.10\n\tnetmask 255.255.255.0\n",
        ],
    ),
    (
        "etc/config/network",
        &[
            "!config interface 'loopback'\n\toption device 'lo'\n\toption proto 'static'\n",
            "!config globals 'globals'\n\toption ula_prefix 'fd00::/48'\n\n",
            "!config switch\n\toption name 'switch0'\n",
            "!# a stranger's comment\n",
            "!config interface guest\n\toption device eth99\n\toption proto dhcp\n",
            "config interface 'lan'\n\toption device '%n'\n\toption proto 'dhcp'\n",
            "config interface 'other'\n\toption ifname '%n'\n\toption proto static\n\
             \toption ipaddr 192.0.2.3\n\toption netmask 255.255.255.0\n",
            "config interface '%n'\n\toption device \"%n\"\n\toption gateway '192.0.2.1'\n",
        ],
    ),
    (
        "etc/sysconfig/network-scripts/ifcfg-",
        &[
            "!# a stranger's comment\n",
            "!TYPE=Ethernet\n",
            "!NAME='a stranger'\n",
            "!export PEERROUTES=no\n",
            "!MTU=\"1400\"\n",
            "BOOTPROTO=dhcp\n",
            "ONBOOT=\"no\"\n",
            "IPADDR=192.0.2.3\nPREFIX=8\n",
            "IPADDR2=192.0.2.4\nNETMASK2=255.0.0.0\n",
            "GATEWAY=192.0.2.1\n",
            "HWADDR=52:54:00:00:00:01\n",
            "DEVICE=%n\n",
        ],
    ),
    (
        "etc/sysconfig/network/ifcfg-",
        &[
            "!# a stranger's comment\n",
            "!ETHTOOL_OPTIONS=''\n",
            "!MTU='1400'\n",
            "BOOTPROTO='dhcp'\n",
            "STARTMODE=hotplug\n",
            "IPADDR='192.0.2.3/24'\n",
            "IPADDR_1=192.0.2.4\nPREFIXLEN_1=24\n",
        ],
    ),
    (
        "etc/sysconfig/network/ifroute-",
        &[
            "!2001:db8::/32 fe80::1 - %n\n",
            "default 192.0.2.1 - %n\n",
            "192.0.2.0/24 - - %n\n",
        ],
    ),
    (
        "etc/sysconfig/network/routes",
        &[
            "!192.0.2.0/24 192.0.2.1 - eth99\n",
            "198.51.100.0/24 192.0.2.1 - %n\n",
        ],
    ),
    (
        "etc/sysconfig/network/config",
        &[
            "!## Type:        string\n",
            "!NETCONFIG_DNS_POLICY=\"auto\"\n",
            "NETCONFIG_DNS_STATIC_SERVERS=\"\"\n",
        ],
    ),
    (
        "etc/conf.d/net",
        &[
            "!# a stranger's comment\n",
            "!modules=\"iproute2\"\n",
            "!config_eth99=\"dhcp\"\n",
            "!dns_domain=\"example.org\"\n",
            "config_%v=\"dhcp\"\n",
            "routes_%v=\"\ndefault via 192.0.2.1\n\"\n",
        ],
    ),
    (
        "etc/rc.d/rc.inet1.conf",
        &[
            "!# a stranger's comment\n",
            "!DEBUG_ETH_UP=\"no\"\n",
            "!IPADDRS[0]=\"\"\nUSE_DHCP[0]=\"yes\"\n",
            "!IFNAME[5]=\"eth99\"\nIPADDR[5]=\"192.0.2.3\"\nNETMASK[5]=\"255.255.255.0\"\n",
            "!IFNAME[2]=\"%n\"\nUSE_DHCP[2]=\"yes\"\nHWADDR[2]=\"52:54:00:00:00:01\"\n",
        ],
    ),
    (
        "etc/rc.d/rc.local",
        &[
            "!# a stranger's comment\n",
            "!/etc/rc.d/rc.stranger start\n",
        ],
    ),
    (
        "etc/dhcpcd.conf",
        &[
            "!# a stranger's comment\n",
            "!duid\n",
            "!slaac private\n",
            "!interface eth99\nstatic ip_address=192.0.2.7/24\n",
            "interface %n\nstatic ip_address=192.0.2.9/24\nstatic routers=192.0.2.1\n",
            "interface %n\nnodhcp\n",
            "denyinterfaces %n\n",
            "allowinterfaces eth99\n",
        ],
    ),
    (
        "etc/osconf/network",
        &[
            "!# a stranger's comment\n",
            "eth0_ip_addr=192.0.2.3\n",
            "eth9_netmask='255.0.0.0'\n",
        ],
    ),
    (
        "etc/shadow",
        &[
            "!daemon:*:19000:0:99999:7:::\n",
            "!+::::::::\n",
            "root:*:19000:0:99999:7:::\n",
        ],
    ),
    (
        "etc/passwd",
        &[
            "!daemon:x:1:1::/:/bin/false\n",
            "root:*:0:0:root:/root:/bin/sh\n",
        ],
    ),
    (
        "etc/resolv.conf",
        &[
            "!# a stranger's comment\n",
            "!search example.org\n",
            "!options ndots:2\n",
            "nameserver 192.0.2.53\n",
        ],
    ),
];

/// The content of a file, by the bytes that choose its pieces, and the lines of it
/// that must stay; none, if there is no such file.
pub fn make(path: &str, machine: &Machine, choices: &[u8]) -> Option<(Vec<u8>, Vec<String>)> {
    let (_, pieces) = PIECES.iter().find(|(start, _)| path.starts_with(start))?;
    let name = machine.nics.first().map_or("eth0", |nic| nic.name.as_str());
    let is_word = |char: char| {
        if char.is_ascii_alphanumeric() {
            char
        } else {
            '_'
        }
    };
    let variable: String = name.chars().map(is_word).collect();
    let (mut text, mut foreign) = (String::new(), Vec::new());
    for choice in choices.iter().take(24) {
        let piece = pieces[usize::from(*choice) % pieces.len()];
        let filled = piece.replace("%n", name).replace("%v", &variable);
        match filled.strip_prefix(FOREIGN) {
            Some(stranger) => {
                text += stranger;
                foreign.extend(stranger.lines().map(str::to_owned));
            }
            None => text += &filled,
        }
    }
    (!text.is_empty()).then(|| (text.into_bytes(), foreign))
}
