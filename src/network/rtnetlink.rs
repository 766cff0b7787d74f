//! The wire format of rtnetlink(7), in both directions, and no socket.
//!
//! A message is a header, a structure that depends on its kind, and attributes
//! (length, kind, value), each padded to four bytes. All numbers are in the
//! machine's byte order, IPv4 addresses as in a packet. What is read came from
//! the kernel, but is taken as if it had not: what a length field says is
//! believed only as far as there are bytes.

use crate::text::Buf;
use crate::value::Ipv4;
use rustix::io::Errno;

// Kinds of messages: linux/netlink.h, then linux/rtnetlink.h.
pub(crate) const NLMSG_ERROR: u16 = 2;
pub(crate) const NLMSG_DONE: u16 = 3;
pub(crate) const RTM_NEWLINK: u16 = 16;
pub(crate) const RTM_GETLINK: u16 = 18;
pub(crate) const RTM_NEWADDR: u16 = 20;
pub(crate) const RTM_DELADDR: u16 = 21;
pub(crate) const RTM_GETADDR: u16 = 22;
pub(crate) const RTM_NEWROUTE: u16 = 24;
pub(crate) const RTM_DELROUTE: u16 = 25;
pub(crate) const RTM_GETROUTE: u16 = 26;

// Flags of a message: linux/netlink.h.
pub(crate) const NLM_F_REQUEST: u16 = 0x1;
pub(crate) const NLM_F_ACK: u16 = 0x4;
pub(crate) const NLM_F_DUMP_INTR: u16 = 0x10;
pub(crate) const NLM_F_DUMP: u16 = 0x300;
pub(crate) const NLM_F_REPLACE: u16 = 0x100;
pub(crate) const NLM_F_CREATE: u16 = 0x400;
pub(crate) const NLM_F_APPEND: u16 = 0x800;

// Links: linux/if_link.h, linux/if_arp.h, linux/if.h.
pub(crate) const IFLA_ADDRESS: u16 = 1;
pub(crate) const IFLA_IFNAME: u16 = 3;
pub(crate) const IFLA_LINK: u16 = 5;
pub(crate) const IFLA_MASTER: u16 = 10;
pub(crate) const IFLA_PERM_ADDRESS: u16 = 54;
pub(crate) const ARPHRD_ETHER: u16 = 1;
pub(crate) const ARPHRD_LOOPBACK: u16 = 772;
pub(crate) const IFF_UP: u32 = 0x1;

// Addresses: linux/if_addr.h; the family is of bits/socket.h.
pub(crate) const AF_INET: u8 = 2;
pub(crate) const IFA_ADDRESS: u16 = 1;
pub(crate) const IFA_LOCAL: u16 = 2;
pub(crate) const IFA_LABEL: u16 = 3;
pub(crate) const IFA_BROADCAST: u16 = 4;
pub(crate) const IFA_FLAGS: u16 = 8;
pub(crate) const IFA_F_PERMANENT: u32 = 0x80;
pub(crate) const IFA_F_NOPREFIXROUTE: u32 = 0x200;

// Routes: linux/rtnetlink.h.
pub(crate) const RTA_DST: u16 = 1;
pub(crate) const RTA_OIF: u16 = 4;
pub(crate) const RTA_GATEWAY: u16 = 5;
pub(crate) const RTA_PRIORITY: u16 = 6;
pub(crate) const RTA_MULTIPATH: u16 = 9;
pub(crate) const RTA_TABLE: u16 = 15;
pub(crate) const RTA_VIA: u16 = 18;
pub(crate) const RTA_ENCAP: u16 = 22;
pub(crate) const RTA_NH_ID: u16 = 30;
pub(crate) const RT_TABLE_MAIN: u8 = 254;
pub(crate) const RT_SCOPE_UNIVERSE: u8 = 0;
pub(crate) const RTPROT_KERNEL: u8 = 2;
pub(crate) const RTPROT_STATIC: u8 = 4;
pub(crate) const RTN_UNICAST: u8 = 1;
pub(crate) const RTNH_F_ONLINK: u32 = 0x4;
pub(crate) const RTM_F_CLONED: u32 = 0x200;

/// Bytes of `struct nlmsghdr`.
const HEADER: usize = 16;

/// `struct rtattr`: one property of a link, an address or a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Attribute<'a> {
    pub(crate) kind: u16,
    pub(crate) value: &'a [u8],
}

impl Attribute<'_> {
    /// The value as a number, if it is one.
    pub(crate) fn number(self) -> Option<u32> {
        number(self.value)
    }

    /// The value as an IPv4 address, if it is one.
    pub(crate) fn address(self) -> Option<Ipv4> {
        self.value
            .try_into()
            .ok()
            .map(u32::from_be_bytes)
            .map(Ipv4::new)
    }
}

/// Appends a request to `out`. `head` is the structure that belongs to `kind`.
///
/// Attributes come as one slice, so that every length is known before the first
/// byte is written and none must be patched in.
pub(crate) fn put_message(
    out: &mut Buf<'_>,
    kind: u16,
    flags: u16,
    sequence: u32,
    head: &[u8],
    attributes: &[Attribute<'_>],
) {
    let length = attributes
        .iter()
        .fold(HEADER + head.len(), |length, attribute| {
            length + 4 + padded(attribute.value.len())
        });
    // Neither cast can lose anything: `out` is far below 64 KiB and takes all of
    // a message or, at the first piece too long, nothing any more.
    out.push(&(length as u32).to_ne_bytes());
    out.push(&kind.to_ne_bytes());
    out.push(&flags.to_ne_bytes());
    out.push(&sequence.to_ne_bytes());
    // The sender's port: the kernel fills in its own idea of it.
    out.push(&[0; 4]);
    out.push(head);
    for attribute in attributes {
        out.push(&(4 + attribute.value.len() as u16).to_ne_bytes());
        out.push(&attribute.kind.to_ne_bytes());
        out.push(attribute.value);
        for _ in attribute.value.len()..padded(attribute.value.len()) {
            out.push(&[0]);
        }
    }
}

/// One message, read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Message<'a> {
    pub(crate) kind: u16,
    pub(crate) flags: u16,
    pub(crate) sequence: u32,
    /// What follows the header: the structure of this kind, then attributes.
    pub(crate) body: &'a [u8],
}

impl<'a> Message<'a> {
    /// The structure of `N` bytes at the front, and the attributes behind it.
    pub(crate) fn split<const N: usize>(&self) -> Option<(&'a [u8; N], Attributes<'a>)> {
        let (head, rest) = self.body.split_first_chunk()?;
        Some((head, Attributes::new(rest)))
    }

    /// What `NLMSG_ERROR` or `NLMSG_DONE` says: 0 is success, a negative number
    /// the kernel's reason (netlink(7), `struct nlmsgerr`).
    ///
    /// # Errors
    /// The kernel's reason; `BADMSG` if what is there cannot be one.
    pub(crate) fn verdict(&self) -> Result<(), Errno> {
        match number(self.body.get(..4).unwrap_or_default()).map(u32::cast_signed) {
            Some(0) => Ok(()),
            // The range that the kernel itself has for them (MAX_ERRNO).
            Some(code @ -4095..0) => Err(Errno::from_raw_os_error(-code)),
            _ => Err(Errno::BADMSG),
        }
    }
}

/// The messages in one datagram.
pub(crate) struct Messages<'a> {
    rest: &'a [u8],
}

impl<'a> Messages<'a> {
    pub(crate) fn new(datagram: &'a [u8]) -> Self {
        Self { rest: datagram }
    }
}

impl<'a> Iterator for Messages<'a> {
    /// `BADMSG` for what is cut short; it is then the last item.
    type Item = Result<Message<'a>, Errno>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let message = message(self.rest);
        self.rest = message
            .and_then(|(_, length)| self.rest.get(padded(length)..))
            .unwrap_or_default();
        Some(message.map(|(message, _)| message).ok_or(Errno::BADMSG))
    }
}

/// The first message, and its length without padding.
fn message(bytes: &[u8]) -> Option<(Message<'_>, usize)> {
    let (header, _) = bytes.split_first_chunk::<HEADER>()?;
    let &[l0, l1, l2, l3, k0, k1, f0, f1, s0, s1, s2, s3, ..] = header;
    let length = usize::try_from(u32::from_ne_bytes([l0, l1, l2, l3])).ok()?;
    let message = Message {
        kind: u16::from_ne_bytes([k0, k1]),
        flags: u16::from_ne_bytes([f0, f1]),
        sequence: u32::from_ne_bytes([s0, s1, s2, s3]),
        // None for a length below the header's, too.
        body: bytes.get(HEADER..length)?,
    };
    Some((message, length))
}

/// The attributes of one message; ends where one is cut short.
#[derive(Clone)]
pub(crate) struct Attributes<'a> {
    rest: &'a [u8],
}

impl<'a> Attributes<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Attribute<'a>;

    fn next(&mut self) -> Option<Attribute<'a>> {
        let &[l0, l1, k0, k1] = self.rest.first_chunk()?;
        let length = usize::from(u16::from_ne_bytes([l0, l1]));
        let attribute = Attribute {
            // The two highest bits are marks, not part of the kind
            // (NLA_F_NESTED and NLA_F_NET_BYTEORDER of linux/netlink.h).
            kind: u16::from_ne_bytes([k0, k1]) & 0x3fff,
            value: self.rest.get(4..length)?,
        };
        self.rest = self.rest.get(padded(length)..).unwrap_or_default();
        Some(attribute)
    }
}

/// Who listens to a dump, which is the kernel's answer to `NLM_F_DUMP`.
pub(crate) trait Listen {
    /// A dump begins: what an earlier one said is void.
    fn start(&mut self);
    /// One message of it.
    fn hear(&mut self, message: &Message<'_>);
}

/// `NLMSG_ALIGN` and `RTA_ALIGN`.
const fn padded(length: usize) -> usize {
    length.saturating_add(3) & !3
}

/// A value that is one number in the machine's byte order.
fn number(value: &[u8]) -> Option<u32> {
    value.try_into().ok().map(u32::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    /// `ip route add 10.0.0.0/8 via 10.171.254.1 dev` number 2, as strace(1) shows it.
    #[cfg(target_endian = "little")]
    const ROUTE: &[u8] = &[
        52, 0, 0, 0, 24, 0, 5, 6, 7, 0, 0, 0, 0, 0, 0, 0, 2, 8, 0, 0, 254, 3, 0, 1, 0, 0, 0,
        0, //
        8, 0, 1, 0, 10, 0, 0, 0, 8, 0, 5, 0, 10, 171, 254, 1, 8, 0, 4, 0, 2, 0, 0, 0,
    ];

    fn put(kind: u16, sequence: u32, head: &[u8], attributes: &[(u16, &[u8])]) -> Vec<u8> {
        let attributes: Vec<_> = attributes
            .iter()
            .map(|&(kind, value)| Attribute { kind, value })
            .collect();
        let mut bytes = [0; 256];
        let mut out = Buf::new(&mut bytes);
        put_message(&mut out, kind, 0x605, sequence, head, &attributes);
        assert!(!out.overflowed());
        out.as_bytes().to_vec()
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn a_request_is_what_iproute2_sends() {
        let head = [2, 8, 0, 0, 254, 3, 0, 1, 0, 0, 0, 0];
        let attributes: [(u16, &[u8]); 3] = [
            (RTA_DST, &[10, 0, 0, 0]),
            (RTA_GATEWAY, &[10, 171, 254, 1]),
            (RTA_OIF, &[2, 0, 0, 0]),
        ];
        assert_eq!(put(RTM_NEWROUTE, 7, &head, &attributes), ROUTE);
    }

    #[test]
    fn what_is_put_is_read_whatever_the_padding() {
        for length in 0..9 {
            let value = &[7; 9][..length];
            let mut bytes = put(
                RTM_NEWLINK,
                3,
                &[9; 16],
                &[(IFLA_IFNAME, value), (2, b"abcd")],
            );
            assert_eq!(bytes.len() % 4, 0);
            bytes.extend(put(NLMSG_DONE, 4, &[0; 4], &[]));
            let messages: Vec<_> = Messages::new(&bytes).map(Result::unwrap).collect();
            let [first, done] = messages[..] else {
                panic!("{messages:?}");
            };
            assert_eq!((first.kind, first.sequence), (RTM_NEWLINK, 3));
            let (head, attributes) = first.split::<16>().unwrap();
            assert_eq!(head, &[9; 16]);
            let found: Vec<_> = attributes.map(|found| (found.kind, found.value)).collect();
            assert_eq!(found, [(IFLA_IFNAME, value), (2, &b"abcd"[..])]);
            assert_eq!((done.kind, done.verdict()), (NLMSG_DONE, Ok(())));
        }
    }

    #[test]
    fn a_request_that_does_not_fit_is_marked() {
        let mut bytes = [0; 20];
        let mut out = Buf::new(&mut bytes);
        put_message(&mut out, RTM_NEWROUTE, 0, 0, &[0; 12], &[]);
        assert!(out.overflowed());
    }

    #[test]
    fn a_cut_datagram_ends_with_an_error_and_a_cut_message_with_its_last_attribute() {
        let bytes = put(RTM_NEWLINK, 3, &[9; 16], &[(1, b"12345"), (2, b"abcd")]);
        for length in 1..bytes.len() {
            let messages: Vec<_> = Messages::new(&bytes[..length]).collect();
            assert_eq!(messages, [Err(Errno::BADMSG)]);
        }
        let body = &bytes[HEADER + 16..];
        for length in 0..body.len() {
            let count = Attributes::new(&body[..length]).count();
            // The padding of the first is 12 long, and it is whole with 9.
            assert_eq!(count, usize::from(length >= 9), "{length}");
        }
    }

    #[test]
    fn lengths_that_lie_end_the_reading() {
        let good = put(RTM_NEWLINK, 3, &[9; 16], &[(1, b"1234")]);
        for length in [0_u32, 1, 15, 41, u32::MAX - 2, u32::MAX] {
            let mut bytes = good.clone();
            bytes[..4].copy_from_slice(&length.to_ne_bytes());
            let messages: Vec<_> = Messages::new(&bytes).collect();
            assert_eq!(messages, [Err(Errno::BADMSG)], "{length}");
        }
        for length in [0_u16, 3, 9, u16::MAX] {
            let mut bytes = good[HEADER + 16..].to_vec();
            bytes[..2].copy_from_slice(&length.to_ne_bytes());
            assert_eq!(Attributes::new(&bytes).count(), 0, "{length}");
        }
    }

    #[test]
    fn a_verdict_is_zero_or_an_error_number_of_the_kernel() {
        for (code, verdict) in [
            (0, Ok(())),
            (-17, Err(Errno::EXIST)),
            (-4095, Err(Errno::from_raw_os_error(4095))),
            (-4096, Err(Errno::BADMSG)),
            (1, Err(Errno::BADMSG)),
            (i32::MIN, Err(Errno::BADMSG)),
        ] {
            let bytes = put(NLMSG_ERROR, 1, &i32::to_ne_bytes(code), &[]);
            let message = Messages::new(&bytes).next().unwrap().unwrap();
            assert_eq!(message.verdict(), verdict, "{code}");
        }
        let bytes = put(NLMSG_ERROR, 1, &[0; 3], &[]);
        let message = Messages::new(&bytes).next().unwrap().unwrap();
        assert_eq!(message.verdict(), Err(Errno::BADMSG));
    }

    #[test]
    fn marks_are_no_part_of_a_kind() {
        let bytes = put(RTM_NEWROUTE, 1, &[], &[(RTA_MULTIPATH | 0x8000, b"")]);
        assert_eq!(
            Attributes::new(&bytes[HEADER..]).next().unwrap().kind,
            RTA_MULTIPATH
        );
    }
}
