//! From os.conf to a configured machine: the whole flow on one page.
//!
//! locate → read → parse → survey → plan → stage → publish → record → destroy.
//! Everything before `publish` can be given up without a trace; os.conf goes
//! last. os.conf gone means that all of it is applied and durable; os.conf there
//! means that the next run does what is left.

#[cfg(feature = "check")]
mod check;
#[cfg(feature = "guide")]
mod colour;
mod compose;
mod disks;
#[cfg(feature = "install")]
mod install;
mod job;
#[cfg(feature = "lint")]
mod lint;
mod listing;
mod locate;
mod memory;
mod mounting;
mod moved;
mod order;
mod password;
#[cfg(feature = "prepare")]
mod prepare;
mod preview;
mod report;
#[cfg(feature = "revert")]
mod revert;
mod run;
mod running;
#[cfg(feature = "status")]
mod status;
mod survey;
mod transaction;

#[cfg(feature = "check")]
pub use check::check;
#[cfg(feature = "install")]
pub use install::{install, uninstall};
#[cfg(feature = "lint")]
pub use lint::lint;
pub use listing::locate;
#[cfg(feature = "prepare")]
pub use prepare::prepare;
pub use preview::plan;
#[cfg(feature = "revert")]
pub use revert::revert;
pub use run::Run;
#[cfg(feature = "status")]
pub use status::status;

use crate::conf::Nic;
use crate::part::Part;
use crate::record::{Order, State, States};
use crate::sys::Sys;
use compose::Composed;
use job::Job;
use locate::{Place, Purpose};
use memory::Memory;
use order::Paper;
use survey::Names;
use transaction::Stage;

/// How a run ended, as its exit code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    /// Done, or nothing to do.
    Done = 0,
    /// The system refused something, or something was not found.
    Refused = 1,
    /// The command line is not in order.
    Usage = 2,
    /// os.conf has errors, and nothing was refused.
    Invalid = 3,
}

impl Exit {
    /// How a run ended whose parts stand so.
    fn of(states: &States) -> Self {
        if !states.all(State::Open).is_empty() {
            Self::Refused
        } else if !states.all(State::Invalid).is_empty() {
            Self::Invalid
        } else {
            Self::Done
        }
    }
}

/// Applies os.conf, if there is one. The job of every boot.
#[inline(never)]
pub fn apply<S: Sys>(run: &Run<'_, S>) -> Exit {
    if let Some(exit) = report::refuse_run(run) {
        return exit;
    }
    let is_asleep = mounting::is_asleep(run);
    let purpose = match is_asleep {
        true => Purpose::Look,
        false => Purpose::Apply,
    };
    let Ok(mut place) = locate::find(run, purpose, survey::wait(run), &|_| {}) else {
        return rest(run, None, Exit::Refused);
    };
    let is_due = run.was_cut || order::is_there(run, &place);
    let exit = if is_due && mounting::open_root(run, &mut place, is_asleep).is_err() {
        boot(run, Exit::Refused)
    } else {
        let _lock = is_due.then(|| take_over(run, &place));
        follow(run, &mut place)
    };
    mounting::leave(run, place);
    exit
}

/// Takes the lock, and mends what a killed run left. What another agent is at work on
/// looks the same until then.
fn take_over<S: Sys>(run: &Run<'_, S>, place: &Place<S>) -> Option<S::Fd> {
    let lock = memory::lock(run);
    transaction::clean(run);
    order::finish(run, place);
    lock
}

/// Reads os.conf, if it is there, and carries it out.
fn follow<S: Sys>(run: &Run<'_, S>, place: &mut Place<S>) -> Exit {
    match order::read(run, place) {
        Ok(Some(paper)) => carry_out(run, place, &paper),
        Ok(None) => rest(run, Some(place), Exit::Done),
        Err(exit) => rest(run, Some(place), exit),
    }
}

/// Does what is due at a boot without os.conf, be it that it is not found.
fn rest<S: Sys>(run: &Run<'_, S>, mut place: Option<&mut Place<S>>, exit: Exit) -> Exit {
    let moved = moved::known(run);
    let moved = moved.and_then(|memory| settle_in(run, memory, place.as_deref_mut()));
    let exit = match (moved, exit, place) {
        (Some(true), exit, _) => exit,
        (Some(false), ..) => Exit::Refused,
        (None, Exit::Done, Some(place)) => {
            report::say_nothing_to_do(run, place);
            run.has_secrets.set(run.was_cut);
            resume(run)
        }
        (None, exit, _) => exit,
    };
    // Whether nothing is to be done was not found out.
    let exit = match exit {
        Exit::Done if run.is_in_doubt.get() => Exit::Refused,
        _ => exit,
    };
    boot(run, exit)
}

/// Ends the revert that a power cut came into, if it was one.
fn resume<S: Sys>(run: &Run<'_, S>) -> Exit {
    if run.was_cut {
        let memory = memory::load(run);
        if memory.files().next().is_some() && memory.record.is_reverted() {
            #[cfg(feature = "revert")]
            return revert::put_back(run, &memory);
            #[cfg(not(feature = "revert"))]
            return report::say_half_reverted(run);
        }
        transaction::end(run);
    }
    Exit::Done
}

/// Writes the network for the NICs that are there now, if these are others; whether
/// that went well. A second run finds that it is so already.
#[inline(never)]
fn settle_in<S: Sys>(
    run: &Run<'_, S>,
    memory: Memory<S>,
    place: Option<&mut Place<S>>,
) -> Option<bool> {
    let mut job = moved::job(run, memory);
    let job = job.as_mut()?;
    Some(settle_job(run, job, place))
}

#[inline(never)]
fn settle_job<S: Sys>(
    run: &Run<'_, S>,
    job: &mut Job<'_, S>,
    place: Option<&mut Place<S>>,
) -> bool {
    let is_asleep = mounting::is_asleep(run);
    if let Some(place) = place
        && mounting::open_root(run, place, is_asleep).is_err()
    {
        return false;
    }
    let _lock = memory::lock(run);
    let order = job.memory.record.order;
    let mut stage = Stage::new();
    if perform(run, job, order, &mut stage).is_some()
        && job.states.get(Part::Network) == State::Done
    {
        let network = job.conf.network.value();
        if network.is_some_and(|network| network.nics.iter().any(Nic::is_by_dhcp)) {
            job.states.set(Part::Network, State::Left);
        }
        return job.memory.save(run, job, &stage, order);
    }
    report::say_not_settled(run);
    false
}

/// Does what is due at a boot without a new network, where no other program does.
fn boot<S: Sys>(run: &Run<'_, S>, exit: Exit) -> Exit {
    let is_ours = run.settings.is_running_root() || run.settings.kernel;
    if is_ours && !running::boot(run) {
        Exit::Refused
    } else {
        exit
    }
}

/// Carries out one os.conf.
#[inline(never)]
fn carry_out<S: Sys>(run: &Run<'_, S>, place: &Place<S>, paper: &Paper<S>) -> Exit {
    let mut job = Job::new(run, place, paper);
    job.look(run, Names::after(survey::wait(run)));
    do_job(run, place, paper, &mut job)
}

/// Does it. What was needed to find out what to do is not on the stack any more.
#[inline(never)]
fn do_job<S: Sys>(
    run: &Run<'_, S>,
    place: &Place<S>,
    paper: &Paper<S>,
    job: &mut Job<'_, S>,
) -> Exit {
    let mut stage = Stage::new();
    if perform(run, job, Some(paper.order), &mut stage).is_none() {
        return boot(run, Exit::Refused);
    }
    configure_kernel(run, job, &stage);
    job.states.set_all(job.unfinished, State::Open);
    report::say_outcome(run, &job.states, &stage);
    end(run, place, paper, job, &stage)
}

/// Stages and publishes what is to be done; `order` is the os.conf that it is done
/// for, if it is there. None, if what a power cut left cannot be mended.
fn perform<S: Sys>(
    run: &Run<'_, S>,
    job: &mut Job<'_, S>,
    order: Option<Order>,
    stage: &mut Stage<S>,
) -> Option<()> {
    let is_kept_before = |file: &Composed<S>| {
        let old = file.old.as_ref().map_or(&[][..], |old| &old.content);
        // Of another os.conf, what somebody wrote since is kept, too.
        let is_meant = (!job.is_same).then_some(old);
        job.goes_on && job.memory.names(&file.path, is_meant)
    };
    transaction::stage(run, &job.wanted(), job.parts, &is_kept_before, stage).ok()?;
    // Open, until it is durable. What only mends is not this os.conf's doing.
    let note = || stage.parts.is_empty() || job.memory.save(run, job, stage, order);
    let failed = transaction::publish(run, stage, &note).ok()?;
    if failed.is_empty() {
        transaction::end(run);
    }
    job.states.set_all(stage.parts.without(failed), State::Done);
    Some(())
}

/// Gives the running kernel what was published, where that is our task. A part
/// that it refuses is tried again.
fn configure_kernel<S: Sys>(run: &Run<'_, S>, job: &mut Job<'_, S>, stage: &Stage<S>) {
    let is_new =
        |part, states: &States| job.parts.contains(part) && states.get(part) == State::Done;
    let is_ours = job.system.network.is_kernel;
    let is_running = run.settings.is_running_root();
    let mut is_network_set = true;
    if is_new(Part::Network, &job.states) {
        match job.conf.network.value() {
            Some(network) if run.settings.kernel || (is_ours && is_running) => {
                is_network_set = running::set_network(run, network);
            }
            _ if is_running && stage.changes_of(Part::Network) > 0 => report::say_later(run),
            _ => {}
        }
    } else if is_running || run.settings.kernel {
        is_network_set = running::boot(run);
    }
    if !is_network_set && job.states.get(Part::Network) == State::Done {
        job.states.set(Part::Network, State::Open);
    }
    if let Some(name) = job.conf.host_name.value()
        && is_running
        && is_new(Part::HostName, &job.states)
        && !running::set_host_name(run, *name)
    {
        job.states.set(Part::HostName, State::Open);
    }
}

/// Records what was done; then destroys os.conf, or keeps it.
fn end<S: Sys>(
    run: &Run<'_, S>,
    place: &Place<S>,
    paper: &Paper<S>,
    job: &Job<'_, S>,
    stage: &Stage<S>,
) -> Exit {
    let exit = Exit::of(&job.states);
    // Nothing of it was understood, or all of it is empty: it is not ours to end.
    if job.states == States::default() {
        report::say_nothing_understood(run);
        return exit;
    }
    let record = |order| job.memory.save(run, job, stage, order);
    let is_in_memory = stage.is_in_memory || memory::is_in_memory(run);
    if is_in_memory {
        report::say_in_memory(run);
    } else if exit == Exit::Done {
        if !record(None) {
            return Exit::Refused;
        }
        let Err(errno) = order::destroy(run, place, paper) else {
            return Exit::Done;
        };
        order::say_kept(run, errno);
        // So that the next boot knows that it has done all this.
        record(Some(paper.order));
        return Exit::Refused;
    }
    let has_password = job.conf.password.value().is_some();
    let is_password_done = job.states.get(Part::Password) == State::Done;
    let is_recorded = if has_password && is_password_done && !is_in_memory {
        order::strip(run, place, paper, &|order| record(Some(order)))
    } else {
        // Nothing new is nothing to write: a second run changes no byte.
        let before = &job.memory.record;
        let is_same = before.order.is_some_and(|before| before.is(&paper.order));
        let is_known = is_same && before.states == job.states && stage.changes() == 0;
        is_known || record(Some(paper.order))
    };
    if is_recorded { exit } else { Exit::Refused }
}
