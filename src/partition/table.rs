//! Partition tables: GPT (UEFI specification, 5.3), and the PC's MBR with logical
//! partitions, as the kernel's block/partitions/ reads them.

use super::bytes::{hex_groups, le, uuid};
use super::{Label, ReadAt, Uuid, crc};
use crate::limits::{GPT_ENTRIES, LOGICAL_PARTITIONS};

/// How a disk is divided.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scheme {
    /// It is not: its file system, if it has one, is its first partition.
    Whole,
    /// By an MBR.
    Mbr,
    /// By a GPT.
    Gpt,
}

/// One partition.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// The number that the kernel gives it, from 1.
    pub number: u32,
    /// Where it begins, in bytes.
    pub start: u64,
    /// How many bytes it has.
    pub len: u64,
    /// PARTUUID, as blkid(8) writes it.
    pub uuid: Uuid,
    /// PARTLABEL; empty with an MBR.
    pub label: Label,
    /// Whether it is an EFI system partition.
    pub is_efi: bool,
}

/// Calls `each` with the partitions of a disk of `size` bytes, whose blocks have
/// `block` bytes.
pub fn partitions(
    read: &mut ReadAt<'_>,
    size: u64,
    block: u64,
    each: &mut dyn FnMut(&Entry),
) -> Scheme {
    let mut sector = [0; 512];
    if !read(0, &mut sector) || le::<2>(&sector, 510) != 0xaa55 {
        return Scheme::Whole;
    }
    let slots = [446, 462, 478, 494].map(|at| Slot::parse(&sector, at));
    if slots.iter().any(|slot| slot.kind == PROTECTIVE) {
        // The second copy is at the very end.
        let last = (size / block).saturating_sub(1);
        for place in [1, last] {
            if let Some(header) = Header::read(read, place, block) {
                header.entries(read, block, each);
                return Scheme::Gpt;
            }
        }
    }
    // Code of a boot loader, or text, is no table.
    let is_table = slots.iter().all(|slot| slot.flag & 0x7f == 0);
    if !is_table || slots.iter().all(|slot| slot.len == 0) {
        return Scheme::Whole;
    }
    let disk = le::<4>(&sector, 440) as u32;
    for (number, slot) in (1..).zip(&slots) {
        if slot.is_used() {
            each(&slot.entry(number, 0, disk, block));
        }
    }
    let extended = slots.iter().find(|slot| slot.is_extended());
    if let Some(extended) = extended {
        logical(read, extended.start, disk, block, each);
    }
    Scheme::Mbr
}

/// The type of the one partition that a GPT shows to who knows only the MBR.
const PROTECTIVE: u8 = 0xee;

/// An entry of an MBR, in blocks.
#[derive(Clone, Copy)]
struct Slot {
    flag: u8,
    kind: u8,
    start: u64,
    len: u64,
}

impl Slot {
    fn parse(sector: &[u8; 512], at: usize) -> Self {
        Self {
            flag: le::<1>(sector, at) as u8,
            kind: le::<1>(sector, at + 4) as u8,
            start: le::<4>(sector, at + 8),
            len: le::<4>(sector, at + 12),
        }
    }

    /// Of DOS, Windows and Linux.
    const fn is_extended(self) -> bool {
        matches!(self.kind, 0x05 | 0x0f | 0x85) && self.len > 0
    }

    const fn is_used(self) -> bool {
        self.len > 0
    }

    fn entry(self, number: u32, base: u64, disk: u32, block: u64) -> Entry {
        let [number_byte, ..] = number.to_le_bytes();
        let [a, b, c, d] = disk.to_be_bytes();
        Entry {
            number,
            start: (base + self.start).saturating_mul(block),
            len: self.len.saturating_mul(block),
            uuid: if disk == 0 {
                Uuid::new()
            } else {
                hex_groups(&[a, b, c, d, number_byte], &[4])
            },
            label: Label::new(),
            is_efi: self.kind == 0xef,
        }
    }
}

/// The chain of logical partitions: each table has one, and where the next table
/// is, counted from the start of the extended partition.
fn logical(
    read: &mut ReadAt<'_>,
    extended: u64,
    disk: u32,
    block: u64,
    each: &mut dyn FnMut(&Entry),
) {
    let mut at = extended;
    let mut number = 5;
    let mut sector = [0; 512];
    for _ in 0..LOGICAL_PARTITIONS {
        let is_table =
            read(at.saturating_mul(block), &mut sector) && le::<2>(&sector, 510) == 0xaa55;
        if !is_table {
            return;
        }
        let slots = [446, 462].map(|place| Slot::parse(&sector, place));
        for slot in slots {
            if slot.is_used() && !slot.is_extended() {
                each(&slot.entry(number, at, disk, block));
                number += 1;
            }
        }
        match slots.iter().find(|slot| slot.is_extended()) {
            Some(next) => at = extended + next.start,
            None => return,
        }
    }
}

/// Bytes of a header that mean something.
const HEADER: usize = 92;

/// The header of a GPT, as far as it leads on.
struct Header {
    place: u64,
    count: u64,
    size: u64,
}

impl Header {
    /// The header in block `place`, if its sum and that of its entries are right.
    fn read(read: &mut ReadAt<'_>, place: u64, block: u64) -> Option<Self> {
        let mut bytes = [0; HEADER];
        let at = place.checked_mul(block)?;
        if !read(at, &mut bytes) || !bytes.starts_with(b"EFI PART") {
            return None;
        }
        // A longer one would have more in its sum; nobody has made one.
        let is_here = le::<4>(&bytes, 12) == HEADER as u64 && le::<8>(&bytes, 24) == place;
        let sum = le::<4>(&bytes, 16);
        bytes.get_mut(16..20)?.fill(0);
        let is_whole = u64::from(!crc::update(crc::GPT, !0, &bytes)) == sum;
        let header = Self {
            place: le::<8>(&bytes, 72).checked_mul(block)?,
            count: le::<4>(&bytes, 80),
            size: le::<4>(&bytes, 84),
        };
        let is_bounded = header.count <= GPT_ENTRIES
            && header.size.is_power_of_two()
            && (128..=4096).contains(&header.size);
        if !is_here || !is_whole || !is_bounded {
            return None;
        }
        let is_table_whole = u64::from(header.sum(read)?) == le::<4>(&bytes, 88);
        is_table_whole.then_some(header)
    }

    fn sum(&self, read: &mut ReadAt<'_>) -> Option<u32> {
        let mut bytes = [0; 128];
        let mut sum = !0;
        for index in 0..self.count * self.size / 128 {
            if !read(self.place.checked_add(index * 128)?, &mut bytes) {
                return None;
            }
            sum = crc::update(crc::GPT, sum, &bytes);
        }
        Some(!sum)
    }

    fn entries(&self, read: &mut ReadAt<'_>, block: u64, each: &mut dyn FnMut(&Entry)) {
        let mut bytes = [0; 128];
        for (index, number) in (0..self.count).zip(1..) {
            if !read(self.place.saturating_add(index * self.size), &mut bytes) {
                return;
            }
            let (kind, rest) = bytes.split_at(16);
            if kind.iter().all(|&byte| byte == 0) {
                continue;
            }
            let (first, last) = (le::<8>(rest, 16), le::<8>(rest, 24));
            // Both are within it.
            let Some(blocks) = last.checked_sub(first).and_then(|len| len.checked_add(1)) else {
                continue;
            };
            each(&Entry {
                number,
                start: first.saturating_mul(block),
                len: blocks.saturating_mul(block),
                uuid: guid(rest),
                label: name(rest.get(40..).unwrap_or_default()),
                is_efi: kind == EFI,
            });
        }
    }
}

/// C12A7328-F81F-11D2-BA4B-00A0C93EC93B, of an EFI system partition (UEFI 2.10, 5.3.3).
const EFI: [u8; 16] = [
    0x28, 0x73, 0x2a, 0xc1, 0x1f, 0xf8, 0xd2, 0x11, 0xba, 0x4b, 0x00, 0xa0, 0xc9, 0x3e, 0xc9, 0x3b,
];

/// The first 16 bytes as a GUID: its first three numbers have their lowest byte
/// first.
fn guid(bytes: &[u8]) -> Uuid {
    const ORDER: [usize; 16] = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
    uuid(&ORDER.map(|index| bytes.get(index).copied().unwrap_or_default()))
}

/// UTF-16 as UTF-8, up to a NUL. What is no character becomes U+FFFD.
fn name(units: &[u8]) -> Label {
    let units = units
        .chunks_exact(2)
        .map(|pair| le::<2>(pair, 0) as u16)
        .take_while(|&unit| unit != 0);
    let mut label = Label::new();
    for character in char::decode_utf16(units) {
        let character = character.unwrap_or(char::REPLACEMENT_CHARACTER);
        let mut bytes = [0; 4];
        // Cannot fail: there is room for the longest name.
        let _ = label.extend_from_slice(character.encode_utf8(&mut bytes).as_bytes());
    }
    label
}
