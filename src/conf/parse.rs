//! From the text of os.conf to [`Conf`].

use super::{Conf, Fault, Findings, Item, Key, Lexer, NameServers, NicKey, Span, Wish};
use super::{Severity, network, password};
use crate::limits::NICS;
use crate::part::{Part, Parts};
use crate::text::lines::words;
use crate::value::{HostName, Ipv4};

/// Reads os.conf.
///
/// A fault in an assignment spoils its part and no other. Where an assignment
/// cannot be told from what is around it, the whole file is spoiled, every part
/// of it invalid.
///
/// ```
/// use osconf::conf::{Fault, Findings, Wish, parse};
///
/// let mut findings = Findings::default();
/// let conf = parse(b"hostname=web-1\ndns_nameserver=\"10.0.0.300\"\n", &mut findings);
///
/// let name = conf.host_name.value().map(|name| name.as_bytes());
/// assert_eq!(name, Some(&b"web-1"[..]));
/// assert!(matches!(conf.name_servers, Wish::Invalid));
/// assert!(matches!(conf.password, Wish::Nothing));
/// assert_eq!(findings.iter().count(), 1);
/// ```
pub fn parse<'a>(source: &'a [u8], findings: &mut Findings) -> Conf<'a> {
    let mut reader = Reader {
        source,
        findings,
        spoiled: Parts::default(),
    };
    let assignments = reader.read_assignments();
    let mut conf = Conf {
        host_name: reader.host_name(&assignments),
        password: reader.password(&assignments),
        network: network::read(&mut reader, &assignments),
        name_servers: reader.name_servers(&assignments),
    };
    if reader.is_spoiled(Part::HostName) {
        conf.host_name = Wish::Invalid;
    }
    if reader.is_spoiled(Part::Password) {
        conf.password = Wish::Invalid;
    }
    if reader.is_spoiled(Part::Network) {
        conf.network = Wish::Invalid;
    }
    if reader.is_spoiled(Part::Dns) {
        conf.name_servers = Wish::Invalid;
    }
    conf
}

/// The last value of each key. One that is empty counts as none, but the key was
/// assigned.
pub(super) struct Assignments {
    host_name: Option<Span>,
    password: Option<Span>,
    name_servers: Option<Span>,
    nics: [[Option<Span>; NicKey::COUNT]; NICS],
}

impl Assignments {
    const NONE: Self = Self {
        host_name: None,
        password: None,
        name_servers: None,
        nics: [[None; NicKey::COUNT]; NICS],
    };

    fn slot(&mut self, key: Key) -> Option<&mut Option<Span>> {
        match key {
            Key::HostName => Some(&mut self.host_name),
            Key::Password => Some(&mut self.password),
            Key::NameServer => Some(&mut self.name_servers),
            Key::Nic(label, key) => self.nics.get_mut(usize::from(label))?.get_mut(key as usize),
            Key::NicOverLimit => None,
        }
    }

    /// A value of the NIC with this label.
    #[inline(never)]
    pub(super) fn nic(&self, label: u8, key: NicKey) -> Option<Span> {
        value(*self.nics.get(usize::from(label))?.get(key as usize)?)
    }

    /// The labels that have a value, ascending.
    pub(super) fn labels(&self) -> impl Iterator<Item = u8> {
        (0u8..)
            .zip(&self.nics)
            .filter(|(_, values)| values.iter().any(|slot| value(*slot).is_some()))
            .map(|(label, _)| label)
    }
}

#[inline(never)]
fn value(slot: Option<Span>) -> Option<Span> {
    slot.filter(|span| span.start < span.end)
}

/// What is carried through the reading.
pub(super) struct Reader<'a, 'f> {
    pub(super) source: &'a [u8],
    findings: &'f mut Findings,
    spoiled: Parts,
}

impl<'a> Reader<'a, '_> {
    /// Reports `fault`; an error spoils `part`, or the file if it is of none.
    pub(super) fn report(&mut self, fault: Fault, span: Span, part: Option<Part>) {
        self.findings.add(fault, span, part);
        if fault.severity() == Severity::Error {
            match part {
                Some(part) => self.spoiled.add(part),
                None => self.spoiled = Part::ALL.into_iter().collect(),
            }
        }
    }

    fn is_spoiled(&self, part: Part) -> bool {
        self.spoiled.contains(part)
    }

    fn read_assignments(&mut self) -> Assignments {
        let mut assignments = Assignments::NONE;
        let mut empty = true;
        for item in Lexer::new(self.source) {
            empty = false;
            let (key_span, value, fault) = match item {
                Item::Assignment { key, value, fault } => (key, value, fault),
                Item::Broken(fault, span) => {
                    self.report(fault, span, None);
                    continue;
                }
            };
            let Some(key) = Key::parse(key_span.text(self.source)) else {
                self.report(Fault::UnknownKey, key_span, None);
                continue;
            };
            let part = Some(part_of(key));
            if let Some((fault, span)) = fault {
                self.report(fault, span, part);
            }
            let Some(slot) = assignments.slot(key) else {
                self.report(Fault::NicLimit, key_span, part);
                continue;
            };
            // A value that is no shell word is not read further, but the NIC that
            // it belongs to is not without it either.
            let is_read = fault.is_none() || part == Some(Part::Network);
            let value = if is_read { value } else { Span::default() };
            if slot.replace(value).is_some() {
                self.report(Fault::Again, key_span, part);
            }
        }
        if empty {
            self.report(Fault::NoAssignments, Span::default(), None);
        }
        assignments
    }

    fn host_name(&mut self, assignments: &Assignments) -> Wish<HostName<'a>> {
        let Some(span) = value(assignments.host_name) else {
            return Wish::Nothing;
        };
        match HostName::parse(span.text(self.source)) {
            Ok(name) => Wish::Value(name),
            Err(fault) => {
                self.report(Fault::HostName(fault), span, Some(Part::HostName));
                Wish::Invalid
            }
        }
    }

    fn password(&mut self, assignments: &Assignments) -> Wish<crate::value::Secret> {
        let Some(span) = value(assignments.password) else {
            return Wish::Nothing;
        };
        match password::decode(span.text(self.source)) {
            Ok(secret) => Wish::Value(secret),
            Err(fault) => {
                self.report(fault, span, Some(Part::Password));
                Wish::Invalid
            }
        }
    }

    fn name_servers(&mut self, assignments: &Assignments) -> Wish<NameServers> {
        let part = Some(Part::Dns);
        let mut servers = NameServers::new();
        let Some(span) = value(assignments.name_servers) else {
            return Wish::Nothing;
        };
        for word in words(span.text(self.source)) {
            let at = Span::of(word, self.source);
            // A resolver on this machine is a name server, so loopback is allowed.
            match Ipv4::parse(word).filter(|a| a.is_host() || a.octets().starts_with(&[127])) {
                None => self.report(Fault::NameServer, at, part),
                Some(server) if servers.contains(&server) => {
                    self.report(Fault::NameServerTwice, at, part);
                }
                Some(server) => {
                    if servers.push(server).is_err() {
                        self.report(Fault::NameServerLimit, at, part);
                        break;
                    }
                    // MAXNS of resolv.conf(5), in glibc and musl alike.
                    if servers.len() == 4 {
                        self.report(Fault::NameServersUnread, at, part);
                    }
                }
            }
        }
        if servers.is_empty() {
            Wish::Nothing
        } else {
            Wish::Value(servers)
        }
    }
}

const fn part_of(key: Key) -> Part {
    match key {
        Key::HostName => Part::HostName,
        Key::Password => Part::Password,
        Key::NameServer => Part::Dns,
        Key::Nic(..) | Key::NicOverLimit => Part::Network,
    }
}
