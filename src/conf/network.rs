//! `ethN_…`: NICs, routes, and the one default route.

use super::parse::{Assignments, Reader};
use super::{Fault, Network, Nic, NicKey, Route, Span, Wish};
use crate::limits::NICS;
use crate::part::Part;
use crate::text::lines::words;
use crate::text::split::split_once;
use crate::value::{Ipv4, Mac, Mask, Prefix};
use heapless::Vec;

const PART: Option<Part> = Some(Part::Network);

/// A default route that somebody named, and where.
type Candidate = (Route, Span);

/// Reads the network; [`Wish::Nothing`] if no key of a NIC has a value.
#[inline(never)]
pub(super) fn read(reader: &mut Reader<'_, '_>, assignments: &Assignments) -> Wish<Network> {
    let mut network = Network::default();
    let mut defaults: Vec<Candidate, NICS> = Vec::new();
    for label in assignments.labels() {
        let Some(nic) = nic(reader, assignments, label) else {
            continue;
        };
        check_against(reader, assignments, &network.nics, &nic);
        // Cannot fail: there are as many labels as places.
        let _ = network.nics.push(nic);
        if let Some(span) = assignments.nic(label, NicKey::Routes) {
            routes(reader, &mut network, &mut defaults, &nic, span);
        }
    }
    if network.nics.is_empty() {
        return Wish::Nothing;
    }
    network.default_route = default_route(reader, assignments, &network, &defaults);
    Wish::Value(network)
}

/// One NIC, if address and mask are known.
fn nic(reader: &mut Reader<'_, '_>, assignments: &Assignments, label: u8) -> Option<Nic> {
    let any = [
        NicKey::Address,
        NicKey::Mask,
        NicKey::Mac,
        NicKey::Gateway,
        NicKey::Routes,
    ]
    .into_iter()
    .find_map(|key| assignments.nic(label, key))?;
    let address = match assignments.nic(label, NicKey::Address) {
        Some(span) => host(reader, span),
        None => fail(reader, Fault::NoAddress, any),
    };
    let mask = match assignments.nic(label, NicKey::Mask) {
        Some(span) => match Ipv4::parse(span.text(reader.source)).and_then(Mask::from_address) {
            Some(Mask::DEFAULT) => fail(reader, Fault::MaskEmpty, span),
            Some(mask) => Some(mask),
            None => fail(reader, Fault::Mask, span),
        },
        None => fail(reader, Fault::NoMask, any),
    };
    let mac = match assignments.nic(label, NicKey::Mac) {
        Some(span) => match Mac::parse(span.text(reader.source)) {
            Some(mac) if mac.is_nic() => Some(mac),
            Some(_) => fail(reader, Fault::MacOfNoNic, span),
            None => fail(reader, Fault::Mac, span),
        },
        None => fail(reader, Fault::NoMac, any),
    };
    let nic = Nic {
        label,
        mac,
        address: address?,
        mask: mask?,
    };
    if let Some(span) = assignments.nic(label, NicKey::Gateway) {
        gateway(reader, &nic, span);
    }
    let subnet = nic.subnet();
    let edge = [subnet.address(), subnet.broadcast()].contains(&nic.address);
    // RFC 3021: a subnet of two addresses has no edge, and one of one neither.
    if edge && nic.mask.length() < 31 {
        let span = assignments.nic(label, NicKey::Address).unwrap_or(any);
        reader.report(Fault::EdgeOfSubnet, span, PART);
    }
    Some(nic)
}

fn fail<T>(reader: &mut Reader<'_, '_>, fault: Fault, span: Span) -> Option<T> {
    reader.report(fault, span, PART);
    None
}

fn host(reader: &mut Reader<'_, '_>, span: Span) -> Option<Ipv4> {
    match Ipv4::parse(span.text(reader.source)) {
        Some(address) if address.is_host() => Some(address),
        Some(_) => fail(reader, Fault::NotAHost, span),
        None => fail(reader, Fault::Address, span),
    }
}

fn gateway(reader: &mut Reader<'_, '_>, nic: &Nic, span: Span) -> Option<Ipv4> {
    match host(reader, span)? {
        own if own == nic.address => fail(reader, Fault::GatewayIsOwn, span),
        gateway => Some(gateway),
    }
}

/// Two NICs can share neither address nor MAC address.
fn check_against(
    reader: &mut Reader<'_, '_>,
    assignments: &Assignments,
    others: &[Nic],
    nic: &Nic,
) {
    for (key, fault, same) in [
        (
            NicKey::Address,
            Fault::AddressTwice,
            others.iter().any(|other| other.address == nic.address),
        ),
        (
            NicKey::Mac,
            Fault::MacTwice,
            others
                .iter()
                .any(|other| nic.mac.is_some() && other.mac == nic.mac),
        ),
    ] {
        if let (true, Some(span)) = (same, assignments.nic(nic.label, key)) {
            reader.report(fault, span, PART);
        }
    }
}

/// Reads the list `DESTINATION GATEWAY;…`. Every pair counts.
fn routes(
    reader: &mut Reader<'_, '_>,
    network: &mut Network,
    defaults: &mut Vec<Candidate, NICS>,
    nic: &Nic,
    list: Span,
) {
    let text = list.text(reader.source);
    for pair in text.split(|byte| matches!(byte, b';' | b',' | b'\n')) {
        let pair = pair.trim_ascii();
        if pair.is_empty() {
            continue;
        }
        let span = Span::of(pair, reader.source);
        let Some(route) = route(reader, nic, pair) else {
            continue;
        };
        if route.destination.is_default() {
            match defaults.last() {
                Some((last, _)) if last.label == nic.label => {
                    reader.report(Fault::RouteTwice, span, PART);
                }
                // Cannot fail: there is one at most for each NIC.
                _ => drop(defaults.push((route, span))),
            }
            continue;
        }
        let twin = network
            .routes
            .iter()
            .find(|other| other.destination == route.destination);
        match twin {
            Some(twin) if twin.label == nic.label => reader.report(Fault::RouteTwice, span, PART),
            // The kernel has one route for each destination and metric.
            Some(_) => reader.report(Fault::RouteElsewhere, span, PART),
            None => {
                if network.routes.push(route).is_err() {
                    reader.report(Fault::RouteLimit, span, PART);
                    return;
                }
            }
        }
    }
}

fn route(reader: &mut Reader<'_, '_>, nic: &Nic, pair: &[u8]) -> Option<Route> {
    let span = Span::of(pair, reader.source);
    let mut parts = words(pair);
    let (Some(destination), Some(hop), None) = (parts.next(), parts.next(), parts.next()) else {
        return fail(reader, Fault::RouteWords, span);
    };
    let at = Span::of(destination, reader.source);
    let Some((address, mask)) = destination_of(destination) else {
        return fail(reader, Fault::RouteDestination, at);
    };
    let destination = Prefix::of(address, mask);
    if destination.address() != address {
        reader.report(Fault::RouteHostBits, at, PART);
    }
    let gateway = gateway(reader, nic, Span::of(hop, reader.source))?;
    Some(Route {
        label: nic.label,
        destination,
        gateway,
    })
}

/// `default`, `A`, `A/P` or `A/M`.
#[inline(never)]
fn destination_of(text: &[u8]) -> Option<(Ipv4, Mask)> {
    if text == b"default" {
        return Some((Ipv4::default(), Mask::DEFAULT));
    }
    let Some((address, mask)) = split_once(text, b'/') else {
        return Some((Ipv4::parse(text)?, Mask::HOST));
    };
    let mask = match crate::value::ipv4::decimal_byte(mask) {
        Some(length) => Mask::from_length(length)?,
        None => Mask::from_address(Ipv4::parse(mask)?)?,
    };
    Some((Ipv4::parse(address)?, mask))
}

/// The one default route: from a route list, else by the gateway of the NIC that
/// faces the Internet, which is eth1 on a classic network and eth0 on a VPC.
#[inline(never)]
fn default_route(
    reader: &mut Reader<'_, '_>,
    assignments: &Assignments,
    network: &Network,
    defaults: &[Candidate],
) -> Option<Route> {
    let is_classic = network.nics.iter().any(|nic| nic.label == 1);
    let outer = u8::from(is_classic);
    let chosen = defaults
        .iter()
        .find(|(route, _)| is_classic && route.label == outer)
        .or_else(|| defaults.first());
    for (route, span) in defaults {
        if chosen.is_some_and(|(chosen, _)| chosen.label != route.label) {
            reader.report(Fault::DefaultTwice, *span, PART);
        }
    }
    if let Some((route, _)) = chosen {
        return Some(*route);
    }
    let gateway = assignments
        .nic(outer, NicKey::Gateway)
        .and_then(|span| Ipv4::parse(span.text(reader.source)))
        .filter(|_| network.nics.iter().any(|nic| nic.label == outer));
    if gateway.is_none() {
        let any = network
            .nics
            .first()
            .and_then(|nic| assignments.nic(nic.label, NicKey::Address));
        reader.report(Fault::NoDefault, any.unwrap_or_default(), PART);
    }
    Some(Route {
        label: outer,
        destination: Prefix::DEFAULT,
        gateway: gateway?,
    })
}
