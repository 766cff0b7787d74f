//! A kernel of our own behind the one trait: files, folders, links, mounts and
//! rtnetlink in memory. Call number N goes wrong, if it is told to.
//!
//! It is held against the real one by the trees: what osconf does on it must be what
//! is golden there (`tests/faults`).

mod calls;
pub mod cut;
pub mod faults;
pub mod net;
mod walk;
pub mod world;

use core::cell::{Cell, RefCell};
use core::ops::{Deref, DerefMut};
use faults::{Call, Deed, Fault};
use osconf::sys::Access;
use rustix::io::Errno;
use world::{Body, Ino, Node, Result, World};

/// A run that makes more calls than this hangs.
const CALLS: u32 = 200_000;

/// How a run ends that is not let go on; it is thrown, and caught by [`run`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cut {
    /// It was killed.
    Killed,
    /// It made too many calls.
    Hangs,
}

/// How the kernel lies to the program, as a program would be wrong: each lie is
/// something that the rig must notice.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lie {
    /// fsync(2) and syncfs(2) do nothing.
    NoSync,
    /// syncfs(2) does nothing.
    NoFileSystemSync,
    /// No second name is given, so that nothing is kept.
    NoCopy,
    /// os.conf is removed when the first file is put in its place.
    ConfFirst,
    /// The last byte of a file that is written is left out.
    NoNewline,
    /// A link in the place of a new file is followed.
    FollowsLinks,
    /// Modes are not set.
    NoMode,
}

/// The kernel for one run.
pub struct Kernel {
    world: RefCell<World>,
    calls: Cell<u32>,
    faults: [Cell<Option<Fault>>; 2],
    lasting: [Cell<Option<Deed>>; 2],
    hits: Cell<u32>,
    trace: Option<RefCell<Vec<Call>>>,
    said: RefCell<Vec<u8>>,
    lie: Option<Lie>,
}

/// An open file, folder or socket.
pub struct Fd {
    ino: Ino,
    answers: RefCell<Vec<Vec<u8>>>,
}

/// Memory that was zero when it came.
pub struct Map(Vec<u8>);

impl Deref for Map {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl DerefMut for Map {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

/// What is left of a run.
pub struct Left {
    /// The machine.
    pub world: World,
    /// What was said on standard error and standard output.
    pub said: Vec<u8>,
    /// How many calls there were.
    pub calls: u32,
    /// How many of the faults came to pass.
    pub hits: u32,
    /// Each call, if that was asked for.
    pub trace: Vec<Call>,
}

impl Kernel {
    /// A kernel in which nothing goes wrong.
    #[must_use]
    pub fn new(world: World) -> Self {
        Self {
            world: RefCell::new(world),
            calls: Cell::new(0),
            faults: [const { Cell::new(None) }; 2],
            lasting: [const { Cell::new(None) }; 2],
            hits: Cell::new(0),
            trace: None,
            said: RefCell::default(),
            lie: None,
        }
    }

    /// One in which these faults come to pass.
    #[must_use]
    pub fn with_faults(self, faults: [Option<Fault>; 2]) -> Self {
        Self {
            faults: faults.map(Cell::new),
            ..self
        }
    }

    /// One that lies.
    #[must_use]
    pub fn with_lie(self, lie: Option<Lie>) -> Self {
        Self { lie, ..self }
    }

    /// One that notes each call.
    #[must_use]
    pub fn with_trace(self) -> Self {
        Self {
            trace: Some(RefCell::default()),
            ..self
        }
    }

    /// What is left when the run is over.
    #[must_use]
    pub fn leave(self) -> Left {
        Left {
            world: self.world.into_inner(),
            said: self.said.into_inner(),
            calls: self.calls.get(),
            hits: self.hits.get(),
            trace: self.trace.map(RefCell::into_inner).unwrap_or_default(),
        }
    }

    /// Counts a call, and says what goes wrong with it.
    fn enter(&self, call: Call) -> Result<Option<Deed>> {
        let number = self.calls.get();
        self.calls.set(number + 1);
        if let Some(trace) = &self.trace {
            trace.borrow_mut().push(call);
        }
        if number > CALLS {
            std::panic::resume_unwind(Box::new(Cut::Hangs));
        }
        let mut deed = None;
        for (fault, lasting) in self.faults.iter().zip(&self.lasting) {
            if let Some(now) = fault.get().filter(|fault| fault.at == number) {
                self.hits.set(self.hits.get() + 1);
                deed = Some(now.deed(call));
                if now.lasts {
                    lasting.set(deed);
                }
            } else if let Some(lasting) = lasting.get().filter(|deed| call.deeds().contains(deed)) {
                deed = Some(lasting);
            }
        }
        match deed {
            Some(Deed::Kill) => std::panic::resume_unwind(Box::new(Cut::Killed)),
            Some(Deed::Fail(errno)) => Err(errno),
            deed => Ok(deed),
        }
    }

    fn is_lying(&self, lie: Lie) -> bool {
        self.lie == Some(lie)
    }

    fn open_at(&self, ino: Ino, access: Access) -> Result<Fd> {
        let world = self.world.borrow();
        let node = world.node(ino);
        match (access, &node.body) {
            (Access::Folder, Body::Folder(_)) | (Access::Look, _) => {}
            (Access::Folder, _) => return Err(Errno::NOTDIR),
            (_, Body::Link(_)) => return Err(Errno::LOOP),
            (Access::Write, Body::Folder(_)) => return Err(Errno::ISDIR),
            (Access::Write, _) if world.device(ino).is_read_only => return Err(Errno::ROFS),
            (Access::Write, _) if node.immutable => return Err(Errno::PERM),
            (Access::Create(_), _) => return Err(Errno::EXIST),
            _ => {}
        }
        Ok(Fd::new(ino))
    }

    fn create(&self, folder: Ino, name: &[u8], node: Node) -> Result<Ino> {
        let mut world = self.world.borrow_mut();
        if world.entry(folder, name)?.is_some() {
            return Err(Errno::EXIST);
        }
        world.may_change(folder)?;
        let device = world.node(folder).device;
        let modified = world.clock;
        let mut node = node;
        (node.device, node.modified) = (device, modified);
        if world.is_fat(folder) {
            match node.body {
                Body::File(_) | Body::Folder(_) => node.mode = 0o755,
                _ => return Err(Errno::PERM),
            }
        }
        let ino = world.add(node);
        world.set_entry(folder, name, Some(ino));
        if let Some(log) = &mut world.log {
            log.join(2, false);
        }
        Ok(ino)
    }

    /// What has this name, itself and as it is seen.
    fn named(&self, folder: Ino, name: &[u8]) -> Result<(Ino, Ino)> {
        let world = self.world.borrow();
        let ino = world.entry(folder, name)?.ok_or(Errno::NOENT)?;
        Ok((ino, world.seen(ino)))
    }

    /// Whether a name may be taken from this.
    fn may_go(&self, ino: Ino) -> Result<()> {
        let world = self.world.borrow();
        if world.is_mount_point(ino) {
            Err(Errno::BUSY)
        } else if world.node(ino).immutable {
            Err(Errno::PERM)
        } else {
            Ok(())
        }
    }

    /// Whether what is open may be changed but for its content.
    fn may_set(&self, ino: Ino) -> Result<()> {
        let world = self.world.borrow();
        if world.device(ino).is_read_only {
            Err(Errno::ROFS)
        } else if world.node(ino).immutable {
            Err(Errno::PERM)
        } else {
            Ok(())
        }
    }

    fn edit(&self, ino: Ino, edit: impl FnOnce(&mut Vec<u8>)) -> Result<()> {
        let mut world = self.world.borrow_mut();
        let clock = world.clock;
        let Body::File(text) = &world.node(ino).body else {
            return Err(Errno::INVAL);
        };
        let mut text = text.to_vec();
        edit(&mut text);
        world.change(ino, |node| {
            node.body = Body::File(text.into());
            node.modified = clock;
        });
        Ok(())
    }
}

impl Fd {
    fn new(ino: Ino) -> Self {
        Self {
            ino,
            answers: RefCell::default(),
        }
    }
}
