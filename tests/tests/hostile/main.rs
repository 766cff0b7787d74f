//! Hostile os.conf files and hostile roots, each as a case: whatever is in the one,
//! and whatever lies where a file should be in the other, a part is done as a whole or
//! not at all, nothing else is touched, and no secret is told.
//!
//! One test: `cargo test -p osconf-tests --test hostile -- value/a-nul/eni`. Values are
//! rows of `values.toml`. The binary is `$OSCONF_HOST`, or else what `cargo xtask
//! build` made.

mod confs;
mod controls;
mod folders;
mod full;
mod judge;
mod machine;
mod races;
mod rig;
mod roots;
mod things;
mod tree;
mod values;

use anyhow::Result;
use libtest_mimic::{Arguments, Failed, Trial};
use std::process::ExitCode;

fn main() -> ExitCode {
    if let Some(code) = rig::enter() {
        return code;
    }
    let mut arguments = Arguments::from_args();
    // Each case waits for the disk.
    arguments.test_threads.get_or_insert(3);
    arguments.quiet = true;
    let ground_and_trials = rig::set_up().and_then(|ground| Ok((ground, all()?)));
    match ground_and_trials {
        Ok((_ground, trials)) => {
            let conclusion = libtest_mimic::run(&arguments, trials);
            judge::print_figure();
            conclusion.exit_code()
        }
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn all() -> Result<Vec<Trial>> {
    let mut trials = controls::trials();
    trials.extend(values::trials()?);
    trials.extend(roots::trials()?);
    trials.extend(confs::trials());
    trials.extend(folders::trials());
    trials.extend(full::trials());
    trials.extend(races::trials());
    Ok(trials)
}

/// A test that says what is wrong.
fn trial(name: String, cases: impl FnOnce() -> Result<Vec<String>> + Send + 'static) -> Trial {
    Trial::test(name.clone(), move || {
        let text = match cases() {
            Ok(problems) if problems.is_empty() => return Ok(()),
            Ok(problems) => problems.join("\n"),
            Err(error) => format!("the rig failed: {error:#}"),
        };
        // Who collects the figures shows standard error alone.
        eprintln!("{name}:\n{text}");
        Err(Failed::without_message())
    })
}
