//! How deep the stack goes, that this is wiped, and that little of it is enough.

use crate::scene::{Scene, conf};
use crate::trial;
use anyhow::{Result, ensure};
use libtest_mimic::Trial;
use nix::libc::SYS_exit_group;
use osconf_tests::matrix;
use std::fs;
use std::path::Path;
use std::process::Command;

/// With so many bytes of stack everything works; the kernel gives 8 MiB (`_STK_LIM` in
/// include/uapi/linux/resource.h).
const ENOUGH: u64 = 768 << 10;

/// All commands; some look at what an apply did.
const COMMANDS: [&str; 13] = [
    "plan -v --wait=0 --network={format} --conf={conf}",
    "lint {conf}",
    "locate --conf={conf}",
    "apply --wait=0 --network={format} --conf={conf}",
    "status --json",
    "revert --dry-run -v",
    "revert",
    "install --dry-run -v --init=systemd",
    "install --init=systemd",
    "uninstall --init=systemd",
    "check --all",
    "prepare --dry-run",
    "prepare",
];

/// One test for each network format.
pub(crate) fn trials() -> Vec<Trial> {
    let formats = matrix::names("formats");
    let all = formats
        .into_iter()
        .map(|format| trial(&format!("stack/{format}"), move || of_format(&format)));
    all.chain([trial("stack/a-hundredth-of-it-is-not-enough", too_little)])
        .collect()
}

fn of_format(format: &str) -> Result<()> {
    let case = matrix::folder().join("cases/forty-routes/os.conf");
    let scene = Scene::new(&conf(&fs::read_to_string(case)?))?;
    let before = matrix::folder()
        .join("formats")
        .join(format)
        .join("before/.");
    let status = Command::new("cp")
        .args([Path::new("-a"), &before, &scene.root()])
        .status()?;
    ensure!(status.success(), "cp: {status}");
    let system = format.split('-').next().unwrap_or(format);
    let mut deepest = (0, "");
    for command in COMMANDS {
        let words = command.replace("{format}", system);
        let (depth, wiped) = depth(&scene, &words)?;
        // Otherwise the run itself was deeper than what is wiped after it.
        ensure!(wiped > depth, "{words}: {depth} bytes deep, not wiped");
        deepest = deepest.max((depth, command));
    }
    let (depth, command) = deepest;
    println!("{format}: deepest, with {} KiB: {command}", depth / 1024);
    Ok(())
}

/// How deep a run has gone before its last call, and how deep after it.
fn depth(scene: &Scene, words: &str) -> Result<(u64, u64)> {
    let mut run = scene.start(words, Some(ENOUGH))?;
    let mut depth = 0;
    while let Some(number) = run.next_call()? {
        if number != SYS_exit_group {
            depth = run.depth()?;
        }
    }
    let wiped = run.depth()?;
    let code = run.end()?;
    // Nothing of the kind can be found in this root.
    // Nor has every network system words for everything.
    let may_refuse = ["check", "plan", "apply"]
        .iter()
        .any(|command| words.starts_with(command));
    let is_good = code == 0 || (may_refuse && code == 1);
    ensure!(is_good, "{words}: {code}: {}", scene.words()?);
    Ok((depth, wiped))
}

/// The control: a limit is one.
fn too_little() -> Result<()> {
    let scene = Scene::new(&conf(""))?;
    let run = depth(&scene, "plan");
    let mut run_with_little = scene.start("plan", Some(200 * 1024))?;
    ensure!(run_with_little.to_end().is_err(), "{run:?}");
    Ok(())
}
