//! ext2, ext3 and ext4 (the kernel's Documentation/filesystems/ext4/super.rst).

use super::bytes::{label, le, uuid};
use super::{FileSystem, Kind, ReadAt, crc};

const AT: u64 = 1024;
const MAGIC: u64 = 0xef53;
/// Where the superblock's own sum is, which ends what it covers.
const SUM: usize = 0x3fc;

const HAS_JOURNAL: u64 = 0x4;
const METADATA_CSUM: u64 = 0x400;
/// A journal alone, without a file system.
const JOURNAL_DEV: u64 = 0x8;
/// Block numbers of 64 bits.
const BITS_64: u64 = 0x80;
/// What ext2 and ext3 know: sparse_super, large_file, btree_dir.
const OLD_RO_COMPAT: u64 = 0x7;
/// What ext3 knows: filetype, recover, meta_bg.
const OLD_INCOMPAT: u64 = 0x16;
/// A journal that must be replayed, which ext2 cannot.
const RECOVER: u64 = 0x4;

pub(super) fn read(read: &mut ReadAt<'_>) -> Option<FileSystem> {
    let mut bytes = [0; 1024];
    if !read(AT, &mut bytes) || le::<2>(&bytes, 0x38) != MAGIC {
        return None;
    }
    let (compat, incompat, ro_compat) = (
        le::<4>(&bytes, 0x5c),
        le::<4>(&bytes, 0x60),
        le::<4>(&bytes, 0x64),
    );
    if incompat & JOURNAL_DEV != 0 {
        return None;
    }
    if ro_compat & METADATA_CSUM != 0 {
        let sum = crc::update(crc::EXT4, !0, bytes.get(..SUM)?);
        if le::<4>(&bytes, SUM) != u64::from(sum) {
            return None;
        }
    }
    // The same questions as blkid's, in the same order.
    let is_old = ro_compat & !OLD_RO_COMPAT == 0 && incompat & !OLD_INCOMPAT == 0;
    let kind = match (is_old, compat & HAS_JOURNAL != 0) {
        (true, true) => Kind::Ext3,
        (true, false) if incompat & RECOVER == 0 => Kind::Ext2,
        (true, false) => return None,
        (false, _) => Kind::Ext4,
    };
    Some(FileSystem {
        kind,
        uuid: uuid(bytes.get(0x68..0x78)?),
        label: label(bytes.get(0x78..0x88)?),
        is_64bit: incompat & BITS_64 != 0,
    })
}
