//! Which IPv4 routes stand, which are missing and which must go.

use super::route::Found;
use super::{Target, put_removal};
use crate::conf::{Network, Route};
use crate::limits::ROUTES;
use crate::network::rtnetlink::{
    Listen, Message, RTA_DST, RTA_GATEWAY, RTA_MULTIPATH, RTA_NH_ID, RTA_OIF, RTA_PRIORITY,
    RTA_TABLE, RTA_VIA, RTM_DELROUTE,
};
use crate::text::Buf;

/// Compares a dump of all routes with what is wanted.
///
/// It is about the main table, and not about what the kernel put there by
/// itself. Through a NIC of ours goes only what os.conf names. A route elsewhere
/// must go if it would win over one of ours: same destination, metric 0.
pub(super) struct Routes<'a> {
    network: &'a Network,
    targets: &'a [Target],
    /// In the order of [`wanted`].
    stands: [bool; ROUTES + 1],
    stale: Buf<'a>,
}

impl<'a> Routes<'a> {
    pub(super) fn new(network: &'a Network, targets: &'a [Target], memory: &'a mut [u8]) -> Self {
        Self {
            network,
            targets,
            stands: [false; ROUTES + 1],
            stale: Buf::new(memory),
        }
    }

    /// The routes that are not there, each with the NIC that it leaves through.
    pub(super) fn missing(&self) -> impl Iterator<Item = (&Route, &Target)> {
        let pairs = wanted(self.network, self.targets).zip(&self.stands);
        pairs
            .filter(|(_, stands)| !**stands)
            .filter_map(|(pair, _)| pair)
    }

    /// Requests to remove what must go; if there is too much of it, a part.
    pub(super) fn stale(&self) -> &[u8] {
        self.stale.as_bytes()
    }

    /// Whether there was too much.
    pub(super) fn overflowed(&self) -> bool {
        self.stale.overflowed()
    }
}

/// The attributes by which the kernel knows a route that it shall remove
/// (`fib_nh_match` in net/ipv4/fib_semantics.c).
const NAMES: &[u16] = &[
    RTA_DST,
    RTA_PRIORITY,
    RTA_TABLE,
    RTA_OIF,
    RTA_GATEWAY,
    RTA_VIA,
    RTA_MULTIPATH,
];

/// The same for a next hop that is an object of its own: a dump tells what is in
/// it, too, but both in one request are refused.
const SHARED_NAMES: &[u16] = &[RTA_DST, RTA_PRIORITY, RTA_TABLE, RTA_NH_ID];

/// Every route of os.conf; `None` where the NIC is not there.
fn wanted<'a>(
    network: &'a Network,
    targets: &'a [Target],
) -> impl Iterator<Item = Option<(&'a Route, &'a Target)>> {
    network.all_routes().map(|route| {
        let target = targets
            .iter()
            .find(|target| target.nic.label == route.label)?;
        Some((route, target))
    })
}

impl Listen for Routes<'_> {
    fn start(&mut self) {
        self.stands = [false; ROUTES + 1];
        self.stale.clear();
    }

    fn hear(&mut self, message: &Message<'_>) {
        let Some(found) = Found::read(message) else {
            return;
        };
        if !found.is_ours_to_judge() {
            return;
        }
        let mut is_in_the_way = false;
        for (pair, stands) in wanted(self.network, self.targets).zip(&mut self.stands) {
            let Some((route, target)) = pair else {
                continue;
            };
            if found.is(route, target) {
                *stands = true;
                return;
            }
            is_in_the_way |= found.is_best && found.destination == route.destination;
        }
        let is_on = |target: &Target| found.leaves_through(target.index);
        if is_in_the_way || self.targets.iter().any(is_on) {
            let names = if found.is_shared { SHARED_NAMES } else { NAMES };
            put_removal(&mut self.stale, RTM_DELROUTE, message.body, 12, names);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conf::Nic;
    use crate::network::rtnetlink::{
        AF_INET, Attribute, Messages, RT_TABLE_MAIN, RTA_ENCAP, RTM_F_CLONED, RTM_NEWROUTE,
        RTN_UNICAST, RTPROT_KERNEL, put_message,
    };
    use crate::value::{Ipv4, Mask, Prefix};
    use heapless::Vec;

    const GATEWAY: [u8; 4] = [10, 0, 0, 1];
    const OURS: u32 = 2;
    const OTHER: u32 = 3;

    fn target() -> Target {
        Target {
            nic: Nic {
                label: 0,
                mac: None,
                address: Ipv4::parse(b"10.0.0.5").unwrap(),
                mask: Mask::from_length(24).unwrap(),
            },
            index: OURS,
            is_up: true,
        }
    }

    /// Whether the one wanted route, the default route, stands, and whether the
    /// one that the kernel has must go.
    fn compare(head: [u8; 12], attributes: &[(u16, &[u8])]) -> (bool, bool) {
        let network = Network {
            nics: Vec::new(),
            routes: Vec::new(),
            default_route: Some(Route {
                label: 0,
                destination: Prefix::DEFAULT,
                gateway: Ipv4::new(u32::from_be_bytes(GATEWAY)),
            }),
        };
        let targets = [target()];
        let mut memory = [0; 128];
        let mut routes = Routes::new(&network, &targets, &mut memory);
        let attributes: std::vec::Vec<_> = attributes
            .iter()
            .map(|&(kind, value)| Attribute { kind, value })
            .collect();
        let mut bytes = [0; 128];
        let mut out = Buf::new(&mut bytes);
        put_message(&mut out, RTM_NEWROUTE, 0, 0, &head, &attributes);
        routes.start();
        for message in Messages::new(out.as_bytes()) {
            let message = message.unwrap();
            routes.hear(&message);
            // Cut short it may mean something else, but it must mean something.
            for length in 0..message.body.len() {
                let body = &message.body[..length];
                let mut memory = [0; 128];
                Routes::new(&network, &targets, &mut memory).hear(&Message { body, ..message });
            }
        }
        let stands = routes.missing().next().is_none();
        (stands, !routes.stale().is_empty())
    }

    const fn head(tos: u8, table: u8, protocol: u8, kind: u8) -> [u8; 12] {
        [AF_INET, 0, 0, tos, table, protocol, 0, kind, 0, 0, 0, 0]
    }

    #[test]
    fn a_route_stands_whoever_made_it_and_all_others_through_our_nics_go() {
        let plain = head(0, RT_TABLE_MAIN, 16, RTN_UNICAST);
        let ours = (RTA_OIF, &OURS.to_ne_bytes()[..]);
        let other = (RTA_OIF, &OTHER.to_ne_bytes()[..]);
        let gateway = (RTA_GATEWAY, &GATEWAY[..]);
        let metric = (RTA_PRIORITY, &7_u32.to_ne_bytes()[..]);
        let length = 8_u16.to_ne_bytes();
        let hop = |index: u32| [&length[..], &[0, 0], &index.to_ne_bytes()].concat();
        let hops = [hop(OTHER), hop(OURS)].concat();
        let stands = (true, false);
        let goes = (false, true);
        let stays = (false, false);
        for (head, attributes, expected) in [
            (plain, &[gateway, ours][..], stands),
            (plain, &[(RTA_GATEWAY, &[10, 0, 0, 9]), ours], goes),
            (plain, &[gateway, ours, metric], goes),
            (plain, &[gateway, ours, (RTA_ENCAP, &[])], goes),
            (plain, &[(RTA_MULTIPATH, &hops), metric], goes),
            (plain, &[(RTA_MULTIPATH, &hop(OTHER)), metric], stays),
            (
                head(8, RT_TABLE_MAIN, 16, RTN_UNICAST),
                &[gateway, ours],
                goes,
            ),
            (head(0, 7, 16, RTN_UNICAST), &[gateway, ours], stays),
            (
                plain,
                &[gateway, ours, (RTA_TABLE, &700_u32.to_ne_bytes())],
                stays,
            ),
            (
                head(0, RT_TABLE_MAIN, RTPROT_KERNEL, RTN_UNICAST),
                &[ours],
                stays,
            ),
            // Through another NIC only what would win over ours goes.
            (plain, &[gateway, other], goes),
            (plain, &[gateway, other, metric], stays),
            // RTN_UNREACHABLE of linux/rtnetlink.h.
            (head(0, RT_TABLE_MAIN, 3, 7), &[], goes),
            (head(0, RT_TABLE_MAIN, 3, 7), &[metric], stays),
        ] {
            assert_eq!(
                compare(head, attributes),
                expected,
                "{head:?} {attributes:?}"
            );
        }
        let mut cached = head(0, RT_TABLE_MAIN, 3, RTN_UNICAST);
        cached[8..].copy_from_slice(&RTM_F_CLONED.to_ne_bytes());
        assert_eq!(compare(cached, &[gateway, ours]), stays);
    }
}
