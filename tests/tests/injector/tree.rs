//! A tree of files as a value, and back again.

use anyhow::{Context, Result};
use rustix::fs::{XattrFlags, lgetxattr, llistxattr, lsetxattr};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

/// What has a name, by its path below the folder of a machine.
pub(crate) type Tree = BTreeMap<String, Entry>;

/// A file, folder or link, with all that must stay as it is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Entry {
    pub(crate) kind: Kind,
    pub(crate) mode: u32,
    pub(crate) owner: (u32, u32),
    pub(crate) attributes: BTreeMap<String, Vec<u8>>,
}

/// What it is, and holds.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) enum Kind {
    File(Vec<u8>),
    Link(PathBuf),
    #[default]
    Folder,
}

impl Entry {
    /// A file of root's.
    pub(crate) fn file(content: &[u8], mode: u32) -> Self {
        Self {
            kind: Kind::File(content.to_vec()),
            mode,
            ..Self::default()
        }
    }

    /// A folder of root's.
    pub(crate) fn folder(mode: u32) -> Self {
        Self {
            mode,
            ..Self::default()
        }
    }

    /// What a file holds.
    pub(crate) fn content(&self) -> Option<&[u8]> {
        match &self.kind {
            Kind::File(content) => Some(content),
            _ => None,
        }
    }

    /// In short, for who must find out what went wrong.
    pub(crate) fn describe(&self) -> String {
        let kind = match &self.kind {
            Kind::File(content) => format!("{:?}", String::from_utf8_lossy(content)),
            Kind::Link(text) => format!("a link to {}", text.display()),
            Kind::Folder => String::from("a folder"),
        };
        let kind: String = kind.chars().take(1500).collect();
        let (uid, gid) = self.owner;
        let attributes: Vec<&String> = self.attributes.keys().collect();
        format!("{:o} {uid}:{gid} {attributes:?} {kind}", self.mode)
    }
}

/// All that is below `base`.
pub(crate) fn take(base: &Path) -> Result<Tree> {
    let mut tree = Tree::new();
    visit(base, "", &mut tree)?;
    Ok(tree)
}

fn visit(folder: &Path, prefix: &str, tree: &mut Tree) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let entry = entry?;
        let path = entry.path();
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let meta = entry.metadata()?;
        let kind = if meta.is_dir() {
            visit(&path, &format!("{name}/"), tree)?;
            Kind::Folder
        } else if meta.is_symlink() {
            Kind::Link(fs::read_link(&path)?)
        } else {
            Kind::File(fs::read(&path)?)
        };
        let found = Entry {
            kind,
            mode: meta.permissions().mode() & 0o7777,
            owner: (meta.uid(), meta.gid()),
            attributes: attributes(&path)?,
        };
        tree.insert(name, found);
    }
    Ok(())
}

fn attributes(path: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut names = [0; 1024];
    let len = llistxattr(path, &mut names)?;
    let mut found = BTreeMap::new();
    for name in names[..len].split(|&byte| byte == 0) {
        let mut value = [0; 1024];
        if !name.is_empty() {
            let len = lgetxattr(path, name, &mut value)?;
            let name = String::from_utf8(name.to_vec())?;
            found.insert(name, value[..len].to_vec());
        }
    }
    Ok(found)
}

/// Makes what is below `base`, which is `now`, what it is in `wanted`. A file is made
/// anew, since it may have other names by now; but one of `mounted`, which cannot be.
pub(crate) fn restore(base: &Path, now: &Tree, wanted: &Tree, mounted: &[String]) -> Result<()> {
    for (name, entry) in now.iter().rev() {
        if wanted.get(name) == Some(entry) || mounted.contains(name) {
            continue;
        }
        let is_folder = |entry: &Entry| entry.kind == Kind::Folder;
        let path = base.join(name);
        if !is_folder(entry) {
            fs::remove_file(&path)
        } else if !wanted.get(name).is_some_and(is_folder) {
            fs::remove_dir(&path)
        } else {
            Ok(())
        }
        .with_context(|| format!("cannot remove {}", path.display()))?;
    }
    for (name, entry) in wanted {
        if now.get(name) != Some(entry) {
            make(&base.join(name), entry).with_context(|| format!("cannot make {name}"))?;
        }
    }
    Ok(())
}

/// Makes one thing.
pub(crate) fn make(path: &Path, entry: &Entry) -> Result<()> {
    match &entry.kind {
        Kind::File(content) => fs::write(path, content)?,
        Kind::Folder if path.is_dir() => {}
        Kind::Folder => fs::create_dir(path)?,
        Kind::Link(text) => {
            symlink(text, path)?;
            return Ok(());
        }
    }
    if entry.owner != (0, 0) {
        chown(path, Some(entry.owner.0), Some(entry.owner.1))?;
    }
    fs::set_permissions(path, fs::Permissions::from_mode(entry.mode))?;
    for (name, value) in &entry.attributes {
        lsetxattr(path, name.as_str(), value, XattrFlags::empty())?;
    }
    Ok(())
}

/// Puts what is in the folder `from` into `tree`, below `prefix`, as root's own.
pub(crate) fn layer(from: &Path, prefix: &str, tree: &mut Tree) -> Result<()> {
    if !from.is_dir() {
        return Ok(());
    }
    for (name, mut entry) in take(from)? {
        entry.owner = (0, 0);
        entry.attributes.clear();
        entry.mode = match entry.kind {
            Kind::File(_) => 0o644,
            Kind::Folder => 0o755,
            Kind::Link(_) => 0o777,
        };
        put(tree, &format!("{prefix}{name}"), entry);
    }
    Ok(())
}

/// Puts one thing into `tree`, and the folders that it lies in.
pub(crate) fn put(tree: &mut Tree, name: &str, entry: Entry) {
    for (end, _) in name.match_indices('/') {
        tree.entry(name[..end].to_owned())
            .or_insert_with(|| Entry::folder(0o755));
    }
    tree.insert(name.to_owned(), entry);
}
