//! A fault at every system call: the program runs on a kernel of ours, in which call
//! number N goes wrong; then what is left is judged, and the next run, undisturbed,
//! must make of it what it should have been.
//!
//! An argument is a part of the names of the layouts to take. `OSCONF_SEED` and
//! `OSCONF_SOAK` are as in `figure.rs`.

mod controls;
mod cuts;
mod layout;
mod repair;
mod scene;
mod tree;

use core::sync::atomic::{AtomicUsize, Ordering};
use cuts::{Disks, cut};
use layout::Layout;
use osconf_tests::figure::{self, Figure};
use osconf_tests::kernel::cut::Dice;
use osconf_tests::kernel::faults::Fault;
use osconf_tests::matrix;
use scene::{Damage, Scene};
use std::process::ExitCode;
use std::sync::Mutex;

/// Bytes of stack of a thread: a run goes half a mebibyte deep in the product.
const STACK: usize = 32 << 20;
/// Trees in which all of os.conf is done, the password, too; the networks have none.
const SAMPLES: &str = "-sample-configures-";
/// How many failures are shown.
const SHOWN: usize = 12;

fn names(only: &str) -> Vec<String> {
    let trees = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("trees");
    let folders = std::fs::read_dir(trees).into_iter().flatten().flatten();
    let mut names: Vec<String> = folders
        .filter(|entry| entry.path().join("case.toml").exists())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.extend(matrix::tests());
    names.retain(|name| name.contains(only));
    if only.is_empty() {
        // Other trees have things that this kernel does not know well enough to judge.
        names.retain(|name| name.starts_with(matrix::PREFIX) || name.contains(SAMPLES));
    }
    names.sort();
    names
}

struct Tally {
    figure: Figure,
    cuts: Figure,
    failures: Vec<String>,
}

impl Tally {
    fn add(&mut self, damage: Damage, text: String) {
        count(&mut self.figure, damage);
        self.show(text);
    }

    fn add_cut(&mut self, damage: Damage, text: String) {
        count(&mut self.cuts, damage);
        self.show(text);
    }

    fn show(&mut self, text: String) {
        if self.failures.len() < SHOWN {
            self.failures.push(text);
        }
    }
}

fn count(figure: &mut Figure, damage: Damage) {
    let count = match damage {
        Damage::Lost => &mut figure.lost,
        Damage::Torn => &mut figure.torn,
        Damage::Panic => &mut figure.panics,
        Damage::Hang => &mut figure.hangs,
    };
    *count += 1;
}

/// Every single fault of a layout, each with one right behind it, and pairs by chance.
fn break_layout(layout: &Layout, pairs: u64, seed: u64, tally: &Mutex<Tally>) {
    let mut scene = Scene::new(layout);
    let mut count = 0;
    let mut failures = 0;
    let mut attempt = |scene: &mut Scene<'_>, faults: [Option<Fault>; 2]| {
        let (end, left) = scene.disturbed(faults, None);
        count += u64::from(left.hits);
        figure::progress("faults in process", left.hits.into(), 0);
        if let Some((damage, what)) = scene.judge(&end, &left) {
            failures += 1;
            let text = if failures > 3 {
                String::new()
            } else {
                let calls =
                    faults.map(|fault| fault.map(|fault| scene.trace.get(fault.at as usize)));
                format!(
                    "{}: {faults:?} {calls:?} ends with {end:?}\n{}{what}\n",
                    layout.name,
                    String::from_utf8_lossy(&left.said)
                )
            };
            tally.lock().expect("a tally").add(damage, text);
        }
    };
    let fault = |at, choice, lasts| Some(Fault { at, choice, lasts });
    let calls = scene.trace.clone();
    for (at, call) in (0..).zip(&calls) {
        attempt(&mut scene, [Some(Fault::kill(at)), None]);
        for choice in 0..call.deeds().len() as u32 {
            for lasts in [false, true] {
                attempt(&mut scene, [fault(at, choice, lasts), None]);
            }
            // What cleans up after it fails, too.
            let next = [fault(at, choice, false), fault(at + 1, 0, false)];
            attempt(&mut scene, next);
        }
    }
    let mut dice = Dice(seed);
    let mut number = |sides: u64| dice.roll(sides.max(1)) as u32;
    for _ in 0..pairs {
        let length = calls.len() as u64;
        let (a, b) = (number(length), number(length + 20));
        let first = fault(a.min(b), number(840), number(4) == 0);
        let second = fault(a.max(b), number(840), number(4) == 0);
        attempt(&mut scene, [first, second]);
    }
    tally.lock().expect("a tally").figure.count += count;
}

/// A power cut at every call of a layout, on each kind of disk.
fn cut_layout(name: &str, rounds: u64, seed: u64, tally: &Mutex<Tally>) -> anyhow::Result<()> {
    for disks in Disks::ALL {
        let Some(layout) = Layout::new(name)? else {
            return Ok(());
        };
        let mut scene = Scene::new(&layout);
        let mut dice = Dice(seed);
        let mut count = 0;
        for at in 0..=scene.trace.len() as u32 {
            for _ in 0..rounds {
                count += 1;
                if let Some((damage, what)) = cut(&mut scene, disks, at, None, &mut dice) {
                    let text = format!("{name}: {disks:?}, cut at {at}\n{what}\n");
                    tally.lock().expect("a tally").add_cut(damage, text);
                }
            }
        }
        tally.lock().expect("a tally").cuts.count += count;
    }
    Ok(())
}

fn work(names: &[String], next: &AtomicUsize, seed: u64, tally: &Mutex<Tally>) {
    while let Some(name) = names.get(next.fetch_add(1, Ordering::Relaxed)) {
        if let Err(error) = cut_layout(name, figure::scale(2, 40), seed, tally) {
            let text = format!("{name}: {error:#}");
            tally.lock().expect("a tally").add_cut(Damage::Panic, text);
        }
        match Layout::new(name) {
            Ok(Some(layout)) => break_layout(&layout, figure::scale(3_450, 50_000), seed, tally),
            Ok(None) => {}
            Err(error) => {
                let text = format!("{name}: {error:#}");
                tally.lock().expect("a tally").add(Damage::Panic, text);
            }
        }
    }
}

fn main() -> ExitCode {
    std::panic::set_hook(Box::new(|_| {}));
    let only = std::env::args().nth(1).unwrap_or_default();
    let seed = figure::seed();
    let names = names(&only);
    let next = AtomicUsize::new(0);
    let tally = Mutex::new(Tally {
        figure: Figure::new("faults in process"),
        cuts: Figure::new("power cuts in process"),
        failures: Vec::new(),
    });
    let mut controls = Ok(());
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK);
        let told = thread.spawn_scoped(scope, || controls::all(seed));
        controls = told.expect("a thread").join().expect("controls");
        for _ in 0..2 {
            let thread = std::thread::Builder::new().stack_size(STACK);
            thread
                .spawn_scoped(scope, || work(&names, &next, seed, &tally))
                .expect("a thread");
        }
    });
    let tally = tally.into_inner().expect("a tally");
    for failure in tally.failures.iter().filter(|text| !text.is_empty()) {
        eprintln!("{failure}");
    }
    if let Err(error) = &controls {
        eprintln!("negative control: {error:#}");
    }
    tally.figure.print(seed);
    tally.cuts.print(seed);
    if tally.figure.is_good() && tally.cuts.is_good() && controls.is_ok() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
