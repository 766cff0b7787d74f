//! What must be there after a run, and how what is there differs.

use crate::snapshot::{Entry, Kind, Snapshot, take};
use anyhow::{Context, Result};
use osconf_tests::case::{Case, ConfAfter, Thing};
use osconf_tests::generate::expand;
use similar::TextDiff;
use std::path::Path;

/// The tree that `case` wants, which was `before`.
pub(crate) fn expected(case: &Case, before: &Snapshot) -> Result<Snapshot> {
    let mut tree = before.clone();
    let after = case.folder.join("after");
    if after.is_dir() {
        for (path, entry) in take(&after)? {
            match entry.kind {
                Kind::File(content) => add(&mut tree, &path, Kind::File(expand(&content))),
                Kind::Link(_) => add(&mut tree, &path, entry.kind),
                _ => continue,
            }
            if let (Some(mode), Some(entry)) = (case.mode(&path), tree.get_mut(&path)) {
                entry.attributes.mode = mode;
            }
        }
    }
    for (path, thing) in &case.after {
        change(&mut tree, path, thing).with_context(|| format!("after: {}", path.display()))?;
    }
    match case.conf_after() {
        ConfAfter::Gone => drop(tree.remove(&case.conf_at)),
        ConfAfter::Kept => {}
        ConfAfter::WithoutPassword => {
            let text = std::fs::read(case.folder.join("os.conf.after")).context("os.conf.after")?;
            tree.insert(case.conf_at.clone(), Entry::file(expand(&text), 0o600));
        }
    }
    Ok(tree)
}

/// Gives `path` new content; it keeps its attributes, or gets the usual ones.
fn add(tree: &mut Snapshot, path: &Path, kind: Kind) {
    let parents = path
        .ancestors()
        .skip(1)
        .filter(|parent| !parent.as_os_str().is_empty());
    for parent in parents {
        tree.entry(parent.to_owned())
            .or_insert_with(|| Entry::new(Kind::Folder, 0o755));
    }
    let mode = match kind {
        Kind::Folder => 0o755,
        Kind::Link(_) => 0o777,
        _ => 0o644,
    };
    let entry = tree
        .entry(path.to_owned())
        .or_insert_with(|| Entry::new(kind.clone(), mode));
    entry.kind = kind;
}

fn change(tree: &mut Snapshot, path: &Path, thing: &Thing) -> Result<()> {
    if thing.removed {
        tree.remove(path).context("it was not there")?;
        return Ok(());
    }
    if let Some(target) = &thing.link {
        add(tree, path, Kind::Link(target.clone()));
    } else if thing.folder {
        add(tree, path, Kind::Folder);
    } else if let Some(text) = &thing.text {
        add(tree, path, Kind::File(expand(text.as_bytes())));
    }
    let entry = tree.get_mut(path).context("nothing says what it is")?;
    if let Some(mode) = thing.mode {
        entry.attributes.mode = mode;
    }
    if let Some(owner) = &thing.owner {
        let (user, group) = owner.split_once(':').context("an owner is UID:GID")?;
        entry.attributes.owner = (user.parse()?, group.parse()?);
    }
    for (name, value) in &thing.xattr {
        entry
            .attributes
            .xattr
            .insert(name.clone(), value.clone().into_bytes());
    }
    Ok(())
}

/// Each difference, in words.
pub(crate) fn differences(wanted: &Snapshot, found: &Snapshot) -> Vec<String> {
    let mut all = Vec::new();
    for (path, want) in wanted {
        let path_text = path.display();
        match found.get(path) {
            None => all.push(format!(
                "{path_text}: it is gone: {} was expected",
                want.kind
            )),
            Some(have) => {
                if want.attributes != have.attributes {
                    all.push(format!(
                        "{path_text}: {} expected, {} found",
                        want.attributes, have.attributes
                    ));
                }
                if want.kind != have.kind {
                    all.push(format!("{path_text}: {}", kinds(&want.kind, &have.kind)));
                }
            }
        }
    }
    for (path, have) in found.iter().filter(|(path, _)| !wanted.contains_key(*path)) {
        all.push(format!(
            "{}: {} was left over{}",
            path.display(),
            have.kind,
            shown(have)
        ));
    }
    all
}

fn shown(entry: &Entry) -> String {
    entry.content().map_or_else(String::new, |text| {
        let text: String = String::from_utf8_lossy(text).chars().take(400).collect();
        format!(":\n{text}")
    })
}

fn kinds(want: &Kind, have: &Kind) -> String {
    match (want, have) {
        (Kind::File(want), Kind::File(have)) => texts(want, have),
        _ => format!("{want} expected, {have} found"),
    }
}

/// How two texts differ, as a diff from what is expected to what is.
pub(crate) fn texts(want: &[u8], have: &[u8]) -> String {
    let [want, have] = [want, have].map(|text| String::from_utf8_lossy(text).into_owned());
    let diff = TextDiff::from_lines(&want, &have);
    let text = diff
        .unified_diff()
        .context_radius(2)
        .header("expected", "found")
        .to_string();
    // A line of a megabyte helps nobody.
    let lines = text.lines().map(|line| match line.char_indices().nth(200) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line.to_owned(),
    });
    lines.fold(String::from("the content differs\n"), |all, line| {
        all + "    " + &line + "\n"
    })
}

/// What was touched, although nothing should have been: not even a time.
pub(crate) fn touched(before: &Snapshot, after: &Snapshot) -> Vec<String> {
    let mut all = differences(before, after);
    if all.is_empty() {
        let same = before
            .iter()
            .zip(after)
            .filter(|((_, a), (_, b))| a.trace != b.trace);
        all.extend(same.map(|((path, _), _)| format!("{}: it was written to", path.display())));
    }
    all
}
