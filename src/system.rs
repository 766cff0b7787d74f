//! What a root file system is, as far as it decides what is written to it.

mod mounts;

pub use mounts::{Mount, mounts};

use crate::change::{Action, Change};
use crate::conf::{Network, Nic};
use crate::hostname;
use crate::limits::{FOUND_FILES, HOST_NAME_BYTES, NICS};
use crate::network::Format;
use crate::network::links::InterfaceName;
use crate::resolver::Owner;
use crate::value::Path;
use heapless::Vec;

/// What was found out about a root and the machine that it runs on.
pub struct System {
    /// The network system that reads its configuration.
    pub network: &'static Format,
    /// Where the host name stands.
    pub host_name_places: Vec<&'static hostname::Place, 5>,
    /// Names that the machine had before, which loopback lines may still have.
    pub old_names: Vec<OldName, 10>,
    /// The interface of each NIC in os.conf.
    pub interfaces: Interfaces,
    /// Whether the kernel did not say which interfaces there are.
    pub is_kernel_silent: bool,
    /// Whether there is `route` but no `ip`, to add routes from a script.
    pub has_route_only: bool,
    /// What becomes of older files about the same NICs, and of those of ours about
    /// NICs that os.conf no longer names.
    pub older: Vec<Change, FOUND_FILES>,
    /// Whether there were more of these than there is room for. Then the network
    /// is not touched.
    pub overflowed: bool,
    /// The program that makes `/etc/resolv.conf` at each boot, if one does.
    pub resolver: Option<&'static Owner>,
    /// Files that a power cut left empty or took away, while a copy of ours is
    /// there.
    pub cut: Vec<Path, FOUND_FILES>,
}

/// A host name that was found, whatever it is made of.
pub type OldName = Vec<u8, HOST_NAME_BYTES>;

/// Which interfaces the NICs are.
pub type Interfaces = Vec<Interface, NICS>;

/// Which interface a NIC is.
pub struct Interface {
    /// The NIC's label in os.conf.
    pub label: u8,
    /// The name to write.
    pub name: InterfaceName,
    /// Whether the interface is there. Otherwise the name is the label, as a
    /// stopgap: the NIC may come up under another.
    pub is_there: bool,
}

impl System {
    /// A root of which only the network system is known.
    #[must_use]
    pub const fn of(network: &'static Format) -> Self {
        Self {
            network,
            host_name_places: Vec::new(),
            old_names: Vec::new(),
            interfaces: Vec::new(),
            is_kernel_silent: false,
            has_route_only: false,
            older: Vec::new(),
            overflowed: false,
            resolver: None,
            cut: Vec::new(),
        }
    }

    /// The name of the interface that `nic` is.
    #[must_use]
    pub fn name_of(&self, nic: &Nic) -> &str {
        self.interfaces
            .iter()
            .find(|interface| interface.label == nic.label)
            .map_or("", |interface| interface.name.as_str())
    }

    /// The NIC of os.conf that is the interface of this name.
    #[must_use]
    pub fn nic_named<'n>(&self, network: &'n Network, name: &[u8]) -> Option<&'n Nic> {
        let is_named = |nic: &&Nic| !name.is_empty() && self.name_of(nic).as_bytes() == name;
        network.nics.iter().find(is_named)
    }

    /// The files that fight what is written, and that nobody but their author can edit.
    pub fn in_the_way(&self) -> impl Iterator<Item = &Path> {
        let older = self.older.iter();
        let stuck = older.filter(|change| matches!(change.action, Action::Leave));
        stuck.map(|change| &change.path)
    }

    /// Whether `text` is the name or the MAC address of a NIC of os.conf.
    #[must_use]
    #[inline(never)]
    pub fn is_ours(&self, network: &Network, text: &[u8]) -> bool {
        self.nic_named(network, text).is_some() || network.with_mac(text).is_some()
    }

    /// Whether it is known of each NIC which interface it is, as far as that matters.
    #[must_use]
    pub fn has_all_interfaces(&self) -> bool {
        !self.is_kernel_silent && self.interfaces.iter().all(|interface| interface.is_there)
    }
}
