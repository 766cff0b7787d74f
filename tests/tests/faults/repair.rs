//! The run after a disturbed one: it must make the machine what it should have been.

use crate::layout::Layout;
use crate::scene::{Damage, OWN, Problem};
use crate::tree::{self, Entry, Tree, differing, shown};
use osconf::record;
use osconf_tests::kernel::Kernel;
use osconf_tests::kernel::world::{Body, World};

/// Runs the program once more, undisturbed: all must be as it is after one run.
pub(crate) fn repair(
    layout: &Layout,
    world: &World,
    before: &Tree,
    after: &Tree,
) -> Option<Problem> {
    let kernel = Kernel::new(world.clone());
    let end = layout.run(&kernel);
    let left = kernel.leave();
    let found = tree::take(&left.world);
    let now = tree::take(world);
    let own = format!("{}/{OWN}", layout.root);
    let noted = format!("{own}/record");
    let was_recorded = now.get(&noted) != before.get(&noted);
    let is_gone = |path: &str| !found.contains_key(&format!("{}/{path}", layout.root));
    for path in differing(&found, after) {
        let [was, is, should] = [before, &found, after].map(|tree| tree.get(path));
        let is_good = if path == noted {
            same_record(is, should, &is_gone) && is_true(layout, &found)
        } else if path.starts_with(&format!("{own}/replaced/")) {
            // What was there between two runs that both did something to it: a note
            // that there was nothing, and what was removed again; or a file of ours,
            // if nobody could note that.
            let is_nothing = is.is_some_and(|is| is.body == Body::Link(b"nothing"[..].into()));
            should.is_none() && (is_nothing || path.ends_with("%removed")) || !was_recorded
        } else {
            path.ends_with("/.pwd.lock")
                // Half a rename: the next one that is written takes its place.
                || path == format!("{own}/.record.osconf")
                || path.ends_with('-') && is == was
                || same_lines(is, should)
        };
        if !is_good {
            let damage = if is.is_none() {
                Damage::Lost
            } else {
                Damage::Torn
            };
            let text = format!(
                "the next run ({end:?}) leaves {path}\n  before {}\n  now    {}\n  as     {}\n  should {}\n{}",
                shown(before, path),
                shown(&now, path),
                shown(&found, path),
                shown(after, path),
                String::from_utf8_lossy(&left.said)
            );
            return Some((damage, text));
        }
    }
    None
}

/// Whether two files differ in the order of their lines alone: what is told of name
/// servers stands before or behind what else a new network needs.
fn same_lines(a: Option<&Entry>, b: Option<&Entry>) -> bool {
    let (Some(a), Some(b)) = (a, b) else {
        return false;
    };
    let [first, second] = [a, b].map(|entry| {
        let mut lines: Vec<_> = entry.text()?.split(|&byte| byte == b'\n').collect();
        lines.sort_unstable();
        Some(lines)
    });
    let is_same = (a.mode, a.owner, &a.attributes) == (b.mode, b.owner, &b.attributes);
    is_same && first.is_some() && first == second
}

/// Whether a record says what another one says, but for how os.conf is known again,
/// for files that were right already and so are not named, and for those that a run
/// made, or was about to make, that could not ask for NICs, and that are gone: `revert`
/// finds them as they were.
fn same_record(is: Option<&Entry>, should: Option<&Entry>, is_gone: &dyn Fn(&str) -> bool) -> bool {
    let [(is, files), (should, all)] = [is, should].map(|entry| {
        let text = entry.and_then(Entry::text).unwrap_or_default();
        let text = String::from_utf8_lossy(text).into_owned();
        let is_kept = |line: &&str| {
            !["inode=", "modified=", "digest="]
                .iter()
                .any(|key| line.starts_with(key))
        };
        let lines = text.lines().filter(is_kept);
        let (files, rest): (Vec<&str>, Vec<&str>) = lines.partition(|line| line.contains(' '));
        // Of a file, how and where, but not of what content.
        let file = |line: &str| {
            format!(
                "{} {}",
                &line[..5],
                line.rsplit(' ').next().unwrap_or_default()
            )
        };
        let files: Vec<String> = files.into_iter().map(file).collect();
        let rest: Vec<String> = rest.into_iter().map(String::from).collect();
        (rest, files)
    });
    let is_known = |file: &String| {
        file.starts_with("gone=")
            || all.contains(file)
            || is_gone(file.get(6..).unwrap_or_default())
    };
    is == should && files.iter().all(is_known)
}

/// Whether each file is as the record says.
fn is_true(layout: &Layout, tree: &Tree) -> bool {
    let record = tree.get(&format!("{}/{OWN}/record", layout.root));
    let text = record.and_then(Entry::text).unwrap_or_default();
    record::files(text).all(|file| {
        let path = String::from_utf8_lossy(file.path);
        let place = format!("{}/{path}", layout.root);
        // What lies behind a link is not looked for here.
        let found = tree.get(&place).and_then(Entry::text);
        found.is_none_or(|text| file.is(text))
    })
}
