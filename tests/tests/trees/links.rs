//! Symbolic links within a tree, as the program follows them: never out of it.

use crate::snapshot::{Kind, Snapshot};
use std::path::{Component, Path, PathBuf};

/// Where `path` leads, if it is a link; else `path` itself.
pub(crate) fn resolved(tree: &Snapshot, path: &Path) -> PathBuf {
    let mut at = path.to_owned();
    for _ in 0..8 {
        match tree.get(&at).map(|entry| &entry.kind) {
            Some(Kind::Link(target)) => at = joined(at.parent().unwrap_or(Path::new("")), target),
            _ => break,
        }
    }
    at
}

/// The links of `tree` that lead to `path`, straight or by others.
pub(crate) fn links_to(tree: &Snapshot, path: &Path) -> Vec<PathBuf> {
    let links = tree
        .iter()
        .filter(|(_, entry)| matches!(entry.kind, Kind::Link(_)));
    links
        .map(|(link, _)| link.clone())
        .filter(|link| resolved(tree, link) == path)
        .collect()
}

fn joined(folder: &Path, target: &Path) -> PathBuf {
    let start = if target.is_absolute() {
        PathBuf::new()
    } else {
        folder.to_owned()
    };
    target.components().fold(start, |mut path, component| {
        match component {
            Component::ParentDir => drop(path.pop()),
            Component::Normal(name) => path.push(name),
            _ => {}
        }
        path
    })
}
