//! Every disk and partition of the machine, by sysfs (Documentation/ABI/stable/
//! sysfs-block) and by what is written on them.

use super::run::Run;
use crate::limits::{BLOCK_NAME_BYTES, BLOCKS, PATH_BYTES};
use crate::partition::{self, FileSystem, Label, Spec, Uuid};
use crate::sys::files::read_into;
use crate::sys::{Access, Kind, Sys};
use crate::text::lines::lines;
use crate::text::split::split_once;
use crate::text::{Buf, put};
use crate::value::Path;
use crate::value::ipv4::{decimal, decimal_long};
use core::ffi::CStr;
use heapless::Vec;

/// A device, as major and minor number.
pub type Device = (u32, u32);

/// A disk, or a partition of one.
pub struct Block {
    /// Its number.
    pub device: Device,
    /// Its name below `/dev`.
    pub name: Vec<u8, BLOCK_NAME_BYTES>,
    /// The disk that it is on, or is.
    pub disk: Device,
    /// The number of the partition; none, if it is a disk.
    pub number: Option<u32>,
    /// Bytes.
    pub size: u64,
    /// Whether it is a disk that stays in the machine: no image, no RAM, nothing
    /// that is put together from others, and nothing that can be taken out.
    pub is_fixed: bool,
}

/// All of them.
pub type Blocks = Vec<Block, BLOCKS>;

/// Asks sysfs for all block devices that have anything on them.
pub fn all<S: Sys>(run: &Run<'_, S>) -> Blocks {
    let mut blocks = Blocks::new();
    if let Ok(folder) = run.sys.open_folder(c"/sys/class/block") {
        let _ = run.sys.list(&folder, &mut |name| {
            if let Some(path) = Path::new(&[b"/sys/class/block/", name.to_bytes()])
                && let Some(block) = block(run, &path)
            {
                // By disk and number. Sorting them afterwards would be 1.6 KiB of code.
                let key = (block.disk, block.number);
                let is_behind = |other: &Block| (other.disk, other.number) > key;
                let index = blocks.iter().position(is_behind);
                // A machine with more of them is none that an image is made for.
                let _ = blocks.insert(index.unwrap_or(blocks.len()), block);
            }
            true
        });
    }
    blocks
}

/// An extended partition, which holds others, is shown by the kernel as no more than
/// two blocks, or one of the largest (msdos_partition in block/partitions/msdos.c).
/// Nothing that is so small holds a file system.
const EXTENDED_BYTES: u64 = 4096;

/// The device that this folder of sysfs is about.
fn block<S: Sys>(run: &Run<'_, S>, path: &Path) -> Option<Block> {
    let folder = run.sys.open_folder(path.as_c_str()).ok()?;
    let mut space = [0; 512];
    let text = read_into(
        run.sys,
        run.sys.open(&folder, c"uevent", Access::Read),
        &mut space,
    );
    let value = |key: &[u8]| {
        lines(text).find_map(|line| {
            let (name, value) = split_once(line.text, b'=')?;
            (name == key).then_some(value)
        })
    };
    let device = (decimal(value(b"MAJOR")?)?, decimal(value(b"MINOR")?)?);
    let number = read_number(run, &folder, c"partition").and_then(|n| u32::try_from(n).ok());
    let size = read_number(run, &folder, c"size")? * 512;
    if size <= EXTENDED_BYTES {
        return None;
    }
    let has_device = run.sys.meta_of(&folder, c"device").is_ok();
    let disk = match number {
        // The kernel follows the link before it goes up, so this is the disk.
        Some(_) => device_in(run, &Path::new(&[path.as_bytes(), b"/.."])?)?,
        None => device,
    };
    Some(Block {
        device,
        name: Vec::from_slice(value(b"DEVNAME")?).ok()?,
        disk,
        number,
        size,
        is_fixed: number.is_none()
            && has_device
            && read_number(run, &folder, c"removable") == Some(0),
    })
}

/// A number that a file of sysfs holds: a disk may have more than 2^32 blocks.
fn read_number<S: Sys>(run: &Run<'_, S>, folder: &S::Fd, name: &CStr) -> Option<u64> {
    let mut space = [0; 24];
    let file = run.sys.open(folder, name, Access::Read);
    let text = read_into(run.sys, file, &mut space).trim_ascii();
    decimal_long(text).and_then(|number| u64::try_from(number).ok())
}

/// The number in the file `dev` of a folder.
fn device_in<S: Sys>(run: &Run<'_, S>, path: &Path) -> Option<Device> {
    let path = Path::new(&[path.as_bytes(), b"/dev"])?;
    let mut space = [0; 32];
    let file = run.sys.open_file(path.as_c_str());
    let text = read_into(run.sys, file, &mut space).trim_ascii();
    let (major, minor) = split_once(text, b':')?;
    Some((decimal(major)?, decimal(minor)?))
}

/// Devices that are made of others are looked through so many times.
const DEPTH: usize = 8;

/// The disk below a device: of an encrypted or logical volume, the one that all of
/// it lies on, if there is just one.
pub fn disk_below<S: Sys>(run: &Run<'_, S>, blocks: &[Block], device: Device) -> Option<Device> {
    let mut device = device;
    for _ in 0..DEPTH {
        let block = blocks.iter().find(|block| block.device == device)?;
        if block.number.is_some() {
            return Some(block.disk);
        }
        match below(run, device) {
            Below::Nothing => return Some(device),
            Below::One(next) => device = next,
            Below::Several => return None,
        }
    }
    None
}

enum Below {
    Nothing,
    One(Device),
    Several,
}

/// What a device is made of: those that lie on one disk count as one.
fn below<S: Sys>(run: &Run<'_, S>, device: Device) -> Below {
    let mut bytes = [0; PATH_BYTES];
    let mut text = Buf::new(&mut bytes);
    put!(text, "/sys/dev/block/{}:{}/slaves", device.0, device.1);
    let Some(path) = Path::new(&[text.as_bytes()]) else {
        return Below::Nothing;
    };
    let Ok(folder) = run.sys.open_folder(path.as_c_str()) else {
        return Below::Nothing;
    };
    let mut found = Below::Nothing;
    let _ = run.sys.list(&folder, &mut |name| {
        let path = Path::new(&[path.as_bytes(), b"/", name.to_bytes()]);
        if let Some(device) = path.and_then(|path| device_in(run, &path)) {
            found = match found {
                Below::Nothing => Below::One(device),
                _ => Below::Several,
            };
        }
        true
    });
    found
}

/// A block device that is open, and the path that leads to it.
pub struct Node<S: Sys> {
    /// The open device.
    pub fd: S::Fd,
    /// Its path.
    pub path: Path,
    /// The folder in which it must be removed again, since it was made here.
    made_in: Option<S::Fd>,
}

impl<S: Sys> Node<S> {
    /// Opens a device, by the node that devtmpfs made, or by one of our own where
    /// `/dev` is bare.
    ///
    /// # Errors
    /// What mknod(2) or open(2) says.
    pub fn open(run: &Run<'_, S>, block: &Block) -> crate::sys::Result<Self> {
        let dev = run.sys.open_folder(c"/dev")?;
        let open = |name: &Path| {
            let fd = run.sys.open_below(&dev, name.as_c_str(), Access::Read)?;
            let meta = run.sys.meta(&fd)?;
            let is_it = meta.kind == Kind::Other && split(meta.special) == block.device;
            if is_it {
                Ok(fd)
            } else {
                Err(rustix::io::Errno::NOENT)
            }
        };
        let path_of = |name: &Path| Path::new(&[b"/dev/", name.as_bytes()]);
        if let Some(name) = Path::new(&[&block.name])
            && let Some(path) = path_of(&name)
        {
            match open(&name) {
                Ok(fd) => {
                    return Ok(Self {
                        fd,
                        path,
                        made_in: None,
                    });
                }
                // It is there and refuses: another node of it would, too.
                Err(errno) if errno != rustix::io::Errno::NOENT => return Err(errno),
                Err(_) => {}
            }
        }
        let mut bytes = [0; 40];
        let mut name = Buf::new(&mut bytes);
        put!(name, ".osconf-{}-{}", block.device.0, block.device.1);
        let (Some(name), Some(path)) = (
            Path::new(&[name.as_bytes()]),
            Path::new(&[b"/dev/", name.as_bytes()]),
        ) else {
            return Err(rustix::io::Errno::NAMETOOLONG);
        };
        // One that a killed run left.
        let _ = run.sys.unlink(&dev, name.as_c_str());
        run.sys
            .make_node(&dev, name.as_c_str(), join(block.device))?;
        let fd = open(&name);
        if fd.is_err() {
            let _ = run.sys.unlink(&dev, name.as_c_str());
        }
        Ok(Self {
            fd: fd?,
            path,
            made_in: Some(dev),
        })
    }

    /// Removes the node, if it was made here. What was opened or mounted by it stays.
    pub fn close(self, run: &Run<'_, S>) {
        if let Some(dev) = &self.made_in {
            let _ = run.sys.unlink(dev, self.path.name());
        }
    }

    /// Reads all that there is room for.
    pub fn reader<'r>(&'r self, run: &'r Run<'_, S>) -> impl FnMut(u64, &mut [u8]) -> bool + 'r {
        reader(run, &self.fd)
    }
}

/// What reads all that there is room for, from a device or an image of one.
pub fn reader<'r, S: Sys>(
    run: &'r Run<'_, S>,
    fd: &'r S::Fd,
) -> impl FnMut(u64, &mut [u8]) -> bool + 'r {
    move |offset, bytes| {
        let mut done = 0;
        while let Some(rest) = bytes.get_mut(done..).filter(|rest| !rest.is_empty()) {
            let at = offset.saturating_add(done as u64);
            match run.sys.read_at(fd, rest, at) {
                Ok(count @ 1..) => done += count,
                _ => return false,
            }
        }
        true
    }
}

/// The file system on a device, if it can be read and is one that is known.
pub fn file_system<S: Sys>(run: &Run<'_, S>, block: &Block) -> Option<FileSystem> {
    let node = Node::open(run, block).ok()?;
    let found = partition::file_system(&mut node.reader(run));
    node.close(run);
    found
}

/// UUID and label that the partition table of its disk gives a partition.
fn table_names<S: Sys>(run: &Run<'_, S>, blocks: &[Block], block: &Block) -> (Uuid, Label) {
    let mut names = (Uuid::new(), Label::new());
    let disk = blocks.iter().find(|disk| disk.device == block.disk);
    if let Some(disk) = disk
        && let Some(number) = block.number
        && let Ok(node) = Node::open(run, disk)
    {
        let mut read = node.reader(run);
        partition::all(&mut read, disk.size, &mut |entry| {
            if entry.number == number {
                names = (entry.uuid.clone(), entry.label.clone());
            }
        });
        drop(read);
        node.close(run);
    }
    names
}

/// Whether `spec` means this device.
pub fn is_meant<S: Sys>(
    run: &Run<'_, S>,
    blocks: &[Block],
    block: &Block,
    spec: &Spec<'_>,
) -> bool {
    match spec {
        Spec::Path(path) => {
            Path::new(&[path]).and_then(|path| special(run, &path)) == Some(block.device)
        }
        Spec::Uuid(_) | Spec::Label(_) => {
            let found = file_system(run, block);
            spec.is(found.as_ref(), b"", b"")
        }
        Spec::PartUuid(_) | Spec::PartLabel(_) => {
            let (uuid, label) = table_names(run, blocks, block);
            spec.is(None, &uuid, &label)
        }
    }
}

/// Opens what somebody named: a path of the machine that runs, not of the root. Links
/// are followed, such as those in /dev/disk.
pub fn open_outside<S: Sys>(
    run: &Run<'_, S>,
    path: &CStr,
    access: Access,
) -> crate::sys::Result<S::Fd> {
    let base = match path.to_bytes() {
        [b'/', ..] => c"/",
        _ => c".",
    };
    let base = run.sys.open_folder(base)?;
    run.sys.open_below(&base, path, access)
}

/// The number of the block device that `path` names.
pub fn special<S: Sys>(run: &Run<'_, S>, path: &Path) -> Option<Device> {
    let fd = open_outside(run, path.as_c_str(), Access::Look).ok()?;
    let meta = run.sys.meta(&fd).ok()?;
    (meta.kind == Kind::Other).then(|| split(meta.special))
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

/// The other way round.
const fn join((major, minor): Device) -> u64 {
    let (major, minor) = (major as u64, minor as u64);
    (major & 0xfff) << 8 | (major & !0xfff) << 32 | (minor & 0xff) | (minor & !0xff) << 12
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_number_splits_as_the_c_library_joins_it() {
        for (number, device) in [
            (0xfe01, (254, 1)),
            (0x0010_0801, (8, 257)),
            (0x0000_1000_0000_0000, (0x1000, 0)),
        ] {
            assert_eq!(split(number), device);
            assert_eq!(join(device), number);
        }
    }
}
