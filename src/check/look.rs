//! What an item may ask of the system that is checked.

use crate::partition::{FileSystem, Scheme, Spec};
use crate::sys::Kind;
use core::ffi::CStr;

/// Why there is no answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unseen {
    /// There is nothing: that is an answer.
    Nothing,
    /// We may not look, or could not.
    Hidden,
}

/// An answer, or why there is none.
pub type Seen<T> = Result<T, Unseen>;

/// How full the root file system is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Space {
    /// Bytes for files, and those that are free.
    pub bytes: (u64, u64),
    /// The same of inodes; both 0 where the file system makes them as they are needed.
    pub inodes: (u64, u64),
}

/// The disk that holds the root file system.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Disk {
    /// Bytes.
    pub size: u64,
    /// How it is divided; none, if it is not, or in a way that is not known.
    pub scheme: Option<Scheme>,
}

/// What holds the root.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mounted<'a> {
    /// The type, as mount(2) calls it.
    pub kind: &'a [u8],
    /// What its superblock says, where that can be read and is known.
    pub super_block: Option<&'a FileSystem>,
}

/// A root file system and the machine around it. Paths are below the root, and links
/// on the way do not lead out of it.
pub trait Look {
    /// What is at `path`.
    fn kind(&self, path: &CStr) -> Seen<Kind>;
    /// Whether an executable file is at `path`.
    fn is_program(&self, path: &CStr) -> bool;
    /// Hands the content of a file to `each`.
    fn read(&self, path: &CStr, each: &mut dyn FnMut(&[u8])) -> Seen<()>;
    /// Reads a part of a file, from `offset`; tells how much.
    fn read_at(&self, path: &CStr, bytes: &mut [u8], offset: u64) -> Seen<usize>;
    /// Hands what a symbolic link says to `each`; nothing, if it is none.
    fn link(&self, path: &CStr, each: &mut dyn FnMut(&[u8])) -> Seen<()>;
    /// Hands each name in a folder to `each`, until it returns `false`.
    fn list(&self, path: &CStr, each: &mut dyn FnMut(&CStr) -> bool) -> Seen<()>;
    /// The flags of a file (`FS_IOC_GETFLAGS`, ioctl_iflags(2)); none, where the file
    /// system has no such.
    fn flags(&self, path: &CStr) -> Seen<u32>;
    /// How full the root file system is.
    fn space(&self) -> Seen<Space>;
    /// The disk that it is on.
    fn disk(&self) -> Seen<Disk>;
    /// What kind of file system it is.
    fn mounted(&self, each: &mut dyn FnMut(Mounted<'_>)) -> Seen<()>;
    /// Whether a device that `spec` means is there.
    fn has_device(&self, spec: &Spec<'_>) -> Seen<bool>;
    /// Whether the running kernel has something at `path`, below `/`; not, if the root
    /// is not the one that runs.
    fn kernel_has(&self, path: &CStr) -> bool;
}

/// Whether something is at `path`.
pub(super) fn is_there(look: &dyn Look, path: &CStr) -> bool {
    look.kind(path).is_ok()
}
