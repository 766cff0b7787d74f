//! Disk images as block devices, by the loop driver (loop(4), linux/loop.h).

use super::Result;
use core::ffi::c_void;
use rustix::fd::{AsRawFd, OwnedFd};
use rustix::fs::{self, Mode, OFlags};
use rustix::io::Errno;
use rustix::ioctl::{Ioctl, IoctlOutput, Opcode, Setter, ioctl};

/// `LOOP_CTL_GET_FREE` and `LOOP_CONFIGURE`.
const GET_FREE: Opcode = 0x4c82;
const CONFIGURE: Opcode = 0x4c0a;

/// `struct loop_config`: the file's number, and of the `struct loop_info64` in it the
/// offset, the length and the flags.
type Config = [u8; 304];
const OFFSET_AT: usize = 32;
const LEN_AT: usize = 40;
const FLAGS_AT: usize = 60;

/// `LO_FLAGS_READ_ONLY` and `LO_FLAGS_AUTOCLEAR`.
const FLAGS: u32 = 1 | 4;

/// How often somebody else may take the device that is free.
const TRIES: u32 = 8;

/// Asks for the number of a device that is free.
struct GetFree;

// SAFETY: LOOP_CTL_GET_FREE takes no argument and writes to no memory; the number is
// what the call itself returns (drivers/block/loop.c, loop_control_get_free).
unsafe impl Ioctl for GetFree {
    type Output = u32;
    const IS_MUTATING: bool = false;

    fn opcode(&self) -> Opcode {
        GET_FREE
    }

    fn as_ptr(&mut self) -> *mut c_void {
        core::ptr::null_mut()
    }

    unsafe fn output_from_ptr(out: IoctlOutput, _: *mut c_void) -> Result<u32> {
        u32::try_from(out).map_err(|_| Errno::NODEV)
    }
}

pub(super) fn attach(file: &OwnedFd, offset: u64, len: u64) -> Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let control = fs::openat(
        fs::CWD,
        c"/dev/loop-control",
        OFlags::RDWR | OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    let mut config: Config = [0; 304];
    for (at, bytes) in [
        (0, &file.as_raw_fd().to_ne_bytes()[..]),
        (OFFSET_AT, &offset.to_ne_bytes()),
        (LEN_AT, &len.to_ne_bytes()),
        (FLAGS_AT, &FLAGS.to_ne_bytes()),
    ] {
        for (place, byte) in config.iter_mut().skip(at).zip(bytes) {
            *place = *byte;
        }
    }
    let mut result = Err(Errno::BUSY);
    for _ in 0..TRIES {
        // SAFETY: see `GetFree`.
        let number = unsafe { ioctl(&control, GetFree)? };
        let mut bytes = [0; 24];
        let mut name = crate::text::Buf::new(&mut bytes);
        crate::text::put!(name, "/dev/loop{}", number);
        let device = fs::openat(fs::CWD, name.as_bytes(), flags, Mode::empty())?;
        // SAFETY: LOOP_CONFIGURE reads a `struct loop_config`, and this has its size
        // and is valid with zeros in all other fields.
        let set = unsafe { ioctl(&device, Setter::<CONFIGURE, Config>::new(config)) };
        result = set.map(|()| device);
        if result.as_ref().err() != Some(&Errno::BUSY) {
            break;
        }
    }
    result
}
