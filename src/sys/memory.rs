//! Anonymous memory, the size of a file.

use super::Result;
use core::ops::{Deref, DerefMut};
use core::ptr::{NonNull, null_mut};
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};

/// A private mapping that was zero when it came.
///
/// Files are copied into such memory instead of being mapped: a file that
/// somebody truncates meanwhile would end the process with SIGBUS. What lies
/// here may hold the password, so it is wiped before the kernel gets it back.
pub struct Map {
    start: NonNull<u8>,
    len: usize,
}

impl Map {
    /// Asks for `len` bytes.
    pub(super) fn new(len: usize) -> Result<Self> {
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
        let start = NonNull::new(start.cast()).ok_or(rustix::io::Errno::NOMEM)?;
        Ok(Self { start, len })
    }
}

impl Deref for Map {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: `new` got `len` readable bytes at `start`, initialised to zero
        // by the kernel; they are unmapped in `drop` only, and `self` is borrowed
        // for as long as the slice lives.
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
        // So that it is done, although nobody reads it any more.
        zeroize::optimization_barrier(&**self);
        // SAFETY: the range came from `mmap_anonymous` in `new` with this length,
        // and no slice of it outlives `self`. A failure leaves it mapped.
        let _ = unsafe { munmap(self.start.as_ptr().cast(), self.len) };
    }
}
