//! Every system call of the program.
//!
//! [`Sys`] is the kernel as the rest of the program sees it: a trait, so that
//! tests can put a kernel of their own in its place, in which call number N
//! fails. [`Linux`] is the real one. Nothing here knows what the files mean.
//!
//! All `unsafe` of the program lies in this folder.

#![allow(unsafe_code)]

pub mod files;
mod linux;
mod memory;

pub use linux::Linux;
pub use memory::is_mapped;

use core::ffi::CStr;
use core::ops::DerefMut;
use rustix::io::Errno;

/// What a system call gives, or the kernel's reason why not.
pub type Result<T> = core::result::Result<T, Errno>;

/// How a name is opened in its folder, where no way follows a link, or a path below a root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// A folder, to name things in it, sync it, or list it.
    Folder,
    /// Anything, only to ask what it is.
    Look,
    /// A file, to read it; never blocks (`O_NONBLOCK`), whatever it is.
    Read,
    /// The same, but nowhere through a link that is the last component.
    ReadItself,
    /// A file that is there, to overwrite its bytes.
    Write,
    /// A file that is not there yet, with this mode.
    Create(u32),
}

/// What kind of thing a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Link,
    /// A device, FIFO or socket.
    Other,
}

/// What stat(2) tells, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meta {
    /// What it is.
    pub kind: Kind,
    /// Permission bits, `07777`.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Bytes.
    pub size: u64,
    /// Names.
    pub links: u64,
    /// Inode number.
    pub inode: u64,
    /// The device that holds it, `makedev(3)`.
    pub device: u64,
    /// For a device: which one, `makedev(3)`.
    pub special: u64,
    /// Last change of the content, in seconds since 1970.
    pub modified: i64,
}

/// What kind of file system holds a file, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileSystem {
    /// In memory: gone with the power.
    Ram,
    /// FAT: no owners, no links, inode numbers that last for one mount.
    Fat,
    /// Layers; whether the upper one lasts must be asked elsewhere.
    Overlay,
    /// Any other, with lasting inodes.
    Disk,
}

/// How full a file system is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Bytes for files, and those of them that are free.
    pub bytes: (u64, u64),
    /// The same of inodes; 0, where there is no fixed number of them.
    pub inodes: (u64, u64),
}

/// Where a line of text goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// What was asked for.
    Output,
    /// All else.
    Error,
}

/// The kernel.
///
/// Names are single components unless the method says otherwise; each method is
/// one system call where the kernel has one for it, so that call number N of a
/// run is the same one in each run.
pub trait Sys {
    /// An open file, folder or socket; closed when dropped.
    type Fd;
    /// Memory that was zero when it came; wiped when dropped.
    type Map: DerefMut<Target = [u8]>;

    /// Opens the folder `path` of the running system: `/`, or what `--root` names.
    /// Links are followed: whoever starts us names this one.
    fn open_folder(&self, path: &CStr) -> Result<Self::Fd>;
    /// Opens the file `path` of the running system, to read it. Links are followed.
    fn open_file(&self, path: &CStr) -> Result<Self::Fd>;
    /// Opens `path`, of any depth, below `root`. Links on the way, and `..`, are
    /// taken as if `root` were `/`; a link at the end is followed likewise,
    /// but not by [`Access::Create`] and [`Access::ReadItself`].
    fn open_below(&self, root: &Self::Fd, path: &CStr, access: Access) -> Result<Self::Fd>;
    /// Opens `name` in `folder`.
    fn open(&self, folder: &Self::Fd, name: &CStr, access: Access) -> Result<Self::Fd>;
    /// Tells about an open file.
    fn meta(&self, fd: &Self::Fd) -> Result<Meta>;
    /// Tells about `name` in `folder`; of a link, about the link itself.
    fn meta_of(&self, folder: &Self::Fd, name: &CStr) -> Result<Meta>;
    /// Which kind of file system holds `fd`.
    fn file_system(&self, fd: &Self::Fd) -> Result<FileSystem>;
    /// How full the file system is that holds `fd` (statvfs(3)).
    fn usage(&self, fd: &Self::Fd) -> Result<Usage>;
    /// The flags of a file (`FS_IOC_GETFLAGS`, ioctl_iflags(2)).
    fn flags(&self, fd: &Self::Fd) -> Result<u32>;
    /// Reads from `offset`; less than asked for only at the end or by accident.
    fn read_at(&self, fd: &Self::Fd, bytes: &mut [u8], offset: u64) -> Result<usize>;
    /// Writes at `offset`; possibly less than given.
    fn write_at(&self, fd: &Self::Fd, bytes: &[u8], offset: u64) -> Result<usize>;
    /// Makes the file this long.
    fn set_len(&self, fd: &Self::Fd, len: u64) -> Result<()>;
    /// Sets the permission bits.
    fn set_mode(&self, fd: &Self::Fd, mode: u32) -> Result<()>;
    /// Sets owner and group.
    fn set_owner(&self, fd: &Self::Fd, uid: u32, gid: u32) -> Result<()>;
    /// The names of all extended attributes, each with a final NUL.
    fn list_attributes(&self, fd: &Self::Fd, names: &mut [u8]) -> Result<usize>;
    /// The value of an extended attribute.
    fn attribute(&self, fd: &Self::Fd, name: &CStr, value: &mut [u8]) -> Result<usize>;
    /// Sets an extended attribute.
    fn set_attribute(&self, fd: &Self::Fd, name: &CStr, value: &[u8]) -> Result<()>;
    /// Makes a file or folder durable.
    fn sync(&self, fd: &Self::Fd) -> Result<()>;
    /// Makes the whole file system that holds `fd` durable.
    fn sync_file_system(&self, fd: &Self::Fd) -> Result<()>;
    /// Takes the write lock of fcntl(2) on the whole file, or fails at once.
    fn lock(&self, fd: &Self::Fd) -> Result<()>;
    /// Gives a file a second name.
    fn link(&self, from: &Self::Fd, name: &CStr, to: &Self::Fd, second: &CStr) -> Result<()>;
    /// Makes the symbolic link `name` that says `target`.
    fn symlink(&self, target: &CStr, folder: &Self::Fd, name: &CStr) -> Result<()>;
    /// Moves a name, replacing what has the new one.
    fn rename(&self, from: &Self::Fd, name: &CStr, to: &Self::Fd, new: &CStr) -> Result<()>;
    /// Removes a name that is not a folder's.
    fn unlink(&self, folder: &Self::Fd, name: &CStr) -> Result<()>;
    /// Removes a folder that is empty.
    fn remove_folder(&self, folder: &Self::Fd, name: &CStr) -> Result<()>;
    /// Makes a folder.
    fn make_folder(&self, folder: &Self::Fd, name: &CStr, mode: u32) -> Result<()>;
    /// What a symbolic link says.
    fn read_link(&self, folder: &Self::Fd, name: &CStr, target: &mut [u8]) -> Result<usize>;
    /// Calls `each` with every name in the folder but `.` and `..`, until it
    /// returns `false`.
    fn list(&self, folder: &Self::Fd, each: &mut dyn FnMut(&CStr) -> bool) -> Result<()>;

    /// Makes a node for a block device, for root only.
    fn make_node(&self, folder: &Self::Fd, name: &CStr, device: u64) -> Result<()>;
    /// Mounts `device` where nobody else sees it: nothing on it can be run, and it
    /// is gone when the folder that is returned, and all that was opened in it, are
    /// closed. An option without a value has an empty one.
    fn mount(
        &self,
        device: &CStr,
        kind: &CStr,
        is_read_only: bool,
        options: &[(&CStr, &CStr)],
    ) -> Result<Self::Fd>;
    /// Makes a block device of `len` bytes of the image in `file`, which nobody can write
    /// to and which is gone when what is returned is closed; tells its number,
    /// `makedev(3)`.
    fn attach(&self, file: &Self::Fd, offset: u64, len: u64) -> Result<(Self::Fd, u64)>;
    /// Makes what is mounted at `point` read-only, or writable; `options` are those
    /// of the mount as /proc/self/mountinfo has them, which stay.
    fn remount(&self, point: &CStr, is_read_only: bool, options: &[u8]) -> Result<()>;

    /// Memory for a file of `len` bytes.
    fn map(&self, len: usize) -> Result<Self::Map>;
    /// Fills `bytes` with random ones; never blocks a boot.
    fn random(&self, bytes: &mut [u8]) -> Result<()>;
    /// Seconds since 1970, as the machine's clock has it; 0, if it cannot be asked.
    fn now(&self) -> i64;
    /// Waits.
    fn sleep(&self, milliseconds: u32);
    /// The running kernel's host name.
    fn set_host_name(&self, name: &[u8]) -> Result<()>;

    /// A socket to rtnetlink(7).
    fn route_socket(&self) -> Result<Self::Fd>;
    /// Sends one datagram.
    fn send(&self, socket: &Self::Fd, bytes: &[u8]) -> Result<()>;
    /// Receives one datagram; a second passing without one is an error.
    fn receive(&self, socket: &Self::Fd, bytes: &mut [u8]) -> Result<usize>;

    /// Whether standard output is a terminal.
    fn is_terminal(&self) -> bool;
    /// Writes to standard output or standard error. Who cannot be told anything
    /// can also not be told that.
    fn say(&self, stream: Stream, bytes: &[u8]);
}
