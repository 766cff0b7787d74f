//! The disk: how it is divided, what file system is on it, and how full it is.

use super::look::{Mounted, Unseen};
use super::{AS_ROOT, Group, Item, ON_IMAGE, unknown, warning};
use crate::partition::Scheme;
use crate::text::put;

const GIB: u64 = 1 << 30;

pub(super) const FILE_SYSTEM: Item = Item {
    group: Group::Image,
    number: 8,
    name: "filesystem",
    comment: "xfs, ext3 and ext4 are recommended for the root file system, ext2, ufs and udf allowed; ext4 without the feature 64bit. Others cannot be resized with the disk.",
    cases: &[
        warning("convert the file system while it is not mounted: resize2fs -s DEVICE"),
        warning("make the root file system xfs, ext3 or ext4"),
        unknown(ON_IMAGE),
    ],
    judge: |look, finding| {
        let seen = look.mounted(&mut |mounted: Mounted<'_>| {
            let tell: &[&[u8]] = &[b"the root is ", mounted.kind];
            match mounted.kind {
                b"ext4" if mounted.super_block.is_some_and(|block| block.is_64bit) => {
                    finding.say(1, &[b"the root is ext4 with the feature 64bit"]);
                }
                b"xfs" | b"ext4" | b"ext3" | b"ext2" | b"ufs" | b"udf" => finding.say(0, tell),
                _ => finding.say(2, tell),
            }
        });
        if seen.is_err() {
            finding.say(3, &[b"what file system the root is on is not known"]);
        }
    },
};

pub(super) const PARTITION_TABLE: Item = Item {
    group: Group::Image,
    number: 12,
    name: "partition table",
    // The page of 2019 wants an MBR; the notes for importing images of 2021 name
    // GPT as well, and UEFI, so arm64, needs it.
    comment: "The system disk must be divided by an MBR or a GPT.",
    cases: &[warning("divide the disk: sfdisk DEVICE"), unknown(ON_IMAGE)],
    judge: |look, finding| match look.disk().map(|disk| disk.scheme) {
        Ok(Some(Scheme::Mbr)) => finding.say(0, &[b"MBR"]),
        Ok(Some(Scheme::Gpt)) => finding.say(0, &[b"GPT"]),
        Ok(Some(Scheme::Whole)) => finding.say(1, &[b"the disk of the root has no partitions"]),
        Ok(None) | Err(_) => finding.say(2, &[b"the disk of the root cannot be read"]),
    },
};

pub(super) const DISK: Item = Item {
    group: Group::Image,
    number: 14,
    name: "disk size",
    // The page of 2019: 40 to 500 GiB; ImportImage of 2021: 5 to 500.
    comment: "The system disk, by its virtual size, should have 5 GiB to 500 GiB.",
    cases: &[
        warning("enlarge the disk image: qemu-img resize FILE 5G"),
        warning("shrink the file systems and the disk image to 500 GiB"),
        unknown(ON_IMAGE),
    ],
    judge: |look, finding| match look.disk() {
        Ok(disk) => {
            let case = match disk.size {
                size if size < 5 * GIB => 1,
                size if size > 500 * GIB => 2,
                _ => 0,
            };
            finding.note(case, &|out| {
                put!(out, "the system disk has {} MiB", disk.size >> 20);
            });
        }
        Err(_) => finding.say(3, &[b"which disk the root is on is not known"]),
    },
};

/// How much of a hundred must be free. No figure was ever published; from here on
/// programs begin to fail for want of space.
const FREE: u64 = 10;

pub(super) const BLOCKS_USED: Item = Item {
    group: Group::Image,
    number: 15,
    name: "disk use rate",
    comment: "Enough of the disk must be free to install drivers and services: a tenth.",
    cases: &[
        warning("remove what is not needed, or enlarge the root file system"),
        unknown(AS_ROOT),
    ],
    judge: |look, finding| rate(finding, "bytes", look.space().map(|space| space.bytes)),
};

pub(super) const INODES_USED: Item = Item {
    group: Group::Image,
    number: 16,
    name: "inode use rate",
    comment: "Enough inodes must be free to install drivers and services: a tenth.",
    cases: &[
        warning(
            "remove files that are not needed, or make the file system anew with more inodes: mke2fs -N",
        ),
        unknown(AS_ROOT),
    ],
    judge: |look, finding| rate(finding, "inodes", look.space().map(|space| space.inodes)),
};

fn rate(finding: &mut super::Finding<'_>, what: &str, space: Result<(u64, u64), Unseen>) {
    let Ok((all, free)) = space else {
        return finding.say(2, &[b"how full the root file system is is not known"]);
    };
    if all == 0 {
        return finding.say(
            0,
            &[b"the file system has no fixed number of ", what.as_bytes()],
        );
    }
    let used = 100 - free.min(all).saturating_mul(100) / all;
    finding.note(u8::from(used > 100 - FREE), &|out| {
        put!(out, "{} % of the {} of the root are used", used, what);
    });
}
