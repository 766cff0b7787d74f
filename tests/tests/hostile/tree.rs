//! A tree of files as a value, and how two of them differ.

use anyhow::{Context, Result};
use rustix::fs::{
    CWD, FileType, Mode, XattrFlags, lgetxattr, llistxattr, lsetxattr, mkfifoat, mknodat,
};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{MetadataExt, PermissionsExt, lchown, symlink};
use std::path::Path;

/// Everything below a folder, by its path there.
pub(crate) type Tree = BTreeMap<String, Entry>;

/// What has a name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Entry {
    pub(crate) kind: Kind,
    pub(crate) mode: u32,
    pub(crate) owner: (u32, u32),
    pub(crate) attributes: BTreeMap<String, Vec<u8>>,
    /// Which inode it is, and when its content was changed.
    pub(crate) trace: (u64, i64, i64),
}

/// What something is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// A file and its content.
    File(Vec<u8>),
    /// A file too long to be looked at, and its length.
    Long(u64),
    Folder,
    /// A symbolic link and its text.
    Link(String),
    /// A FIFO, a socket or a device: type and number.
    Special(u32, u64),
}

/// Files from this length on are not read.
const LONG: u64 = 4 << 20;

impl Entry {
    /// A file of root's.
    pub(crate) fn file(content: &[u8], mode: u32) -> Self {
        Self::new(Kind::File(content.to_vec()), mode)
    }

    /// Something of root's.
    pub(crate) fn new(kind: Kind, mode: u32) -> Self {
        Self {
            kind,
            mode,
            owner: (0, 0),
            attributes: BTreeMap::new(),
            trace: (0, 0, 0),
        }
    }

    /// Its content, if it is a file that was read.
    pub(crate) fn content(&self) -> Option<&[u8]> {
        match &self.kind {
            Kind::File(content) => Some(content),
            _ => None,
        }
    }

    /// Whether it says the same, whichever inode it is.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        let plain = |entry: &Self| Self {
            trace: (0, 0, 0),
            ..entry.clone()
        };
        plain(self) == plain(other)
    }

    /// What is at `path`.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let meta = fs::symlink_metadata(path)?;
        let file_type = meta.file_type();
        let kind = if file_type.is_file() && meta.size() >= LONG {
            Kind::Long(meta.size())
        } else if file_type.is_file() {
            Kind::File(fs::read(path)?)
        } else if file_type.is_dir() {
            Kind::Folder
        } else if file_type.is_symlink() {
            Kind::Link(fs::read_link(path)?.to_string_lossy().into_owned())
        } else {
            Kind::Special(meta.mode() & 0o170_000, meta.rdev())
        };
        Ok(Self {
            kind,
            // The mode of a link means nothing.
            mode: if file_type.is_symlink() {
                0o777
            } else {
                meta.mode() & 0o7777
            },
            owner: (meta.uid(), meta.gid()),
            attributes: attributes(path)?,
            trace: (meta.ino(), meta.mtime(), meta.mtime_nsec()),
        })
    }

    /// Makes it at `path`, and the folders above it.
    pub(crate) fn make(&self, path: &Path) -> Result<()> {
        if let Some(folder) = path.parent().filter(|folder| !folder.is_dir()) {
            make_folders(folder)?;
        }
        match &self.kind {
            Kind::File(content) => fs::write(path, content)?,
            Kind::Long(size) => fs::File::create(path)?.set_len(*size)?,
            Kind::Folder if path.is_dir() => {}
            Kind::Folder => fs::create_dir(path)?,
            Kind::Link(text) => symlink(text, path)?,
            Kind::Special(kind, device) => match FileType::from_raw_mode(*kind) {
                FileType::Fifo => mkfifoat(CWD, path, Mode::from_raw_mode(0o644))?,
                kind => mknodat(CWD, path, kind, Mode::from_raw_mode(0o644), *device)?,
            },
        }
        lchown(path, Some(self.owner.0), Some(self.owner.1))?;
        for (name, value) in &self.attributes {
            lsetxattr(path, name.as_str(), value, XattrFlags::empty())?;
        }
        if !matches!(self.kind, Kind::Link(_)) {
            fs::set_permissions(path, Permissions::from_mode(self.mode))?;
        }
        Ok(())
    }
}

fn make_folders(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    for folder in folder.ancestors() {
        // The rig runs without a umask.
        let mode = fs::metadata(folder)?.mode() & 0o7777;
        if mode != 0o777 {
            break;
        }
        fs::set_permissions(folder, Permissions::from_mode(0o755))?;
    }
    Ok(())
}

fn attributes(path: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut names = vec![0; 4096];
    let length = match llistxattr(path, &mut names[..]) {
        Err(rustix::io::Errno::OPNOTSUPP) => 0,
        other => other?,
    };
    let names = names[..length].split(|&byte| byte == 0);
    let mut all = BTreeMap::new();
    for name in names.filter(|name| !name.is_empty()) {
        let mut value = vec![0; 4096];
        let length = lgetxattr(path, OsString::from_vec(name.to_vec()), &mut value[..])?;
        value.truncate(length);
        all.insert(String::from_utf8_lossy(name).into_owned(), value);
    }
    Ok(all)
}

/// Looks at all that is below `folder`.
pub(crate) fn take(folder: &Path) -> Result<Tree> {
    let mut tree = Tree::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for item in fs::read_dir(&next).with_context(|| next.display().to_string())? {
            let path = item?.path();
            let entry = Entry::read(&path).with_context(|| path.display().to_string())?;
            if entry.kind == Kind::Folder {
                open.push(path.clone());
            }
            let name = path.strip_prefix(folder)?.as_os_str().as_bytes();
            tree.insert(String::from_utf8_lossy(name).into_owned(), entry);
        }
    }
    Ok(tree)
}

/// Every path of both.
pub(crate) fn paths<'t>(trees: &[&'t Tree]) -> BTreeSet<&'t str> {
    trees
        .iter()
        .flat_map(|tree| tree.keys().map(String::as_str))
        .collect()
}

/// What is said about one path that is not as it should be.
pub(crate) fn say(path: &str, wanted: Option<&Entry>, found: Option<&Entry>) -> String {
    let name = |entry: Option<&Entry>| match entry {
        None => "nothing".to_owned(),
        Some(entry) => {
            let kind = match &entry.kind {
                Kind::File(content) => format!("`{}`", content.escape_ascii()),
                other => format!("{other:?}"),
            };
            format!("{kind} {:o} {:?}", entry.mode, entry.owner)
        }
    };
    format!("{path}: {} instead of {}", name(found), name(wanted))
}
