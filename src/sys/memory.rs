//! Memory for a file: one of a few pages, or an anonymous mapping of its size; and
//! whether some other memory was ever used.

use super::Result;
use core::cell::UnsafeCell;
use core::ops::{Deref, DerefMut};
use core::ptr::{NonNull, null_mut};
use core::sync::atomic::{AtomicU32, Ordering};
use rustix::io::Errno;
use rustix::mm::{MapFlags, MsyncFlags, ProtFlags, mmap_anonymous, msync, munmap};

/// Bytes of a page. Most files of a system's configuration are smaller.
const PAGE: usize = 4096;

/// As many as there are bits for. A run for one NIC needs 12 of them at a time.
const PAGES: usize = u32::BITS as usize;

/// Pages for small files, so that the kernel need not be asked twice for each. One that
/// nobody ever took costs nothing.
struct Pages {
    /// A bit for each page that somebody has.
    taken: AtomicU32,
    bytes: UnsafeCell<[u8; PAGES * PAGE]>,
}

// SAFETY: a page is reached only through the one `Map` that has its bit, which `take`
// sets and `Map::drop` clears, each at once and in order with what the page holds.
unsafe impl Sync for Pages {}

static SMALL: Pages = Pages {
    taken: AtomicU32::new(0),
    bytes: UnsafeCell::new([0; PAGES * PAGE]),
};

impl Pages {
    /// The first page that nobody has.
    fn take(&self) -> Option<NonNull<u8>> {
        let next = |taken: u32| (taken != u32::MAX).then(|| taken | (taken + 1));
        let taken = self
            .taken
            .fetch_update(Ordering::Acquire, Ordering::Relaxed, next);
        let page = taken.ok()?.trailing_ones() as usize;
        NonNull::new(self.bytes.get().cast::<u8>().wrapping_add(page * PAGE))
    }

    /// Which page begins there, if one does.
    fn page(&self, start: NonNull<u8>) -> Option<usize> {
        let offset = start.addr().get().wrapping_sub(self.bytes.get().addr());
        (offset < PAGES * PAGE).then_some(offset / PAGE)
    }
}

/// Memory that was zero when it came.
///
/// Files are copied into it instead of being mapped: a file that somebody truncates
/// meanwhile would end the process with SIGBUS. What lies here may hold the password,
/// so it is wiped before anybody else gets it.
pub struct Map {
    start: NonNull<u8>,
    len: usize,
}

impl Map {
    /// Asks for `len` bytes.
    pub(super) fn new(len: usize) -> Result<Self> {
        if len <= PAGE
            && let Some(start) = SMALL.take()
        {
            return Ok(Self { start, len });
        }
        // The kernel refuses a mapping of nothing (mmap(2), EINVAL).
        let len = len.max(1);
        // SAFETY: with a null hint and without MAP_FIXED the kernel chooses an
        // unused range, so no existing memory is affected.
        let start = unsafe {
            mmap_anonymous(
                null_mut(),
                len,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::PRIVATE,
            )
        }?;
        let start = NonNull::new(start.cast()).ok_or(Errno::NOMEM)?;
        Ok(Self { start, len })
    }
}

impl Deref for Map {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: `new` got at least `len` readable bytes at `start`, initialised to
        // zero by the kernel or by `drop`; they are given back in `drop` only, and
        // `self` is borrowed for as long as the slice lives.
        unsafe { core::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }
}

impl DerefMut for Map {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `deref`; the range is writable, private to this value,
        // and `self` is borrowed mutably, so nobody else has a slice of it.
        unsafe { core::slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }
}

impl Drop for Map {
    #[inline(never)]
    fn drop(&mut self) {
        self.fill(0);
        // So that it is done, although nobody may ever read it.
        zeroize::optimization_barrier(&**self);
        if let Some(page) = SMALL.page(self.start) {
            SMALL.taken.fetch_and(!(1 << page), Ordering::Release);
            return;
        }
        // SAFETY: the range came from `mmap_anonymous` in `new` with this length,
        // and no slice of it outlives `self`. A failure leaves it mapped.
        let _ = unsafe { munmap(self.start.as_ptr().cast(), self.len) };
    }
}

/// Whether the kernel may have memory at `address`: it does not say of less than a
/// page, where its pages are larger than ours.
pub fn is_mapped(address: usize) -> bool {
    let page = core::ptr::without_provenance_mut(address & !(PAGE - 1));
    // SAFETY: with MS_ASYNC nothing is read or written (msync(2), since Linux 2.6.19).
    let asked = unsafe { msync(page, PAGE, MsyncFlags::ASYNC) };
    asked != Err(Errno::NOMEM)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// More than there are pages, of both kinds.
    #[test]
    fn what_is_taken_at_the_same_time_is_apart_and_zero() {
        for round in 0..3 {
            let lens = (0..2 * PAGES).map(|index| index * (PAGE / PAGES + round));
            let mut all: Vec<Map> = lens.map(|len| Map::new(len).unwrap()).collect();
            for (mark, map) in (1..).zip(&mut all) {
                assert!(map.iter().all(|&byte| byte == 0));
                map.fill(mark);
            }
            for (mark, map) in (1..).zip(&all) {
                assert!(map.iter().all(|&byte| byte == mark));
            }
        }
        assert!(SMALL.page(NonNull::from(&mut 0)).is_none());
    }

    #[test]
    #[cfg_attr(miri, ignore = "asks the kernel what is mapped")]
    fn what_is_given_back_is_not_mapped() {
        let map = Map::new(PAGE + 1).unwrap();
        let start = map.as_ptr().addr();
        assert!(is_mapped(start) && is_mapped(start + PAGE));
        drop(map);
        assert!(!is_mapped(PAGE));
    }

    #[test]
    fn a_page_is_taken_once_and_again_when_it_is_given_back() {
        let pages = Pages {
            taken: AtomicU32::new(0b1011),
            bytes: UnsafeCell::new([0; PAGES * PAGE]),
        };
        assert_eq!(pages.take().and_then(|start| pages.page(start)), Some(2));
        assert_eq!(pages.take().and_then(|start| pages.page(start)), Some(4));
        pages.taken.store(u32::MAX, Ordering::Relaxed);
        assert!(pages.take().is_none());
    }
}
