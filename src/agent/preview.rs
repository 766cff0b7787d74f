//! `plan`: what `apply` would do, as a diff, without doing it.

use super::compose::{self, Composed};
use super::job::Job;
use super::run::Run;
use super::{Exit, locate, order, report};
use crate::error::Fault;
use crate::record::State;
use crate::sys::{Stream, Sys};
use crate::text::{Buf, diff, put};
use crate::value::Path;

/// Shows what `apply` would change.
pub fn plan<S: Sys>(run: &Run<'_, S>) -> Exit {
    if let Some(exit) = report::refuse_run(run) {
        return exit;
    }
    let Ok(place) = locate::find(run, &|_| {}) else {
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
    // Who looks does not wait, unless they say so.
    let mut job = Job::new(run, &place, &paper, run.settings.wait.unwrap_or(0));
    let composed = compose::all(run, &job.wanted(), job.parts, &mut |_, _| Ok(()));
    let Ok((files, parts)) = composed else {
        return Exit::Refused;
    };
    job.states
        .set_all(parts.without(job.unfinished), State::Done);
    for file in &files {
        if let Err(fault) = show(run, file) {
            report::say_refused(run, file.parts, &file.path, &fault);
            return Exit::Refused;
        }
    }
    Exit::of(&job.states)
}

/// Writes the diff of one file to standard output.
fn show<S: Sys>(run: &Run<'_, S>, file: &Composed<S>) -> Result<(), Fault> {
    if !file.changes() {
        return Ok(());
    }
    let (old, new) = (file.present(), file.result());
    let is_there = file.spot.meta.is_some();
    // Each line of both, a sign, and the heads of hunks, which are fewer than lines.
    let len = (old.len() + new.unwrap_or_default().len()) * 4 + 1024;
    let text = run.text(len, &|out| {
        write_name(out, b"---", is_there.then_some((b"a/", &file.path)));
        write_name(out, b"+++", new.map(|_| (b"b/", &file.path)));
        diff::unified(out, old, new.unwrap_or_default(), file.show);
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
