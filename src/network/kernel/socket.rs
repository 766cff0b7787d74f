//! One conversation with rtnetlink(7): a question, then all of its answer.

use crate::network::rtnetlink::{
    Listen, Message, Messages, NLM_F_ACK, NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST, NLMSG_DONE,
    NLMSG_ERROR, put_message,
};
use crate::sys::Sys;
use crate::text::Buf;
use rustix::io::Errno;

/// Bytes of one datagram of an answer. The kernel makes those of a dump up to
/// 32 KiB long if the reader has room for as much (`netlink_recvmsg` in
/// net/netlink/af_netlink.c).
pub(super) const DATAGRAM: usize = 32 * 1024;

/// Bytes of a request. A route of ours takes 52; one that is removed is named
/// with all of its next hops, 16 bytes each.
const REQUEST: usize = 1024;

/// How often a dump is begun anew because something changed meanwhile. At boot
/// the changes are those of drivers that find their NICs, a handful.
const DUMPS: usize = 16;

/// A socket and where its answers go.
pub(super) struct Socket<'s, S: Sys> {
    sys: &'s S,
    fd: S::Fd,
    inbox: S::Map,
    /// Of the last request; an answer carries the same number.
    sequence: u32,
}

impl<'s, S: Sys> Socket<'s, S> {
    pub(super) fn open(sys: &'s S) -> Result<Self, Errno> {
        Ok(Self {
            sys,
            fd: sys.route_socket()?,
            inbox: sys.map(DATAGRAM)?,
            sequence: 0,
        })
    }

    /// Asks for one change and waits until the kernel has made it.
    pub(super) fn ask(&mut self, request: &Message<'_>) -> Result<(), Errno> {
        self.send(request.kind, request.flags | NLM_F_ACK, request.body)?;
        loop {
            for message in Messages::new(receive(self.sys, &self.fd, &mut self.inbox)?) {
                let message = message?;
                if message.sequence == self.sequence && message.kind == NLMSG_ERROR {
                    return message.verdict();
                }
            }
        }
    }

    /// Has the kernel tell all that it knows of one kind.
    ///
    /// A dump comes in pieces; what changes between two of them is marked by
    /// the kernel (`NLM_F_DUMP_INTR`), and then the dump says nothing.
    pub(super) fn dump(
        &mut self,
        kind: u16,
        head: &[u8],
        listener: &mut dyn Listen,
    ) -> Result<(), Errno> {
        for _ in 0..DUMPS {
            listener.start();
            self.send(kind, NLM_F_DUMP, head)?;
            if self.hear_out(listener)? {
                return Ok(());
            }
        }
        Err(Errno::INTR)
    }

    /// Hears a dump to its end, and says whether it is good for anything.
    fn hear_out(&mut self, listener: &mut dyn Listen) -> Result<bool, Errno> {
        let mut is_whole = true;
        loop {
            for message in Messages::new(receive(self.sys, &self.fd, &mut self.inbox)?) {
                let message = message?;
                if message.sequence != self.sequence {
                    continue;
                }
                is_whole &= message.flags & NLM_F_DUMP_INTR == 0;
                match message.kind {
                    NLMSG_ERROR | NLMSG_DONE => return message.verdict().map(|()| is_whole),
                    _ => listener.hear(&message),
                }
            }
        }
    }

    fn send(&mut self, kind: u16, flags: u16, body: &[u8]) -> Result<(), Errno> {
        self.sequence = self.sequence.wrapping_add(1);
        let mut bytes = [0; REQUEST];
        let mut out = Buf::new(&mut bytes);
        put_message(
            &mut out,
            kind,
            flags | NLM_F_REQUEST,
            self.sequence,
            body,
            &[],
        );
        if out.overflowed() {
            return Err(Errno::MSGSIZE);
        }
        self.sys.send(&self.fd, out.as_bytes())
    }
}

/// The next datagram.
fn receive<'i, S: Sys>(sys: &S, fd: &S::Fd, inbox: &'i mut S::Map) -> Result<&'i [u8], Errno> {
    let length = sys.receive(fd, inbox)?;
    inbox.get(..length).ok_or(Errno::BADMSG)
}
