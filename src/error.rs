//! Why something could not be done, in a form that a message is made of.

use crate::text::{Buf, put};
use rustix::io::Errno;

/// What was tried with a file when it failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// Finding it, or reading it.
    Read,
    /// Making room for it in memory.
    Memory,
    /// Writing its new content beside it.
    Write,
    /// Giving the new file its owner, mode and attributes.
    Attributes,
    /// Keeping what was there.
    Keep,
    /// Putting the new one in its place.
    Publish,
    /// Making it durable.
    Sync,
    /// Removing it.
    Remove,
    /// Making a folder for it.
    Folder,
    /// Locking it.
    Lock,
}

impl Step {
    const fn text(self) -> &'static str {
        match self {
            Self::Read => "cannot be read",
            Self::Memory => "no memory to edit it",
            Self::Write => "its new content cannot be written",
            Self::Attributes => "owner, mode or attributes cannot be kept",
            Self::Keep => "a copy of it cannot be kept",
            Self::Publish => "cannot be replaced",
            Self::Sync => "cannot be made durable",
            Self::Remove => "cannot be removed",
            Self::Folder => "its folder cannot be made",
            Self::Lock => "cannot be locked",
        }
    }
}

/// Why a file was not changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// The kernel refused a step.
    System(Step, Errno),
    /// The kernel refused what the message begins with.
    Kernel(Errno),
    /// A link leads into a folder that is empty at each boot: another program
    /// makes the file there.
    RunTime,
    /// A folder, device or something else stands where a file should be.
    NotAFile,
    /// A path that is too long, or a circle of links.
    Path,
    /// The file changed while it was read.
    Changed,
    /// More files than there is room for in a plan.
    PlanTooLong,
    /// What was kept of it is not there any more.
    #[cfg(feature = "revert")]
    NoCopy,
    /// It is not as it was left.
    #[cfg(feature = "revert")]
    Foreign,
    /// It goes with another file, which stays as it is.
    #[cfg(feature = "revert")]
    Together,
}

impl Fault {
    /// Writes why, and what to do.
    pub fn describe(self, out: &mut Buf<'_>) {
        match self {
            Self::Kernel(errno) => describe(errno, out),
            Self::System(step, errno) => {
                put!(out, "{}: ", step.text());
                describe(errno, out);
                if errno == Errno::PERM {
                    put!(
                        out,
                        ": see if it is immutable (lsattr), and clear that with chattr -i"
                    );
                }
            }
            Self::RunTime => put!(
                out,
                "it is a link to a file that another program makes anew at each boot: make it a file, or set that program up by hand"
            ),
            Self::NotAFile => put!(out, "it is not a regular file: remove what is there"),
            Self::Path => put!(
                out,
                "its path is too long, or its links go round in a circle"
            ),
            Self::Changed => put!(
                out,
                "another program changed it meanwhile: it is tried again at the next boot"
            ),
            #[cfg(feature = "revert")]
            Self::NoCopy => put!(
                out,
                "it stays as it is, since no copy of the old one is in /etc/osconf/replaced"
            ),
            #[cfg(feature = "revert")]
            Self::Foreign => put!(
                out,
                "it stays as it is, since it was changed meanwhile: --force puts the old one back all the same"
            ),
            #[cfg(feature = "revert")]
            Self::Together => put!(
                out,
                "it stays as it is, since another file of the accounts does"
            ),
            Self::PlanTooLong => put!(out, "too many files would change: remove those of old NICs"),
        }
    }
}

/// Errors that are met in the field, in the words of the C library.
const WORDS: [(Errno, &str); 24] = [
    (Errno::PERM, "operation not permitted"),
    (Errno::NOENT, "no such file or folder"),
    (Errno::IO, "input/output error"),
    (Errno::AGAIN, "somebody else has it"),
    (Errno::NOMEM, "out of memory"),
    (Errno::ACCESS, "permission denied"),
    (Errno::BUSY, "in use"),
    (Errno::EXIST, "it exists already"),
    (Errno::XDEV, "on another file system"),
    (Errno::NODEV, "no such device"),
    (Errno::NOTDIR, "not a folder"),
    (Errno::ISDIR, "a folder"),
    (Errno::INVAL, "invalid argument"),
    (Errno::MFILE, "too many open files"),
    (Errno::FBIG, "file too large"),
    (Errno::NOSPC, "no space left on the file system"),
    (Errno::ROFS, "read-only file system"),
    (Errno::MLINK, "too many links"),
    (Errno::RANGE, "too large"),
    (Errno::NAMETOOLONG, "name too long"),
    (Errno::LOOP, "too many links in the path"),
    (Errno::OPNOTSUPP, "not supported"),
    (Errno::DQUOT, "quota exceeded"),
    (Errno::NETUNREACH, "network is unreachable"),
];

/// Writes what `errno` means.
pub fn describe(errno: Errno, out: &mut Buf<'_>) {
    match WORDS.iter().find(|(known, _)| *known == errno) {
        Some((_, words)) => out.push(words.as_bytes()),
        None => put!(out, "error {}", errno.raw_os_error()),
    }
}
