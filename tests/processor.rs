//! Which processor a rig is at work on.

use rustix::io;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Keeps this thread, and all that it starts from now on, on one processor: the one of
/// this number, counted around. Who starts a program and waits for it at every step has
/// nothing to do meanwhile, and to wake another processor each time takes longer than
/// many a step.
///
/// # Errors
/// Those of sched_setaffinity(2).
pub fn stay_on_one(number: usize) -> io::Result<()> {
    let allowed = sched_getaffinity(None)?;
    let all = (0..CpuSet::MAX_CPU).filter(|&processor| allowed.is_set(processor));
    let mut one = CpuSet::new();
    if let Some(processor) = all.cycle().nth(number) {
        one.set(processor);
    }
    sched_setaffinity(None, &one)
}
