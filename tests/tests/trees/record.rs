//! `etc/osconf/record`, read by other words than the program's own.

use crate::links::resolved;
use crate::rules::changed;
use crate::run::Seen;
use crate::snapshot::{Entry, Kind};
use anyhow::{Context, Result};
use osconf_tests::case::{Case, ConfAfter};
use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

/// The file, below the root.
pub(crate) const PATH: &str = "etc/osconf/record";

const PARTS: [&str; 4] = ["password", "hostname", "network", "dns"];
const STATES: [&str; 5] = ["nothing", "done", "open", "invalid", "left"];

/// Seconds of a day, as `{today}` counts.
pub(crate) const DAY: u64 = 24 * 60 * 60;

/// Seconds since 1970.
pub(crate) fn now() -> Result<u64> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())
}

/// What is wrong with the record that a run left.
pub(crate) fn check(case: &Case, root: &Path, seen: &Seen) -> Result<Vec<String>> {
    let Seen {
        before,
        after: found,
        start,
        ..
    } = seen;
    let changed = changed(before, found);
    let mut problems = Vec::new();
    let Some(text) = found.get(Path::new(PATH)).and_then(Entry::content) else {
        let is_wanted = case.record.is_some() || !changed.is_empty();
        return Ok(if is_wanted {
            vec![format!("{PATH}: there is none")]
        } else {
            problems
        });
    };
    if before.get(Path::new(PATH)).and_then(Entry::content) == Some(text) {
        return Ok(problems);
    }
    let text = core::str::from_utf8(text)?;
    let mut say = |problem: String| problems.push(format!("{PATH}: {problem}"));
    let values: BTreeMap<&str, &str> = text
        .lines()
        .filter_map(|line| line.split_once('='))
        .collect();
    let time = values.get("time").and_then(|time| time.parse::<u64>().ok());
    // Times of files come from a clock that is some milliseconds late, and so may
    // be of the second before (current_time in the kernel's fs/inode.c).
    let first = start.saturating_sub(1);
    if !time.is_some_and(|time| (first..=now().unwrap_or(*start)).contains(&time)) {
        say(format!("no time of this run: {time:?}"));
    }
    states(case, &values, &mut say);
    let is_kept = case.conf_after() != ConfAfter::Gone;
    for key in ["digest", "modified", "inode"] {
        if values.contains_key(key) != is_kept {
            say(format!(
                "{key} of os.conf should {}be there",
                if is_kept { "" } else { "not " }
            ));
        }
    }
    let files = text.lines().filter_map(|line| {
        let (key, rest) = line.split_once('=')?;
        let is_file = matches!(key, "file" | "link" | "gone");
        is_file.then_some((key, rest.split_once(' ')?))
    });
    let mut named = Vec::new();
    for (key, (digest, path)) in files {
        let path = Path::new(path);
        // Either the link itself was to be there, or the file behind it.
        let real = match key {
            "file" => resolved(found, path),
            _ => path.to_owned(),
        };
        let is_there = match (key, found.get(path).map(|entry| &entry.kind)) {
            ("link", Some(Kind::Link(target))) => {
                sha256_of(target.as_os_str().as_bytes())? == digest
            }
            ("gone", None) => true,
            ("file", _) => sha256(&root.join(&real))? == digest,
            _ => false,
        };
        // Of a run before this one, and changed by somebody since.
        let is_right = is_there || !case.first.is_empty() && !changed.contains(&real);
        named.push(real);
        if !is_right {
            say(format!("the digest of {} is wrong", path.display()));
        }
    }
    for path in &changed {
        if !named.contains(path) {
            say(format!(
                "it does not name {}, which was changed",
                path.display()
            ));
        }
    }
    Ok(problems)
}

/// How the parts ended: as the case says; and if all went well, none is open.
fn states(case: &Case, values: &BTreeMap<&str, &str>, say: &mut dyn FnMut(String)) {
    for part in PARTS {
        let Some(state) = values.get(part).filter(|state| STATES.contains(state)) else {
            say(format!("nothing about {part}"));
            continue;
        };
        if let Some(wanted) = &case.record {
            let wanted = wanted.get(part).map_or("nothing", String::as_str);
            if *state != wanted {
                say(format!("{part} is {state}: {wanted} was expected"));
            }
        } else if case.exit == 0 && !matches!(*state, "nothing" | "done") {
            say(format!("{part} is {state}, although the run was a success"));
        }
    }
}

fn sha256_of(bytes: &[u8]) -> Result<String> {
    let mut file = tempfile::NamedTempFile::new()?;
    file.write_all(bytes)?;
    sha256(file.path())
}

fn sha256(path: &Path) -> Result<String> {
    let output = Command::new("sha256sum")
        .arg(path)
        .output()
        .context("sha256sum")?;
    let text = String::from_utf8(output.stdout)?;
    Ok(text.split(' ').next().unwrap_or_default().to_owned())
}
