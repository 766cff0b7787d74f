//! `prepare`: what the items wish for, carried out as an os.conf is.
//!
//! An item is all or nothing, as a part of os.conf is: one with a file that cannot be
//! changed is left out and named, and the others are done. The record names what was
//! changed, beside what an os.conf changed, so `revert` puts back both.

mod clean;

use super::check::root::Root;
use super::job::Job;
use super::run::Run;
use super::survey::Names;
use super::transaction::Stage;
use super::{Exit, compose, memory, preview, report, transaction};
use crate::change::{Change, Wanted};
use crate::conf::{Conf, Findings, Wish, parse};
use crate::error::Fault;
use crate::network::links::InterfaceName;
use crate::part::{Part, Parts};
use crate::prepare::{ITEMS, Item, Wishes, dhcp};
use crate::record::{State, States};
use crate::sys::Sys;
use crate::system::Interface;
use crate::system::System;
use crate::text::put;
use crate::value::Path;

const NAME: &str = "prepare";

/// Makes the root meet the norm.
#[inline(never)]
pub fn prepare<S: Sys>(run: &Run<'_, S>) -> Exit {
    let asked = &run.settings.prepare;
    if asked.list {
        for item in ITEMS {
            run.print(&|out| put!(out, "{}: {}", item.name, item.wants));
        }
        return Exit::Done;
    }
    if let Some(exit) = report::refuse_run(run) {
        return exit;
    }
    let is_look = run.settings.dry_run;
    if run.settings.is_running_root() && !asked.yes && !is_look {
        let then = "this is the running system, and an image is meant: name it with --root DIR, or say --yes";
        run.log.error(NAME, &|out| put!(out, "{}", then));
        return Exit::Usage;
    }
    if !is_look {
        transaction::clean(run);
    }
    let _lock = if is_look { None } else { memory::lock(run) };
    let mut exit = Exit::Done;
    for (bit, item) in ITEMS.iter().enumerate() {
        let is_chosen = |chosen| chosen >> bit & 1 == 1;
        let is_wanted = asked.only.is_none_or(is_chosen) && !is_chosen(asked.skip);
        if is_wanted && add(run, item).is_none() {
            run.log
                .error(NAME, &|out| put!(out, "{}: not done", item.name));
            exit = Exit::Refused;
        }
    }
    exit
}

/// Does what the item wishes for, or shows it; none, if that cannot be.
#[inline(never)]
fn add<S: Sys>(run: &Run<'_, S>, item: &Item) -> Option<()> {
    let mut wishes = Wishes::default();
    let root = Root::of_files(run);
    (item.plan)(&root, run.settings.prepare.profile, &mut wishes);
    if wishes.overflowed {
        let none = Parts::default();
        report::say_refused(run, none, &Path::from(c"etc"), &Fault::PlanTooLong);
    }
    if wishes.overflowed || root.was_blind.get() || run.is_in_doubt.get() {
        return None;
    }
    let count = if wishes.cleans {
        clean::clean(run)?
    } else if wishes.rests
        && let Some(count) = rest(run)?
    {
        count
    } else {
        if wishes.rests {
            wishes.note(dhcp::NOBODY);
        }
        change(run, &wishes.changes)?
    };
    if run.settings.dry_run {
        return Some(());
    }
    run.log.notice(NAME, &|out| {
        put!(out, "{}: ", item.name);
        match count {
            0 => put!(out, "it is so already"),
            1 => put!(out, "1 file changed"),
            _ => put!(out, "{} files changed", count),
        }
    });
    for note in &wishes.notes {
        run.log
            .notice(NAME, &|out| put!(out, "{}: {}", item.name, *note));
    }
    Some(())
}

/// Makes these changes, or shows them; tells how many files changed.
#[inline(never)]
fn change<S: Sys>(run: &Run<'_, S>, changes: &[Change]) -> Option<usize> {
    let wanted = Wanted {
        conf: &parse(b"", &mut Findings::default()),
        system: &System::of(crate::network::last()),
        password: None,
        back: changes,
    };
    carry_out(run, &wanted, Parts::default())
}

/// Has the network rest at DHCP, or shows it; none, if not all of it can be had, and
/// nothing where only this program would bring it up.
#[inline(never)]
fn rest<S: Sys>(run: &Run<'_, S>) -> Option<Option<usize>> {
    let conf = Conf {
        network: Wish::Value(dhcp::network()),
        ..parse(b"", &mut Findings::default())
    };
    let mut states = States::default();
    states.set(Part::Network, State::Open);
    let mut names = Names::default();
    let _ = names.known.push(Interface {
        label: 0,
        name: InterfaceName::parse(b"eth0")?,
        is_there: true,
    });
    let mut job = Job::of(conf, memory::load(run), false, states);
    job.look(run, names);
    // Each item mends its own files.
    job.system.cut.clear();
    if !job.parts.contains(Part::Network) || !job.unfinished.is_empty() {
        return None;
    }
    if job.system.network.is_kernel {
        return Some(None);
    }
    carry_out(run, &job.wanted(), job.parts).map(Some)
}

/// Does what is wanted, or shows it; tells how many files changed.
fn carry_out<S: Sys>(run: &Run<'_, S>, wanted: &Wanted<'_>, parts: Parts) -> Option<usize> {
    if run.settings.dry_run {
        let shown = compose::look(run, wanted, parts, &mut |_, file| preview::show(run, file));
        return shown.ok().filter(|done| *done == parts).map(|_| 0);
    }
    publish(run, wanted, parts)
}

/// Stages, publishes and records.
#[inline(never)]
fn publish<S: Sys>(run: &Run<'_, S>, wanted: &Wanted<'_>, parts: Parts) -> Option<usize> {
    let memory = memory::load(run);
    let is_kept_before = |file: &compose::Composed<S>| memory.names(&file.path, None);
    let mut stage = Stage::new();
    let staged = transaction::stage(run, wanted, parts, &is_kept_before, &mut stage);
    // What was staged of it is taken back.
    if staged.is_err() || stage.parts != parts {
        transaction::end(run);
        return None;
    }
    let note = || memory.save_prepared(run, &stage);
    let failed = transaction::publish(run, &stage, &note).ok()?;
    if !failed.is_empty() {
        return None;
    }
    transaction::end(run);
    Some(stage.changes())
}
