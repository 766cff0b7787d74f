//! The fuzzer: holds inputs that it makes against the laws of `tests/fuzz/`, so many
//! times, from the inputs that are kept there.
//!
//! A broken law leaves the input in `target/fuzz/`, and says how to repeat it.

use core::sync::atomic::{AtomicUsize, Ordering};
use std::path::PathBuf;
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};
use xshell::{Shell, cmd};

use crate::{setup, util};

/// A target, and which part of all executions it has, in thousandths: the quicker, the
/// more. An execution takes 15 to 45 microseconds, and in `network`, where it plans and
/// makes all files three times and reads them, 340.
const TARGETS: &[(&str, u64)] = &[
    ("account", 50),
    ("conf", 340),
    ("diff", 120),
    ("disks", 150),
    ("editors", 250),
    ("network", 10),
    ("words", 80),
];

/// Executions in a test, and in the soak.
const TEST: u64 = 5_000_000;
const SOAK: u64 = 300_000_000;

/// Targets that are held at once: the machines that this is made for have two cores.
const WORKERS: usize = 2;

/// The longest input: most laws are about lines, and of these a few.
const LONGEST: u32 = 512;

/// Seconds after which an execution counts as one that does not end.
const HANGS: u32 = 10;

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
        while let Some((name, part)) = TARGETS.get(next.fetch_add(1, Ordering::Relaxed)) {
            let (done, fault) = fuzz.hold(name, all * part / 1000)?;
            println!("fuzz: {name}: {done} executions");
            count += done;
            broken.extend(fault);
        }
        Ok((count, broken))
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
    fn hold(&self, name: &str, runs: u64) -> Result<(u64, Option<String>)> {
        let program = self.folder.join(name);
        // The seed repeats a run that begins with what is kept, and with nothing else.
        let found = tempfile::tempdir()?;
        let found = found.path();
        let kept = format!("tests/fuzz/corpus/{name}");
        let options = [
            format!("-runs={runs}"),
            format!("-seed={}", self.seed),
            format!("-max_len={LONGEST}"),
            format!("-timeout={HANGS}"),
            format!("-artifact_prefix={}/broken-{name}-", self.target.display()),
            "-print_final_stats=1".to_owned(),
            "-verbosity=0".to_owned(),
        ];
        let sh = util::shell()?;
        let output = cmd!(sh, "{program} {options...} {found} {kept}")
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

/// Where the dice begin, as in `tests/figure.rs`; to libFuzzer 0 is any number.
fn seed(sh: &Shell) -> u32 {
    let given = sh.var("OSCONF_SEED").ok();
    let given = given.and_then(|seed| seed.parse().ok());
    given.unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        now.map_or(1, |now| now.subsec_nanos() | 1)
    })
}
