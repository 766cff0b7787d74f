//! FAT (Microsoft's FAT32 File System Specification, 2000).

use super::bytes::{hex_groups, label, le};
use super::{FileSystem, Kind, Label, ReadAt};

/// Entries of a folder that are looked at for the label. A root folder has it
/// among its first ones, since it is written when the file system is made.
const ENTRIES: usize = 4096;
/// Clusters of the root folder of FAT32 that are followed, so that a chain that
/// bites its tail ends.
const CLUSTERS: usize = 100;
const ENTRY: usize = 32;

/// The numbers of the boot sector that are needed.
struct Boot {
    cluster: u64,
    reserved: u64,
    fats: u64,
    root_entries: u64,
    fat_length: u64,
    root_cluster: u64,
    kind: Kind,
}

pub(super) fn read(read: &mut ReadAt<'_>) -> Option<FileSystem> {
    let mut bytes = [0; 512];
    if !read(0, &mut bytes) {
        return None;
    }
    let boot = Boot::parse(&bytes)?;
    let extended = if boot.kind == Kind::Fat32 { 0x40 } else { 0x24 };
    let mut serial = [0; 4];
    serial.copy_from_slice(bytes.get(extended + 3..extended + 7)?);
    serial.reverse();
    let mut uuid = hex_groups(&serial, &[2]);
    uuid.make_ascii_uppercase();
    Some(FileSystem {
        kind: boot.kind,
        uuid,
        label: boot.root_label(read).unwrap_or_default(),
        is_64bit: false,
    })
}

impl Boot {
    /// Nothing in a boot sector is a sure sign, so all of it must make sense.
    fn parse(bytes: &[u8; 512]) -> Option<Self> {
        let sector = le::<2>(bytes, 11);
        let cluster = le::<1>(bytes, 13);
        let reserved = le::<2>(bytes, 14);
        let fats = le::<1>(bytes, 16);
        let root_entries = le::<2>(bytes, 17);
        let short_length = le::<2>(bytes, 22);
        let media = le::<1>(bytes, 21);
        let sectors = match le::<2>(bytes, 19) {
            0 => le::<4>(bytes, 32),
            small => small,
        };
        let is_32 = short_length == 0;
        let fat_length = if is_32 {
            le::<4>(bytes, 36)
        } else {
            short_length
        };
        let is_sound = le::<2>(bytes, 510) == 0xaa55
            && sector.is_power_of_two()
            && (512..=4096).contains(&sector)
            && cluster.is_power_of_two()
            && reserved > 0
            && (1..=4).contains(&fats)
            && fat_length > 0
            && (media == 0xf0 || media >= 0xf8)
            && (is_32 || root_entries > 0);
        if !is_sound {
            return None;
        }
        let folder = (root_entries * ENTRY as u64).div_ceil(sector);
        let head = reserved + fats * fat_length + folder;
        let clusters = sectors.checked_sub(head)? / cluster;
        let kind = match clusters {
            _ if is_32 => Kind::Fat32,
            0..4085 => Kind::Fat12,
            4085..65525 => Kind::Fat16,
            _ => return None,
        };
        Some(Self {
            cluster: cluster * sector,
            reserved: reserved * sector,
            fats,
            root_entries,
            fat_length: fat_length * sector,
            root_cluster: le::<4>(bytes, 44),
            kind,
        })
    }

    /// The label is an entry of the root folder. The one in the boot sector is not
    /// changed with it by all programs, and means nothing to blkid.
    fn root_label(&self, read: &mut ReadAt<'_>) -> Option<Label> {
        let after_fats = self.reserved + self.fats * self.fat_length;
        if self.kind != Kind::Fat32 {
            return match folder_label(read, after_fats, self.root_entries * ENTRY as u64) {
                Search::Found(label) => Some(label),
                _ => None,
            };
        }
        let mut number = self.root_cluster;
        for _ in 0..CLUSTERS {
            // The first two numbers stand for no cluster; the last ones end a chain.
            let index = number.checked_sub(2)?;
            if number >= 0x0fff_fff0 {
                return None;
            }
            let place = after_fats + index * self.cluster;
            match folder_label(read, place, self.cluster) {
                Search::Found(label) => return Some(label),
                Search::Ended => return None,
                Search::Goes => {}
            }
            let mut next = [0; 4];
            if number * 4 >= self.fat_length || !read(self.reserved + number * 4, &mut next) {
                return None;
            }
            number = le::<4>(&next, 0) & 0x0fff_ffff;
        }
        None
    }
}

/// What a look through a part of a folder brought.
enum Search {
    Found(Label),
    /// The folder ends here, or cannot be read.
    Ended,
    /// It goes on elsewhere.
    Goes,
}

/// The label in a stretch of a folder.
fn folder_label(read: &mut ReadAt<'_>, place: u64, len: u64) -> Search {
    let mut entry = [0; ENTRY];
    for index in 0..(len / ENTRY as u64).min(ENTRIES as u64) {
        if !read(place + index * ENTRY as u64, &mut entry) {
            return Search::Ended;
        }
        let attributes = entry[11];
        let has_cluster = le::<2>(&entry, 20) != 0 || le::<2>(&entry, 26) != 0;
        match entry[0] {
            0 => return Search::Ended,
            0xe5 => continue,
            _ => {}
        }
        // 08h is the label; 0Fh a part of a long name.
        if attributes & 0x3f == 0x0f || attributes & 0x18 != 0x08 || has_cluster {
            continue;
        }
        // A first byte of 05h stands for E5h, which would mark a free entry.
        if entry[0] == 5 {
            entry[0] = 0xe5;
        }
        return Search::Found(label(entry.get(..11).unwrap_or_default()));
    }
    Search::Goes
}
