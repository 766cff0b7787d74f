//! `status`: what was applied last, and what is open.

use super::run::Run;
use super::{Exit, memory};
use crate::part::Part;
use crate::record::State;
use crate::sys::Sys;
use crate::text::{put, time};

/// Tells it.
#[inline(never)]
pub fn status<S: Sys>(run: &Run<'_, S>) -> Exit {
    let memory = memory::load(run);
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
