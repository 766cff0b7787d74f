//! `cargo xtask mutants`: cargo-mutants makes one change at a time to the modules that
//! decide the most, and the library's tests must fail each time. `.cargo/mutants.toml`
//! names the modules, and the changes that no test can notice, with the reason.

use std::collections::BTreeMap;
use std::process::Command;

use anyhow::{Result, ensure};
use xshell::cmd;

use crate::{setup, util};

/// What can come of a change: how it is called here, and the file in which cargo-mutants
/// lists those.
const ENDS: [(&str, &str); 4] = [
    ("caught", "caught.txt"),
    ("missed", "missed.txt"),
    ("timed out", "timeout.txt"),
    ("unviable", "unviable.txt"),
];

/// Makes the changes to all these modules, or only to the files that are named.
pub(crate) fn run(only: &[String]) -> Result<()> {
    setup::cargo_tool("cargo-mutants")?;
    let sh = util::shell()?;
    let folder = util::target_dir();
    let only = only.iter().map(|file| format!("--re=^{file}:"));
    let mutants = cmd!(
        sh,
        "cargo mutants --no-shuffle --jobs 2 --output {folder} {only...}"
    );
    let status = Command::from(mutants).status()?;
    // Its exit codes: 2 and 3 are of changes that were missed or timed out.
    ensure!(
        matches!(status.code(), Some(0 | 2 | 3)),
        "cargo mutants ended with {status}"
    );
    let folder = folder.join("mutants.out");
    let mut modules = BTreeMap::<String, [usize; ENDS.len()]>::new();
    for (end, (_, list)) in ENDS.iter().enumerate() {
        for change in util::read(&folder.join(list))?.lines() {
            let module = change.split(':').next().unwrap_or_default();
            for name in [module, "all"] {
                modules.entry(name.to_owned()).or_default()[end] += 1;
            }
        }
    }
    for (name, counts) in &modules {
        let counts: Vec<_> = ENDS
            .iter()
            .zip(counts)
            .map(|((end, _), count)| format!("{count} {end}"))
            .collect();
        println!("mutants: {name}: {}", counts.join(", "));
    }
    let missed = util::read(&folder.join("missed.txt"))?;
    ensure!(
        missed.is_empty(),
        "no test notices these changes:\n{missed}"
    );
    Ok(())
}
