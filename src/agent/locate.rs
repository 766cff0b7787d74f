//! Finding the partition that ECS writes os.conf to.
//!
//! It is the first partition of the disk that holds the root file system. A data
//! disk never wins, whatever lies on it: its os.conf is somebody else's.

use super::run::Run;
use crate::error::Fault;
use crate::limits::{MOUNTS, PATH_BYTES};
use crate::log::Level;
use crate::sys::files::{optional, read_into};
use crate::sys::{Access, Kind, Sys};
use crate::system::{Mount, mounts};
use crate::text::split::split_once;
use crate::text::{Buf, put};
use crate::value::Path;
use crate::value::ipv4::decimal;
use core::ffi::CStr;
use heapless::Vec;
use rustix::io::Errno;

/// The name of os.conf.
pub const NAME: &CStr = c"os.conf";
/// The folder that it lies in, at the top of the partition.
pub const FOLDER: &CStr = c"aliyun_custom_image";

/// Where os.conf is, or would be.
pub struct Place<S: Sys> {
    /// The folder; none, if the partition has none, or `--conf` names one that is
    /// not there.
    pub folder: Option<S::Fd>,
    /// The name in it.
    pub name: Path,
    /// The folder's path, for messages.
    pub shown: Path,
}

/// A device, as major and minor number.
pub type Device = (u32, u32);

/// What speaks for or against a mounted file system.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It is the first partition of the disk of the root.
    Taken,
    /// The disk has a partition before it, of this number.
    NotFirst(u32),
    /// It is on another disk than the root.
    OtherDisk,
    /// Which disk the root is on is not known, and there are several.
    UnknownDisk,
    /// Something else is mounted over it.
    Hidden,
}

impl Verdict {
    /// Writes why.
    pub fn describe(self, out: &mut Buf<'_>) {
        match self {
            Self::Taken => put!(out, "first partition of the root's disk"),
            Self::NotFirst(first) => put!(
                out,
                "not the first partition of its disk, which is number {}",
                first
            ),
            Self::OtherDisk => put!(out, "on another disk than the root file system"),
            Self::UnknownDisk => put!(
                out,
                "first partition of one of several disks, and it is not known which the root is on"
            ),
            Self::Hidden => put!(out, "something else is mounted over it"),
        }
    }
}

/// A mounted partition, judged.
pub struct Candidate<'m> {
    /// The mount.
    pub mount: Mount<'m>,
    on: OnDisk,
    /// The judgement.
    pub verdict: Verdict,
}

/// Where on a disk a device is.
struct OnDisk {
    disk: Device,
    /// The number of the first partition of the disk, if this is another.
    first: Option<u32>,
}

/// Finds the folder of os.conf, or says why not. `look` is shown what was thought
/// of each mounted partition, if these are looked at.
///
/// # Errors
/// There is none; it was said why.
pub fn find<S: Sys>(run: &Run<'_, S>, look: &dyn Fn(&Candidate<'_>)) -> Result<Place<S>, ()> {
    if let Some(conf) = &run.settings.conf {
        return named(run, conf);
    }
    let mut space = run.sys.map(MOUNT_BYTES).map_err(|errno| {
        run.log
            .fault(Level::Error, "locate", &[], Fault::Kernel(errno), "");
    })?;
    let text = run.read_mounts(&mut space);
    if text.is_empty() {
        run.log.error("locate", &|out| {
            put!(out, "/proc/self/mountinfo cannot be read: mount /proc first, or name the file with --conf");
        });
        return Err(());
    }
    let candidates = candidates(run, text);
    candidates.iter().for_each(look);
    match candidates
        .iter()
        .find(|candidate| candidate.verdict == Verdict::Taken)
    {
        Some(taken) => place_on(run, &taken.mount),
        None => {
            say_none(run, &candidates);
            Err(())
        }
    }
}

/// The place that `--conf` names.
fn named<S: Sys>(run: &Run<'_, S>, conf: &Path) -> Result<Place<S>, ()> {
    let (shown, name) = (conf.folder(), Path::from(conf.name()));
    let folder = optional(run.sys.open_folder(shown.as_c_str()))
        .map_err(|errno| cannot_open(run, &shown, errno))?;
    if folder.is_none() {
        run.log.error("locate", &|out| {
            put!(out, "no folder ");
            out.push(shown.as_bytes());
            put!(out, ": name an os.conf that is there");
        });
        return Err(());
    }
    Ok(Place {
        folder,
        name,
        shown,
    })
}

/// Room for /proc/self/mountinfo.
pub const MOUNT_BYTES: usize = 64 * 1024;

fn say_none<S: Sys>(run: &Run<'_, S>, candidates: &[Candidate<'_>]) {
    run.log.error("locate", &|out| match &run.settings.device {
        Some(device) => {
            out.push(device.as_bytes());
            put!(out, " is not a block device that is mounted: mount it first");
        }
        None => put!(out, "the first partition of the root's disk is not mounted: mount it, or name the file with --conf"),
    });
    for candidate in candidates {
        run.log.notice("locate", &|out| {
            put!(out, "not ");
            out.push(candidate.mount.point);
            put!(out, ": ");
            candidate.verdict.describe(out);
        });
    }
}

fn cannot_open<S: Sys>(run: &Run<'_, S>, path: &Path, errno: Errno) {
    let what = &[path.as_bytes(), b" cannot be opened"];
    run.log
        .fault(Level::Error, "locate", what, Fault::Kernel(errno), "");
}

/// Opens the folder on a mounted partition.
fn place_on<S: Sys>(run: &Run<'_, S>, mount: &Mount<'_>) -> Result<Place<S>, ()> {
    let point = mount_point(mount).ok_or(())?;
    let partition = run
        .sys
        .open_folder(point.as_c_str())
        .map_err(|errno| cannot_open(run, &point, errno))?;
    let separator: &[u8] = if point.as_bytes().ends_with(b"/") {
        b""
    } else {
        b"/"
    };
    let shown = Path::new(&[point.as_bytes(), separator, FOLDER.to_bytes()]).ok_or(())?;
    let folder = optional(run.sys.open(&partition, FOLDER, Access::Folder))
        .map_err(|errno| cannot_open(run, &shown, errno))?;
    Ok(Place {
        folder,
        name: Path::from(NAME),
        shown,
    })
}

fn mount_point(mount: &Mount<'_>) -> Option<Path> {
    let path = mount.path()?;
    Path::new(&[path.get(..path.len() - 1)?])
}

/// All mounted partitions, judged, each once.
fn candidates<'m, S: Sys>(run: &Run<'_, S>, text: &'m [u8]) -> Vec<Candidate<'m>, MOUNTS> {
    let wanted = wanted_disk(run, text);
    let mut found = Vec::<Candidate<'m>, MOUNTS>::new();
    for mount in mounts(text) {
        if mount.root == b"/"
            && !found.iter().any(|known| known.mount.device == mount.device)
            && let Some(on) = on_disk(run, mount.device)
        {
            // A machine with more mounts than this is no longer booting.
            let _ = found.push(Candidate {
                mount,
                on,
                verdict: Verdict::Hidden,
            });
        }
    }
    let mut disks = found
        .iter()
        .filter(|one| one.on.first.is_none())
        .map(|one| one.on.disk);
    let only = disks
        .next()
        .filter(|disk| disks.all(|other| other == *disk));
    for Candidate { mount, on, verdict } in &mut found {
        if is_visible(run, mount) {
            *verdict = match (on.first, wanted) {
                (_, Wanted::Device(device)) if device == mount.device => Verdict::Taken,
                (_, Wanted::Device(_)) => Verdict::OtherDisk,
                (Some(first), _) => Verdict::NotFirst(first),
                (_, Wanted::Disk(disk)) if disk == on.disk => Verdict::Taken,
                (_, Wanted::Disk(_)) => Verdict::OtherDisk,
                (_, Wanted::Unknown) if only == Some(on.disk) => Verdict::Taken,
                (_, Wanted::Unknown) => Verdict::UnknownDisk,
            };
        }
    }
    found
}

/// What is looked for.
#[derive(Clone, Copy)]
enum Wanted {
    /// This very device, by `--device`.
    Device(Device),
    /// The first partition of this disk.
    Disk(Device),
    /// The root is in memory, or on something that is no partition of a disk.
    Unknown,
}

fn wanted_disk<S: Sys>(run: &Run<'_, S>, text: &[u8]) -> Wanted {
    if let Some(path) = &run.settings.device {
        // A device that is not there matches none.
        return Wanted::Device(special(run, path).unwrap_or((0, 0)));
    }
    let root = run
        .sys
        .meta(&run.root)
        .map_or((0, 0), |meta| split(meta.device));
    // Some file systems (btrfs) are no device themselves and name one.
    let device = if root.0 == 0 {
        let is_root =
            |mount: &Mount<'_>| mount.device == root && mount.source.starts_with(b"/dev/");
        let source = mounts(text)
            .find(is_root)
            .and_then(|mount| Path::new(&[mount.source]));
        source.and_then(|path| special(run, &path))
    } else {
        Some(root)
    };
    match device.and_then(|device| on_disk(run, device)) {
        Some(on) => Wanted::Disk(on.disk),
        None => Wanted::Unknown,
    }
}

/// The number of the block device that `path` names.
fn special<S: Sys>(run: &Run<'_, S>, path: &Path) -> Option<Device> {
    // Links are followed, such as those in /dev/disk.
    let base = if path.as_bytes().starts_with(b"/") {
        c"/"
    } else {
        c"."
    };
    let base = run.sys.open_folder(base).ok()?;
    let fd = run
        .sys
        .open_below(&base, path.as_c_str(), Access::Look)
        .ok()?;
    let meta = run.sys.meta(&fd).ok()?;
    (meta.kind == Kind::Other).then(|| split(meta.special))
}

/// Whether the mount point leads to the file system that is mounted there.
fn is_visible<S: Sys>(run: &Run<'_, S>, mount: &Mount<'_>) -> bool {
    if let Some(point) = mount_point(mount)
        && let Ok(folder) = run.sys.open_folder(point.as_c_str())
        && let Ok(meta) = run.sys.meta(&folder)
    {
        return split(meta.device) == mount.device;
    }
    false
}

/// Major and minor number, as makedev(3) of Linux joins them.
#[allow(
    clippy::cast_possible_truncation,
    reason = "each field is 32 bits at most"
)]
pub const fn split(device: u64) -> Device {
    let major = (device >> 8 & 0xfff) | (device >> 32 & 0xffff_f000);
    let minor = (device & 0xff) | (device >> 12 & 0xffff_ff00);
    (major as u32, minor as u32)
}

/// Asks sysfs which disk a device is on (Documentation/ABI/testing/sysfs-block).
fn on_disk<S: Sys>(run: &Run<'_, S>, device: Device) -> Option<OnDisk> {
    let mut bytes = [0; PATH_BYTES];
    let mut path = Buf::new(&mut bytes);
    put!(path, "/sys/dev/block/{}:{}", device.0, device.1);
    let own = Path::new(&[path.as_bytes()])?;
    let folder = run.sys.open_folder(own.as_c_str()).ok()?;
    let Some(number) = read_number(run, &folder) else {
        return Some(OnDisk {
            disk: device,
            first: None,
        });
    };
    // The kernel follows the link before it goes up, so this is the disk.
    let parent = Path::new(&[own.as_bytes(), b"/.."])?;
    let parent = run.sys.open_folder(parent.as_c_str()).ok()?;
    let mut space = [0; 32];
    let text = read_into(
        run.sys,
        run.sys.open(&parent, c"dev", Access::Read),
        &mut space,
    );
    let (major, minor) = split_once(text.trim_ascii(), b':')?;
    let disk = (decimal(major)?, decimal(minor)?);
    let mut lowest = number;
    let _ = run.sys.list(&parent, &mut |name| {
        if let Ok(child) = run.sys.open(&parent, name, Access::Folder) {
            lowest = lowest.min(read_number(run, &child).unwrap_or(lowest));
        }
        true
    });
    Some(OnDisk {
        disk,
        first: (lowest != number).then_some(lowest),
    })
}

/// The number of a partition.
fn read_number<S: Sys>(run: &Run<'_, S>, folder: &S::Fd) -> Option<u32> {
    let mut space = [0; 16];
    let file = run.sys.open(folder, c"partition", Access::Read);
    decimal(read_into(run.sys, file, &mut space).trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_number_splits_as_the_c_library_joins_it() {
        assert_eq!(split(0xfe01), (254, 1));
        assert_eq!(split(0x0010_0801), (8, 257));
        assert_eq!(split(0x0000_1000_0000_0000), (0x1000, 0));
    }
}
