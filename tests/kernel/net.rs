//! The machine's network, as far as rtnetlink(7) is asked about it here: links are
//! given; addresses and routes are kept as they were sent, and told back so.

use super::world::Fnv;
use rustix::io::Errno;
use std::rc::Rc;

// linux/netlink.h, linux/rtnetlink.h, linux/if_link.h, linux/if_addr.h.
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const RTM_NEWLINK: u16 = 16;
const RTM_GETLINK: u16 = 18;
const RTM_NEWADDR: u16 = 20;
const RTM_DELADDR: u16 = 21;
const RTM_GETADDR: u16 = 22;
const RTM_NEWROUTE: u16 = 24;
const RTM_DELROUTE: u16 = 25;
const RTM_GETROUTE: u16 = 26;
const IFLA_ADDRESS: u16 = 1;
const IFLA_IFNAME: u16 = 3;
const ARPHRD_ETHER: u16 = 1;
const ARPHRD_LOOPBACK: u16 = 772;
const IFF_UP: u32 = 1;
/// Where the flags of an address are in its structure, and the one that says that
/// it has no end.
const IFA_FLAGS_AT: usize = 2;
const IFA_F_PERMANENT: u8 = 0x80;

/// A network interface.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Nic {
    /// Its name.
    pub name: String,
    /// Its MAC address; none is the loopback interface.
    pub mac: Option<[u8; 6]>,
    /// Whether it is up.
    pub is_up: bool,
}

/// All of it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Net {
    /// The interfaces; each has its place, counted from 1, as its number.
    pub nics: Rc<Vec<Nic>>,
    /// Addresses and routes: the structure and the attributes of each.
    pub addresses: Rc<Vec<Vec<u8>>>,
    /// The routes.
    pub routes: Rc<Vec<Vec<u8>>>,
}

impl Net {
    pub(super) fn feed(&self, hash: &mut Fnv) {
        for nic in self.nics.iter() {
            hash.eat(&[u8::from(nic.is_up)]);
        }
        for body in self.addresses.iter().chain(self.routes.iter()) {
            hash.eat(body);
        }
    }

    /// The datagram that answers one request.
    pub(super) fn answer(&mut self, request: &[u8]) -> Vec<u8> {
        let word = |at: usize| u16::from_ne_bytes([request[at], request[at + 1]]);
        let sequence = &request[8..12];
        let body = &request[16..];
        let dump = |kind, bodies: &mut dyn Iterator<Item = Vec<u8>>| {
            let mut out = Vec::new();
            bodies.for_each(|body| put(&mut out, kind, sequence, &body));
            put(&mut out, NLMSG_DONE, sequence, &[0; 4]);
            out
        };
        let result = match word(4) {
            RTM_GETLINK => return dump(RTM_NEWLINK, &mut self.links()),
            RTM_GETADDR => return dump(RTM_NEWADDR, &mut self.addresses.iter().cloned()),
            RTM_GETROUTE => return dump(RTM_NEWROUTE, &mut self.routes.iter().cloned()),
            RTM_NEWLINK => self.bring_up(body),
            RTM_NEWADDR => {
                let mut body = body.to_vec();
                body[IFA_FLAGS_AT] |= IFA_F_PERMANENT;
                add(&mut self.addresses, body)
            }
            RTM_NEWROUTE => add(&mut self.routes, body.to_vec()),
            RTM_DELADDR => remove(&mut self.addresses, body, Errno::ADDRNOTAVAIL),
            RTM_DELROUTE => remove(&mut self.routes, body, Errno::SRCH),
            _ => Err(Errno::OPNOTSUPP),
        };
        let code = result.map_or_else(|errno| -errno.raw_os_error(), |()| 0);
        let mut out = Vec::new();
        put(&mut out, NLMSG_ERROR, sequence, &code.to_ne_bytes());
        out
    }

    fn links(&self) -> impl Iterator<Item = Vec<u8>> {
        (1_u32..).zip(self.nics.iter()).map(|(index, nic)| {
            let kind = nic.mac.map_or(ARPHRD_LOOPBACK, |_| ARPHRD_ETHER);
            let mut body = vec![0; 2];
            body.extend(kind.to_ne_bytes());
            body.extend(index.to_ne_bytes());
            body.extend(if nic.is_up { IFF_UP } else { 0 }.to_ne_bytes());
            body.extend([0; 4]);
            let name = [nic.name.as_bytes(), b"\0"].concat();
            attribute(&mut body, IFLA_IFNAME, &name);
            attribute(&mut body, IFLA_ADDRESS, &nic.mac.unwrap_or_default());
            body
        })
    }

    fn bring_up(&mut self, body: &[u8]) -> Result<(), Errno> {
        let index = body.get(4..8).and_then(|bytes| bytes.try_into().ok());
        let index = index.map(u32::from_ne_bytes).ok_or(Errno::INVAL)? as usize;
        let nics = Rc::make_mut(&mut self.nics);
        let nic = nics.get_mut(index.wrapping_sub(1)).ok_or(Errno::NODEV)?;
        nic.is_up = true;
        Ok(())
    }
}

fn add(list: &mut Rc<Vec<Vec<u8>>>, body: Vec<u8>) -> Result<(), Errno> {
    if list.contains(&body) {
        return Err(Errno::EXIST);
    }
    Rc::make_mut(list).push(body);
    Ok(())
}

/// What is to go is named by the first of its attributes.
fn remove(list: &mut Rc<Vec<Vec<u8>>>, body: &[u8], missing: Errno) -> Result<(), Errno> {
    let found = list.iter().position(|other| other.starts_with(body));
    Rc::make_mut(list).remove(found.ok_or(missing)?);
    Ok(())
}

fn attribute(out: &mut Vec<u8>, kind: u16, value: &[u8]) {
    out.extend((4 + value.len() as u16).to_ne_bytes());
    out.extend(kind.to_ne_bytes());
    out.extend(value);
    out.resize(out.len().next_multiple_of(4), 0);
}

fn put(out: &mut Vec<u8>, kind: u16, sequence: &[u8], body: &[u8]) {
    out.extend((16 + body.len() as u32).to_ne_bytes());
    out.extend(kind.to_ne_bytes());
    out.extend([0; 2]);
    out.extend(sequence);
    out.extend([0; 4]);
    out.extend(body);
    out.resize(out.len().next_multiple_of(4), 0);
}
