//! One file's old and new content, for the preview and for the deed alike.

use super::run::Run;
use crate::change::{Action, Change, Show, Wanted};
use crate::error::Fault;
use crate::part::Parts;
use crate::plan::Plan;
use crate::sys::Sys;
use crate::sys::files::{self, Content, File, Spot};
use crate::value::Path;

/// A file, as it is and as it is to be.
pub struct Composed<S: Sys> {
    /// Where it is.
    pub spot: Spot<S>,
    /// What is there, or our copy of it.
    pub old: Option<Old<S>>,
    /// What is to be there.
    pub new: New<S>,
    /// How its lines are shown.
    pub show: Show,
    /// The mode of a new file.
    pub mode: u32,
    /// Whether the old one is also kept beside it.
    pub keep_dash: bool,
}

/// What an edit began with.
pub struct Old<S: Sys> {
    /// The file.
    pub file: File<S>,
    /// Whether it is our copy, since a power cut left nothing in its place.
    pub is_copy: bool,
}

/// What is to be there.
pub enum New<S: Sys> {
    /// What is there: nothing to do.
    Same,
    /// This content.
    Content(Content<S>),
    /// Nothing.
    Gone,
}

impl<S: Sys> Composed<S> {
    /// What is there now, for who looks.
    pub fn present(&self) -> &[u8] {
        match &self.old {
            Some(old) if !old.is_copy => &old.file.content,
            _ => b"",
        }
    }
}

/// The parts that the changes of `path` belong to.
pub fn parts_of(plan: &Plan, path: &Path) -> Parts {
    of(plan, path).filter_map(|change| change.part).collect()
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
    plan.changes().iter().filter(move |change| change.path == *path)
}

/// Bytes that an edit may add before it is made anew with more memory.
const SLACK: usize = 16 * 1024;

/// Makes all changes of `path`, one after the other, in memory.
///
/// # Errors
/// The file cannot be found or read, or there is no memory.
pub fn compose<S: Sys>(
    run: &Run<'_, S>,
    plan: &Plan,
    wanted: &Wanted<'_>,
    path: &Path,
) -> Result<Composed<S>, Fault> {
    let spot = run.find(path.as_c_str())?;
    let old = read_old(run, &spot, path)?;
    let mut composed = Composed {
        spot,
        old,
        new: New::Same,
        show: |out, line| out.push(line),
        mode: 0o644,
        keep_dash: false,
    };
    let mut content: Option<Content<S>> = None;
    for change in of(plan, path) {
        let write = match &change.action {
            Action::Write(write) => write,
            Action::Remove => {
                let is_there = composed.spot.meta.is_some();
                composed.new = if is_there { New::Gone } else { New::Same };
                return Ok(composed);
            }
        };
        composed.show = write.show;
        composed.mode = write.mode;
        composed.keep_dash |= write.keep_dash;
        if write.only_if_there && composed.old.is_none() {
            continue;
        }
        let before = match (&content, &composed.old) {
            (Some(content), _) => content,
            (None, Some(old)) => &old.file.content,
            (None, None) => &Content::empty(run.sys)?,
        };
        // Most edits add little.
        let len = before.len().saturating_add(SLACK);
        let after = run.text(len, &|out| (write.edit)(out, before, wanted, write.label))?;
        content = Some(after);
    }
    if let Some(content) = content {
        let is_same = match &composed.old {
            Some(old) => !old.is_copy && *old.file.content == *content,
            None => false,
        };
        if !is_same {
            composed.new = New::Content(content);
        }
    }
    Ok(composed)
}

/// What is there; or our copy, where a power cut left a file empty or took it.
fn read_old<S: Sys>(
    run: &Run<'_, S>,
    spot: &Spot<S>,
    path: &Path,
) -> Result<Option<Old<S>>, Fault> {
    let present = match (&spot.folder, spot.meta) {
        (Some(folder), Some(_)) => Some(files::read_file(run.sys, folder, spot.path.name())?),
        _ => None,
    };
    let is_whole = present.as_ref().is_some_and(|file| !file.content.is_empty());
    let copy = if is_whole { None } else { run.read_kept(path.as_c_str())? };
    let is_copy = copy.is_some();
    let file = if is_copy { copy } else { present };
    Ok(file.map(|file| Old { file, is_copy }))
}
