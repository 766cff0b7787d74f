//! What is to happen to one file: the value that a plan is a list of.

use crate::account::Place;
use crate::conf::Conf;
use crate::part::Part;
#[cfg(feature = "revert")]
use crate::record::How;
use crate::system::System;
use crate::text::Buf;
use crate::value::Path;
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
    /// What is to be put back, if this is no os.conf's doing.
    pub back: &'a [Change],
}

/// Makes the new content of a file from its old one. A pure function, and made
/// twice it is as made once. `label` is the NIC that the file is about, if it is
/// about one.
pub type Edit = fn(out: &mut Buf<'_>, old: &[u8], wanted: &Wanted<'_>, label: u8);

/// One change of one file. Several changes of the same file are made one after
/// the other and published as one.
#[derive(Clone)]
pub struct Change {
    /// What it belongs to; nothing, if it puts back what was kept.
    pub part: Option<Part>,
    /// The file, below the root.
    pub path: Path,
    /// What is to be done.
    pub action: Action,
}

/// What is to be done with a file.
#[derive(Clone, Copy)]
pub enum Action {
    /// Give it new content. A link leads to the file that is meant.
    Write(Write),
    /// Have a symbolic link of this name, whatever is there.
    Link(Link),
    /// Remove it, if it is there. Of a link, the link itself.
    Remove,
    /// Put back what was kept when this was done there.
    #[cfg(feature = "revert")]
    Back(How),
    /// Leave it, and everything else that was found: it is in the way, and only
    /// somebody who knows what it is for can change it.
    Leave,
}

/// A symbolic link that is to be there.
#[derive(Clone, Copy)]
pub struct Link {
    /// What makes its text; there is no old one.
    pub text: Edit,
    /// The NIC that it is about.
    pub label: u8,
}

/// How a file gets new content.
#[derive(Clone, Copy)]
pub struct Write {
    /// What makes it.
    pub edit: Edit,
    /// The NIC that is written about.
    pub label: u8,
    /// The mode of a new file; an old one keeps its own.
    pub mode: u32,
    /// Whether nothing is to be done where there is no such file.
    pub only_if_there: bool,
    /// How a line of it is shown.
    pub show: Show,
    /// Whether the old file is also kept beside it, its name followed by `-`, as
    /// other tools do with this one.
    pub keep_dash: bool,
}

/// Writes a line of a file as anybody may see it.
pub type Show = fn(&mut Buf<'_>, &[u8]);

impl Write {
    /// The usual kind of file: public, and made if it is not there.
    #[must_use]
    pub fn new(edit: Edit) -> Self {
        Self::of_nic(edit, 0)
    }

    /// The same about the NIC that has this label.
    #[must_use]
    pub fn of_nic(edit: Edit, label: u8) -> Self {
        Self {
            edit,
            label,
            mode: 0o644,
            only_if_there: false,
            show: |out, line| out.push(line),
            keep_dash: false,
        }
    }
}

/// root's new password as the account files have it.
pub struct NewPassword {
    /// The password field.
    field: Vec<u8, FIELD_BYTES>,
    /// The day of the change; none leaves the field empty.
    pub day: Option<u32>,
    /// Which file it belongs into.
    pub place: Place,
}

/// A hash that is there already may spell its rounds: `$6$rounds=1000000$`.
const FIELD_BYTES: usize = crate::limits::HASH_BYTES + 32;

impl NewPassword {
    /// Copies `field`; none, if it is longer than any hash.
    #[must_use]
    pub fn new(field: &[u8], day: Option<u32>, place: Place) -> Option<Self> {
        Some(Self {
            field: Vec::from_slice(field).ok()?,
            day,
            place,
        })
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
