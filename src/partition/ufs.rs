//! UFS of the BSDs (the kernel's fs/ufs/ufs_fs.h), in either byte order.

use super::bytes::{hex_groups, label, le};
use super::{FileSystem, Kind, ReadAt, Uuid};

/// Where superblocks lie, in the order in which they are looked for: floppies,
/// UFS1, UFS2, and UFS2 behind a large boot block.
const PLACES: [u64; 4] = [0, 8 * 1024, 64 * 1024, 256 * 1024];
const BYTES: usize = 1376;
const MAGIC_AT: usize = 1372;
const UFS1: u64 = 0x0001_1954;
const UFS2: u64 = 0x1954_0119;

pub(super) fn read(read: &mut ReadAt<'_>) -> Option<FileSystem> {
    let mut bytes = [0; BYTES];
    PLACES.iter().find_map(|&place| {
        if read(place, &mut bytes) {
            read_at(&bytes)
        } else {
            None
        }
    })
}

fn read_at(bytes: &[u8; BYTES]) -> Option<FileSystem> {
    let magic = le::<4>(bytes, MAGIC_AT);
    let swapped = u64::from((magic as u32).swap_bytes());
    let kind = match (magic, swapped) {
        (UFS1, _) | (_, UFS1) => Kind::Ufs1,
        (UFS2, _) | (_, UFS2) => Kind::Ufs2,
        _ => return None,
    };
    let is_little = matches!(magic, UFS1 | UFS2);
    let mut id = [0; 8];
    id.copy_from_slice(bytes.get(0x90..0x98)?);
    if is_little {
        // Two numbers, each written with its highest byte first.
        id = [id[3], id[2], id[1], id[0], id[7], id[6], id[5], id[4]];
    }
    Some(FileSystem {
        kind,
        uuid: if id == [0; 8] {
            Uuid::new()
        } else {
            hex_groups(&id, &[])
        },
        label: match kind {
            Kind::Ufs2 => label(bytes.get(680..712)?),
            _ => label(b""),
        },
        is_64bit: false,
    })
}
