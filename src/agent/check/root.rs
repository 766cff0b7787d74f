//! The root, and the machine around it, as `check` looks at them.

use crate::agent::disks::{self, Block, Blocks, Device};
use crate::agent::locate::{self, MOUNT_BYTES, Purpose};
use crate::agent::run::Run;
use crate::check::{Disk, Look, Mounted, Seen, Space, Unseen};
use crate::install;
use crate::partition::Spec;
use crate::sys::files::{self, Last};
use crate::sys::{Access, Kind, Sys};
use crate::system::mounts;
use crate::text::assignments;
use crate::text::{Buf, put};
use core::ffi::CStr;
use rustix::io::Errno;

/// Bytes of a file that are looked at: a longer one is none that was written by
/// hand, nor a list of modules.
const FILE_BYTES: u64 = 8 << 20;

/// The root of a run.
pub struct Root<'r, 'a, S: Sys> {
    run: &'r Run<'a, S>,
    blocks: Blocks,
    /// The device that holds the root, if the root is all of a file system.
    device: Option<Device>,
}

impl<'r, 'a, S: Sys> Root<'r, 'a, S> {
    /// Looks at what the kernel tells of disks.
    pub fn new(run: &'r Run<'a, S>) -> Self {
        Self {
            run,
            blocks: disks::all(run),
            device: device_of(run),
        }
    }

    fn block(&self) -> Seen<&Block> {
        let device = self.device.ok_or(Unseen::Hidden)?;
        let mut all = self.blocks.iter();
        all.find(|block| block.device == device)
            .ok_or(Unseen::Hidden)
    }

    /// The disk of the root, of all devices.
    fn disk_block(&self) -> Seen<&Block> {
        let device = self.device.ok_or(Unseen::Hidden)?;
        let disk = disks::disk_below(self.run, &self.blocks, device).ok_or(Unseen::Hidden)?;
        let mut all = self.blocks.iter();
        all.find(|block| block.device == disk).ok_or(Unseen::Hidden)
    }

    /// What the import form of ECS calls this system, and the two numbers of its
    /// version, each on a line.
    pub fn name_system(&self, out: &mut Buf<'_>) {
        let seen = self.read(c"etc/os-release", &mut |text| {
            let get = |key| assignments::get(text, key).unwrap_or_default();
            let id = get("ID");
            let known = SYSTEMS.iter().find(|(name, _)| name.as_bytes() == id);
            out.push(known.map_or(get("NAME"), |(_, name)| name.as_bytes()));
            let mut numbers = get("VERSION_ID").split(|&byte| byte == b'.');
            for _ in 0..2 {
                put!(out, "\n");
                out.push(numbers.next().unwrap_or_default());
            }
        });
        if seen.is_err() {
            put!(out, "Customized Linux\n\n");
        }
    }
}

/// What os-release(5) calls a system, and what the import form does.
const SYSTEMS: [(&str, &str); 14] = [
    ("alinux", "Aliyun"),
    ("almalinux", "AlmaLinux"),
    ("anolis", "Anolis"),
    ("centos", "CentOS"),
    ("coreos", "CoreOS"),
    ("debian", "Debian"),
    ("fedora", "Fedora"),
    ("gentoo", "Gentoo"),
    ("opensuse-leap", "OpenSUSE"),
    ("opensuse-tumbleweed", "OpenSUSE"),
    ("rhel", "RedHat"),
    ("rocky", "Rocky Linux"),
    ("sles", "SUSE"),
    ("ubuntu", "Ubuntu"),
];

/// `EM_386`, `EM_X86_64`, `EM_AARCH64` of elf.h.
const MACHINES: [(u16, &str); 3] = [(3, "i386"), (62, "x86_64"), (183, "aarch64")];

/// The device that holds the root, if a whole file system is mounted there: of a
/// folder on some builder's disk, that disk is not the image's.
fn device_of<S: Sys>(run: &Run<'_, S>) -> Option<Device> {
    let here = run.sys.meta(&run.root).ok()?;
    if !run.settings.is_running_root() {
        let above = run.sys.open(&run.root, c"..", Access::Folder);
        let above = above.and_then(|above| run.sys.meta(&above)).ok()?;
        if above.device == here.device {
            return None;
        }
    }
    Some(disks::split(here.device))
}

fn unseen(errno: Errno) -> Unseen {
    match errno {
        Errno::NOENT | Errno::NOTDIR => Unseen::Nothing,
        _ => Unseen::Hidden,
    }
}

impl<S: Sys> Root<'_, '_, S> {
    fn open(&self, path: &CStr, access: Access) -> Seen<S::Fd> {
        let opened = self.run.sys.open_below(&self.run.root, path, access);
        opened.map_err(unseen)
    }

    fn open_file(&self, path: &CStr) -> Seen<(S::Fd, u64)> {
        let file = self.open(path, Access::Read)?;
        let meta = self.run.sys.meta(&file).map_err(unseen)?;
        match meta.kind {
            Kind::File => Ok((file, meta.size)),
            _ => Err(Unseen::Hidden),
        }
    }
}

impl<S: Sys> Look for Root<'_, '_, S> {
    fn kind(&self, path: &CStr) -> Seen<Kind> {
        let found = self.open(path, Access::Look)?;
        self.run
            .sys
            .meta(&found)
            .map(|meta| meta.kind)
            .map_err(unseen)
    }

    fn is_program(&self, path: &CStr) -> bool {
        let meta = self.run.meta_of(path);
        meta.is_some_and(|meta| meta.kind == Kind::File && meta.mode & 0o111 != 0)
    }

    fn read(&self, path: &CStr, each: &mut dyn FnMut(&[u8])) -> Seen<()> {
        let (file, size) = self.open_file(path)?;
        if size > FILE_BYTES {
            return Err(Unseen::Hidden);
        }
        let content = files::read(self.run.sys, &file, size).map_err(|_| Unseen::Hidden)?;
        each(&content);
        Ok(())
    }

    fn read_at(&self, path: &CStr, bytes: &mut [u8], offset: u64) -> Seen<usize> {
        let (file, _) = self.open_file(path)?;
        self.run.sys.read_at(&file, bytes, offset).map_err(unseen)
    }

    fn link(&self, path: &CStr, each: &mut dyn FnMut(&[u8])) -> Seen<()> {
        let spot = self.run.look_up(path, Last::Itself);
        let spot = spot.map_err(|_| Unseen::Nothing)?;
        let (Some(folder), Some(meta)) = (&spot.folder, spot.meta) else {
            return Err(Unseen::Nothing);
        };
        if meta.kind != Kind::Link {
            return Err(Unseen::Nothing);
        }
        let link = files::read_link(self.run.sys, folder, spot.path.name());
        each(&link.map_err(|_| Unseen::Hidden)?.content);
        Ok(())
    }

    fn list(&self, path: &CStr, each: &mut dyn FnMut(&CStr) -> bool) -> Seen<()> {
        let folder = self.open(path, Access::Folder)?;
        self.run.sys.list(&folder, each).map_err(unseen)
    }

    fn flags(&self, path: &CStr) -> Seen<u32> {
        let file = self.open(path, Access::Read)?;
        match self.run.sys.flags(&file) {
            // A file system without flags.
            Err(Errno::NOTTY | Errno::OPNOTSUPP | Errno::NOSYS) => Ok(0),
            other => other.map_err(unseen),
        }
    }

    fn space(&self) -> Seen<Space> {
        self.device.ok_or(Unseen::Hidden)?;
        let usage = self.run.sys.usage(&self.run.root).map_err(unseen)?;
        Ok(Space {
            bytes: usage.bytes,
            inodes: usage.inodes,
        })
    }

    fn disk(&self) -> Seen<Disk> {
        let disk = self.disk_block()?;
        let number = self.block().ok().and_then(|block| block.number);
        let mut all = self.blocks.iter();
        let first = all.find(|block| block.disk == disk.device && block.number.is_some());
        let first = disks::file_system(self.run, first.unwrap_or(disk));
        let (mut root, mut last, mut has_efi) = (None, 0, false);
        let scheme = disks::each_partition(self.run, disk, &mut |entry| {
            last = last.max(entry.start);
            has_efi |= entry.is_efi;
            if Some(entry.number) == number {
                root = Some(entry.start);
            }
        });
        Ok(Disk {
            size: disk.size,
            scheme,
            is_root_last: root.map(|start| start == last),
            has_efi,
            first: first.map(|found| found.kind),
            is_mapped: number.is_none() && self.device != Some(disk.device),
        })
    }

    fn mounted(&self, each: &mut dyn FnMut(Mounted<'_>)) -> Seen<()> {
        let device = self.device.ok_or(Unseen::Hidden)?;
        let found = self.block().ok();
        let found = found.and_then(|block| disks::file_system(self.run, block));
        let mut space = self.run.sys.map(MOUNT_BYTES).map_err(unseen)?;
        let text = self.run.read_mounts(&mut space);
        let mount = mounts(text).filter(|mount| mount.device == device).last();
        each(Mounted {
            kind: match (&found, mount) {
                (_, Some(mount)) => mount.kind,
                (Some(found), None) => found.kind.name().as_bytes(),
                (None, None) => return Err(Unseen::Hidden),
            },
            super_block: found.as_ref(),
        });
        Ok(())
    }

    fn architecture(&self) -> &'static str {
        let mut header = [0; 20];
        for path in crate::agent::install::PROGRAMS {
            if self.read_at(path, &mut header, 0) == Ok(header.len())
                && let Some([_, _, low, high]) = install::machine(&header)
            {
                let number = u16::from_le_bytes([low, high]);
                let known = MACHINES.iter().find(|(machine, _)| *machine == number);
                return known.map_or("unknown", |(_, name)| name);
            }
        }
        "unknown"
    }

    fn has_folder(&self) -> Seen<bool> {
        // Where the first partition may be mounted in a folder of a builder's.
        for path in [
            c"aliyun_custom_image",
            c"boot/aliyun_custom_image",
            c"boot/efi/aliyun_custom_image",
        ] {
            if self.kind(path) == Ok(Kind::Folder) {
                return Ok(true);
            }
        }
        self.device.ok_or(Unseen::Hidden)?;
        let place = locate::find(self.run, Purpose::Look, 0, &|_| {});
        place
            .map(|place| place.folder.is_some())
            .map_err(|()| Unseen::Hidden)
    }

    fn has_device(&self, spec: &Spec<'_>) -> Seen<bool> {
        self.device.ok_or(Unseen::Hidden)?;
        let mut blocks = self.blocks.iter();
        if blocks.any(|block| disks::is_meant(self.run, &self.blocks, block, spec)) {
            return Ok(true);
        }
        match self
            .disk_block()
            .map(|disk| disks::each_partition(self.run, disk, &mut |_| {}))
        {
            Ok(Some(_)) => Ok(false),
            _ => Err(Unseen::Hidden),
        }
    }

    fn kernel_has(&self, path: &CStr) -> bool {
        self.run.settings.is_running_root() && self.kind(path).is_ok()
    }
}
