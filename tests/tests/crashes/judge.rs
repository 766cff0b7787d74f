//! What must be true of a machine after a power cut, and after the next run.

use crate::bench::{self, Bench, Mounted};
use crate::image::Image;
use crate::machine::{CONF, PASSWORD, Setup};
use anyhow::Result;
use osconf::account::verified;
use osconf::value::HashKind;
use osconf_tests::figure::Figure;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// One name below the root.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Node {
    /// With its mode.
    Folder(u32),
    /// With its mode, its owners, and its content.
    File(u32, (u32, u32), Vec<u8>),
    /// With its text.
    Link(String),
    /// It has a name, but the file system cannot tell what it is.
    Unreadable,
}

/// Everything below a root, by its path.
pub(crate) type Tree = BTreeMap<String, Node>;

/// Reads all of it.
pub(crate) fn read(root: &Path) -> Tree {
    let mut tree = Tree::new();
    visit(root, "", &mut tree);
    tree
}

fn visit(root: &Path, folder: &str, tree: &mut Tree) {
    for entry in fs::read_dir(root.join(folder)).into_iter().flatten() {
        let Ok(entry) = entry else {
            tree.insert(format!("{folder}?"), Node::Unreadable);
            return;
        };
        let name = format!("{folder}{}", entry.file_name().to_string_lossy());
        if name.ends_with("lost+found") {
            continue;
        }
        let node = node(&entry.path());
        if matches!(node, Node::Folder(_)) {
            visit(root, &format!("{name}/"), tree);
        }
        tree.insert(name, node);
    }
}

fn node(path: &Path) -> Node {
    let Ok(meta) = path.symlink_metadata() else {
        return Node::Unreadable;
    };
    let mode = meta.mode() & 0o7777;
    if meta.is_dir() {
        Node::Folder(mode)
    } else if meta.is_symlink() {
        let text = fs::read_link(path);
        text.map_or(Node::Unreadable, |text| {
            Node::Link(text.to_string_lossy().into_owned())
        })
    } else {
        let owner = (meta.uid(), meta.gid());
        fs::read(path).map_or(Node::Unreadable, |content| Node::File(mode, owner, content))
    }
}

/// What is wrong with a machine.
#[derive(Debug)]
pub(crate) enum Wrong {
    /// A file, or what os.conf says, is gone.
    Lost(String),
    /// A file is neither the old nor the new one.
    Torn(String),
    /// The program ended by a signal.
    Panic(String),
    /// The program did not end.
    Hang,
}

impl Wrong {
    /// What is wrong, in words.
    pub(crate) fn what(&self) -> String {
        match self {
            Self::Lost(what) => format!("lost: {what}"),
            Self::Torn(what) => format!("torn: {what}"),
            Self::Panic(what) => format!("panic: {what}"),
            Self::Hang => String::from("hang"),
        }
    }

    /// Counts it.
    pub(crate) fn count(&self, figure: &mut Figure) {
        *match self {
            Self::Lost(_) => &mut figure.lost,
            Self::Torn(_) => &mut figure.torn,
            Self::Panic(_) => &mut figure.panics,
            Self::Hang => &mut figure.hangs,
        } += 1;
    }
}

/// The copy of os.conf without the password, before it is os.conf.
const CONF_COPY: &str = "boot/aliyun_custom_image/.os.conf.osconf";

/// A machine as it was, and as it is once os.conf is applied.
pub(crate) struct Goal {
    pub(crate) old: Tree,
    pub(crate) new: Tree,
}

/// The lock of all programs that change accounts: where it cannot be made, the work
/// goes on without, and says so.
const LOCK: &str = "etc/.pwd.lock";

/// Whether osconf may leave such a file behind in the middle of its work.
fn is_scratch(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    path == "etc/osconf/pending"
        || path == LOCK
        || name.starts_with('.') && (name.ends_with(".osconf") || name.ends_with(".osconf-done"))
}

/// The copy that is kept of a file that is replaced.
fn kept(path: &str) -> String {
    format!("etc/osconf/replaced/{}", path.replace('/', "%2F"))
}

impl Goal {
    /// What a power cut may leave: with os.conf gone, all of it applied; with os.conf
    /// there, every file old or new, or gone or empty beside a whole copy of ours,
    /// which the next run mends.
    pub(crate) fn after_cut(&self, now: &Tree) -> Result<(), Wrong> {
        // Where a part is still open, it is to stay, but for the password.
        let is_gone = !now.contains_key(CONF) && !self.new.contains_key(CONF);
        let names: BTreeSet<&String> = self
            .old
            .keys()
            .chain(self.new.keys())
            .chain(now.keys())
            .collect();
        for name in names {
            let (old, new, node) = (self.old.get(name), self.new.get(name), now.get(name));
            if is_scratch(name) {
                is_private(name, node)?;
                continue;
            }
            let is_new = node == new || {
                let plain = |node: Option<&Node>| node.map(|node| plain(name, node));
                plain(node) == plain(new)
            };
            if is_new || !is_gone && node == old {
                continue;
            }
            // What a run that a disk disturbed says of itself is its own matter.
            if name == "etc/osconf/record" && is_whole_record(node) {
                continue;
            }
            // Before the check of a boot, or after it, a new folder of ours may be none.
            let is_new_folder = |folder: &str| !self.old.contains_key(folder);
            let is_ours = name.starts_with("etc/osconf")
                || name.strip_suffix("/?").is_some_and(is_new_folder);
            if !is_gone && is_ours && node == Some(&Node::Unreadable) {
                continue;
            }
            let what = || {
                let when = if is_gone {
                    "os.conf is gone"
                } else {
                    "os.conf is there"
                };
                format!("{when}, and {name} is {}", show(node))
            };
            let is_nothing = match node {
                None | Some(Node::Unreadable) => true,
                Some(Node::File(_, _, content)) => content.is_empty(),
                _ => false,
            };
            let is_mended = !is_gone && old != new && is_nothing && {
                let copy = now.get(&kept(name));
                let is_conf = name == CONF && now.get(CONF_COPY) == new;
                is_conf || is_ours || old.is_none() || copy == old || name.ends_with('-')
            };
            if !is_mended {
                return Err(if is_nothing {
                    Wrong::Lost(what())
                } else {
                    Wrong::Torn(what())
                });
            }
        }
        Ok(())
    }

    /// What the next run leaves: what a run that nothing disturbed leaves, and no more.
    fn after_run(&self, now: &Tree) -> Result<(), Wrong> {
        let names: BTreeSet<&String> = self.new.keys().chain(now.keys()).collect();
        for name in names {
            let (new, node) = (self.new.get(name), now.get(name));
            let is_same = node.map(|node| plain(name, node)) == new.map(|new| plain(name, new));
            if !is_same && name != LOCK {
                return Err(Wrong::Lost(format!(
                    "after the next run {name} is {}, not {}",
                    show(node.map(|node| plain(name, node)).as_ref()),
                    show(new.map(|new| plain(name, new)).as_ref())
                )));
            }
        }
        Ok(())
    }
}

/// Whether it is a record from its first line to its last.
fn is_whole_record(node: Option<&Node>) -> bool {
    let Some(Node::File(0o600, _, content)) = node else {
        return false;
    };
    content.starts_with(b"# osconf") && content.ends_with(b"\n")
}

/// A file that waits holds what its target holds, and may not be read by more.
fn is_private(name: &str, node: Option<&Node>) -> Result<(), Wrong> {
    match node {
        Some(Node::File(mode, _, _)) if name.contains("shadow") && mode & 0o137 != 0 => {
            Err(Wrong::Lost(format!("{name} has the mode {mode:o}")))
        }
        _ => Ok(()),
    }
}

fn show(node: Option<&Node>) -> String {
    match node {
        None => "not there".into(),
        Some(Node::File(mode, owner, content)) => {
            let text = String::from_utf8_lossy(content.get(..1000).unwrap_or(content));
            format!("{mode:o} {owner:?} {} bytes {text:?}", content.len())
        }
        Some(other) => format!("{other:?}"),
    }
}

/// Whether a password was set on this day, or, by a run before midnight, on the one before.
fn is_today(day: &str) -> bool {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let today = now.map_or(0, |now| now.as_secs() / 86_400);
    day.parse()
        .is_ok_and(|day: u64| day == today || day + 1 == today)
}

/// A node without what differs from run to run: a hash that verifies the password, and
/// its day; and of the record all but what became of the parts.
fn plain(name: &str, node: &Node) -> Node {
    let Node::File(mode, owner, content) = node else {
        return node.clone();
    };
    let text = String::from_utf8_lossy(content);
    let lines = text.lines().filter_map(|line| match line.split_once(':') {
        Some(("root", rest)) if name.ends_with("shadow") => {
            let (hash, rest) = rest.split_once(':').unwrap_or_default();
            let is_good = verified(line.as_bytes(), PASSWORD, HashKind::Md5).is_some();
            Some(match rest.split_once(':').filter(|_| is_good) {
                Some((day, rest)) if is_today(day) => format!("root:(good):(today):{rest}"),
                _ if is_good => format!("root:(good):{rest}"),
                _ => format!("root:{hash}:{rest}"),
            })
        }
        // Of a file that is right already it says nothing, nor of a password that
        // os.conf has no more.
        _ if name == "etc/osconf/record" => {
            let is_same = ["hostname=", "network=", "dns="]
                .iter()
                .any(|key| line.starts_with(key));
            is_same.then(|| line.to_owned())
        }
        _ => Some(line.to_owned()),
    });
    let text: Vec<String> = lines.collect();
    // FAT has one mode for all files.
    let mode = if name == CONF { &0 } else { mode };
    Node::File(*mode, *owner, text.join("\n").into_bytes())
}

/// Judges one state of a machine's disks, and has the next run mend it.
pub(crate) fn judge(
    bench: &Bench,
    setup: &Setup,
    goal: &Goal,
    images: &[Image],
) -> Result<Option<Wrong>> {
    match after_cut(bench, setup, goal, images)? {
        Ok(mounted) => next_run(setup, goal, mounted.root()),
        Err(wrong) => Ok(Some(wrong)),
    }
}

/// The same without a next run.
pub(crate) fn judge_cut(
    bench: &Bench,
    setup: &Setup,
    goal: &Goal,
    images: &[Image],
) -> Result<Option<Wrong>> {
    Ok(after_cut(bench, setup, goal, images)?.err())
}

/// Mounts and judges a state, and once more after the check of a boot, where there
/// is one.
fn after_cut(
    bench: &Bench,
    setup: &Setup,
    goal: &Goal,
    images: &[Image],
) -> Result<Result<Mounted, Wrong>> {
    let systems = setup.systems();
    let mut mounted = bench.mount(&systems, images)?;
    let mut found = goal.after_cut(&read(mounted.root()));
    if found.is_ok() && systems.iter().any(|system| system.is_checked) {
        drop(mounted);
        bench.devices.check(&systems, false)?;
        mounted = bench.devices.mount(&systems)?;
        found = goal.after_cut(&read(mounted.root()));
    }
    Ok(found.map(|()| mounted))
}

/// The next run, which nothing disturbs, finishes the work.
pub(crate) fn next_run(setup: &Setup, goal: &Goal, root: &Path) -> Result<Option<Wrong>> {
    let run = bench::apply(setup.machine, root)?;
    if run.is_hung {
        return Ok(Some(Wrong::Hang));
    }
    let found = match run.code {
        Some(code) if code == setup.machine.code => goal.after_run(&read(root)),
        Some(0..=3) => Err(Wrong::Lost(String::from("the next run fails"))),
        _ => Err(Wrong::Panic(String::from("the next run dies"))),
    };
    Ok(found.err().map(|wrong| match wrong {
        Wrong::Lost(what) => Wrong::Lost(format!("{what}\n{}", run.error)),
        Wrong::Panic(what) => Wrong::Panic(format!("{what}\n{}", run.error)),
        other => other,
    }))
}
