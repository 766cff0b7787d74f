//! One reader on one case: namespaces, the run, and the comparison.

use crate::kernel::{Kernel, ip};
use crate::nics::Wires;
use crate::programs::{READERS, Reader};
use crate::{prepared, root};
use anyhow::{Context, Result, bail};
use core::time::Duration;
use osconf_tests::matrix::Cell;
use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

/// Set in the process that runs one test: its name, and its folder.
const NAME: &str = "OSCONF_READERS_TEST";
const WORK: &str = "OSCONF_READERS_WORK";
const DEBIAN: &str = "OSCONF_READERS";

/// How long a reader may take; dhcpcd probes for seconds before it takes an address.
const LONGEST: Duration = Duration::from_secs(20);
/// How often the kernel is asked meanwhile.
const PAUSE: Duration = Duration::from_millis(40);
/// How long after the kernel is right it must still be so: what a program does on
/// top, such as asking for DHCP, it does at once.
const SETTLED: Duration = Duration::from_millis(400);

/// The test that this process is for, and its folder.
pub(crate) fn inside() -> Option<(String, PathBuf)> {
    Some((env::var(NAME).ok()?, env::var_os(WORK)?.into()))
}

/// Runs a test in namespaces of its own; if it fails, what there is to say about it.
pub(crate) fn outside(name: &str, debian: &Path) -> core::result::Result<(), String> {
    let run = || -> Result<_> {
        let work = tempfile::tempdir()?;
        let kinds = ["--mount", "--net", "--uts", "--ipc", "--pid"];
        let output = Command::new("unshare")
            .args(kinds)
            .args(["--fork", "--kill-child"])
            .arg(env::current_exe()?)
            .env(NAME, name)
            .env(WORK, work.path())
            .env(DEBIAN, debian)
            .stdin(Stdio::null())
            .output()
            .context("unshare")?;
        Ok(output)
    };
    let output = run().map_err(|error| format!("{error:#}"))?;
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    if output.status.success() {
        print!("{text}");
        return Ok(());
    }
    Err(text)
}

/// Runs the test `name` in `work`, and prints what is wrong.
pub(crate) fn run(name: &str, work: &Path) -> ExitCode {
    match judge(name, work) {
        Ok(problems) if problems.is_empty() => return ExitCode::SUCCESS,
        Ok(problems) => problems.iter().for_each(|problem| println!("- {problem}")),
        Err(error) => println!("the rig failed: {error:#}"),
    }
    println!("again: cargo test -p osconf-tests --test readers -- --exact {name}");
    ExitCode::FAILURE
}

fn judge(name: &str, work: &Path) -> Result<Vec<String>> {
    let (reader, case) = name.split_once('/').context("no READER/CASE")?;
    if reader == prepared::NAME {
        return prepared::judge(case, work);
    }
    let reader = READERS.iter().find(|one| one.name == reader);
    let reader = reader.context("no such reader")?;
    let cell = Cell::read(reader.format, case)?;
    let root = root::make(&root::debian()?, reader, &cell, work)?;
    if let Some(writer) = &reader.writer {
        return crate::opinion::judge(&cell, writer, &root);
    }
    let wires = Wires::plug_in(&cell.network.nics, work)?;
    ip(&["link", "set", "lo", "down"])?;

    let log = work.join("log");
    let (mut problems, found) = start(reader, &cell, &root, &log, &wires)?;
    let wanted = Kernel::expected(&cell.network);
    problems.extend(found.differences(&wanted));
    let asked = wires.asked()?;
    let may_ask = |mac: &String| cell.network.asks.contains(mac);
    if !asked.iter().all(may_ask) || reader.has_dhcp && asked.len() < cell.network.asks.len() {
        problems.push(format!(
            "DHCP was asked for {asked:?}, instead of {:?}",
            cell.network.asks
        ));
    }
    let servers = root::name_servers(&root, reader)?;
    if servers != cell.network.name_servers {
        let wanted = cell.network.name_servers.join(" ");
        problems.push(format!(
            "name servers: {} instead of {wanted}",
            servers.join(" ")
        ));
    }
    for sourced in reader.sourced {
        problems.extend(crate::sourced::judge(&cell, sourced, work)?);
    }
    let said = String::from_utf8_lossy(&fs::read(&log)?).into_owned();
    for line in said.lines() {
        if reader.complaints.iter().any(|word| line.contains(word)) {
            problems.push(format!("the reader complains: {line}"));
        }
    }
    if !problems.is_empty() || env::var_os("OSCONF_KEEP").is_some() {
        println!("{name}\n-- {} says:\n{said}", reader.name);
        println!("-- addresses:\n{}", ip(&["-4", "-oneline", "address"])?);
        println!("-- routes:\n{}", ip(&["-4", "route"])?);
        println!("-- name servers: {}", servers.join(" "));
    }
    Ok(problems)
}

/// Runs the reader. Returns what is wrong with how it ended, and the kernel as it
/// was when all was right, or time was up.
fn start(
    reader: &Reader,
    cell: &Cell,
    root: &Path,
    log: &Path,
    wires: &Wires,
) -> Result<(Vec<String>, Kernel)> {
    let out = File::create(log)?;
    let mut child = Command::new("chroot")
        .arg(root)
        .args(["/bin/sh", "-e", "-c", reader.script])
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("SYSTEMD_LOG_TARGET", "console")
        .env("SYSTEMD_LOG_LEVEL", "info")
        .stdin(Stdio::null())
        .stdout(out.try_clone()?)
        .stderr(out)
        .spawn()
        .context("chroot")?;
    let wanted = Kernel::expected(&cell.network);
    // What is missing may be called a failure, and that nobody answers.
    let is_less = ["absent-nic", "at-rest", "clone", "replaced-nic"].contains(&cell.case.as_str());
    let may_fail = cell.is_open() || is_less;
    let start = Instant::now();
    let mut right_since = None;
    let mut problems = Vec::new();
    loop {
        let status = child.try_wait()?;
        if let Some(status) = status
            && (reader.stays || !(status.success() || may_fail))
        {
            problems.push(format!("the reader ended: {status}"));
        }
        let found = Kernel::found(&cell.network, reader)?;
        let has_asked = || -> Result<_> {
            let is_enough = wires.asked()?.len() >= cell.network.asks.len();
            Ok(is_enough || !reader.has_dhcp)
        };
        if found == wanted && has_asked()? {
            right_since.get_or_insert_with(Instant::now);
        } else {
            right_since = None;
        }
        let is_settled = right_since.is_some_and(|since| since.elapsed() > SETTLED);
        if status.is_some() || is_settled && reader.stays {
            return Ok((problems, found));
        }
        if start.elapsed() > LONGEST {
            if !reader.stays {
                bail!("it hangs: {}", fs::read_to_string(log)?);
            }
            return Ok((problems, found));
        }
        std::thread::sleep(PAUSE);
    }
}
