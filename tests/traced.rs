//! A run of a program that can be stopped before each of its system calls, and at its
//! end, while its memory is still there: ptrace(2).

use anyhow::{Context, Result, bail};
use nix::libc;
use nix::sys::ptrace::{self, Options};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A process that is stopped, or has ended.
pub struct Traced {
    shell: Child,
    pid: Pid,
    /// Where the stack began.
    top: u64,
    is_in_call: bool,
}

/// A piece of memory.
pub struct Mapping {
    /// Its line in /proc/PID/maps.
    pub line: String,
    /// Its first address.
    pub start: u64,
    /// What is in it.
    pub bytes: Vec<u8>,
}

impl Traced {
    /// Starts a program, by the whole path of its file, with at most so many bytes of stack, if there is a limit; what
    /// it says goes to a file. It is stopped before its first instruction.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(command: &[String], stack: Option<u64>, said: &Path) -> Result<Self> {
        let limit = stack.map_or(String::new(), |bytes| {
            format!("ulimit -s {}; ", bytes.div_ceil(1024))
        });
        let said = File::create(said)?;
        // Its exec is what is waited for: a process that runs already can be traced
        // without `unsafe`.
        let mut shell = Command::new("sh")
            .args([
                "-c",
                &format!("read x; {limit}exec \"$@\" </dev/null"),
                "sh",
            ])
            .args(command)
            .stdin(Stdio::piped())
            .stdout(said.try_clone()?)
            .stderr(said)
            .spawn()?;
        let pid = Pid::from_raw(i32::try_from(shell.id())?);
        let options = Options::PTRACE_O_TRACESYSGOOD
            | Options::PTRACE_O_EXITKILL
            | Options::PTRACE_O_TRACEEXEC
            | Options::PTRACE_O_TRACEEXIT;
        ptrace::seize(pid, options)?;
        shell.stdin.take().context("no pipe")?.write_all(b"\n")?;
        let program = command.first().map(Path::new);
        loop {
            match wait(pid)? {
                WaitStatus::PtraceEvent(_, _, libc::PTRACE_EVENT_EXEC) => {}
                other => bail!("{command:?}: {other:?}"),
            }
            // The shell itself may still have been on its way.
            if fs::read_link(format!("/proc/{pid}/exe")).ok().as_deref() == program {
                break;
            }
            ptrace::cont(pid, None)?;
        }
        let top = ptrace::getregs(pid)?.rsp;
        Ok(Self {
            shell,
            pid,
            top,
            // Of execve(2).
            is_in_call: true,
        })
    }

    /// Goes on to before the next system call; returns its number, or none at the end,
    /// when the memory is still there.
    ///
    /// # Errors
    /// It was ended by a signal.
    pub fn next_call(&mut self) -> Result<Option<i64>> {
        loop {
            ptrace::syscall(self.pid, None)?;
            match wait(self.pid)? {
                WaitStatus::PtraceSyscall(_) => self.is_in_call = !self.is_in_call,
                WaitStatus::PtraceEvent(_, _, libc::PTRACE_EVENT_EXIT) => return Ok(None),
                other => bail!("a run: {other:?}"),
            }
            if self.is_in_call {
                let registers = ptrace::getregs(self.pid)?;
                return Ok(Some(registers.orig_rax.cast_signed()));
            }
        }
    }

    /// Goes on to before the call for which `is_it` says so; whether it came.
    ///
    /// # Errors
    /// It was ended by a signal.
    pub fn to_call(&mut self, is_it: &dyn Fn(&Self, i64) -> bool) -> Result<bool> {
        while let Some(number) = self.next_call()? {
            if is_it(self, number) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Goes on to the end, when the memory is still there.
    ///
    /// # Errors
    /// It was ended by a signal.
    pub fn to_end(&mut self) -> Result<()> {
        ptrace::cont(self.pid, None)?;
        match wait(self.pid)? {
            WaitStatus::PtraceEvent(_, _, libc::PTRACE_EVENT_EXIT) => Ok(()),
            other => bail!("a run: {other:?}"),
        }
    }

    /// The text that argument number `index`, 0 to 3, of the call points to.
    #[must_use]
    pub fn text(&self, index: usize) -> String {
        let read = || -> Result<String> {
            let registers = ptrace::getregs(self.pid)?;
            let place = [registers.rdi, registers.rsi, registers.rdx, registers.r10]
                .get(index)
                .copied()
                .context("no such argument")?;
            let mut text = [0; 64];
            let len = self.open()?.read_at(&mut text, place)?;
            let text = text[..len].split(|&byte| byte == 0).next();
            Ok(String::from_utf8_lossy(text.unwrap_or_default()).into_owned())
        };
        read().unwrap_or_default()
    }

    fn open(&self) -> Result<File> {
        Ok(File::open(format!("/proc/{}/mem", self.pid))?)
    }

    fn maps(&self) -> Result<String> {
        self.of_kernel("maps")
    }

    /// What the kernel says of it in this file of its folder, proc(5).
    ///
    /// # Errors
    /// It cannot be read.
    pub fn of_kernel(&self, file: &str) -> Result<String> {
        Ok(fs::read_to_string(format!("/proc/{}/{file}", self.pid))?)
    }

    /// All of its memory, but for what the kernel lends it.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn memory(&self) -> Result<Vec<Mapping>> {
        let (maps, memory) = (self.maps()?, self.open()?);
        let mut all = Vec::new();
        for line in maps.lines() {
            let (start, end) = range(line)?;
            let is_readable = line
                .split(' ')
                .nth(1)
                .is_some_and(|kind| kind.contains('r'));
            if !is_readable || line.contains("[v") {
                continue;
            }
            let mut bytes = vec![0; usize::try_from(end - start)?];
            memory
                .read_exact_at(&mut bytes, start)
                .with_context(|| line.to_owned())?;
            all.push(Mapping {
                line: line.to_owned(),
                start,
                bytes,
            });
        }
        Ok(all)
    }

    /// How deep the stack has been so far, in bytes below where it began. The kernel
    /// lets it grow to the page that is touched (`expand_downwards` in mm/mmap.c), from
    /// the 128 KiB that a program begins with (`setup_arg_pages` in fs/exec.c).
    ///
    /// # Errors
    /// There is no stack.
    pub fn depth(&self) -> Result<u64> {
        let maps = self.maps()?;
        let mut lines = maps.lines();
        let line = lines.find(|line| line.ends_with("[stack]"));
        Ok(self.top - range(line.context("no stack")?)?.0)
    }

    /// Lets it end; its exit code.
    ///
    /// # Errors
    /// It was ended by a signal.
    pub fn end(mut self) -> Result<i32> {
        loop {
            ptrace::cont(self.pid, None)?;
            match wait(self.pid)? {
                WaitStatus::Exited(_, code) => {
                    // So that nobody ends another process of this number.
                    let _ = self.shell.try_wait();
                    return Ok(code);
                }
                WaitStatus::PtraceEvent(..) => {}
                other => bail!("a run: {other:?}"),
            }
        }
    }
}

/// The first address of a line of /proc/PID/maps, and the one behind the last.
fn range(line: &str) -> Result<(u64, u64)> {
    let (range, _) = line.split_once(' ').context("no such line")?;
    let (start, end) = range.split_once('-').context("no such range")?;
    Ok((
        u64::from_str_radix(start, 16)?,
        u64::from_str_radix(end, 16)?,
    ))
}

fn wait(pid: Pid) -> Result<WaitStatus> {
    Ok(waitpid(pid, Some(WaitPidFlag::__WALL))?)
}
