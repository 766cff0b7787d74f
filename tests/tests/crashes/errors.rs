//! Errors of the disk itself under a real ext4: every request fails in its turn,
//! once, or with all that follow it.

use crate::bench::{self, Bench};
use crate::disk::Fault;
use crate::image::Image;
use crate::judge::{self, Goal, Wrong};
use crate::machine::{CONF, EXT4, MACHINES, Setup};
use crate::{Worker, dice::Dice, report};
use anyhow::{Result, ensure};
use osconf_tests::figure::{Figure, scale};
use std::path::Path;

/// As many requests fail as the figure wants, and each of one setup at least.
pub(crate) fn run(folder: &Path, seed: u64) -> Result<Figure> {
    let worker = Worker::new(folder)?;
    let goal = scale(200, 2_000);
    let mut figure = Figure::new("disk errors under ext4");
    let mut dice = Dice::new(seed);
    for round in 0.. {
        let setup = Setup {
            machine: &MACHINES[dice.roll(MACHINES.len())],
            root: &EXT4,
            // On a disk of its own every other time.
            boot: (round % 2 == 1).then_some(&EXT4),
        };
        each_request(&worker, &setup, seed, &mut figure)?;
        eprintln!("errors: {}: {} errors so far", setup.name(), figure.count);
        if figure.count >= goal || figure.lost + figure.torn >= MANY {
            break;
        }
    }
    Ok(figure)
}

/// So many bad ends are enough to look at.
const MANY: u64 = 5;

fn each_request(worker: &Worker, setup: &Setup, seed: u64, figure: &mut Figure) -> Result<()> {
    let (base, goal) = worker.record(setup)?;
    for after in 0.. {
        let mut was_hit = false;
        for is_lasting in [false, true] {
            let fault = Fault { after, is_lasting };
            let (failed, images, code) = disturbed(worker, setup, &base, fault)?;
            if failed == 0 {
                continue;
            }
            was_hit = true;
            figure.count += 1;
            let wrong = match code {
                None => Some(Wrong::Panic(String::from("the disturbed run dies"))),
                code => judge_disks(worker.bench(setup), setup, &goal, &images, code == Some(0))?,
            };
            if let Some(wrong) = wrong {
                wrong.count(figure);
                report(setup, seed, 0, &format!("{fault:?}"), &wrong, &images);
            }
        }
        if !was_hit {
            return Ok(());
        }
    }
    Ok(())
}

/// A run on disks of which a request fails: how many failed, what is left on them,
/// and the exit code.
fn disturbed(
    worker: &Worker,
    setup: &Setup,
    base: &[Image],
    fault: Fault,
) -> Result<(u64, Vec<Image>, Option<i32>)> {
    let devices = worker.put(base)?;
    let mounted = devices.mount(&setup.systems())?;
    worker.disks.watch(Some(fault));
    let run = bench::apply(setup.machine, mounted.root())?;
    ensure!(!run.is_hung, "{}, {fault:?}: it hangs", setup.name());
    // A disk that stays broken is so when the machine is switched off, too; one
    // error in a shutdown is nobody's.
    if !fault.is_lasting {
        worker.disks.mend();
    }
    drop(mounted);
    let failed = worker.disks.mend();
    Ok((failed, worker.disks.images(), run.code))
}

/// After the check of a boot every file is old or new; the next run finishes.
fn judge_disks(
    bench: &Bench,
    setup: &Setup,
    goal: &Goal,
    images: &[Image],
    is_done: bool,
) -> Result<Option<Wrong>> {
    let systems = setup.systems();
    bench.put(&systems, images)?;
    bench.devices.check(&systems, true)?;
    let mounted = bench.devices.mount(&systems)?;
    let now = judge::read(mounted.root());
    if is_done && now.contains_key(CONF) {
        return Ok(Some(Wrong::Lost(String::from(
            "it said that all is done, and os.conf is there",
        ))));
    }
    match goal.after_cut(&now) {
        Err(wrong) => Ok(Some(wrong)),
        Ok(()) => judge::next_run(setup, goal, mounted.root()),
    }
}
