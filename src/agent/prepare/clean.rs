//! Cleaning: the one deed that keeps nothing, since it is there to be rid of it.

use super::NAME;
use crate::agent::run::Run;
use crate::error::{Fault, Step};
use crate::log::Level;
use crate::prepare::clean::{KEPT, LOGS, MACHINE_ID, REMOVED, is_old};
use crate::sys::{Access, Kind, Sys};
use crate::text::put;
use crate::value::Path;
use core::ffi::CStr;
use rustix::io::Errno;

/// How deep logs lie.
const DEPTH: u32 = 4;

struct Work<'r, 'a, S: Sys> {
    run: &'r Run<'a, S>,
    changes: usize,
    is_well: bool,
}

/// What is done with each name of a folder, and what is there.
type Each<'e, W, S> = dyn FnMut(&mut W, &<S as Sys>::Fd, &CStr, Kind) + 'e;

/// Removes and empties what is in the tables; tells how many files that were, if it
/// could all be done.
#[inline(never)]
pub fn clean<S: Sys>(run: &Run<'_, S>) -> Option<usize> {
    let mut work = Work {
        run,
        changes: 0,
        is_well: true,
    };
    let mut folder = Path::from(MACHINE_ID).folder();
    work.each(&folder, &mut |work, fd, name, kind| {
        if name == c"machine-id" && kind == Kind::File {
            work.empty(&Path::from(MACHINE_ID).folder(), fd, name);
        }
    });
    work.logs(&Path::from(LOGS), DEPTH);
    for (path, start, end) in REMOVED {
        folder = Path::from(*path);
        let is_kept = *path == KEPT;
        work.each(&folder, &mut |work, fd, name, kind| {
            let text = name.to_bytes();
            let is_it = text.len() >= start.len() + end.len()
                && text.starts_with(start.as_bytes())
                && text.ends_with(end.as_bytes());
            // A link is somebody's decision, but for the notes that are ours.
            if is_it && (kind == Kind::File || (is_kept && kind == Kind::Link)) {
                work.remove(&Path::from(*path), fd, name);
            }
        });
    }
    if !run.settings.dry_run {
        let kept = Path::from(KEPT);
        if let Ok(above) = run
            .sys
            .open_below(&run.root, kept.folder().as_c_str(), Access::Folder)
        {
            let _ = run.sys.remove_folder(&above, kept.name());
        }
        if let Err(errno) = run.sys.sync_file_system(&run.root) {
            work.fail(&Path::from(c"."), c"", Step::Sync, errno);
        }
    }
    work.is_well.then_some(work.changes)
}

impl<S: Sys> Work<'_, '_, S> {
    /// Hands each name in a folder of the root to `each`, if it is there.
    #[inline(never)]
    fn each(&mut self, path: &Path, each: &mut Each<'_, Self, S>) {
        let run = self.run;
        let opened = run
            .sys
            .open_below(&run.root, path.as_c_str(), Access::Folder);
        let listed = opened.and_then(|folder| {
            run.sys.list(&folder, &mut |name| {
                match run.sys.meta_of(&folder, name) {
                    Ok(meta) => each(self, &folder, name, meta.kind),
                    Err(errno) => self.fail_to_see(path, name, errno),
                }
                true
            })
        });
        if let Err(errno) = listed {
            self.fail_to_see(path, c"", errno);
        }
    }

    /// What is not there needs no cleaning.
    fn fail_to_see(&mut self, path: &Path, name: &CStr, errno: Errno) {
        if !matches!(errno, Errno::NOENT | Errno::NOTDIR | Errno::LOOP) {
            self.fail(path, name, Step::Read, errno);
        }
    }

    /// Empties the logs, and removes the old ones.
    fn logs(&mut self, path: &Path, depth: u32) {
        self.each(path, &mut |work, folder, name, kind| match kind {
            Kind::File if is_old(name.to_bytes()) => work.remove(path, folder, name),
            Kind::File => work.empty(path, folder, name),
            Kind::Folder if depth > 0 => {
                if let Some(below) = Path::new(&[path.as_bytes(), b"/", name.to_bytes()]) {
                    work.logs(&below, depth - 1);
                }
            }
            _ => {}
        });
    }

    /// Says what is done, or would be, and whether it is to be done.
    #[inline(never)]
    fn begin(&mut self, folder: &Path, name: &CStr, deed: &str) -> bool {
        self.changes += 1;
        if self.run.settings.dry_run {
            self.run.print(&|out| {
                put!(out, "/");
                out.push(folder.as_bytes());
                put!(out, "/");
                out.push(name.to_bytes());
                put!(out, ": would be {}", deed);
            });
        }
        !self.run.settings.dry_run
    }

    #[inline(never)]
    fn fail(&mut self, folder: &Path, name: &CStr, step: Step, errno: Errno) {
        self.is_well = false;
        let what = &[b"/", folder.as_bytes(), b"/", name.to_bytes()];
        let fault = Fault::System(step, errno);
        self.run.log.fault(Level::Error, NAME, what, fault, "");
    }

    fn remove(&mut self, path: &Path, folder: &S::Fd, name: &CStr) {
        if self.begin(path, name, "removed")
            && let Err(errno) = self.run.sys.unlink(folder, name)
        {
            self.fail(path, name, Step::Remove, errno);
        }
    }

    /// In place: a program may have it open.
    fn empty(&mut self, path: &Path, folder: &S::Fd, name: &CStr) {
        let sys = self.run.sys;
        if sys.meta_of(folder, name).is_ok_and(|meta| meta.size == 0)
            || !self.begin(path, name, "emptied")
        {
            return;
        }
        let file = sys.open(folder, name, Access::Write);
        if let Err(errno) = file.and_then(|file| sys.set_len(&file, 0)) {
            self.fail(path, name, Step::Write, errno);
        }
    }
}
