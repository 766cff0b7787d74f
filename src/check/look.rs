//! What an item may ask of the system that is checked.

use crate::partition::{FileSystem, Kind, Scheme, Spec};
use crate::sys::{self, Usage};
use crate::value::Path;
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

/// The disk that holds the root file system.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Disk {
    /// Bytes.
    pub size: u64,
    /// How it is divided; none, if that could not be read.
    pub scheme: Option<Scheme>,
    /// Whether nothing lies behind the partition of the root; none, if that has none.
    pub is_root_last: Option<bool>,
    /// Whether it has an EFI system partition.
    pub has_efi: bool,
    /// What kind of file system the first partition has, of those that ECS writes to.
    pub first: Option<Kind>,
    /// Whether the root lies on a device that is put together from others (LVM, RAID,
    /// encryption); none, if it is not known where it lies.
    pub is_mapped: Option<bool>,
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
    fn kind(&self, path: &CStr) -> Seen<sys::Kind>;
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
    fn space(&self) -> Seen<Usage>;
    /// The disk that it is on.
    fn disk(&self) -> Seen<Disk>;
    /// What kind of file system it is.
    fn mounted(&self, each: &mut dyn FnMut(Mounted<'_>)) -> Seen<()>;
    /// Whether the first partition has the folder of os.conf.
    fn has_folder(&self) -> Seen<bool>;
    /// The machine that the programs of the root are made for, as uname(1) calls it.
    fn architecture(&self) -> &'static str;
    /// Whether a device that `spec` means is there.
    fn has_device(&self, spec: &Spec<'_>) -> Seen<bool>;
    /// Whether the running kernel has something at `path`, below `/`; not, if the root
    /// is not the one that runs.
    fn kernel_has(&self, path: &CStr) -> bool;
}

/// Hands the path of each name in `folder` that begins and ends so to `each`.
pub fn each_file(
    look: &dyn Look,
    folder: &CStr,
    (before, after): (&[u8], &[u8]),
    each: &mut dyn FnMut(&Path),
) {
    let _ = look.list(folder, &mut |name| {
        let name = name.to_bytes();
        if name.starts_with(before)
            && name.ends_with(after)
            && let Some(path) = Path::new(&[folder.to_bytes(), b"/", name])
        {
            each(&path);
        }
        true
    });
}

/// Whether something is at `path`.
pub(super) fn is_there(look: &dyn Look, path: &CStr) -> bool {
    look.kind(path).is_ok()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// A root that is nothing but files.
    pub struct Files(BTreeMap<&'static str, Vec<u8>>);

    impl<const N: usize> From<[(&'static str, Vec<u8>); N]> for Files {
        fn from(files: [(&'static str, Vec<u8>); N]) -> Self {
            Self(files.into())
        }
    }

    impl Files {
        fn file(&self, path: &CStr) -> Seen<&[u8]> {
            let file = self.0.get(path.to_str().unwrap());
            file.map(Vec::as_slice).ok_or(Unseen::Nothing)
        }
    }

    impl Look for Files {
        fn kind(&self, path: &CStr) -> Seen<sys::Kind> {
            self.file(path).map(|_| sys::Kind::File)
        }
        fn is_program(&self, path: &CStr) -> bool {
            self.file(path).is_ok()
        }
        fn read(&self, path: &CStr, each: &mut dyn FnMut(&[u8])) -> Seen<()> {
            self.file(path).map(each)
        }
        fn read_at(&self, path: &CStr, bytes: &mut [u8], offset: u64) -> Seen<usize> {
            let rest = self.file(path)?.get(offset as usize..).unwrap_or_default();
            let len = rest.len().min(bytes.len());
            bytes[..len].copy_from_slice(&rest[..len]);
            Ok(len)
        }
        fn link(&self, _: &CStr, _: &mut dyn FnMut(&[u8])) -> Seen<()> {
            Err(Unseen::Nothing)
        }
        fn list(&self, _: &CStr, _: &mut dyn FnMut(&CStr) -> bool) -> Seen<()> {
            Err(Unseen::Nothing)
        }
        fn flags(&self, _: &CStr) -> Seen<u32> {
            Err(Unseen::Hidden)
        }
        fn space(&self) -> Seen<Usage> {
            Err(Unseen::Hidden)
        }
        fn disk(&self) -> Seen<Disk> {
            Err(Unseen::Hidden)
        }
        fn mounted(&self, _: &mut dyn FnMut(Mounted<'_>)) -> Seen<()> {
            Err(Unseen::Hidden)
        }
        fn has_folder(&self) -> Seen<bool> {
            Err(Unseen::Hidden)
        }
        fn architecture(&self) -> &'static str {
            "x86_64"
        }
        fn has_device(&self, _: &Spec<'_>) -> Seen<bool> {
            Err(Unseen::Hidden)
        }
        fn kernel_has(&self, _: &CStr) -> bool {
            false
        }
    }
}
