//! Runs of the program with faults at chosen system calls.
//!
//! A shell that is traced starts each run: its children are traced from their first
//! breath (ptrace(2), PTRACE_O_TRACEFORK), which no fork of this process could be
//! without `unsafe`.

use crate::calls::{self, SURE, WAITING};
use crate::filter::{self, Filter, next};
use crate::shot::{Deed, Shot};
use crate::watch::Watch;
use anyhow::{Context, Result, bail, ensure};
use nix::errno::Errno;
use nix::libc;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use nix::sys::wait::WaitStatus;
use nix::unistd::Pid;
use std::collections::BTreeMap;
use std::fs;
use std::io::{IoSliceMut, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

/// How a run ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum End {
    /// With this exit code.
    Exit(i32),
    /// By a fault that kills.
    Killed,
    /// By a signal that was not ours.
    Signal(Signal),
    /// It did not.
    Hang,
}

/// A run, when it is over.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) end: End,
    /// How many faults came to pass.
    pub(crate) fired: u64,
    pub(crate) output: String,
    pub(crate) error: String,
    /// Each call, with its first argument, if they were asked for.
    pub(crate) trace: Vec<(i64, u64)>,
}

impl Outcome {
    /// Of no run at all.
    pub(crate) fn nothing() -> Self {
        Self {
            end: End::Exit(0),
            fired: 0,
            output: String::new(),
            error: String::new(),
            trace: Vec::new(),
        }
    }
}

/// What is looked at during a run.
pub(crate) enum Look<'a> {
    /// Nothing.
    Away,
    /// Every call is noted.
    AtAll,
    /// These faults happen.
    At(&'a [Shot]),
}

/// What starts runs.
pub(crate) struct Starter {
    shell: Child,
    pid: Pid,
    output: PathBuf,
    error: PathBuf,
    watch: Arc<Watch>,
    /// Under an emulator: how the path begins whose opening is the program's first
    /// own call. What the emulator does before is not looked at.
    guest: Option<String>,
}

impl Starter {
    /// One whose runs write what they say to files in `folder`.
    pub(crate) fn new(folder: &Path, watch: Arc<Watch>, guest: Option<String>) -> Result<Self> {
        let shell = Command::new("sh").stdin(Stdio::piped()).spawn()?;
        let pid = Pid::from_raw(i32::try_from(shell.id())?);
        let options = Options::PTRACE_O_TRACESYSGOOD
            | Options::PTRACE_O_EXITKILL
            | Options::PTRACE_O_TRACEEXEC
            | Options::PTRACE_O_TRACEFORK
            | Options::PTRACE_O_TRACEVFORK
            | Options::PTRACE_O_TRACESECCOMP;
        ptrace::seize(pid, options).context("the shell cannot be traced")?;
        Ok(Self {
            shell,
            pid,
            output: folder.join("stdout"),
            error: folder.join("stderr"),
            watch,
            guest,
        })
    }

    /// Whether the program runs in an emulator.
    pub(crate) fn is_guest(&self) -> bool {
        self.guest.is_some()
    }

    /// Runs a command, in the shell's words.
    pub(crate) fn run(&mut self, command: &str, look: &Look<'_>) -> Result<Outcome> {
        let pid = self.start(command)?;
        self.watch.begin(pid);
        if let Some(filter) = self.filter(look) {
            filter::install(pid, &filter)?;
        }
        ptrace::cont(pid, None)?;
        let mut run = Run {
            pid,
            shots: match look {
                Look::At(shots) => shots,
                _ => &[],
            },
            counts: BTreeMap::new(),
            failing: None,
            fired: 0,
            is_killed: false,
            trace: Vec::new(),
            guest: self.guest.clone(),
        };
        let end = run.follow()?;
        let end = if self.watch.end() { End::Hang } else { end };
        Ok(Outcome {
            end,
            fired: run.fired,
            trace: run.trace,
            output: String::from_utf8_lossy(&fs::read(&self.output)?).into_owned(),
            error: String::from_utf8_lossy(&fs::read(&self.error)?).into_owned(),
        })
    }

    fn filter(&self, look: &Look<'_>) -> Option<Filter> {
        let is_native = self.guest.is_none();
        let memory = calls::MEMORY.iter().filter(|_| is_native);
        let all = calls::CALLS.iter().chain(memory).map(|call| call.number);
        let mut only: Vec<i64> = match look {
            Look::Away => return None,
            Look::AtAll if is_native => return Some(Filter::AllBut(SURE.to_vec())),
            Look::At(shots) if !shots.iter().any(|shot| shot.deed.lasts()) => {
                shots.iter().map(|shot| shot.call.number).collect()
            }
            _ => all.collect(),
        };
        if is_native {
            only.extend(WAITING);
        } else {
            // By which the first call of its own is known.
            only.push(libc::SYS_openat);
        }
        only.sort_unstable();
        only.dedup();
        Some(Filter::Only(only))
    }

    /// Has the shell start the command; it is stopped before its first instruction.
    fn start(&mut self, command: &str) -> Result<Pid> {
        let (output, error) = (self.output.display(), self.error.display());
        let input = self.shell.stdin.as_mut().context("no pipe")?;
        writeln!(input, "{command} </dev/null >{output} 2>{error}")?;
        let child = loop {
            match next(self.pid)? {
                WaitStatus::PtraceEvent(
                    _,
                    _,
                    libc::PTRACE_EVENT_FORK | libc::PTRACE_EVENT_VFORK,
                ) => {
                    let child = ptrace::getevent(self.pid)?;
                    ptrace::cont(self.pid, None)?;
                    break Pid::from_raw(i32::try_from(child)?);
                }
                WaitStatus::Stopped(_, signal) => ptrace::cont(self.pid, signal)?,
                WaitStatus::PtraceEvent(..) => ptrace::cont(self.pid, None)?,
                other => bail!("the shell that starts runs: {other:?}"),
            }
        };
        loop {
            match next(child)? {
                WaitStatus::PtraceEvent(_, _, libc::PTRACE_EVENT_EXEC) => return Ok(child),
                WaitStatus::Stopped(_, signal) => ptrace::cont(child, signal)?,
                WaitStatus::PtraceEvent(..) => ptrace::cont(child, None)?,
                other => bail!("{command}: {other:?}: {}", fs::read_to_string(&self.error)?),
            }
        }
    }
}

impl Drop for Starter {
    fn drop(&mut self) {
        let _ = self.shell.kill();
        let _ = next(self.pid);
    }
}

/// A run on its way.
struct Run<'a> {
    pid: Pid,
    shots: &'a [Shot],
    /// How often each call came.
    counts: BTreeMap<i64, u32>,
    /// With what every call fails from now on.
    failing: Option<Errno>,
    fired: u64,
    is_killed: bool,
    trace: Vec<(i64, u64)>,
    guest: Option<String>,
}

impl Run<'_> {
    fn follow(&mut self) -> Result<End> {
        loop {
            match next(self.pid)? {
                WaitStatus::Exited(_, code) => return Ok(End::Exit(code)),
                WaitStatus::Signaled(_, Signal::SIGKILL, _) if self.is_killed => {
                    return Ok(End::Killed);
                }
                WaitStatus::Signaled(_, signal, _) => return Ok(End::Signal(signal)),
                WaitStatus::PtraceEvent(_, _, libc::PTRACE_EVENT_SECCOMP) => self.call()?,
                WaitStatus::Stopped(_, signal) => ptrace::cont(self.pid, signal)?,
                WaitStatus::PtraceEvent(..) | WaitStatus::PtraceSyscall(_) => {
                    ptrace::cont(self.pid, None)?;
                }
                other => bail!("a run: {other:?}"),
            }
        }
    }

    /// A call is about to be made.
    fn call(&mut self) -> Result<()> {
        let pid = self.pid;
        let registers = ptrace::getregs(pid)?;
        let number = registers.orig_rax.cast_signed();
        let answer = |value: i64| -> Result<()> {
            let mut registers = registers;
            registers.orig_rax = u64::MAX;
            registers.rax = value.cast_unsigned();
            ptrace::setregs(pid, registers)?;
            Ok(ptrace::cont(pid, None)?)
        };
        if WAITING.contains(&number) {
            return answer(0);
        }
        if !self.is_own(number, registers.rsi) {
            return Ok(ptrace::cont(pid, None)?);
        }
        let count = self.counts.entry(number).or_default();
        *count += 1;
        let is_now = |shot: &&Shot| shot.call.number == number && shot.number == *count;
        let deed = self.shots.iter().find(is_now).map(|shot| shot.deed);
        self.trace.push((number, registers.rdi));
        self.fired += u64::from(deed.is_some());
        if let Some(Deed::FailOn(errno)) = deed {
            self.failing = Some(errno);
        }
        if let Some(errno) = self.failing {
            return answer(-i64::from(errno as i32));
        }
        match deed {
            Some(Deed::Fail(errno)) => return answer(-i64::from(errno as i32)),
            Some(Deed::Halve) if registers.rdx > 1 => {
                let mut registers = registers;
                registers.rdx /= 2;
                ptrace::setregs(pid, registers)?;
            }
            Some(Deed::KillBefore | Deed::KillAfter) => {
                if deed == Some(Deed::KillAfter) {
                    ptrace::syscall(pid, None)?;
                    let stop = next(pid)?;
                    ensure!(matches!(stop, WaitStatus::PtraceSyscall(_)), "{stop:?}");
                }
                self.is_killed = true;
                return Ok(kill(pid, Signal::SIGKILL)?);
            }
            _ => {}
        }
        Ok(ptrace::cont(pid, None)?)
    }

    /// Whether a call is the program's own, and not one of an emulator before it.
    fn is_own(&mut self, number: i64, path: u64) -> bool {
        let Some(wanted) = &self.guest else {
            return true;
        };
        let mut found = vec![0; wanted.len()];
        let place = RemoteIoVec {
            base: usize::try_from(path).unwrap_or(0),
            len: found.len(),
        };
        let is_first = number == libc::SYS_openat
            && process_vm_readv(self.pid, &mut [IoSliceMut::new(&mut found)], &[place])
                == Ok(wanted.len())
            && found == wanted.as_bytes();
        if is_first {
            self.guest = None;
        }
        is_first
    }
}
