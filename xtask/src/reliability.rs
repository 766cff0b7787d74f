//! `cargo xtask reliability`: breaks the program in every way that it must survive,
//! and prints the table of `tests/README.md`.

use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::thread;

use anyhow::{Context, Result, bail, ensure};
use xshell::{Shell, cmd};

use crate::boot::parts;
use crate::util::TESTS;
use crate::{build, fuzz, miri, setup, soak, target, util};

/// What breaks the program in one way.
struct Rig {
    name: &'static str,
    /// Runs it, and returns what it printed.
    run: fn(&Shell) -> Result<String>,
    /// Whether it is a test of `tests/`.
    is_test: bool,
    /// Whether it is so long that only the soak has it.
    is_long: bool,
}

/// All of them, long ones first: who comes last should not be waited for.
const RIGS: &[Rig] = &[
    Rig {
        name: "miri",
        run: miri::run,
        is_test: false,
        is_long: true,
    },
    Rig {
        name: "injector",
        run: |sh| test(sh, "injector", &[]),
        is_test: true,
        is_long: false,
    },
    Rig {
        name: "crashes",
        run: crashes,
        is_test: true,
        is_long: false,
    },
    Rig {
        name: "fuzz",
        run: fuzz::run,
        is_test: false,
        is_long: false,
    },
    Rig {
        name: "hostile",
        run: |sh| test(sh, "hostile", &[]),
        is_test: true,
        is_long: false,
    },
    Rig {
        name: "faults",
        run: |sh| test(sh, "faults", &[]),
        is_test: true,
        is_long: false,
    },
    Rig {
        name: "secrets",
        run: |sh| test(sh, "secrets", &[]),
        is_test: true,
        is_long: false,
    },
];

/// Rigs that run at once: each has work for two processors, but some wait for disks and
/// for QEMU, and then another one goes on.
const LANES: usize = 2;

/// Where the dice begin in `cargo xtask test`. With other dice each time, it would blame
/// a change for what was wrong before it, and nobody could say that it was mended. By
/// hand, and in the soak, they are thrown anew.
const SEED: &str = "20261121";

/// How the line of a figure begins (`tests/figure.rs`).
const FIGURE: &str = "figure: ";

/// What a rig came to.
type Outcome = (&'static str, Result<String>);

/// Runs the rigs, as the command line says.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let (soak, names): (Vec<&String>, Vec<&String>) = arguments
        .iter()
        .partition(|argument| argument.as_str() == "--soak");
    let only = match names.as_slice() {
        [] => "",
        [only] => only.as_str(),
        _ => bail!("too many arguments: only the name of a rig, and --soak"),
    };
    let sh = util::shell()?;
    let is_soak = !soak.is_empty();
    if is_soak {
        sh.set_var("OSCONF_SOAK", "1");
    }
    let chosen = |rig: &&Rig| rig.name.contains(only) && (is_soak || !rig.is_long);
    run_all(&sh, RIGS.iter().filter(chosen).collect())
}

/// Runs what `cargo xtask test` has of them, each time in the same way.
pub(crate) fn test_all() -> Result<()> {
    let sh = util::shell()?;
    if sh.var_os("OSCONF_SEED").is_none() {
        sh.set_var("OSCONF_SEED", SEED);
    }
    run_all(&sh, RIGS.iter().filter(|rig| !rig.is_long).collect())
}

fn run_all(sh: &Shell, rigs: Vec<&'static Rig>) -> Result<()> {
    let targets = target::all()?;
    setup::tools(&setup::all_tools(&targets))?;
    build::name_binaries(sh, &targets)?;
    build_tests(sh, &rigs)?;
    let rigs = Mutex::new(rigs.into_iter());
    let lane = |sh: Shell| {
        let mut outcomes = Vec::new();
        let next = || rigs.lock().ok().and_then(|mut rigs| rigs.next());
        while let Some(rig) = next() {
            let (outcome, time) = util::timed(|| (rig.run)(&sh));
            let said = match &outcome {
                Ok(output) => output.clone(),
                Err(error) => format!("{error:#}"),
            };
            // At once, and as one piece: another rig is still at work.
            println!(
                "reliability: {}: {:.1} s\n{said}",
                rig.name,
                time.as_secs_f32()
            );
            outcomes.push((rig.name, outcome));
        }
        outcomes
    };
    let outcomes: Vec<Outcome> = thread::scope(|scope| {
        let lanes = [(); LANES].map(|()| {
            let sh = sh.clone();
            scope.spawn(|| lane(sh))
        });
        lanes
            .into_iter()
            .flat_map(|lane| lane.join().unwrap_or_default())
            .collect()
    });
    let mut rows = Vec::new();
    let mut failed = Vec::new();
    for (name, outcome) in outcomes {
        match outcome {
            Ok(output) => {
                let figures = output.lines().filter_map(|line| line.strip_prefix(FIGURE));
                rows.extend(figures.map(|row| format!("| {row} |")));
            }
            Err(_) => failed.push(name),
        }
    }
    println!("| figure | count | lost | torn | panics | hangs | seed |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: |");
    for row in rows {
        println!("{row}");
    }
    ensure!(failed.is_empty(), "failed: {}", failed.join(", "));
    Ok(())
}

/// Builds all rigs at once, so that none of them waits for another's compiler.
fn build_tests(sh: &Shell, rigs: &[&Rig]) -> Result<()> {
    let names = rigs.iter().filter(|rig| rig.is_test).map(|rig| rig.name);
    let tests: Vec<&str> = names.flat_map(|name| ["--test", name]).collect();
    if tests.is_empty() {
        return Ok(());
    }
    Ok(cmd!(sh, "cargo {TESTS...} --no-run {tests...}")
        .quiet()
        .ignore_stderr()
        .run()?)
}

/// Crashes of this machine's kernel, and of one in QEMU, which is fetched here.
fn crashes(sh: &Shell) -> Result<String> {
    let target = target::all()?.into_iter().find(|one| one.name == "x86_64");
    let target = target.context("no target x86_64")?;
    let guest = |release| -> Result<()> {
        let parts = parts::get(&target, release)?;
        sh.set_var("OSCONF_GUEST", parts.kernel.with_file_name(""));
        Ok(())
    };
    guest(None)?;
    let mut output = test(sh, "crashes", &[])?;
    if sh.var_os("OSCONF_SOAK").is_some() {
        // FAT and ext2 of older and newer kernels: what power.rs does is in the guest.
        for release in soak::KERNELS {
            guest(Some(release))?;
            output += &test(sh, "crashes", &["power"])?;
        }
    }
    Ok(output)
}

/// A rig that is a test of `tests/`, without cargo's own harness: it says what went
/// wrong on standard error, and its figures on standard output, also where some are bad.
fn test(sh: &Shell, name: &str, arguments: &[&str]) -> Result<String> {
    let rig = cmd!(sh, "cargo {TESTS...} --test {name} -- {arguments...}");
    let output = Command::from(rig).stderr(Stdio::inherit()).output()?;
    let figures = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(
        output.status.success(),
        "{name} ended with {}\n{figures}",
        output.status
    );
    Ok(figures)
}
