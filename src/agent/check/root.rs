//! The root, and the machine around it, as `check` looks at them.

use super::disk::DiskMap;
use crate::agent::disks::{self, Blocks, Device, Node};
use crate::agent::install::{PLACES, PROGRAMS};
use crate::agent::locate::{self, FOLDER, Purpose};
use crate::agent::run::Run;
use crate::check::{Disk, Look, Mounted, Seen, Unseen};
use crate::error::Fault;
use crate::install;
use crate::partition::Spec;
use crate::sys::files::{self, Last};
use crate::sys::{Access, Kind, Sys, Usage};
use crate::system::mounts;
use crate::text::assignments;
use crate::text::{Buf, put};
use crate::value::Path;
use core::cell::Cell;
use core::ffi::CStr;
use rustix::io::Errno;

/// Bytes of a file that are looked at: a longer one is none that was written by
/// hand, nor a list of modules.
const FILE_BYTES: u64 = 8 << 20;

/// The root of a run.
pub struct Root<'r, 'a, S: Sys> {
    run: &'r Run<'a, S>,
    /// Whether there is one: an image may not be mounted.
    is_open: bool,
    /// The block devices of the machine; none for an image.
    blocks: Blocks,
    /// The device that holds the root, if the root is all of a file system.
    device: Option<Device>,
    /// Bytes of its disk.
    size: Option<u64>,
    /// The disk itself, if it could be read.
    disk: Option<DiskMap>,
    /// The number of the root's partition; none, if it is on none of its own.
    number: Option<u32>,
    /// Whether the root lies on a device that is put together from others, if that is
    /// known.
    is_mapped: Option<bool>,
    /// Whether something was hidden from the item that looks.
    pub was_blind: Cell<bool>,
    /// What is known of the folder of os.conf; none, if it must be looked for.
    has_folder: Option<bool>,
}

impl<'r, 'a, S: Sys> Root<'r, 'a, S> {
    /// Looks at what the kernel tells of disks.
    pub fn new(run: &'r Run<'a, S>) -> Self {
        let blocks = disks::all(run);
        let device = device_of(run);
        let block_of = |device| blocks.iter().find(|block| Some(block.device) == device);
        let number = block_of(device).and_then(|block| block.number);
        let below = device.and_then(|device| disks::disk_below(run, &blocks, device));
        let size = block_of(below).map(|block| block.size);
        let disk = block_of(below).and_then(|block| {
            let node = Node::open(run, block).ok()?;
            let disk = DiskMap::read(&mut node.reader(run), block.size);
            node.close(run);
            disk
        });
        Self {
            run,
            is_open: true,
            is_mapped: Some(number.is_none() && device != below),
            blocks,
            device,
            size,
            disk,
            number,
            was_blind: Cell::new(false),
            has_folder: None,
        }
    }

    /// The files alone, whatever they lie on.
    #[cfg(feature = "prepare")]
    pub fn of_files(run: &'r Run<'a, S>) -> Self {
        Self {
            run,
            is_open: true,
            blocks: Blocks::new(),
            device: None,
            size: None,
            disk: None,
            number: None,
            is_mapped: None,
            was_blind: Cell::new(false),
            has_folder: None,
        }
    }

    /// The root on an image.
    pub fn on_image(
        run: &'r Run<'a, S>,
        disk: DiskMap,
        number: Option<u32>,
        has_folder: Option<bool>,
        is_open: bool,
    ) -> Self {
        Self {
            run,
            is_open,
            blocks: Blocks::new(),
            device: None,
            size: Some(disk.size),
            disk: Some(disk),
            number,
            is_mapped: number.map(|_| false),
            was_blind: Cell::new(false),
            has_folder,
        }
    }

    /// Whether there is a root to look at.
    pub const fn is_open(&self) -> bool {
        self.is_open
    }

    /// Whether the root is on a disk that is known: otherwise it is a folder.
    fn is_on_disk(&self) -> Seen<()> {
        match self.device.is_some() || self.run.settings.check.image.is_some() && self.is_open {
            true => Ok(()),
            false => Err(Unseen::Hidden),
        }
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

impl<S: Sys> Root<'_, '_, S> {
    /// Something could not be seen, and the item that asks may think nothing of that.
    fn hidden(&self) -> Unseen {
        self.was_blind.set(true);
        Unseen::Hidden
    }

    /// Why there is no answer.
    fn unseen(&self, errno: Errno) -> Unseen {
        match errno {
            Errno::NOENT | Errno::NOTDIR => Unseen::Nothing,
            _ => self.hidden(),
        }
    }

    fn open(&self, path: &CStr, access: Access) -> Seen<S::Fd> {
        let opened = match self.is_open {
            true => self.run.sys.open_below(&self.run.root, path, access),
            false => Err(Errno::ACCESS),
        };
        opened.map_err(|errno| self.unseen(errno))
    }

    fn open_file(&self, path: &CStr) -> Seen<(S::Fd, u64)> {
        let file = self.open(path, Access::Read)?;
        let meta = self
            .run
            .sys
            .meta(&file)
            .map_err(|errno| self.unseen(errno))?;
        match meta.kind {
            Kind::File => Ok((file, meta.size)),
            _ => Err(self.hidden()),
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
            .map_err(|errno| self.unseen(errno))
    }

    fn is_program(&self, path: &CStr) -> bool {
        let found = self.open(path, Access::Look);
        let meta = found.and_then(|found| {
            self.run
                .sys
                .meta(&found)
                .map_err(|errno| self.unseen(errno))
        });
        meta.is_ok_and(|meta| meta.kind == Kind::File && meta.mode & 0o111 != 0)
    }

    fn read(&self, path: &CStr, each: &mut dyn FnMut(&[u8])) -> Seen<()> {
        let (file, size) = self.open_file(path)?;
        if size > FILE_BYTES {
            return Err(self.hidden());
        }
        let content = files::read(self.run.sys, &file, size).map_err(|_| self.hidden())?;
        each(&content);
        Ok(())
    }

    fn read_at(&self, path: &CStr, bytes: &mut [u8], offset: u64) -> Seen<usize> {
        let (file, _) = self.open_file(path)?;
        self.run
            .sys
            .read_at(&file, bytes, offset)
            .map_err(|errno| self.unseen(errno))
    }

    fn link(&self, path: &CStr, each: &mut dyn FnMut(&[u8])) -> Seen<()> {
        if !self.is_open {
            return Err(self.hidden());
        }
        let spot = self.run.look_up(path, Last::Itself);
        let spot = spot.map_err(|fault| match fault {
            Fault::System(_, errno) => self.unseen(errno),
            Fault::Changed => self.hidden(),
            _ => Unseen::Nothing,
        })?;
        let (Some(folder), Some(meta)) = (&spot.folder, spot.meta) else {
            return Err(Unseen::Nothing);
        };
        if meta.kind != Kind::Link {
            return Err(Unseen::Nothing);
        }
        let link = files::read_link(self.run.sys, folder, spot.path.name());
        each(&link.map_err(|_| self.hidden())?.content);
        Ok(())
    }

    fn list(&self, path: &CStr, each: &mut dyn FnMut(&CStr) -> bool) -> Seen<()> {
        let folder = self.open(path, Access::Folder)?;
        self.run
            .sys
            .list(&folder, each)
            .map_err(|errno| self.unseen(errno))
    }

    fn flags(&self, path: &CStr) -> Seen<u32> {
        let file = self.open(path, Access::Read)?;
        match self.run.sys.flags(&file) {
            // A file system without flags.
            Err(Errno::NOTTY | Errno::OPNOTSUPP | Errno::NOSYS) => Ok(0),
            other => other.map_err(|errno| self.unseen(errno)),
        }
    }

    fn space(&self) -> Seen<Usage> {
        self.is_on_disk()?;
        let usage = self.run.sys.usage(&self.run.root);
        usage.map_err(|errno| self.unseen(errno))
    }

    fn disk(&self) -> Seen<Disk> {
        let size = self.size.ok_or(Unseen::Hidden)?;
        let map = self.disk.as_ref();
        let parts = map.map_or(&[][..], |map| &map.parts);
        let last = parts.iter().map(|part| part.entry.start).max();
        let root = parts
            .iter()
            .find(|part| Some(part.entry.number) == self.number);
        let first = parts.first().and_then(|part| part.found.as_ref());
        Ok(Disk {
            size,
            scheme: map.map(|map| map.scheme),
            is_root_last: root.map(|root| Some(root.entry.start) == last),
            has_efi: parts.iter().any(|part| part.entry.is_efi),
            first: first
                .map(|found| found.kind)
                .filter(|kind| kind.has_os_conf()),
            is_mapped: self.is_mapped,
        })
    }

    fn mounted(&self, each: &mut dyn FnMut(Mounted<'_>)) -> Seen<()> {
        self.is_on_disk()?;
        let part = self.disk.as_ref().and_then(|disk| disk.part(self.number));
        let found = part.and_then(|part| part.found.as_ref());
        let text = self.run.read_mounts().map_err(|errno| self.unseen(errno))?;
        let mount = mounts(&text).filter(|mount| Some(mount.device) == self.device);
        each(Mounted {
            kind: match (found, mount.last()) {
                (_, Some(mount)) => mount.kind,
                (Some(found), None) => found.kind.name().as_bytes(),
                (None, None) => return Err(Unseen::Hidden),
            },
            super_block: found,
        });
        Ok(())
    }

    fn architecture(&self) -> &'static str {
        let mut header = [0; 20];
        for path in PROGRAMS {
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
        for place in PLACES {
            let path = Path::new(&[place.to_bytes(), b"/", FOLDER.to_bytes()]);
            if path.is_some_and(|path| self.kind(path.as_c_str()) == Ok(Kind::Folder)) {
                return Ok(true);
            }
        }
        self.is_on_disk()?;
        if self.run.settings.check.image.is_some() {
            return self.has_folder.ok_or(Unseen::Hidden);
        }
        let place = locate::find(self.run, Purpose::Look, 0, &|_| {});
        place
            .map(|place| place.folder.is_some())
            .map_err(|()| Unseen::Hidden)
    }

    fn has_device(&self, spec: &Spec<'_>) -> Seen<bool> {
        let disk = self.disk.as_ref().ok_or(Unseen::Hidden)?;
        let mut blocks = self.blocks.iter();
        match spec {
            // Names of devices are those of the machine, which an image does not know.
            Spec::Path(_) if self.run.settings.check.image.is_some() => Err(Unseen::Hidden),
            _ => Ok(disk.has(spec)
                || blocks.any(|block| disks::is_meant(self.run, &self.blocks, block, spec))),
        }
    }

    fn kernel_has(&self, path: &CStr) -> bool {
        self.run.settings.is_running_root() && self.kind(path).is_ok()
    }
}
