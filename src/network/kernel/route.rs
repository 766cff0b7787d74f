//! One IPv4 route: reading it out of a message, and asking for it.

use super::Target;
use crate::conf::Route;
use crate::network::rtnetlink::{
    AF_INET, Attribute, Message, NLM_F_APPEND, NLM_F_CREATE, RT_SCOPE_UNIVERSE, RT_TABLE_MAIN,
    RTA_DST, RTA_ENCAP, RTA_GATEWAY, RTA_MULTIPATH, RTA_NH_ID, RTA_OIF, RTA_PRIORITY, RTA_TABLE,
    RTM_DELROUTE, RTM_F_CLONED, RTM_NEWROUTE, RTN_UNICAST, RTNH_F_ONLINK, RTPROT_KERNEL,
    RTPROT_STATIC, put_message,
};
use crate::text::Buf;
use crate::value::{Ipv4, Mask, Prefix};

/// A route, out of a dump or a request.
pub(super) struct Found<'a> {
    pub(super) destination: Prefix,
    pub(super) gateway: Option<Ipv4>,
    pub(super) index: Option<u32>,
    /// Several next hops, as `struct rtnexthop` with attributes.
    hops: &'a [u8],
    /// Metric 0 and no type of service: nothing wins over it.
    pub(super) is_best: bool,
    /// Its next hop is an object that other routes may use too.
    pub(super) is_shared: bool,
    /// It is what it seems: unicast and without encapsulation.
    is_plain: bool,
    table: u32,
    protocol: u8,
    flags: u32,
}

impl<'a> Found<'a> {
    pub(super) fn read(message: &Message<'a>) -> Option<Self> {
        if !matches!(message.kind, RTM_NEWROUTE | RTM_DELROUTE) {
            return None;
        }
        // `struct rtmsg`: family, lengths of destination and source, type of
        // service, table, protocol, scope, type, flags.
        let (head, attributes) = message.split()?;
        let &[
            family,
            length,
            _,
            tos,
            table,
            protocol,
            _,
            kind,
            f0,
            f1,
            f2,
            f3,
        ] = head;
        if family != AF_INET {
            return None;
        }
        let mut found = Self {
            destination: Prefix::DEFAULT,
            gateway: None,
            index: None,
            hops: &[],
            is_best: tos == 0,
            is_shared: false,
            is_plain: kind == RTN_UNICAST,
            table: table.into(),
            protocol,
            flags: u32::from_ne_bytes([f0, f1, f2, f3]),
        };
        let mut destination = Ipv4::default();
        for attribute in attributes {
            match attribute.kind {
                RTA_DST => destination = attribute.address()?,
                RTA_GATEWAY => found.gateway = Some(attribute.address()?),
                RTA_OIF => found.index = Some(attribute.number()?),
                RTA_PRIORITY => found.is_best &= attribute.number()? == 0,
                RTA_TABLE => found.table = attribute.number()?,
                RTA_MULTIPATH => found.hops = attribute.value,
                RTA_NH_ID => found.is_shared = true,
                RTA_ENCAP => found.is_plain = false,
                _ => {}
            }
        }
        found.destination = Prefix::of(destination, Mask::from_length(length)?);
        Some(found)
    }

    /// Whether it is in the main table, a route that somebody put there.
    pub(super) fn is_ours_to_judge(&self) -> bool {
        self.table == u32::from(RT_TABLE_MAIN)
            && self.protocol != RTPROT_KERNEL
            // Copies for one peer, which kernels before 3.6 list as routes.
            && self.flags & RTM_F_CLONED == 0
    }

    /// Whether packets that `route` is about go just as it says. Who made it
    /// (`ip route`'s `proto`) does not matter.
    pub(super) fn is(&self, route: &Route, target: &Target) -> bool {
        self.is_best
            && self.is_plain
            && self.destination == route.destination
            && self.gateway == Some(route.gateway)
            && self.index == Some(target.index)
    }

    pub(super) fn leaves_through(&self, index: u32) -> bool {
        self.index == Some(index) || hops(self.hops).any(|hop| hop == index)
    }
}

/// The interfaces of several next hops.
fn hops(bytes: &[u8]) -> impl Iterator<Item = u32> {
    let mut rest = bytes;
    core::iter::from_fn(move || {
        // `struct rtnexthop`: length, flags, weight, index; attributes follow.
        let &[l0, l1, _, _, i0, i1, i2, i3] = rest.first_chunk()?;
        let length = usize::from(u16::from_ne_bytes([l0, l1])).next_multiple_of(4);
        rest = rest.get(length.max(8)..).unwrap_or_default();
        Some(u32::from_ne_bytes([i0, i1, i2, i3]))
    })
}

/// Appends the request for `route` through `target`.
///
/// It is put behind the routes to the same destination that are there: so a
/// route that replaces a stale one takes over when that one is removed, with no
/// gap between, and the kernel's own route to a subnet is never replaced.
pub(super) fn put_addition(out: &mut Buf<'_>, route: &Route, target: &Target) {
    let flags = match target.nic.is_off_subnet(route.gateway) {
        true => RTNH_F_ONLINK,
        false => 0,
    };
    let [f0, f1, f2, f3] = flags.to_ne_bytes();
    let length = route.destination.mask().length();
    let head = [
        AF_INET,
        length,
        0,
        0,
        RT_TABLE_MAIN,
        RTPROT_STATIC,
        RT_SCOPE_UNIVERSE,
        RTN_UNICAST,
        f0,
        f1,
        f2,
        f3,
    ];
    let attributes = [
        Attribute {
            kind: RTA_DST,
            value: &route.destination.address().octets(),
        },
        Attribute {
            kind: RTA_GATEWAY,
            value: &route.gateway.octets(),
        },
        Attribute {
            kind: RTA_OIF,
            value: &target.index.to_ne_bytes(),
        },
    ];
    put_message(
        out,
        RTM_NEWROUTE,
        NLM_F_CREATE | NLM_F_APPEND,
        0,
        &head,
        &attributes,
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn next_hops_whose_lengths_lie_end_the_list() {
        let hop = [&8_u16.to_ne_bytes()[..], &[0, 0], &9_u32.to_ne_bytes()].concat();
        for length in 0..=24 {
            assert_eq!(hops(&hop.repeat(3)[..length]).count(), length / 8);
        }
        let mut endless = hop.repeat(3);
        endless[..2].copy_from_slice(&[0, 0]);
        assert_eq!(hops(&endless).count(), 3);
        endless[..2].copy_from_slice(&[0xff, 0xff]);
        assert_eq!(hops(&endless).count(), 1);
    }
}
