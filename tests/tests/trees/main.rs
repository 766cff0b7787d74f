//! Machines as data: each folder of `tests/trees/` is a root file system before a
//! run of osconf, and what must be different after it.
//!
//! ```text
//! tests/trees/a-third-route-is-not-lost/
//!   case.toml   why, arguments, exit code, modes, links, NICs (see case.rs)
//!   os.conf     as ECS wrote it
//!   before/     the root
//!   after/      only the files that are new or have other content
//!   stderr      what is said; without the file, nothing
//!   stdout      what is answered; without the file, nothing
//!   plan        the diff that `osconf plan` prints, where a case is about that
//!   outside/    files beside the root, which links point at and nobody may touch
//! ```
//!
//! The cases of `tests/networks/` run as well: each case of a network in each
//! format, called `networks/FORMAT/CASE` (matrix.rs).
//!
//! Every case runs in namespaces of its own, with NICs of its own, on a file
//! system that is made for the occasion. Before an `apply`, `plan` must write
//! nothing and its diff must be what `apply` then does; after it, a second run,
//! and a third one without the record, must change nothing (rules.rs). Between these,
//! `revert` must bring back the root as it was, and `apply` do its work anew
//! (revert.rs).
//!
//! One case: `cargo test -p osconf-tests --test trees -- a-third-route-is-not-lost`.
//! With `UPDATE=1`, `after/`, `stderr`, `stdout` and `plan` are written anew from
//! what is there; exit codes, modes and removed files are not, since they are
//! promises. Read the difference before you commit it.
//!
//! A new case:
//! 1. make a folder whose name says what is true, with `case.toml` (why, exit
//!    code, what becomes of os.conf), `os.conf` and as little of `before/` as does;
//! 2. `UPDATE=1 cargo test -p osconf-tests --test trees -- NAME`;
//! 3. read what came, line by line, against the decision in `why`.
//!
//! The binary is `$OSCONF_HOST`, or else what `cargo xtask build` made.

mod account;
mod compare;
mod disks;
mod judge;
mod links;
mod machine;
mod nics;
mod output;
mod patch;
mod record;
mod revert;
mod rig;
mod rules;
mod run;
mod snapshot;
mod update;

use libtest_mimic::{Arguments, Failed, Trial};
use std::process::ExitCode;

fn main() -> ExitCode {
    if let Some(work) = rig::case_folder() {
        return run::inside(&work);
    }
    let Some(folder) = rig::own_folder() else {
        return rig::enter_namespaces();
    };
    let arguments = Arguments::from_args();
    let rig = match rig::Rig::new(&folder) {
        Ok(rig) => rig,
        Err(error) => {
            eprintln!("{error:#}");
            return ExitCode::FAILURE;
        }
    };
    let trials = rig
        .cases()
        .into_iter()
        .map(|name| {
            let command = rig.command(&name);
            Trial::test(name, move || command.run().map_err(Failed::from))
        })
        .collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}
