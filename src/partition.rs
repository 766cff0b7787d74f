//! Disks as bytes: file systems by their superblocks, partitions by their tables.
//!
//! Nothing here asks the kernel: a device, an image in a file and a slice of
//! bytes are the same. What is read is not trusted: sums are checked where the
//! format has them, and every number that leads somewhere else is bounded.
//!
//! UUIDs and labels are written as blkid(8) writes them, since that is what
//! people copy into `--device UUID=…` and /etc/fstab.

mod bytes;
mod crc;
mod ext;
mod fat;
#[cfg(feature = "check")]
mod other;
mod spec;
mod table;
mod ufs;

pub use spec::Spec;
pub use table::{Entry, Scheme, partitions};

use crate::limits::{LABEL_BYTES, UUID_BYTES};
use heapless::Vec;

/// Reads exactly as many bytes as there is room for, from an offset; tells whether
/// that went well.
pub type ReadAt<'a> = dyn FnMut(u64, &mut [u8]) -> bool + 'a;

/// What kind of file system it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// ext2: no journal.
    Ext2,
    /// ext3: a journal, and nothing that ext3 does not know.
    Ext3,
    /// ext4.
    Ext4,
    /// FAT with 12 bits, which ECS does not promise to write to.
    Fat12,
    /// FAT with 16 bits, the same.
    Fat16,
    /// FAT with 32 bits.
    Fat32,
    /// UFS1 of the BSDs.
    Ufs1,
    /// UFS2 of FreeBSD.
    Ufs2,
    /// XFS, which ECS does not write to; as those that follow, it is known only where
    /// images are checked.
    Xfs,
    /// btrfs.
    Btrfs,
    /// Swap space: no file system, but it has a UUID.
    Swap,
}

impl Kind {
    /// The type for mount(2).
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ext2 => "ext2",
            Self::Ext3 => "ext3",
            Self::Ext4 => "ext4",
            Self::Fat12 | Self::Fat16 | Self::Fat32 => "vfat",
            Self::Ufs1 | Self::Ufs2 => "ufs",
            Self::Xfs => "xfs",
            Self::Btrfs => "btrfs",
            Self::Swap => "swap",
        }
    }

    /// Whether os.conf may lie on it.
    #[must_use]
    pub const fn has_os_conf(self) -> bool {
        !matches!(self, Self::Xfs | Self::Btrfs | Self::Swap)
    }
}

/// A UUID, or what stands for one.
pub type Uuid = Vec<u8, UUID_BYTES>;
/// A label, in whatever bytes it was written.
pub type Label = Vec<u8, LABEL_BYTES>;

/// A file system, as its superblock tells.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileSystem {
    /// What it is.
    pub kind: Kind,
    /// How it is told from others; empty, if it has none.
    pub uuid: Uuid,
    /// What it is called; empty, if it has no name.
    pub label: Label,
    /// Whether it is ext4 with the feature `64bit` (ext4(5)).
    pub is_64bit: bool,
}

/// Hands the partitions of a disk of `size` bytes to `each`, whatever size its blocks
/// have: 512 bytes, but for some disks 4096.
pub fn all(read: &mut ReadAt<'_>, size: u64, each: &mut dyn FnMut(&Entry)) -> Scheme {
    let mut scheme = Scheme::Whole;
    for block in [512, 4096] {
        let mut is_empty = true;
        scheme = partitions(read, size, block, &mut |entry| {
            is_empty = false;
            each(entry);
        });
        if !is_empty {
            break;
        }
    }
    scheme
}

/// The file system that begins at offset 0, if it is one that is known.
///
/// ```
/// use osconf::partition::{Kind, file_system};
///
/// // An ext2 superblock, without a journal: its magic, and a block size of 1 KiB.
/// let mut disk = [0; 4096];
/// disk[1024 + 0x38..1024 + 0x3a].copy_from_slice(&[0x53, 0xef]);
/// let found = file_system(&mut |offset, bytes| {
///     let from = usize::try_from(offset).unwrap_or(usize::MAX);
///     let part = from.checked_add(bytes.len()).and_then(|to| disk.get(from..to));
///     part.map(|part| bytes.copy_from_slice(part)).is_some()
/// });
/// assert_eq!(found.map(|found| found.kind), Some(Kind::Ext2));
/// ```
pub fn file_system(read: &mut ReadAt<'_>) -> Option<FileSystem> {
    let found = ext::read(read)
        .or_else(|| ufs::read(read))
        .or_else(|| fat::read(read));
    #[cfg(feature = "check")]
    let found = found.or_else(|| other::read(read));
    found
}
