//! From the C start files to safe Rust, and the way out of a panic.
//!
//! This file belongs to the binary: a library may not have a `main`.

use core::ffi::{CStr, c_char, c_int, c_ulong};

// The C start files of the target's own libc enter here; nothing else of it is called.
#[link(name = "c")]
unsafe extern "C" {
    fn _exit(status: c_int) -> !;
    fn getauxval(kind: c_ulong) -> c_ulong;
}

/// `AT_EXECFN` of getauxval(3): the path by which the program was started.
const EXECUTED: c_ulong = 31;

/// What the start files of the C library call.
///
/// # Safety
/// `argv` points to `argc` pointers to strings that stay as they are.
#[unsafe(no_mangle)]
unsafe extern "C" fn main(argc: c_int, argv: *const *const c_char) -> c_int {
    let count = usize::try_from(argc).unwrap_or(0);
    // SAFETY: getauxval(3) takes any number.
    let path = unsafe { getauxval(EXECUTED) };
    let path = core::ptr::with_exposed_provenance::<c_char>(path as usize);
    let arguments = (0..count).map(|index| {
        // What a shell found in PATH has no folder in the first argument.
        if index == 0 && !path.is_null() {
            // SAFETY: the kernel left it on the stack, as it did the arguments.
            return unsafe { CStr::from_ptr(path) };
        }
        // SAFETY: the C standard (5.1.2.2.1) promises `argc` pointers at `argv`,
        // each to a string that lasts as long as the program; `index` < `argc`.
        unsafe { CStr::from_ptr(*argv.add(index)) }
    });
    c_int::from(osconf::run(&osconf::sys::Linux::default(), arguments))
}

/// A fault of ours. It must not hang a boot, and it must be seen.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    osconf::sys::Sys::say(
        &osconf::sys::Linux::default(),
        osconf::sys::Stream::Error,
        b"osconf: internal error: os.conf was kept: please report this with the os.conf (without its password)\n",
    );
    // SAFETY: _exit(2) takes any number and does not return.
    unsafe { _exit(70) }
}

/// Named by the unwinding tables of the precompiled core library, which a build
/// without link-time optimisation keeps. A program that aborts never calls it.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}
