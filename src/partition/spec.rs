//! How people name a partition: `UUID=…`, `LABEL=…`, `PARTUUID=…`, `PARTLABEL=…`,
//! or a device's path (fstab(5); the kernel's `root=` knows some of them).

use super::FileSystem;
use crate::text::split::split_once;

/// A name for a partition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Spec<'a> {
    /// The UUID of its file system.
    Uuid(&'a [u8]),
    /// The label of its file system.
    Label(&'a [u8]),
    /// The UUID that the partition table gives it.
    PartUuid(&'a [u8]),
    /// The name that the partition table gives it.
    PartLabel(&'a [u8]),
    /// A device's path.
    Path(&'a [u8]),
}

impl<'a> Spec<'a> {
    /// Reads a name; quotes around the value are taken away, as mount(8) does.
    #[must_use]
    pub fn parse(text: &'a [u8]) -> Self {
        let Some((key, value)) = split_once(text, b'=') else {
            return Self::Path(text);
        };
        let value = match value {
            [b'"', inner @ .., b'"'] => inner,
            _ => value,
        };
        match key {
            b"UUID" => Self::Uuid(value),
            b"LABEL" => Self::Label(value),
            b"PARTUUID" => Self::PartUuid(value),
            b"PARTLABEL" => Self::PartLabel(value),
            _ => Self::Path(text),
        }
    }

    /// Whether a partition with this file system, and this UUID and label in the
    /// table, is meant. UUIDs are the same in any case of their letters.
    #[must_use]
    pub fn is(&self, found: Option<&FileSystem>, uuid: &[u8], label: &[u8]) -> bool {
        match self {
            Self::Uuid(text) => found.is_some_and(|found| found.uuid.eq_ignore_ascii_case(text)),
            Self::Label(text) => found.is_some_and(|found| found.label == *text),
            Self::PartUuid(text) => uuid.eq_ignore_ascii_case(text),
            Self::PartLabel(text) => label == *text,
            Self::Path(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_without_a_known_key_is_a_path() {
        assert_eq!(Spec::parse(b"UUID=\"A-B\""), Spec::Uuid(b"A-B"));
        assert_eq!(Spec::parse(b"PARTLABEL=a b"), Spec::PartLabel(b"a b"));
        assert_eq!(Spec::parse(b"/dev/vda1"), Spec::Path(b"/dev/vda1"));
        assert_eq!(Spec::parse(b"/dev/x=y"), Spec::Path(b"/dev/x=y"));
    }
}
