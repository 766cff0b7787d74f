//! What an image's network rests at: eth0 by DHCP, until an os.conf says more.
//!
//! The norm has it as an `ifcfg-eth0` of three lines. Here it is a network like that of
//! an os.conf, which goes through the same detection and the same formats; so what an
//! os.conf says later takes the place of it, and `lo` and other NICs stay as they are.

use super::Item;
use crate::conf::{Network, Nic};

pub(super) const ITEM: Item = Item {
    name: "dhcp",
    wants: "eth0 is set up by DHCP until os.conf says more, by the network system that is there",
    plan: |_, _, wishes| wishes.rests = true,
};

/// Where no network system is, nobody asks for DHCP.
pub const NOBODY: &str =
    "there is no network system: eth0 is down until os.conf comes, and then up by osconf";

/// The network. The image knows eth0 by its name alone: every instance has another.
#[must_use]
pub fn network() -> Network {
    let mut network = Network::default();
    // Cannot fail: it is the first.
    let _ = network.nics.push(Nic::by_dhcp(0, None));
    network
}
