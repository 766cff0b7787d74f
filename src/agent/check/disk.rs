//! The disk that holds a root, read from its first byte on: of the machine, or an
//! image.

use crate::limits::PARTITIONS;
use crate::partition::{self, Entry, FileSystem, ReadAt, Scheme, Spec};
use heapless::Vec;

/// A disk that could be read.
pub struct DiskMap {
    /// Bytes.
    pub size: u64,
    /// How it is divided.
    pub scheme: Scheme,
    /// Its partitions by their numbers; if it has none, all of it is one.
    pub parts: Vec<Part, PARTITIONS>,
}

/// One partition.
pub struct Part {
    /// What the table says.
    pub entry: Entry,
    /// What is on it.
    pub found: Option<FileSystem>,
}

impl DiskMap {
    /// Reads the table, and the superblock of each partition; none, if the disk cannot
    /// be read.
    pub fn read(read: &mut ReadAt<'_>, size: u64) -> Option<Self> {
        read(0, &mut [0]).then_some(())?;
        let mut parts = Vec::<Part, PARTITIONS>::new();
        let mut add = |entry: &Entry| {
            let is_behind = |other: &Part| other.entry.number > entry.number;
            let index = parts.iter().position(is_behind).unwrap_or(parts.len());
            let entry = entry.clone();
            // A disk with more of them is none that an image is made for.
            let _ = parts.insert(index, Part { entry, found: None });
        };
        let scheme = partition::all(read, size, &mut add);
        if parts.is_empty() {
            let whole = Entry {
                number: 0,
                start: 0,
                len: size,
                uuid: partition::Uuid::new(),
                label: partition::Label::new(),
                is_efi: false,
            };
            let _ = parts.push(Part {
                entry: whole,
                found: None,
            });
        }
        for part in &mut parts {
            let start = part.entry.start;
            part.found = partition::file_system(&mut |offset, bytes| {
                start.checked_add(offset).is_some_and(|at| read(at, bytes))
            });
        }
        Some(Self {
            size,
            scheme,
            parts,
        })
    }

    /// Whether one of the partitions is what `spec` means.
    pub fn has(&self, spec: &Spec<'_>) -> bool {
        self.parts.iter().any(|part| {
            let entry = &part.entry;
            spec.is(part.found.as_ref(), &entry.uuid, &entry.label)
        })
    }

    /// The partition of this number, or the disk itself.
    pub fn part(&self, number: Option<u32>) -> Option<&Part> {
        let number = number.unwrap_or(0);
        self.parts.iter().find(|part| part.entry.number == number)
    }
}
