//! A run that is killed: strace(1) does it at one system call after the other.

use crate::case::{Files, run, take};
use crate::root::Root;
use anyhow::{Context, Result, ensure};
use osconf_tests::product;
use std::fs;
use std::process::Command;

/// A run is killed at each so many system calls: at all of them, about 600, it takes
/// a minute.
const STEP: usize = 7;

const OPTIONS: [&str; 3] = ["--skip", "clean", "-q"];

fn contents(files: &Files) -> Vec<(String, Vec<u8>)> {
    let all = files.iter();
    all.map(|(path, file)| (path.clone(), file.content.clone()))
        .collect()
}

/// Whatever the moment: the next run ends what was begun, and `revert` takes back all
/// of it, be it right after the cut.
pub fn a_run_that_is_killed_is_ended_or_taken_back() -> Result<()> {
    let root = Root::new("debian")?;
    fs::write(root.path().join("etc/motd"), "mine\n")?;
    let tell = |command: &str, options: &[&str]| -> Result<Vec<(String, Vec<u8>)>> {
        let said = run(&root, command, options)?;
        ensure!(said.exit == 0, "{command}: {}", said.errors);
        Ok(contents(&take(root.path())?))
    };
    let before = contents(&take(root.path())?);
    let after = tell("prepare", &OPTIONS)?;
    ensure!(tell("revert", &["-q"])? == before);
    let work = tempfile::tempdir()?;
    let log = work.path().join("log");
    let cut = |inject: &str| {
        Command::new("strace")
            .args(["-qq", "-o"])
            .arg(&log)
            .args(["-e", inject])
            .arg(product::binary().unwrap_or_default())
            .args(["prepare", "--root"])
            .arg(root.path())
            .args(OPTIONS)
            .output()
            .context("strace")
    };
    cut("trace=all")?;
    let text = fs::read_to_string(&log)?;
    // strace counts the calls of each name. Some of the first are before the program's.
    let names = text.lines().filter_map(|line| line.split('(').next());
    let calls: Vec<_> = names.collect();
    ensure!(tell("revert", &["-q"])? == before);
    ensure!(calls.len() > 10 * STEP, "only {} system calls", calls.len());
    for index in (STEP..calls.len() - 1).step_by(STEP) {
        let name = calls[index];
        let count = calls[..=index].iter().filter(|one| **one == name).count();
        for is_ended in [true, false] {
            let call = format!("{name}:signal=KILL:when={count}");
            let output = cut(&format!("inject={call}"))?;
            ensure!(!output.status.success(), "{call}: it was not killed");
            if is_ended {
                let ended = tell("prepare", &OPTIONS)?;
                ensure!(ended == after, "{call}: the next run does not end it");
            }
            let back = tell("revert", &["-q"])?;
            ensure!(back == before, "{call}: {is_ended}: not taken back");
        }
    }
    Ok(())
}
