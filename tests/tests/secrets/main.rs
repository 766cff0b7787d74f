//! What the program leaves of secrets when it has ended: in its memory, and on the
//! disk; and how much of the stack it needs.
//!
//! One test: `cargo test -p osconf-tests --test secrets -- memory`. The binary is
//! `$OSCONF_HOST`, or else what `cargo xtask build` made. It needs root.

mod disk;
mod memory;
mod scene;
mod stack;

use anyhow::{Context, Result};
use libtest_mimic::{Arguments, Failed, Trial};
use std::env;
use std::process::{Command, ExitCode};

/// Set in the process that has namespaces of its own.
const INSIDE: &str = "OSCONF_SECRETS_INSIDE";

fn main() -> Result<ExitCode> {
    if env::var_os(INSIDE).is_none() {
        let status = Command::new("unshare")
            .args(["--mount", "--net"])
            .arg(env::current_exe()?)
            .args(env::args_os().skip(1))
            .env(INSIDE, "1")
            .status()
            .context("unshare(1), of util-linux")?;
        return Ok(match status.success() {
            true => ExitCode::SUCCESS,
            false => ExitCode::FAILURE,
        });
    }
    scene::plug_in()?;
    let mut trials = memory::trials();
    trials.extend(stack::trials());
    trials.extend(disk::trials());
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(2);
    Ok(libtest_mimic::run(&arguments, trials).exit_code())
}

/// A test that says what is wrong.
fn trial(name: &str, test: impl FnOnce() -> Result<()> + Send + 'static) -> Trial {
    let name = name.to_owned();
    Trial::test(name.clone(), move || {
        test().map_err(|error| {
            // Who collects the figures shows standard error alone.
            eprintln!("{name}: {error:#}");
            Failed::without_message()
        })
    })
}
