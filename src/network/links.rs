//! The network interfaces of the running kernel, and which one is a given NIC.
//!
//! `eth0` in os.conf is a label. The NIC is the interface with its MAC, under
//! whatever name it has now; it is never renamed.

use super::rtnetlink::{
    ARPHRD_ETHER, ARPHRD_LOOPBACK, Attribute, IFF_UP, IFLA_ADDRESS, IFLA_IFNAME, IFLA_LINK,
    IFLA_MASTER, IFLA_PERM_ADDRESS, Listen, Message, RTM_NEWLINK,
};
use crate::conf::Nic;
use crate::limits::{INTERFACE_NAME_BYTES, INTERFACES};
use crate::value::Mac;
use heapless::{String, Vec};

/// The name of an interface that may stand in any configuration file.
///
/// The kernel takes any bytes but blanks, `/` and `:` (`dev_valid_name` in
/// net/core/dev.c). Here it is letters, digits, `.`, `_` and `-`, the first one
/// no punctuation: such a name means nothing to a shell, starts no option and
/// hides no file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterfaceName(String<INTERFACE_NAME_BYTES>);

impl InterfaceName {
    /// Reads a name.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let good = |&byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        if !bytes.first()?.is_ascii_alphanumeric() || !bytes.iter().all(good) {
            return None;
        }
        let mut name = String::new();
        for byte in bytes {
            name.push(char::from(*byte)).ok()?;
        }
        Some(Self(name))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An Ethernet interface that can carry addresses of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The kernel's number for it.
    pub index: u32,
    /// The kernel's name for it.
    pub name: InterfaceName,
    /// Its MAC address now.
    pub mac: Mac,
    /// The MAC address that the device came with, where the kernel tells
    /// (since 5.6) and the device has one.
    pub permanent_mac: Option<Mac>,
    /// Whether it stands on another interface: a VLAN, a macvlan, one end of a
    /// veth. Such a child may have its parent's MAC.
    pub is_child: bool,
    /// Whether it is up.
    pub is_up: bool,
}

impl Link {
    /// Whether this is one of its MAC addresses.
    #[must_use]
    pub fn has(&self, mac: Mac) -> bool {
        self.mac == mac || self.permanent_mac == Some(mac)
    }
}

/// The loopback interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loopback {
    /// The kernel's number for it.
    pub index: u32,
    /// Whether it is up.
    pub is_up: bool,
}

/// What the kernel said about its interfaces.
///
/// Those that have a master (the members of a bond, the ports of a bridge) are
/// left out: the master has the addresses, and often the same MAC.
#[derive(Default)]
pub struct Links {
    list: Vec<Link, INTERFACES>,
    loopback: Option<Loopback>,
    overflowed: bool,
}

impl Links {
    /// The interface that is `nic`, if it is there.
    ///
    /// With a MAC in os.conf, the one that has it: rather a physical one than a
    /// child, then rather by the MAC that it came with than by the one that it
    /// was given. Without, the one that has the label as its name.
    #[must_use]
    pub fn find(&self, nic: &Nic) -> Option<&Link> {
        let candidates = self
            .list
            .iter()
            .filter_map(|link| Some((link, rank(link, nic)?)));
        candidates
            .min_by_key(|(_, rank)| *rank)
            .map(|(link, _)| link)
    }

    /// The interface that is the NIC with this MAC address, if it is there.
    #[must_use]
    pub fn with(&self, mac: Mac) -> Option<&Link> {
        self.find(&Nic::by_dhcp(0, Some(mac)))
    }

    /// The interface of this name.
    #[must_use]
    pub fn named(&self, name: &InterfaceName) -> Option<&Link> {
        self.list.iter().find(|link| link.name == *name)
    }

    /// The interfaces, in the kernel's order.
    pub fn iter(&self) -> impl Iterator<Item = &Link> {
        self.list.iter()
    }

    /// The loopback interface.
    #[must_use]
    pub const fn loopback(&self) -> Option<Loopback> {
        self.loopback
    }

    /// Whether there were more than [`INTERFACES`]. Then a NIC that is not found
    /// may be there all the same.
    #[must_use]
    pub const fn overflowed(&self) -> bool {
        self.overflowed
    }
}

/// How little there is to say for `link` being `nic`; none, if it is not.
fn rank(link: &Link, nic: &Nic) -> Option<u8> {
    let Some(mac) = nic.mac else {
        return is_label(&link.name, nic.label).then_some(0);
    };
    // A VLAN inherits its parent's permanent MAC too, so who is a child counts more.
    match (link.permanent_mac == Some(mac), link.mac == mac) {
        (true, _) => Some(u8::from(link.is_child) * 2),
        (false, true) => Some(u8::from(link.is_child) * 2 + 1),
        (false, false) => None,
    }
}

/// Whether `name` is `ethN` with this N.
fn is_label(name: &InterfaceName, label: u8) -> bool {
    let number = name.as_str().strip_prefix("eth").unwrap_or_default();
    // "eth01" is another name than "eth1".
    crate::value::ipv4::decimal_byte(number.as_bytes()) == Some(label)
}

impl Listen for Links {
    fn start(&mut self) {
        self.list.clear();
        self.loopback = None;
        self.overflowed = false;
    }

    fn hear(&mut self, message: &Message<'_>) {
        match read(message) {
            Some(Found::Loopback(loopback)) => self.loopback = Some(loopback),
            Some(Found::Link(link)) => self.overflowed |= self.list.push(link).is_err(),
            None => {}
        }
    }
}

enum Found {
    Loopback(Loopback),
    Link(Link),
}

/// An `RTM_NEWLINK`, if it is about an interface that matters here.
fn read(message: &Message<'_>) -> Option<Found> {
    if message.kind != RTM_NEWLINK {
        return None;
    }
    // `struct ifinfomsg`: family, a pad, type, index, flags, change.
    let (head, attributes) = message.split::<16>()?;
    let &[_, _, t0, t1, i0, i1, i2, i3, f0, f1, f2, f3, ..] = head;
    let kind = u16::from_ne_bytes([t0, t1]);
    let index = u32::from_ne_bytes([i0, i1, i2, i3]);
    let is_up = u32::from_ne_bytes([f0, f1, f2, f3]) & IFF_UP != 0;
    if kind == ARPHRD_LOOPBACK {
        return Some(Found::Loopback(Loopback { index, is_up }));
    }
    if kind != ARPHRD_ETHER {
        return None;
    }
    let (mut name, mut mac, mut permanent_mac, mut is_child) = (None, None, None, false);
    for Attribute { kind, value } in attributes {
        match kind {
            IFLA_IFNAME => name = value.strip_suffix(&[0]).and_then(InterfaceName::parse),
            IFLA_ADDRESS => mac = mac_of(value),
            IFLA_PERM_ADDRESS => permanent_mac = mac_of(value),
            IFLA_LINK => is_child = true,
            IFLA_MASTER => return None,
            _ => {}
        }
    }
    Some(Found::Link(Link {
        index,
        name: name?,
        mac: mac?,
        permanent_mac,
        is_child,
        is_up,
    }))
}

#[inline(never)]
fn mac_of(value: &[u8]) -> Option<Mac> {
    value.try_into().ok().map(Mac::from_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::rtnetlink::{Messages, put_message};
    use crate::text::Buf;
    use crate::value::{Ipv4, Mask};

    const MAC: [u8; 6] = [0x00, 0x8c, 0xfa, 0x5e, 0x14, 0x23];
    const OTHER: [u8; 6] = [0x00, 0x8c, 0xfa, 0x5e, 0x14, 0x24];

    /// An interface as a dump tells of it.
    fn hear(links: &mut Links, index: u32, kind: u16, attributes: &[(u16, &[u8])]) {
        let mut head = [0; 16];
        head[2..4].copy_from_slice(&kind.to_ne_bytes());
        head[4..8].copy_from_slice(&index.to_ne_bytes());
        head[8..12].copy_from_slice(&IFF_UP.to_ne_bytes());
        let attributes: std::vec::Vec<_> = attributes
            .iter()
            .map(|&(kind, value)| Attribute { kind, value })
            .collect();
        let mut bytes = [0; 256];
        let mut out = Buf::new(&mut bytes);
        put_message(&mut out, RTM_NEWLINK, 0, 0, &head, &attributes);
        for message in Messages::new(out.as_bytes()) {
            links.hear(&message.unwrap());
        }
    }

    fn ether(links: &mut Links, index: u32, name: &str, mac: [u8; 6], more: &[(u16, &[u8])]) {
        let name = std::format!("{name}\0");
        let mut attributes = std::vec![(IFLA_IFNAME, name.as_bytes()), (IFLA_ADDRESS, &mac[..])];
        attributes.extend(more);
        hear(links, index, ARPHRD_ETHER, &attributes);
    }

    fn nic(label: u8, mac: Option<[u8; 6]>) -> Nic {
        Nic {
            label,
            mac: mac.map(Mac::from_bytes),
            address: Ipv4::default(),
            mask: Mask::HOST,
        }
    }

    fn found(links: &Links, label: u8, mac: Option<[u8; 6]>) -> Option<&str> {
        links.find(&nic(label, mac)).map(|link| link.name.as_str())
    }

    #[test]
    fn a_nic_is_found_by_its_mac_and_without_one_by_its_label() {
        let mut links = Links::default();
        ether(&mut links, 2, "eth0", OTHER, &[]);
        ether(&mut links, 3, "eth1", MAC, &[]);
        assert_eq!(found(&links, 0, Some(MAC)), Some("eth1"));
        assert_eq!(found(&links, 0, None), Some("eth0"));
        assert_eq!(found(&links, 2, None), None);
        assert_eq!(found(&links, 0, Some([2; 6])), None);
    }

    #[test]
    fn members_of_a_bond_are_passed_over() {
        let mut links = Links::default();
        let member: &[(u16, &[u8])] = &[(IFLA_MASTER, &[4, 0, 0, 0]), (IFLA_PERM_ADDRESS, &MAC)];
        ether(&mut links, 2, "eth0", MAC, member);
        ether(&mut links, 4, "bond0", MAC, &[]);
        assert_eq!(found(&links, 0, Some(MAC)), Some("bond0"));
        assert_eq!(found(&links, 0, None), None);
    }

    #[test]
    fn a_physical_nic_is_preferred_and_then_the_mac_that_it_came_with() {
        let child: &[(u16, &[u8])] = &[(IFLA_LINK, &[3, 0, 0, 0]), (IFLA_PERM_ADDRESS, &MAC)];
        let mut links = Links::default();
        ether(&mut links, 2, "vlan7", MAC, child);
        assert_eq!(found(&links, 0, Some(MAC)), Some("vlan7"));
        ether(&mut links, 3, "dummy0", MAC, &[]);
        assert_eq!(found(&links, 0, Some(MAC)), Some("dummy0"));
        ether(&mut links, 4, "ens5", OTHER, &[(IFLA_PERM_ADDRESS, &MAC)]);
        assert_eq!(found(&links, 0, Some(MAC)), Some("ens5"));
    }

    #[test]
    fn what_is_no_ethernet_or_has_no_harmless_name_is_left_out() {
        let mut links = Links::default();
        hear(
            &mut links,
            1,
            ARPHRD_LOOPBACK,
            &[(IFLA_IFNAME, b"lo\0"), (IFLA_ADDRESS, &[0; 6])],
        );
        // ARPHRD_PPP of linux/if_arp.h.
        hear(
            &mut links,
            2,
            512,
            &[(IFLA_IFNAME, b"ppp0\0"), (IFLA_ADDRESS, &MAC)],
        );
        for name in [
            "",
            ".eth",
            "-eth",
            "a b",
            "$(id)",
            "a'b",
            "a/b",
            "\u{e4}",
            "sixteen-letters-",
        ] {
            ether(&mut links, 3, name, MAC, &[]);
        }
        hear(
            &mut links,
            4,
            ARPHRD_ETHER,
            &[(IFLA_IFNAME, b"eth0"), (IFLA_ADDRESS, &MAC)],
        );
        hear(
            &mut links,
            5,
            ARPHRD_ETHER,
            &[(IFLA_IFNAME, b"eth0\0"), (IFLA_ADDRESS, &MAC[..5])],
        );
        assert_eq!(links.iter().count(), 0);
        assert_eq!(
            links.loopback(),
            Some(Loopback {
                index: 1,
                is_up: true
            })
        );
        links.start();
        assert_eq!(links.loopback(), None);
    }

    #[test]
    fn more_interfaces_than_there_is_room_for_are_noticed() {
        let mut links = Links::default();
        for index in 0..INTERFACES {
            ether(&mut links, index as u32, "veth", MAC, &[]);
            assert!(!links.overflowed());
        }
        ether(&mut links, 999, "veth", MAC, &[]);
        assert!(links.overflowed());
    }
}
