//! Miri: the library's own tests in an interpreter that notices every use of memory
//! that the language does not define, for machines of either byte order.

use anyhow::{Context, Result};
use xshell::{Shell, cmd};

use crate::setup;

/// The last one has its highest byte first.
const MACHINES: [&str; 3] = [
    "x86_64-unknown-linux-gnu",
    "aarch64-unknown-linux-gnu",
    "s390x-unknown-linux-gnu",
];

/// Tests that ask a real kernel, which Miri does not have.
const SKIPPED: &str = "sys::linux::";

/// Runs the tests on each machine.
pub(crate) fn run(sh: &Shell) -> Result<String> {
    setup::nightly(&["miri", "rust-src"])?;
    let mut said = String::new();
    for machine in MACHINES {
        let output = cmd!(
            sh,
            "cargo miri test --quiet --package osconf --lib --target {machine} -- --skip {SKIPPED}"
        )
        // The cargo that runs this one has said which compiler it is.
        .env("RUSTUP_TOOLCHAIN", setup::NIGHTLY)
        .quiet()
        .read()
        .with_context(|| format!("Miri on {machine}"))?;
        let result = output.lines().rfind(|line| line.starts_with("test result"));
        said += &format!("miri: {machine}: {}\n", result.unwrap_or(&output));
    }
    Ok(said)
}
