//! The fuzzer: holds inputs that it makes against the laws of `tests/fuzz/`, so many
//! times, from the inputs that are kept there.
//!
//! A broken law leaves the input in `target/fuzz/`, and says how to repeat it.

use core::sync::atomic::{AtomicUsize, Ordering};
use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};
use xshell::{Shell, cmd};

use crate::{setup, util};

/// A target, which part of all executions it has, in thousandths, and its longest input:
/// most laws are about lines, and of these a few. An execution takes 15 to 40
/// microseconds, but in `network`, where it plans and makes all files three times and
/// reads them, 430; and in `diff`, which looks for each line in all others, 50 with so
/// many lines, and a thousand with four times as many.
const TARGETS: &[(&str, u64, u32)] = &[
    ("network", 10, 512),
    ("conf", 300, 512),
    ("editors", 250, 512),
    ("disks", 230, 512),
    ("words", 150, 512),
    ("account", 40, 512),
    ("diff", 20, 128),
];

/// Executions in a test, and in the soak.
const TEST: u64 = 5_000_000;
const SOAK: u64 = 300_000_000;

/// Targets that are held at once: the machines that this is made for have two cores.
const WORKERS: usize = 2;

/// Seconds after which an execution counts as one that does not end: on a machine with
/// ten times the work that it can do, ten were passed by one of no time at all.
const HANGS: u32 = 60;

/// Builds the fuzzer without a sanitizer: what it runs has no unsafe code, and every
/// check of a debug build. It watches no comparisons, which takes half of the time;
/// the inputs that are kept have all the words that there are.
pub(crate) fn run(sh: &Shell) -> Result<String> {
    setup::nightly(&[])?;
    setup::cargo_tool("cargo-fuzz")?;
    let target = util::target_dir().join("fuzz");
    let host = cmd!(sh, "rustc -vV").quiet().read()?;
    let host = host.lines().find_map(|line| line.strip_prefix("host: "));
    let host = host.context("rustc does not say what it runs on")?;
    let options = ["--sanitizer", "none", "--no-trace-compares"];
    cmd!(
        sh,
        "cargo fuzz build --fuzz-dir tests/fuzz --target-dir {target} {options...}"
    )
    // The cargo that runs this one has said which compiler it is.
    .env("RUSTUP_TOOLCHAIN", setup::NIGHTLY)
    .quiet()
    .run()?;
    let seed = seed(sh);
    let all = match sh.var_os("OSCONF_SOAK") {
        Some(_) => SOAK,
        None => TEST,
    };
    let folder = target.join(host).join("release");
    let fuzz = Fuzz {
        folder,
        target,
        seed,
    };
    let next = AtomicUsize::new(0);
    let work = || -> Result<(u64, Vec<String>)> {
        let (mut count, mut broken) = (0, Vec::new());
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some((name, part, longest)) = TARGETS.get(at) else {
                return Ok((count, broken));
            };
            util::progress("fuzz", at + 1, TARGETS.len());
            let (done, fault) = fuzz.hold(name, all * part / 1000, *longest)?;
            println!("fuzz: {name}: {done} executions");
            count += done;
            broken.extend(fault);
        }
    };
    let outcomes = thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS).map(|_| scope.spawn(work)).collect();
        let ends = workers.into_iter().map(thread::ScopedJoinHandle::join);
        ends.map(|end| end.unwrap_or_else(|_| bail!("a worker has panicked")))
            .collect::<Result<Vec<_>>>()
    })?;
    let count: u64 = outcomes.iter().map(|(count, _)| count).sum();
    let broken: Vec<String> = outcomes
        .into_iter()
        .flat_map(|(_, broken)| broken)
        .collect();
    ensure!(broken.is_empty(), "{}", broken.join("\n"));
    ensure!(count >= all, "{count} executions instead of {all}");
    Ok(format!(
        "figure: fuzz executions | {count} | 0 | 0 | 0 | 0 | {seed}\n"
    ))
}

/// The fuzzer as it was built.
struct Fuzz {
    folder: PathBuf,
    target: PathBuf,
    seed: u32,
}

impl Fuzz {
    /// Holds so many inputs against one law. Returns how many there were, and what is
    /// to be said of one that breaks it.
    fn hold(&self, name: &str, runs: u64, longest: u32) -> Result<(u64, Option<String>)> {
        let program = self.folder.join(name);
        // The seed repeats a run that begins with what is kept, in this order, and with
        // nothing else; what reaches new code is kept in memory only.
        let own = tempfile::tempdir()?;
        let list = own.path().join("list");
        fs::write(&list, kept(name)?.join(","))?;
        let options = [
            format!("-runs={runs}"),
            format!("-seed={}", self.seed),
            format!("-max_len={longest}"),
            format!("-timeout={HANGS}"),
            format!("-seed_inputs=@{}", list.display()),
            format!("-artifact_prefix={}/broken-{name}-", self.target.display()),
            "-print_final_stats=1".to_owned(),
            "-verbosity=0".to_owned(),
        ];
        let sh = util::shell()?;
        let output = cmd!(sh, "{program} {options...}")
            .quiet()
            .ignore_status()
            .output()?;
        let log = String::from_utf8_lossy(&output.stderr).into_owned();
        let done = log
            .lines()
            .find_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
        let done: u64 = done.map_or(Ok(0), |done| done.trim().parse())?;
        let fault = (!output.status.success()).then(|| {
            format!(
                "{name}: {log}\nagain: {} FILE, with the file named above; mend it, and keep it \
                 in tests/fuzz/corpus/{name}/",
                program.display()
            )
        });
        Ok((done, fault))
    }
}

/// The inputs that are kept, in the order of their names.
fn kept(name: &str) -> Result<Vec<String>> {
    let folder = util::root().join("tests/fuzz/corpus").join(name);
    let paths = util::files(&folder)?.into_iter();
    Ok(paths.map(|path| path.display().to_string()).collect())
}

/// Where the dice begin, as in `tests/figure.rs`; to libFuzzer 0 is any number.
fn seed(sh: &Shell) -> u32 {
    let given = sh.var("OSCONF_SEED").ok();
    let given = given.and_then(|seed| seed.parse().ok());
    given.unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        now.map_or(1, |now| now.subsec_nanos() | 1)
    })
}
