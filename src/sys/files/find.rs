//! Where a path below the root really leads.

use super::optional;
use crate::error::{Fault, Step};
use crate::limits::{LINKS, PATH_BYTES};
use crate::sys::{Access, Kind, Meta, Sys};
use crate::text::split::split;
use crate::value::Path;
use core::ffi::CStr;
use rustix::io::Errno;

/// The place of a file, whether it is there or not: a folder and a name in it.
pub struct Spot<S: Sys> {
    /// The folder; none, if it is not there either.
    pub folder: Option<S::Fd>,
    /// The path, links resolved, below the root; its last name is the name there.
    pub path: Path,
    /// What is there now: a file, or a link that was not to be followed.
    pub meta: Option<Meta>,
    /// Whether it lies in a folder that is empty at each boot. Such a file is some
    /// other program's, and nothing is told about it here.
    pub is_run_time: bool,
}

/// What is done with a link at the end of a path.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Last {
    /// It is what is meant.
    Itself,
    /// It is followed within the root: what it leads to is changed, and it stays.
    Followed,
}

/// Finds where `path` leads; but not into a folder that `is_run_time` knows to be
/// empty at each boot, which is judged by a link's text, since early in a boot
/// nothing may be there yet.
///
/// # Errors
/// The path leads to something that is no file, or cannot be followed.
pub fn resolve<S: Sys>(
    sys: &S,
    root: &S::Fd,
    path: &CStr,
    last: Last,
    is_run_time: fn(&[u8]) -> bool,
) -> Result<Spot<S>, Fault> {
    let fail = |errno| Fault::System(Step::Read, errno);
    let Some(mut path) = Path::new(&[path.to_bytes()]) else {
        return Err(Fault::Path);
    };
    for _ in 0..LINKS {
        let folder_path = path.folder();
        let opened = sys.open_below(root, folder_path.as_c_str(), Access::Folder);
        let Some(folder) = optional(opened).map_err(fail)? else {
            return Ok(Spot::nowhere(path, false));
        };
        let meta = optional(sys.meta_of(&folder, path.name())).map_err(fail)?;
        match meta.map(|meta| meta.kind) {
            Some(Kind::Link) if last == Last::Followed => {
                let mut text = [0; PATH_BYTES];
                let len = sys
                    .read_link(&folder, path.name(), &mut text)
                    .map_err(fail)?;
                path = text
                    .get(..len)
                    .and_then(|text| target(&folder_path, text))
                    .ok_or(Fault::Path)?;
                if is_run_time(path.as_bytes()) {
                    return Ok(Spot::nowhere(path, true));
                }
            }
            None | Some(Kind::File | Kind::Link) => {
                return Ok(Spot {
                    folder: Some(folder),
                    path,
                    meta,
                    is_run_time: false,
                });
            }
            Some(_) => return Err(Fault::NotAFile),
        }
    }
    Err(Fault::Path)
}

impl<S: Sys> Spot<S> {
    fn nowhere(path: Path, is_run_time: bool) -> Self {
        Self {
            folder: None,
            path,
            meta: None,
            is_run_time,
        }
    }
}

/// The path that the text of a link in `folder` means, without `.` and `..`.
fn target(folder: &Path, text: &[u8]) -> Option<Path> {
    let base = if text.starts_with(b"/") {
        &b""[..]
    } else {
        folder.as_bytes()
    };
    let mut path = [0; 2 * PATH_BYTES];
    let mut len = 0;
    let names = split(base, b'/').chain(split(text, b'/'));
    for name in names {
        match name {
            b"" | b"." => {}
            b".." => {
                let so_far = path.get(..len)?;
                len = so_far.iter().rposition(|&byte| byte == b'/').unwrap_or(0);
            }
            _ => {
                if len > 0 {
                    *path.get_mut(len)? = b'/';
                    len += 1;
                }
                path.get_mut(len..len + name.len())?.copy_from_slice(name);
                len += name.len();
            }
        }
    }
    Path::new(&[path.get(..len)?])
}

/// Makes the folder `path` below the root, and those that lead to it, for all to
/// read; opens it.
///
/// # Errors
/// One of them cannot be made.
pub fn make_folders<S: Sys>(sys: &S, root: &S::Fd, path: &CStr, mode: u32) -> Result<S::Fd, Fault> {
    let fail = |errno| Fault::System(Step::Folder, errno);
    let open = || optional(sys.open_below(root, path, Access::Folder)).map_err(fail);
    if let Some(folder) = open()? {
        return Ok(folder);
    }
    let path = Path::new(&[path.to_bytes()]).ok_or(Fault::Path)?;
    let upper = path.folder();
    // The root itself is not there, or is none.
    if upper == path {
        return Err(fail(Errno::NOENT));
    }
    let parent = make_folders(sys, root, upper.as_c_str(), 0o755)?;
    match sys.make_folder(&parent, path.name(), mode) {
        Ok(()) | Err(Errno::EXIST) => sys.sync(&parent).map_err(fail)?,
        Err(errno) => return Err(fail(errno)),
    }
    open()?.ok_or(fail(Errno::NOENT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_link_is_taken_within_the_root() {
        for (folder, text, path) in [
            ("etc", "file", "etc/file"),
            ("etc", "../run/x/y", "run/x/y"),
            ("etc", "/run/./x//y/", "run/x/y"),
            ("etc/a", "../../../../run/x", "run/x"),
            (".", "x", "x"),
        ] {
            let folder = Path::new(&[folder.as_bytes()]).unwrap();
            assert_eq!(
                target(&folder, text.as_bytes()).unwrap().as_bytes(),
                path.as_bytes(),
                "{text}"
            );
        }
    }
}
