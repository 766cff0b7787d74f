//! What is to happen to one file: the value that a plan is a list of.

use crate::conf::{Conf, Part};
use crate::limits::PATH_BYTES;
use crate::system::System;
use crate::text::Buf;
use core::ffi::CStr;
use heapless::Vec;
use zeroize::Zeroize;

/// All that the making of a file may depend on, apart from its old content.
#[derive(Clone, Copy)]
pub struct Wanted<'a> {
    /// What os.conf says.
    pub conf: &'a Conf<'a>,
    /// What this root is.
    pub system: &'a System,
    /// root's new password, if the password is to change.
    pub password: Option<&'a NewPassword>,
}

/// Makes the new content of a file from its old one. A pure function, and made
/// twice it is as made once. `label` is the NIC that the file is about, if it is
/// about one.
pub type Edit = fn(out: &mut Buf<'_>, old: &[u8], wanted: &Wanted<'_>, label: u8);

/// One change of one file. Several changes of the same file are made one after
/// the other and published as one.
#[derive(Clone)]
pub struct Change {
    /// What it belongs to.
    pub part: Part,
    /// The file, below the root.
    pub path: Path,
    /// What is to be done.
    pub action: Action,
}

/// What is to be done with a file.
#[derive(Clone, Copy)]
pub enum Action {
    /// Give it new content.
    Write {
        /// How.
        edit: Edit,
        /// The NIC that is written about.
        label: u8,
        /// The mode of a new file; an old one keeps its own.
        mode: u32,
        /// Whether nothing is to be done where there is no such file.
        only_if_there: bool,
        /// Who may see its lines.
        show: fn(&mut Buf<'_>, &[u8]),
        /// Whether the old file is also kept beside it, its name followed by `-`,
        /// as other tools do with this one.
        keep_dash: bool,
    },
    /// Remove it, if it is there.
    Remove,
}

impl Action {
    /// The usual kind of file: public, and made if it is not there.
    #[must_use]
    pub fn write(edit: Edit, label: u8) -> Self {
        Self::Write {
            edit,
            label,
            mode: 0o644,
            only_if_there: false,
            show: |out, line| out.push(line),
            keep_dash: false,
        }
    }

    /// The same, but only if it is there.
    #[must_use]
    pub fn rewrite(edit: Edit, label: u8) -> Self {
        match Self::write(edit, label) {
            Self::Write { edit, label, mode, show, keep_dash, .. } => Self::Write {
                edit,
                label,
                mode,
                only_if_there: true,
                show,
                keep_dash,
            },
            Self::Remove => Self::Remove,
        }
    }
}

/// A path below the root, without a leading slash, with the kernel's final NUL.
#[derive(Clone, PartialEq, Eq)]
pub struct Path(Vec<u8, PATH_BYTES>);

impl Path {
    /// The path that is these pieces joined; none, if it is too long or holds a NUL.
    #[must_use]
    pub fn new(pieces: &[&[u8]]) -> Option<Self> {
        let mut bytes = Vec::new();
        for piece in pieces {
            if piece.contains(&0) {
                return None;
            }
            bytes.extend_from_slice(piece).ok()?;
        }
        bytes.push(0).ok()?;
        Some(Self(bytes))
    }

    /// As the kernel takes it.
    #[must_use]
    pub fn as_c_str(&self) -> &CStr {
        CStr::from_bytes_with_nul(&self.0).unwrap_or_default()
    }

    /// Without the final NUL.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.as_c_str().to_bytes()
    }

    /// The folder, and the name in it.
    #[must_use]
    pub fn split(&self) -> (Self, Self) {
        let bytes = self.as_bytes();
        let (folder, name) = match bytes.iter().rposition(|&byte| byte == b'/') {
            Some(index) => (bytes.get(..index), bytes.get(index + 1..)),
            None => (Some(&b"."[..]), Some(bytes)),
        };
        // Cannot fail: a part of a path is shorter than the path, but for `.`,
        // which fits always.
        let part = |bytes: Option<&[u8]>| Self::new(&[bytes.unwrap_or(b".")]);
        let empty = || Self(Vec::new());
        (part(folder).unwrap_or_else(empty), part(name).unwrap_or_else(empty))
    }
}

impl From<&CStr> for Path {
    /// For paths that stand in this program, all of which are short enough.
    fn from(path: &CStr) -> Self {
        Self(Vec::from_slice(path.to_bytes_with_nul()).unwrap_or_default())
    }
}

/// root's new password as the account files have it.
pub struct NewPassword {
    /// The password field.
    field: Vec<u8, FIELD_BYTES>,
    /// The day of the change; none leaves the field empty.
    pub day: Option<u32>,
}

/// A hash that is there already may spell its rounds: `$6$rounds=1000000$`.
const FIELD_BYTES: usize = crate::limits::HASH_BYTES + 32;

impl NewPassword {
    /// Copies `field`; none, if it is longer than any hash.
    #[must_use]
    pub fn new(field: &[u8], day: Option<u32>) -> Option<Self> {
        Some(Self { field: Vec::from_slice(field).ok()?, day })
    }

    /// The password field.
    #[must_use]
    pub fn field(&self) -> &[u8] {
        &self.field
    }
}

impl Drop for NewPassword {
    fn drop(&mut self) {
        self.field.as_mut_slice().zeroize();
    }
}
