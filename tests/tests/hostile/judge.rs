//! What must be true of every run, whatever was done to it.

use crate::machine::{CONF, Machine, PARTS, PASSWORD, PASSWORD_BASE64, PASSWORD_TEXT, hashes};
use crate::rig::{Output, traces_of_canary};
use crate::things::SECOND;
use crate::tree::{Entry, Kind, Tree, paths, say};
use anyhow::Result;
use osconf_tests::figure::{Figure, progress};
use std::sync::Mutex;

/// What can be wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Wrong {
    /// Something of os.conf, or a stranger's, is gone.
    Lost,
    /// Something is neither as it was nor as it is to be.
    Torn,
    /// The program ended as it did not choose to.
    Panic,
    /// It took too long.
    Hang,
    /// Something else that may not be: a secret told, a file outside touched.
    Other,
}

/// What is wrong with one case.
pub(crate) type Problems = Vec<(Wrong, String)>;

/// All cases so far.
static FIGURE: Mutex<Figure> = Mutex::new(Figure {
    name: "hostile cases",
    count: 0,
    lost: 0,
    torn: 0,
    panics: 0,
    hangs: 0,
});

/// Counts one case, and returns what is wrong with it as text.
pub(crate) fn count(problems: &Problems) -> Vec<String> {
    if let Ok(mut figure) = FIGURE.lock() {
        figure.count += 1;
        let has = |wrong| u64::from(problems.iter().any(|(what, _)| *what == wrong));
        figure.lost += has(Wrong::Lost);
        figure.torn += has(Wrong::Torn);
        figure.panics += has(Wrong::Panic);
        figure.hangs += has(Wrong::Hang);
        progress(figure.name, 1, 0);
    }
    problems
        .iter()
        .map(|(wrong, text)| format!("{wrong:?}: {text}"))
        .collect()
}

/// Prints the figure. There are no dice here.
pub(crate) fn print_figure() {
    if let Ok(figure) = FIGURE.lock() {
        figure.print(0);
    }
}

/// Holds what a run said, and how it ended, against what all runs must obey.
pub(crate) fn output(run: &Output, trees: &[&Tree], secrets: &[&[u8]]) -> Problems {
    let mut problems = Problems::new();
    if run.is_hung {
        problems.push((Wrong::Hang, "it did not end".into()));
    } else if !matches!(run.code, Some(0 | 1 | 3)) {
        problems.push((
            Wrong::Panic,
            format!("it ended with {:?}: {}", run.code, run.error),
        ));
    }
    let hashes: Vec<String> = trees.iter().flat_map(|tree| hashes(tree)).collect();
    let known = [PASSWORD_BASE64.as_bytes(), PASSWORD_TEXT.as_bytes()];
    let all = known.iter().chain(secrets).copied();
    for secret in all.chain(hashes.iter().map(String::as_bytes)) {
        for said in [&*run.output, run.error.as_bytes()] {
            if contains(said, secret) {
                problems.push((Wrong::Other, "it tells a secret".into()));
            }
        }
    }
    problems
}

/// Whether `text` holds `part`.
pub(crate) fn contains(text: &[u8], part: &[u8]) -> bool {
    !part.is_empty() && text.windows(part.len()).any(|window| window == part)
}

/// The parts that the program says it has done.
pub(crate) fn done(error: &str) -> u8 {
    let parts = PARTS.iter().enumerate();
    parts.fold(0, |all, (bit, (part, _))| {
        let is_done = error.contains(&format!("osconf: {part}: done"));
        all | u8::from(is_done) << bit
    })
}

/// Holds a root against what it must be, but for the paths to be left out.
pub(crate) fn trees(wanted: &Tree, found: &Tree, but: &dyn Fn(&str) -> bool) -> Problems {
    let mut problems = Problems::new();
    for path in paths(&[wanted, found]) {
        let (want, is) = (wanted.get(path), found.get(path));
        let is_same = match (want, is) {
            (Some(want), Some(is)) => want.is_like(is),
            (None, None) => true,
            _ => false,
        };
        if !is_same && !but(path) {
            let wrong = if is.is_none() {
                Wrong::Lost
            } else {
                Wrong::Torn
            };
            problems.push((wrong, say(path, want, is)));
        }
    }
    problems
}

/// Nothing beside the root was read or written since.
pub(crate) fn canary(before: &[[i64; 8]]) -> Result<Problems> {
    if traces_of_canary()? == before {
        return Ok(Problems::new());
    }
    let text = "a file outside the root was read or written".to_owned();
    Ok(vec![(Wrong::Other, text)])
}

/// Nobody may read more than before: the account files have new hashes in them, and
/// what is kept and what waits is ours alone.
pub(crate) fn exposed(before: &Tree, after: &Tree) -> Problems {
    let mut problems = Problems::new();
    for (path, entry) in after {
        let Some(text) = entry.content() else {
            continue;
        };
        let is_new = before.get(path).is_none_or(|old| old.kind != entry.kind);
        let one = Tree::from([(path.clone(), entry.clone())]);
        let allowed = match before.get(path).or_else(|| before.get("etc/shadow")) {
            Some(old) => old.mode,
            None => 0o600,
        };
        if is_new && !hashes(&one).is_empty() && entry.mode & 0o077 & !allowed != 0 {
            let text = format!("{path}: {:o} for a new hash", entry.mode);
            problems.push((Wrong::Other, text));
        }
        let is_conf = path == CONF;
        let secrets = [PASSWORD_BASE64, PASSWORD_TEXT];
        if !is_conf
            && secrets
                .iter()
                .any(|secret| contains(text, secret.as_bytes()))
        {
            problems.push((Wrong::Other, format!("{path}: it holds the password")));
        }
    }
    problems
}

/// A kept os.conf has no password any more once that is done.
///
/// Without a record the next run must do all of it anew; and one that can neither be
/// removed nor set aside is named.
pub(crate) fn stripped(after: &Tree, done: u8, said: &str) -> Problems {
    let text = after.get(CONF).and_then(Entry::content).unwrap_or_default();
    let is_set = text
        .split(|&byte| byte == b'\n')
        .any(|line| line.starts_with(b"password=") && line.len() > 9);
    let has_reason = [
        "osconf: record: ",
        "it holds the password: remove what is left of it",
    ]
    .iter()
    .any(|reason| said.contains(reason));
    if done & PASSWORD != 0 && is_set && !has_reason {
        return vec![(Wrong::Other, "a kept os.conf has the password".into())];
    }
    Problems::new()
}

/// Nothing was left behind that was not there before.
pub(crate) fn left_over(before: &Tree, after: &Tree) -> Problems {
    let is_ours = |path: &str| {
        let name = path.rsplit('/').next().unwrap_or_default();
        name.starts_with('.') && (name.ends_with(".osconf") || name.ends_with(".osconf-done"))
    };
    let new = after
        .keys()
        .filter(|path| is_ours(path) && !before.contains_key(*path));
    new.map(|path| (Wrong::Other, format!("{path} is left over")))
        .collect()
}

/// A second run on the same input changes nothing, not even which inode a file is.
pub(crate) fn again(machine: &Machine, first: &Output, conf: &[u8]) -> Result<Problems> {
    let before = machine.tree()?;
    if first.code == Some(0) {
        machine.put_conf(conf)?;
    }
    let run = machine.run("apply")?;
    let after = machine.tree()?;
    let mut problems = output(&run, &[&after], &[]);
    if first.code == Some(1) && run.code == Some(0) {
        // What was in the way was our own, and the first run has put it right.
        return Ok(problems);
    }
    if run.code != first.code {
        let text = format!("the second run ends with {:?}: {}", run.code, run.error);
        problems.push((Wrong::Other, text));
    }
    for path in paths(&[&before, &after]) {
        let ours = path.starts_with("etc/osconf") || path.starts_with("boot");
        let (old, new) = (before.get(path), after.get(path));
        let is_loose =
            ours || path.ends_with("shadow-") || path.ends_with("passwd-") || path == SECOND;
        let is_same = match (old, new) {
            (Some(old), Some(new)) if is_loose || old.kind == Kind::Folder => old.is_like(new),
            (old, new) => old == new,
        };
        let varies = ["etc/osconf/record", "etc/osconf/pending"].contains(&path)
            || path.starts_with("boot")
            || path == "etc";
        if !is_same && !varies && path != "etc/osconf" && path != "etc/osconf/replaced" {
            problems.push((
                Wrong::Torn,
                format!("the second run: {}", say(path, old, new)),
            ));
        }
    }
    Ok(problems)
}
