//! The diff that `plan` prints, applied by patch(1).

use crate::account::{contains, masked};
use crate::links::resolved;
use crate::snapshot::{Entry, Kind, Snapshot, take};
use anyhow::{Context, Result};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

/// What is different between the files of `after`, and those of `before` with
/// `diff` applied. Files about accounts are compared as `plan` shows them.
/// `ignore` says which files are no part of a plan.
pub(crate) fn check(
    before: &Snapshot,
    after: &Snapshot,
    diff: &[u8],
    work: &Path,
    ignore: impl Fn(&Path) -> bool,
) -> Result<Vec<String>> {
    let folder = work.join("patched");
    let wanted = files(after, &ignore);
    fs::create_dir(&folder)?;
    for (path, entry) in files(before, &ignore) {
        let place = folder.join(path);
        fs::create_dir_all(place.parent().context("no folder")?)?;
        match &entry.kind {
            Kind::Link(target) => symlink(target, place)?,
            _ => fs::write(place, entry.content().unwrap_or_default())?,
        }
    }
    let said = patch(&folder, &by_real_names(before, diff), work)?;
    let patched = take(&folder)?
        .into_iter()
        .filter(|(_, entry)| entry.kind != Kind::Folder);
    let patched = patched
        .map(|(path, entry)| (path, Entry::new(entry.kind, 0o644)))
        .collect();
    let mut problems = crate::compare::differences(&wanted, &patched);
    problems.extend(said);
    Ok(problems
        .into_iter()
        .map(|problem| format!("the diff of `plan`, applied: {problem}"))
        .collect())
}

/// `diff` with each link that it names replaced by what the link leads to:
/// patch(1) follows none. Where a link itself changes, git's head says so.
fn by_real_names(tree: &Snapshot, diff: &[u8]) -> Vec<u8> {
    let mut is_link = false;
    let line = |line: &[u8]| {
        let heads: [&[u8]; 2] = [b"--- a/", b"+++ b/"];
        is_link = line.starts_with(b"diff --git") || (is_link && !line.starts_with(b"@@"));
        if is_link {
            return line.to_vec();
        }
        let Some(head) = heads.into_iter().find(|head| line.starts_with(head)) else {
            return line.to_vec();
        };
        let path = String::from_utf8_lossy(&line[head.len()..]);
        let name = path.trim_end();
        let real = resolved(tree, Path::new(name)).display().to_string();
        [head, real.as_bytes(), path[name.len()..].as_bytes()].concat()
    };
    diff.split_inclusive(|&byte| byte == b'\n')
        .flat_map(line)
        .collect()
}

/// Every file and link, as a plan sees it.
fn files(tree: &Snapshot, ignore: &impl Fn(&Path) -> bool) -> Snapshot {
    tree.iter()
        .filter(|(path, _)| !ignore(path))
        .filter_map(|(path, entry)| {
            if matches!(entry.kind, Kind::Link(_)) {
                return Some((path.clone(), Entry::new(entry.kind.clone(), 0o644)));
            }
            let content = entry.content()?;
            let is_account = content.starts_with(b"root:") || contains(content, b"root:");
            let content = if is_account {
                masked(content)
            } else {
                content.to_vec()
            };
            Some((path.clone(), Entry::file(content, 0o644)))
        })
        .collect()
}

/// What patch(1) complains about. Nothing is to be guessed: neither lines that
/// lie elsewhere nor lines that differ.
fn patch(folder: &Path, diff: &[u8], work: &Path) -> Result<Option<String>> {
    let file = work.join("plan.diff");
    fs::write(&file, diff)?;
    if diff.is_empty() {
        return Ok(None);
    }
    let output = Command::new("patch")
        .args([
            "-p1",
            "--binary",
            "--fuzz=0",
            "--no-backup-if-mismatch",
            "--force",
        ])
        .current_dir(folder)
        .stdin(fs::File::open(&file)?)
        .stderr(Stdio::piped())
        .output()
        .context("patch")?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    let guessed = said
        .lines()
        .any(|line| line.starts_with("Hunk") || line.contains("offset"));
    Ok((guessed || !output.status.success()).then_some(said))
}
