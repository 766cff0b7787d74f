//! `cargo xtask bench`: what osconf costs, beside the script, cloud-init and the least
//! that a program can do. `tests/tests/bench` measures; here everything is made ready.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use xshell::cmd;

use crate::apt::PrivateApt;
use crate::util::TESTS;
use crate::{boot, build, setup, target, util};

/// What the others are made of, with all that it depends on.
const PACKAGES: &[&str] = &[
    "bash",
    "busybox-static",
    "cloud-init",
    "coreutils",
    "dash",
    "grep",
    "hostname",
    "ifupdown",
    "mawk",
    "passwd",
    "perl-base",
    "sed",
    "util-linux",
];

/// The release that they are from.
const RELEASE: &str = "bookworm";

/// Programs that measure.
const TOOLS: &[(&str, &str)] = &[
    ("ip", "iproute2"),
    ("mke2fs", "e2fsprogs"),
    ("strace", "strace"),
    ("time", "time"),
    ("unshare", "util-linux"),
    ("valgrind", "valgrind"),
];

/// Measures on this machine, or with `boot` in machines of QEMU; `--script FILE` is the
/// shell script that osconf is held against.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let (is_boot, rest) = match arguments {
        [word, rest @ ..] if word == "boot" => (true, rest),
        rest => (false, rest),
    };
    let script = match rest {
        [] => None,
        [option, file] if option == "--script" => Some(Path::new(file)),
        _ => bail!("bench [boot] [--script FILE]"),
    };
    if let Some(script) = script {
        ensure!(script.is_file(), "there is no {}", script.display());
    } else {
        println!("bench: without the script: name it with --script FILE");
    }
    if is_boot {
        return boot::cost::run(script);
    }
    setup::tools(&setup::named(TOOLS))?;
    let sh = util::shell()?;
    let host = target::host()?;
    build::name_binaries(&sh, core::slice::from_ref(&host))?;
    sh.set_var("OSCONF_FLOOR", floor(&host)?);
    sh.set_var("OSCONF_BENCH_DEBIAN", debian(&host)?);
    sh.set_var(
        "OSCONF_BENCH_PLOT",
        util::root().join("targets/doc/bench.svg"),
    );
    if let Some(script) = script {
        sh.set_var("OSCONF_BENCH_SCRIPT", fs::canonicalize(script)?);
    }
    Ok(cmd!(sh, "cargo {TESTS...} --test bench").quiet().run()?)
}

/// Builds the programs of `floor/` as osconf is built, and returns their folder.
fn floor(host: &target::Target) -> Result<PathBuf> {
    let sh = util::shell()?;
    let (triple, folder) = (&host.triple, util::target_dir().join("floor"));
    cmd!(sh, "cargo build --quiet --release --package osconf-floor --target {triple} --target-dir {folder}")
        .quiet()
        .run()?;
    Ok(folder.join(triple).join("release"))
}

/// Finds the root with the other programs in the cache, or makes it.
fn debian(host: &target::Target) -> Result<PathBuf> {
    let made_for = PACKAGES.join("\n");
    let folder = util::cached("bench", RELEASE, &made_for, |folder| {
        fetch(host, &folder.join("root"))
    })?;
    Ok(folder.join("root"))
}

fn fetch(host: &target::Target, root: &Path) -> Result<()> {
    let work = tempfile::tempdir()?;
    let apt = PrivateApt::of_release(work.path(), &host.debian.architecture, RELEASE)?;
    apt.unpack_merged(&apt.download_all(PACKAGES)?, root)?;
    // Packages that are not configured have no compiled modules, which would make
    // cloud-init slower than it is.
    let sh = util::shell()?;
    cmd!(
        sh,
        "chroot {root} python3 -m compileall -q /usr/lib/python3 /usr/lib/python3.11"
    )
    .quiet()
    .ignore_status()
    .ignore_stderr()
    .run()
    .context("cannot compile cloud-init")
}
