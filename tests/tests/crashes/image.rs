//! The content of a disk, of which only what is not zero takes memory.

use anyhow::Result;
use core::hash::{Hash, Hasher};
use rustix::fs::{SeekFrom, seek};
use rustix::io::Errno;
use std::collections::BTreeMap;
use std::fs::File;
use std::hash::DefaultHasher;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// What the disk is shared in between images by; also the smallest piece that a
/// power cut leaves whole (`states.rs`).
pub(crate) const PAGE: usize = 4096;

type Page = [u8; PAGE];

/// A disk's content.
#[derive(Clone, Default)]
pub(crate) struct Image {
    pages: BTreeMap<u64, Arc<Page>>,
    /// All pages' hashes, added up: kept with each write, so that two states are
    /// told apart without reading them.
    sum: u64,
}

impl Image {
    /// What is in a file. Its holes, which are most of it, are not read.
    pub(crate) fn of(file: &File) -> Result<Self> {
        let mut image = Self::default();
        let mut page = [0; PAGE];
        let mut end = 0;
        loop {
            let mut offset = match seek(file, SeekFrom::Data(end)) {
                Err(Errno::NXIO) => return Ok(image),
                found => found?,
            };
            end = seek(file, SeekFrom::Hole(offset))?;
            while offset < end {
                let len = file.read_at(&mut page, offset)?;
                image.write(offset, &page[..len]);
                offset += len as u64;
            }
        }
    }

    /// Puts it into a file that has nothing but zeros.
    pub(crate) fn write_to(&self, file: &File) -> Result<()> {
        for (number, page) in &self.pages {
            file.write_all_at(&page[..], number * PAGE as u64)?;
        }
        Ok(())
    }

    /// The bytes at a place.
    pub(crate) fn read(&self, offset: u64, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        each_page(offset, len, |number, within, at| {
            if let Some(page) = self.pages.get(&number) {
                bytes[at].copy_from_slice(&page[within]);
            }
        });
        bytes
    }

    /// Writes bytes at a place.
    pub(crate) fn write(&mut self, offset: u64, data: &[u8]) {
        let Self { pages, sum } = self;
        each_page(offset, data.len(), |number, within, at| {
            let data = &data[at];
            let is_new = !pages.contains_key(&number);
            if is_new && data.iter().all(|&byte| byte == 0) {
                return;
            }
            let page = pages.entry(number).or_insert_with(|| Arc::new([0; PAGE]));
            if !is_new {
                *sum = sum.wrapping_sub(hash(number, page));
            }
            Arc::make_mut(page)[within].copy_from_slice(data);
            if page.iter().all(|&byte| byte == 0) {
                pages.remove(&number);
            } else {
                *sum = sum.wrapping_add(hash(number, page));
            }
        });
    }

    /// A number that another content has only by accident.
    pub(crate) fn sum(&self) -> u64 {
        self.sum
    }
}

fn hash(number: u64, page: &Page) -> u64 {
    let mut hasher = DefaultHasher::new();
    (number, &page[..]).hash(&mut hasher);
    hasher.finish()
}

/// Calls `each` with every page that the bytes touch: its number, which part of it,
/// and which part of the bytes.
fn each_page(
    offset: u64,
    len: usize,
    mut each: impl FnMut(u64, core::ops::Range<usize>, core::ops::Range<usize>),
) {
    let mut at = 0;
    while at < len {
        let place = offset + at as u64;
        let start = (place % PAGE as u64) as usize;
        let count = (PAGE - start).min(len - at);
        each(place / PAGE as u64, start..start + count, at..at + count);
        at += count;
    }
}
