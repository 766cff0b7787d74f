//! One file's old and new content, for the preview and for the deed alike.

use super::report;
use super::run::{REPLACED, Run, kept_name};
use crate::change::{Action, Change, Show, Wanted};
use crate::error::Fault;
use crate::limits::{CHANGES, PATH_BYTES};
use crate::part::{Part, Parts};
use crate::plan::Plan;
use crate::record::How;
use crate::sys::files::{self, Content, File, Last, NewFile, Spot};
use crate::sys::{Access, Kind, Sys};
use crate::value::Path;
use heapless::Vec;

/// A file of the plan, as it is and as it is to be.
pub struct Composed<S: Sys> {
    /// The path in the plan.
    pub path: Path,
    /// What its changes belong to.
    pub parts: Parts,
    /// Where it is.
    pub spot: Spot<S>,
    /// What is there, or our copy of it.
    pub old: Option<File<S>>,
    /// Whether it is our copy, since a power cut left nothing in its place.
    pub is_copy: bool,
    /// What is to be there.
    pub new: New<S>,
    /// How its lines are shown.
    pub show: Show,
    /// The mode of a new file.
    pub mode: u32,
    /// Whether the old one is also kept beside it.
    pub keep_dash: bool,
    /// The new file, once it waits beside the old one.
    pub waiting: Option<NewFile<S>>,
    /// For what the old file was kept, if that was done now.
    pub kept: Option<How>,
    /// For what the copy was kept that is put back.
    pub copy: Option<How>,
}

/// What is to be there.
pub enum New<S: Sys> {
    /// What is there: nothing to do.
    Same,
    /// This content.
    Content(Content<S>),
    /// A link with this text.
    Link(Content<S>),
    /// Nothing.
    Gone,
}

/// What is done with a file of a plan.
pub type Deed<'d, S> = dyn FnMut(&Plan, &mut Composed<S>) -> Result<(), Fault> + 'd;

/// All files of a plan.
pub type Files<S> = Vec<Composed<S>, CHANGES>;

impl<S: Sys> Composed<S> {
    /// Whether there is anything to do.
    pub fn changes(&self) -> bool {
        !matches!(self.new, New::Same)
    }

    /// What is there now, for who looks.
    pub fn present(&self) -> &[u8] {
        match &self.old {
            Some(old) if !self.is_copy => &old.content,
            _ => b"",
        }
    }

    /// What is there in the end, if anything.
    pub fn result(&self) -> Option<&[u8]> {
        match &self.new {
            New::Same => self.old.as_ref().map(|old| &*old.content),
            New::Content(content) | New::Link(content) => Some(content),
            New::Gone => None,
        }
    }

    /// What is done there.
    pub fn how(&self) -> How {
        match self.new {
            New::Gone => How::Removed,
            New::Link(_) => How::Linked,
            New::Same | New::Content(_) => How::Written,
        }
    }

    /// Takes back what was written beside the file.
    pub fn discard(&self, run: &Run<'_, S>) {
        if let (Some(new), Some(folder)) = (&self.waiting, &self.spot.folder) {
            let _ = new.discard(run.sys, folder, self.spot.path.name());
        }
        if let Some(how) = self.kept
            && let Some(kept) = kept_name(self.path.as_c_str(), how)
            && let Ok(keep) = run.sys.open_below(&run.root, REPLACED, Access::Folder)
        {
            let _ = files::unsettle(run.sys, &keep, kept.as_c_str());
        }
    }
}

/// Composes every file of the plan for `parts` into `files`, and does `deed` with each.
/// A part with a file that fails is dropped as a whole, and all begins anew without it.
/// Returns the parts that are left.
///
/// The files are the caller's, here as below, since they are larger than all else on the
/// stack: what is returned by value is there as often as it is handed on.
///
/// # Errors
/// What a power cut left cannot be mended.
#[inline(never)]
pub fn all<S: Sys>(
    run: &Run<'_, S>,
    wanted: &Wanted<'_>,
    mut parts: Parts,
    files: &mut Files<S>,
    deed: &mut Deed<'_, S>,
) -> Result<Parts, ()> {
    loop {
        let mut plan = Plan::default();
        plan.fill(wanted, parts);
        files.clear();
        let Err(mut bad) = each(run, wanted, &plan, files, deed) else {
            return Ok(parts);
        };
        // What the network system is told of name servers stands in the network's own
        // files, which may not even be there yet.
        if bad.contains(Part::Network) && wanted.system.network.dns.is_some() {
            bad.add(Part::Dns);
        }
        files.iter().for_each(|file| file.discard(run));
        if bad.is_empty() {
            return Err(());
        }
        parts = parts.without(bad);
    }
}

/// The same for who needs no more of the files than `deed`.
#[cfg(any(feature = "revert", feature = "prepare"))]
#[inline(never)]
pub fn look<S: Sys>(
    run: &Run<'_, S>,
    wanted: &Wanted<'_>,
    parts: Parts,
    deed: &mut Deed<'_, S>,
) -> Result<Parts, ()> {
    all(run, wanted, parts, &mut Vec::new(), deed)
}

/// Does it with each file, or says why not, and returns the parts of that file.
fn each<S: Sys>(
    run: &Run<'_, S>,
    wanted: &Wanted<'_>,
    plan: &Plan,
    files: &mut Files<S>,
    deed: &mut Deed<'_, S>,
) -> Result<(), Parts> {
    let refuse = |parts, path: &Path, fault: &Fault| {
        report::say_refused(run, parts, path, fault);
        parts
    };
    if plan.overflowed() {
        return Err(refuse(
            parts_of(plan, None),
            &Path::from(c"etc"),
            &Fault::PlanTooLong,
        ));
    }
    for path in paths(plan) {
        let parts = parts_of(plan, Some(path));
        let done = compose(run, plan, wanted, path, parts).and_then(|file| {
            // Cannot fail: there are no more paths than changes.
            let _ = files.push(file);
            files.last_mut().map_or(Ok(()), |file| deed(plan, file))
        });
        done.map_err(|fault| refuse(parts, path, &fault))?;
    }
    Ok(())
}

/// The parts that the plan is for; or those that the changes of one path are for.
fn parts_of(plan: &Plan, path: Option<&Path>) -> Parts {
    let changes = plan.changes().iter();
    let changes = changes.filter(|change| path.is_none_or(|path| change.path == *path));
    changes.filter_map(|change| change.part).collect()
}

/// Each path of the plan, once.
pub fn paths(plan: &Plan) -> impl Iterator<Item = &Path> {
    let changes = plan.changes();
    changes.iter().enumerate().filter_map(|(index, change)| {
        let earlier = changes.get(..index).unwrap_or_default();
        (!earlier.iter().any(|other| other.path == change.path)).then_some(&change.path)
    })
}

fn of<'p>(plan: &'p Plan, path: &'p Path) -> impl Iterator<Item = &'p Change> {
    plan.changes()
        .iter()
        .filter(move |change| change.path == *path)
}

/// Bytes that an edit may add before it is made anew with more memory.
const SLACK: usize = 2 * 1024;

/// Makes all changes of `path`, one after the other, in memory.
///
/// # Errors
/// The file cannot be found or read, or there is no memory.
fn compose<S: Sys>(
    run: &Run<'_, S>,
    plan: &Plan,
    wanted: &Wanted<'_>,
    path: &Path,
    parts: Parts,
) -> Result<Composed<S>, Fault> {
    let is_write = |change: &Change| matches!(change.action, Action::Write(_));
    #[cfg(feature = "revert")]
    let is_behind = |change: &Change| matches!(change.action, Action::Back(How::Written));
    #[cfg(not(feature = "revert"))]
    let is_behind = |_: &Change| false;
    let (spot, old, is_copy);
    if of(plan, path).all(is_write) {
        spot = run.find(path.as_c_str())?;
        (old, is_copy) = run.or_copy(run.read_spot(&spot)?, path.as_c_str())?;
    } else {
        spot = match of(plan, path).any(is_behind) {
            true => run.find(path.as_c_str()),
            false => run.look_up(path.as_c_str(), Last::Itself),
        }?;
        (old, is_copy) = (run.read_spot(&spot)?, false);
    }
    let mut composed = Composed {
        path: path.clone(),
        parts,
        spot,
        old,
        is_copy,
        new: New::Same,
        show: |out, line| out.push(line),
        mode: 0o644,
        keep_dash: false,
        waiting: None,
        kept: None,
        copy: None,
    };
    for change in of(plan, path) {
        let write = match &change.action {
            Action::Write(write) => write,
            Action::Leave => return Ok(composed),
            #[cfg(feature = "revert")]
            Action::Back(how) => {
                composed.put_back(run, *how)?;
                return Ok(composed);
            }
            Action::Remove => {
                if composed.spot.meta.is_some() {
                    composed.new = New::Gone;
                }
                return Ok(composed);
            }
            Action::Link(link) => {
                let text = run.text(PATH_BYTES, &|out| {
                    (link.text)(out, b"", wanted, link.label);
                })?;
                let is_so = composed
                    .old
                    .as_ref()
                    .is_some_and(|old| old.meta.kind == Kind::Link && *old.content == *text);
                if !is_so {
                    composed.new = New::Link(text);
                }
                return Ok(composed);
            }
        };
        composed.show = write.show;
        composed.mode = write.mode;
        composed.keep_dash |= write.keep_dash;
        if write.only_if_there && composed.result().is_none() {
            continue;
        }
        let before = composed.result().unwrap_or_default();
        // Most edits add little.
        let len = before.len().saturating_add(SLACK);
        let after = run.text(len, &|out| (write.edit)(out, before, wanted, write.label))?;
        composed.new = New::Content(after);
    }
    if let New::Content(content) = &composed.new
        && !is_copy
        && composed
            .old
            .as_ref()
            .is_some_and(|old| *old.content == **content)
    {
        composed.new = New::Same;
    }
    Ok(composed)
}
