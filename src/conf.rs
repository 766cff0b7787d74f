//! os.conf as a value: typed, valid, and with every doubt reported.
//!
//! The contract is Alibaba Cloud's page "Configure Customized Linux images";
//! what it leaves open is decided here, at the item that it concerns.

mod fault;
mod finding;
mod key;
mod lexer;
mod network;
mod parse;
mod password;

pub use fault::{Fault, Severity};
pub use finding::{Finding, Findings, Position};
pub use key::{Key, NicKey};
pub use lexer::{Item, Lexer, Span};
pub use parse::parse;

use crate::limits::{NAME_SERVERS, NICS, ROUTES};
use crate::value::{HostName, Ipv4, Mac, Mask, Prefix, Secret};
use heapless::Vec;

/// What os.conf says, part by part.
pub struct Conf<'a> {
    /// `hostname`.
    pub host_name: Wish<HostName<'a>>,
    /// `password`, decoded.
    pub password: Wish<Secret>,
    /// Every `ethN_…`.
    pub network: Wish<Network>,
    /// `dns_nameserver`.
    pub name_servers: Wish<NameServers>,
}

/// What os.conf says about one part.
pub enum Wish<T> {
    /// Nothing: the part stays as it is.
    Nothing,
    /// This.
    Value(T),
    /// Something that cannot be right, which was reported: the part stays as it
    /// is, and os.conf is kept.
    Invalid,
}

impl<T> Wish<T> {
    /// What is wished for, if that is known.
    pub const fn value(&self) -> Option<&T> {
        match self {
            Self::Value(value) => Some(value),
            _ => None,
        }
    }
}

/// The servers that resolve names, in the order in which they are asked.
pub type NameServers = Vec<Ipv4, NAME_SERVERS>;

/// The whole list of NICs and where packets go.
#[derive(Debug, PartialEq, Eq, Clone, Default)]
pub struct Network {
    /// The NICs, by ascending label.
    pub nics: Vec<Nic, NICS>,
    /// The routes other than the default route, in the order of os.conf.
    pub routes: Vec<Route, ROUTES>,
    /// Where everything else goes: at most one in total.
    pub default_route: Option<Route>,
}

impl Network {
    /// All routes, the default route first: it is what a machine is reached by.
    pub fn all_routes(&self) -> AllRoutes<'_> {
        AllRoutes {
            first: self.default_route.as_ref(),
            others: self.routes.iter(),
        }
    }

    /// The routes of `nic` without the default route.
    pub fn routes_of(&self, nic: &Nic) -> impl Iterator<Item = &Route> + Clone {
        let label = nic.label;
        self.routes.iter().filter(move |route| route.label == label)
    }

    /// How packets leave through `nic`, in an order in which the kernel takes it:
    /// a gateway outside the subnet is made reachable before it is used.
    #[inline(never)]
    pub fn hops<'a>(&'a self, nic: &'a Nic) -> Hops<'a> {
        Hops {
            network: self,
            nic,
            routes: self.all_routes(),
            next: None,
        }
    }

    /// The NIC that faces the Internet: the one of the default route, or the first.
    #[must_use]
    pub fn outer(&self) -> Option<&Nic> {
        let default = self.default_route.map(|route| route.label);
        let is_outer = |nic: &&Nic| default.is_none_or(|label| nic.label == label);
        self.nics.iter().find(is_outer)
    }

    /// The NIC that has this MAC address, in any way of writing it.
    #[must_use]
    pub fn with_mac(&self, text: &[u8]) -> Option<&Nic> {
        let mac = Mac::parse(text)?;
        self.nics.iter().find(|nic| nic.mac == Some(mac))
    }

    /// The gateway of the default route, if it leaves through `nic`.
    pub fn default_gateway_of(&self, nic: &Nic) -> Option<Ipv4> {
        self.default_route
            .filter(|route| route.label == nic.label)
            .map(|route| route.gateway)
    }
}

/// See [`Network::all_routes`].
#[derive(Clone)]
pub struct AllRoutes<'a> {
    first: Option<&'a Route>,
    others: core::slice::Iter<'a, Route>,
}

impl<'a> Iterator for AllRoutes<'a> {
    type Item = &'a Route;

    #[inline(never)]
    fn next(&mut self) -> Option<&'a Route> {
        self.first.take().or_else(|| self.others.next())
    }
}

/// See [`Network::hops`].
pub struct Hops<'a> {
    network: &'a Network,
    nic: &'a Nic,
    routes: AllRoutes<'a>,
    /// The route whose gateway was made reachable just now.
    next: Option<Hop>,
}

impl Iterator for Hops<'_> {
    type Item = Hop;

    fn next(&mut self) -> Option<Hop> {
        if let Some(hop) = self.next.take() {
            return Some(hop);
        }
        let nic = self.nic;
        let route = self.routes.find(|route| route.label == nic.label)?;
        let is_new = self
            .network
            .all_routes()
            .find(|other| other.label == nic.label && other.gateway == route.gateway)
            .is_some_and(|first| core::ptr::eq(first, route));
        if is_new && nic.is_off_subnet(route.gateway) {
            self.next = Some(Hop::Via(*route));
            return Some(Hop::Direct(route.gateway));
        }
        Some(Hop::Via(*route))
    }
}

/// One NIC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nic {
    /// The N of `ethN`: a label within os.conf, not the kernel's name.
    pub label: u8,
    /// By which the NIC is found. Without it, the label is the name.
    pub mac: Option<Mac>,
    /// Its address; 0.0.0.0, which no host has, if DHCP gives it one.
    pub address: Ipv4,
    /// Its subnet's mask.
    pub mask: Mask,
}

impl Nic {
    /// The NIC with this MAC address, set up by DHCP. os.conf has no word for it.
    #[must_use]
    pub const fn by_dhcp(label: u8, mac: Option<Mac>) -> Self {
        Self {
            label,
            mac,
            address: Ipv4::new(0),
            mask: Mask::HOST,
        }
    }

    /// Whether DHCP gives it its address, and with that its routes.
    #[must_use]
    pub const fn is_by_dhcp(&self) -> bool {
        self.address.number() == 0
    }

    /// The same in a format that knows NICs by their MAC address. Only `prepare` asks
    /// for it there: of a NIC that is none of os.conf's, such a format says nothing.
    #[must_use]
    pub const fn is_at_rest(&self) -> bool {
        cfg!(feature = "prepare") && self.is_by_dhcp()
    }

    /// The subnet that this NIC is in.
    #[must_use]
    pub const fn subnet(&self) -> Prefix {
        Prefix::of(self.address, self.mask)
    }

    /// Whether `gateway` is not in the NIC's subnet, so that the kernel must be
    /// told that it can be reached directly all the same.
    #[must_use]
    pub const fn is_off_subnet(&self, gateway: Ipv4) -> bool {
        !self.subnet().contains(gateway)
    }
}

/// One thing that the kernel is told about where packets go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hop {
    /// This gateway is reached directly, although no subnet says so.
    Direct(Ipv4),
    /// A route through a gateway that can be reached.
    Via(Route),
}

impl Hop {
    /// Whether this is a default route by a gateway in the subnet of `nic`: what
    /// formats have a word for, as GATEWAY.
    #[must_use]
    #[inline(never)]
    pub fn is_near_default(self, nic: &Nic) -> bool {
        matches!(self, Self::Via(route) if route.is_default() && !nic.is_off_subnet(route.gateway))
    }
}

/// One route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// The label of the NIC that it leaves through.
    pub label: u8,
    /// For which destinations.
    pub destination: Prefix,
    /// The next hop.
    pub gateway: Ipv4,
}

impl Route {
    /// Whether it takes what no other route takes.
    #[must_use]
    pub const fn is_default(&self) -> bool {
        self.destination.is_default()
    }
}

#[cfg(test)]
mod tests;
