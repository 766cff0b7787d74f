//! The real programs that read network files, each handed the golden files of the
//! table of networks (`tests/networks`, matrix.rs). osconf does not write them here:
//! the test `trees` proves that it writes exactly these files.
//!
//! Each test, `READER/CASE`, has namespaces of its own (mounts, network, processes,
//! name), NICs with the case's names and MAC addresses whose other ends lie in
//! another namespace, and a Debian root with the files laid over `etc` and `var`.
//! There the reader runs, as at a boot. Then the kernel is asked: addresses, routes
//! of all tables, links and MAC addresses must be what the case says, and no others;
//! nobody may have asked for DHCP; the name servers must be where the C library
//! looks. A program that stays is waited for until the kernel is right, and looked
//! at once more a little later.
//!
//! ```text
//! cargo xtask readers                       sets up the root, runs all
//! cargo xtask readers networkd/classic      one reader, one case
//! cargo xtask readers --release trixie      the programs of a newer Debian
//! cargo test -p osconf-tests --test readers -- --exact networkd/classic
//!                                           the same, when the root is there
//! OSCONF_KEEP=1 …                           shows all that was found, also if it is right
//! ```
//!
//! The agent itself reads its own format, `kernel`: it is `$OSCONF_HOST`, or else
//! what `cargo xtask build` made. The root is `$OSCONF_READERS`, or else where `cargo xtask readers` puts it, in
//! `~/.cache/osconf/readers`. This takes root, and no golden file is written: make
//! them by `trees` with `UPDATE=1` (matrix.rs says how).
//!
//! For formats whose programs Debian does not have, `own/` holds small readers
//! written from the published descriptions; each runs in the same way. Files that
//! a shell sources are sourced by bash, and dash where they must do, in an empty
//! environment as well: no variable, function or file may appear but those that the
//! format has (sourced.rs). Where cloud-init writes such a format as well, its
//! files for the same network are compared with ours (opinion.rs).
//!
//! What `osconf prepare` writes for other programs is read by these as well
//! (prepared.rs): `prepared/PROGRAM`.
//!
//! What cannot be read is shown as ignored, with the reason: a format that is not
//! written yet, a case that it refuses (no file in `after`), or a reader that a
//! case.toml excepts (`without = { busybox = "why" }`).

mod kernel;
mod nics;
mod opinion;
mod prepared;
mod programs;
mod rig;
mod root;
mod sourced;

use libtest_mimic::{Arguments, Failed, Trial};
use osconf_tests::matrix::{self, Cell};
use programs::{READERS, Reader};
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    if let Some(file) = nics::far_end() {
        return nics::watch(&file);
    }
    if let Some((name, work)) = rig::inside() {
        return rig::run(&name, &work);
    }
    let arguments = Arguments::from_args();
    let debian = match root::debian() {
        Ok(debian) => debian,
        Err(error) => {
            eprintln!("{error:#}");
            return ExitCode::FAILURE;
        }
    };
    let cases = matrix::names("cases");
    let mut trials = Vec::new();
    for reader in READERS {
        for case in &cases {
            let name = format!("{}/{case}", reader.name);
            let reason = excepted(reader, case, &debian);
            let debian = debian.clone();
            let run = name.clone();
            let trial = Trial::test(name, move || {
                rig::outside(&run, &debian).map_err(Failed::from)
            });
            trials.push(match reason {
                Some(reason) => trial.with_ignored_flag(true).with_kind(reason),
                None => trial,
            });
        }
    }
    for program in prepared::PROGRAMS {
        let name = format!("{}/{}", prepared::NAME, program.name);
        let debian = debian.clone();
        trials.push(Trial::test(name.clone(), move || {
            rig::outside(&name, &debian).map_err(Failed::from)
        }));
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// Why a reader does not read a case. What is broken is no reason: that fails.
fn excepted(reader: &Reader, case: &str, debian: &Path) -> Option<String> {
    if !reader.program.is_empty() && !debian.join("root").join(reader.program).is_file() {
        return Some(format!("{} has none", debian.file_name()?.display()));
    }
    if !matrix::names("formats")
        .iter()
        .any(|name| name == reader.format)
    {
        return Some(format!("{} is not written yet", reader.format));
    }
    let cell = Cell::read(reader.format, case).ok()?;
    if !cell.writes_network() {
        return Some(format!("{} refuses it", reader.format));
    }
    cell.network.without.get(reader.name).cloned()
}
