//! Replacing a file, and keeping what it was.

use super::{File, optional, read_file, read_link};
use crate::error::{Fault, Step};
use crate::sys::{Access, FileSystem, Kind, Sys};
use crate::value::Path;
use core::ffi::CStr;
use rustix::io::Errno;

/// Bytes for the names of a file's extended attributes, and for the value of one.
/// ext4 keeps all of them in one block.
const ATTRIBUTE_BYTES: usize = 4096;

/// Attributes that sign the content (ima(5), evm): of another one they would be
/// wrong, and the file could not be read.
const SIGNATURES: [&CStr; 2] = [c"security.ima", c"security.evm"];

const LABEL: &CStr = c"security.selinux";

/// The rights of others, and such as say no more than mode 0600 does
/// (linux/posix_acl_xattr.h: a version; of owner, group and all others a tag, the
/// rights, and nobody by name). The kernel then keeps the mode alone
/// (`posix_acl_update_mode` in fs/posix_acl.c).
const ACL: &CStr = c"system.posix_acl_access";
const NO_ACL: &[u8; 28] =
    b"\x02\0\0\0\x01\0\x06\0\xff\xff\xff\xff\x04\0\0\0\xff\xff\xff\xff\x20\0\0\0\xff\xff\xff\xff";

/// Notes among what is kept that there was nothing: the text of a link that leads
/// nowhere, which no file can be taken for.
pub const ABSENCE: &[u8] = b"nothing";

/// A file or link that is complete under a name of its own, beside the one that
/// it will replace.
pub struct NewFile<S: Sys> {
    /// The open file; a link is durable with its folder.
    file: Option<S::Fd>,
}

impl<S: Sys> NewFile<S> {
    /// The name under which a new file waits: hidden from programs that read all
    /// files of a folder, and the same each time, so that what a power cut left
    /// can be found.
    ///
    /// # Errors
    /// It would be too long.
    pub fn waiting_name(name: &CStr) -> crate::sys::Result<Path> {
        Path::new(&[b".", name.to_bytes(), b".osconf"]).ok_or(Errno::NAMETOOLONG)
    }

    /// Writes `content` beside `name`. It gets owner, mode and attributes of `old`,
    /// or `mode` and the label of the folder.
    ///
    /// # Errors
    /// A step failed; nothing is left behind.
    pub fn write(
        sys: &S,
        folder: &S::Fd,
        name: &CStr,
        content: &[u8],
        old: Option<&File<S>>,
        mode: u32,
    ) -> Result<Self, Fault> {
        let file = make(sys, folder, name, &|waiting| {
            sys.open(folder, waiting, Access::Create(0o600))
        })?;
        let filled = write_all(sys, &file, content)
            .map_err(|errno| Fault::System(Step::Write, errno))
            .and_then(|()| {
                match old.filter(|old| old.meta.kind == Kind::File) {
                    Some(old) => copy_attributes(sys, old, &file),
                    None => set_attributes(sys, folder, mode, &file),
                }
                .map_err(|errno| Fault::System(Step::Attributes, errno))
            })
            .and_then(|()| {
                sys.sync(&file)
                    .map_err(|errno| Fault::System(Step::Sync, errno))
            });
        let new = Self { file: Some(file) };
        match filled {
            Ok(()) => Ok(new),
            Err(fault) => {
                let _ = new.discard(sys, folder, name);
                Err(fault)
            }
        }
    }

    /// Makes a symbolic link beside `name`.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn link(sys: &S, folder: &S::Fd, name: &CStr, text: &[u8]) -> Result<Self, Fault> {
        let Some(text) = Path::new(&[text]) else {
            return Err(Fault::Path);
        };
        make(sys, folder, name, &|waiting| {
            sys.symlink(text.as_c_str(), folder, waiting)
        })?;
        Ok(Self { file: None })
    }

    /// Has the file or link `name` of `folder` wait in `to` for being `new` there, by
    /// a second name where the file system has such, as a copy elsewhere.
    ///
    /// # Errors
    /// It cannot be made; or the one that is there could not be replaced later, being
    /// immutable.
    pub fn twin(
        sys: &S,
        (folder, name): (&S::Fd, &CStr),
        (to, new): (&S::Fd, &CStr),
    ) -> Result<Self, Fault> {
        let fail = |errno| Fault::System(Step::Keep, errno);
        let linked = make(sys, to, new, &|waiting| sys.link(folder, name, to, waiting));
        match linked {
            Ok(()) => return Ok(Self { file: None }),
            // Another file system, one without links, or too many of them.
            Err(Fault::System(_, Errno::XDEV | Errno::OPNOTSUPP | Errno::MLINK | Errno::NOSYS)) => {
            }
            // FAT says this too, but so does the kernel of a file that cannot be
            // replaced, and then nothing may be published.
            Err(Fault::System(_, Errno::PERM)) => {
                let is_fat = matches!(sys.file_system(folder), Ok(FileSystem::Fat));
                let is_link = sys
                    .meta_of(folder, name)
                    .is_ok_and(|meta| meta.kind == Kind::Link);
                if !is_fat && !is_link {
                    sys.open(folder, name, Access::Write).map_err(fail)?;
                }
            }
            Err(Fault::System(_, errno)) => return Err(fail(errno)),
            Err(fault) => return Err(fault),
        }
        match read_link(sys, folder, name) {
            Ok(link) => Self::link(sys, to, new, &link.content),
            Err(_) => {
                let file = read_file(sys, folder, name)?;
                Self::write(sys, to, new, &file.content, Some(&file), 0)
            }
        }
    }

    /// Puts the file in the place of `name`.
    ///
    /// # Errors
    /// What renameat(2) says; EBUSY, if something is mounted there.
    pub fn publish(&self, sys: &S, folder: &S::Fd, name: &CStr) -> crate::sys::Result<()> {
        let waiting = Self::waiting_name(name)?;
        sys.rename(folder, waiting.as_c_str(), folder, name)
    }

    /// Makes it durable once more, under its new name: FAT writes the size of a
    /// file only now.
    ///
    /// # Errors
    /// What fsync(2) says.
    pub fn sync(&self, sys: &S) -> crate::sys::Result<()> {
        self.file.as_ref().map_or(Ok(()), |file| sys.sync(file))
    }

    /// Removes what waits for being `name` again.
    ///
    /// # Errors
    /// What unlinkat(2) says: then the next run does it.
    pub fn discard(&self, sys: &S, folder: &S::Fd, name: &CStr) -> crate::sys::Result<()> {
        sys.unlink(folder, Self::waiting_name(name)?.as_c_str())
    }
}

/// Makes something under the waiting name of `name`, in the place of what an
/// earlier run left there.
fn make<S: Sys, T>(
    sys: &S,
    folder: &S::Fd,
    name: &CStr,
    create: &dyn Fn(&CStr) -> crate::sys::Result<T>,
) -> Result<T, Fault> {
    let waiting = NewFile::<S>::waiting_name(name).map_err(|_| Fault::Path)?;
    let fail = |errno| Fault::System(Step::Write, errno);
    let made = match create(waiting.as_c_str()) {
        Err(Errno::EXIST) => {
            sys.unlink(folder, waiting.as_c_str()).map_err(fail)?;
            create(waiting.as_c_str())
        }
        other => other,
    };
    made.map_err(fail)
}

fn write_all<S: Sys>(sys: &S, file: &S::Fd, content: &[u8]) -> crate::sys::Result<()> {
    let mut done = 0;
    while let Some(rest) = content.get(done..).filter(|rest| !rest.is_empty()) {
        match sys.write_at(file, rest, done as u64)? {
            0 => return Err(Errno::IO),
            count => done += count,
        }
    }
    Ok(())
}

/// Owner first: a change of owner clears mode bits (chown(2)). A folder's default ACL
/// (acl(5)) would hand on rights that the old file did not give.
fn copy_attributes<S: Sys>(sys: &S, old: &File<S>, new: &S::Fd) -> crate::sys::Result<()> {
    sys.set_owner(new, old.meta.uid, old.meta.gid)?;
    match sys.set_attribute(new, ACL, NO_ACL) {
        Ok(()) | Err(Errno::OPNOTSUPP) => {}
        Err(errno) => return Err(errno),
    }
    let mut names = [0; ATTRIBUTE_BYTES];
    let len = match sys.list_attributes(&old.fd, &mut names) {
        Err(Errno::OPNOTSUPP) => 0,
        other => other?,
    };
    let mut rest = names.get(..len).unwrap_or_default();
    while let Ok(name) = CStr::from_bytes_until_nul(rest) {
        rest = rest.get(name.count_bytes() + 1..).unwrap_or_default();
        if !SIGNATURES.contains(&name) {
            let mut value = [0; ATTRIBUTE_BYTES];
            let len = sys.attribute(&old.fd, name, &mut value)?;
            sys.set_attribute(new, name, value.get(..len).unwrap_or_default())?;
        }
    }
    sys.set_mode(new, old.meta.mode)
}

/// In an initramfs no policy is loaded that would label a new file, so it gets
/// the label of its folder, as the policy would give it in nearly all cases.
fn set_attributes<S: Sys>(
    sys: &S,
    folder: &S::Fd,
    mode: u32,
    new: &S::Fd,
) -> crate::sys::Result<()> {
    let mut label = [0; 512];
    match sys.attribute(folder, LABEL, &mut label) {
        Ok(len) => sys.set_attribute(new, LABEL, label.get(..len).unwrap_or_default())?,
        Err(Errno::NODATA | Errno::OPNOTSUPP) => {}
        Err(errno) => return Err(errno),
    }
    sys.set_mode(new, mode)
}

/// Keeps the file `name` of `folder` as `kept` in `keep`. It waits there for
/// [`settle`], so that what was kept before is not lost to a run that is given up.
/// What is kept there already is replaced only if `renew`. Returns whether
/// something waits.
///
/// # Errors
/// As [`NewFile::twin`].
pub fn keep<S: Sys>(
    sys: &S,
    file: Option<(&S::Fd, &CStr)>,
    (keep, kept): (&S::Fd, &CStr),
    renew: bool,
) -> Result<bool, Fault> {
    let fail = |errno| Fault::System(Step::Keep, errno);
    let before = optional(sys.meta_of(keep, kept)).map_err(fail)?;
    // A folder is no copy; it is found in the way below.
    if !renew && before.is_some_and(|meta| meta.kind != Kind::Folder) {
        return Ok(false);
    }
    match file {
        Some(file) => NewFile::twin(sys, file, (keep, kept)),
        None => NewFile::link(sys, keep, kept, ABSENCE),
    }?;
    Ok(true)
}

/// Puts what [`keep`] made in its place.
///
/// # Errors
/// What renameat(2) says.
pub fn settle<S: Sys>(sys: &S, keep: &S::Fd, kept: &CStr) -> crate::sys::Result<()> {
    let waiting = NewFile::<S>::waiting_name(kept)?;
    sys.rename(keep, waiting.as_c_str(), keep, kept)?;
    // Of two names of one file rename(2) leaves both.
    optional(sys.unlink(keep, waiting.as_c_str())).map(|_| ())
}

/// Gives up what [`keep`] made.
///
/// # Errors
/// What unlinkat(2) says: then the next run does it.
pub fn unsettle<S: Sys>(sys: &S, keep: &S::Fd, kept: &CStr) -> crate::sys::Result<()> {
    sys.unlink(keep, NewFile::<S>::waiting_name(kept)?.as_c_str())
}

/// Writes `content` into a file that cannot be replaced, since something is
/// mounted on it. The caller has kept a copy.
///
/// The file is emptied first, and that made durable: a power cut then leaves it
/// empty, by which it is known to be cut, or with its first bytes, if it is longer
/// than the kernel writes at once. A file that has a second name stays as it is: that
/// is the copy that was kept, or somebody else's. Older kernels forbid a rename over
/// what is mounted on in another namespace, too (RHEL 7's `fs.may_detach_mounts`), and
/// there the copy is a second name.
///
/// # Errors
/// A step failed.
pub fn write_in_place<S: Sys>(
    sys: &S,
    folder: &S::Fd,
    name: &CStr,
    content: &[u8],
) -> crate::sys::Result<()> {
    let file = sys.open(folder, name, Access::Write)?;
    if sys.meta(&file)?.links > 1 {
        return Err(Errno::BUSY);
    }
    sys.set_len(&file, 0)?;
    sys.sync(&file)?;
    write_all(sys, &file, content)?;
    sys.sync(&file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::Linux;

    #[test]
    fn a_waiting_file_is_hidden() {
        assert_eq!(
            NewFile::<Linux>::waiting_name(c"shadow")
                .unwrap()
                .as_bytes(),
            b".shadow.osconf"
        );
    }
}
