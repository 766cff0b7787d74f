//! What is told while the program works: one line each, to standard error, and a
//! few of them to the kernel's log.

use crate::error::Fault;
use crate::limits::MESSAGE_BYTES;
use crate::sys::{Access, Stream, Sys};
use crate::text::{Buf, put};
use core::cell::Cell;

/// How much a line matters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Level {
    /// Something could not be done.
    Error,
    /// It was done, but probably not as meant.
    Warning,
    /// What was done.
    Notice,
    /// Why it was done so.
    Detail,
}

impl Level {
    /// The number that syslog(2) has for it, which begins a line of /dev/kmsg.
    const fn number(self) -> u8 {
        match self {
            Self::Error => 3,
            Self::Warning => 4,
            Self::Notice => 5,
            Self::Detail => 6,
        }
    }
}

/// Lines for /dev/kmsg. The kernel takes ten in five seconds from a program
/// (`devkmsg_rs` in kernel/printk/printk.c), and the last one should be ours.
const KERNEL_LINES: u8 = 8;

/// Where lines go.
pub struct Log<'a, S: Sys> {
    sys: &'a S,
    /// Lines up to this level are written.
    level: Level,
    kernel: Option<S::Fd>,
    kernel_lines: Cell<u8>,
}

impl<'a, S: Sys> Log<'a, S> {
    /// A log of lines up to `level`; with `kernel`, the first ones also go to
    /// /dev/kmsg, if that can be opened.
    pub fn new(sys: &'a S, level: Level, kernel: bool) -> Self {
        let open = || {
            let folder = sys.open_folder(c"/dev").ok()?;
            sys.open(&folder, c"kmsg", Access::Write).ok()
        };
        Self {
            sys,
            level,
            kernel: kernel.then(open).flatten(),
            kernel_lines: Cell::new(KERNEL_LINES),
        }
    }

    /// Whether lines of this level are written.
    #[must_use]
    pub fn has(&self, level: Level) -> bool {
        level <= self.level
    }

    /// Writes one line: `osconf: PART: …`.
    pub fn say(&self, level: Level, part: &str, write: &dyn Fn(&mut Buf<'_>)) {
        if !self.has(level) {
            return;
        }
        let mut bytes = [0; MESSAGE_BYTES];
        let (prefix, space) = bytes.split_at_mut(3);
        let mut line = Buf::new(space);
        put!(line, "osconf: {}: ", part);
        if level == Level::Warning {
            put!(line, "warning: ");
        }
        write(&mut line);
        line.end_message();
        let len = line.len();
        self.sys.say(Stream::Error, line.as_bytes());
        if let (Some(kernel), Some(left)) = (&self.kernel, self.kernel_lines.get().checked_sub(1)) {
            self.kernel_lines.set(left);
            prefix.copy_from_slice(&[b'<', b'0' + level.number(), b'>']);
            // Who reads the kernel's log cannot be told that it is full.
            let _ = self
                .sys
                .write_at(kernel, bytes.get(..3 + len).unwrap_or_default(), 0);
        }
    }

    /// Something could not be done: `WHAT: why: THEN`. `what` is in pieces; `then`
    /// may be nothing.
    pub fn fault(&self, level: Level, part: &str, what: &[&[u8]], fault: Fault, then: &str) {
        self.say(level, part, &|out| {
            what.iter().for_each(|piece| out.push(piece));
            if !what.is_empty() {
                put!(out, ": ");
            }
            fault.describe(out);
            if !then.is_empty() {
                put!(out, ": {}", then);
            }
        });
    }

    /// Something could not be done.
    pub fn error(&self, part: &str, write: &dyn Fn(&mut Buf<'_>)) {
        self.say(Level::Error, part, write);
    }

    /// Something was done, but probably not as meant.
    pub fn warn(&self, part: &str, write: &dyn Fn(&mut Buf<'_>)) {
        self.say(Level::Warning, part, write);
    }

    /// What was done.
    pub fn notice(&self, part: &str, write: &dyn Fn(&mut Buf<'_>)) {
        self.say(Level::Notice, part, write);
    }

    /// Why it was done so.
    pub fn detail(&self, part: &str, write: &dyn Fn(&mut Buf<'_>)) {
        self.say(Level::Detail, part, write);
    }
}
