//! Finding the partition that ECS writes os.conf to.
//!
//! It is the first partition of the disk that holds the root file system. A data
//! disk never wins, whatever lies on it: its os.conf is somebody else's.

use super::disks::{self, Block, Blocks, Device};
use super::mounting::{self, Mounted};
use super::run::Run;
use crate::error::Fault;
use crate::log::Level;
use crate::partition::Spec;
use crate::sys::files::optional;
use crate::sys::{FileSystem, Sys};
use crate::system::{Mount, mounts};
use crate::text::{Buf, put};
use crate::value::Path;
use core::ffi::CStr;
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
    /// What was mounted for it, and must be left as it was.
    pub mounted: Mounted<S>,
}

/// What the place is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// To look: nothing may be written, not even the journal.
    Look,
    /// To apply and destroy what is there.
    Apply,
}

/// What speaks for or against a partition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It is the first partition of the disk of the root.
    First,
    /// It is what `--device` names.
    Named,
    /// The disk has a partition before it, of this number.
    NotFirst(u32),
    /// The disk has partitions, so it is none itself.
    Divided,
    /// It is on another disk than the root.
    OtherDisk,
    /// It is not what `--device` names.
    NotNamed,
    /// Which disk the root is on is not known, and there are several.
    UnknownDisk,
}

impl Verdict {
    /// Whether it is taken.
    #[must_use]
    pub const fn is_taken(self) -> bool {
        matches!(self, Self::First | Self::Named)
    }

    /// Writes why.
    pub fn describe(self, out: &mut Buf<'_>) {
        let text = match self {
            Self::NotFirst(first) => {
                return put!(
                    out,
                    "not the first partition of its disk, which is number {}",
                    first
                );
            }
            Self::First => "first partition of the root's disk",
            Self::Named => "named by --device",
            Self::Divided => "a disk with partitions",
            Self::OtherDisk => "on another disk than the root file system",
            Self::NotNamed => "not the device that was named",
            Self::UnknownDisk => {
                "it is not known which disk the root is on, and there is not just one"
            }
        };
        put!(out, "{}", text);
    }
}

/// A partition, judged.
pub struct Candidate<'b, 'm> {
    /// The partition.
    pub block: &'b Block,
    /// Where it is mounted, if it can be reached there.
    pub mount: Option<Mount<'m>>,
    /// The judgement.
    pub verdict: Verdict,
}

/// How often it is looked whether a device has come, in milliseconds.
const POLL: u32 = 100;

/// Finds the folder of os.conf, or says why not; waits for a device for so many
/// seconds. `look` is shown what was thought of each partition, if these are
/// looked at.
///
/// # Errors
/// There is none; it was said why.
pub fn find<S: Sys>(
    run: &Run<'_, S>,
    purpose: Purpose,
    wait: u32,
    look: &dyn Fn(&Candidate<'_, '_>),
) -> Result<Place<S>, ()> {
    match &run.settings.conf {
        Some(conf) => named(run, conf),
        None => search(run, purpose, wait, look),
    }
}

/// Searches for it. Who has no use for the list of all disks does not pay for it.
#[inline(never)]
fn search<S: Sys>(
    run: &Run<'_, S>,
    purpose: Purpose,
    wait: u32,
    look: &dyn Fn(&Candidate<'_, '_>),
) -> Result<Place<S>, ()> {
    let mut left = wait.saturating_mul(1000);
    let (blocks, wanted, text) = loop {
        let text = run.read_mounts().map_err(|errno| {
            run.log
                .fault(Level::Error, "locate", &[], Fault::Kernel(errno), "");
        })?;
        let blocks = disks::all(run);
        let wanted = wanted(run, &blocks, &text);
        if !wanted.may_come() || left == 0 {
            break (blocks, wanted, text);
        }
        run.sys.sleep(POLL);
        left = left.saturating_sub(POLL);
    };
    let mut taken = None;
    for block in &blocks {
        let candidate = Candidate {
            block,
            mount: mounts(&text).find(|mount| is_at_hand(run, mount, block.device)),
            verdict: wanted.judge(&blocks, block),
        };
        look(&candidate);
        if candidate.verdict.is_taken() && taken.replace(candidate).is_some() {
            run.log.error("locate", &|out| {
                put!(
                    out,
                    "several partitions are what --device names: name one that is not like another"
                );
            });
            return Err(());
        }
    }
    match taken {
        Some(taken) => mounting::place(run, &taken, purpose),
        None => {
            say_none(run, &blocks, &wanted);
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
        mounted: Mounted::nothing(),
    })
}

fn say_none<S: Sys>(run: &Run<'_, S>, blocks: &Blocks, wanted: &Wanted) {
    run.log.error("locate", &|out| match wanted {
        Wanted::Spec(..) => {
            put!(out, "no disk or partition is ");
            if let Some(device) = &run.settings.device {
                out.push(device.as_bytes());
            }
            put!(out, ": name one that osconf locate lists");
        }
        _ if blocks.is_empty() => put!(out, "no disk is there: mount /sys, load the disk's driver, or name the file with --conf"),
        _ => put!(out, "which disk the root file system is on is not known: name the first partition with --device, or the file with --conf"),
    });
    for block in blocks {
        run.log.notice("locate", &|out| {
            put!(out, "not /dev/");
            out.push(&block.name);
            put!(out, ": ");
            wanted.judge(blocks, block).describe(out);
        });
    }
}

/// Says that a folder cannot be opened.
pub fn cannot_open<S: Sys>(run: &Run<'_, S>, path: &Path, errno: Errno) {
    let what = &[path.as_bytes(), b" cannot be opened"];
    run.log
        .fault(Level::Error, "locate", what, Fault::Kernel(errno), "");
}

/// What is looked for.
enum Wanted {
    /// These devices, which `--device` names.
    Spec(heapless::Vec<Device, 2>),
    /// The first partition of this disk.
    Disk(Device),
    /// The same, of a disk on which there is nothing yet: the kernel shows it before
    /// it has read its table (device_add_disk in block/genhd.c).
    Bare(Device),
    /// The first partition of a disk that is not there yet.
    Later,
    /// It is not known.
    Unknown,
}

impl Wanted {
    /// Whether it is worth while to wait.
    fn may_come(&self) -> bool {
        match self {
            Self::Spec(devices) => devices.is_empty(),
            Self::Later | Self::Bare(_) => true,
            Self::Disk(_) | Self::Unknown => false,
        }
    }

    fn judge(&self, blocks: &[Block], block: &Block) -> Verdict {
        let first = blocks
            .iter()
            .filter(|other| other.disk == block.disk)
            .filter_map(|other| other.number)
            .min();
        match self {
            Self::Spec(devices) if devices.contains(&block.device) => Verdict::Named,
            Self::Spec(_) => Verdict::NotNamed,
            Self::Disk(disk) | Self::Bare(disk) if *disk != block.disk => Verdict::OtherDisk,
            _ => match (first, block.number) {
                (Some(first), Some(number)) if first != number => Verdict::NotFirst(first),
                (Some(_), None) => Verdict::Divided,
                _ if matches!(self, Self::Disk(_) | Self::Bare(_)) => Verdict::First,
                _ => Verdict::UnknownDisk,
            },
        }
    }
}

fn wanted<S: Sys>(run: &Run<'_, S>, blocks: &Blocks, text: &[u8]) -> Wanted {
    let mut devices = heapless::Vec::new();
    if let Some(spec) = &run.settings.device {
        let spec = Spec::parse(spec.as_bytes());
        for block in blocks {
            if disks::is_meant(run, blocks, block, &spec) {
                // Two are as bad as more.
                let _ = devices.push(block.device);
            }
        }
        return Wanted::Spec(devices);
    }
    if let Some(disk) = root_device(run, text).and_then(|root| disks::disk_below(run, blocks, root))
    {
        return Wanted::Disk(disk);
    }
    let is_in_ram = matches!(run.sys.file_system(&run.root), Ok(FileSystem::Ram));
    if is_in_ram && let Some(disk) = disk_of_kernel_line(run, blocks) {
        return disk;
    }
    let mut fixed = blocks.iter().filter(|block| block.is_fixed);
    match (fixed.next(), fixed.next()) {
        (Some(only), None) => {
            let is_alone = !blocks
                .iter()
                .any(|block| block.disk == only.device && block.number.is_some());
            if is_in_ram && is_alone && disks::file_system(run, only).is_none() {
                Wanted::Bare(only.device)
            } else {
                Wanted::Disk(only.device)
            }
        }
        // The driver of the disk may not be there yet.
        (None, None) if is_in_ram => Wanted::Later,
        _ => Wanted::Unknown,
    }
}

/// The device that holds the root file system; of an overlay, its upper layer.
fn root_device<S: Sys>(run: &Run<'_, S>, text: &[u8]) -> Option<Device> {
    let meta = run.sys.meta(&run.root).ok()?;
    let device = disks::split(meta.device);
    if device.0 != 0 {
        return Some(device);
    }
    let mount = mounts(text).find(|mount| mount.device == device)?;
    if let Some(upper) = mount.upper_folder() {
        let path = CStr::from_bytes_until_nul(&upper).ok()?;
        let folder = run.sys.open_folder(path).ok()?;
        let meta = run.sys.meta(&folder).ok()?;
        return Some(disks::split(meta.device));
    }
    // btrfs is no device itself, and names one.
    disks::special(run, &Path::new(&[mount.source])?)
}

/// In an initramfs, the disk of `root=` on the kernel's command line.
fn disk_of_kernel_line<S: Sys>(run: &Run<'_, S>, blocks: &Blocks) -> Option<Wanted> {
    let spec = Spec::parse(run.settings.boot_root.as_ref()?.as_bytes());
    let block = blocks
        .iter()
        .find(|block| disks::is_meant(run, blocks, block, &spec));
    Some(match block {
        Some(block) => Wanted::Disk(disks::disk_below(run, blocks, block.device)?),
        None => Wanted::Later,
    })
}

/// Whether the file system of a device can be reached by this mount: nothing is
/// mounted over it, and all of it is there.
fn is_at_hand<S: Sys>(run: &Run<'_, S>, mount: &Mount<'_>, device: Device) -> bool {
    if mount.device == device
        && mount.root == b"/"
        && let Some(point) = mount.point()
        && let Ok(folder) = run.sys.open_folder(point.as_c_str())
        && let Ok(meta) = run.sys.meta(&folder)
    {
        return disks::split(meta.device) == device;
    }
    false
}
