//! Readers of network files, one for each format, that share nothing with osconf.
//!
//! A reader knows of its format what osconf may write, from the format's published
//! description. Each statement either makes a part of [`Seen`], or is `unknown`: a
//! stranger's, or one that nobody asked for.

mod own;
mod sections;
mod shell;

use super::model::{self, Machine, Network};
use core::net::Ipv4Addr;
use std::collections::BTreeMap;

/// The files of a root, by their paths.
pub type Files = BTreeMap<String, Vec<u8>>;

/// What a reader has found.
#[derive(Debug, Default)]
pub struct Seen {
    pub network: Network,
    pub servers: Vec<Ipv4Addr>,
    pub unknown: Vec<String>,
}

/// What reads the files of one format.
pub type Reader = fn(&Files, &Machine, &mut Seen);

/// The reader of each format, by its name for `--network`.
static READERS: [(&str, Reader); 13] = [
    ("connman", sections::connman),
    ("dhcpcd", own::dhcpcd),
    ("eni", own::eni),
    ("ifcfg", shell::ifcfg),
    ("kernel", shell::kernel),
    ("keyfile", sections::keyfile),
    ("netctl", shell::netctl),
    ("netifrc", shell::netifrc),
    ("netplan", own::netplan),
    ("networkd", sections::networkd),
    ("slackware", shell::slackware),
    ("uci", sections::uci),
    ("wicked", shell::wicked),
];

/// Reads what `machine` has below its root.
pub fn read(files: &Files, machine: &Machine) -> Seen {
    let mut seen = Seen::default();
    let reader = READERS
        .iter()
        .find(|(name, _)| *name == machine.format.name);
    reader.expect("a reader for every format").1(files, machine, &mut seen);
    seen
}

impl Seen {
    fn unknown(&mut self, statement: impl Into<String>) {
        self.unknown.push(statement.into());
    }

    /// An address as `A/P`, of which a NIC has one.
    fn prefix(&mut self, nic: u8, text: &str) {
        let (address, bits) = prefix(text);
        let is_new = self.network.addresses.insert((nic, address, bits));
        assert!(is_new, "twice: {text}");
    }

    /// An address and a mask.
    fn address(&mut self, nic: u8, address: &str, mask: &str) {
        self.prefix(nic, &format!("{address}/{}", bits(mask)));
    }

    /// A route, its destination as `A/P` or `default`.
    fn route(&mut self, nic: impl Into<Option<u8>>, destination: &str, gateway: &str) {
        let (address, bits) = match destination {
            "default" => (Ipv4Addr::UNSPECIFIED, 0),
            text => prefix(text),
        };
        assert_eq!(model::subnet(address, bits), address, "{destination}");
        let route = (nic.into(), address, bits, ip(gateway));
        self.network.routes.insert(route);
    }

    /// A host that is reached directly, as `A/32` or `A`.
    fn direct(&mut self, nic: u8, host: &str) {
        let host = host.strip_suffix("/32").unwrap_or(host);
        self.network.direct.insert((nic, ip(host)));
    }

    fn servers<'a>(&mut self, all: impl IntoIterator<Item = &'a str>) {
        let all = all.into_iter().filter(|text| !text.is_empty());
        self.servers.extend(all.map(ip));
    }

    /// The words of `ip route`, from the destination on.
    fn ip_route(&mut self, nic: u8, name: &str, words: &[&str]) {
        match words {
            [host, "dev", dev] if *dev == name => self.direct(nic, host),
            [destination, "via", gateway, "dev", dev] if *dev == name => {
                self.route(nic, destination, gateway);
            }
            _ => panic!("not asked for: {words:?}"),
        }
    }
}

/// An address; there is only one way of writing it that is the same everywhere.
fn ip(text: &str) -> Ipv4Addr {
    text.parse()
        .unwrap_or_else(|_| panic!("no address: {text}"))
}

fn prefix(text: &str) -> (Ipv4Addr, u8) {
    let (address, bits) = text
        .split_once('/')
        .unwrap_or_else(|| panic!("no prefix: {text}"));
    let number: u8 = bits.parse().expect("bits of a mask");
    assert!(number <= 32 && number.to_string() == bits, "{text}");
    (ip(address), number)
}

fn bits(mask: &str) -> u8 {
    let number = u32::from(ip(mask));
    assert_eq!(number.leading_ones(), number.count_ones(), "{mask}");
    number.count_ones() as u8
}

/// The text of a file; none, if it is not there. What is no UTF-8 is a stranger's.
fn text(files: &Files, path: &str) -> Option<String> {
    let bytes = files.get(path)?;
    Some(String::from_utf8_lossy(bytes).into_owned())
}

/// Takes a value out of what a section or a file has; it must be there.
fn take(values: &mut BTreeMap<String, String>, key: &str) -> String {
    let value = values.remove(key);
    value.unwrap_or_else(|| panic!("no {key}"))
}
