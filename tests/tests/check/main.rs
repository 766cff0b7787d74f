//! What `osconf check` finds in roots that are data: `tests/check/roots` has one for
//! each kind of distribution, `tests/check/items` the cases of each item, each a
//! change of such a root, with the verdict, the code and the evidence that must come.
//!
//! ```text
//! cargo test -p osconf-tests --test check                 all
//! cargo test -p osconf-tests --test check -- security/    one item
//! UPDATE=1 …                                              writes the reports anew
//! ```
//!
//! Every root as it is must come out as `tests/check/roots/NAME.report` says: that is
//! the screen of `osconf check --all`, as golden output.
//!
//! What only a disk can show (file systems, partition tables, how full they are) is
//! in the test `check_disks`.

mod case;
mod cpio;
mod reports;
mod root;

use libtest_mimic::{Arguments, Failed, Trial};
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let all = match trials() {
        Ok(all) => all,
        Err(error) => {
            eprintln!("{error:#}");
            return ExitCode::FAILURE;
        }
    };
    libtest_mimic::run(&arguments, all).exit_code()
}

/// A test that is code.
type Test = fn() -> anyhow::Result<()>;

const REPORTS: [(&str, Test); 4] = [
    (
        "the-json-is-as-the-original-has-it",
        reports::the_json_is_as_the_original_has_it,
    ),
    (
        "the-reports-are-new-files",
        reports::the_reports_are_new_files,
    ),
    (
        "a-link-called-image_check-writes-beside-itself",
        reports::a_link_called_image_check_writes_beside_itself,
    ),
    (
        "a-warning-fails-only-where-that-is-asked-for",
        reports::a_warning_fails_only_where_that_is_asked_for,
    ),
];

fn trials() -> anyhow::Result<Vec<Trial>> {
    let mut all = Vec::new();
    for (name, test) in REPORTS {
        all.push(Trial::test(name, move || {
            test().map_err(|error| Failed::from(format!("{error:#}")))
        }));
    }
    for name in root::names()? {
        all.push(Trial::test(format!("report/{name}"), move || {
            reports::judge_report(&name).map_err(|error| Failed::from(format!("{error:#}")))
        }));
    }
    for item in case::items()? {
        for case in item.cases() {
            let name = format!(
                "{}/{}/{}",
                item.name(),
                case.root,
                case.name.replace(' ', "-")
            );
            let item = item.clone();
            all.push(Trial::test(name, move || {
                case.judge(&item)
                    .map_err(|error| Failed::from(format!("{error:#}")))
            }));
        }
    }
    Ok(all)
}
