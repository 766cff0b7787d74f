//! The record on disk, and the lock.

use super::job::Job;
use super::run::Run;
use super::transaction::{self, Stage};
use crate::error::{Fault, Step};
use crate::log::Level;
use crate::part::Part;
use crate::record::{self, Order, Published, Record, State};
use crate::sys::files::File;
use crate::sys::{Access, Sys};
use crate::text::Buf;
use crate::value::Path;
use rustix::io::Errno;

/// The record as it was found.
pub struct Memory<S: Sys> {
    /// What it says.
    pub record: Record,
    file: Option<File<S>>,
}

/// Reads the record. One that cannot be read is as none: everything is done again.
pub fn load<S: Sys>(run: &Run<'_, S>) -> Memory<S> {
    let file = run.try_read(record::PATH);
    let record = file
        .as_ref()
        .map(|file| Record::parse(&file.content))
        .unwrap_or_default();
    Memory { record, file }
}

/// Whether our own folder is gone with the power, and with it the record.
pub fn is_in_memory<S: Sys>(run: &Run<'_, S>) -> bool {
    let folder = run.sys.open_below(&run.root, c"etc", Access::Folder);
    folder.is_ok_and(|folder| transaction::is_in_memory(run, &folder))
}

impl<S: Sys> Memory<S> {
    /// Whether there is no record.
    #[cfg(feature = "status")]
    pub fn is_empty(&self) -> bool {
        self.file.is_none()
    }

    /// Its text.
    pub fn text(&self) -> &[u8] {
        self.file.as_ref().map_or(&[], |file| &file.content)
    }

    /// Whether the record names this file; with this content, if one is given.
    #[inline(never)]
    pub fn names(&self, path: &Path, content: Option<&[u8]>) -> bool {
        self.files().any(|known| {
            known.path == path.as_bytes() && content.is_none_or(|content| known.is(content))
        })
    }

    /// The files that it names: those that the last os.conf changed.
    pub fn files(&self) -> impl Iterator<Item = Published<'_>> {
        record::files(self.text())
    }

    /// Writes a new record: what is staged, and what was published before, if this goes
    /// on with it, or changes nothing. `order` is the os.conf that is kept. If it cannot
    /// be written, that is said, and the old one stands.
    pub fn save(
        &self,
        run: &Run<'_, S>,
        job: &Job<'_, S>,
        stage: &Stage<S>,
        order: Option<Order>,
    ) -> bool {
        let record = Record {
            time: run.sys.now(),
            states: job.states,
            order,
        };
        let is_more = job.goes_on || stage.changes() == 0;
        let is_still = |path: &[u8]| is_more && !is_staged(stage, path);
        let is_new = stage.parts.contains(Part::Network)
            && [State::Done, State::Left].contains(&job.states.get(Part::Network));
        self.write(run, &record, "os.conf is kept", &is_still, &|out| {
            match job.conf.network.value() {
                Some(network) if is_new => {
                    if job.system.network.needs_names {
                        record::write_network(out, network, &job.system);
                    }
                }
                _ => out.push(record::network(self.text())),
            }
            write_staged(out, stage);
        })
    }

    /// Writes the record of a revert, which leaves these files as they are.
    #[cfg(feature = "revert")]
    pub fn save_reverted(&self, run: &Run<'_, S>, is_left: &dyn Fn(&[u8]) -> bool) -> bool {
        let record = Record {
            time: run.sys.now(),
            ..Record::default()
        };
        self.write(run, &record, "", is_left, &|_| {})
    }

    /// Writes what was prepared into the record: beside all that it says already, since
    /// one revert takes back all of it.
    #[cfg(feature = "prepare")]
    pub fn save_prepared(&self, run: &Run<'_, S>, stage: &Stage<S>) -> bool {
        let is_still = |path: &[u8]| !is_staged(stage, path);
        self.write(run, &self.record, "", &is_still, &|out| {
            record::write_prepared(out, run.sys.now());
            // At rest no name stands for one NIC.
            if !stage.parts.contains(Part::Network) {
                out.push(record::network(self.text()));
            }
            write_staged(out, stage);
        })
    }

    /// When the root was prepared, if that is what was done last.
    #[cfg(all(feature = "prepare", feature = "status"))]
    pub fn prepared(&self) -> Option<i64> {
        record::prepared(self.text())
    }

    /// Writes a record, with the lines about files that are as before, and others.
    #[inline(never)]
    fn write(
        &self,
        run: &Run<'_, S>,
        record: &Record,
        then: &str,
        is_still: &dyn Fn(&[u8]) -> bool,
        more: &dyn Fn(&mut Buf<'_>),
    ) -> bool {
        let text = run.text(RECORD_BYTES + self.text().len(), &|out| {
            record.write(out);
            more(out);
            for file in self.files().filter(|file| is_still(file.path)) {
                out.push(file.line);
                out.push(b"\n");
            }
        });
        let saved = text.and_then(|text| run.write_own(record::NAME, &text, true));
        if let Err(fault) = &saved {
            let what = &[&b"/etc/osconf/record"[..]];
            run.log.fault(Level::Error, "record", what, *fault, then);
        }
        saved.is_ok()
    }
}

/// Whether a file changes.
fn is_staged<S: Sys>(stage: &Stage<S>, path: &[u8]) -> bool {
    stage.changed().any(|file| file.path.as_bytes() == path)
}

/// Writes a line for each file that changes.
fn write_staged<S: Sys>(out: &mut Buf<'_>, stage: &Stage<S>) {
    for file in stage.changed() {
        let content = file.result().unwrap_or_default();
        record::write_file(out, file.how(), content, file.path.as_bytes());
    }
}

/// Bytes of a usual record, beside those of the one before.
const RECORD_BYTES: usize = 2 * 1024;

/// How long the lock is waited for, in milliseconds: lckpwdf(3) waits as long.
const LOCK_WAIT: u32 = 15_000;
/// How often it is tried, in milliseconds.
const LOCK_POLL: u32 = 100;

/// Takes the lock of all programs that change account files, and so of a second
/// agent. A boot must go on, so after a while it goes on without.
pub fn lock<S: Sys>(run: &Run<'_, S>) -> Option<S::Fd> {
    let say = |errno| {
        let fault = Fault::System(Step::Lock, errno);
        run.log.fault(
            Level::Warning,
            "lock",
            &[b"/etc/.pwd.lock"],
            fault,
            "going on without it",
        );
    };
    let open = || {
        let folder = run.sys.open_below(&run.root, c"etc", Access::Folder)?;
        // In this order nobody can make it in between.
        match run.sys.open(&folder, c".pwd.lock", Access::Create(0o600)) {
            Err(Errno::EXIST) => run.sys.open(&folder, c".pwd.lock", Access::Write),
            other => other,
        }
    };
    let file = open().map_err(say).ok()?;
    let mut waited = 0;
    loop {
        match run.sys.lock(&file) {
            Ok(()) => return Some(file),
            Err(Errno::AGAIN | Errno::ACCESS) if waited < LOCK_WAIT => {
                run.sys.sleep(LOCK_POLL);
                waited += LOCK_POLL;
            }
            Err(errno) => {
                say(errno);
                return None;
            }
        }
    }
}
