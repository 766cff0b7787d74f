//! Opening a path below a root on kernels without openat2(2).
//!
//! Each component is opened by itself and never followed; a link is read and its
//! text put in the place of its name. So nothing that changes meanwhile can lead
//! out of the root: at worst a component is missing.

use super::{Access, open_name};
use crate::limits::{LINKS, PATH_BYTES};
use crate::sys::Result;
use core::ffi::CStr;
use heapless::Vec;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::readlinkat_raw;
use rustix::io::Errno;

/// As [`crate::sys::Sys::open_below`].
pub(super) fn open(root: BorrowedFd<'_>, path: &CStr, access: Access) -> Result<OwnedFd> {
    let mut rest = Rest::new();
    rest.put(path.to_bytes())?;
    // The folders that lead here from the root: `..` goes back to the last one,
    // wherever that may be by now. A path has no more names than this.
    let mut way = Vec::<OwnedFd, { PATH_BYTES / 2 }>::new();
    let mut links = 0;
    while let Some((name, is_last)) = rest.next() {
        let folder = way.last().map_or(root, AsFd::as_fd);
        let mut target = [0; PATH_BYTES];
        match name.to_bytes() {
            b"." => {}
            b".." => drop(way.pop()),
            _ => match readlinkat_raw(folder, name, &mut target) {
                Ok(_) if is_last && access == Access::ReadItself => return Err(Errno::LOOP),
                Ok(PATH_BYTES) => return Err(Errno::NAMETOOLONG),
                Ok(_) if links == LINKS => return Err(Errno::LOOP),
                Ok(len) => {
                    links += 1;
                    if target.starts_with(b"/") {
                        way.clear();
                    }
                    rest.put(target.get(..len).unwrap_or_default())?;
                }
                // EINVAL: no link, so a name like any other.
                Err(Errno::INVAL) => {
                    if is_last && access != Access::Folder {
                        return open_name(folder, name, access);
                    }
                    let folder = open_name(folder, name, Access::Folder)?;
                    way.push(folder).map_err(|_| Errno::NAMETOOLONG)?;
                }
                Err(errno) => return Err(errno),
            },
        }
    }
    // The path has led to a folder.
    match (access, way.pop()) {
        (Access::Write, _) => Err(Errno::ISDIR),
        (Access::Create(_), _) => Err(Errno::EXIST),
        (_, Some(folder)) => Ok(folder),
        (_, None) => open_name(root, c".", Access::Folder),
    }
}

/// What is left of a path, each name with a slash behind it. It ends where the
/// space ends, before a final NUL, so that the text of a link can be put in front.
struct Rest {
    bytes: [u8; PATH_BYTES + 1],
    start: usize,
}

impl Rest {
    const fn new() -> Self {
        Self {
            bytes: [0; PATH_BYTES + 1],
            start: PATH_BYTES,
        }
    }

    /// Puts `text` in front.
    fn put(&mut self, text: &[u8]) -> Result<()> {
        let start = self
            .start
            .checked_sub(text.len() + 1)
            .ok_or(Errno::NAMETOOLONG)?;
        let place = self.bytes.get_mut(start..self.start);
        if let Some([place @ .., slash]) = place {
            place.copy_from_slice(text);
            *slash = b'/';
        }
        self.start = start;
        Ok(())
    }

    /// Takes the next name, ends it as the kernel wants it, and says whether it is
    /// the last one.
    fn next(&mut self) -> Option<(&CStr, bool)> {
        while self.bytes.get(self.start) == Some(&b'/') {
            self.start += 1;
        }
        let rest = self.bytes.get_mut(self.start..PATH_BYTES)?;
        let len = rest.iter().position(|&byte| byte == b'/')?;
        self.start += len + 1;
        *rest.get_mut(len)? = 0;
        let is_last = rest.iter().skip(len + 1).all(|&byte| byte == b'/');
        Some((CStr::from_bytes_until_nul(rest).ok()?, is_last))
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
    fn root(name: &str) -> std::path::PathBuf {
        let name = std::format!("osconf-walk-{name}-{}", std::process::id());
        let base = std::env::temp_dir().join(name);
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
    fn who_wants_the_file_itself_gets_none_by_a_link_at_the_end() {
        let root = root("itself");
        let path = CString::new(root.to_str().unwrap()).unwrap();
        let linux = Linux::default();
        let folder = linux.open_folder(&path).unwrap();
        for (path, expected) in [
            (c"etc/file", Ok(())),
            (c"etc/folder/etc/file", Ok(())),
            (c"etc/absolute", Err(Errno::LOOP)),
            (c"etc/dangling", Err(Errno::LOOP)),
            (c"etc/nothing", Err(Errno::NOENT)),
        ] {
            let read = open(folder.as_fd(), path, Access::ReadItself);
            assert_eq!(read.map(drop), expected, "{path:?}");
            let read = linux.open_below(&folder, path, Access::ReadItself);
            assert_eq!(read.map(drop), expected, "{path:?}");
        }
        std::fs::remove_dir_all(root.parent().unwrap()).unwrap();
    }

    #[test]
    fn no_link_and_no_dots_lead_out_of_the_root() {
        let root = root("dots");
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
