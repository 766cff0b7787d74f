//! A seccomp filter that has the kernel stop a process at chosen system calls only,
//! put into it from outside, before its first call.
//!
//! A stop at every call would cost more than the run itself: seccomp(2),
//! `SECCOMP_RET_TRACE`. The filter is put in by making the first call of the process
//! another one, and then making the first call once more (ptrace(2)).

use anyhow::{Context, Result, ensure};
use nix::libc;
use nix::sys::ptrace;
use nix::sys::uio::{RemoteIoVec, process_vm_writev};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use std::io::IoSlice;

/// Room for the filter below the stack: the kernel has 128 KiB of it at a start
/// (`setup_arg_pages` in fs/exec.c).
const ROOM: u64 = 4096;
/// Bytes of the instruction `syscall`.
const INSTRUCTION: u64 = 2;

/// Which calls stop a process.
#[derive(Clone, Debug)]
pub(crate) enum Filter {
    /// These.
    Only(Vec<i64>),
    /// All but these.
    AllBut(Vec<i64>),
}

/// Puts `filter` into a process that has stopped at its start.
pub(crate) fn install(pid: Pid, filter: &Filter) -> Result<()> {
    // Out of execve(2), and up to the first call.
    for _ in 0..2 {
        ptrace::syscall(pid, None)?;
        wait(pid)?;
    }
    let first = ptrace::getregs(pid)?;
    let base = (first.rsp - ROOM) & !15;
    let program = program(filter);
    let count = u64::try_from(program.len() / 8)?;
    // struct sock_fprog, behind the program.
    let header = [count.to_ne_bytes(), base.to_ne_bytes()].concat();
    let bytes = [program.as_slice(), &header].concat();
    let place = RemoteIoVec {
        base: usize::try_from(base)?,
        len: bytes.len(),
    };
    let written = process_vm_writev(pid, &[IoSlice::new(&bytes)], &[place])?;
    ensure!(written == bytes.len(), "the filter is written in part only");
    let mut call = first;
    call.orig_rax = u64::try_from(libc::SYS_seccomp)?;
    call.rdi = u64::from(libc::SECCOMP_SET_MODE_FILTER);
    call.rsi = 0;
    call.rdx = base + count * 8;
    ptrace::setregs(pid, call)?;
    ptrace::syscall(pid, None)?;
    wait(pid)?;
    let result = ptrace::getregs(pid)?.rax;
    ensure!(
        result == 0,
        "no filter: seccomp(2) gives {}",
        result.cast_signed()
    );
    let mut again = first;
    again.rax = first.orig_rax;
    again.rip -= INSTRUCTION;
    again.orig_rax = u64::MAX;
    Ok(ptrace::setregs(pid, again)?)
}

fn wait(pid: Pid) -> Result<()> {
    let status = waitpid(pid, Some(WaitPidFlag::__WALL))?;
    ensure!(
        matches!(status, WaitStatus::PtraceSyscall(_)),
        "a stop at a call was expected, not {status:?}"
    );
    Ok(())
}

/// The filter's instructions (linux/filter.h): the number of the call is compared
/// with each of the list.
fn program(filter: &Filter) -> Vec<u8> {
    let (list, if_listed, if_not) = match filter {
        Filter::Only(list) => (list, libc::SECCOMP_RET_TRACE, libc::SECCOMP_RET_ALLOW),
        Filter::AllBut(list) => (list, libc::SECCOMP_RET_ALLOW, libc::SECCOMP_RET_TRACE),
    };
    let mut code = Vec::new();
    let mut add = |operation: u32, if_true: usize, value: u32| {
        code.extend(u16::try_from(operation).unwrap_or(0).to_ne_bytes());
        code.extend([u8::try_from(if_true).unwrap_or(u8::MAX), 0]);
        code.extend(value.to_ne_bytes());
    };
    // The number is the first field of struct seccomp_data.
    add(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0);
    for (index, number) in list.iter().enumerate() {
        let equal = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
        add(
            equal,
            list.len() - index,
            u32::try_from(*number).unwrap_or(0),
        );
    }
    add(libc::BPF_RET | libc::BPF_K, 0, if_not);
    add(libc::BPF_RET | libc::BPF_K, 0, if_listed);
    code
}

/// Waits for the next change of a process.
pub(crate) fn next(pid: Pid) -> Result<WaitStatus> {
    waitpid(pid, Some(WaitPidFlag::__WALL)).context("a process is lost")
}
