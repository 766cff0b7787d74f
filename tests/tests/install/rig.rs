//! What the tests have in common: roots, what is in them, and the program.

use anyhow::{Context, Result, ensure};
use osconf_tests::product::binary;
use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// Something in a root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Thing {
    Folder(u32),
    File(u32, Vec<u8>),
    Link(String),
}

/// A root with these folders (`a/`), links (`a>b`) and files.
pub(crate) fn root(entries: &[&str]) -> Result<TempDir> {
    let root = TempDir::new()?;
    for folder in ["etc", "sbin", "bin", "usr/sbin", "lib/systemd"] {
        fs::create_dir_all(root.path().join(folder))?;
    }
    for program in ["bin/busybox", "lib/systemd/systemd", "sbin/runit-init"] {
        fs::write(root.path().join(program), head()?)?;
    }
    for entry in entries {
        let (path, text) = match entry.split_once('>') {
            Some((path, text)) => (path, Some(text)),
            None => (*entry, None),
        };
        let path = root.path().join(path);
        if entry.ends_with('/') {
            fs::create_dir_all(path)?;
            continue;
        }
        fs::create_dir_all(path.parent().context("no folder")?)?;
        match text {
            Some(text) => symlink(text, path)?,
            // Buildroot's way of running scripts.
            None => fs::write(path, "for i in /etc/init.d/S??* ;do\n$i start\ndone\n")?,
        }
    }
    let init = root.path().join("sbin/init");
    if fs::symlink_metadata(&init).is_err() {
        fs::write(init, head()?)?;
    }
    Ok(root)
}

/// The head of a program for this machine.
pub(crate) fn head() -> Result<Vec<u8>> {
    Ok(fs::read(binary()?)?[..64].to_vec())
}

/// Everything in a root, by its path.
pub(crate) fn snapshot(root: &Path) -> Result<BTreeMap<String, Thing>> {
    let mut all = BTreeMap::new();
    walk(root, &mut |path, meta| {
        let name = path.strip_prefix(root)?.to_string_lossy().into_owned();
        let mode = meta.mode() & 0o7777;
        let thing = if meta.is_symlink() {
            Thing::Link(fs::read_link(path)?.to_string_lossy().into_owned())
        } else if meta.is_dir() {
            Thing::Folder(mode)
        } else {
            Thing::File(mode, fs::read(path)?)
        };
        all.insert(name, thing);
        Ok(())
    })?;
    Ok(all)
}

/// What changes when something is written or replaced.
pub(crate) fn stamps(root: &Path) -> Result<BTreeMap<PathBuf, (u64, i64, i64)>> {
    let mut all = BTreeMap::new();
    walk(root, &mut |path, meta| {
        all.insert(path.into(), (meta.ino(), meta.ctime(), meta.ctime_nsec()));
        Ok(())
    })?;
    Ok(all)
}

pub(crate) fn walk(
    folder: &Path,
    each: &mut dyn FnMut(&Path, &fs::Metadata) -> Result<()>,
) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let meta = fs::symlink_metadata(&path)?;
        each(&path, &meta)?;
        if meta.is_dir() {
            walk(&path, each)?;
        }
    }
    Ok(())
}

pub(crate) fn osconf(command: &str, root: &Path, options: &[&str]) -> Result<Output> {
    let mut run = Command::new(binary()?);
    run.arg(command).arg("--root").arg(root).args(options);
    run.output().context("osconf does not start")
}

pub(crate) fn expect(output: &Output, code: i32) -> Result<()> {
    ensure!(
        output.status.code() == Some(code),
        "{}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

pub(crate) fn targets() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../targets")
}
