//! `plan`: what `apply` would do, as a diff, without doing it.

use super::compose::{self, Composed, New};
use super::job::{Job, first_states};
use super::run::Run;
use super::{Exit, locate, memory, order, report};
use crate::change::Wanted;
use crate::conf::{Findings, parse};
use crate::part::Parts;
use crate::plan::Plan;
use crate::record::State;
use crate::sys::{Stream, Sys};
use crate::text::{Buf, diff, put};
use crate::value::Path;

/// Shows what `apply` would change.
pub fn plan<S: Sys>(run: &Run<'_, S>) -> Exit {
    if report::is_switched_off(run) {
        return Exit::Done;
    }
    if !report::is_root(run) {
        return Exit::Refused;
    }
    let Ok(place) = locate::find(run) else {
        return Exit::Refused;
    };
    let paper = match order::read(run, &place) {
        Ok(Some(paper)) => paper,
        Ok(None) => {
            report::say_nothing_to_do(run, &place);
            return Exit::Done;
        }
        Err(exit) => return exit,
    };
    let mut findings = Findings::default();
    let conf = parse(&paper.file.content, &mut findings);
    report::say_findings(run, &place, &paper.file.content, &findings);
    let memory = memory::load(run);
    let is_same = memory.record.order.is_some_and(|order| order.is(&paper.order));
    let mut states = first_states(&conf, is_same.then_some(&memory.record.states));
    // Who looks does not wait, unless they say so.
    let wait = run.settings.wait.unwrap_or(0);
    let job = Job::new(run, &conf, states.all(State::Open), wait);
    let Ok(parts) = possible_parts(run, &job.wanted(), job.parts) else {
        return Exit::Refused;
    };
    for part in parts.without(job.unfinished).iter() {
        states.set(part, State::Done);
    }
    if show(run, &job.wanted(), parts).is_err() { Exit::Refused } else { Exit::of(&states) }
}

/// The parts whose files can all be made.
fn possible_parts<S: Sys>(
    run: &Run<'_, S>,
    wanted: &Wanted<'_>,
    mut parts: Parts,
) -> Result<Parts, ()> {
    loop {
        let plan = Plan::new(wanted, parts);
        let failure = compose::paths(&plan).find_map(|path| {
            let fault = compose::compose(run, &plan, wanted, path).err()?;
            Some((compose::parts_of(&plan, path), fault, path))
        });
        let Some((bad, fault, path)) = failure else {
            return Ok(parts);
        };
        report::say_refused(run, bad, path, &fault);
        if bad.is_empty() {
            return Err(());
        }
        parts = parts.without(bad);
    }
}

fn show<S: Sys>(run: &Run<'_, S>, wanted: &Wanted<'_>, parts: Parts) -> Result<(), ()> {
    let plan = Plan::new(wanted, parts);
    for path in compose::paths(&plan) {
        let composed = compose::compose(run, &plan, wanted, path);
        let shown = composed.and_then(|composed| show_file(run, path, &composed));
        if let Err(fault) = shown {
            report::say_refused(run, compose::parts_of(&plan, path), path, &fault);
            return Err(());
        }
    }
    Ok(())
}

/// Writes the diff of one file to standard output.
fn show_file<S: Sys>(
    run: &Run<'_, S>,
    path: &Path,
    composed: &Composed<S>,
) -> Result<(), crate::error::Fault> {
    let old = composed.present();
    let new = match &composed.new {
        New::Same => return Ok(()),
        New::Content(content) => &**content,
        New::Gone => b"",
    };
    let is_there = composed.spot.meta.is_some();
    // Each line of both, a sign, and the heads of hunks, which are fewer than lines.
    let len = (old.len() + new.len()) * 4 + 1024;
    let text = run.text(len, &|out| {
        write_name(out, b"---", is_there.then_some((b"a/", path)));
        let stays = !matches!(composed.new, New::Gone);
        write_name(out, b"+++", stays.then_some((b"b/", path)));
        diff::unified(out, old, new, composed.show);
    })?;
    run.sys.say(Stream::Output, &text);
    Ok(())
}

fn write_name(out: &mut Buf<'_>, sign: &[u8], name: Option<(&[u8; 2], &Path)>) {
    out.push(sign);
    match name {
        Some((side, path)) => {
            put!(out, " ");
            out.push(side);
            out.push(path.as_bytes());
        }
        None => put!(out, " /dev/null"),
    }
    put!(out, "\n");
}
