//! What a power cut leaves.
//!
//! Each change of a file and of a folder is noted, and lost with the power until it
//! is synced: no order holds between two that are not, as ALICE has it (Pillai and
//! others, "All file systems are not created equal", OSDI 2014). This is weaker
//! than any real file system; what survives it survives those.

use super::world::{Body, Ino, Name, Node, World};
use osconf::sys::FileSystem;
use std::rc::Rc;

/// How much a file system promises.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Promise {
    /// fsync(2) of a folder makes its names durable; a rename is there or not.
    Journal,
    /// fsync(2) of a folder does nothing; only syncfs(2) does (ext2, and ext4
    /// without a journal, before Linux 6.12). A rename may be there by half.
    Ext2,
}

/// One change.
#[derive(Clone, Debug)]
pub enum Op {
    /// A name was given or taken.
    Entry(Ino, Name, Option<Ino>),
    /// A node is so from now on.
    Node(Ino, Rc<Node>),
}

#[derive(Clone, Debug)]
struct Note {
    device: usize,
    op: Op,
    /// What belongs together has the same number.
    group: u32,
    is_durable: bool,
}

/// What was done since the power came.
#[derive(Clone, Debug)]
pub struct Log {
    notes: Vec<Note>,
    promise: Promise,
    group: u32,
    /// The world when the power came.
    base: Rc<World>,
}

impl Log {
    /// A log that begins with this world.
    #[must_use]
    pub fn new(base: &World, promise: Promise) -> Self {
        let mut base = base.clone();
        base.log = None;
        Self {
            notes: Vec::new(),
            promise,
            group: 0,
            base: Rc::new(base),
        }
    }

    pub(super) fn push(&mut self, device: usize, op: Op) {
        self.group += 1;
        let group = self.group;
        self.notes.push(Note {
            device,
            op,
            group,
            is_durable: false,
        });
    }

    /// The last `count` notes are one deed, where the file system promises that.
    pub(super) fn join(&mut self, count: usize, is_fat: bool) {
        if self.promise == Promise::Journal && !is_fat {
            let start = self.notes.len().saturating_sub(count);
            let group = self.group;
            self.notes[start..]
                .iter_mut()
                .for_each(|note| note.group = group);
        }
    }

    pub(super) fn sync(&mut self, ino: Ino, is_folder: bool, is_fat: bool) {
        if is_folder && self.promise == Promise::Ext2 && !is_fat {
            return;
        }
        let mut groups = Vec::new();
        for note in &mut self.notes {
            let is_it = match &note.op {
                Op::Entry(folder, ..) => *folder == ino,
                Op::Node(other, _) => *other == ino,
            };
            if is_it {
                note.is_durable = true;
                groups.push(note.group);
            }
        }
        for note in &mut self.notes {
            note.is_durable |= groups.contains(&note.group);
        }
    }

    pub(super) fn sync_device(&mut self, device: usize) {
        for note in &mut self.notes {
            note.is_durable |= note.device == device;
        }
    }
}

/// Numbers that look random: splitmix64 (Steele, Lea and Flood, 2014).
#[derive(Clone, Debug)]
pub struct Dice(pub u64);

impl Dice {
    /// A number below `sides`.
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }
}

impl World {
    /// What is there when the power comes back: all that was synced, and of the rest
    /// what the dice choose. A file that was not synced may have its length, but
    /// zeros in it, or end in the middle.
    #[must_use]
    pub fn after_cut(&self, dice: &mut Dice) -> Self {
        let Some(log) = &self.log else {
            return self.clone();
        };
        let mut world = (*log.base).clone();
        world.clock = self.clock;
        // All, nothing, or each by itself: the first two are the likely ones.
        let luck = dice.roll(4);
        let coin = dice.roll(u64::MAX);
        let is_there = |note: &Note| {
            note.is_durable
                || match luck {
                    0 => false,
                    1 => true,
                    _ => Dice(coin ^ u64::from(note.group)).roll(2) == 0,
                }
        };
        let mut are_real = vec![true; world.count()];
        are_real.resize(self.count(), false);
        for (index, note) in log.notes.iter().enumerate() {
            match &note.op {
                Op::Node(ino, node) => {
                    world.have(*ino);
                    if is_there(note) {
                        are_real[*ino] = true;
                        let mut node = Rc::clone(node);
                        let is_later_durable = |later: &Note| {
                            later.is_durable
                                && matches!(&later.op, Op::Node(other, _) if other == ino)
                        };
                        if !note.is_durable && !log.notes[index..].iter().any(is_later_durable) {
                            spoil(&mut node, dice);
                        }
                        world.put_back(*ino, &node);
                    }
                }
                Op::Entry(folder, name, ino) => {
                    world.have(*folder);
                    if let Some(ino) = ino {
                        world.have(*ino);
                    }
                    if is_there(note) {
                        world.place(*folder, name, *ino);
                    }
                }
            }
        }
        world.devices = Rc::clone(&self.devices);
        // A name of what was never written is taken away by fsck(8).
        for folder in 0..world.count() {
            let names = world.names(folder).unwrap_or_default().to_vec();
            for (name, _) in names.iter().filter(|(_, ino)| !are_real[*ino]) {
                world.place(folder, name, None);
            }
        }
        world
    }

    /// Nodes up to this number: empty files, until more is known of them.
    fn have(&mut self, ino: Ino) {
        while self.count() <= ino {
            self.add(Node::new(Body::File(Rc::default()), 0o600));
        }
    }

    /// Notes that a node is durable, as fsync(2) makes it.
    pub(super) fn sync(&mut self, ino: Ino) {
        let is_folder = matches!(self.node(ino).body, Body::Folder(_));
        let is_fat = self.device(ino).kind == FileSystem::Fat;
        if let Some(log) = &mut self.log {
            log.sync(ino, is_folder, is_fat);
        }
    }

    /// FAT writes the size of a file behind its name only when it is synced once more
    /// after a rename.
    pub(super) fn forget_size(&mut self, ino: Ino) {
        if self.log.is_some() && matches!(self.node(ino).body, Body::File(_)) {
            let whole = self.shared(ino);
            let mut empty = Node::clone(&whole);
            empty.body = Body::File(Rc::default());
            let device = whole.device;
            if let Some(log) = &mut self.log {
                log.push(device, Op::Node(ino, Rc::new(empty)));
                // It comes with the name.
                let group = log.group - 1;
                if let Some(last) = log.notes.last_mut() {
                    last.group = group;
                }
                log.push(device, Op::Node(ino, whole));
            }
        }
    }

    /// The same of all that lies on the file system of a node.
    pub(super) fn sync_device(&mut self, ino: Ino) {
        let device = self.node(ino).device;
        if let Some(log) = &mut self.log {
            log.sync_device(device);
        }
    }
}

fn spoil(node: &mut Rc<Node>, dice: &mut Dice) {
    let Body::File(text) = &node.body else {
        return;
    };
    let spoilt: Rc<[u8]> = match dice.roll(3) {
        0 => return,
        1 => vec![0; text.len()].into(),
        _ => text[..text.len() / 2].into(),
    };
    Rc::make_mut(node).body = Body::File(spoilt);
}
