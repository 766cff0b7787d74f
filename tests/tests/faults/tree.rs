//! What can be seen of a machine, by path.

use osconf_tests::kernel::world::{Body, Name, TOP, World};
use std::collections::BTreeMap;

/// A file, folder, link or device.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Entry {
    /// What it is, and holds; of a folder, nothing.
    pub(crate) body: Body,
    pub(crate) mode: u32,
    pub(crate) owner: (u32, u32),
    pub(crate) attributes: BTreeMap<Name, Name>,
}

/// All of it but for what the kernel tells in /proc.
pub(crate) type Tree = BTreeMap<String, Entry>;

/// Looks at a machine.
pub(crate) fn take(world: &World) -> Tree {
    let mut tree = Tree::new();
    let mut open = vec![(String::new(), TOP)];
    while let Some((path, folder)) = open.pop() {
        let names = world.names(folder).unwrap_or_default();
        for (name, ino) in names {
            let ino = world.seen(*ino);
            let path = format!("{path}/{}", String::from_utf8_lossy(name));
            if path == "/proc" {
                continue;
            }
            let node = world.node(ino);
            let mut body = node.body.clone();
            if let Body::Folder(names) = &mut body {
                names.clear();
                open.push((path.clone(), ino));
            }
            let entry = Entry {
                body,
                mode: node.mode,
                owner: node.owner,
                attributes: node.attributes.clone(),
            };
            tree.insert(path, entry);
        }
    }
    tree
}

impl Entry {
    /// The content of a file.
    pub(crate) fn text(&self) -> Option<&[u8]> {
        match &self.body {
            Body::File(text) => Some(text),
            _ => None,
        }
    }

    /// Whether more people can read it than could read `other`.
    pub(crate) fn is_wider_than(&self, other: &Self) -> bool {
        self.mode & !other.mode & 0o077 != 0 || self.owner != other.owner && self.mode & 0o077 != 0
    }

    /// What it is, in a line.
    pub(crate) fn shown(&self) -> String {
        let what = match &self.body {
            Body::File(text) => {
                let start = &text[..text.len().min(300)];
                format!("{} bytes {:?}", text.len(), String::from_utf8_lossy(start))
            }
            other => format!("{other:?}"),
        };
        format!("{:04o} {:?} {what}", self.mode, self.owner)
    }
}

/// What a path is in two trees, for who reads it.
pub(crate) fn shown(tree: &Tree, path: &str) -> String {
    tree.get(path).map_or("nothing".into(), Entry::shown)
}

/// The paths at which two trees differ.
pub(crate) fn differing<'t>(a: &'t Tree, b: &'t Tree) -> impl Iterator<Item = &'t str> {
    let gone = b.keys().filter(|path| !a.contains_key(*path));
    let paths = a.keys().chain(gone);
    paths
        .filter(|path| a.get(*path) != b.get(*path))
        .map(String::as_str)
}
