//! Network configuration: one file per format, one table over them, and the
//! running kernel.

mod connman;
mod detect;
mod dhcpcd;
mod eni;
mod ifcfg;
mod keep;
pub mod kernel;
mod keyfile;
pub mod links;
mod netctl;
mod netifrc;
mod netplan;
mod networkd;
pub mod rtnetlink;
mod slackware;
mod template;
mod uci;
mod wicked;

pub use detect::{Fit, detect};
pub use keep::{PATH as KEPT_NETWORK, write as write_lines};

use crate::change::{Action, Change, Edit, Wanted, Write};
use crate::conf::{Network, Nic};
use crate::part::Part;
use crate::system::System;
use crate::text::assignments::{Setting, Value};
use crate::text::lines::lines;
use crate::text::{Buf, ini, put};
use crate::value::Path;
use core::ffi::CStr;

/// A network system, and what is written for it.
pub struct Format {
    /// The name for `--network`.
    pub name: &'static str,
    /// Calls `add` with each change that makes the root have this network.
    pub plan: fn(network: &Network, system: &System, add: &mut dyn FnMut(Change)),
    /// Whether the files go by the interfaces' names, so that these must be known.
    pub needs_names: bool,
    /// Whether the running kernel is configured by this program at every boot.
    pub is_kernel: bool,
    /// Where older files may lie that are about the same NICs, or that are ours.
    pub looks: &'static [Look],
    /// How it is told the name servers, if it must be.
    pub dns: Option<Dns>,
    /// Calls `say` with each thing in this network that the format has no words for,
    /// and what to do: the rest is written, and os.conf is kept.
    pub lacks: fn(network: &Network, say: &mut dyn FnMut(&'static str)),
}

impl Format {
    /// The simplest kind: nothing but `plan`, which goes by names.
    const fn new(name: &'static str, plan: fn(&Network, &System, &mut dyn FnMut(Change))) -> Self {
        Self {
            name,
            plan,
            needs_names: true,
            is_kernel: false,
            looks: &[],
            dns: None,
            lacks: |_, _| {},
        }
    }
}

/// How a network system is told the name servers.
pub struct Dns {
    /// Calls `add` with each change that tells it. The files are those of the
    /// network, or others of the same program.
    pub plan: fn(network: &Network, system: &System, add: &mut dyn FnMut(Change)),
    /// The programs that make `/etc/resolv.conf` and hear of the name servers by
    /// this ([`crate::resolver::Owner::name`]).
    pub feeds: &'static [&'static str],
}

/// A folder in which files may lie that are about our NICs.
pub struct Look {
    /// The folder.
    pub folder: &'static CStr,
    /// How the files' names may begin; an empty prefix is any name.
    pub prefixes: &'static [&'static [u8]],
    /// How the files' names end.
    pub suffix: &'static [u8],
    /// Calls `add` with each change that `found` makes necessary: it is an old one
    /// of ours, or would win over what is written now, or fight it. A file that is
    /// written now is never removed by this.
    pub judge:
        fn(found: &Found<'_>, network: &Network, system: &System, add: &mut dyn FnMut(Change)),
}

/// A file that was found.
pub struct Found<'a> {
    /// The file, below the root.
    pub path: &'a Path,
    /// Its name.
    pub name: &'a [u8],
    /// Its content; of a link, that of the file that it leads to.
    pub content: &'a [u8],
}

impl Found<'_> {
    /// The change that removes it.
    #[must_use]
    pub fn removed(&self) -> Change {
        self.with(Action::Remove)
    }

    /// That it is about one of our NICs, but cannot be edited without risk: this is
    /// said, what was found is left as it is, and os.conf is kept.
    #[must_use]
    pub fn stuck(&self) -> Change {
        self.with(Action::Leave)
    }

    /// The change that edits it.
    #[must_use]
    pub fn edited(&self, edit: Edit) -> Change {
        self.with(Action::Write(Write::new(edit)))
    }

    fn with(&self, action: Action) -> Change {
        Change {
            part: Some(Part::Network),
            path: self.path.clone(),
            action,
        }
    }
}

/// The first line of each file that is ours as a whole, and that is known by it
/// when its NIC is gone from os.conf.
const MARK: &[u8] = b"# osconf: from os.conf, written anew with each";

/// Whether a file has our mark.
fn is_ours(text: &[u8]) -> bool {
    lines(text).any(|line| line.text == MARK)
}

/// Leaves something in a file of which nothing is left: an empty one beside a copy
/// of ours is taken for what a power cut made of it.
fn fill_empty(out: &mut Buf<'_>, old: &[u8]) {
    if out.is_empty() && !old.is_empty() {
        out.push(MARK);
        out.push(b"\n");
    }
}

/// Adds a change of the file that is these pieces joined.
#[inline(never)]
fn add_file(add: &mut dyn FnMut(Change), path: &[&[u8]], action: Action) {
    // Cannot fail: an interface's name has at most 15 bytes.
    if let Some(path) = Path::new(path) {
        add(Change {
            part: Some(Part::Network),
            path,
            action,
        });
    }
}

/// Adds the writing of the file of a NIC that is named after its label.
#[inline(never)]
fn add_file_of(add: &mut dyn FnMut(Change), before: &[u8], write: Write, after: &[u8]) {
    let mut bytes = [0; 3];
    let mut number = Buf::new(&mut bytes);
    put!(number, "{}", write.label);
    add_file(
        add,
        &[before, number.as_bytes(), after],
        Action::Write(write),
    );
}

/// Writes the old file's line of name servers, `key` of `section`, unless there are
/// new ones and they are another NIC's.
#[inline(never)]
fn keep_servers(
    out: &mut Buf<'_>,
    old: &[u8],
    wanted: &Wanted<'_>,
    label: u8,
    (section, key): (&str, &str),
) {
    let outer = wanted.conf.network.value().and_then(Network::outer);
    let is_outer = outer.is_some_and(|outer| outer.label == label);
    if (is_outer || wanted.conf.name_servers.value().is_none())
        && let Some(servers) = ini::get(old, section, key)
    {
        put!(out, "{}=", key);
        out.push(servers);
        out.push(b"\n");
    }
}

/// How `nic` gets its address, which, and its mask, by what a format calls these;
/// `fixed` is its word for an address that is written there.
#[inline(never)]
fn address_of<'a>(
    nic: &Nic,
    [protocol, address, mask]: [&'a str; 3],
    fixed: &'a [u8],
) -> [Setting<'a>; 3] {
    let values = if nic.is_by_dhcp() {
        [Value::Word(b"dhcp"), Value::Gone, Value::Gone]
    } else {
        let mask = Value::Address(nic.mask.address());
        [Value::Word(fixed), Value::Address(nic.address), mask]
    };
    let [by, at, within] = values;
    [(protocol, by), (address, at), (mask, within)]
}

/// The network that is wanted, and the NIC in it with this label.
fn nic_of<'a>(wanted: &'a Wanted<'_>, label: u8) -> Option<(&'a Network, &'a Nic)> {
    let network = wanted.conf.network.value()?;
    let nic = network.nics.iter().find(|nic| nic.label == label)?;
    Some((network, nic))
}

/// Every network system; last the one that needs nothing in the root.
pub static FORMATS: [Format; 13] = [
    uci::FORMAT,
    slackware::FORMAT,
    netplan::FORMAT,
    networkd::FORMAT,
    wicked::FORMAT,
    ifcfg::FORMAT,
    keyfile::FORMAT,
    netctl::FORMAT,
    netifrc::FORMAT,
    eni::FORMAT,
    connman::FORMAT,
    dhcpcd::FORMAT,
    keep::FORMAT,
];

/// The format of this name.
#[must_use]
pub fn by_name(name: &[u8]) -> Option<&'static Format> {
    FORMATS.iter().find(|format| format.name.as_bytes() == name)
}

/// The format of a root that has no network system at all.
#[must_use]
pub fn last() -> &'static Format {
    let [.., last] = &FORMATS;
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_is_found_by_its_name() {
        for format in &FORMATS {
            assert!(core::ptr::eq(
                by_name(format.name.as_bytes()).unwrap(),
                format
            ));
        }
        assert!(by_name(b"other").is_none());
    }
}
