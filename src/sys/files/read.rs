//! Whole files in memory.

use crate::error::{Fault, Step};
use crate::limits::PATH_BYTES;
use crate::sys::{Access, Kind, Meta, Sys};
use core::ffi::CStr;
use core::ops::Deref;
use rustix::io::Errno;

/// The content of a file, in memory that is wiped when it is dropped.
pub struct Content<S: Sys> {
    map: S::Map,
    len: usize,
}

impl<S: Sys> Content<S> {
    /// Memory of which the first `len` bytes are the content.
    pub fn new(map: S::Map, len: usize) -> Self {
        Self { map, len }
    }
}

impl<S: Sys> Deref for Content<S> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.map.get(..self.len).unwrap_or_default()
    }
}

/// A file that was read.
pub struct File<S: Sys> {
    /// The open file, for its attributes.
    pub fd: S::Fd,
    /// Its owner and mode.
    pub meta: Meta,
    /// Its content.
    pub content: Content<S>,
}

/// Reads the regular file `name` in `folder`.
///
/// # Errors
/// It is not there, no regular file, or cannot be read.
pub fn read_file<S: Sys>(sys: &S, folder: &S::Fd, name: &CStr) -> Result<File<S>, Fault> {
    let fail = |errno| Fault::System(Step::Read, errno);
    let fd = sys
        .open(folder, name, Access::Read)
        .map_err(|errno| match errno {
            // What O_NOFOLLOW says of a link, and open(2) of a socket.
            Errno::LOOP | Errno::NXIO => Fault::NotAFile,
            _ => fail(errno),
        })?;
    read_open(sys, fd)
}

/// Reads the regular file at `path` below `root`, if anything is there.
///
/// # Errors
/// As [`read_file`]; LOOP, if it is a link.
pub fn read_below<S: Sys>(sys: &S, root: &S::Fd, path: &CStr) -> Result<Option<File<S>>, Fault> {
    match sys.open_below(root, path, Access::ReadItself) {
        Ok(fd) => read_open(sys, fd).map(Some),
        Err(Errno::NXIO) => Err(Fault::NotAFile),
        Err(Errno::NOENT) => Ok(None),
        Err(errno) => Err(Fault::System(Step::Read, errno)),
    }
}

fn read_open<S: Sys>(sys: &S, fd: S::Fd) -> Result<File<S>, Fault> {
    let fail = |errno| Fault::System(Step::Read, errno);
    let meta = sys.meta(&fd).map_err(fail)?;
    if meta.kind != Kind::File {
        return Err(Fault::NotAFile);
    }
    let content = read(sys, &fd, meta.size)?;
    Ok(File { fd, meta, content })
}

/// Reads the symbolic link `name` in `folder`: its content is its text.
///
/// # Errors
/// It is not there, no link, or cannot be read.
pub fn read_link<S: Sys>(sys: &S, folder: &S::Fd, name: &CStr) -> Result<File<S>, Fault> {
    let fail = |errno| Fault::System(Step::Read, errno);
    let fd = sys.open(folder, name, Access::Look).map_err(fail)?;
    let meta = sys.meta(&fd).map_err(fail)?;
    let mut map = sys
        .map(PATH_BYTES)
        .map_err(|errno| Fault::System(Step::Memory, errno))?;
    let len = sys.read_link(folder, name, &mut map).map_err(fail)?;
    let content = Content::new(map, len);
    Ok(File { fd, meta, content })
}

/// Reads a file into `space`, as far as it goes: /proc and /sys tell no size.
/// Nothing, where there is no such file.
pub fn read_into<'s, S: Sys>(
    sys: &S,
    file: crate::sys::Result<S::Fd>,
    space: &'s mut [u8],
) -> &'s [u8] {
    let mut len = 0;
    if let Ok(file) = file {
        while let Some(rest) = space.get_mut(len..).filter(|rest| !rest.is_empty()) {
            match sys.read_at(&file, rest, len as u64) {
                Ok(count @ 1..) => len += count,
                _ => break,
            }
        }
    }
    space.get(..len).unwrap_or_default()
}

/// Reads an open file of `size` bytes. One that ends before, or goes on after, is
/// being written by somebody else at this moment: there is room for one byte more, so
/// that a read which brings just these bytes has met the end (pread(2)).
///
/// # Errors
/// There is no memory for it, it cannot be read, or its size is another.
pub fn read<S: Sys>(sys: &S, file: &S::Fd, size: u64) -> Result<Content<S>, Fault> {
    let memory = |errno| Fault::System(Step::Memory, errno);
    let size = usize::try_from(size).map_err(|_| memory(Errno::FBIG))?;
    let mut map = sys.map(size.saturating_add(1)).map_err(memory)?;
    let mut len = 0;
    loop {
        let rest = map.get_mut(len..=size).unwrap_or_default();
        match sys.read_at(file, rest, len as u64) {
            Ok(0) => break,
            Ok(count) => len += count.min(rest.len()),
            Err(errno) => return Err(Fault::System(Step::Read, errno)),
        }
        if len >= size {
            break;
        }
    }
    if len == size {
        Ok(Content::new(map, len))
    } else {
        Err(Fault::Changed)
    }
}
