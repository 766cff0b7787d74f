//! `plan`: what `apply` would do, as a diff, without doing it.

#[cfg(feature = "guide")]
use super::colour;
use super::compose::{self, Composed, New};
use super::job::Job;
use super::locate::{Place, Purpose};
use super::order::Paper;
use super::run::Run;
use super::survey::Names;
use super::{Exit, locate, moved, order, report};
use crate::error::Fault;
use crate::record::State;
use crate::sys::{Kind, Stream, Sys};
use crate::text::{Buf, diff, put};
use crate::value::Path;

/// Shows what `apply` would change.
#[inline(never)]
pub fn plan<S: Sys>(run: &Run<'_, S>) -> Exit {
    if let Some(exit) = report::refuse_run(run) {
        return exit;
    }
    let Ok(place) = locate::find(run, Purpose::Look, run.settings.wait.unwrap_or(0), &|_| {})
    else {
        return Exit::Refused;
    };
    let paper = match order::read(run, &place) {
        Ok(paper) => paper,
        Err(exit) => return exit,
    };
    match &paper {
        Some(paper) => show_paper(run, &place, paper),
        None => show_moved(run).unwrap_or_else(|| {
            report::say_nothing_to_do(run, &place);
            Exit::Done
        }),
    }
}

/// Shows what this os.conf would change.
#[inline(never)]
fn show_paper<S: Sys>(run: &Run<'_, S>, place: &Place<S>, paper: &Paper<S>) -> Exit {
    let mut job = Job::new(run, place, paper);
    // Who looks does not wait, unless they say so.
    job.look(run, Names::after(run.settings.wait.unwrap_or(0)));
    show_job(run, &mut job)
}

/// Shows what becomes of the network that was written for other NICs, if these are.
#[inline(never)]
fn show_moved<S: Sys>(run: &Run<'_, S>) -> Option<Exit> {
    let mut job = moved::job(run, moved::known(run)?);
    Some(show_job(run, job.as_mut()?))
}

/// Shows what the job would change.
#[inline(never)]
fn show_job<S: Sys>(run: &Run<'_, S>, job: &mut Job<'_, S>) -> Exit {
    let mut files = compose::Files::new();
    let composed = compose::all(
        run,
        &job.wanted(),
        job.parts,
        &mut files,
        &mut |_, _| Ok(()),
    );
    let Ok(parts) = composed else {
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
pub fn show<S: Sys>(run: &Run<'_, S>, file: &Composed<S>) -> Result<(), Fault> {
    if !file.changes() {
        return Ok(());
    }
    let old = file.spot.meta.map(|meta| Side {
        text: file.present(),
        is_link: meta.kind == Kind::Link,
    });
    let new = file.result().map(|text| Side {
        text,
        is_link: matches!(file.new, New::Link(_)),
    });
    // Each line of both, a sign, and the heads of hunks, which are fewer than lines.
    let bytes = |side: Option<Side<'_>>| side.map_or(0, |side| side.text.len());
    let len = (bytes(old) + bytes(new)) * 4 + 2048;
    let text = run.text(len, &|out| {
        let is_link = |side: Option<Side<'_>>| side.map(|side| side.is_link);
        match (is_link(old), is_link(new)) {
            // What was one kind of thing is removed, and made as the other one.
            (Some(before), Some(after)) if before != after => {
                write_change(out, file, old, None);
                write_change(out, file, None, new);
            }
            _ => write_change(out, file, old, new),
        }
    })?;
    #[cfg(feature = "guide")]
    if colour::is_wanted(run) {
        colour::say_diff(run, &text);
        return Ok(());
    }
    run.sys.say(Stream::Output, &text);
    Ok(())
}

/// What is in a place before, or after.
#[derive(Clone, Copy)]
struct Side<'a> {
    text: &'a [u8],
    is_link: bool,
}

/// A link has the head that git writes, which patch(1) knows too.
fn write_change<S: Sys>(
    out: &mut Buf<'_>,
    file: &Composed<S>,
    old: Option<Side<'_>>,
    new: Option<Side<'_>>,
) {
    let path = &file.path;
    if [old, new].iter().flatten().any(|side| side.is_link) {
        put!(out, "diff --git a/");
        out.push(path.as_bytes());
        put!(out, " b/");
        out.push(path.as_bytes());
        put!(
            out,
            "{} mode 120000\n",
            match (old, new) {
                (None, _) => "\nnew file",
                (_, None) => "\ndeleted file",
                _ => "\nold mode 120000\nnew",
            }
        );
    }
    let [before, after] = [old, new].map(|side| side.map_or(&b""[..], |side| side.text));
    write_name(out, b"---", old.map(|_| (b"a/", path)));
    write_name(out, b"+++", new.map(|_| (b"b/", path)));
    diff::unified(out, before, after, file.show);
}

fn write_name(out: &mut Buf<'_>, sign: &[u8], name: Option<(&[u8; 2], &Path)>) {
    out.push(sign);
    match name {
        Some((side, path)) => {
            put!(out, " ");
            out.push(side);
            out.push(path.as_bytes());
            // patch(1) takes a name with blanks for whole before a tab only.
            if path.as_bytes().contains(&b' ') {
                put!(out, "\t");
            }
        }
        None => put!(out, " /dev/null"),
    }
    put!(out, "\n");
}
