//! `cargo xtask reliability`: breaks the program in every way that it must survive,
//! and prints the table of `tests/README.md`.

use anyhow::{Context, Result, bail, ensure};
use xshell::{Shell, cmd};

use crate::boot::parts;
use crate::{build, fuzz, miri, setup, soak, target, util};

/// What breaks the program in one way.
struct Rig {
    name: &'static str,
    /// Runs it, and returns what it printed.
    run: fn(&Shell) -> Result<String>,
    /// Whether it is so long that only the soak has it.
    is_long: bool,
}

/// All of them, quick ones first.
const RIGS: &[Rig] = &[
    Rig {
        name: "hostile",
        run: |sh| test(sh, "hostile", &[]),
        is_long: false,
    },
    Rig {
        name: "secrets",
        run: |sh| test(sh, "secrets", &[]),
        is_long: false,
    },
    Rig {
        name: "faults",
        run: |sh| test(sh, "faults", &[]),
        is_long: false,
    },
    Rig {
        name: "fuzz",
        run: fuzz::run,
        is_long: false,
    },
    Rig {
        name: "injector",
        run: |sh| test(sh, "injector", &[]),
        is_long: false,
    },
    Rig {
        name: "crashes",
        run: crashes,
        is_long: false,
    },
    Rig {
        name: "miri",
        run: miri::run,
        is_long: true,
    },
];

/// How the line of a figure begins (`tests/figure.rs`).
const FIGURE: &str = "figure: ";

/// Runs the rigs.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let (soak, names): (Vec<&String>, Vec<&String>) = arguments
        .iter()
        .partition(|argument| argument.as_str() == "--soak");
    let only = match names.as_slice() {
        [] => "",
        [only] => only.as_str(),
        _ => bail!("too many arguments: only the name of a rig, and --soak"),
    };
    let is_soak = !soak.is_empty();
    let chosen = |rig: &&Rig| rig.name.contains(only) && (is_soak || !rig.is_long);
    let targets = target::all()?;
    setup::tools(&setup::all_tools(&targets))?;
    let sh = util::shell()?;
    build::name_binaries(&sh, &targets)?;
    if is_soak {
        sh.set_var("OSCONF_SOAK", "1");
    }
    let mut rows = Vec::new();
    let mut failed = Vec::new();
    for rig in RIGS.iter().filter(chosen) {
        let (outcome, time) = util::timed(|| (rig.run)(&sh));
        println!("reliability: {}: {:.1} s", rig.name, time.as_secs_f32());
        match outcome {
            Ok(output) => {
                println!("{output}");
                let figures = output.lines().filter_map(|line| line.strip_prefix(FIGURE));
                rows.extend(figures.map(|row| format!("| {row} |")));
            }
            Err(error) => {
                println!("{error:#}");
                failed.push(rig.name);
            }
        }
    }
    println!("| figure | count | lost | torn | panics | hangs | seed |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: |");
    for row in rows {
        println!("{row}");
    }
    ensure!(failed.is_empty(), "failed: {}", failed.join(", "));
    Ok(())
}

/// Crashes of this machine's kernel, and of one in QEMU, which is fetched here.
fn crashes(sh: &Shell) -> Result<String> {
    let target = target::all()?.into_iter().find(|one| one.name == "x86_64");
    let target = target.context("no target x86_64")?;
    let guest = |release| -> Result<()> {
        let parts = parts::get(&target, release)?;
        sh.set_var("OSCONF_GUEST", parts.kernel.with_file_name(""));
        Ok(())
    };
    guest(None)?;
    let mut output = test(sh, "crashes", &[])?;
    if sh.var_os("OSCONF_SOAK").is_some() {
        // FAT and ext2 of older and newer kernels: what power.rs does is in the guest.
        for release in soak::KERNELS {
            guest(Some(release))?;
            output += &test(sh, "crashes", &["power"])?;
        }
    }
    Ok(output)
}

/// A rig that is a test of `tests/`, without cargo's own harness: it says what went
/// wrong on standard error, and its figures on standard output.
fn test(sh: &Shell, name: &str, arguments: &[&str]) -> Result<String> {
    Ok(cmd!(
        sh,
        "cargo test --quiet --profile rig --package osconf-tests --test {name} -- {arguments...}"
    )
    .quiet()
    .read()?)
}
