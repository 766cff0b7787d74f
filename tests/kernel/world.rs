//! The machine behind the kernel: its files, what is mounted where, its clock.
//!
//! A world is copied in a microsecond: what did not change is shared. So every
//! fault begins with the same one.

use super::cut::{Log, Op};
use super::net::Net;
use core::cell::Cell;
use osconf::sys::{FileSystem, Kind, Meta};
use rustix::io::Errno;
use std::collections::BTreeMap;
use std::rc::Rc;

/// What has a number: a file, folder, link or device.
pub type Ino = usize;

/// A name in a folder.
pub type Name = Rc<[u8]>;

/// What the kernel says.
pub type Result<T> = core::result::Result<T, Errno>;

/// What a node is, and holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Body {
    /// A regular file.
    File(Rc<[u8]>),
    /// A folder: its names, sorted.
    Folder(Vec<(Name, Ino)>),
    /// A symbolic link.
    Link(Name),
    /// A FIFO.
    Fifo,
    /// A block device: which one.
    Block(u64),
}

/// A file, folder, link or device.
#[derive(Clone, Debug)]
pub struct Node {
    /// What it is, and holds.
    pub body: Body,
    /// Permission bits.
    pub mode: u32,
    /// Owner and group.
    pub owner: (u32, u32),
    /// Extended attributes.
    pub attributes: BTreeMap<Name, Name>,
    /// The file system that it lies on: its place in [`World::devices`].
    pub device: usize,
    /// How many names it has.
    pub links: u32,
    /// When its content was changed.
    pub modified: i64,
    /// `chattr +i`.
    pub immutable: bool,
    /// The digest of all this, once somebody asked; 0 before.
    digest: Cell<u64>,
}

impl Node {
    /// A node of root's on the first device.
    #[must_use]
    pub fn new(body: Body, mode: u32) -> Self {
        Self {
            body,
            mode,
            owner: (0, 0),
            attributes: BTreeMap::new(),
            device: 0,
            links: 1,
            modified: 0,
            immutable: false,
            digest: Cell::new(0),
        }
    }

    fn digest(&self) -> u64 {
        if self.digest.get() == 0 {
            let mut hash = Fnv::default();
            match &self.body {
                Body::File(text) => hash.eat(b"f").eat(text),
                Body::Folder(_) => hash.eat(b"d"),
                Body::Link(text) => hash.eat(b"l").eat(text),
                Body::Fifo => hash.eat(b"p"),
                Body::Block(number) => hash.eat(b"b").eat(&number.to_ne_bytes()),
            };
            hash.eat(&self.mode.to_ne_bytes());
            hash.eat(&self.owner.0.to_ne_bytes());
            hash.eat(&self.owner.1.to_ne_bytes());
            hash.eat(&self.modified.to_ne_bytes());
            for (name, value) in &self.attributes {
                hash.eat(name).eat(b"=").eat(value);
            }
            self.digest.set(hash.0 | 1);
        }
        self.digest.get()
    }
}

/// A file system.
#[derive(Clone, Debug)]
pub struct Device {
    /// Its number, as stat(2) tells it.
    pub number: u64,
    /// What it is.
    pub kind: FileSystem,
    /// Whether nothing can be written.
    pub is_read_only: bool,
    /// Its topmost folder.
    pub top: Ino,
}

/// A machine.
#[derive(Clone, Debug)]
pub struct World {
    nodes: Vec<Rc<Node>>,
    /// What is mounted: the node that is covered, and the one that is seen.
    pub mounts: Rc<Vec<(Ino, Ino)>>,
    /// The file systems.
    pub devices: Rc<Vec<Device>>,
    /// Seconds since 1970.
    pub clock: i64,
    /// Its NICs, addresses and routes.
    pub net: Net,
    /// The host name.
    pub host_name: Name,
    /// What was done since the power came, if it is to be cut.
    pub log: Option<Log>,
}

/// The topmost folder of all.
pub const TOP: Ino = 0;

impl World {
    /// A machine with nothing but a topmost folder on one disk.
    #[must_use]
    pub fn new(clock: i64) -> Self {
        let device = Device {
            number: 0xfe01,
            kind: FileSystem::Disk,
            is_read_only: false,
            top: TOP,
        };
        Self {
            nodes: vec![Rc::new(Node::new(Body::Folder(Vec::new()), 0o755))],
            mounts: Rc::default(),
            devices: Rc::new(vec![device]),
            clock,
            net: Net::default(),
            host_name: b"as-the-kernel-had-it"[..].into(),
            log: None,
        }
    }

    /// The node of this number.
    #[must_use]
    pub fn node(&self, ino: Ino) -> &Node {
        &self.nodes[ino]
    }

    /// The node of this number as something to share.
    #[must_use]
    pub fn shared(&self, ino: Ino) -> Rc<Node> {
        Rc::clone(&self.nodes[ino])
    }

    /// Puts a node back to what it was.
    pub fn put_back(&mut self, ino: Ino, node: &Rc<Node>) {
        // Names are counted by the folders that hold them.
        let links = self.nodes[ino].links;
        self.nodes[ino] = Rc::clone(node);
        Rc::make_mut(&mut self.nodes[ino]).links = links;
    }

    /// Changes a node; the change is lost with the power until it is synced.
    pub fn change(&mut self, ino: Ino, change: impl FnOnce(&mut Node)) {
        let node = Rc::make_mut(&mut self.nodes[ino]);
        node.digest.set(0);
        change(node);
        if self.log.is_some() {
            let op = Op::Node(ino, self.shared(ino));
            self.note(ino, op);
        }
    }

    fn note(&mut self, ino: Ino, op: Op) {
        let device = self.nodes[ino].device;
        if let Some(log) = &mut self.log {
            log.push(device, op);
        }
    }

    /// Adds a node that has no name yet.
    pub fn add(&mut self, mut node: Node) -> Ino {
        node.links = 0;
        let ino = self.nodes.len();
        self.nodes.push(Rc::new(node));
        if self.log.is_some() {
            let op = Op::Node(ino, self.shared(ino));
            self.note(ino, op);
        }
        ino
    }

    /// What is seen where this node is: something else, if that is mounted there.
    #[must_use]
    pub fn seen(&self, mut ino: Ino) -> Ino {
        for &(covered, seen) in self.mounts.iter() {
            if covered == ino {
                ino = seen;
            }
        }
        ino
    }

    /// Whether something is mounted on this node.
    #[must_use]
    pub fn is_mount_point(&self, ino: Ino) -> bool {
        self.mounts.iter().any(|&(covered, _)| covered == ino)
    }

    /// The names in a folder.
    ///
    /// # Errors
    /// It is none.
    pub fn names(&self, folder: Ino) -> Result<&[(Name, Ino)]> {
        match &self.nodes[folder].body {
            Body::Folder(names) => Ok(names),
            _ => Err(Errno::NOTDIR),
        }
    }

    /// What has this name, as the folder itself has it.
    ///
    /// # Errors
    /// It is no folder.
    pub fn entry(&self, folder: Ino, name: &[u8]) -> Result<Option<Ino>> {
        let names = self.names(folder)?;
        let found = names.binary_search_by(|(other, _)| (**other).cmp(name));
        Ok(found.ok().map(|index| names[index].1))
    }

    /// Gives a name to something, or takes it.
    pub fn set_entry(&mut self, folder: Ino, name: &[u8], ino: Option<Ino>) {
        self.place(folder, name, ino);
        if self.log.is_some() {
            self.note(folder, Op::Entry(folder, name.into(), ino));
        }
    }

    /// The same without a note of it.
    pub fn place(&mut self, folder: Ino, name: &[u8], ino: Option<Ino>) {
        let node = Rc::make_mut(&mut self.nodes[folder]);
        let Body::Folder(names) = &mut node.body else {
            return;
        };
        let found = names.binary_search_by(|(other, _)| (**other).cmp(name));
        let old = match (found, ino) {
            (Ok(index), Some(ino)) => Some(core::mem::replace(&mut names[index].1, ino)),
            (Ok(index), None) => Some(names.remove(index).1),
            (Err(index), Some(ino)) => {
                names.insert(index, (name.into(), ino));
                None
            }
            (Err(_), None) => None,
        };
        for (ino, up) in [(ino, true), (old, false)] {
            if let Some(ino) = ino {
                let links = &mut Rc::make_mut(&mut self.nodes[ino]).links;
                *links = if up {
                    *links + 1
                } else {
                    links.saturating_sub(1)
                };
            }
        }
    }

    /// How many nodes there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.nodes.len()
    }

    /// Removes os.conf, wherever it is: a lie.
    pub(super) fn take_conf(&mut self) {
        for folder in 0..self.nodes.len() {
            if let Ok(Some(_)) = self.entry(folder, b"os.conf") {
                self.set_entry(folder, b"os.conf", None);
            }
        }
    }

    /// The file system that a node lies on.
    #[must_use]
    pub fn device(&self, ino: Ino) -> &Device {
        &self.devices[self.nodes[ino].device]
    }

    /// What stat(2) tells.
    #[must_use]
    pub fn meta(&self, ino: Ino) -> Meta {
        let node = self.node(ino);
        let (kind, size, special) = match &node.body {
            Body::File(text) => (Kind::File, text.len(), 0),
            Body::Folder(_) => (Kind::Folder, 4096, 0),
            Body::Link(text) => (Kind::Link, text.len(), 0),
            Body::Fifo => (Kind::Other, 0, 0),
            Body::Block(number) => (Kind::Other, 0, *number),
        };
        Meta {
            kind,
            mode: node.mode,
            uid: node.owner.0,
            gid: node.owner.1,
            size: size as u64,
            links: u64::from(node.links),
            inode: ino as u64 + 2,
            device: self.device(ino).number,
            special,
            modified: node.modified,
        }
    }

    /// A number that two worlds share only if all that can be seen of them is the
    /// same, inode numbers of files included.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        let mut hash = Fnv::default();
        self.feed(TOP, &mut hash);
        self.net.feed(&mut hash);
        for device in self.devices.iter() {
            hash.eat(&[u8::from(device.is_read_only)]);
        }
        hash.eat(&self.host_name);
        hash.0
    }

    fn feed(&self, ino: Ino, hash: &mut Fnv) {
        let node = &self.nodes[ino];
        hash.mix(node.digest());
        match &node.body {
            Body::Folder(names) => {
                for (name, ino) in names {
                    hash.eat(name);
                    self.feed(self.seen(*ino), hash);
                }
                hash.eat(b"/");
            }
            Body::File(_) => hash.mix(ino as u64),
            _ => {}
        }
    }
}

/// FNV-1a by words, which is enough to tell worlds apart.
#[derive(Clone, Copy, Debug)]
pub struct Fnv(pub u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    /// Takes bytes in.
    pub fn eat(&mut self, bytes: &[u8]) -> &mut Self {
        self.mix(bytes.len() as u64);
        for piece in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..piece.len()].copy_from_slice(piece);
            self.mix(u64::from_ne_bytes(word));
        }
        self
    }

    /// Takes a number in.
    pub fn mix(&mut self, word: u64) {
        self.0 = (self.0 ^ word).wrapping_mul(0x0100_0000_01b3);
        self.0 ^= self.0 >> 29;
        self.0 = self.0.wrapping_mul(0xbf58_476d_1ce4_e5b9);
        self.0 ^= self.0 >> 32;
    }
}
