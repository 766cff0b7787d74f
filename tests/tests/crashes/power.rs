//! The plug is pulled from a machine while osconf runs; and what its kernel writes
//! is written down and cut at every place.

use crate::guest::{self, Guest};
use crate::judge::{self, Goal};
use crate::machine::{self, CONF, Setup};
use crate::{Worker, cut_log, dice::Dice, report, states};
use anyhow::{Result, bail, ensure};
use core::time::Duration;
use osconf_tests::figure::{Figure, scale};
use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::Instant;

/// Cuts as often as the figure wants, on every kind of machine.
pub(crate) fn run(folder: &Path, seed: u64) -> Result<Figure> {
    let worker = Worker::new(folder)?;
    let guest = Guest::new(&folder.join("guest"))?;
    let setups = machine::guests();
    let each = scale(20, 300).div_ceil(setups.len() as u64);
    let mut figure = Figure::new("live power cuts");
    let mut states = Figure::new("distinct crash states of a guest");
    let mut dice = Dice::new(seed);
    control(&worker, &guest, &setups[0], &mut dice)?;
    for (job, setup) in setups.iter().enumerate() {
        let base = worker
            .bench(setup)
            .make(&setup.systems(), &|root| setup.fill(root))?;
        let (memory, images) = guest.boot(&worker.disks, setup, &base)?;
        let machine = (memory.as_path(), images.as_slice());
        // What it comes to, and how long that takes.
        let start = Instant::now();
        let line = guest::apply(setup);
        let mut power = guest.go_on(&worker.disks, setup, machine, &line)?;
        let (said, code) = power.end()?;
        let time = start.elapsed();
        ensure!(code == setup.machine.code, "{}: {said}", setup.name());
        power.run("umount /root/boot /root")?;
        drop(power);
        let tree = |images: &[_]| {
            let mounted = worker.bench(setup).mount(&setup.systems(), images)?;
            Ok::<_, anyhow::Error>(judge::read(mounted.root()))
        };
        let goal = Goal {
            old: tree(&images)?,
            new: tree(&worker.disks.images())?,
        };
        ensure!(goal.old.contains_key(CONF), "{}: no os.conf", setup.name());
        let more = cut_log(&worker, setup, &images, &goal, (seed, job))?;
        states.count += more.count;
        states.lost += more.lost;
        states.torn += more.torn;
        for _ in 0..each {
            let power = guest.go_on(&worker.disks, setup, machine, &line)?;
            let after = Duration::from_micros(dice.roll(time.as_micros() as usize) as u64);
            thread::sleep(after);
            drop(power);
            let disks = worker.disks.images();
            figure.count += 1;
            if let Some(wrong) = judge::judge(worker.bench(setup), setup, &goal, &disks)? {
                wrong.count(&mut figure);
                report(
                    setup,
                    seed,
                    job,
                    &format!("cut after {after:?}"),
                    &wrong,
                    &disks,
                );
            }
        }
        eprintln!("power: {}: osconf takes {time:?} there", setup.name());
    }
    states.print(seed);
    figure.lost += states.lost;
    figure.torn += states.torn;
    Ok(figure)
}

/// What is wrong on FAT: a file is taken for durable once its folder is, but its size
/// goes to the disk with the file itself, after rename(2).
const NO_SYNC_AFTER_RENAME: &str = "cp old new && sync new && mv new old && sync . && rm marker";

/// Holds that the rig finds what a program leaves that does not sync a file on FAT
/// once more after it has its name.
fn control(worker: &Worker, guest: &Guest, setup: &Setup, dice: &mut Dice) -> Result<()> {
    let folder = Path::new(CONF).with_file_name("");
    let base = worker.bench(setup).make(&setup.systems(), &|root| {
        setup.fill(root)?;
        fs::write(root.join(&folder).join("marker"), "x")?;
        Ok(fs::write(root.join(&folder).join("old"), "not empty")?)
    })?;
    let (memory, images) = guest.boot(&worker.disks, setup, &base)?;
    let line = format!("cd /root/{} && {NO_SYNC_AFTER_RENAME}", folder.display());
    let machine = (memory.as_path(), images.as_slice());
    let mut power = guest.go_on(&worker.disks, setup, machine, &line)?;
    let (said, code) = power.end()?;
    ensure!(code == 0, "{line}: {said}");
    power.run("sync")?;
    drop(power);
    let (log, mut seen) = (worker.disks.log(), HashSet::new());
    let (mut count, mut found) = (0, Ok(false));
    states::each(&images, &log, dice, &mut seen, &mut |_, images| {
        count += 1;
        found = (|| {
            let mounted = worker.bench(setup).mount(&setup.systems(), images)?;
            let folder = mounted.root().join(&folder);
            let text = fs::read_to_string(folder.join("old")).unwrap_or_default();
            Ok(!folder.join("marker").exists() && text != "not empty")
        })();
        matches!(found, Ok(false))
    });
    let found: Result<bool> = found;
    if !found? {
        bail!("no sync after rename(2) on FAT: not found in {count} states");
    }
    eprintln!("power: no sync after rename(2) on FAT: found in state {count}");
    Ok(())
}
