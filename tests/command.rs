//! Programs that the tests are made with.

use anyhow::{Context, Result, ensure};
use std::process::Command;

/// Runs a program that must succeed.
///
/// # Errors
/// It does not; it says what the program said.
pub fn run(program: &str, arguments: &[&str]) -> Result<()> {
    output_of(Command::new(program).args(arguments)).map(drop)
}

/// What a program prints that must succeed.
///
/// # Errors
/// It does not; it says what the program said.
pub fn output_of(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?}: {}", said.trim());
    Ok(String::from_utf8(output.stdout)?)
}
