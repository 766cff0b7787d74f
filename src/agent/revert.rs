//! `revert`: what the last os.conf changed becomes what it was.
//!
//! The record names the files, and what was published in each; the copies that were
//! kept are what is put back. It is a plan like any other: a run that is cut short is
//! ended by the next boot, which knows it by its record.

use super::compose::{self, Composed, New};
use super::memory::{self, Memory};
use super::run::{ACCOUNT_FILES, REPLACED, Run, kept_name};
use super::transaction::Stage;
use super::{Exit, preview, report, transaction};
use crate::account;
use crate::change::{Action, Change, Wanted};
use crate::conf::{Findings, parse};
use crate::error::Fault;
use crate::limits::CHANGES;
use crate::part::Parts;
use crate::record::How;
use crate::sys::files::{ABSENCE, File};
use crate::sys::{Access, Kind, Sys};
use crate::system::System;
use crate::text::put;
use crate::value::Path;
use heapless::Vec;

/// Puts back what the last os.conf replaced.
#[inline(never)]
pub fn revert<S: Sys>(run: &Run<'_, S>) -> Exit {
    if let Some(exit) = report::refuse_run(run) {
        return exit;
    }
    if !run.settings.dry_run {
        transaction::clean(run);
    }
    let memory = memory::load(run);
    if run.is_in_doubt.get() {
        return Exit::Refused;
    }
    if memory.files().next().is_none() {
        let then = "nothing is applied: nothing to put back";
        run.log.notice("revert", &|out| put!(out, "{}", then));
        return Exit::Done;
    }
    put_back(run, &memory)
}

/// Puts back the files that the record names. One that is not as it was published is
/// left, and so is the password as a whole where one of its files is.
#[inline(never)]
pub fn put_back<S: Sys>(run: &Run<'_, S>, memory: &Memory<S>) -> Exit {
    let is_look = run.settings.dry_run;
    let _lock = if is_look { None } else { memory::lock(run) };
    let none = Parts::default();
    let wanted = Wanted {
        conf: &parse(b"", &mut Findings::default()),
        system: &System::of(crate::network::last()),
        password: None,
        back: &[],
    };
    let is_account = |path: &Path| ACCOUNT_FILES.contains(&path.as_c_str());
    let mut back = Vec::<Change, CHANGES>::new();
    let mut exit = Exit::Done;
    let mut is_account_left = false;
    for file in memory.files() {
        let Some(path) = Path::new(&[file.path]) else {
            continue;
        };
        let change = [Change {
            part: None,
            path,
            action: Action::Back(file.how),
        }];
        let wanted = Wanted {
            back: &change,
            ..wanted
        };
        let judged = compose::look(run, &wanted, none, &mut |_, now| {
            judge(run, now, file.is(now.present()))
        });
        let [change] = change;
        if judged.is_err() {
            exit = Exit::Refused;
            is_account_left |= is_account(&change.path);
        } else if back.push(change).is_err() {
            exit = Exit::Refused;
        }
    }
    for change in &mut back {
        if is_account_left && is_account(&change.path) {
            change.action = Action::Leave;
            report::say_refused(run, none, &change.path, &Fault::Together);
        }
    }
    let wanted = Wanted {
        back: &back,
        ..wanted
    };
    let done = match is_look {
        true => compose::look(run, &wanted, none, &mut |_, file| preview::show(run, file)).is_ok(),
        false => carry_out(run, memory, &wanted),
    };
    if done { exit } else { Exit::Refused }
}

/// Whether a file may be put back that is, or is not, as it was published.
fn judge<S: Sys>(run: &Run<'_, S>, now: &Composed<S>, is_known: bool) -> Result<(), Fault> {
    let is_cut = run.was_cut && now.present().is_empty();
    match now.changes() && !is_known && !is_cut && !run.settings.force {
        true => Err(Fault::Foreign),
        false => Ok(()),
    }
}

/// Does it, and removes the copies that are in their places again.
#[inline(never)]
fn carry_out<S: Sys>(run: &Run<'_, S>, memory: &Memory<S>, wanted: &Wanted<'_>) -> bool {
    let mut stage = Stage::new();
    let none = Parts::default();
    if transaction::stage(run, wanted, none, &|_| true, &mut stage).is_err() {
        return false;
    }
    let note = || memory.save_reverted(run, &|_| true);
    if transaction::publish(run, &stage, &note).is_err() {
        return false;
    }
    let copies = || stage.files.iter().filter(|file| file.copy.is_some());
    let is_left = |path: &[u8]| !copies().any(|file| file.path.as_bytes() == path);
    if !memory.save_reverted(run, &is_left) {
        return false;
    }
    if let Ok(keep) = run.sys.open_below(&run.root, REPLACED, Access::Folder) {
        for file in copies() {
            let kept = file
                .copy
                .and_then(|how| kept_name(file.path.as_c_str(), how));
            kept.map(|name| run.sys.unlink(&keep, name.as_c_str()));
        }
    }
    transaction::end(run);
    let count = stage.changes();
    run.log.notice("revert", &|out| {
        put!(out, "done: files put back: {}", count);
        if memory.record.order.is_some() {
            put!(
                out,
                ": os.conf is still there, and the next boot applies it again: remove it"
            );
        }
    });
    true
}

impl<S: Sys> Composed<S> {
    /// What was kept is to be there again.
    #[inline(never)]
    pub fn put_back(&mut self, run: &Run<'_, S>, how: How) -> Result<(), Fault> {
        let kept = run.copy_of(self.path.as_c_str(), how)?;
        let kept = kept.ok_or(Fault::NoCopy)?;
        let is = |old: &File<S>| old.meta.kind == kept.meta.kind && *old.content == *kept.content;
        let is_link = kept.meta.kind == Kind::Link;
        let (is_so, new) = if is_link && *kept.content == *ABSENCE {
            (self.old.is_none(), New::Gone)
        } else if is_link && how == How::Written {
            return Err(Fault::NoCopy);
        } else {
            let is_so = self.old.as_ref().is_some_and(is);
            let new = match is_link {
                true => New::Link(kept.content),
                false => New::Content(kept.content),
            };
            (is_so, new)
        };
        if !is_so {
            self.new = new;
        }
        if ACCOUNT_FILES.contains(&self.path.as_c_str()) {
            self.show = account::mask;
        }
        self.copy = Some(how);
        Ok(())
    }
}
