//! What must be true after a run with faults, and after one without any that follows.

use crate::hash::Verifier;
use crate::machine::{Machine, PASSWORD, PASSWORD_BASE64};
use crate::shot::{Deed, Shot};
use crate::tracer::{End, Outcome};
use crate::tree::{Entry, Kind, Tree};
use anyhow::Result;
use osconf::record::Digest;
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::ffi::OsStrExt;

/// What went wrong, as the figures count it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Harm {
    /// Something is gone.
    Lost,
    /// Something is neither the old nor the new one, or the run ended as it may not.
    Torn,
    /// It ended by a signal.
    Panic,
    /// It did not end.
    Hang,
}

/// What went wrong, and where.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) harm: Harm,
    pub(crate) text: String,
}

fn problem(harm: Harm, text: impl Into<String>) -> Problem {
    let text = text.into();
    Problem { harm, text }
}

/// How a machine is before, and how it must be in the end.
#[derive(Debug)]
pub(crate) struct Judge {
    pub(crate) old: Tree,
    pub(crate) new: Tree,
    /// What else a file may be for a while: as it is when only some of the parts are
    /// applied.
    pub(crate) between: BTreeMap<String, Vec<Entry>>,
    /// How a run ends that nothing disturbs.
    pub(crate) end: End,
    /// What it prints.
    pub(crate) output: String,
    conf: String,
    folder: String,
    original: Vec<u8>,
    stripped: Vec<u8>,
    mounted: Vec<String>,
    /// After which our own folder may hold what the next apply has no use for.
    is_revert: bool,
    /// Whose exit code says what was found, whatever comes with it.
    is_check: bool,
}

/// The tree with a name for each hash, and without times: two that do the same are
/// equal.
pub(crate) fn named(tree: &Tree, verifier: &mut Verifier) -> Result<Tree> {
    let mut named = tree.clone();
    for (path, entry) in &mut named {
        let Kind::File(content) = &mut entry.kind else {
            continue;
        };
        if path.ends_with("etc/osconf/record") {
            *content = named_record(content, tree);
        } else if path.contains("shadow") || path.contains("passwd") {
            *content = verifier.name(content)?;
        }
    }
    Ok(named)
}

/// A record without times and inodes; of each file it says whether that is as recorded.
/// Its files stand in any order.
fn named_record(content: &[u8], tree: &Tree) -> Vec<u8> {
    let text = String::from_utf8_lossy(content);
    let lines = text.split_inclusive('\n').map(|line| {
        let Some((key, value)) = line.split_once('=') else {
            return line.to_owned();
        };
        match (key, value.trim_end().split_once(' ')) {
            ("time" | "modified" | "inode" | "prepared", _) => format!("{key}=…\n"),
            ("file", Some((digest, path))) => {
                let now = tree.get(&format!("root/{path}")).map(digest_of);
                let word = if now.as_deref() == Some(digest) {
                    "as it is"
                } else {
                    digest
                };
                format!("file={word} {path}\n")
            }
            _ => line.to_owned(),
        }
    });
    let (mut files, mut rest): (Vec<_>, Vec<_>) = lines.partition(|line| line.starts_with("file="));
    files.sort();
    rest.append(&mut files);
    rest.concat().into_bytes()
}

/// By what the record knows a file, or a link.
fn digest_of(entry: &Entry) -> String {
    let digest = match &entry.kind {
        Kind::File(content) => Digest::of(content),
        Kind::Link(text) => Digest::of(text.as_os_str().as_bytes()),
        Kind::Folder => Digest([0; 32]),
    };
    digest.0.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Judge {
    /// For a machine that is `old` now and becomes `new`.
    pub(crate) fn new(machine: &Machine, old: Tree, new: Tree, outcome: &Outcome) -> Self {
        let original = old.get(&machine.conf).and_then(Entry::content);
        let text = String::from_utf8_lossy(original.unwrap_or_default()).into_owned();
        let stripped = text.replace(PASSWORD_BASE64, "");
        let folder = machine
            .conf
            .rfind('/')
            .map_or("", |end| &machine.conf[..=end]);
        Self {
            between: BTreeMap::new(),
            end: outcome.end,
            output: outcome.output.clone(),
            conf: machine.conf.clone(),
            folder: folder.to_owned(),
            original: text.into_bytes(),
            stripped: stripped.into_bytes(),
            mounted: machine.mounted.clone(),
            is_revert: machine.command == "revert",
            is_check: machine.command == "check",
            old,
            new,
        }
    }

    /// What is wrong after a run with faults.
    pub(crate) fn disturbed(&self, now: &Tree, outcome: &Outcome, shots: &[Shot]) -> Vec<Problem> {
        let mut found = self.ending(now, outcome, shots);
        let is_done = self.differing(now).is_empty();
        let names: BTreeSet<&String> = now.keys().chain(self.old.keys()).collect();
        for name in names {
            let entry = now.get(name);
            found.extend(self.secret(name, entry));
            if self.is_own(name) {
                continue;
            }
            if *name == self.conf {
                found.extend(self.conf(entry, now, is_done));
            } else if !self.may_be(name, entry) {
                let harm = match entry {
                    None => Harm::Lost,
                    _ => Harm::Torn,
                };
                let text = entry.map_or("gone".into(), Entry::describe);
                found.push(problem(harm, format!("{name}: {text}")));
            }
        }
        found
    }

    fn ending(&self, now: &Tree, outcome: &Outcome, shots: &[Shot]) -> Vec<Problem> {
        let mut found = Vec::new();
        let said = [outcome.output.as_str(), outcome.error.as_str()].concat();
        for secret in [PASSWORD, PASSWORD_BASE64, "$1$", "$6$"] {
            if said.contains(secret) {
                found.push(problem(Harm::Torn, format!("a secret is said: {said}")));
            }
        }
        // What is wrong with the machine is not right because of a fault.
        let good = |line: &&str| self.is_check && line.ends_with("[  OK  ]");
        for line in outcome.output.lines().filter(good) {
            if !self.output.lines().any(|known| known == line) {
                found.push(problem(Harm::Lost, format!("this is said: {line}")));
            }
        }
        match outcome.end {
            End::Killed => {}
            End::Signal(signal) => {
                found.push(problem(Harm::Panic, format!("it ended by {signal}")));
            }
            End::Hang => found.push(problem(Harm::Hang, "it did not end")),
            End::Exit(0) => {
                let differing = self.differing(now);
                if self.end != End::Exit(0) {
                    found.push(problem(
                        Harm::Torn,
                        "exit code 0, with something left to do",
                    ));
                } else if !differing.is_empty() {
                    let text = format!("exit code 0, but {differing:?} are not done");
                    found.push(problem(Harm::Lost, text));
                } else if dateless(&outcome.output) != dateless(&self.output) && !is_mute(shots) {
                    let text = format!("exit code 0, but this is printed: {}", outcome.output);
                    found.push(problem(Harm::Torn, text));
                }
            }
            End::Exit(1)
                if is_mute(shots) || self.is_check || outcome.error.contains("osconf: ") => {}
            End::Exit(1) => found.push(problem(Harm::Torn, "exit code 1, and nobody is told why")),
            End::Exit(code) => found.push(problem(Harm::Torn, format!("exit code {code}"))),
        }
        found
    }

    /// Whether what is at `name` is the old, the new, or what comes between.
    fn may_be(&self, name: &str, entry: Option<&Entry>) -> bool {
        let between = self.between.get(name).into_iter().flatten();
        // What cannot be replaced is emptied, and then written, beside a copy.
        let is_in_place = self.mounted.iter().any(|mounted| mounted == name);
        let is_part = |entry: &Entry| {
            let new = self.new.get(name).and_then(Entry::content);
            let (Some(new), Some(now)) = (new, entry.content()) else {
                return false;
            };
            now.is_empty() || new.starts_with(now)
        };
        entry == self.old.get(name)
            || entry == self.new.get(name)
            || entry.is_some_and(|entry| between.clone().any(|known| known == entry))
            || is_in_place && entry.is_some_and(is_part)
    }

    /// The files of the machine that are not as they will be.
    fn differing(&self, now: &Tree) -> Vec<String> {
        let names: BTreeSet<&String> = now.keys().chain(self.new.keys()).collect();
        let differing = names.into_iter().filter(|name| {
            now.get(*name) != self.new.get(*name) && !self.is_own(name) && **name != self.conf
        });
        differing.cloned().collect()
    }

    /// Whether it is os.conf without its password: for root only, or as it was, where the
    /// file system refused that mode, as FAT does.
    fn is_stripped(&self, entry: &Entry) -> bool {
        let was = self.old.get(&self.conf).map(|old| old.mode);
        entry.content() == Some(&self.stripped) && [Some(0o600), was].contains(&Some(entry.mode))
    }

    /// os.conf is whole; or without its password, once that is set; or gone, once all is
    /// done.
    fn conf(&self, entry: Option<&Entry>, now: &Tree, is_done: bool) -> Option<Problem> {
        let Some(entry) = entry else {
            let may_go = !self.new.contains_key(&self.conf);
            let text = format!(
                "os.conf is gone, and {:?} are not done",
                self.differing(now)
            );
            return (!is_done || !may_go).then(|| problem(Harm::Lost, text));
        };
        let content = entry.content().unwrap_or_default();
        if content == self.original {
            return None;
        }
        let is_set = ["root/etc/shadow", "root/etc/passwd"]
            .iter()
            .all(|name| now.get(*name) == self.new.get(*name));
        if is_set && self.is_stripped(entry) {
            return None;
        }
        Some(problem(
            Harm::Torn,
            format!("{}: {}", self.conf, entry.describe()),
        ))
    }

    /// Whether a name is of our own books, which are whole only after a good run: waiting
    /// files, our folder, the lock, `shadow-`.
    fn is_own(&self, name: &str) -> bool {
        let last = name.rsplit('/').next().unwrap_or_default();
        let is_waiting = last.starts_with('.') && last.contains(".osconf");
        let is_dash = ["root/etc/shadow-", "root/etc/passwd-"].contains(&name);
        name.starts_with("root/etc/osconf") || name == "root/etc/.pwd.lock" || is_waiting || is_dash
    }

    /// No file with a hash or the password is readable by more than the old one was.
    fn secret(&self, name: &str, entry: Option<&Entry>) -> Option<Problem> {
        // The program itself knows how a hash begins.
        let entry = entry.filter(|_| !name.starts_with("root/usr/"))?;
        let content = entry.content()?;
        let has_password = content
            .windows(PASSWORD_BASE64.len())
            .any(|part| part == PASSWORD_BASE64.as_bytes());
        let limit = if has_password && !name.starts_with(&format!("{}.", self.folder)) {
            self.old.get(name).map_or(0o600, |old| old.mode)
        } else if has_password {
            0o644
        } else if Verifier::is_in(content) {
            0o640
        } else {
            return None;
        };
        let text = format!("{name}: with a secret in it, mode {:o}", entry.mode);
        (entry.mode & !limit != 0).then(|| problem(Harm::Torn, text))
    }

    /// Whether a copy is of what a file was between two runs: the first one has changed it
    /// in part, and could not record that.
    fn was_kept(&self, name: &str, copy: &Entry) -> bool {
        let Some(name) = name.strip_prefix("root/etc/osconf/replaced/") else {
            return false;
        };
        let path = format!("root/{}", name.replace("%2F", "/").replace("%25", "%"));
        let between = self.between.get(&path).into_iter().flatten();
        between
            .chain(self.old.get(&path))
            .any(|known| known == copy)
    }

    /// What is wrong after a run without faults, which follows one with some.
    pub(crate) fn repaired(&self, now: &Tree, outcome: &Outcome) -> Vec<Problem> {
        let mut found = Vec::new();
        if outcome.end != self.end {
            let text = format!(
                "the run after it ended with {:?}: {}",
                outcome.end, outcome.error
            );
            found.push(problem(Harm::Lost, text));
        }
        let names: BTreeSet<&String> = now.keys().chain(self.new.keys()).collect();
        for name in names {
            let (is, should) = (now.get(name), self.new.get(name));
            // They are a custom of other tools: without them the work goes on.
            let is_custom = ["root/etc/.pwd.lock", "root/etc/shadow-", "root/etc/passwd-"]
                .contains(&name.as_str());
            let is_fine = is_custom && is == self.old.get(name)
                || name == "root/etc/osconf/record" && is_record(is, should)
                || is.is_some_and(|is| self.was_kept(name, is))
                || *name == self.conf
                    && should.is_some()
                    && is.is_some_and(|is| self.is_stripped(is))
                || self.is_revert && self.is_own(name);
            if is != should && !is_fine {
                let describe = |entry: Option<&Entry>| entry.map_or("-".into(), Entry::describe);
                let text = format!(
                    "the run after it left {name}: {}, not {}",
                    describe(is),
                    describe(should)
                );
                found.push(problem(Harm::Lost, text));
            }
        }
        found
    }
}

/// Whether a record is as good as the one that should be: after a fault in the very end
/// it may know less of what was done, and of os.conf that it was still there; but what
/// it says of files is true, and nothing is left open.
fn is_record(is: Option<&Entry>, should: Option<&Entry>) -> bool {
    let lines = |entry: Option<&Entry>| -> BTreeSet<String> {
        let content = entry.and_then(Entry::content).unwrap_or_default();
        let text = String::from_utf8_lossy(content).into_owned();
        text.lines().map(String::from).collect()
    };
    let (is, should) = (lines(is), lines(should));
    let may_be_more = |line: &String| {
        ["digest=", "modified=", "inode="]
            .iter()
            .any(|key| line.starts_with(key))
            || line.ends_with("=nothing")
    };
    let may_be_less = |line: &String| {
        ["file=", "link=", "gone="]
            .iter()
            .any(|key| line.starts_with(key))
            || line.ends_with("=done")
    };
    !is.is_empty()
        && is.difference(&should).all(may_be_more)
        && should.difference(&is).all(may_be_less)
}

/// What `plan` shows, without the day on which a password is set: without a clock there
/// is none.
fn dateless(output: &str) -> String {
    let lines = output
        .split('\n')
        .map(|line| match line.split_once("(hash):") {
            Some((before, after)) => {
                let after = after.trim_start_matches(|digit: char| digit.is_ascii_digit());
                format!("{before}(hash):{after}")
            }
            None => line.to_owned(),
        });
    lines.collect::<Vec<_>>().join("\n")
}

/// Whether the faults may have kept the program from saying something.
fn is_mute(shots: &[Shot]) -> bool {
    shots
        .iter()
        .any(|shot| shot.call.name == "write" || matches!(shot.deed, Deed::FailOn(_)))
}
