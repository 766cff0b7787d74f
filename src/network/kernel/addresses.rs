//! Which IPv4 addresses stand, which are missing and which must go.

use super::{Target, put_removal};
use crate::limits::NICS;
use crate::network::rtnetlink::{
    AF_INET, Attribute, IFA_ADDRESS, IFA_BROADCAST, IFA_F_NOPREFIXROUTE, IFA_F_PERMANENT,
    IFA_FLAGS, IFA_LABEL, IFA_LOCAL, Listen, Message, NLM_F_CREATE, NLM_F_REPLACE,
    RT_SCOPE_UNIVERSE, RTM_DELADDR, RTM_NEWADDR, put_message,
};
use crate::text::Buf;
use crate::value::Ipv4;

/// Compares a dump of all addresses with what is wanted.
///
/// Every IPv4 address of a NIC of ours that os.conf does not name goes, of
/// whatever scope: os.conf is the whole truth about that NIC. Other interfaces
/// and IPv6 are left alone.
pub(super) struct Addresses<'a> {
    targets: &'a [Target],
    stands: [bool; NICS],
    stale: Buf<'a>,
}

impl<'a> Addresses<'a> {
    pub(super) fn new(targets: &'a [Target], memory: &'a mut [u8]) -> Self {
        Self {
            targets,
            stands: [false; NICS],
            stale: Buf::new(memory),
        }
    }

    /// The NICs whose address is not there as it should be.
    pub(super) fn missing(&self) -> impl Iterator<Item = &Target> {
        let pairs = self.targets.iter().zip(&self.stands);
        pairs
            .filter(|(_, stands)| !**stands)
            .map(|(target, _)| target)
    }

    /// Requests to remove what must go; when there is too much of it, a part.
    pub(super) fn stale(&self) -> &[u8] {
        self.stale.as_bytes()
    }
}

impl Listen for Addresses<'_> {
    fn start(&mut self) {
        self.stands = [false; NICS];
        self.stale.clear();
    }

    fn hear(&mut self, message: &Message<'_>) {
        let Some(found) = Found::read(message) else {
            return;
        };
        if !self
            .targets
            .iter()
            .any(|target| target.index == found.index)
        {
            return;
        }
        let mut is_wanted = false;
        for (target, stands) in self.targets.iter().zip(&mut self.stands) {
            if found.is_of(target) {
                is_wanted = true;
                // One with a lease's end is made permanent, not removed.
                *stands |= found.flags & IFA_F_PERMANENT != 0;
            }
        }
        if !is_wanted {
            let names = [IFA_LOCAL, IFA_ADDRESS, IFA_LABEL];
            put_removal(&mut self.stale, RTM_DELADDR, message.body, 8, &names);
        }
    }
}

/// An address of an interface, out of a dump or a request.
pub(super) struct Found {
    pub(super) index: u32,
    pub(super) local: Ipv4,
    /// The other end of a point-to-point link; elsewhere `local` again.
    peer: Ipv4,
    pub(super) length: u8,
    flags: u32,
}

impl Found {
    pub(super) fn read(message: &Message<'_>) -> Option<Self> {
        if !matches!(message.kind, RTM_NEWADDR | RTM_DELADDR) {
            return None;
        }
        // `struct ifaddrmsg`: family, prefix length, flags, scope, index.
        let (&[family, length, flags, _, i0, i1, i2, i3], attributes) = message.split()?;
        if family != AF_INET {
            return None;
        }
        let (mut local, mut peer, mut flags) = (None, None, u32::from(flags));
        for attribute in attributes {
            match attribute.kind {
                IFA_LOCAL => local = attribute.address(),
                IFA_ADDRESS => peer = attribute.address(),
                // All 32 flags, since Linux 3.14.
                IFA_FLAGS => flags = attribute.number()?,
                _ => {}
            }
        }
        Some(Self {
            index: u32::from_ne_bytes([i0, i1, i2, i3]),
            local: local.or(peer)?,
            peer: peer.or(local)?,
            length,
            flags,
        })
    }

    /// Whether this is the address that `target` wants, on the right interface
    /// and with the route to its subnet that the kernel makes by itself.
    fn is_of(&self, target: &Target) -> bool {
        self.index == target.index
            && self.local == target.nic.address
            && self.peer == self.local
            && self.length == target.nic.mask.length()
            && self.flags & IFA_F_NOPREFIXROUTE == 0
    }
}

/// Appends the request for the address of `target`.
pub(super) fn put_addition(out: &mut Buf<'_>, target: &Target) {
    let nic = &target.nic;
    let [i0, i1, i2, i3] = target.index.to_ne_bytes();
    // No lifetime is given, which the kernel takes as for ever.
    let head = [
        AF_INET,
        nic.mask.length(),
        0,
        RT_SCOPE_UNIVERSE,
        i0,
        i1,
        i2,
        i3,
    ];
    let address = nic.address.octets();
    let broadcast = nic.subnet().broadcast().octets();
    let attributes = [
        Attribute {
            kind: IFA_LOCAL,
            value: &address,
        },
        Attribute {
            kind: IFA_ADDRESS,
            value: &address,
        },
        Attribute {
            kind: IFA_BROADCAST,
            value: &broadcast,
        },
    ];
    let attributes = match &attributes {
        // RFC 3021: a subnet of two has no broadcast, nor has a single host.
        [local, peer, _] if nic.mask.length() > 30 => &[*local, *peer][..],
        all => all,
    };
    // REPLACE makes an address that expires a permanent one.
    put_message(
        out,
        RTM_NEWADDR,
        NLM_F_CREATE | NLM_F_REPLACE,
        0,
        &head,
        attributes,
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conf::Nic;
    use crate::network::rtnetlink::Messages;
    use crate::value::Mask;
    use std::vec::Vec;

    fn target(label: u8, index: u32, address: &str, length: u8) -> Target {
        Target {
            nic: Nic {
                label,
                mac: None,
                address: Ipv4::parse(address.as_bytes()).unwrap(),
                mask: Mask::from_length(length).unwrap(),
            },
            index,
            is_up: true,
        }
    }

    /// What a kernel with the addresses of `standing` makes of `targets`: the
    /// labels without their address, and the addresses that go.
    fn compare(targets: &[Target], standing: &[(Target, u32)]) -> (Vec<u8>, Vec<Ipv4>) {
        let mut memory = [0; 256];
        let mut addresses = Addresses::new(targets, &mut memory);
        addresses.start();
        for (target, flags) in standing {
            let mut bytes = [0; 64];
            let mut out = Buf::new(&mut bytes);
            put_addition(&mut out, target);
            let mut dumped = out.as_bytes().to_vec();
            dumped.extend([8_u16.to_ne_bytes(), IFA_FLAGS.to_ne_bytes()].concat());
            dumped.extend(flags.to_ne_bytes());
            let length = dumped.len() as u32;
            dumped[..4].copy_from_slice(&length.to_ne_bytes());
            for message in Messages::new(&dumped) {
                addresses.hear(&message.unwrap());
            }
        }
        let missing = addresses.missing().map(|target| target.nic.label).collect();
        let stale = Messages::new(addresses.stale()).map(|request| {
            let request = request.unwrap();
            assert_eq!(request.kind, RTM_DELADDR);
            Found::read(&request).unwrap().local
        });
        (missing, stale.collect())
    }

    #[test]
    fn only_the_very_same_address_stands() {
        let wanted = target(0, 2, "10.0.0.5", 24);
        let own = wanted.nic.address;
        let keeps = IFA_F_PERMANENT;
        for (standing, flags, missing, stale) in [
            (wanted, keeps, &[][..], &[][..]),
            // A lease is taken over.
            (wanted, 0, &[0], &[]),
            (wanted, keeps | IFA_F_NOPREFIXROUTE, &[0], &[own]),
            (target(0, 2, "10.0.0.5", 25), keeps, &[0], &[own]),
            (
                target(0, 2, "10.0.0.6", 24),
                keeps,
                &[0],
                &[Ipv4::parse(b"10.0.0.6").unwrap()],
            ),
            // Another interface is not ours.
            (target(0, 3, "10.0.0.5", 24), keeps, &[0], &[]),
        ] {
            let found = compare(&[wanted], &[(standing, flags)]);
            assert_eq!(found, (missing.to_vec(), stale.to_vec()));
        }
    }

    #[test]
    fn each_nic_is_compared_with_its_own_address() {
        let (first, second) = (target(0, 2, "10.0.0.5", 24), target(1, 3, "10.1.0.5", 32));
        let found = compare(&[first, second], &[(second, IFA_F_PERMANENT)]);
        assert_eq!(found, (std::vec![0], std::vec![]));
    }

    #[test]
    fn a_cut_message_is_no_address() {
        let target = target(0, 2, "10.0.0.5", 24);
        let mut bytes = [0; 64];
        let mut out = Buf::new(&mut bytes);
        put_addition(&mut out, &target);
        let message = Messages::new(out.as_bytes()).next().unwrap().unwrap();
        for length in 0..8 + 8 {
            let body = &message.body[..length];
            assert!(
                Found::read(&Message { body, ..message }).is_none(),
                "{length}"
            );
        }
    }
}
