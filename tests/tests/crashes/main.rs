//! Every state of the disks that a power cut can leave, and every error of a disk.
//!
//! The shipped binary runs on real file systems of this machine's kernel, on disks
//! that write down what they are told (`disk.rs`). From that, every state is made
//! that a cut can leave (`states.rs`), mounted, with its journal replayed by the
//! kernel, and judged (`judge.rs`): os.conf gone means that all of it is applied;
//! os.conf there means that the next run does what is left. It needs root.

mod bench;
mod controls;
mod dice;
mod disk;
mod errors;
mod guest;
mod image;
mod judge;
mod machine;
mod power;
mod states;

use anyhow::{Context, Result, bail, ensure};
use bench::{Bench, Devices};
use controls::Mistake;
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use dice::Dice;
use disk::Disks;
use image::Image;
use judge::{Goal, Wrong};
use machine::Setup;
use osconf_tests::disk::Loop;
use osconf_tests::figure::{Figure, progress, scale, seed};
use osconf_tests::processor;
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use std::collections::HashSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Mutex;
use std::thread;

/// Set in the process that has namespaces of its own.
const INSIDE: &str = "OSCONF_CRASHES_INSIDE";
/// Images are judged by so many threads.
const WORKERS: usize = 2;

type Part = fn(&Path, u64) -> Result<Option<Figure>>;
/// What the rig does, in a folder in memory, and what it counts.
const PARTS: [(&str, Part); 4] = [
    ("controls", controls),
    ("power", |folder, seed| power::run(folder, seed).map(Some)),
    ("errors", |folder, seed| errors::run(folder, seed).map(Some)),
    ("states", |folder, seed| cuts(folder, seed).map(Some)),
];

fn main() -> Result<ExitCode> {
    if std::env::var_os(INSIDE).is_none() {
        // Mounts and NICs of our own, gone with us.
        let status = Command::new("unshare")
            .args(["--mount", "--net", "--propagation=private"])
            .arg(std::env::current_exe()?)
            .args(std::env::args_os().skip(1))
            .env(INSIDE, "1")
            .status()
            .context("unshare, of util-linux: are you root?")?;
        return Ok(if status.success() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        });
    }
    let mac = format!("address {}", machine::MAC);
    let nic = format!("link add eth0 {mac} type veth peer name peer0");
    let is_good = Command::new("ip").args(nic.split(' ')).status()?.success();
    ensure!(is_good, "ip, of iproute2, cannot make a NIC");
    let folder = tempfile::tempdir()?;
    mount("tmpfs", folder.path(), "tmpfs", MountFlags::empty(), None)?;
    let is_good = run(folder.path());
    unmount(folder.path(), UnmountFlags::DETACH)?;
    is_good.map(|is_good| ExitCode::from(u8::from(!is_good)))
}

/// Does all in a folder; says whether nothing was broken.
fn run(folder: &Path) -> Result<bool> {
    let seed = seed();
    // Named, one part runs alone.
    let only = std::env::args().nth(1).unwrap_or_default();
    let mut is_good = true;
    for (name, part) in PARTS {
        if name.contains(&only)
            && let Some(figure) = part(&folder.join(name), seed)?
        {
            figure.print(seed);
            is_good &= figure.is_good();
        }
    }
    if !is_good {
        eprintln!("OSCONF_SEED={seed} repeats it");
    }
    Ok(is_good)
}

/// What one thread has: disks that write down what happens, and two benches to judge on,
/// of which the second is for small blocks.
struct Worker {
    folder: PathBuf,
    disks: Disks,
    benches: [Bench; 2],
}

impl Worker {
    fn new(folder: &Path) -> Result<Self> {
        Ok(Self {
            folder: folder.to_owned(),
            disks: Disks::new(2)?,
            benches: [
                Bench::new(&folder.join("bench"), false)?,
                Bench::new(&folder.join("small"), true)?,
            ],
        })
    }

    /// What a machine is judged on.
    fn bench(&self, setup: &Setup) -> &Bench {
        &self.benches[usize::from(setup.has_small_blocks())]
    }

    /// Puts other content on the disks that write down what happens. Their devices are
    /// new ones: what the kernel has read from the old ones is gone with them.
    fn put(&self, images: &[Image]) -> Result<Devices<Loop>> {
        self.disks.put(images);
        let files = [self.disks.path(0), self.disks.path(1)];
        Devices::on(&files, self.folder.join("recorded"))
    }

    /// Runs osconf on a new machine, and writes down what that does to its disks.
    fn record(&self, setup: &Setup) -> Result<(Vec<Image>, Goal)> {
        let base = self
            .bench(setup)
            .make(&setup.systems(), &|root| setup.fill(root))?;
        let goal = self.write_down(setup, &base, &|root| {
            let run = bench::apply(setup.machine, root)?;
            let code = Some(setup.machine.code);
            ensure!(run.code == code, "{}: {}", setup.name(), run.error);
            Ok(())
        })?;
        Ok((base, goal))
    }

    /// Writes down what is done to the disks.
    fn write_down(
        &self,
        setup: &Setup,
        base: &[Image],
        deed: &dyn Fn(&Path) -> Result<()>,
    ) -> Result<Goal> {
        let devices = self.put(base)?;
        self.disks.watch(None);
        let mounted = devices.mount(&setup.systems())?;
        let old = judge::read(mounted.root());
        deed(mounted.root())?;
        let new = judge::read(mounted.root());
        Ok(Goal { old, new })
    }

    /// Holds that the rig finds what a wrong program leaves after a power cut.
    fn control(&self, mistake: Mistake, setup: &Setup, seed: u64) -> Result<()> {
        let (base, goal) = self.record(setup)?;
        self.write_down(setup, &base, &|root| {
            controls::apply(mistake, root, &goal.old, &goal.new)
        })?;
        let (mut count, mut found) = (0, Ok(None));
        let (log, mut dice, mut seen) = (self.disks.log(), Dice::new(seed), HashSet::new());
        states::each(&base, &log, &mut dice, &mut seen, &mut |_, images| {
            count += 1;
            found = judge::judge_cut(self.bench(setup), setup, &goal, images);
            matches!(found, Ok(None))
        });
        let name = setup.name();
        let Some(wrong) = found? else {
            bail!("{mistake:?}, {name}: not found in {count} states");
        };
        eprintln!(
            "crashes: {mistake:?}, {name}: found in state {count}: {}",
            wrong.what()
        );
        Ok(())
    }
}

/// Holds that the rig finds each wrong program.
fn controls(folder: &Path, seed: u64) -> Result<Option<Figure>> {
    let worker = Worker::new(folder)?;
    for mistake in controls::MISTAKES {
        worker.control(mistake, &controls::setup(), seed)?;
    }
    Ok(None)
}

/// Judges so many states as the figure wants.
fn cuts(folder: &Path, seed: u64) -> Result<Figure> {
    let goal = scale(10_000, 100_000);
    let setups = machine::setups();
    let (next, count) = (AtomicUsize::new(0), AtomicU64::new(0));
    let total = Mutex::new(Figure::new("distinct crash states"));
    let outcome: Result<Vec<()>> = thread::scope(|scope| {
        let work = |number: usize| -> Result<()> {
            processor::stay_on_one(number)?;
            let worker = Worker::new(&folder.join(format!("worker-{number}")))?;
            loop {
                let job = next.fetch_add(1, Ordering::Relaxed);
                // Each setup once, at least.
                if job >= setups.len() && count.load(Ordering::Relaxed) >= goal {
                    return Ok(());
                }
                let figure = cut(&worker, &setups[job % setups.len()], seed, job)?;
                count.fetch_add(figure.count, Ordering::Relaxed);
                let mut total = total.lock().expect("no thread panics");
                total.add(&figure);
            }
        };
        let workers: Vec<_> = (0..WORKERS)
            .map(|number| scope.spawn(move || work(number)))
            .collect();
        let ends = workers
            .into_iter()
            .map(|worker| worker.join().expect("no thread panics"));
        ends.collect()
    });
    outcome?;
    Ok(total.into_inner()?)
}

/// Records one run, and judges every state that a cut of it can leave.
fn cut(worker: &Worker, setup: &Setup, seed: u64, job: usize) -> Result<Figure> {
    let (base, goal) = worker.record(setup)?;
    cut_log(worker, setup, &base, &goal, (seed, job))
}

/// Judges every state that a cut of what was written down can leave.
fn cut_log(
    worker: &Worker,
    setup: &Setup,
    base: &[Image],
    goal: &Goal,
    (seed, job): (u64, usize),
) -> Result<Figure> {
    let start = std::time::Instant::now();
    let mut dice = Dice::new(seed.wrapping_add(job as u64));
    let log = worker.disks.log();
    let mut figure = Figure::new("");
    let mut outcome = Ok(());
    let slowest = setup.systems().iter().map(|system| system.share).min();
    let most = scale(1, 10) * slowest.unwrap_or_default();
    let mut seen = HashSet::new();
    // All of them are counted first, so that those that are judged come from all places.
    let mut all = 0;
    states::each(base, &log, &mut dice, &mut seen, &mut |_, _| {
        all += 1;
        true
    });
    let mut dice = Dice::new(seed.wrapping_add(job as u64));
    let mut chance = Dice::new(seed ^ job as u64);
    seen.clear();
    states::each(base, &log, &mut dice, &mut seen, &mut |origin, images| {
        if chance.roll(all) as u64 >= most {
            return true;
        }
        figure.count += 1;
        progress("crash states", 1, 0);
        match judge::judge(worker.bench(setup), setup, goal, images) {
            Ok(None) => {}
            Ok(Some(wrong)) => {
                wrong.count(&mut figure);
                report(setup, seed, job, &origin.name(), &wrong, images);
            }
            Err(error) => {
                outcome = Err(error.context(format!("{}: {}", setup.name(), origin.name())));
            }
        }
        outcome.is_ok() && figure.lost + figure.torn < MANY
    });
    eprintln!(
        "crashes: {}: {} events, {} of {all} states, {:.1} s",
        setup.name(),
        log.len(),
        figure.count,
        start.elapsed().as_secs_f32()
    );
    outcome.map(|()| figure)
}

/// So many bad states of one recording are enough to look at.
const MANY: u64 = 5;

/// Says what is wrong, and keeps the disks.
fn report(setup: &Setup, seed: u64, job: usize, origin: &str, wrong: &Wrong, images: &[Image]) {
    eprintln!("crashes: {}: {}", setup.name(), wrong.what());
    eprintln!("  again: OSCONF_SEED={seed}, recording {job}, {origin}");
    for (disk, image) in images.iter().enumerate() {
        let path = PathBuf::from(format!("/tmp/osconf-crash-{job}-{disk}.img"));
        let kept = File::create(&path)
            .map_err(anyhow::Error::from)
            .and_then(|file| {
                file.set_len(disk::DISK_BYTES)?;
                image.write_to(&file)
            });
        match kept {
            Ok(()) => eprintln!("  disk {disk} is {}", path.display()),
            Err(error) => eprintln!("  disk {disk} is not kept: {error}"),
        }
    }
}
