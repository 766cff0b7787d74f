//! Opening a path below a root on kernels without openat2(2).
//!
//! Each component is opened by itself and never followed; a link is read and its
//! text put in the place of its name. So nothing that changes meanwhile can lead
//! out of the root: at worst a component is missing.

use super::{Access, open_name};
use crate::limits::{LINKS, PATH_BYTES};
use crate::sys::Result;
use crate::text::split::split;
use core::ffi::CStr;
use heapless::Vec;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::readlinkat_raw;
use rustix::io::Errno;

type Path = Vec<u8, PATH_BYTES>;

/// As [`crate::sys::Sys::open_below`].
pub(super) fn open(root: BorrowedFd<'_>, path: &CStr, access: Access) -> Result<OwnedFd> {
    // What is resolved holds names only: no link, no dot.
    let mut resolved = Path::new();
    let mut rest = concatenate(path.to_bytes(), b"")?;
    let mut folder = open_name(root, c".", Access::Folder)?;
    let mut links = 0;
    loop {
        let (name, after) = first_component(&rest);
        let mut target = [0; PATH_BYTES];
        match name {
            b"" => return finish(folder, access),
            b"." => {}
            b".." => {
                leave(&mut resolved);
                folder = reopen(root, &resolved)?;
            }
            _ => match readlinkat_raw(&folder, &*terminated(name)?, &mut target) {
                Ok(len) => {
                    links += 1;
                    if links > LINKS {
                        return Err(Errno::LOOP);
                    }
                    let target = target.get(..len).ok_or(Errno::NAMETOOLONG)?;
                    if len >= PATH_BYTES {
                        return Err(Errno::NAMETOOLONG);
                    }
                    if target.first() == Some(&b'/') {
                        resolved.clear();
                        folder = open_name(root, c".", Access::Folder)?;
                    }
                    rest = concatenate(target, after)?;
                    continue;
                }
                // EINVAL: no link, so a name like any other.
                Err(Errno::INVAL) => {
                    let name = terminated(name)?;
                    if after.iter().all(|&byte| byte == b'/') && access != Access::Folder {
                        return open_name(folder.as_fd(), &name, access);
                    }
                    folder = open_name(folder.as_fd(), &name, Access::Folder)?;
                    enter(&mut resolved, name.to_bytes())?;
                }
                Err(errno) => return Err(errno),
            },
        }
        rest = concatenate(after, b"")?;
    }
}

/// The path has led to a folder.
fn finish(folder: OwnedFd, access: Access) -> Result<OwnedFd> {
    match access {
        Access::Folder | Access::Read | Access::Look => Ok(folder),
        Access::Write => Err(Errno::ISDIR),
        Access::Create(_) => Err(Errno::EXIST),
    }
}

/// The first name of `path`, and all that follows it.
fn first_component(path: &[u8]) -> (&[u8], &[u8]) {
    let start = path.iter().take_while(|&&byte| byte == b'/').count();
    let path = path.get(start..).unwrap_or_default();
    let end = path.iter().take_while(|&&byte| byte != b'/').count();
    path.split_at_checked(end).unwrap_or((path, b""))
}

fn concatenate(first: &[u8], second: &[u8]) -> Result<Path> {
    let mut path = Path::new();
    for part in [first, second] {
        path.extend_from_slice(part)
            .map_err(|_| Errno::NAMETOOLONG)?;
    }
    Ok(path)
}

fn enter(path: &mut Path, name: &[u8]) -> Result<()> {
    path.push(b'/').map_err(|_| Errno::NAMETOOLONG)?;
    path.extend_from_slice(name).map_err(|_| Errno::NAMETOOLONG)
}

fn leave(path: &mut Path) {
    while let Some(byte) = path.pop() {
        if byte == b'/' {
            break;
        }
    }
}

/// Opens a path of plain names again, from the root.
fn reopen(root: BorrowedFd<'_>, path: &[u8]) -> Result<OwnedFd> {
    let mut folder = open_name(root, c".", Access::Folder)?;
    for name in split(path, b'/').filter(|name| !name.is_empty()) {
        folder = open_name(folder.as_fd(), &*terminated(name)?, Access::Folder)?;
    }
    Ok(folder)
}

/// A name with the NUL that the kernel wants.
fn terminated(name: &[u8]) -> Result<Terminated> {
    let mut bytes = concatenate(name, b"\0")?;
    // NAME_MAX is 255, so a name that was cut would have been refused.
    bytes.truncate(PATH_BYTES);
    Ok(Terminated(bytes))
}

struct Terminated(Path);

impl core::ops::Deref for Terminated {
    type Target = CStr;

    fn deref(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.0).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::{Linux, Sys};
    use std::ffi::CString;
    use std::fs::{create_dir_all, write};
    use std::os::unix::fs::symlink;

    /// A root with links of every kind, and something outside it.
    fn root() -> std::path::PathBuf {
        let base = std::env::temp_dir().join(std::format!("osconf-walk-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&base);
        let root = base.join("root");
        create_dir_all(root.join("etc/a")).unwrap();
        create_dir_all(base.join("etc")).unwrap();
        write(base.join("etc/file"), "outside").unwrap();
        write(root.join("etc/file"), "inside").unwrap();
        for (link, target) in [
            ("etc/absolute", "/etc/file"),
            ("etc/up", "../../../../etc/file"),
            ("etc/folder", "a/../.."),
            ("etc/circle", "circle"),
            ("etc/dangling", "/etc/nothing"),
        ] {
            symlink(target, root.join(link)).unwrap();
        }
        root
    }

    #[test]
    fn no_link_and_no_dots_lead_out_of_the_root() {
        let root = root();
        let linux = Linux::default();
        let path = CString::new(root.to_str().unwrap()).unwrap();
        let folder = linux.open_folder(&path).unwrap();
        let read = |path: &str| {
            let fd = open(folder.as_fd(), &CString::new(path).unwrap(), Access::Read)?;
            let mut text = [0; 16];
            let len = linux.read_at(&fd, &mut text, 0)?;
            Ok(std::string::String::from_utf8_lossy(&text[..len]).into_owned())
        };
        for path in [
            "etc/file",
            "/etc/file",
            "etc/absolute",
            "etc/up",
            "../etc/file",
            "etc/folder/etc/file",
            "etc//./a/../file",
        ] {
            assert_eq!(read(path), Ok("inside".into()), "{path}");
        }
        assert_eq!(read("etc/circle"), Err(Errno::LOOP));
        assert_eq!(read("etc/dangling"), Err(Errno::NOENT));
        assert_eq!(read("etc/file/x"), Err(Errno::NOTDIR));
        std::fs::remove_dir_all(root.parent().unwrap()).unwrap();
    }
}
