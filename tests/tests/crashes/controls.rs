//! Programs that are wrong on purpose, which the rig must find.

use crate::judge::{Node, Tree};
use crate::machine::{CONF, EXT2, MACHINES, Setup};
use anyhow::{Context, Result};
use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

/// What a wrong program leaves out, or does too early.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mistake {
    /// It trusts that rename(2) puts a whole file in place.
    NoSync,
    /// It replaces files of which it has no copy.
    NoBackup,
    /// It removes os.conf when it has read it.
    ConfFirst,
    /// It overwrites os.conf before it is durable that it is set aside.
    WipedTooEarly,
}

/// All of them.
pub(crate) const MISTAKES: [Mistake; 4] = [
    Mistake::NoSync,
    Mistake::NoBackup,
    Mistake::ConfFirst,
    Mistake::WipedTooEarly,
];

/// Where they are wrong: ext4 with a journal hides most of it.
pub(crate) fn setup() -> Setup {
    Setup {
        machine: &MACHINES[0],
        root: &EXT2,
        boot: None,
    }
}

/// Makes `new` of what is below `root`, in the order of osconf but for the mistake.
pub(crate) fn apply(mistake: Mistake, root: &Path, old: &Tree, new: &Tree) -> Result<()> {
    if mistake == Mistake::ConfFirst {
        fs::remove_file(root.join(CONF))?;
        sync(&root.join(CONF), true)?;
    }
    let is_synced = mistake != Mistake::NoSync;
    let all = || {
        new.iter()
            .filter(|(name, node)| old.get(*name) != Some(node))
    };
    // Copies, folders and files of our own come first.
    for (name, node) in all().filter(|(name, _)| !old.contains_key(*name)) {
        let is_copy = name.contains("/replaced") || name.ends_with('-');
        if mistake != Mistake::NoBackup || !is_copy {
            put(&root.join(name), node, is_synced)?;
        }
    }
    rustix::fs::syncfs(File::open(root)?)?;
    for (name, node) in all().filter(|(name, _)| old.contains_key(*name)) {
        put(&root.join(name), node, is_synced)?;
    }
    if is_synced {
        rustix::fs::syncfs(File::open(root)?)?;
    }
    let conf = root.join(CONF);
    let aside = conf.with_file_name(".os.conf.osconf-done");
    if mistake == Mistake::WipedTooEarly {
        fs::rename(&conf, &aside)?;
        fs::write(&aside, [0; 100])?;
        File::open(&aside)?.sync_all()?;
        fs::remove_file(&aside)?;
    } else if conf.exists() {
        fs::remove_file(&conf)?;
    }
    sync(&conf, true)
}

/// Puts a new file in the place of an old one.
fn put(path: &Path, node: &Node, is_synced: bool) -> Result<()> {
    let waiting = path.with_file_name(".new.osconf");
    match node {
        Node::Folder(mode) => {
            fs::create_dir_all(path)?;
            fs::set_permissions(path, fs::Permissions::from_mode(*mode))?;
        }
        Node::File(mode, (uid, gid), content) => {
            fs::write(&waiting, content)?;
            chown(&waiting, Some(*uid), Some(*gid))?;
            fs::set_permissions(&waiting, fs::Permissions::from_mode(*mode))?;
            sync(&waiting, is_synced)?;
            fs::rename(&waiting, path)?;
        }
        Node::Link(text) => std::os::unix::fs::symlink(text, path)?,
        Node::Unreadable => {}
    }
    sync(path, is_synced)
}

/// Makes a file and its folder durable.
fn sync(path: &Path, is_synced: bool) -> Result<()> {
    if is_synced {
        File::open(path.parent().context("a folder")?)?.sync_all()?;
        if path.is_file() {
            File::open(path)?.sync_all()?;
        }
    }
    Ok(())
}
