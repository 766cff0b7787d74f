//! What the kernel refused.

use super::{addresses, route};
use crate::network::rtnetlink::{
    Message, RTM_DELADDR, RTM_DELROUTE, RTM_NEWADDR, RTM_NEWLINK, RTM_NEWROUTE,
};
use crate::value::{Ipv4, Prefix};
use rustix::io::Errno;
use ufmt::{Formatter, uDisplay, uWrite, uwrite};

/// One thing that was asked of the kernel in vain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KernelFault {
    /// The label of the NIC that it was about, if it was about one of ours.
    pub label: Option<u8>,
    /// What was asked.
    pub step: Step,
    /// Why not.
    pub cause: Errno,
}

/// What can be asked of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A socket, and memory for what comes out of it.
    Connect,
    /// All interfaces.
    ListLinks,
    /// All addresses.
    ListAddresses,
    /// All routes.
    ListRoutes,
    /// To bring an interface up; without a label, the loopback interface.
    Up,
    /// To give a NIC an address, with the length of its prefix.
    AddAddress(Ipv4, u8),
    /// To take one from it.
    RemoveAddress(Ipv4, u8),
    /// To add a route.
    AddRoute(Prefix, Option<Ipv4>),
    /// To remove one.
    RemoveRoute(Prefix, Option<Ipv4>),
}

impl KernelFault {
    /// A fault that is about no NIC.
    pub(super) const fn general(step: Step, cause: Errno) -> Self {
        Self {
            label: None,
            step,
            cause,
        }
    }

    /// The fault of a request of ours; `label` tells the NIC with an index.
    #[cold]
    pub(super) fn of(
        request: &Message<'_>,
        cause: Errno,
        label: impl Fn(u32) -> Option<u8>,
    ) -> Self {
        let (index, step) = read(request).unwrap_or((0, Step::Connect));
        Self {
            label: label(index),
            step,
            cause,
        }
    }
}

/// What a request of ours asks for, and of which interface.
fn read(request: &Message<'_>) -> Option<(u32, Step)> {
    match request.kind {
        RTM_NEWLINK => {
            let (&[_, _, _, _, i0, i1, i2, i3], _) = request.split()?;
            Some((u32::from_ne_bytes([i0, i1, i2, i3]), Step::Up))
        }
        RTM_NEWADDR | RTM_DELADDR => {
            let found = addresses::Found::read(request)?;
            let step = match request.kind {
                RTM_NEWADDR => Step::AddAddress,
                _ => Step::RemoveAddress,
            };
            Some((found.index, step(found.local, found.length)))
        }
        RTM_NEWROUTE | RTM_DELROUTE => {
            let found = route::Found::read(request)?;
            let step = match request.kind {
                RTM_NEWROUTE => Step::AddRoute,
                _ => Step::RemoveRoute,
            };
            // A route with several next hops is no single NIC's.
            Some((
                found.index.unwrap_or(0),
                step(found.destination, found.gateway),
            ))
        }
        _ => None,
    }
}

/// What happened, without the cause: `eth0: cannot add route 10.0.0.0/8 via 10.0.0.1`.
impl uDisplay for KernelFault {
    fn fmt<W: uWrite + ?Sized>(&self, f: &mut Formatter<'_, W>) -> Result<(), W::Error> {
        if let Some(label) = self.label {
            uwrite!(f, "eth{}: ", label)?;
        }
        f.write_str("cannot ")?;
        match self.step {
            Step::Connect => f.write_str("talk to the kernel"),
            Step::ListLinks => f.write_str("list interfaces"),
            Step::ListAddresses => f.write_str("list addresses"),
            Step::ListRoutes => f.write_str("list routes"),
            Step::Up if self.label.is_none() => f.write_str("bring the loopback interface up"),
            Step::Up => f.write_str("bring the interface up"),
            Step::AddAddress(address, length) => uwrite!(f, "add address {}/{}", address, length),
            Step::RemoveAddress(address, length) => {
                uwrite!(f, "remove address {}/{}", address, length)
            }
            Step::AddRoute(destination, gateway) => {
                uwrite!(f, "add route {}", destination)?;
                via(f, gateway)
            }
            Step::RemoveRoute(destination, gateway) => {
                uwrite!(f, "remove route {}", destination)?;
                via(f, gateway)
            }
        }
    }
}

fn via<W: uWrite + ?Sized>(
    f: &mut Formatter<'_, W>,
    gateway: Option<Ipv4>,
) -> Result<(), W::Error> {
    match gateway {
        Some(gateway) => uwrite!(f, " via {}", gateway),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conf::{Nic, Route};
    use crate::network::kernel::{Target, put_up};
    use crate::network::rtnetlink::Messages;
    use crate::text::{Buf, put};
    use crate::value::Mask;
    use std::string::String;

    fn text(put_request: &dyn Fn(&mut Buf<'_>)) -> String {
        let mut bytes = [0; 64];
        let mut request = Buf::new(&mut bytes);
        put_request(&mut request);
        let message = Messages::new(request.as_bytes()).next().unwrap().unwrap();
        let fault = KernelFault::of(&message, Errno::INVAL, |index| (index == 7).then_some(1));
        let mut bytes = [0; 128];
        let mut out = Buf::new(&mut bytes);
        put!(out, "{}", fault);
        String::from_utf8(out.as_bytes().to_vec()).unwrap()
    }

    #[test]
    fn a_fault_names_the_nic_and_what_was_asked() {
        let address = Ipv4::parse(b"10.171.254.123").unwrap();
        let gateway = Ipv4::parse(b"10.171.254.1").unwrap();
        let nic = Nic {
            label: 1,
            mac: None,
            address,
            mask: Mask::from_length(24).unwrap(),
        };
        let target = Target {
            nic,
            index: 7,
            is_up: false,
        };
        let default = Route {
            label: 1,
            destination: Prefix::DEFAULT,
            gateway,
        };
        for (text, expected) in [
            (
                text(&|out| put_up(out, 7)),
                "eth1: cannot bring the interface up",
            ),
            (
                text(&|out| put_up(out, 1)),
                "cannot bring the loopback interface up",
            ),
            (
                text(&|out| addresses::put_addition(out, &target)),
                "eth1: cannot add address 10.171.254.123/24",
            ),
            (
                text(&|out| route::put_addition(out, &default, &target)),
                "eth1: cannot add route 0.0.0.0/0 via 10.171.254.1",
            ),
        ] {
            assert_eq!(text, expected);
        }
    }
}
