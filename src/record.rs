//! `/etc/osconf/record`: what was applied last, and what of a kept os.conf is
//! still to be done.

use crate::conf::Network;
use crate::limits::NICS;
use crate::network::links::InterfaceName;
use crate::network::write_lines;
use crate::part::{Part, Parts};
use crate::system::System;
use crate::text::assignments::get;
use crate::text::lines::{before, lines, words};
use crate::text::{Buf, put};
use crate::value::ipv4::{decimal_byte, decimal_long};
use crate::value::{Mac, hex};
use heapless::Vec;
use ufmt::{Formatter, uDisplay, uWrite};

/// The file, below the root.
pub const PATH: &core::ffi::CStr = c"etc/osconf/record";
/// Its name in our own folder.
pub const NAME: &core::ffi::CStr = c"record";

/// SHA-256 of a file's content.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The digest of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        use sha2::Digest as _;
        let mut hasher = sha2::Sha256::new();
        hasher.update(bytes);
        Self(hasher.finalize().into())
    }
}

impl uDisplay for Digest {
    fn fmt<W: uWrite + ?Sized>(&self, f: &mut Formatter<'_, W>) -> Result<(), W::Error> {
        self.0.iter().try_for_each(|byte| hex::write(f, *byte))
    }
}

/// By what one os.conf is told from another, even one of the same content that
/// was written later.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Order {
    /// Of its content.
    pub digest: Digest,
    /// When it was written.
    pub modified: i64,
    /// Its inode; none on FAT, which numbers them anew at each mount.
    pub inode: Option<u64>,
}

impl Order {
    /// Whether both are the same file with the same content.
    ///
    /// FAT keeps local time, in steps of two seconds: by another time zone, or
    /// none, the same file is some quarters of an hour older or younger.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        let apart = self.modified.abs_diff(other.modified);
        let same_time = match (self.inode, other.inode) {
            (Some(_), Some(_)) => apart == 0,
            _ => matches!(apart % QUARTER, 0..=2 | 898..),
        };
        self.digest == other.digest && self.inode == other.inode && same_time
    }
}

/// Seconds of the steps in which time zones differ.
const QUARTER: u64 = 15 * 60;

/// How a part ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum State {
    /// os.conf did not name it.
    #[default]
    Nothing,
    /// It is applied and durable.
    Done,
    /// The system refused it, or something is missing: it is tried again.
    Open,
    /// os.conf has errors in it.
    Invalid,
    /// It was applied; then the NICs were others, which have DHCP since.
    Left,
}

impl State {
    const ALL: [Self; 5] = [
        Self::Nothing,
        Self::Done,
        Self::Open,
        Self::Invalid,
        Self::Left,
    ];

    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Done => "done",
            Self::Open => "open",
            Self::Invalid => "invalid",
            Self::Left => "left",
        }
    }
}

/// How all parts ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct States([State; Part::ALL.len()]);

impl States {
    /// How `part` ended.
    #[must_use]
    pub fn get(&self, part: Part) -> State {
        self.0.get(part as usize).copied().unwrap_or_default()
    }

    /// Notes how `part` ended.
    pub fn set(&mut self, part: Part, state: State) {
        if let Some(place) = self.0.get_mut(part as usize) {
            *place = state;
        }
    }

    /// Notes how all of `parts` ended.
    pub fn set_all(&mut self, parts: Parts, state: State) {
        for part in parts.iter() {
            self.set(part, state);
        }
    }

    /// Those that ended so.
    #[must_use]
    pub fn all(&self, state: State) -> Parts {
        Part::ALL
            .into_iter()
            .filter(|part| self.get(*part) == state)
            .collect()
    }
}

/// What is remembered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Record {
    /// When, in seconds since 1970 by the machine's clock.
    pub time: i64,
    /// How each part ended.
    pub states: States,
    /// The os.conf that is kept; none, once it is gone.
    pub order: Option<Order>,
}

impl Record {
    /// Whether it is of a revert: nothing is applied, and no os.conf waits. No other
    /// run has such a record.
    #[must_use]
    pub fn is_reverted(&self) -> bool {
        self.states == States::default() && self.order.is_none()
    }

    /// Reads a record. Lines that are not known are passed over: a newer version
    /// may have written them.
    #[must_use]
    pub fn parse(text: &[u8]) -> Self {
        let number_of = |key| get(text, key).and_then(number);
        let mut states = States::default();
        for part in Part::ALL {
            let word = get(text, part.name()).unwrap_or_default();
            let state = State::ALL
                .into_iter()
                .find(|state| state.name().as_bytes() == word);
            states.set(part, state.unwrap_or_default());
        }
        let order = get(text, "digest")
            .and_then(parse_digest)
            .map(|digest| Order {
                digest,
                modified: number_of("modified").unwrap_or_default(),
                inode: number_of("inode").and_then(|number| u64::try_from(number).ok()),
            });
        Self {
            time: number_of("time").unwrap_or_default(),
            states,
            order,
        }
    }

    /// Writes the record; the lines about files follow.
    pub fn write(&self, out: &mut Buf<'_>) {
        put!(out, "# osconf: what was applied last\n");
        put!(
            out,
            "osconf={}\ntime={}\n",
            env!("CARGO_PKG_VERSION"),
            self.time
        );
        for part in Part::ALL {
            put!(out, "{}={}\n", part.name(), self.states.get(part).name());
        }
        if let Some(order) = self.order {
            put!(
                out,
                "digest={}\nmodified={}\n",
                order.digest,
                order.modified
            );
            if let Some(inode) = order.inode {
                put!(out, "inode={}\n", inode);
            }
        }
    }
}

/// What was done at a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum How {
    /// The file there, or where a link there leads, was given content.
    Written,
    /// A link was made there, whatever was there.
    Linked,
    /// What was there was removed.
    Removed,
}

/// The key of a line for each.
const HOWS: [(&str, How); 3] = [
    ("file=", How::Written),
    ("link=", How::Linked),
    ("gone=", How::Removed),
];

/// A line about a file that was published.
pub struct Published<'a> {
    /// The line, without its end.
    pub line: &'a [u8],
    /// What was done.
    pub how: How,
    digest: &'a [u8],
    /// Where.
    pub path: &'a [u8],
}

impl<'a> Published<'a> {
    #[inline(never)]
    fn parse(line: &'a [u8]) -> Option<Self> {
        let (key, rest) = line.split_at_checked(5)?;
        let known = HOWS.iter().find(|(known, _)| known.as_bytes() == key);
        let (digest, path) = rest.split_at_checked(64)?;
        Some(Self {
            line,
            how: known?.1,
            digest,
            path: path.strip_prefix(b" ")?,
        })
    }

    /// Whether this is what was published. Nothing at all counts as no bytes.
    #[must_use]
    pub fn is(&self, content: &[u8]) -> bool {
        parse_digest(self.digest) == Some(Digest::of(content))
    }
}

/// Writes the line about a file that was published.
pub fn write_file(out: &mut Buf<'_>, how: How, content: &[u8], path: &[u8]) {
    let known = HOWS.iter().find(|(_, known)| *known == how);
    let key = known.map_or("", |(key, _)| key);
    put!(out, "{}{} ", key, Digest::of(content));
    out.push(path);
    out.push(b"\n");
}

/// Writes when the root was prepared.
#[cfg(feature = "prepare")]
pub fn write_prepared(out: &mut Buf<'_>, time: i64) {
    put!(out, "prepared={}\n", time);
}

/// When the root was prepared, if a record says so.
#[cfg(feature = "prepare")]
#[must_use]
pub fn prepared(text: &[u8]) -> Option<i64> {
    get(text, "prepared").and_then(number)
}

/// The files that were published, as a record names them.
pub fn files(text: &[u8]) -> impl Iterator<Item = Published<'_>> {
    lines(text).filter_map(|line| Published::parse(line.text))
}

/// A NIC for which files were written that go by its name.
#[derive(Clone)]
pub struct NamedNic {
    /// The N of `ethN` in os.conf.
    pub label: u8,
    /// The name that its interface had.
    pub name: InterfaceName,
    /// Its MAC address.
    pub mac: Mac,
}

/// Writes the network that was published where it goes by names: each NIC's name
/// and MAC address, and the lines of os.conf, since a NIC that stays keeps its
/// address when another one is replaced. Lines about files follow.
///
/// A NIC without a MAC address in os.conf cannot be told from another, so then
/// there is nothing to remember.
pub fn write_network(out: &mut Buf<'_>, network: &Network, system: &System) {
    if network.nics.iter().any(|nic| nic.mac.is_none()) {
        return;
    }
    for nic in &network.nics {
        if let Some(mac) = nic.mac {
            put!(out, "nic={} {} {}\n", nic.label, system.name_of(nic), mac);
        }
    }
    write_lines(out, network);
}

/// The lines that [`write_network`] wrote, if there are any.
#[must_use]
pub fn network(text: &[u8]) -> &[u8] {
    let mut rest = lines(text);
    while !rest.rest.is_empty() && !rest.rest.starts_with(NIC) {
        rest.next();
    }
    let first = rest.rest;
    while rest.rest.starts_with(NIC) || rest.rest.starts_with(b"eth") {
        rest.next();
    }
    before(first, rest.rest)
}

const NIC: &[u8] = b"nic=";

/// The NICs in them.
#[must_use]
#[inline(never)]
pub fn nics(text: &[u8]) -> Vec<NamedNic, NICS> {
    let mut nics = Vec::new();
    for line in lines(text) {
        if let Some(nic) = nic(line.text) {
            // More than there are places were never written.
            let _ = nics.push(nic);
        }
    }
    nics
}

fn nic(line: &[u8]) -> Option<NamedNic> {
    let mut parts = words(line.strip_prefix(NIC)?);
    Some(NamedNic {
        label: decimal_byte(parts.next()?)?,
        name: InterfaceName::parse(parts.next()?)?,
        mac: Mac::parse(parts.next()?)?,
    })
}

fn number(text: &[u8]) -> Option<i64> {
    match text {
        [b'-', digits @ ..] => decimal_long(digits).map(|number| -number),
        _ => decimal_long(text),
    }
}

fn parse_digest(text: &[u8]) -> Option<Digest> {
    let mut digest = [0; 32];
    let mut pairs = text.chunks_exact(2);
    for byte in &mut digest {
        *byte = hex::parse(pairs.next()?)?;
    }
    (text.len() == 64).then_some(Digest(digest))
}

#[cfg(test)]
mod tests;
