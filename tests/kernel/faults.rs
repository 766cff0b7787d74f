//! Which calls there are, and what can go wrong with each.

use rustix::io::Errno;

/// A system call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum Call {
    OpenFolder,
    Look,
    OpenRead,
    OpenWrite,
    Create,
    Meta,
    FileSystem,
    Read,
    Write,
    SetLen,
    SetMode,
    SetOwner,
    ListAttributes,
    Attribute,
    SetAttribute,
    Sync,
    SyncFileSystem,
    Lock,
    Link,
    Symlink,
    Rename,
    Unlink,
    RemoveFolder,
    MakeFolder,
    ReadLink,
    List,
    MakeNode,
    Mount,
    Remount,
    Map,
    Random,
    SetHostName,
    RouteSocket,
    Send,
    Receive,
}

/// What goes wrong with a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Deed {
    /// It fails.
    Fail(Errno),
    /// It does half of what it should, and says so.
    Half,
    /// It does nothing, and says so.
    Nothing,
    /// The process is killed before it.
    Kill,
}

use Deed::{Fail, Half, Nothing};

const OPEN: &[Deed] = &[
    Fail(Errno::IO),
    Fail(Errno::NOMEM),
    Fail(Errno::MFILE),
    Fail(Errno::ACCESS),
    Fail(Errno::INTR),
];
const CHANGE: &[Deed] = &[
    Fail(Errno::IO),
    Fail(Errno::NOSPC),
    Fail(Errno::ROFS),
    Fail(Errno::ACCESS),
    Fail(Errno::NOMEM),
    Fail(Errno::DQUOT),
    Fail(Errno::PERM),
    Fail(Errno::INTR),
];
const SYNC: &[Deed] = &[
    Fail(Errno::IO),
    Fail(Errno::NOSPC),
    Fail(Errno::DQUOT),
    Fail(Errno::ROFS),
    Fail(Errno::INTR),
];
const ASK: &[Deed] = &[Fail(Errno::IO), Fail(Errno::NOMEM), Fail(Errno::ACCESS)];

impl Call {
    /// What can go wrong with it: the errors of its manual page that say nothing
    /// about what is there.
    #[must_use]
    pub const fn deeds(self) -> &'static [Deed] {
        match self {
            Self::OpenFolder | Self::Look | Self::OpenRead => OPEN,
            Self::OpenWrite => &[
                Fail(Errno::IO),
                Fail(Errno::NOMEM),
                Fail(Errno::MFILE),
                Fail(Errno::ACCESS),
                Fail(Errno::INTR),
                Fail(Errno::ROFS),
                Fail(Errno::PERM),
            ],
            Self::Create => &[
                Fail(Errno::IO),
                Fail(Errno::NOSPC),
                Fail(Errno::ROFS),
                Fail(Errno::ACCESS),
                Fail(Errno::NOMEM),
                Fail(Errno::DQUOT),
                Fail(Errno::PERM),
                Fail(Errno::INTR),
                Fail(Errno::MFILE),
            ],
            Self::Read => &[
                Fail(Errno::IO),
                Fail(Errno::NOMEM),
                Fail(Errno::INTR),
                Half,
                Nothing,
            ],
            Self::Write => &[
                Fail(Errno::IO),
                Fail(Errno::NOSPC),
                Fail(Errno::ROFS),
                Fail(Errno::NOMEM),
                Fail(Errno::DQUOT),
                Fail(Errno::INTR),
                Half,
                Nothing,
            ],
            Self::Sync | Self::SyncFileSystem => SYNC,
            Self::Lock => &[
                Fail(Errno::AGAIN),
                Fail(Errno::ACCESS),
                Fail(Errno::NOLCK),
                Fail(Errno::INTR),
                Fail(Errno::IO),
            ],
            Self::Link => &[
                Fail(Errno::IO),
                Fail(Errno::NOSPC),
                Fail(Errno::ROFS),
                Fail(Errno::ACCESS),
                Fail(Errno::NOMEM),
                Fail(Errno::DQUOT),
                Fail(Errno::PERM),
                Fail(Errno::MLINK),
                Fail(Errno::XDEV),
            ],
            Self::Rename => &[
                Fail(Errno::IO),
                Fail(Errno::NOSPC),
                Fail(Errno::ROFS),
                Fail(Errno::ACCESS),
                Fail(Errno::NOMEM),
                Fail(Errno::DQUOT),
                Fail(Errno::PERM),
                Fail(Errno::INTR),
                Fail(Errno::BUSY),
            ],
            Self::Unlink
            | Self::RemoveFolder
            | Self::Symlink
            | Self::MakeFolder
            | Self::MakeNode
            | Self::SetLen
            | Self::SetMode
            | Self::SetOwner
            | Self::SetAttribute => CHANGE,
            Self::Map => &[Fail(Errno::NOMEM), Fail(Errno::AGAIN)],
            Self::Random => &[Fail(Errno::IO), Fail(Errno::MFILE)],
            Self::SetHostName => &[Fail(Errno::PERM)],
            Self::Mount | Self::Remount => &[
                Fail(Errno::IO),
                Fail(Errno::ROFS),
                Fail(Errno::NOMEM),
                Fail(Errno::PERM),
                Fail(Errno::BUSY),
            ],
            Self::RouteSocket => &[Fail(Errno::MFILE), Fail(Errno::NOMEM), Fail(Errno::PERM)],
            Self::Send => &[Fail(Errno::NOMEM), Fail(Errno::NOBUFS), Fail(Errno::INTR)],
            Self::Receive => &[
                Fail(Errno::AGAIN),
                Fail(Errno::NOBUFS),
                Fail(Errno::NOMEM),
                Fail(Errno::INTR),
            ],
            Self::Meta
            | Self::FileSystem
            | Self::ListAttributes
            | Self::Attribute
            | Self::ReadLink
            | Self::List => ASK,
        }
    }
}

/// A fault: what goes wrong with call number `at`, counted from 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fault {
    /// The call.
    pub at: u32,
    /// Which of its deeds, of as many as there are; beyond all of them, a kill.
    pub choice: u32,
    /// Whether every later call goes wrong in the same way, if it can.
    pub lasts: bool,
}

impl Fault {
    /// The process is killed before call `at`.
    #[must_use]
    pub const fn kill(at: u32) -> Self {
        Self {
            at,
            choice: u32::MAX,
            lasts: false,
        }
    }

    /// What it does to a call.
    #[must_use]
    pub fn deed(&self, call: Call) -> Deed {
        match self.choice {
            u32::MAX => Deed::Kill,
            choice => {
                let deeds = call.deeds();
                deeds[choice as usize % deeds.len()]
            }
        }
    }
}
