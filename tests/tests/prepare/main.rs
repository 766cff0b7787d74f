//! What `osconf prepare` makes of roots that are data: those of the test `check`,
//! changed by the cases of each item in `tests/prepare/ITEM.toml`.
//!
//! ```text
//! cargo test -p osconf-tests --test prepare                all
//! cargo test -p osconf-tests --test prepare -- sshd/       one item
//! UPDATE=1 …                                               writes the diffs anew
//! ```
//!
//! Of each case: what `--dry-run` shows is as `tests/prepare/ITEM/ROOT-NAME.diff` has
//! it, and changes nothing; the deed is that diff, as patch(1) applies it; the second
//! run changes nothing; the checker finds none of what the item claims to mend; and
//! `revert` brings back every file.

mod case;
#[path = "../check/cpio.rs"]
mod cpio;
mod cuts;
mod rest;
#[path = "../check/root.rs"]
mod root;

use libtest_mimic::{Arguments, Failed, Trial};
use std::process::ExitCode;

/// A test that is code.
type Test = fn() -> anyhow::Result<()>;

const TESTS: [(&str, Test); 3] = [
    (
        "one-revert-takes-back-os.conf-and-prepare",
        case::one_revert_takes_back_both,
    ),
    (
        "a-run-that-is-killed-is-ended-or-taken-back",
        cuts::a_run_that_is_killed_is_ended_or_taken_back,
    ),
    (
        "an-os.conf-takes-the-place-of-the-rest",
        rest::an_os_conf_takes_the_place_of_the_rest,
    ),
];

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let files = match case::files() {
        Ok(files) => files,
        Err(error) => {
            eprintln!("{error:#}");
            return ExitCode::FAILURE;
        }
    };
    let mut all = Vec::new();
    for (name, test) in TESTS {
        all.push(Trial::test(name, move || {
            test().map_err(|error| Failed::from(format!("{error:#}")))
        }));
    }
    for file in files {
        for case in file.cases() {
            all.push(Trial::test(case.path(), move || {
                case.judge()
                    .map_err(|error| Failed::from(format!("{error:#}")))
            }));
        }
    }
    libtest_mimic::run(&arguments, all).exit_code()
}
