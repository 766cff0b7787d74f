//! `osconf prepare`: what makes an image meet Alibaba's norm for Linux images.
//!
//! An [`Item`] is a row of a table: a name, what it wants, and a function that looks
//! at the root and wishes for [`Change`]s, which the agent carries out as it does
//! those of os.conf. Nothing is started and nothing is guessed: what is there is set
//! right, in the files that the programs of this root read, and what only a command
//! can finish is told.
//!
//! The norm is Alibaba's page on images for Linux ("Alibaba Cloud image norm (Linux)", help.aliyun.com). It has
//! two opposite advices on logins, so there are two [`Profile`]s.

pub mod clean;
mod clock;
mod cmdline;
pub mod dhcp;
mod dropbear;
mod firewall;
mod lists;
mod motd;
mod ntp;
mod pip;
mod root;
mod sshd;
mod sysctl;

use crate::change::{Action, Change, Edit, Write};
use crate::check::{Look, each_file};
use crate::limits::CHANGES;
use crate::text::Buf;
use crate::text::assignments::{self, Value};
use crate::text::split::split;
use crate::value::Path;
use core::ffi::CStr;
use heapless::Vec;

/// Which of the norm's advices on logins is followed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Profile {
    /// root may log in by the password that ECS sets.
    #[default]
    Password,
    /// Keys only.
    Locked,
}

impl Profile {
    /// The profile that `--profile` calls so.
    #[must_use]
    pub fn parse(name: &[u8]) -> Option<Self> {
        match name {
            b"password" => Some(Self::Password),
            b"locked" => Some(Self::Locked),
            _ => None,
        }
    }
}

/// One thing that an image should have.
pub struct Item {
    /// What it is called in options and messages.
    pub name: &'static str,
    /// What it wants, and why.
    pub wants: &'static str,
    /// Looks, and wishes.
    pub plan: fn(&dyn Look, Profile, &mut Wishes),
}

/// All items, in the order in which they are done.
pub const ITEMS: &[&Item] = &[
    &clock::ITEM,
    &sshd::ITEM,
    &dropbear::ITEM,
    &root::ITEM,
    &ntp::ITEM,
    &sysctl::ITEM,
    &motd::ITEM,
    &pip::ITEM,
    &firewall::ITEM,
    &dhcp::ITEM,
    &cmdline::ITEM,
    &clean::ITEM,
];

/// Some of the items: a bit for each, by its place in the table.
pub type Chosen = u32;

/// The items that a list with commas names; none, if there is no such item.
#[must_use]
pub fn chosen(names: &[u8]) -> Option<Chosen> {
    let mut all = 0;
    for name in split(names, b',') {
        let is_it = |item: &&Item| item.name.as_bytes() == name;
        all |= 1 << ITEMS.iter().position(is_it)?;
    }
    Some(all)
}

/// What one item wishes for.
#[derive(Default)]
pub struct Wishes {
    /// What is to happen to files.
    pub changes: Vec<Change, CHANGES>,
    /// Whether there were more of these.
    pub overflowed: bool,
    /// Whether the root is cleaned, which is no change that could be put back.
    pub cleans: bool,
    /// Whether the network is to be [`dhcp::network`].
    pub rests: bool,
    /// What somebody should know, or has to do.
    pub notes: Vec<&'static str, 4>,
}

impl Wishes {
    #[inline(never)]
    fn add(&mut self, path: &[u8], action: Action) {
        let Some(path) = Path::new(&[path]) else {
            self.overflowed = true;
            return;
        };
        let change = Change {
            part: None,
            path,
            action,
        };
        self.overflowed |= self.changes.push(change).is_err();
    }

    /// Has a file edited, and made, if it is not there. What `label` says is the
    /// edit's own.
    fn write(&mut self, path: &CStr, edit: Edit, label: u8) {
        let write = Write::of_nic(edit, label);
        self.add(path.to_bytes(), Action::Write(write));
    }

    /// Has a file edited where it is there.
    fn mend(&mut self, path: &[u8], edit: Edit, label: u8) {
        let write = Write {
            only_if_there: true,
            ..Write::of_nic(edit, label)
        };
        self.add(path, Action::Write(write));
    }

    /// Has a file or link removed.
    fn remove(&mut self, path: &[u8]) {
        self.add(path, Action::Remove);
    }

    /// Tells something.
    pub fn note(&mut self, note: &'static str) {
        // There is room for all that one item has to tell.
        let _ = self.notes.push(note);
    }
}

/// Whether something is at `path`.
fn is_there(look: &dyn Look, path: &CStr) -> bool {
    look.kind(path).is_ok()
}

/// Whether the root has systemd; of a root in pieces it may be only its folder.
fn has_systemd(look: &dyn Look) -> bool {
    is_there(look, c"usr/lib/systemd") || is_there(look, c"lib/systemd")
}

/// The bytes that make of a value something that only a shell can tell.
fn is_shell(value: &[u8]) -> bool {
    value.iter().any(|byte| b"\"'\\$`".contains(byte))
}

/// Whether a file that a shell sources gives `key` a value, and one of this kind:
/// [`is_shell`] is what [`set_value`] leaves.
fn has_value(look: &dyn Look, path: &CStr, key: &str, kind: fn(&[u8]) -> bool) -> bool {
    let mut has_it = false;
    let _ = look.read(path, &mut |text| {
        has_it = assignments::get(text, key).is_some_and(kind);
    });
    has_it
}

/// Edits what stands behind `key` in a file that a shell sources, or else `unset`. A
/// value with quotes or variables in it is somebody's own, and stays.
#[inline(never)]
fn set_value(
    out: &mut Buf<'_>,
    old: &[u8],
    key: &str,
    unset: &[u8],
    edit: &dyn Fn(&mut Buf<'_>, &[u8]),
) {
    let value = assignments::get(old, key).unwrap_or(unset);
    let mut bytes = [0; 2048];
    let mut new = Buf::new(&mut bytes);
    edit(&mut new, value);
    match !is_shell(value) && !new.overflowed() && new.as_bytes() != value {
        true => assignments::set(out, old, &[(key, Value::Quoted(new.as_bytes()))], &[]),
        false => out.push(old),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_items_is_one_bit_for_each() {
        assert_eq!(chosen(b"clock"), Some(1));
        assert_eq!(chosen(b"root,clock,root"), Some(0b1001));
        assert_eq!(chosen(b"clock,"), None);
        assert_eq!(chosen(b"clocks"), None);
        assert!(ITEMS.len() <= Chosen::BITS as usize);
    }
}
