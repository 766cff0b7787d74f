//! What every step of a run has at hand.

use crate::error::{Fault, Step};
use crate::limits::{MESSAGE_BYTES, PATH_BYTES};
use crate::log::{Level, Log};
use crate::record::How;
use crate::settings::Settings;
use crate::sys::files::{self, Content, File, Last, NewFile, Spot};
use crate::sys::{Access, Kind, Meta, Stream, Sys};
use crate::text::Buf;
use crate::value::Path;
use core::cell::Cell;
use core::ffi::CStr;
use rustix::io::Errno;

/// One run of the program.
pub struct Run<'a, S: Sys> {
    /// The kernel.
    pub sys: &'a S,
    /// What was asked for.
    pub settings: &'a Settings,
    /// Where messages go.
    pub log: &'a Log<'a, S>,
    /// The root that is configured.
    pub root: S::Fd,
    /// Whether the run before was cut short: its list of files is still there, or the
    /// record that it wrote last.
    pub was_cut: bool,
    /// Whether something of the root could not be looked at. Then nothing may be
    /// concluded from what was not found.
    pub is_in_doubt: Cell<bool>,
    /// Whether something secret may have been read, and lie on the stack.
    pub has_secrets: Cell<bool>,
}

/// Folders that are empty at each boot (file-hierarchy(7), FHS 3.0; Yocto's
/// `/var/volatile`). What a link there means is made anew by some program.
const RUN_TIME: [&[u8]; 8] = [
    b"run/",
    b"var/run/",
    b"tmp/",
    b"var/tmp/",
    b"dev/",
    b"proc/",
    b"sys/",
    b"var/volatile/",
];

fn is_run_time(path: &[u8]) -> bool {
    RUN_TIME.iter().any(|folder| path.starts_with(folder))
}

/// What an edit begins with, and whether it is our copy.
pub type Old<S> = (Option<File<S>>, bool);

/// The folder of copies of what was replaced, below the root.
pub const REPLACED: &CStr = c"etc/osconf/replaced";

/// The files that hold the accounts, below the root.
pub const ACCOUNT_FILES: [&CStr; 2] = [c"etc/shadow", c"etc/passwd"];

/// Our own folder, below the root.
pub const OWN: &CStr = c"etc/osconf";

/// The list of files that a run is about to write beside others, so that the next
/// one knows that it was cut short, and can clean up after it.
pub const PENDING: &CStr = c"etc/osconf/pending";

/// Where a new record waits to be the record. The last one is written when there is
/// no list any longer.
const WAITING: &CStr = c"etc/osconf/.record.osconf";

impl<'a, S: Sys> Run<'a, S> {
    /// A run on `root`.
    pub fn new(sys: &'a S, settings: &'a Settings, log: &'a Log<'a, S>, root: S::Fd) -> Self {
        let is_there = |path: &CStr| sys.open_below(&root, path, Access::Look).is_ok();
        let was_cut = is_there(PENDING) || is_there(WAITING);
        Self {
            sys,
            settings,
            log,
            root,
            was_cut,
            is_in_doubt: Cell::new(false),
            has_secrets: Cell::new(true),
        }
    }

    /// Where `path` leads.
    pub fn find(&self, path: &CStr) -> Result<Spot<S>, Fault> {
        match self.look_up(path, Last::Followed)? {
            spot if spot.is_run_time => Err(Fault::RunTime),
            spot => Ok(spot),
        }
    }

    /// Where `path` leads, also if that is a folder that is empty at each boot; or
    /// where its last name is, whatever that leads to.
    #[inline(never)]
    pub fn look_up(&self, path: &CStr, last: Last) -> Result<Spot<S>, Fault> {
        files::resolve(self.sys, &self.root, path, last, is_run_time)
    }

    /// What is at `path` below the root, if anything: of a link, what it leads to.
    pub fn kind_of(&self, path: &CStr) -> Option<Kind> {
        self.meta_of(path).map(|meta| meta.kind)
    }

    /// Whether anything is at `path` below the root.
    pub fn has(&self, path: &CStr) -> bool {
        let opened = self.sys.open_below(&self.root, path, Access::Look);
        let opened = opened.map_err(|errno| Fault::System(Step::Read, errno));
        self.certain(path, opened.map(Some)).is_some()
    }

    /// What is there, and what else stat(2) tells.
    pub fn meta_of(&self, path: &CStr) -> Option<Meta> {
        let opened = self.sys.open_below(&self.root, path, Access::Look);
        let meta = opened.and_then(|fd| self.sys.meta(&fd));
        let meta = meta.map_err(|errno| Fault::System(Step::Read, errno));
        self.certain(path, meta.map(Some))
    }

    /// What was found at `path`, if anything. A failure that does not mean that
    /// there is nothing leaves the whole root in doubt: one that root meets only
    /// where a security module says so (EACCES), too.
    pub fn certain<T>(&self, path: &CStr, found: Result<Option<T>, Fault>) -> Option<T> {
        found.unwrap_or_else(|fault| {
            let is_answer = match fault {
                Fault::System(_, errno) => matches!(
                    errno,
                    Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::NAMETOOLONG
                ),
                Fault::Changed => false,
                _ => true,
            };
            if !is_answer {
                self.is_in_doubt.set(true);
                let what = &[b"/", path.to_bytes()];
                self.log.fault(Level::Error, "root", what, fault, "");
            }
            None
        })
    }

    /// The regular file at `path`, if it is there. Where a link leads is looked at only if
    /// there is one.
    pub fn read(&self, path: &CStr) -> Result<Option<File<S>>, Fault> {
        match files::read_below(self.sys, &self.root, path) {
            Err(Fault::System(_, Errno::LOOP)) => self.read_spot(&self.find(path)?),
            read => read,
        }
    }

    /// The same for who needs no reason why it cannot be read.
    pub fn try_read(&self, path: &CStr) -> Option<File<S>> {
        self.certain(path, self.read(path))
    }

    /// As [`Self::read_kept`], for who needs no reason why it cannot be read.
    pub fn try_read_kept(&self, path: &CStr) -> Option<File<S>> {
        self.certain(path, self.read_kept(path))
    }

    /// What is in that place, if anything.
    pub fn read_spot(&self, spot: &Spot<S>) -> Result<Option<File<S>>, Fault> {
        let (Some(folder), Some(meta)) = (&spot.folder, spot.meta) else {
            return Ok(None);
        };
        let read = match meta.kind {
            Kind::Link => files::read_link,
            _ => files::read_file,
        };
        read(self.sys, folder, spot.path.name()).map(Some)
    }

    /// What an edit of `path` begins with: the file that is there, or our copy of it where
    /// a power cut left it empty or took it.
    pub fn or_copy(&self, present: Option<File<S>>, path: &CStr) -> Result<Old<S>, Fault> {
        if present
            .as_ref()
            .is_some_and(|file| !file.content.is_empty())
        {
            return Ok((present, false));
        }
        Ok(match self.read_kept(path)? {
            None => (present, false),
            copy => (copy, true),
        })
    }

    /// The copy of `path` that was kept when it was replaced, if it has content, and
    /// if it is needed: after a run that was cut short. Otherwise a file that is not
    /// there was removed by somebody who meant it; but without its account files
    /// a machine is lost, so these come back always.
    pub fn read_kept(&self, path: &CStr) -> Result<Option<File<S>>, Fault> {
        if !self.was_cut && !ACCOUNT_FILES.contains(&path) {
            return Ok(None);
        }
        // A link notes that there was nothing.
        let is_file = |file: &File<S>| file.meta.kind == Kind::File && !file.content.is_empty();
        let copy = self.copy_of(path, How::Written)?;
        Ok(copy.filter(is_file))
    }

    /// What is kept of `path`, if anything.
    #[inline(never)]
    pub fn copy_of(&self, path: &CStr, how: How) -> Result<Option<File<S>>, Fault> {
        let name = kept_name(path, how);
        let name = name.as_ref().map_or(&b""[..], Path::as_bytes);
        let Some(path) = Path::new(&[REPLACED.to_bytes(), b"/", name]) else {
            return Ok(None);
        };
        let spot = self.look_up(path.as_c_str(), Last::Itself);
        match spot.and_then(|spot| self.read_spot(&spot)) {
            Err(Fault::NotAFile) => Ok(None),
            read => read,
        }
    }

    /// Writes a file of our own, for root only.
    pub fn write_own(&self, name: &CStr, content: &[u8], is_lasting: bool) -> Result<(), Fault> {
        let fail = |step| move |errno| Fault::System(step, errno);
        let folder = files::make_folders(self.sys, &self.root, OWN, 0o700)?;
        let new = NewFile::write(self.sys, &folder, name, content, None, 0o600)?;
        new.publish(self.sys, &folder, name).map_err(|errno| {
            let _ = new.discard(self.sys, &folder, name);
            Fault::System(Step::Publish, errno)
        })?;
        if is_lasting {
            let synced = new.sync(self.sys).and_then(|()| self.settle(&folder));
            synced.map_err(fail(Step::Sync))?;
        }
        Ok(())
    }

    /// Makes the names in a folder durable. A folder's own flush is not enough on ext2
    /// and ext4 without a journal.
    #[inline(never)]
    pub fn settle(&self, folder: &S::Fd) -> crate::sys::Result<()> {
        self.sys.sync(folder)?;
        self.sys.sync_file_system(folder)
    }

    /// Text in memory that is as large as it takes: `len` bytes, or eight times as
    /// many, and so on.
    pub fn text(&self, len: usize, write: &dyn Fn(&mut Buf<'_>)) -> Result<Content<S>, Fault> {
        let memory = |errno| Fault::System(Step::Memory, errno);
        let mut len = len;
        loop {
            let mut map = self.sys.map(len).map_err(memory)?;
            let mut out = Buf::new(&mut map);
            write(&mut out);
            if !out.overflowed() {
                let len = out.len();
                return Ok(Content::new(map, len));
            }
            len = len.checked_mul(8).ok_or(memory(Errno::NOMEM))?;
        }
    }

    /// Writes one line of what was asked for.
    pub fn print(&self, write: &dyn Fn(&mut Buf<'_>)) {
        let mut bytes = [0; MESSAGE_BYTES];
        let mut line = Buf::new(&mut bytes);
        write(&mut line);
        line.end_message();
        self.sys.say(Stream::Output, line.as_bytes());
    }

    /// What is mounted, as the kernel tells.
    #[inline(never)]
    pub fn read_mounts(&self) -> crate::sys::Result<Content<S>> {
        let mut len = MOUNT_BYTES;
        loop {
            let mut map = self.sys.map(len)?;
            let file = self.sys.open_file(c"/proc/self/mountinfo");
            let text = files::read_into(self.sys, file, &mut map).len();
            if text < len {
                return Ok(Content::new(map, text));
            }
            len = len.checked_mul(8).ok_or(Errno::NOMEM)?;
        }
    }
}

/// Bytes of a usual /proc/self/mountinfo; more if it needs them.
const MOUNT_BYTES: usize = 4 * 1024;

/// The name of the copy of `path`: percent-encoded, so that it is one name. Whether
/// something should be there, or not, is told apart.
pub fn kept_name(path: &CStr, how: How) -> Option<Path> {
    let mut bytes = [0; PATH_BYTES];
    let mut name = Buf::new(&mut bytes);
    for byte in path.to_bytes() {
        match byte {
            b'/' => name.push(b"%2F"),
            b'%' => name.push(b"%25"),
            _ => name.push(core::slice::from_ref(byte)),
        }
    }
    if how == How::Removed {
        name.push(REMOVED);
    }
    if name.overflowed() {
        None
    } else {
        Path::new(&[name.as_bytes()])
    }
}

/// Ends the name of a copy of a removed file; no encoded path ends so.
const REMOVED: &[u8] = b"%removed";

/// The path of which `name` is the copy, if that is of a replaced file.
pub fn path_of_kept(name: &[u8]) -> Option<Path> {
    if name.ends_with(REMOVED) {
        return None;
    }
    let mut bytes = [0; PATH_BYTES];
    let mut path = Buf::new(&mut bytes);
    let mut rest = name;
    while let [first, after @ ..] = rest {
        (rest, _) = match rest {
            [b'%', b'2', b'F', after @ ..] => (after, path.push(b"/")),
            [b'%', b'2', b'5', after @ ..] => (after, path.push(b"%")),
            _ => (after, path.push(core::slice::from_ref(first))),
        };
    }
    if path.overflowed() {
        None
    } else {
        Path::new(&[path.as_bytes()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_copy_leads_back_to_its_path() {
        for path in ["etc/shadow", "etc/a%2Fb", "etc/x.d/%"] {
            let path = Path::new(&[path.as_bytes()]).unwrap();
            let name = kept_name(path.as_c_str(), How::Written).unwrap();
            assert!(!name.as_bytes().contains(&b'/'));
            assert!(path_of_kept(name.as_bytes()).unwrap() == path);
            let removed = kept_name(path.as_c_str(), How::Removed).unwrap();
            assert!(path_of_kept(removed.as_bytes()).is_none());
        }
    }

    #[test]
    fn run_time_folders_are_known_by_their_path() {
        assert!(is_run_time(b"run/systemd/resolve/stub-resolv.conf"));
        assert!(!is_run_time(b"var/lib/misc/resolv.conf"));
        assert!(!is_run_time(b"runner/x"));
    }
}
