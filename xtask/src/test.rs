//! `cargo xtask test`: everything that must be true, in one command.

use core::time::Duration;

use anyhow::{Result, bail};
use xshell::cmd;

use crate::target::{self, Target};
use crate::util::TESTS;
use crate::{boot, build, inits, packages, readers, reliability, setup, tidy, util};

/// What one step does with the list of targets.
type Step = fn(&[Target]) -> Result<()>;

/// The steps, quick ones first. None is skipped, also not when an earlier one failed.
const STEPS: &[(&str, Step)] = &[
    ("setup", set_up),
    ("format", format),
    ("tidy", |_| tidy::run()),
    ("lints", lints),
    ("unit tests", unit_tests),
    ("build", build::run),
    ("tests", tests),
    ("packages", |_| packages::run()),
    ("reliability", |_| reliability::test_all()),
    ("readers", |_| readers::run(&[])),
    ("boot", |targets| {
        boot::run(&boot::Options {
            targets: targets.to_vec(),
            ..Default::default()
        })
    }),
    ("inits", |_| inits::quick()),
];

/// Runs every step and fails if one of them did.
pub(crate) fn run() -> Result<()> {
    let targets = target::all()?;
    let mut lines = Vec::new();
    let mut failed = Vec::new();
    let mut total = Duration::ZERO;
    for (name, step) in STEPS {
        println!("\n-- {name}");
        let (outcome, time) = util::timed(|| step(&targets));
        total += time;
        let word = if outcome.is_ok() { "ok" } else { "FAILED" };
        if let Err(error) = outcome {
            println!("{name}: {error:#}");
            failed.push(*name);
        }
        lines.push(format!("{name:<12} {word:<6} {:6.1} s", time.as_secs_f32()));
    }
    println!(
        "\n-- summary\n{}\n{:<19} {:6.1} s",
        lines.join("\n"),
        "all",
        total.as_secs_f32()
    );
    println!(
        "{} passed, {} failed",
        lines.len() - failed.len(),
        failed.len()
    );
    if !failed.is_empty() {
        bail!("failed: {}", failed.join(", "));
    }
    Ok(())
}

fn set_up(targets: &[Target]) -> Result<()> {
    for target in targets {
        setup::rust_target(target)?;
    }
    setup::rust_components()?;
    setup::tools(&setup::all_tools(targets))
}

fn format(_: &[Target]) -> Result<()> {
    let sh = util::shell()?;
    Ok(cmd!(sh, "cargo fmt --all --check").quiet().run()?)
}

/// The product is looked at as it is shipped, for each target; the rest for this machine.
fn lints(targets: &[Target]) -> Result<()> {
    let sh = util::shell()?;
    cmd!(sh, "cargo doc --quiet --no-deps --package osconf --lib")
        .env("RUSTDOCFLAGS", "-D warnings")
        .quiet()
        .run()?;
    cmd!(
        sh,
        "cargo clippy --quiet --workspace --lib --tests -- -D warnings"
    )
    .quiet()
    .run()?;
    // These have steps of their own, so that cargo does not count them among `--tests`.
    cmd!(
        sh,
        "cargo clippy --quiet --package osconf-tests --test readers --test bench --test crashes --test faults --test hostile --test injector --test secrets -- -D warnings"
    )
    .quiet()
    .run()?;
    cmd!(sh, "cargo clippy --quiet --package xtask -- -D warnings")
        .quiet()
        .run()?;
    let forms = |target| build::FORMS.iter().map(move |form| (target, form));
    for (target, form) in targets.iter().flat_map(forms) {
        let (triple, features) = (&target.triple, form.features);
        cmd!(
            sh,
            "cargo clippy --quiet --package osconf --lib --bins {features...} --target {triple} -- -D warnings"
        )
        .quiet()
        .run()?;
    }
    Ok(())
}

fn unit_tests(_: &[Target]) -> Result<()> {
    let sh = util::shell()?;
    // The examples of its documentation.
    cmd!(sh, "cargo test --quiet --package osconf --doc")
        .quiet()
        .run()?;
    cmd!(sh, "cargo test --quiet --package osconf --lib")
        .quiet()
        .run()?;
    Ok(cmd!(sh, "cargo test --quiet --package xtask")
        .quiet()
        .run()?)
}

/// The tests of `tests/`, which run the shipped binaries.
fn tests(targets: &[Target]) -> Result<()> {
    let sh = util::shell()?;
    build::name_binaries(&sh, targets)?;
    Ok(cmd!(sh, "cargo {TESTS...}").quiet().run()?)
}
