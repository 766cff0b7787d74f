//! `/etc/systemd/network/*.network`, which systemd-networkd reads
//! (systemd.network(5)).
//!
//! The first file in the order of names that matches an interface is the only one
//! that counts, whatever folder it lies in. What images have begins with digits
//! (`80-dhcp.network`, at the lowest `00-…`), and a hyphen sorts before any digit
//! or letter: so ours comes before theirs, and theirs can stay for other NICs.
//!
//! MACAddress= fits any device that has this address now, so also a VLAN or an
//! ipvlan upon the NIC, which borrow it; Kind= leaves these out. It is a key of
//! systemd 251, and older ones pass over it. `Type=ether` would do the same, but
//! matches no Ethernet device at all before 245 (systemd#14952), and
//! PermanentMACAddress= no device that was given its address, as veth.
//!
//! Name servers belong to no NIC here: `/etc/resolv.conf` is written, or
//! systemd-resolved is told in a file of its own.

use super::template::{Routes, fill, routes_on_link};
use super::{Format, Found, Look, MARK, add_file_of, is_ours, nic_of};
use crate::change::{Change, Wanted, Write};
use crate::conf::Network;
use crate::system::System;
use crate::text::Buf;

pub(super) const FORMAT: Format = Format {
    needs_names: false,
    looks: &[Look {
        folder: c"etc/systemd/network",
        prefixes: &[b"0--osconf-"],
        suffix: b".network",
        judge,
    }],
    ..Format::new("networkd", plan)
};

fn judge(found: &Found<'_>, _: &Network, _: &System, add: &mut dyn FnMut(Change)) {
    if is_ours(found.content) {
        add(found.removed());
    }
}

fn plan(network: &Network, _: &System, add: &mut dyn FnMut(Change)) {
    for nic in &network.nics {
        let write = Write::of_nic(edit, nic.label);
        add_file_of(
            add,
            b"etc/systemd/network/0--osconf-eth",
            write,
            b".network",
        );
    }
}

fn edit(out: &mut Buf<'_>, _: &[u8], wanted: &Wanted<'_>, label: u8) {
    let Some((network, nic)) = nic_of(wanted, label) else {
        return;
    };
    let head = if nic.mac.is_some() { BY_MAC } else { BY_NAME };
    let address = if nic.is_at_rest() { DHCP } else { ADDRESS };
    out.push(MARK);
    for pattern in [head, address] {
        fill(out, pattern, wanted.system, nic);
    }
    let on_link = "GatewayOnLink=yes\n";
    routes_on_link(out, &ROUTES, on_link, wanted.system, network, nic);
}

const BY_MAC: &str = "\n[Match]\nMACAddress=%x\n\
    Kind=!bond bridge ipvlan ipvtap macsec macvlan macvtap team vlan\n";
const BY_NAME: &str = "\n[Match]\nName=%n\n";
const ADDRESS: &str = "\n[Network]\nAddress=%i\n";
const DHCP: &str = "\n[Network]\nDHCP=ipv4\n";

const ROUTES: Routes = Routes {
    // GatewayOnLink= says it in the route itself.
    direct: "",
    default: "\n[Route]\nGateway=%g\n",
    other: "\n[Route]\nDestination=%d\nGateway=%g\n",
};
