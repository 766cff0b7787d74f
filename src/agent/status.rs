//! `status`: what was applied last, and what is open.

use super::Exit;
use super::memory::{self, Memory};
use super::run::Run;
use crate::part::Part;
use crate::record::State;
use crate::sys::Sys;
use crate::text::{Buf, json, put, time};

/// Tells it.
pub fn status<S: Sys>(run: &Run<'_, S>) -> Exit {
    let memory = memory::load(run);
    if run.settings.json {
        run.print(&|out| write_json(out, &memory));
        return Exit::Done;
    }
    if memory.is_empty() {
        run.print(&|out| put!(out, "no os.conf was applied to this system"));
        return Exit::Done;
    }
    let record = &memory.record;
    let is_reverted = record.is_reverted();
    #[cfg(feature = "prepare")]
    if let Some(time) = memory.prepared() {
        run.print(&|out| {
            put!(out, "prepared ");
            time::write(out, time);
        });
        if is_reverted {
            return Exit::Done;
        }
    }
    run.print(&|out| {
        put!(out, "{} ", if is_reverted { "reverted" } else { "applied" });
        time::write(out, record.time);
    });
    if is_reverted {
        for file in memory.files() {
            run.print(&|out| {
                put!(out, "/");
                out.push(file.path);
                put!(out, ": not put back");
            });
        }
        return Exit::Done;
    }
    for part in Part::ALL {
        run.print(&|out| {
            put!(
                out,
                "{}: {}",
                part.name(),
                match record.states.get(part) {
                    State::Nothing => "not in os.conf",
                    State::Done => "done",
                    State::Open => "open: the next boot tries again",
                    State::Invalid => "not applied: os.conf is wrong about it",
                    State::Left => "done, then left for other NICs: the new ones have DHCP",
                }
            );
        });
    }
    let what = if record.order.is_some() {
        "kept"
    } else {
        "removed"
    };
    run.print(&|out| put!(out, "os.conf: {}", what));
    Exit::Done
}

/// The same for programs: one line, with times in seconds since 1970, and null for what
/// was not done, or was put back.
fn write_json<S: Sys>(out: &mut Buf<'_>, memory: &Memory<S>) {
    let record = &memory.record;
    put!(out, "{{");
    for part in Part::ALL {
        let state = record.states.get(part).name();
        json::text(out, part.name(), Some(state.as_bytes()));
    }
    let is_applied = !memory.is_empty() && !record.is_reverted();
    write_time(out, "applied", is_applied.then_some(record.time));
    #[cfg(feature = "prepare")]
    write_time(out, "prepared", memory.prepared());
    json::key(out, "is_kept");
    put!(out, "{}}}", record.order.is_some());
}

fn write_time(out: &mut Buf<'_>, name: &str, seconds: Option<i64>) {
    json::key(out, name);
    match seconds {
        Some(seconds) => put!(out, "{}", seconds),
        None => put!(out, "null"),
    }
}
