//! What is said about a run.

use super::Exit;
use super::locate::Place;
use super::run::Run;
use super::transaction::Stage;
use crate::conf::{Findings, Nic, Position, Severity};
use crate::error::{self, Fault};
use crate::log::Level;
use crate::network::kernel::KernelFault;
use crate::part::{Part, Parts};
use crate::record::{State, States};
use crate::sys::Sys;
use crate::text::put;
use crate::value::Path;

/// Says what was noticed in os.conf, with its place, but nothing of its content.
pub fn say_findings<S: Sys>(
    run: &Run<'_, S>,
    place: &Place<S>,
    source: &[u8],
    findings: &Findings,
) {
    for finding in findings.iter() {
        let at = Position::of(finding.span.start, source);
        let level = match finding.fault.severity() {
            Severity::Error => Level::Error,
            Severity::Warning => Level::Warning,
        };
        run.log
            .say(level, finding.part.map_or("os.conf", Part::name), &|out| {
                out.push(place.name.as_bytes());
                put!(out, ":{}:{}: ", at.line, at.column);
                finding.fault.describe(out);
            });
    }
    if findings.left_out() > 0 {
        run.log.warn("os.conf", &|out| {
            put!(
                out,
                "{} more: osconf lint shows the first ones",
                findings.left_out()
            );
        });
    }
}

/// How a run ends that may not begin, and says why: it is switched off; or the
/// root is none. In an initramfs it may not be mounted yet, and os.conf would be
/// applied to nothing.
pub fn refuse_run<S: Sys>(run: &Run<'_, S>) -> Option<Exit> {
    if run.settings.disabled {
        run.log
            .notice("apply", &|out| put!(out, "switched off by osconf.disable"));
        return Some(Exit::Done);
    }
    if !run.has(c"etc") {
        run.log.error("root", &|out| {
            out.push(run.settings.root.as_bytes());
            put!(out, " has no /etc: is the root file system mounted?");
        });
        return Some(Exit::Refused);
    }
    None
}

/// Says that os.conf is kept although nothing of it is wrong.
pub fn say_nothing_understood<S: Sys>(run: &Run<'_, S>) {
    run.log.notice("os.conf", &|out| {
        put!(out, "nothing in it is for this machine: it is kept");
    });
}

/// Says that there is no os.conf.
pub fn say_nothing_to_do<S: Sys>(run: &Run<'_, S>, place: &Place<S>) {
    run.log.notice("apply", &|out| {
        put!(out, "no ");
        out.push(place.name.as_bytes());
        put!(out, " in ");
        out.push(place.shown.as_bytes());
        put!(out, ": nothing to do");
    });
}

/// Says that NICs may get what belongs to others.
pub fn say_not_settled<S: Sys>(run: &Run<'_, S>) {
    run.log.error(Part::Network.name(), &|out| {
        put!(out, "not done: the next boot tries again");
    });
}

/// Says that the system refused a file, and with it these parts.
pub fn say_refused<S: Sys>(run: &Run<'_, S>, parts: Parts, path: &Path, fault: &Fault) {
    let what = &[b"/", path.as_bytes()];
    let say = |part: &str| run.log.fault(Level::Error, part, what, *fault, "");
    match parts.is_empty() {
        true => say(name_without_part(run)),
        false => parts.iter().for_each(|part| say(part.name())),
    }
}

/// What a change is called in messages that belongs to no part of os.conf.
pub fn name_without_part<S: Sys>(run: &Run<'_, S>) -> &'static str {
    match run.settings.is_preparing() {
        true => "prepare",
        false => "restore",
    }
}

/// Says how each part ended.
pub fn say_outcome<S: Sys>(run: &Run<'_, S>, states: &States, stage: &Stage<S>) {
    for part in states.all(State::Done).iter() {
        let count = stage.changes_of(part);
        run.log.notice(part.name(), &|out| match count {
            0 => put!(out, "done: it is so already"),
            1 => put!(out, "done: 1 file changed"),
            _ => put!(out, "done: {} files changed", count),
        });
    }
    let invalid = states.all(State::Invalid);
    if invalid == Parts::ALL {
        run.log.error("os.conf", &|out| {
            put!(
                out,
                "nothing of it is applied: it is kept: correct it, or have ECS write it again"
            );
        });
        return;
    }
    for part in invalid.iter() {
        run.log.error(part.name(), &|out| {
            put!(out, "not applied, since os.conf is wrong about it: os.conf is kept: correct it, or have ECS write it again");
        });
    }
    for part in states.all(State::Open).iter() {
        run.log.error(part.name(), &|out| {
            put!(
                out,
                "not done: os.conf is kept, and the next boot tries again"
            );
        });
    }
}

/// Says that the files are not the running network yet.
pub fn say_later<S: Sys>(run: &Run<'_, S>) {
    run.log.notice(Part::Network.name(), &|out| {
        put!(
            out,
            "addresses take effect when the network starts, or now with --kernel"
        );
    });
}

/// Says that what was written will not last.
pub fn say_in_memory<S: Sys>(run: &Run<'_, S>) {
    run.log.notice("os.conf", &|out| {
        put!(
            out,
            "this root lies in memory: os.conf is kept for the next boot"
        );
    });
}

/// Says that a kept os.conf still holds the password.
pub fn say_not_stripped<S: Sys>(run: &Run<'_, S>, fault: &Fault) {
    let what = b"the password cannot be taken out of it";
    run.log
        .fault(Level::Warning, "os.conf", &[what], *fault, "");
}

/// Says what the kernel refused of the network.
pub fn say_kernel_fault<S: Sys>(run: &Run<'_, S>, fault: &KernelFault) {
    run.log.error(Part::Network.name(), &|out| {
        put!(out, "{}: ", fault);
        error::describe(fault.cause, out);
    });
}

/// Says that the machine has no such NIC, and the name that is written meanwhile.
pub fn say_no_interface<S: Sys>(run: &Run<'_, S>, nic: &Nic, name: &str) {
    run.log.error(Part::Network.name(), &|out| {
        put!(out, "no interface for eth{}", nic.label);
        if let Some(mac) = nic.mac {
            put!(out, " has the MAC address {}", mac);
        }
        put!(out, ": its driver may be missing");
        if !name.is_empty() {
            put!(out, ": {} is written for the time being", name);
        }
    });
}

/// Says that a revert was cut short, and can only be ended by another build.
#[cfg(not(feature = "revert"))]
pub fn say_half_reverted<S: Sys>(run: &Run<'_, S>) -> Exit {
    run.log.error("revert", &|out| {
        put!(
            out,
            "it was cut short: end it with a binary that has `osconf revert`"
        );
    });
    Exit::Refused
}
