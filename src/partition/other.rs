//! File systems that os.conf cannot lie on, but a root can, and that /etc/fstab names.

use super::bytes::{label, uuid};
use super::{FileSystem, Kind, ReadAt};

/// Where something is told by what: the kind; the place and bytes of its magic; the
/// places of its UUID and of its label, and how long that is.
type Row = (Kind, u64, &'static [u8], u64, u64, usize);

/// By xfs_sb.h, btrfs_tree.h (btrfs_super_block) and swap.h (swap_header) of the kernel.
const TABLE: [Row; 3] = [
    (Kind::Xfs, 0, b"XFSB", 32, 108, 12),
    (Kind::Btrfs, 0x10040, b"_BHRfS_M", 0x10020, 0x1012b, 108),
    // At the end of the first page, which has 4 KiB on these machines.
    (Kind::Swap, 4086, b"SWAPSPACE2", 1036, 1052, 16),
];

pub(super) fn read(read: &mut ReadAt<'_>) -> Option<FileSystem> {
    for (kind, place, magic, uuid_at, label_at, label_len) in TABLE {
        let mut found = [0; 16];
        let found = found.get_mut(..magic.len())?;
        if !read(place, found) || found != magic {
            continue;
        }
        let (mut id, mut name) = ([0; 16], [0; 108]);
        let name = name.get_mut(..label_len)?;
        if read(uuid_at, &mut id) && read(label_at, name) {
            return Some(FileSystem {
                kind,
                uuid: uuid(&id),
                label: label(name),
                is_64bit: false,
            });
        }
    }
    None
}
