//! A fault at every system call of the shipped binary, by ptrace(2).
//!
//! Each run has one fault, or two: a call that fails, once or from then on, that moves
//! half of its bytes, or that the process does not survive. Then every file is the old
//! or the new one, os.conf is there for as long as anything is left, and one more run
//! makes exactly what it would have made without the fault.
//!
//! A failure names a machine and the faults, which `OSCONF_AGAIN='MACHINE FAULTS'`
//! repeats; `OSCONF_SEED` repeats all dice.

mod bench;
mod calls;
mod control;
mod filter;
mod ground;
mod hash;
mod judge;
mod machine;
mod shot;
mod stories;
mod tracer;
mod tree;
mod watch;

use anyhow::{Context, Result, ensure};
use bench::{Bench, Tools};
use ground::Grounds;
use judge::{Harm, Problem};
use machine::Machine;
use osconf_tests::dice::Dice;
use osconf_tests::figure::{self, Figure};
use osconf_tests::processor;
use shot::Story;
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use stories::Stories;
use tracer::Starter;
use watch::Watch;

/// Set in the process that has namespaces of its own.
const INSIDE: &str = "OSCONF_INJECTOR_INSIDE";
/// After so many failures of a machine there is nothing more to learn from it.
const ENOUGH: usize = 5;

fn main() -> Result<()> {
    if env::var_os(INSIDE).is_none() {
        let status = Command::new("unshare")
            .args(["--mount", "--net", "--fork", "--kill-child"])
            .arg(env::current_exe()?)
            .env(INSIDE, "1")
            .status()
            .context("unshare(1), of util-linux")?;
        ensure!(status.success(), "the injector: {status}");
        return Ok(());
    }
    ground::plug_in()?;
    let seed = figure::seed();
    let machines = machine::all()?;
    let native = osconf_tests::product::binary()?.display().to_string();
    let mut subjects = vec![Subject {
        name: "faults on the real binary, x86_64",
        program: native.clone(),
        is_guest: false,
        count: figure::scale(20_000, 200_000),
    }];
    match env::var("OSCONF_AARCH64") {
        Ok(binary) => subjects.push(Subject {
            name: "faults on the real binary, aarch64",
            program: format!("qemu-aarch64 {binary}"),
            is_guest: true,
            count: figure::scale(1_000, 10_000),
        }),
        Err(_) => println!("OSCONF_AARCH64 names no binary: only this machine's is tried"),
    }
    let folder = tempfile::tempdir()?;
    let folders = [0, 1].map(|number| folder.path().join(number.to_string()));
    let grounds = folders.iter().map(|folder| Grounds::lay(folder));
    let _grounds = grounds.collect::<Result<Vec<_>>>()?;
    let mut is_good = true;
    for subject in &subjects {
        let figure = all(subject, &native, &machines, seed, &folders)?;
        figure.print(seed);
        is_good &= figure.is_good();
    }
    ensure!(is_good, "faults did harm");
    Ok(())
}

/// A binary, and how many faults are put on it.
struct Subject {
    name: &'static str,
    /// How it is called.
    program: String,
    /// Whether that is an emulator's name.
    is_guest: bool,
    count: u64,
}

/// Puts faults on all machines, as many workers at a time as there are folders.
fn all(
    subject: &Subject,
    native: &str,
    machines: &[Machine],
    seed: u64,
    folders: &[PathBuf],
) -> Result<Figure> {
    let share = subject.count.div_ceil(machines.len() as u64);
    let queue = Mutex::new(machines.iter().enumerate().collect::<Vec<_>>());
    let total = Mutex::new(Figure::new(subject.name));
    let work = |number: usize, own: &Path| -> Result<()> {
        processor::stay_on_one(number)?;
        let guest = subject.is_guest.then(|| own.display().to_string());
        let starter = Starter::new(own, Watch::new(), guest)?;
        let mut tools = Tools::new(starter, &subject.program, native)?;
        loop {
            let next = queue.lock().expect("no panic").pop();
            let Some((index, machine)) = next else {
                return Ok(());
            };
            let dice = Dice::new(seed.wrapping_add(index as u64));
            let context = || format!("the rig failed on the machine {}", machine.name);
            if index == 0 && !subject.is_guest {
                control::all_are_found(machine, &mut tools, own).with_context(context)?;
            }
            let figure =
                torture(subject, machine, &mut tools, own, dice, share).with_context(context)?;
            total.lock().expect("no panic").add(&figure);
        }
    };
    let work = &work;
    std::thread::scope(|scope| {
        let workers: Vec<_> = folders
            .iter()
            .enumerate()
            .map(|(number, own)| scope.spawn(move || work(number, own)))
            .collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().expect("no panic"))
    })?;
    Ok(total.into_inner()?)
}

/// Puts `share` faults on a machine.
fn torture(
    subject: &Subject,
    machine: &Machine,
    tools: &mut Tools,
    folder: &Path,
    dice: Dice,
    share: u64,
) -> Result<Figure> {
    let mut figure = Figure::default();
    let again = env::var("OSCONF_AGAIN").ok();
    let again = again
        .as_deref()
        .map(|text| text.split_once(' ').unwrap_or((text, "")));
    if again.is_some_and(|(name, _)| name != machine.name) {
        return Ok(figure);
    }
    let start = std::time::Instant::now();
    let is_guest = tools.starter.is_guest();
    let mut bench = Bench::new(machine, tools, folder)?;
    if let Some((_, story)) = again.filter(|(_, story)| !story.is_empty()) {
        let story = story.parse()?;
        let (fired, problems) = bench.tell(&story)?;
        println!("{fired} faults came to pass\n{}", bench.said);
        count(&mut figure, machine, &story, fired, &problems);
        return Ok(figure);
    }
    let mut stories = Stories::new(&bench.trace, dice, is_guest);
    let mut failures = 0;
    let mut runs = 0;
    while (figure.count < share || stories.must_go_on()) && failures < ENOUGH {
        let story = stories.next();
        let (fired, problems) = bench.tell(&story).with_context(|| story.to_string())?;
        runs += 1;
        failures += usize::from(!problems.is_empty());
        count(&mut figure, machine, &story, fired, &problems);
        figure::progress(subject.name, fired, subject.count);
    }
    println!(
        "{}: {} of {} faults in {runs} runs, {:.1} s",
        machine.name,
        figure.count,
        stories.len(),
        start.elapsed().as_secs_f32()
    );
    Ok(figure)
}

/// Counts what came of a story, and says what was wrong.
fn count(figure: &mut Figure, machine: &Machine, story: &Story, fired: u64, found: &[Problem]) {
    figure.count += fired;
    for problem in found {
        match problem.harm {
            Harm::Lost => figure.lost += 1,
            Harm::Torn => figure.torn += 1,
            Harm::Panic => figure.panics += 1,
            Harm::Hang => figure.hangs += 1,
        }
        eprintln!(
            "{} {story}: {:?}: {}",
            machine.name, problem.harm, problem.text
        );
    }
    if !found.is_empty() {
        eprintln!(
            "again: OSCONF_AGAIN='{} {story}' cargo xtask reliability injector",
            machine.name
        );
    }
}
