//! Bringing the running kernel to what os.conf says, over rtnetlink(7).
//!
//! What stands as it should is not touched, so that connections survive and a
//! second run sends no change. The order is the kernel's: a link must be up
//! before routes lead through it, and a gateway's subnet must be there first.
//! Deciding is done by listeners of dumps (`addresses`, `routes`), which
//! know no socket; their decisions are requests, which are sent here.

mod addresses;
mod fault;
mod route;
mod routes;
mod socket;

pub use fault::{KernelFault, Step};

use super::links::{Link, Links};
use super::rtnetlink::{
    Attribute, Attributes, IFF_UP, Messages, RTM_DELADDR, RTM_DELROUTE, RTM_GETADDR, RTM_GETLINK,
    RTM_GETROUTE, RTM_NEWLINK, RTM_NEWROUTE, put_message,
};
use crate::conf::{Network, Nic};
use crate::limits::NICS;
use crate::sys::Sys;
use crate::text::Buf;
use addresses::Addresses;
use heapless::Vec;
use routes::Routes;
use rustix::io::Errno;
use socket::{DATAGRAM, Socket};

/// How often it is looked whether anything stale is left. One look finds 400
/// addresses or routes; a machine with more than 25,000 is no fresh one.
const LOOKS: usize = 64;

/// Bytes of a request with three attributes of four bytes.
const SMALL_REQUEST: usize = 64;

/// A NIC of os.conf that the kernel has.
#[derive(Clone, Copy)]
struct Target {
    nic: Nic,
    index: u32,
    is_up: bool,
}

/// What came of [`apply`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// The labels of the NICs that the kernel does not have.
    pub missing: Vec<u8, NICS>,
    /// How many faults were reported.
    pub faults: usize,
}

impl Applied {
    /// Whether the kernel is now as os.conf says.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty() && self.faults == 0
    }
}

/// Asks the kernel for its interfaces.
///
/// # Errors
/// What the kernel refused; `OVERFLOW` for more than
/// [`INTERFACES`](crate::limits::INTERFACES) of them.
pub fn links<S: Sys>(sys: &S) -> Result<Links, KernelFault> {
    let mut links = Links::default();
    match open(sys)?.dump(RTM_GETLINK, &[0; 16], &mut links) {
        Ok(()) if links.overflowed() => Err(Errno::OVERFLOW),
        other => other,
    }
    .map_err(|cause| KernelFault::general(Step::ListLinks, cause))?;
    Ok(links)
}

/// Gives the running kernel the addresses and routes of `network`.
///
/// A NIC that is not there and a change that is refused keep none of the others
/// from being made; each refusal is told to `report`.
pub fn apply<S: Sys>(
    sys: &S,
    network: &Network,
    links: &Links,
    report: &mut dyn FnMut(KernelFault),
) -> Applied {
    let mut applied = Applied::default();
    let mut targets = Vec::<Target, NICS>::new();
    for nic in &network.nics {
        // Neither list can be too short: they are as long as `network.nics`.
        match links.find(nic) {
            Some(&Link { index, is_up, .. }) => {
                let _ = targets.push(Target {
                    nic: *nic,
                    index,
                    is_up,
                });
            }
            None => {
                let _ = applied.missing.push(nic.label);
            }
        }
    }
    let mut report = |fault| {
        applied.faults += 1;
        report(fault);
    };
    if let Err(fault) = configure(sys, network, links, &targets, &mut report) {
        report(fault);
    }
    applied
}

fn open<S: Sys>(sys: &S) -> Result<Socket<'_, S>, KernelFault> {
    Socket::open(sys).map_err(|cause| KernelFault::general(Step::Connect, cause))
}

fn configure<S: Sys>(
    sys: &S,
    network: &Network,
    links: &Links,
    targets: &[Target],
    report: &mut dyn FnMut(KernelFault),
) -> Result<(), KernelFault> {
    let mut driver = Driver {
        socket: open(sys)?,
        targets,
        report,
    };
    let mut memory = sys
        .map(DATAGRAM)
        .map_err(|cause| KernelFault::general(Step::Connect, cause))?;
    driver.bring_up(links);
    driver.set_addresses(&mut memory)?;
    driver.set_routes(network, &mut memory)
}

struct Driver<'a, 's, S: Sys> {
    socket: Socket<'s, S>,
    targets: &'a [Target],
    report: &'a mut dyn FnMut(KernelFault),
}

impl<S: Sys> Driver<'_, '_, S> {
    /// Brings the loopback interface and every NIC up.
    fn bring_up(&mut self, links: &Links) {
        let loopback = links
            .loopback()
            .map(|loopback| (loopback.index, loopback.is_up));
        let nics = self
            .targets
            .iter()
            .map(|target| (target.index, target.is_up));
        for (index, is_up) in loopback.into_iter().chain(nics) {
            if !is_up {
                self.make(&|out| put_up(out, index));
            }
        }
    }

    fn set_addresses(&mut self, memory: &mut [u8]) -> Result<(), KernelFault> {
        for _ in 0..LOOKS {
            let mut addresses = Addresses::new(self.targets, memory);
            self.socket
                .dump(RTM_GETADDR, &[0; 8], &mut addresses)
                .map_err(|cause| KernelFault::general(Step::ListAddresses, cause))?;
            // The stale ones first, and then a second look: with the first
            // address of a subnet the kernel removes the others in it, unless
            // promote_secondaries is set (ip-sysctl.rst).
            if addresses.stale().is_empty() || self.send(addresses.stale()) > 0 {
                for target in addresses.missing() {
                    self.make(&|out| addresses::put_addition(out, target));
                }
                return Ok(());
            }
        }
        Err(KernelFault::general(Step::ListAddresses, Errno::AGAIN))
    }

    fn set_routes(&mut self, network: &Network, memory: &mut [u8]) -> Result<(), KernelFault> {
        for look in 0..LOOKS {
            let mut routes = Routes::new(network, self.targets, memory);
            self.socket
                .dump(RTM_GETROUTE, &[0; 12], &mut routes)
                .map_err(|cause| KernelFault::general(Step::ListRoutes, cause))?;
            // New ones first, so that at no time there is none.
            if look == 0 {
                for (route, target) in routes.missing() {
                    self.make(&|out| route::put_addition(out, route, target));
                }
            }
            if self.send(routes.stale()) > 0 || !routes.overflowed() {
                return Ok(());
            }
        }
        Err(KernelFault::general(Step::ListRoutes, Errno::AGAIN))
    }

    /// Sends one small request.
    fn make(&mut self, put: &dyn Fn(&mut Buf<'_>)) {
        let mut bytes = [0; SMALL_REQUEST];
        let mut out = Buf::new(&mut bytes);
        put(&mut out);
        self.send(out.as_bytes());
    }

    /// Sends requests, one after the other, and counts how many were refused.
    fn send(&mut self, requests: &[u8]) -> usize {
        let mut refused = 0;
        // A last one that was cut short for lack of room comes with the next look.
        for request in Messages::new(requests).flatten() {
            let cause = match (request.kind, self.socket.ask(&request)) {
                (_, Ok(())) => continue,
                // It is as it should be: somebody was faster.
                (RTM_DELADDR, Err(Errno::ADDRNOTAVAIL))
                | (RTM_DELROUTE, Err(Errno::SRCH))
                | (RTM_NEWROUTE, Err(Errno::EXIST)) => continue,
                (_, Err(cause)) => cause,
            };
            refused += 1;
            let label = |index| {
                let target = self.targets.iter().find(|target| target.index == index)?;
                Some(target.nic.label)
            };
            (self.report)(KernelFault::of(&request, cause, label));
        }
        refused
    }
}

/// Appends the request to bring an interface up.
fn put_up(out: &mut Buf<'_>, index: u32) {
    // `struct ifinfomsg`: family, type, index, flags, and which flags to change.
    let mut bytes = [0; 16];
    let mut head = Buf::new(&mut bytes);
    head.push(&[0; 4]);
    head.push(&index.to_ne_bytes());
    head.push(&IFF_UP.to_ne_bytes());
    head.push(&IFF_UP.to_ne_bytes());
    put_message(out, RTM_NEWLINK, 0, 0, head.as_bytes(), &[]);
}

/// Appends the request to remove what `body` of a dump tells of: its structure
/// of `head` bytes, and those of the attributes that name it.
fn put_removal(out: &mut Buf<'_>, kind: u16, body: &[u8], head: usize, names: &[u16]) {
    let Some((head, attributes)) = body.split_at_checked(head) else {
        return;
    };
    let mut kept = Vec::<Attribute<'_>, 8>::new();
    for attribute in Attributes::new(attributes) {
        // The kernel names nothing twice, so there is room for all.
        if names.contains(&attribute.kind) && kept.push(attribute).is_err() {
            return;
        }
    }
    put_message(out, kind, 0, 0, head, &kept);
}
