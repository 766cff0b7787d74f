//! The system calls of the program, and how each may fail.

use nix::errno::Errno;
use nix::libc;

/// A system call that faults are put on.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) number: i64,
    pub(crate) name: &'static str,
    /// Whether it moves bytes, of which there can be fewer than were asked for.
    pub(crate) is_transfer: bool,
}

const fn call(number: i64, name: &'static str) -> Call {
    Call {
        number,
        name,
        is_transfer: false,
    }
}

const fn transfer(number: i64, name: &'static str) -> Call {
    Call {
        number,
        name,
        is_transfer: true,
    }
}

/// All that the program makes, of its own and in qemu's name.
pub(crate) const CALLS: &[Call] = &[
    call(libc::SYS_clock_gettime, "clock_gettime"),
    call(libc::SYS_close, "close"),
    call(libc::SYS_dup, "dup"),
    call(libc::SYS_faccessat, "faccessat"),
    call(libc::SYS_fchmod, "fchmod"),
    call(libc::SYS_fchown, "fchown"),
    call(libc::SYS_fcntl, "fcntl"),
    call(libc::SYS_fgetxattr, "fgetxattr"),
    call(libc::SYS_flistxattr, "flistxattr"),
    call(libc::SYS_fsetxattr, "fsetxattr"),
    call(libc::SYS_fstat, "fstat"),
    call(libc::SYS_fstatfs, "fstatfs"),
    call(libc::SYS_fsync, "fsync"),
    call(libc::SYS_ftruncate, "ftruncate"),
    transfer(libc::SYS_getdents64, "getdents64"),
    call(libc::SYS_getrandom, "getrandom"),
    call(libc::SYS_linkat, "linkat"),
    call(libc::SYS_mkdirat, "mkdirat"),
    call(libc::SYS_mknodat, "mknodat"),
    call(libc::SYS_newfstatat, "newfstatat"),
    call(libc::SYS_openat, "openat"),
    call(libc::SYS_openat2, "openat2"),
    transfer(libc::SYS_pread64, "pread64"),
    transfer(libc::SYS_pwrite64, "pwrite64"),
    transfer(libc::SYS_read, "read"),
    call(libc::SYS_readlinkat, "readlinkat"),
    call(libc::SYS_recvfrom, "recvfrom"),
    call(libc::SYS_renameat, "renameat"),
    call(libc::SYS_renameat2, "renameat2"),
    call(libc::SYS_sendto, "sendto"),
    call(libc::SYS_setsockopt, "setsockopt"),
    call(libc::SYS_socket, "socket"),
    call(libc::SYS_statx, "statx"),
    call(libc::SYS_symlinkat, "symlinkat"),
    call(libc::SYS_syncfs, "syncfs"),
    call(libc::SYS_unlinkat, "unlinkat"),
    transfer(libc::SYS_write, "write"),
];

/// Memory is asked for by the program alone, not in qemu's name: that takes its own.
pub(crate) const MEMORY: &[Call] = &[
    call(libc::SYS_mmap, "mmap"),
    call(libc::SYS_msync, "msync"),
    call(libc::SYS_munmap, "munmap"),
];

/// Calls that no fault is put on. The kernel never refuses to start or end a
/// process that it has begun to, and a libc has no other way out where it does:
/// musl asks again and again (`_Exit`), or stops the process (`__init_tls`).
pub(crate) const SURE: &[i64] = &[
    libc::SYS_execve,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_arch_prctl,
    libc::SYS_set_tid_address,
];

/// What waits; it is answered at once, so that a run takes no time for it.
pub(crate) const WAITING: &[i64] = &[libc::SYS_nanosleep, libc::SYS_clock_nanosleep];

/// How a call fails.
pub(crate) const ERRORS: &[Errno] = &[
    Errno::EIO,
    Errno::ENOSPC,
    Errno::EROFS,
    Errno::EACCES,
    Errno::ENOMEM,
    Errno::EDQUOT,
    Errno::EINTR,
    Errno::EPERM,
];

/// The call of this number.
pub(crate) fn by_number(number: i64) -> Option<&'static Call> {
    let mut all = CALLS.iter().chain(MEMORY);
    all.find(|call| call.number == number)
}

/// The call of this name.
pub(crate) fn by_name(name: &str) -> Option<&'static Call> {
    let mut all = CALLS.iter().chain(MEMORY);
    all.find(|call| call.name == name)
}
