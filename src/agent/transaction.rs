//! All or nothing: every new file is written and durable before the first one is
//! put in its place.
//!
//! The order of steps is the one that had no bad state in any recorded power cut:
//! keep a copy and make that durable; write the new file and make it durable;
//! rename; make the folder durable, the file once more (FAT writes its size only
//! then), and the whole file system (ext2, and ext4 without a journal, send no
//! flush for a folder).

use super::compose::{self, Composed, New};
use super::report;
use super::run::{Kept, OWN, PENDING, REPLACED, Run, kept_name};
use crate::change::Wanted;
use crate::error::{Fault, Step};
use crate::limits::{CHANGES, PATH_BYTES};
use crate::part::{Part, Parts};
use crate::plan::Plan;
use crate::record::Digest;
use crate::sys::files::{self, NewFile, optional};
use crate::sys::{Access, FileSystem, Sys};
use crate::text::put;
use crate::value::Path;
use core::ffi::CStr;
use heapless::Vec;
use rustix::io::Errno;

/// A file of the plan, ready to be published.
pub struct Staged<S: Sys> {
    /// The path in the plan.
    pub path: Path,
    /// Of the content that it gets; none, if it is to be removed.
    pub digest: Option<Digest>,
    parts: Parts,
    /// None, if it is not there, and nothing is to be written to it.
    folder: Option<S::Fd>,
    /// The path with links resolved.
    place: Path,
    /// The new file, if there is anything to do.
    work: Work<S>,
    /// Under which name the old file was kept, if that was done now.
    kept: Option<Path>,
    keep_dash: bool,
}

enum Work<S: Sys> {
    /// The file is as it should be.
    None,
    /// It gets this one in its place.
    Replace(NewFile<S>),
    /// It is removed.
    Remove,
}

/// All files of the plan, ready to be published.
pub struct Stage<S: Sys> {
    /// The files, also those that are right already.
    pub files: Vec<Staged<S>, CHANGES>,
    /// The parts that can be published.
    pub parts: Parts,
    /// Whether a file lies in memory, and is gone with the power.
    pub is_in_memory: bool,
}

impl<S: Sys> Stage<S> {
    /// How many files change.
    pub fn changes(&self) -> usize {
        self.files.iter().filter(|file| !matches!(file.work, Work::None)).count()
    }

    /// How many files change that belong to `part`.
    pub fn changes_of(&self, part: Part) -> usize {
        self.files
            .iter()
            .filter(|file| file.parts.contains(part) && !matches!(file.work, Work::None))
            .count()
    }

    fn discard(&self, run: &Run<'_, S>) {
        for file in &self.files {
            if let (Work::Replace(new), Some(folder)) = (&file.work, &file.folder) {
                new.discard(run.sys, folder);
            }
            forget(run, &file.kept);
        }
    }
}

/// Writes every new file beside its old one. A part with a file that cannot be
/// staged is dropped as a whole, and the rest is staged anew without it.
///
/// # Errors
/// What a power cut left cannot be mended: nothing can be published.
pub fn stage<S: Sys>(
    run: &Run<'_, S>,
    wanted: &Wanted<'_>,
    parts: Parts,
    keeps: &dyn Fn(&Path) -> bool,
) -> Result<Stage<S>, ()> {
    let mut parts = parts;
    loop {
        let plan = Plan::new(wanted, parts);
        let (bad, fault, path) = match stage_plan(run, wanted, &plan, keeps) {
            Ok(files) => {
                let is_in_memory = files
                    .iter()
                    .filter_map(|file| file.folder.as_ref())
                    .any(|folder| is_in_memory(run, folder));
                return Ok(Stage { files, parts, is_in_memory });
            }
            Err(failure) => failure,
        };
        report::say_refused(run, bad, &path, &fault);
        if bad.is_empty() {
            return Err(());
        }
        parts = parts.without(bad);
    }
}

type Failure = (Parts, Fault, Path);

fn stage_plan<S: Sys>(
    run: &Run<'_, S>,
    wanted: &Wanted<'_>,
    plan: &Plan,
    keeps: &dyn Fn(&Path) -> bool,
) -> Result<Vec<Staged<S>, CHANGES>, Failure> {
    let mut stage = Stage {
        files: Vec::new(),
        parts: Parts::default(),
        is_in_memory: false,
    };
    if plan.overflowed() {
        return Err((wanted_parts(plan), Fault::PlanTooLong, Path::from(c"etc")));
    }
    let mut keep = None;
    for path in compose::paths(plan) {
        let parts = compose::parts_of(plan, path);
        let staged = compose::compose(run, plan, wanted, path)
            .and_then(|composed| stage_file(run, plan, path, parts, composed, &mut keep, keeps));
        match staged {
            // Cannot fail: there are no more paths than changes.
            Ok(file) => drop(stage.files.push(file)),
            Err(fault) => {
                stage.discard(run);
                return Err((parts, fault, path.clone()));
            }
        }
    }
    Ok(stage.files)
}

fn wanted_parts(plan: &Plan) -> Parts {
    plan.changes().iter().filter_map(|change| change.part).collect()
}

fn stage_file<S: Sys>(
    run: &Run<'_, S>,
    plan: &Plan,
    path: &Path,
    parts: Parts,
    composed: Composed<S>,
    keep: &mut Option<S::Fd>,
    keeps: &dyn Fn(&Path) -> bool,
) -> Result<Staged<S>, Fault> {
    let Composed { spot, old, new, mode, keep_dash, .. } = composed;
    let mut file = Staged {
        path: path.clone(),
        digest: None,
        parts,
        folder: spot.folder,
        place: spot.path,
        work: Work::None,
        kept: None,
        keep_dash,
    };
    let content = match new {
        New::Same => {
            file.digest = old.map(|old| Digest::of(&old.file.content));
            return Ok(file);
        }
        New::Gone => None,
        New::Content(content) => Some(content),
    };
    // From the first change on, something may be left behind.
    let keep = match keep {
        Some(keep) => keep,
        None => keep.insert(begin(run, plan)?),
    };
    if file.folder.is_none() {
        let folder = file.place.folder();
        file.folder = Some(files::make_folders(run.sys, &run.root, folder.as_c_str(), 0o755)?);
    }
    let folder = file.folder.as_ref().ok_or(Fault::Path)?;
    let name = file.place.name();
    let deed = if content.is_some() { Kept::Replaced } else { Kept::Removed };
    let kept = kept_name(path.as_c_str(), deed).ok_or(Fault::Path)?;
    let is_mended = old.as_ref().is_some_and(|old| old.is_copy);
    if spot.meta.is_some() && !is_mended {
        let how = files::keep(run.sys, (folder, name), (keep, kept.as_c_str()), !keeps(path))?;
        file.kept = (how == files::Kept::Now).then_some(kept);
    } else if !is_mended {
        files::keep_absence(run.sys, keep, kept.as_c_str())?;
    }
    file.work = match content {
        Some(content) => {
            file.digest = Some(Digest::of(&content));
            let old = old.as_ref().map(|old| &old.file);
            let new = NewFile::write(run.sys, folder, name, &content, old, mode).inspect_err(|_| {
                forget(run, &file.kept);
            })?;
            Work::Replace(new)
        }
        None => Work::Remove,
    };
    Ok(file)
}

/// Removes the copy of a file that will not be replaced after all.
fn forget<S: Sys>(run: &Run<'_, S>, kept: &Option<Path>) {
    if let Some(kept) = kept
        && let Ok(keep) = run.sys.open_below(&run.root, REPLACED, Access::Folder)
    {
        let _ = run.sys.unlink(&keep, kept.as_c_str());
    }
}

/// The name of the list in our own folder.
const PENDING_NAME: &CStr = c"pending";

/// Makes our folders, and writes the list of files. It is durable before anything
/// is published, as all that is kept is.
fn begin<S: Sys>(run: &Run<'_, S>, plan: &Plan) -> Result<S::Fd, Fault> {
    let keep = files::make_folders(run.sys, &run.root, OWN, 0o700)
        .and_then(|_| files::make_folders(run.sys, &run.root, REPLACED, 0o700))?;
    let list = run.text(CHANGES * PATH_BYTES, &|out| {
        for path in compose::paths(plan) {
            out.push(path.as_bytes());
            out.push(b"\n");
        }
    })?;
    run.write_own(PENDING_NAME, &list, false)?;
    Ok(keep)
}

/// Removes what a killed run wrote beside other files. The list of it stays until
/// this run has ended well.
pub fn clean<S: Sys>(run: &Run<'_, S>) {
    let Ok(Some(list)) = run.read(PENDING) else {
        return;
    };
    for line in crate::text::lines::lines(&list.content) {
        let Some(path) = Path::new(&[line.text]) else {
            continue;
        };
        if let Ok(spot) = run.find(path.as_c_str())
            && let Some(folder) = &spot.folder
            && let Some(name) = NewFile::<S>::waiting_name(spot.path.name())
        {
            let _ = run.sys.unlink(folder, name.as_c_str());
        }
    }
}

/// Removes the list: nothing is left behind any more.
pub fn end<S: Sys>(run: &Run<'_, S>) {
    if let Ok(folder) = run.sys.open_below(&run.root, OWN, Access::Folder) {
        let _ = run.sys.unlink(&folder, PENDING_NAME);
    }
}

/// Puts every new file in its place, and makes all of it durable. Returns the
/// parts that failed on the way: they are repaired by the next run.
pub fn publish<S: Sys>(run: &Run<'_, S>, stage: &Stage<S>) -> Parts {
    let mut failed = Parts::default();
    if stage.changes() == 0 {
        return failed;
    }
    if let Err(errno) = sync_kept(run) {
        stage.discard(run);
        return report(run, stage.parts, None, Step::Sync, errno);
    }
    for file in &stage.files {
        if let Err((step, errno)) = publish_file(run, file) {
            failed = failed.and(report(run, file.parts, Some(&file.path), step, errno));
        }
    }
    // Without knowing what is durable, nothing of it may be taken for done.
    if let Err((path, errno)) = sync(run, stage) {
        failed = failed.and(report(run, stage.parts, Some(path), Step::Sync, errno));
    }
    failed
}

fn report<S: Sys>(
    run: &Run<'_, S>,
    parts: Parts,
    path: Option<&Path>,
    step: Step,
    errno: Errno,
) -> Parts {
    for part in parts.iter() {
        run.log.error(part.name(), &|out| {
            if let Some(path) = path {
                put!(out, "/");
                out.push(path.as_bytes());
                put!(out, ": ");
            }
            Fault::System(step, errno).describe(out);
            put!(out, ": os.conf is kept, and the next boot tries again");
        });
    }
    parts
}

/// What was kept is durable before anything is replaced.
fn sync_kept<S: Sys>(run: &Run<'_, S>) -> crate::sys::Result<()> {
    let keep = run.sys.open_below(&run.root, REPLACED, Access::Folder)?;
    run.sys.sync(&keep)?;
    run.sys.sync_file_system(&keep)
}

fn publish_file<S: Sys>(run: &Run<'_, S>, file: &Staged<S>) -> Result<(), (Step, Errno)> {
    let Some(folder) = &file.folder else {
        return Ok(());
    };
    let (sys, name) = (run.sys, file.place.name());
    match &file.work {
        Work::None => Ok(()),
        Work::Remove => optional(sys.unlink(folder, name))
            .map(|_| ())
            .map_err(|errno| (Step::Remove, errno)),
        Work::Replace(new) => {
            if file.keep_dash {
                keep_dash(run, file, folder);
            }
            let published = match new.publish(sys, folder, name) {
                Err(Errno::BUSY) => overwrite(run, file, folder, new),
                other => other,
            };
            published.map_err(|errno| {
                new.discard(sys, folder);
                (Step::Publish, errno)
            })
        }
    }
}

/// Keeps the old file beside the new one, as `NAME-`. That is a custom of other
/// tools; our own copy is kept already.
fn keep_dash<S: Sys>(run: &Run<'_, S>, file: &Staged<S>, folder: &S::Fd) {
    let Some(dash) = Path::new(&[file.place.name().to_bytes(), b"-"]) else {
        return;
    };
    let (old, dash) = (file.place.name(), dash.as_c_str());
    let kept = files::keep(run.sys, (folder, old), (folder, dash), true);
    match kept {
        // If the old file is not there, there is nothing to keep.
        Ok(_) | Err(Fault::System(_, Errno::NOENT)) => {}
        Err(fault) => run.log.warn(Part::Password.name(), &|out| {
            put!(out, "/");
            out.push(file.path.as_bytes());
            put!(out, "-: ");
            fault.describe(out);
        }),
    }
}

/// Something is mounted on the file, so it can only be overwritten. Its copy is
/// durable; the note that its content may be half written is made by emptying it
/// first: an empty file beside a copy of ours is mended from that copy.
fn overwrite<S: Sys>(
    run: &Run<'_, S>,
    file: &Staged<S>,
    folder: &S::Fd,
    new: &NewFile<S>,
) -> crate::sys::Result<()> {
    let result = new
        .read(run.sys)
        .and_then(|content| {
            files::write_in_place(run.sys, folder, file.place.name(), &content)
        });
    new.discard(run.sys, folder);
    result
}

/// Makes folders, files and file systems durable, each once.
fn sync<'s, S: Sys>(run: &Run<'_, S>, stage: &'s Stage<S>) -> Result<(), (&'s Path, Errno)> {
    let mut folders = Vec::<(u64, u64), { 2 * CHANGES }>::new();
    let changed = || stage.files.iter().filter(|file| !matches!(file.work, Work::None));
    for is_last in [false, true] {
        for file in changed() {
            let fail = |errno| (&file.path, errno);
            let Some(folder) = &file.folder else {
                continue;
            };
            let meta = run.sys.meta(folder).map_err(fail)?;
            // The second time round, all of a file system counts as one folder.
            let known = if is_last { (meta.device, 0) } else { (meta.device, meta.inode) };
            if !folders.contains(&known) {
                match is_last {
                    false => run.sys.sync(folder),
                    true => run.sys.sync_file_system(folder),
                }
                .map_err(fail)?;
                let _ = folders.push(known);
            }
            if let (Work::Replace(new), false) = (&file.work, is_last) {
                new.sync(run.sys).map_err(fail)?;
            }
        }
    }
    Ok(())
}

/// Whether a folder is gone with the power. Of an overlay, it is the upper layer
/// that counts; one that cannot be seen is not relied on.
pub fn is_in_memory<S: Sys>(run: &Run<'_, S>, folder: &S::Fd) -> bool {
    match run.sys.file_system(folder) {
        Ok(FileSystem::Ram) => true,
        Ok(FileSystem::Overlay) => !has_lasting_upper(run, folder),
        _ => false,
    }
}

fn has_lasting_upper<S: Sys>(run: &Run<'_, S>, folder: &S::Fd) -> bool {
    let Ok(mut space) = run.sys.map(super::locate::MOUNT_BYTES) else {
        return false;
    };
    let text = run.read_running(c"/proc/self", c"mountinfo", &mut space);
    let device = run.sys.meta(folder).map(|meta| super::locate::split(meta.device));
    crate::system::mounts(text)
        .filter(|mount| device == Ok(mount.device))
        .filter_map(|mount| mount.upper_folder())
        .filter_map(|path| run.sys.open_folder(CStr::from_bytes_with_nul(&path).ok()?).ok())
        .any(|upper| matches!(run.sys.file_system(&upper), Ok(FileSystem::Disk | FileSystem::Fat)))
}
