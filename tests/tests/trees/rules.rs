//! What holds after every run, whatever the case is about: our own files, the
//! copies of what was replaced, and where secrets may lie.

use crate::account::{contains, hashes};
use crate::links::links_to;
use crate::output::Secrets;
use crate::record;
use crate::snapshot::{Entry, Kind, Snapshot, is_named};
use osconf_tests::case::{Case, ConfAfter};
use std::path::{Path, PathBuf};

const OURS: &str = "etc/osconf";
pub(crate) const REPLACED: &str = "etc/osconf/replaced";

/// Whether a path is no part of a plan: what a run makes for itself.
pub(crate) fn is_housekeeping(path: &Path) -> bool {
    let is_waiting = name(path).starts_with('.') && name(path).ends_with(".osconf");
    let ours = path.starts_with(OURS) && path != Path::new("etc/osconf/network");
    let is_dash = is_named(path, "shadow-") || is_named(path, "passwd-");
    ours || path == Path::new("etc/.pwd.lock") || is_dash || is_waiting || is_conf(path)
}

/// Adds to `wanted` what a run makes for itself, if it is as it should be.
pub(crate) fn allow_housekeeping(wanted: &mut Snapshot, before: &Snapshot, found: &Snapshot) {
    let mut allow = |path: &str, entry: Entry| {
        // A folder may be expected for what is in it, but then with another mode.
        if found.contains_key(Path::new(path)) && !before.contains_key(Path::new(path)) {
            wanted.insert(path.into(), entry);
        }
    };
    allow("etc", Entry::new(Kind::Folder, 0o755));
    allow(OURS, Entry::new(Kind::Folder, 0o700));
    allow(REPLACED, Entry::new(Kind::Folder, 0o700));
    allow("etc/.pwd.lock", Entry::file(Vec::new(), 0o600));
    // What it says is looked at in record.rs.
    let record = found.get(Path::new(record::PATH)).and_then(Entry::content);
    if let Some(text) = record {
        let entry = Entry::file(text.to_vec(), 0o600);
        wanted
            .entry(record::PATH.into())
            .and_modify(|old| *old = entry.clone())
            .or_insert(entry);
    }
    // Other programs keep a copy of the account files beside them, and so do we.
    for (path, new) in found {
        let is_account = is_named(path, "shadow") || is_named(path, "passwd");
        if let (true, Some(old)) = (is_account && !path.starts_with(REPLACED), before.get(path))
            && old.kind != new.kind
            && old.content().is_some_and(|text| !text.is_empty())
        {
            wanted.insert(path.with_file_name(format!("{}-", name(path))), old.clone());
        }
    }
}

fn name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// The folder of copies: each file that was changed is there as it was, by its
/// percent-encoded path; where there was none, a link says so.
pub(crate) fn allow_copies(wanted: &mut Snapshot, before: &Snapshot, found: &Snapshot) {
    let was_kept = |path: &Path| found.contains_key(&Path::new(REPLACED).join(path));
    for path in changed(before, found) {
        let names = links_to(before, &path);
        let name = names
            .iter()
            .find(|name| was_kept(Path::new(&encoded(name))))
            .unwrap_or(&path);
        let is_empty = before
            .get(&path)
            .is_none_or(|entry| entry.content().is_some_and(<[u8]>::is_empty));
        if is_empty
            && before
                .get(&Path::new(REPLACED).join(encoded(name)))
                .and_then(Entry::content)
                .is_some()
        {
            // A power cut left nothing in its place: the copy is what it was.
            continue;
        }
        let (suffix, entry) = match (before.get(&path), found.contains_key(&path)) {
            (Some(old), true) => ("", old.clone()),
            (Some(old), false) => ("%removed", old.clone()),
            (None, _) => ("", nothing()),
        };
        wanted.insert(Path::new(REPLACED).join(encoded(name) + suffix), entry);
    }
}

/// How it is noted that there was nothing.
fn nothing() -> Entry {
    Entry::new(Kind::Link("nothing".into()), 0o777)
}

/// What runs before this one made for themselves, and the copies of this one,
/// which may be of what those runs left.
pub(crate) fn allow_history(wanted: &mut Snapshot, before: &Snapshot, found: &Snapshot) {
    let ours = before
        .iter()
        .filter(|(path, _)| is_housekeeping(path) && !is_conf(path))
        .filter(|(path, _)| !other_copy(path).is_some_and(|other| found.contains_key(&other)));
    let copies = found.iter().filter(|(path, _)| path.starts_with(REPLACED));
    wanted.extend(
        ours.chain(copies)
            .map(|(path, entry)| (path.clone(), entry.clone())),
    );
}

/// The other name of a copy: what was first written, and later removed, or the other
/// way round, has one copy all the time.
fn other_copy(path: &Path) -> Option<PathBuf> {
    let text = path.strip_prefix(REPLACED).ok()?.to_str()?;
    Some(match text.strip_suffix("%removed") {
        Some(name) => Path::new(REPLACED).join(name),
        None => Path::new(REPLACED).join(format!("{text}%removed")),
    })
}

/// The files and links that a run changed, made or removed for the machine, not for
/// itself.
pub(crate) fn changed(before: &Snapshot, found: &Snapshot) -> Vec<PathBuf> {
    let all = before
        .keys()
        .chain(found.keys().filter(|path| !before.contains_key(*path)));
    all.filter(|path| !is_housekeeping(path))
        .filter(|path| {
            let [before, found] = [before, found].map(|tree| {
                let kind = tree.get(*path).map(|entry| &entry.kind);
                kind.filter(|kind| **kind != Kind::Folder)
            });
            before != found
        })
        .cloned()
        .collect()
}

fn is_conf(path: &Path) -> bool {
    is_named(path, "os.conf") || is_named(path, ".os.conf.osconf-done")
}

fn encoded(path: &Path) -> String {
    path.display()
        .to_string()
        .replace('%', "%25")
        .replace('/', "%2F")
}

/// Each place in the root where a secret lies that should not be there.
pub(crate) fn exposed(
    case: &Case,
    secrets: &Secrets,
    before: &Snapshot,
    found: &Snapshot,
) -> Vec<String> {
    let old = before
        .values()
        .filter_map(Entry::content)
        .flat_map(hashes)
        .collect::<Vec<_>>();
    let mut all = Vec::new();
    for (path, entry) in found {
        let text = entry.content().unwrap_or_default();
        let is_kept_conf = path == &case.conf_at && case.conf_after() == ConfAfter::Kept;
        let was_there = before.get(path).is_some_and(|old| old.kind == entry.kind);
        if secrets.are_in(text) && !is_kept_conf && !was_there {
            all.push(format!(
                "{}: it holds the password of os.conf",
                path.display()
            ));
        }
        let is_new = hashes(text)
            .iter()
            .any(|hash| !old.contains(hash) && contains(text, hash));
        let is_open = entry.attributes.mode & 0o007 != 0 && !path.starts_with(REPLACED);
        let is_passwd = path == Path::new("etc/passwd");
        if is_new && is_open && !is_passwd {
            all.push(format!(
                "{}: everybody can read the new hash in it",
                path.display()
            ));
        }
    }
    all
}

/// What a second run changed, which it must not: content and attributes of all,
/// and for the machine's own files not even which inode they are.
pub(crate) fn changed_again(first: &Snapshot, second: &Snapshot) -> Vec<String> {
    let but_record = |tree: &Snapshot| -> Snapshot {
        let entries = tree
            .iter()
            .filter(|(path, _)| !path.ends_with(record::PATH) && !is_conf(path))
            // Made by the second run where the first one had to make its folder.
            .filter(|(path, _)| !path.ends_with("etc/.pwd.lock"));
        entries
            .map(|(path, entry)| (path.clone(), entry.clone()))
            .collect()
    };
    let (first, second) = (but_record(first), but_record(second));
    let mut all = crate::compare::differences(&first, &second);
    if all.is_empty() {
        let files = first.iter().zip(second.values());
        let rewritten = files.filter(|((path, a), b)| {
            a.content().is_some() && !is_housekeeping(path) && !a.trace.is_same_file(&b.trace)
        });
        all.extend(
            rewritten.map(|((path, _), _)| {
                format!("{}: it was written anew, as it was", path.display())
            }),
        );
    }
    all
}
