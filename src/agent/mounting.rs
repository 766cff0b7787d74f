//! Getting at the partition that os.conf lies on, and leaving it as it was.

use super::disks::{self, Block, Node};
use super::locate::{self, Candidate, FOLDER, NAME, Place, Purpose};
use super::order;
use super::run::Run;
use crate::error;
use crate::partition::{FileSystem, Kind};
use crate::sys::files::optional;
use crate::sys::{Access, Sys};
use crate::system::{Mount, mounts};
use crate::text::put;
use crate::value::Path;
use core::ffi::CStr;
use heapless::Vec;
use rustix::io::Errno;

/// What was mounted for a run; nothing, where it was mounted already.
pub struct Mounted<S: Sys> {
    /// It was mounted here, where nobody else sees it, and goes with this.
    private: Option<S::Fd>,
    /// These were mounted read-only, each in its own way, and are writable now: the
    /// partition of os.conf, and the root.
    anew: Vec<(Path, Flags), 2>,
}

impl<S: Sys> Mounted<S> {
    /// Nothing was mounted.
    pub const fn nothing() -> Self {
        Self {
            private: None,
            anew: Vec::new(),
        }
    }

    /// Makes a mount writable until all this is left.
    fn open(&mut self, run: &Run<'_, S>, mount: &Mount<'_>) -> Result<(), Errno> {
        let point = mount.point().ok_or(Errno::NAMETOOLONG)?;
        let flags = Flags::from_slice(mount.flags).unwrap_or_default();
        run.sys.remount(point.as_c_str(), false, &flags)?;
        // No more than two are ever opened.
        let _ = self.anew.push((point, flags));
        Ok(())
    }
}

/// The flags of a mount, as the kernel writes them.
type Flags = Vec<u8, FLAG_BYTES>;

/// Bytes of the flags of a mount: all that the kernel knows have fewer.
const FLAG_BYTES: usize = 128;

/// The folder of os.conf on a partition, which is mounted if it is not.
///
/// # Errors
/// It cannot be; it was said why.
pub fn place<S: Sys>(
    run: &Run<'_, S>,
    taken: &Candidate<'_, '_>,
    purpose: Purpose,
) -> Result<Place<S>, ()> {
    match &taken.mount {
        Some(mount) => on_mount(run, mount, purpose),
        None => on_device(run, taken.block, purpose),
    }
}

/// Leaves everything as it was before. All that was written is durable by now.
pub fn leave<S: Sys>(run: &Run<'_, S>, place: Place<S>) {
    let Place {
        folder, mounted, ..
    } = place;
    drop(folder);
    drop(mounted.private);
    for (point, flags) in &mounted.anew {
        if let Err(errno) = run.sys.remount(point.as_c_str(), true, flags) {
            run.log.warn("locate", &|out| {
                out.push(point.as_bytes());
                put!(out, ": it cannot be made read-only again: ");
                error::describe(errno, out);
            });
        }
    }
}

/// Whether nothing may be written, since this may be the initramfs of a machine
/// that is about to go on where it was put to sleep: it has its file systems in its
/// memory as they were. Where the root was made writable by others, it is awake.
pub fn is_asleep<S: Sys>(run: &Run<'_, S>) -> bool {
    if run.settings.is_running_root() || !run.settings.may_resume {
        return false;
    }
    let Ok(text) = run.read_mounts() else {
        return true;
    };
    mount_of_root(run, &text).is_some_and(|mount| mount.is_read_only())
}

/// Makes the root writable, if it is not, until the place is left.
///
/// # Errors
/// It cannot be; it was said why.
pub fn open_root<S: Sys>(
    run: &Run<'_, S>,
    place: &mut Place<S>,
    is_asleep: bool,
) -> Result<(), ()> {
    let mut tried = false;
    loop {
        let Ok(text) = run.read_mounts() else {
            return Ok(());
        };
        let Some(mount) = mount_of_root(run, &text).filter(Mount::is_read_only) else {
            return Ok(());
        };
        if is_asleep {
            run.log.error("root", &|out| {
                out.push(mount.point);
                put!(out, ": it stays read-only, since a system may be asleep on it (resume= on the kernel's command line): run osconf where the system is awake");
            });
            return Err(());
        }
        // squashfs and others take it as a success, and stay as they are.
        let result = match tried {
            true => Err(Errno::ROFS),
            false => place.mounted.open(run, &mount),
        };
        result.map_err(|errno| say_read_only(run, "root", &mount, errno))?;
        tried = true;
    }
}

/// What `/etc` of the root is mounted by: that is what is written to. The last one
/// of several is on top.
fn mount_of_root<'m, S: Sys>(run: &Run<'_, S>, text: &'m [u8]) -> Option<Mount<'m>> {
    let etc = Path::new(&[run.settings.root.as_bytes(), b"/etc"])?;
    let mut found: Option<(usize, Mount<'m>)> = None;
    for mount in mounts(text) {
        let Some(point) = mount.point() else { continue };
        let point = point
            .as_bytes()
            .strip_suffix(b"/")
            .unwrap_or(point.as_bytes());
        let rest = etc.as_bytes().strip_prefix(point);
        let is_above = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"));
        if is_above && found.as_ref().is_none_or(|(len, _)| *len <= point.len()) {
            found = Some((point.len(), mount));
        }
    }
    found.map(|(_, mount)| mount)
}

fn say_read_only<S: Sys>(run: &Run<'_, S>, part: &str, mount: &Mount<'_>, errno: Errno) {
    run.log.error(part, &|out| {
        out.push(mount.point);
        put!(out, ": it is mounted read-only (");
        out.push(mount.kind);
        put!(out, "), and cannot be made writable: ");
        error::describe(errno, out);
    });
}

fn on_mount<S: Sys>(run: &Run<'_, S>, mount: &Mount<'_>, purpose: Purpose) -> Result<Place<S>, ()> {
    let point = mount.point().ok_or(())?;
    let partition = run
        .sys
        .open_folder(point.as_c_str())
        .map_err(|errno| locate::cannot_open(run, &point, errno))?;
    let mut place = open(run, &partition, &point)?;
    let is_due = purpose == Purpose::Apply && order::is_there(run, &place);
    if is_due
        && mount.is_read_only()
        && let Err(errno) = place.mounted.open(run, mount)
    {
        // It is applied all the same, and kept.
        say_read_only(run, "locate", mount, errno);
    }
    Ok(place)
}

/// First it is looked whether there is anything to do: that costs a disk nothing.
fn on_device<S: Sys>(run: &Run<'_, S>, block: &Block, purpose: Purpose) -> Result<Place<S>, ()> {
    let place = mount(run, block, true)?;
    if purpose == Purpose::Look || !order::is_there(run, &place) {
        return Ok(place);
    }
    drop(place);
    mount(run, block, false)
}

/// How often a mount is tried that meets the end of the one before it.
const TRIES: u32 = 20;
/// How long is waited between, in milliseconds.
const PAUSE: u32 = 50;

fn mount<S: Sys>(run: &Run<'_, S>, block: &Block, is_read_only: bool) -> Result<Place<S>, ()> {
    let say = |what: &str, errno: Option<Errno>| {
        run.log.error("locate", &|out| {
            put!(out, "/dev/");
            out.push(&block.name);
            put!(out, ": {}", what);
            if let Some(errno) = errno {
                put!(out, ": ");
                error::describe(errno, out);
            }
        });
    };
    let found = disks::file_system(run, block);
    let Some(found) = found.filter(|found| found.kind.has_os_conf()) else {
        say(
            "no file system that ECS writes to is on it: it must be ext2, ext3, ext4, FAT32 or UFS, and come first on the disk",
            None,
        );
        return Err(());
    };
    let node = Node::open(run, block).map_err(|errno| say("cannot be opened", Some(errno)))?;
    let result = mount_found(run, node.path.as_c_str(), &found, is_read_only);
    node.close(run);
    // A kernel that only reads UFS, or a disk that is write-protected.
    if !is_read_only && matches!(result.as_ref().err(), Some(&(Errno::ROFS | Errno::ACCESS))) {
        say(
            "it can only be read: os.conf, with the password in it, will stay there",
            None,
        );
        return mount(run, block, true);
    }
    if matches!(found.kind, Kind::Fat12 | Kind::Fat16) {
        say("it is FAT12 or FAT16: ECS writes to FAT32", None);
    }
    let partition = result.map_err(|errno| match errno {
        Errno::NODEV => say(
            "the kernel has no driver for its file system: load it (ext4; or vfat, with nls_cp437 and nls_iso8859-1)",
            None,
        ),
        _ => say("cannot be mounted", Some(errno)),
    })?;
    let shown = Path::new(&[b"/dev/", &block.name, b":"]).ok_or(())?;
    let mut place = open(run, &partition, &shown)?;
    place.mounted.private = Some(partition);
    Ok(place)
}

/// Mounts what was found on a device, where nobody else sees it.
///
/// # Errors
/// What the kernel says; ENODEV, if it has no driver.
pub fn mount_found<S: Sys>(
    run: &Run<'_, S>,
    path: &CStr,
    found: &FileSystem,
    is_read_only: bool,
) -> crate::sys::Result<S::Fd> {
    let mut result = Err(Errno::NODEV);
    for kind in drivers(found.kind) {
        for _ in 0..TRIES {
            let options = options(found, kind, is_read_only);
            result = run.sys.mount(path, kind, is_read_only, options);
            // The read-only mount of a moment ago may still be going.
            if result.as_ref().err() != Some(&Errno::BUSY) {
                break;
            }
            run.sys.sleep(PAUSE);
        }
        if result.as_ref().err() != Some(&Errno::NODEV) {
            break;
        }
    }
    result
}

/// The drivers to try: ext4's takes all three, where the older ones are not there.
const fn drivers(kind: Kind) -> &'static [&'static CStr] {
    match kind {
        Kind::Ext2 => &[c"ext2", c"ext4"],
        Kind::Ext3 => &[c"ext3", c"ext4"],
        Kind::Ext4 => &[c"ext4"],
        Kind::Fat12 | Kind::Fat16 | Kind::Fat32 => &[c"vfat"],
        Kind::Ufs1 | Kind::Ufs2 => &[c"ufs"],
        Kind::Xfs => &[c"xfs"],
        Kind::Btrfs => &[c"btrfs"],
        Kind::Swap => &[],
    }
}

/// A look replays no journal (ext4(5), noload; xfs(5), norecovery; btrfs(5),
/// rescue=nologreplay). The kernel must be told which UFS
/// it is (Documentation/admin-guide/ufs.rst).
fn options(
    found: &FileSystem,
    kind: &CStr,
    is_read_only: bool,
) -> &'static [(&'static CStr, &'static CStr)] {
    match found.kind {
        Kind::Ext3 | Kind::Ext4 if is_read_only && kind != c"ext2" => &[(c"noload", c"")],
        Kind::Xfs => &[(c"norecovery", c"")],
        Kind::Btrfs => &[(c"rescue", c"nologreplay")],
        Kind::Ufs1 => &[(c"ufstype", c"44bsd")],
        Kind::Ufs2 => &[(c"ufstype", c"ufs2")],
        _ => &[],
    }
}

/// The folder of os.conf in the top folder of its partition.
fn open<S: Sys>(run: &Run<'_, S>, partition: &S::Fd, point: &Path) -> Result<Place<S>, ()> {
    let separator: &[u8] = if point.as_bytes().ends_with(b"/") {
        b""
    } else {
        b"/"
    };
    let shown = Path::new(&[point.as_bytes(), separator, FOLDER.to_bytes()]).ok_or(())?;
    let folder = optional(run.sys.open(partition, FOLDER, Access::Folder))
        .map_err(|errno| locate::cannot_open(run, &shown, errno))?;
    Ok(Place {
        folder,
        name: Path::from(NAME),
        shown,
        mounted: Mounted::nothing(),
    })
}
