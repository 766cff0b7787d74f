//! A tree of files as a value.

use anyhow::{Context, Result, bail};
use core::fmt;
use rustix::fs::{lgetxattr, llistxattr};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

/// Every name in a tree but its own, each path below it.
pub(crate) type Snapshot = BTreeMap<PathBuf, Entry>;

/// What has a name.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// What it is, and holds.
    pub(crate) kind: Kind,
    /// What is said about it.
    pub(crate) attributes: Attributes,
    /// What tells that it was touched, although it is as it was.
    pub(crate) trace: Trace,
}

/// What something is.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A file and its content.
    File(Vec<u8>),
    /// A folder.
    Folder,
    /// A symbolic link and its text.
    Link(PathBuf),
    /// A FIFO.
    Fifo,
}

/// Mode, owner and extended attributes.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Attributes {
    pub(crate) mode: u32,
    pub(crate) owner: (u32, u32),
    pub(crate) xattr: BTreeMap<String, Vec<u8>>,
}

/// Which inode it is, and when it was changed.
#[derive(Clone, PartialEq, Eq, Default)]
pub(crate) struct Trace {
    inode: u64,
    links: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Trace {
    /// Whether it is the same file, with the same content since the same time.
    pub(crate) fn is_same_file(&self, other: &Self) -> bool {
        self.inode == other.inode && self.modified == other.modified
    }
}

impl Attributes {
    /// Those of something that root made.
    pub(crate) fn plain(mode: u32) -> Self {
        Self {
            mode,
            owner: (0, 0),
            xattr: BTreeMap::new(),
        }
    }
}

impl fmt::Display for Attributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "mode {:04o}, owner {}:{}",
            self.mode, self.owner.0, self.owner.1
        )?;
        for (name, value) in &self.xattr {
            write!(f, ", {name}={}", String::from_utf8_lossy(value))?;
        }
        Ok(())
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(content) => write!(f, "a file of {} bytes", content.len()),
            Self::Folder => write!(f, "a folder"),
            Self::Link(target) => write!(f, "a link to {}", target.display()),
            Self::Fifo => write!(f, "a FIFO"),
        }
    }
}

impl Entry {
    /// A file of root's.
    pub(crate) fn file(content: Vec<u8>, mode: u32) -> Self {
        Self::new(Kind::File(content), mode)
    }

    /// Something of root's.
    pub(crate) fn new(kind: Kind, mode: u32) -> Self {
        Self {
            kind,
            attributes: Attributes::plain(mode),
            trace: Trace::default(),
        }
    }

    /// Its content, if it is a file.
    pub(crate) fn content(&self) -> Option<&[u8]> {
        match &self.kind {
            Kind::File(content) => Some(content),
            _ => None,
        }
    }

    fn read(path: &Path, meta: &Metadata) -> Result<Self> {
        let file_type = meta.file_type();
        let kind = if file_type.is_file() {
            Kind::File(fs::read(path)?)
        } else if file_type.is_dir() {
            Kind::Folder
        } else if file_type.is_symlink() {
            Kind::Link(fs::read_link(path)?)
        } else if file_type.is_fifo() {
            Kind::Fifo
        } else {
            bail!("a thing that no case knows");
        };
        // The mode of a link means nothing.
        let mode = if file_type.is_symlink() {
            0o777
        } else {
            meta.mode() & 0o7777
        };
        Ok(Self {
            kind,
            attributes: Attributes {
                mode,
                owner: (meta.uid(), meta.gid()),
                xattr: xattr(path)?,
            },
            trace: Trace {
                inode: meta.ino(),
                links: meta.nlink(),
                modified: (meta.mtime(), meta.mtime_nsec()),
                changed: (meta.ctime(), meta.ctime_nsec()),
            },
        })
    }
}

/// Extended attributes; empty where there can be none.
fn xattr(path: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut names = vec![0; 4096];
    let Ok(length) = llistxattr(path, &mut names[..]) else {
        return Ok(BTreeMap::new());
    };
    names[..length]
        .split(|&byte| byte == 0)
        .filter(|name| !name.is_empty())
        .map(|name| {
            let mut value = vec![0; 4096];
            let length = lgetxattr(path, OsString::from_vec(name.to_vec()), &mut value[..])?;
            value.truncate(length);
            Ok((String::from_utf8_lossy(name).into_owned(), value))
        })
        .collect()
}

/// Looks at all that is below `folder`.
pub(crate) fn take(folder: &Path) -> Result<Snapshot> {
    take_but(folder, &[])
}

/// Looks at all that is below `folder` but for some names in it.
pub(crate) fn take_but(folder: &Path, but: &[&str]) -> Result<Snapshot> {
    let mut snapshot = Snapshot::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for item in fs::read_dir(&next).with_context(|| next.display().to_string())? {
            let path = item?.path();
            if but.iter().any(|name| path == folder.join(name)) {
                continue;
            }
            let meta = fs::symlink_metadata(&path)?;
            let entry = Entry::read(&path, &meta).with_context(|| path.display().to_string())?;
            if entry.kind == Kind::Folder {
                open.push(path.clone());
            }
            snapshot.insert(path.strip_prefix(folder)?.to_owned(), entry);
        }
    }
    Ok(snapshot)
}

/// Whether a path ends with this name.
pub(crate) fn is_named(path: &Path, name: &str) -> bool {
    path.file_name()
        .is_some_and(|last| last.as_bytes() == name.as_bytes())
}
