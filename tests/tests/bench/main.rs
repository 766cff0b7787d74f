//! What osconf costs, measured in one run beside others that do the same work on the
//! same root: the shell script that ECS documents, cloud-init, and the least that a
//! program can do. `cargo xtask bench` starts it, and says by the environment where
//! the programs are:
//!
//! ```text
//! OSCONF_HOST          osconf; OSCONF_HOST_BOOT is the one for boots only
//! OSCONF_FLOOR         a folder with the programs of xtask/floor
//! OSCONF_BENCH_DEBIAN  a Debian root, from which others take their programs
//! OSCONF_BENCH_SCRIPT  the script, if there is one
//! OSCONF_BENCH_PLOT    the picture that is written
//! ```
//!
//! Every run finds the root as the one before it did, with nothing left to be
//! written to the disk, and the programs take turns, so that what else the machine
//! does hits all of them. Ratios are those of the shortest runs, to which nothing else has
//! added; the median is told beside it.

mod growth;
mod measure;
mod plot;
mod programs;
mod root;
mod table;

use anyhow::{Context, Result, ensure};
use osconf_tests::command::run;
use programs::Program;
use root::{Disk, Root};
use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// Set in the process that has namespaces of its own.
const INSIDE: &str = "OSCONF_BENCH_INSIDE";

fn main() -> ExitCode {
    let done = match env::var_os(INSIDE) {
        Some(folder) => bench(Path::new(&folder)),
        None => enter(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Mounts, NICs and the host name are its own. What is mounted is gone when this
/// returns, so nothing but an empty folder is ever removed here.
fn enter() -> Result<()> {
    let folder = tempfile::tempdir()?.keep();
    let own = env::current_exe()?;
    let status = Command::new("unshare")
        .args(["--net", "--mount", "--uts"])
        .arg(own)
        .env(INSIDE, &folder)
        .status()
        .context("unshare(1), of util-linux")?;
    std::fs::remove_dir(&folder)?;
    ensure!(status.success(), "the run in its own namespaces: {status}");
    Ok(())
}

fn path_of(variable: &str) -> Result<PathBuf> {
    let path = env::var_os(variable).with_context(|| format!("{variable} is not set"))?;
    Ok(path.into())
}

fn bench(folder: &Path) -> Result<()> {
    run(
        "mount",
        &["-t", "tmpfs", "bench", &folder.to_string_lossy()],
    )?;
    for number in 0..root::NICS {
        let (name, mac) = (format!("eth{number}"), root::mac(number));
        let peer = format!("peer{number}");
        run(
            "ip",
            &[
                "link", "add", &name, "address", &mac, "type", "veth", "peer", "name", &peer,
            ],
        )?;
    }
    let mut root = Root::new(folder)?;
    for disk in [Disk::Tmpfs, Disk::Ext4] {
        root.mount(disk)?;
        for has_conf in [true, false] {
            let programs = programs::all(&root, disk, has_conf)?;
            let rows = measure::all(&root, &programs, has_conf)?;
            println!("\n{}", table::title(disk, has_conf));
            table::print(&rows);
        }
        if disk == Disk::Ext4 {
            same_syncs(&root)?;
        }
    }
    println!("\nSystem calls of osconf on ext4, by what they are for:\n");
    table::calls(&measure::calls_of(&root, &Program::agent(&root)?)?);
    root.mount(Disk::Tmpfs)?;
    let curves = growth::all(&root)?;
    let picture = path_of("OSCONF_BENCH_PLOT")?;
    plot::write(&picture, &curves)
}

/// The program that osconf is held against on a disk syncs as often as osconf does.
fn same_syncs(root: &Root) -> Result<()> {
    let count = |program: &Program| -> Result<Vec<usize>> {
        let calls = measure::calls_of(root, program)?;
        let of = |name: &str| calls.get(name).copied().unwrap_or(0);
        Ok(["fsync", "syncfs", "renameat"].map(of).to_vec())
    };
    let (agent, writer) = (
        count(&Program::agent(root)?)?,
        count(&Program::writer(root)?)?,
    );
    println!(
        "\nfsync and syncfs: osconf {} and {}, the minimal writer {} and {}",
        agent[0], agent[1], writer[0], writer[1]
    );
    ensure!(
        agent[..2] == writer[..2],
        "xtask/floor/writer.rs is no longer what osconf does: fsync, syncfs: {agent:?} {writer:?}"
    );
    Ok(())
}
