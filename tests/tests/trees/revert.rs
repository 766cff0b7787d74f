//! What holds of every machine that os.conf was applied to: `revert` brings back what
//! was there, twice is once, and a later `apply` does the same as the first one.

use crate::compare::{differences, expected, touched};
use crate::output::Output;
use crate::record;
use crate::rules::{REPLACED, is_housekeeping};
use crate::run::{Run, Seen};
use crate::snapshot::{Entry, Kind, Snapshot};
use anyhow::Result;
use std::path::Path;

impl Run {
    /// Reverts what `first` did, and applies os.conf once more.
    pub(crate) fn judge_revert(&mut self, seen: &Seen, first: &Output) -> Result<()> {
        // Runs before this one may be of the same os.conf, and are reverted with it.
        let has_history = |path: &Path| path.starts_with("etc/osconf/replaced");
        let etc = seen.after.get(Path::new("etc"));
        let has_etc = etc.is_some_and(|etc| etc.kind == Kind::Folder);
        if !has_etc
            || !self.case.first.is_empty()
            || seen.built.keys().any(|path| has_history(path))
        {
            return Ok(());
        }
        let revert = ["revert", "--root", "{root}"].map(String::from);
        let preview = [&revert[..], &["--dry-run".into()]].concat();
        let after = self.look()?;
        self.reverted("`revert --dry-run`", &preview)?;
        self.problem_list("`revert --dry-run`", touched(&after, &self.look()?));
        self.reverted("`revert`", &revert)?;
        let back = self.look()?;
        self.problem_list("`revert`", not_as_before(&seen.before, &back));
        self.reverted("a second `revert`", &revert)?;
        self.problem_list("a second `revert`", touched(&back, &self.look()?));
        if let Some(conf) = &self.conf {
            // One that cannot be written is still there, whole.
            let _ = self.machine.put_conf(conf);
        }
        let output = self.run(&self.case.args.clone())?;
        if output.exit != first.exit {
            let problem = format!("`apply` after `revert` exits with {}", output.exit);
            self.problems.push(problem);
        }
        let [then, now] = [seen.after.clone(), self.look()?].map(machine);
        let [then, now] = [
            self.named(&seen.before, &then)?,
            self.named(&seen.before, &now)?,
        ];
        self.problem_list("`apply` after `revert`", differences(&then, &now));
        Ok(())
    }

    /// The root after a case's own `revert`: as the case says, and each copy that is
    /// left is of a file that the record still names.
    pub(crate) fn judge_own_revert(&mut self, seen: &Seen, first: &Output) -> Result<()> {
        let wanted = machine(expected(&self.case, &seen.built)?);
        let found = machine(seen.after.clone());
        let [wanted, found] = [
            self.named(&seen.built, &wanted)?,
            self.named(&seen.built, &found)?,
        ];
        self.problem_list("`revert`", not_as_before(&wanted, &found));
        let named = |tree: &Snapshot, copy: &str| {
            let record = tree.get(Path::new(record::PATH)).and_then(Entry::content);
            let record = String::from_utf8_lossy(record.unwrap_or_default()).into_owned();
            let path = copy.trim_end_matches("%removed").replace("%2F", "/");
            let end = format!(" {}", path.replace("%25", "%"));
            record.lines().any(|line| line.ends_with(&end))
        };
        let copies = seen.after.keys();
        let strays = copies
            .filter_map(|path| path.strip_prefix(REPLACED).ok()?.to_str())
            .filter(|copy| named(&seen.before, copy) && !named(&seen.after, copy))
            .map(|copy| format!("{copy}: its file was put back, and the copy stays"))
            .collect();
        self.problem_list(REPLACED, strays);
        let pending = Path::new("etc/osconf/pending");
        if seen.after.contains_key(pending) {
            self.problems
                .push("it does not seem to be at its end".into());
        }
        self.again("a second run", first, &seen.after)
    }

    fn reverted(&mut self, what: &str, arguments: &[String]) -> Result<()> {
        let output = self.run(arguments)?;
        if output.exit != 0 {
            let said = String::from_utf8_lossy(&output.stderr);
            self.problems
                .push(format!("{what} exits with {}: {said}", output.exit));
        }
        Ok(())
    }
}

/// The machine's own files.
fn machine(mut tree: Snapshot) -> Snapshot {
    tree.retain(|path, _| !is_housekeeping(path));
    tree
}

/// How a tree differs from the one before. Folders that were made stay.
fn not_as_before(before: &Snapshot, found: &Snapshot) -> Vec<String> {
    let [before, mut found] = [before, found].map(|tree| machine(tree.clone()));
    found.retain(|path, entry| entry.kind != Kind::Folder || before.contains_key(path));
    differences(&before, &found)
}
