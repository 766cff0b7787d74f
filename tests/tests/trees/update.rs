//! `UPDATE=1`: what is expected becomes what is.

use crate::account::replace;
use crate::rules::is_housekeeping;
use crate::snapshot::{Kind, Snapshot};
use anyhow::{Context, Result};
use osconf_tests::case::Case;
use osconf_tests::generate::shorten;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

/// Whether the environment asks for it.
pub(crate) fn is_wanted() -> bool {
    std::env::var_os("UPDATE").is_some_and(|value| value == "1")
}

/// Writes a golden file, if that is wanted; an empty one is none.
pub(crate) fn file(path: &Path, text: &[u8]) -> Result<()> {
    if !is_wanted() {
        return Ok(());
    }
    if text.is_empty() {
        if path.exists() {
            fs::remove_file(path)?;
        }
        return Ok(());
    }
    fs::create_dir_all(path.parent().context("no folder")?)?;
    Ok(fs::write(path, text)?)
}

/// Writes what was said.
pub(crate) fn output(folder: &Path, stderr: &[u8], stdout: &[u8]) -> Result<()> {
    file(&folder.join("stderr"), stderr)?;
    file(&folder.join("stdout"), stdout)
}

/// Writes `after/`: files that are new, or have other content than `before`.
pub(crate) fn tree(case: &Case, before: &Snapshot, after: &Snapshot) -> Result<()> {
    let golden = case.folder.join("after");
    if golden.is_dir() {
        fs::remove_dir_all(&golden)?;
    }
    if !case.is_apply() && !case.is_revert() {
        return Ok(());
    }
    let day = (crate::record::now()? / crate::record::DAY).to_string();
    for (path, entry) in after {
        let is_same = before.get(path).is_some_and(|old| old.kind == entry.kind);
        let is_said = case
            .after
            .get(path)
            .is_some_and(|thing| thing.text.is_some() || thing.link.is_some());
        if is_same || is_said || is_housekeeping(path) || *path == case.conf_at {
            continue;
        }
        let place = golden.join(path);
        match &entry.kind {
            Kind::File(text) => {
                let text = replace(text, format!("}}:{day}:").as_bytes(), b"}:{today}:");
                file(&place, &shorten(&text))?;
            }
            Kind::Link(target) => {
                fs::create_dir_all(place.parent().context("no folder")?)?;
                symlink(target, place)?;
            }
            _ => {}
        }
    }
    Ok(())
}
