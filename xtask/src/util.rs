//! Small things that several subcommands need.

use core::time::Duration;
use std::fs::{self, File, Permissions};
use std::io::IsTerminal;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use xshell::Shell;

/// The folder of the workspace.
pub(crate) fn root() -> &'static Path {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask)
}

/// Where cargo puts what it builds.
pub(crate) fn target_dir() -> PathBuf {
    // A relative one is meant from where cargo is started, and that is the workspace.
    root().join(std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()))
}

/// How cargo runs the tests of `tests/`: all of them, and the rigs, in one profile, so
/// that what they need is built once.
pub(crate) const TESTS: &[&str] = &[
    "test",
    "--quiet",
    "--profile",
    "rig",
    "--package",
    "osconf-tests",
];

/// A shell in the workspace's folder.
///
/// Debian leaves the folders of system programs (mke2fs, sfdisk) out of the
/// PATH of ordinary users, who may run them all the same.
pub(crate) fn shell() -> Result<Shell> {
    let shell = Shell::new()?;
    shell.change_dir(root());
    shell.set_var("PATH", search_path());
    Ok(shell)
}

/// PATH and the folders of system programs.
pub(crate) fn search_path() -> String {
    format!(
        "{}:/usr/local/sbin:/usr/sbin:/sbin",
        std::env::var("PATH").unwrap_or_default()
    )
}

/// Where what was fetched for one purpose is kept.
pub(crate) fn cache(purpose: &str) -> Result<PathBuf> {
    let cache = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute());
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    match cache.or_else(home) {
        Some(folder) => Ok(folder.join("osconf").join(purpose)),
        None => bail!("neither XDG_CACHE_HOME nor HOME is set: no folder to keep what is fetched"),
    }
}

/// The folder `name` in the cache for one purpose. `make` fills it, when it is not there,
/// or was made for something else than what `made_for` says.
pub(crate) fn cached(
    purpose: &str,
    name: &str,
    made_for: &str,
    make: impl FnOnce(&Path) -> Result<()>,
) -> Result<PathBuf> {
    let cache = cache(purpose)?;
    fs::create_dir_all(&cache).with_context(|| format!("cannot make {}", cache.display()))?;
    // Two xtasks at a time must not fetch into one folder.
    let lock = File::create(cache.join("lock"))?;
    lock.lock()
        .with_context(|| format!("cannot lock {}", cache.display()))?;
    let folder = cache.join(name);
    let stamp = folder.join("made-for");
    if fs::read_to_string(&stamp).ok().as_deref() != Some(made_for) {
        println!("{purpose}: making {}", folder.display());
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        make(&folder)?;
        write(&stamp, made_for)?;
    }
    Ok(folder)
}

/// The text of a file; the error names the file.
pub(crate) fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

/// Writes a file and the folders that it lies in; the error names the file.
pub(crate) fn write(path: &Path, bytes: impl AsRef<[u8]>) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

/// Copies a file, with the folders that the copy lies in, and gives it a mode.
pub(crate) fn copy(from: &Path, to: &Path, mode: u32) -> Result<()> {
    write(
        to,
        fs::read(from).with_context(|| format!("cannot read {}", from.display()))?,
    )?;
    Ok(fs::set_permissions(to, Permissions::from_mode(mode))?)
}

/// Copies a folder of plain files, each readable by all as in a fresh checkout.
pub(crate) fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    for entry in fs::read_dir(from).with_context(|| format!("cannot list {}", from.display()))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_tree(&entry.path(), &target)?;
        } else {
            copy(&entry.path(), &target, 0o644)?;
        }
    }
    Ok(())
}

/// All files below a folder, by name; a link is one, too.
pub(crate) fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in
        fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?
    {
        let entry = entry?;
        match entry.file_type()?.is_dir() {
            true => found.extend(files(&entry.path())?),
            false => found.push(entry.path()),
        }
    }
    found.sort();
    Ok(found)
}

/// A file's name without its last extension.
pub(crate) fn stem(path: &Path) -> String {
    path.file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// Shows on a terminal how far something long has come, until the next line takes its
/// place; elsewhere the lines are enough.
pub(crate) fn progress(what: &str, done: usize, total: usize) {
    if std::io::stderr().is_terminal() {
        eprint!("{what}: {done} of {total} begun\r");
    }
}

/// Runs a step and says how long it took.
pub(crate) fn timed<T>(step: impl FnOnce() -> Result<T>) -> (Result<T>, Duration) {
    let start = Instant::now();
    let result = step();
    (result, start.elapsed())
}
