//! Text about a NIC and its routes, from patterns: a format is data, and one small
//! function fills in all of them.

use crate::conf::{Hop, Network, Nic};
use crate::system::System;
use crate::text::{Buf, put};
use crate::value::{Ipv4, Mask, Prefix};

/// How a format says the ways out of a NIC, in the words of [`fill`].
pub struct Routes {
    /// A gateway outside the subnet is reached directly.
    pub direct: &'static str,
    /// The default route.
    pub default: &'static str,
    /// Any other route.
    pub other: &'static str,
}

/// Writes `pattern`, in which a percent sign and a letter stand for something
/// of `nic`:
///
/// | | |
/// | --- | --- |
/// | `%n` | the name of its interface |
/// | `%v` | the same as a part of a shell variable's name |
/// | `%l` | its label, the number in `ethN` |
/// | `%a` `%m` `%i` | its address; its mask; the address with the mask's length behind `/`; all empty, if DHCP gives them |
/// | `%y` | `yes`, if DHCP does |
/// | `%x` `%X` `%Y` | its MAC address; in capitals; in capitals without colons |
pub fn fill(out: &mut Buf<'_>, pattern: &str, system: &System, nic: &Nic) {
    fill_route(out, pattern, system, nic, Prefix::DEFAULT, Ipv4::default());
}

/// Writes the ways out of `nic`, in an order in which a kernel takes them.
pub fn routes(out: &mut Buf<'_>, patterns: &Routes, system: &System, network: &Network, nic: &Nic) {
    for hop in network.hops(nic) {
        hop_by(out, patterns, system, nic, hop);
    }
}

/// The same for a format in which a route says itself that its gateway is reached
/// directly, by `on_link` behind it.
#[inline(never)]
pub fn routes_on_link(
    out: &mut Buf<'_>,
    patterns: &Routes,
    on_link: &str,
    system: &System,
    network: &Network,
    nic: &Nic,
) {
    for hop in network.hops(nic) {
        hop_by(out, patterns, system, nic, hop);
        if matches!(hop, Hop::Via(route) if nic.is_off_subnet(route.gateway)) {
            out.push(on_link.as_bytes());
        }
    }
}

/// Writes one way out of `nic`. Beside what [`fill`] knows:
///
/// | | |
/// | --- | --- |
/// | `%d` | the destination as `ADDRESS/LENGTH` |
/// | `%t` `%k` | its address, and its mask |
/// | `%g` | the gateway |
#[inline(never)]
pub fn hop_by(out: &mut Buf<'_>, patterns: &Routes, system: &System, nic: &Nic, hop: Hop) {
    let (pattern, destination, gateway) = match hop {
        Hop::Direct(gateway) => (patterns.direct, Prefix::of(gateway, Mask::HOST), gateway),
        Hop::Via(route) if route.is_default() => {
            (patterns.default, route.destination, route.gateway)
        }
        Hop::Via(route) => (patterns.other, route.destination, route.gateway),
    };
    fill_route(out, pattern, system, nic, destination, gateway);
}

fn fill_route(
    out: &mut Buf<'_>,
    pattern: &str,
    system: &System,
    nic: &Nic,
    destination: Prefix,
    gateway: Ipv4,
) {
    let mut rest = pattern.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        let (b'%', [letter, after @ ..]) = (*first, rest) else {
            out.push(core::slice::from_ref(first));
            continue;
        };
        rest = after;
        match letter {
            b'n' => out.push(system.name_of(nic).as_bytes()),
            b'v' => write_variable(out, system.name_of(nic).as_bytes()),
            b'l' => put!(out, "{}", nic.label),
            b'y' if nic.is_by_dhcp() => put!(out, "yes"),
            b'y' => {}
            b'a' | b'm' | b'i' if nic.is_by_dhcp() => {}
            b'i' => put!(out, "{}/{}", nic.address, nic.mask.length()),
            b'd' => put!(out, "{}", destination),
            b'x' | b'X' | b'Y' => write_mac(out, nic, *letter),
            _ => {
                let address = match letter {
                    b'a' => nic.address,
                    b'm' => nic.mask.address(),
                    b't' => destination.address(),
                    b'k' => destination.mask().address(),
                    _ => gateway,
                };
                put!(out, "{}", address);
            }
        }
    }
}

fn write_variable(out: &mut Buf<'_>, name: &[u8]) {
    for byte in name {
        let is_kept = byte.is_ascii_alphanumeric() || *byte == b'_';
        out.push(if is_kept {
            core::slice::from_ref(byte)
        } else {
            b"_"
        });
    }
}

fn write_mac(out: &mut Buf<'_>, nic: &Nic, letter: u8) {
    let Some(mac) = nic.mac else {
        return;
    };
    let mut bytes = [0; 17];
    let mut text = Buf::new(&mut bytes);
    put!(text, "{}", mac);
    for &byte in text.as_bytes() {
        match byte {
            b':' if letter == b'Y' => {}
            _ if letter == b'x' => out.push(&[byte]),
            _ => out.push(&[byte.to_ascii_uppercase()]),
        }
    }
}
