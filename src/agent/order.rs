//! The os.conf of this boot: reading it, keeping it without its password, and
//! destroying it.

use super::Exit;
use super::locate::Place;
use super::report::say_not_stripped;
use super::run::Run;
use crate::conf::{Item, Key, Lexer};
use crate::error::{Fault, Step};
use crate::limits::CONF_BYTES;
use crate::log::Level;
use crate::record::{Digest, Order};
use crate::sys::files::{self, File, NewFile, optional};
use crate::sys::{Access, FileSystem, Kind, Meta, Sys};
use crate::text::{Buf, put};
use crate::value::Path;
use rustix::io::Errno;

/// An os.conf that was read.
pub struct Paper<S: Sys> {
    /// The file and its text.
    pub file: File<S>,
    /// By what it is known again.
    pub order: Order,
}

/// Reads os.conf; nothing, if there is none.
///
/// # Errors
/// There is one that is not read; it was said why.
pub fn read<S: Sys>(run: &Run<'_, S>, place: &Place<S>) -> Result<Option<Paper<S>>, Exit> {
    let Some(folder) = &place.folder else {
        return Ok(None);
    };
    let refuse = |why: &dyn Fn(&mut Buf<'_>)| {
        run.log.error("os.conf", &|out| {
            out.push(place.shown.as_bytes());
            put!(out, "/");
            out.push(place.name.as_bytes());
            put!(out, ": ");
            why(out);
        });
        Exit::Refused
    };
    let fail = |fault: Fault| refuse(&|out| fault.describe(out));
    let meta = match optional(run.sys.meta_of(folder, place.name.as_c_str())) {
        Ok(Some(meta)) => meta,
        Ok(None) => return Ok(None),
        Err(errno) => return Err(fail(Fault::System(Step::Read, errno))),
    };
    if meta.kind != Kind::File {
        return Err(refuse(&|out| {
            put!(out, "it is not a regular file, as ECS writes it: remove it");
        }));
    }
    if meta.links > 1 {
        return Err(refuse(&|out| {
            put!(
                out,
                "it has {} names, so the password would stay: remove the others",
                meta.links
            );
        }));
    }
    if meta.size > CONF_BYTES as u64 {
        refuse(&|out| {
            put!(
                out,
                "it has {} bytes: the limit is {}",
                meta.size,
                CONF_BYTES
            );
        });
        return Err(Exit::Invalid);
    }
    let file = files::read_file(run.sys, folder, place.name.as_c_str()).map_err(fail)?;
    let is_fat = matches!(run.sys.file_system(&file.fd), Ok(FileSystem::Fat));
    let order = known_by(&file.content, &file.meta, !is_fat);
    Ok(Some(Paper { file, order }))
}

/// By what a file is known again; on FAT not by its inode.
fn known_by(content: &[u8], meta: &Meta, has_inode: bool) -> Order {
    Order {
        digest: Digest::of(content),
        modified: meta.modified,
        inode: has_inode.then_some(meta.inode),
    }
}

/// Under which name os.conf waits for its end.
fn doomed(place: &Place<impl Sys>) -> Path {
    Path::new(&[b".", place.name.as_bytes(), b".osconf-done"])
        .unwrap_or_else(|| Path::from(c".osconf-done"))
}

/// Under which name a copy without the password waits to be os.conf.
fn waiting<S: Sys>(place: &Place<S>) -> Path {
    NewFile::<S>::waiting_name(place.name.as_c_str()).unwrap_or_else(|_| doomed(place))
}

/// Whether there is an os.conf, or what a killed run left of one.
pub fn is_there<S: Sys>(run: &Run<'_, S>, place: &Place<S>) -> bool {
    let names = [&place.name, &doomed(place), &waiting(place)];
    place.folder.as_ref().is_some_and(|folder| {
        let is_there = |name: &&Path| run.sys.meta_of(folder, name.as_c_str()).is_ok();
        names.iter().any(is_there)
    })
}

/// Mends what a killed run left: the copy without the password where os.conf is gone
/// or empty, as ext2 can lose a name on which another file is put. Destroys what it
/// had set aside: all of that was applied.
pub fn finish<S: Sys>(run: &Run<'_, S>, place: &Place<S>) {
    let Some(folder) = &place.folder else {
        return;
    };
    let (name, copy, aside) = (place.name.as_c_str(), waiting(place), doomed(place));
    let meta_of = |name| run.sys.meta_of(folder, name);
    let is_done = meta_of(aside.as_c_str()).is_ok();
    if meta_of(copy.as_c_str()).is_ok() {
        let is_whole = meta_of(name).is_ok_and(|meta| meta.size > 0);
        let _ = match is_done || is_whole {
            true => run.sys.unlink(folder, copy.as_c_str()),
            false => run.sys.rename(folder, copy.as_c_str(), folder, name),
        };
    }
    if is_done && let Err(errno) = erase(run, folder, &aside) {
        say_kept(run, errno);
    }
}

/// Whether os.conf is still the one that was read. Another one that somebody
/// wrote meanwhile is not ours to end: the next run applies it.
fn is_as_read<S: Sys>(
    run: &Run<'_, S>,
    place: &Place<S>,
    folder: &S::Fd,
    paper: &Paper<S>,
) -> Result<bool, Errno> {
    let read = &paper.file.meta;
    let now = optional(run.sys.meta_of(folder, place.name.as_c_str()))?;
    Ok(now.is_some_and(|now| {
        (now.inode, now.size, now.modified) == (read.inode, read.size, read.modified)
    }))
}

/// Destroys os.conf: it is set aside, overwritten, and removed.
///
/// # Errors
/// It is still there, or its removal is not durable.
pub fn destroy<S: Sys>(run: &Run<'_, S>, place: &Place<S>, paper: &Paper<S>) -> Result<(), Errno> {
    let Some(folder) = &place.folder else {
        return Ok(());
    };
    if !is_as_read(run, place, folder, paper)? {
        return Ok(());
    }
    let aside = doomed(place);
    match run
        .sys
        .rename(folder, place.name.as_c_str(), folder, aside.as_c_str())
    {
        Ok(()) => {}
        // Another agent was faster.
        Err(Errno::NOENT) => return Ok(()),
        Err(errno) => return Err(errno),
    }
    // A copy without the password that a killed run was about to keep.
    let _ = run.sys.unlink(folder, waiting(place).as_c_str());
    // Its zeros must not reach the disk before its new name does: the next run would
    // find an os.conf of zeros, and never be done with it.
    run.settle(folder)?;
    erase(run, folder, &aside)
}

/// Overwrites a file's blocks, and removes it.
fn erase<S: Sys>(run: &Run<'_, S>, folder: &S::Fd, name: &Path) -> Result<(), Errno> {
    if let Err(errno) = overwrite(run, folder, name) {
        say_not_wiped(run, errno);
    }
    optional(run.sys.unlink(folder, name.as_c_str()))?;
    run.settle(folder)
}

/// Writes zeros over a regular file that has no other name.
fn overwrite<S: Sys>(run: &Run<'_, S>, folder: &S::Fd, name: &Path) -> Result<(), Errno> {
    let file = run.sys.open(folder, name.as_c_str(), Access::Write)?;
    let meta = run.sys.meta(&file)?;
    if meta.kind != Kind::File || meta.links > 1 {
        return Err(Errno::MLINK);
    }
    // No os.conf that was read is longer; a longer file is not ours, and may be a
    // sparse one that zeros would fill the disk with.
    wipe(run, &file, meta.size.min(CONF_BYTES as u64))
}

fn wipe<S: Sys>(run: &Run<'_, S>, file: &S::Fd, size: u64) -> Result<(), Errno> {
    const ZEROS: [u8; 512] = [0; 512];
    let mut done = 0;
    while done < size {
        let len = usize::try_from(size - done)
            .unwrap_or(ZEROS.len())
            .min(ZEROS.len());
        match run
            .sys
            .write_at(file, ZEROS.get(..len).unwrap_or(&ZEROS), done)?
        {
            0 => return Err(Errno::IO),
            count => done += count as u64,
        }
    }
    run.sys.sync(file)
}

/// Says that the password may still be read from the disk.
#[inline(never)]
fn say_not_wiped<S: Sys>(run: &Run<'_, S>, errno: Errno) {
    let what = b"its blocks cannot be overwritten: the password may be read there";
    run.log
        .fault(Level::Warning, "os.conf", &[what], Fault::Kernel(errno), "");
}

/// Says that os.conf could not be removed.
pub fn say_kept<S: Sys>(run: &Run<'_, S>, errno: Errno) {
    let what = b"it is applied, but cannot be removed";
    let then = "it holds the password: remove what is left of it";
    run.log
        .fault(Level::Error, "os.conf", &[what], Fault::Kernel(errno), then);
}

/// Puts a copy without the password in the place of an os.conf that must be kept, and
/// wipes the old one. `record` writes down by what os.conf is known from then on. It does
/// so before the copy is there: else a run that ends in between would leave an os.conf
/// that nobody knows, of which the next run would say that it has no password. Returns
/// what the last `record` returned; what else goes wrong is said.
pub fn strip<S: Sys>(
    run: &Run<'_, S>,
    place: &Place<S>,
    paper: &Paper<S>,
    record: &dyn Fn(Order) -> bool,
) -> bool {
    let Some(folder) = &place.folder else {
        return record(paper.order);
    };
    let name = place.name.as_c_str();
    let keep = |fault| {
        say_not_stripped(run, &fault);
        record(paper.order)
    };
    let (copy, old, order) = match write_copy(run, place, folder, paper) {
        Ok(copy) => copy,
        Err(fault) => return keep(fault),
    };
    let discard = || _ = copy.discard(run.sys, folder, name);
    if !record(order) {
        discard();
        // It may be there, and only not durable.
        return record(paper.order);
    }
    if let Err(errno) = copy.publish(run.sys, folder, name) {
        discard();
        return keep(Fault::System(Step::Publish, errno));
    }
    match copy.sync(run.sys).and_then(|()| run.settle(folder)) {
        Ok(()) => {
            if let Err(errno) = wipe(run, &old, paper.file.meta.size) {
                say_not_wiped(run, errno);
            }
        }
        // A cut may bring the old one back, which must be whole then.
        Err(errno) => say_not_stripped(run, &Fault::System(Step::Sync, errno)),
    }
    true
}

/// Writes the copy beside os.conf, durably. Returns it, the open os.conf, and by what
/// the copy is known.
fn write_copy<S: Sys>(
    run: &Run<'_, S>,
    place: &Place<S>,
    folder: &S::Fd,
    paper: &Paper<S>,
) -> Result<(NewFile<S>, S::Fd, Order), Fault> {
    if !is_as_read(run, place, folder, paper).unwrap_or(false) {
        return Err(Fault::Changed);
    }
    let name = place.name.as_c_str();
    let fail = |errno| Fault::System(Step::Publish, errno);
    let old = run.sys.open(folder, name, Access::Write).map_err(fail)?;
    let source = &*paper.file.content;
    let text = run.text(source.len() + 1, &|out| without_password(out, source))?;
    let write = |mode| NewFile::write(run.sys, folder, name, &text, None, mode);
    let copy = match write(0o600) {
        // FAT has one mode for all files.
        Err(Fault::System(Step::Attributes, Errno::PERM)) => write(paper.file.meta.mode),
        other => other,
    }?;
    // Under its own name it is durable, too: a cut may take os.conf's.
    let meta = run
        .settle(folder)
        .and_then(|()| run.sys.meta_of(folder, waiting(place).as_c_str()));
    match meta {
        Ok(meta) => {
            let order = known_by(&text, &meta, paper.order.inode.is_some());
            Ok((copy, old, order))
        }
        Err(errno) => {
            let _ = copy.discard(run.sys, folder, name);
            Err(Fault::System(Step::Sync, errno))
        }
    }
}

/// Copies os.conf but for every assignment of the password.
fn without_password(out: &mut Buf<'_>, source: &[u8]) {
    let mut at = 0;
    for item in Lexer::new(source) {
        let Item::Assignment { key, value, .. } = item else {
            continue;
        };
        if Key::parse(key.text(source)) == Some(Key::Password) {
            out.push(source.get(at..key.start).unwrap_or_default());
            out.push(b"password=");
            // A bare word ends before a blank, and never before a quote.
            let quote = source
                .get(value.end)
                .is_some_and(|byte| matches!(byte, b'"' | b'\''));
            at = value.end + usize::from(quote);
        }
    }
    out.push(source.get(at..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_copy_has_everything_but_the_password() {
        for (old, new) in [
            (
                "hostname=a\npassword=YQ==\nx=y\n",
                "hostname=a\npassword=\nx=y\n",
            ),
            (
                "password=\"Y\nQ\" # p\nhostname=a",
                "password= # p\nhostname=a",
            ),
            (
                "export password='YQ'\r\npassword=Yg",
                "export password=\r\npassword=",
            ),
            ("hostname=a", "hostname=a"),
        ] {
            let mut bytes = [0; 128];
            let mut out = Buf::new(&mut bytes);
            without_password(&mut out, old.as_bytes());
            assert_eq!(out.as_bytes(), new.as_bytes(), "{old}");
        }
    }
}
