//! All or nothing: every new file is written and durable before the first one is
//! put in its place.
//!
//! The order of steps is the one that had no bad state in any recorded power cut:
//! keep a copy and make that durable; write the new file and make it durable;
//! rename; make the folder durable, the file once more (FAT writes its size only
//! then), and the whole file system (ext2, and ext4 without a journal, send no
//! flush for a folder).

use super::compose::{self, Composed, Files, New};
use super::memory;
use super::run::{OWN, PENDING, REPLACED, Run, kept_name};
use crate::change::Wanted;
use crate::error::{Fault, Step};
use crate::limits::CHANGES;
use crate::log::Level;
use crate::part::{Part, Parts};
use crate::plan::Plan;
use crate::record::How;
use crate::sys::files::{self, Last, NewFile, Spot, optional};
use crate::sys::{Access, FileSystem, Meta, Sys};
use crate::value::Path;
use core::ffi::CStr;
use heapless::Vec;
use rustix::io::Errno;

/// All files of the plan, ready to be published.
pub struct Stage<S: Sys> {
    /// The files, also those that are right already.
    pub files: Files<S>,
    /// The parts that can be published.
    pub parts: Parts,
    /// Whether a file lies in memory, and is gone with the power.
    pub is_in_memory: bool,
}

impl<S: Sys> Stage<S> {
    /// Nothing yet.
    pub fn new() -> Self {
        Self {
            files: Vec::new(),
            parts: Parts::default(),
            is_in_memory: false,
        }
    }

    /// The files that change.
    pub fn changed(&self) -> impl Iterator<Item = &Composed<S>> {
        self.files.iter().filter(|file| file.changes())
    }

    /// How many files change.
    pub fn changes(&self) -> usize {
        self.changed().count()
    }

    /// How many files change that belong to `part`.
    pub fn changes_of(&self, part: Part) -> usize {
        self.changed()
            .filter(|file| file.parts.contains(part))
            .count()
    }
}

/// Writes every new file beside its old one, and fills `stage` with them.
///
/// # Errors
/// What a power cut left cannot be mended: nothing can be published.
pub fn stage<S: Sys>(
    run: &Run<'_, S>,
    wanted: &Wanted<'_>,
    parts: Parts,
    keeps: &dyn Fn(&Composed<S>) -> bool,
    stage: &mut Stage<S>,
) -> Result<(), ()> {
    let mut keep = None;
    let files = &mut stage.files;
    stage.parts = compose::all(run, wanted, parts, files, &mut |plan, file| {
        if !file.changes() {
            return Ok(());
        }
        // From the first change on, something may be left behind.
        let keep = match &keep {
            Some(keep) => keep,
            None => keep.insert(begin(run, plan)?),
        };
        stage_file(run, file, keep, keeps)
    })?;
    let mut last = None;
    stage.is_in_memory = files.iter().any(|file| {
        let Some(folder) = &file.spot.folder else {
            return false;
        };
        // Those of one folder mostly follow each other.
        let path = Some(file.spot.path.folder());
        let is_known = last == path;
        last = path;
        !is_known && is_in_memory(run, folder)
    });
    Ok(())
}

fn stage_file<S: Sys>(
    run: &Run<'_, S>,
    file: &mut Composed<S>,
    keep: &S::Fd,
    keeps: &dyn Fn(&Composed<S>) -> bool,
) -> Result<(), Fault> {
    let (how, keeps) = (file.how(), keeps(file));
    let folder = match &file.spot.folder {
        Some(folder) => folder,
        None => {
            let path = file.spot.path.folder();
            let made = files::make_folders(run.sys, &run.root, path.as_c_str(), 0o755)?;
            file.spot.folder.insert(made)
        }
    };
    let name = file.spot.path.name();
    if let Some(copy) = &file.copy {
        let is_there = !matches!(file.new, New::Gone);
        if is_there {
            let copy = kept_name(file.path.as_c_str(), *copy).ok_or(Fault::Path)?;
            let copy = (keep, copy.as_c_str());
            file.waiting = Some(NewFile::twin(run.sys, copy, (folder, name))?);
        }
        return Ok(());
    }
    // Unless it is what is kept.
    if !file.is_copy {
        let kept = |how| kept_name(file.path.as_c_str(), how).ok_or(Fault::Path);
        let (kept, other) = (kept(how)?, kept(other(how))?);
        // What this os.conf did there before, it did to what is kept.
        let before = match keeps {
            true => optional(run.sys.meta_of(keep, other.as_c_str())),
            false => Ok(None),
        };
        let was_other = before
            .map_err(|errno| Fault::System(Step::Keep, errno))?
            .is_some();
        let old = match file.spot.meta {
            _ if was_other => Some((keep, other.as_c_str())),
            Some(_) => Some((folder, name)),
            None => None,
        };
        if files::keep(run.sys, old, (keep, kept.as_c_str()), !keeps)? {
            file.kept = Some(how);
        }
    }
    file.waiting = match &file.new {
        New::Content(content) => {
            let old = file.old.as_ref();
            // Something mounted on the file that is read-only would be met only when
            // other files of its part are published.
            if file.spot.meta.is_some()
                && let Err(Errno::ROFS) = run.sys.open(folder, name, Access::Write)
            {
                return Err(Fault::System(Step::Write, Errno::ROFS));
            }
            let new = NewFile::write(run.sys, folder, name, content, old, file.mode)?;
            Some(new)
        }
        New::Link(text) => Some(NewFile::link(run.sys, folder, name, text)?),
        New::Same | New::Gone => None,
    };
    Ok(())
}

/// For what a copy has the other name.
fn other(how: How) -> How {
    match how {
        How::Removed => How::Written,
        _ => How::Removed,
    }
}

/// Bytes of a usual list; more if it needs them.
const LIST_BYTES: usize = 2 * 1024;

/// The name of the list in our own folder.
const PENDING_NAME: &CStr = c"pending";

/// Makes our folders, and writes the list of files. It is durable before anything
/// is published, as all that is kept is.
fn begin<S: Sys>(run: &Run<'_, S>, plan: &Plan) -> Result<S::Fd, Fault> {
    let list = run.text(LIST_BYTES, &|out| {
        for path in compose::paths(plan) {
            out.push(path.as_bytes());
            out.push(b"\n");
        }
    })?;
    run.write_own(PENDING_NAME, &list, false)?;
    files::make_folders(run.sys, &run.root, REPLACED, 0o700)
}

/// Removes what a killed run wrote beside other files. The list of it stays until
/// this run has ended well.
pub fn clean<S: Sys>(run: &Run<'_, S>) {
    forget(run, c".record.osconf");
    let Some(list) = run.try_read(PENDING) else {
        return;
    };
    for line in crate::text::lines::lines(&list.content) {
        let Some(path) = Path::new(&[line.text]) else {
            continue;
        };
        // A file waits where a link leads, but a link beside the old one.
        for last in [Last::Followed, Last::Itself] {
            if let Ok(spot) = run.look_up(path.as_c_str(), last)
                && let Some(folder) = &spot.folder
            {
                // Its copy beside it waits, too, before it is there.
                for dash in [&b""[..], b"-"] {
                    if let Some(name) = Path::new(&[spot.path.name().to_bytes(), dash])
                        && let Ok(waiting) = NewFile::<S>::waiting_name(name.as_c_str())
                        && fill(run, &path, &spot, waiting.as_c_str())
                    {
                        let _ = run.sys.unlink(folder, waiting.as_c_str());
                    }
                }
            }
        }
    }
}

/// Writes a file in place that a run has emptied to do so, and could not write any more:
/// what the record says of it still waits beside it, and does so if this fails.
fn fill<S: Sys>(run: &Run<'_, S>, path: &Path, spot: &Spot<S>, waiting: &CStr) -> bool {
    if spot.meta.is_some_and(|meta| meta.size == 0)
        && let Some(folder) = &spot.folder
        && let Ok(new) = files::read_file(run.sys, folder, waiting)
        && memory::load(run).names(path, Some(&new.content))
    {
        return files::write_in_place(run.sys, folder, spot.path.name(), &new.content).is_ok();
    }
    true
}

/// Removes the list: nothing is left behind any more.
pub fn end<S: Sys>(run: &Run<'_, S>) {
    forget(run, PENDING_NAME);
}

/// Removes a file of our own folder.
#[inline(never)]
fn forget<S: Sys>(run: &Run<'_, S>, name: &CStr) {
    if let Ok(folder) = run.sys.open_below(&run.root, OWN, Access::Folder) {
        let _ = run.sys.unlink(&folder, name);
    }
}

/// Puts every new file in its place, and makes all of it durable. Before the first
/// one, `note` writes down what is done, so that a run that is cut short is known.
/// Returns the parts that failed on the way: they are repaired by the next run.
///
/// # Errors
/// What a power cut left was not mended; it was said why.
pub fn publish<S: Sys>(
    run: &Run<'_, S>,
    stage: &Stage<S>,
    note: &dyn Fn() -> bool,
) -> Result<Parts, ()> {
    let mut failed = Parts::default();
    if stage.changes() == 0 {
        return Ok(failed);
    }
    let mends = stage.changed().any(|file| file.parts.is_empty());
    let mut is_mended = true;
    let settled = settle(run, stage);
    if let Err(errno) = settled {
        report(run, stage.parts, None, Fault::System(Step::Sync, errno));
    }
    if settled.is_err() || !note() {
        stage.files.iter().for_each(|file| file.discard(run));
        return if mends { Err(()) } else { Ok(stage.parts) };
    }
    for file in &stage.files {
        if let Err(fault) = publish_file(run, file) {
            failed = failed.and(report(run, file.parts, Some(&file.path), fault));
            is_mended &= !file.parts.is_empty();
        }
    }
    // Without knowing what is durable, nothing of it may be taken for done.
    if let Err((path, errno)) = sync(run, stage) {
        let fault = Fault::System(Step::Sync, errno);
        failed = failed.and(report(run, stage.parts, Some(path), fault));
        is_mended &= !mends;
    }
    if is_mended { Ok(failed) } else { Err(()) }
}

fn report<S: Sys>(run: &Run<'_, S>, parts: Parts, path: Option<&Path>, fault: Fault) -> Parts {
    let then = match parts.is_empty() {
        _ if run.settings.is_preparing() => "run it again",
        true => "the next boot tries again",
        false => "os.conf is kept, and the next boot tries again",
    };
    let say = |name| match path {
        Some(path) => {
            let what = &[b"/", path.as_bytes()];
            run.log.fault(Level::Error, name, what, fault, then);
        }
        None => run.log.fault(Level::Error, name, &[], fault, then),
    };
    if parts.is_empty() {
        say(super::report::name_without_part(run));
    }
    parts.iter().for_each(|part| say(part.name()));
    parts
}

/// What was kept is in its place, and durable, before anything is replaced.
fn settle<S: Sys>(run: &Run<'_, S>, stage: &Stage<S>) -> crate::sys::Result<()> {
    let keep = run.sys.open_below(&run.root, REPLACED, Access::Folder)?;
    for file in &stage.files {
        if let Some(how) = file.kept {
            let name = |how| kept_name(file.path.as_c_str(), how).ok_or(Errno::NAMETOOLONG);
            files::settle(run.sys, &keep, name(how)?.as_c_str())?;
            optional(run.sys.unlink(&keep, name(other(how))?.as_c_str()))?;
        }
    }
    run.settle(&keep)
}

fn publish_file<S: Sys>(run: &Run<'_, S>, file: &Composed<S>) -> Result<(), Fault> {
    let Some(folder) = file.spot.folder.as_ref().filter(|_| file.changes()) else {
        return Ok(());
    };
    let published = look_again(run, file, folder).and_then(|()| {
        put(run, file, folder).map_err(|errno| {
            let step = match file.waiting {
                Some(_) => Step::Publish,
                None => Step::Remove,
            };
            Fault::System(step, errno)
        })
    });
    let name = file.spot.path.name();
    if let (Err(_), Some(new)) = (&published, &file.waiting)
        // One that was emptied, and could not be written, needs it.
        && !matches!(run.sys.meta_of(folder, name), Ok(Meta { size: 0, .. }))
    {
        let _ = new.discard(run.sys, folder, name);
    }
    published
}

fn put<S: Sys>(run: &Run<'_, S>, file: &Composed<S>, folder: &S::Fd) -> crate::sys::Result<()> {
    let (sys, name) = (run.sys, file.spot.path.name());
    let Some(new) = &file.waiting else {
        return match file.new {
            New::Gone => optional(sys.unlink(folder, name)).map(|_| ()),
            _ => Ok(()),
        };
    };
    // Of an empty file that a cut left, the copy of the old one is there already.
    if file.keep_dash && !file.is_copy {
        keep_dash(run, file, folder)?;
    }
    match (new.publish(sys, folder, name), &file.new) {
        // Something is mounted on the file, so it can only be overwritten. Its copy is
        // durable; the note that its content may be half written is made by emptying it
        // first: an empty file beside a copy of ours is mended.
        (Err(Errno::BUSY), New::Content(content)) => {
            let write = |content: &[u8]| files::write_in_place(sys, folder, name, content);
            let written = write(content);
            if let (Err(_), Some(old)) = (written, &file.old) {
                let _ = write(&old.content);
            }
            written.and_then(|()| new.discard(sys, folder, name))
        }
        (published, _) => published,
    }
}

/// What somebody else has done to a file since it was read would be undone. Size and
/// time must do: an overlay may give a file another inode for being opened.
fn look_again<S: Sys>(run: &Run<'_, S>, file: &Composed<S>, folder: &S::Fd) -> Result<(), Fault> {
    let known = |meta: Option<Meta>| meta.map_or((0, 0), |meta| (meta.size, meta.modified));
    match optional(run.sys.meta_of(folder, file.spot.path.name())) {
        Ok(now) if known(now) == known(file.spot.meta) => Ok(()),
        Ok(_) => Err(Fault::Changed),
        Err(errno) => Err(Fault::System(Step::Read, errno)),
    }
}

/// Keeps the old file beside the new one, as `NAME-`. That is a custom of other
/// tools; our own copy is kept already.
///
/// # Errors
/// What was to be that copy is still there, under another name: the next run is to
/// remove it.
fn keep_dash<S: Sys>(
    run: &Run<'_, S>,
    file: &Composed<S>,
    folder: &S::Fd,
) -> crate::sys::Result<()> {
    let old = file.spot.path.name();
    let Some(dash) = Path::new(&[old.to_bytes(), b"-"]) else {
        return Ok(());
    };
    let dash = dash.as_c_str();
    let mut is_clean = Ok(());
    let kept = files::keep(run.sys, Some((folder, old)), (folder, dash), true).and_then(|_| {
        files::settle(run.sys, folder, dash).map_err(|errno| {
            is_clean = files::unsettle(run.sys, folder, dash);
            Fault::System(Step::Keep, errno)
        })
    });
    match kept {
        // If the old file is not there, there is nothing to keep.
        Ok(_) | Err(Fault::System(_, Errno::NOENT)) => {}
        Err(fault) => {
            let what = &[b"/", file.path.as_bytes(), b"-"];
            run.log
                .fault(Level::Warning, Part::Password.name(), what, fault, "");
        }
    }
    is_clean
}

/// Makes folders, files and file systems durable, each once.
fn sync<'s, S: Sys>(run: &Run<'_, S>, stage: &'s Stage<S>) -> Result<(), (&'s Path, Errno)> {
    let mut folders = Vec::<(u64, u64, &S::Fd, &Path), CHANGES>::new();
    for file in stage.changed() {
        let fail = |errno| (&file.path, errno);
        let Some(folder) = &file.spot.folder else {
            continue;
        };
        let meta = run.sys.meta(folder).map_err(fail)?;
        let is_same = |known: &(u64, u64, _, _)| (known.0, known.1) == (meta.device, meta.inode);
        if !folders.iter().any(is_same) {
            run.sys.sync(folder).map_err(fail)?;
            // Cannot fail: there are no more folders than files.
            let _ = folders.push((meta.device, meta.inode, folder, &file.path));
        }
        if let Some(new) = &file.waiting {
            new.sync(run.sys).map_err(fail)?;
        }
    }
    // And each file system.
    let mut synced = None;
    for (device, _, folder, path) in &folders {
        if synced.replace(device) != Some(device) {
            let done = run.sys.sync_file_system(folder);
            done.map_err(|errno| (*path, errno))?;
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
    let Ok(text) = run.read_mounts() else {
        return false;
    };
    let device = run
        .sys
        .meta(folder)
        .map(|meta| super::disks::split(meta.device));
    crate::system::mounts(&text)
        .filter(|mount| device == Ok(mount.device))
        .any(|mount| {
            if let Some(path) = mount.upper_folder()
                && let Ok(path) = CStr::from_bytes_until_nul(&path)
                && let Ok(upper) = run.sys.open_folder(path)
            {
                return matches!(
                    run.sys.file_system(&upper),
                    Ok(FileSystem::Disk | FileSystem::Fat)
                );
            }
            false
        })
}
