//! Disks on which images are mounted by the real kernel, and osconf is run.

use crate::disk::DISK_BYTES;
use crate::image::Image;
use crate::machine::{CONF, FileSystem, Machine};
use anyhow::{Context, Result, bail, ensure};
use core::cell::Cell;
use core::time::Duration;
use osconf_tests::disk::{Loop, RamDisk};
use osconf_tests::product;
use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use std::ffi::CString;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Instant;

/// The kernel's name of FAT.
const FAT: &str = "vfat";
/// The folder of os.conf there, as mtools name it, and below the root.
const FOLDER: &str = "::/aliyun_custom_image";
const FOLDER_BELOW: &str = "boot/aliyun_custom_image";

/// Runs a program that must succeed with one of these codes.
pub(crate) fn tool(words: &[&str], file: &Path, codes: &[i32]) -> Result<i32> {
    let output = Command::new(words[0])
        .args(&words[1..])
        .arg(file)
        .output()
        .with_context(|| words[0].to_owned())?;
    let code = output.status.code().unwrap_or(-1);
    let text = String::from_utf8_lossy(&output.stderr);
    ensure!(codes.contains(&code), "{words:?}: {code}: {text}");
    Ok(code)
}

/// The devices of a machine, and where they are mounted.
pub(crate) struct Devices<D> {
    devices: Vec<D>,
    root: PathBuf,
}

impl Devices<Loop> {
    /// Devices on these files, to be mounted at `root`.
    pub(crate) fn on(files: &[PathBuf], root: PathBuf) -> Result<Self> {
        let devices = files.iter().map(|file| Loop::new(file));
        Self::new(devices.collect::<Result<_>>()?, root)
    }
}

impl<D: AsRef<Path>> Devices<D> {
    fn new(devices: Vec<D>, root: PathBuf) -> Result<Self> {
        fs::create_dir_all(&root)?;
        Ok(Self { devices, root })
    }

    /// Mounts the machine.
    pub(crate) fn mount(&self, systems: &[&FileSystem]) -> Result<Mounted> {
        let mut mounted = Mounted(Vec::new());
        let points = [self.root.clone(), self.root.join("boot")];
        for ((system, device), point) in systems.iter().zip(&self.devices).zip(points) {
            if !mounted.0.is_empty() {
                fs::create_dir_all(&point)?;
            }
            if system.kind == FAT {
                // This kernel may have no FAT: what is on it is copied.
                mount("tmpfs", &point, "tmpfs", MountFlags::empty(), None)?;
                mounted.0.push(point.clone());
                let to = point.display().to_string();
                let words = ["mcopy", "-s", "-n", "-m", "-i"];
                let device = device.as_ref().display().to_string();
                let all = [&words[..], &[&device, FOLDER]].concat();
                // It may have nothing.
                tool(&all, Path::new(&to), &[0, 1])?;
                continue;
            }
            let options = CString::new(system.options)?;
            // No time of access: looking writes nothing.
            let flags = MountFlags::NOATIME;
            mount(
                device.as_ref(),
                &point,
                system.kind,
                flags,
                options.as_c_str(),
            )
            .with_context(|| format!("mounting {}", system.name))?;
            mounted.0.push(point);
        }
        Ok(mounted)
    }

    /// Checks what has no journal, as a boot does.
    pub(crate) fn check(&self, systems: &[&FileSystem], all: bool) -> Result<()> {
        for (system, device) in systems.iter().zip(&self.devices) {
            if system.kind == FAT {
                tool(&["fsck.vfat", "-a"], device.as_ref(), &[0, 1])?;
            } else if (all || system.is_checked)
                && tool(&["e2fsck", "-p", "-f"], device.as_ref(), &[0, 1, 2, 3, 4])? == 4
            {
                // What an operator does who is asked to.
                tool(&["e2fsck", "-y", "-f"], device.as_ref(), &[0, 1, 2, 3])?;
            }
        }
        Ok(())
    }
}

/// Mounted file systems, unmounted when dropped.
pub(crate) struct Mounted(Vec<PathBuf>);

impl Mounted {
    /// Where the root is.
    pub(crate) fn root(&self) -> &Path {
        &self.0[0]
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        for point in self.0.iter().rev() {
            // A program that another thread starts has our open files for a moment.
            let mut tries = 0..2000;
            while let Err(errno) = unmount(point, UnmountFlags::empty()) {
                if errno != Errno::BUSY || tries.next().is_none() {
                    eprintln!("{}: umount: {errno}", point.display());
                    break;
                }
                thread::sleep(Duration::from_millis(1));
            }
        }
    }
}

/// Disks in memory, to judge images on.
pub(crate) struct Bench {
    folder: PathBuf,
    /// Up to where each has had a file system.
    ends: [Cell<u64>; 2],
    /// Their devices.
    pub(crate) devices: Devices<RamDisk>,
}

impl Bench {
    /// A bench of two disks, in a folder that lies in memory.
    pub(crate) fn new(folder: &Path, has_small_blocks: bool) -> Result<Self> {
        fs::create_dir_all(folder)?;
        let disks = ["0", "1"].map(|name| {
            let file = folder.join(name);
            if has_small_blocks {
                RamDisk::on_file(&file, DISK_BYTES)
            } else {
                RamDisk::new(&file, DISK_BYTES)
            }
        });
        let disks = disks.into_iter().collect::<Result<_>>()?;
        Ok(Self {
            folder: folder.to_owned(),
            ends: Default::default(),
            devices: Devices::new(disks, folder.join("root"))?,
        })
    }

    /// Puts images of these file systems on the disks. Through the devices: of one that
    /// somebody else has open, as who looks for file systems does, the kernel keeps what
    /// was read before.
    pub(crate) fn put(&self, systems: &[&FileSystem], images: &[Image]) -> Result<()> {
        let disks = self.devices.devices.iter().zip(&self.ends);
        for ((disk, end), (system, image)) in disks.zip(systems.iter().zip(images)) {
            let device = File::options().write(true).open(disk.as_ref())?;
            let zeros = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
            let own = system.bytes();
            fallocate(&device, zeros, 0, end.replace(own).max(own))?;
            image.write_to(&device)?;
            // Some file systems read from the disk what others read from the device.
            device.sync_all()?;
        }
        Ok(())
    }

    /// Puts images on the disks, and mounts them.
    pub(crate) fn mount(&self, systems: &[&FileSystem], images: &[Image]) -> Result<Mounted> {
        self.put(systems, images)?;
        self.devices.mount(systems)
    }

    /// Makes new file systems, has `fill` put something on them, and takes them.
    pub(crate) fn make(
        &self,
        systems: &[&FileSystem],
        fill: &dyn Fn(&Path) -> Result<()>,
    ) -> Result<Vec<Image>> {
        let files = ["new-0", "new-1"].map(|name| self.folder.join(name));
        let files = &files[..systems.len()];
        for (system, file) in systems.iter().zip(files) {
            // Its program believes the size of the file.
            File::create(file)?.set_len(system.bytes())?;
            tool(system.make, file, &[0])?;
        }
        let devices = Devices::on(files, self.folder.join("new"))?;
        let mounted = devices.mount(systems)?;
        fill(mounted.root())?;
        for (system, file) in systems.iter().zip(files) {
            if system.kind == FAT {
                let from = mounted.root().join(FOLDER_BELOW).display().to_string();
                let to = file.display().to_string();
                tool(&["mcopy", "-s", "-i", &to, &from], Path::new("::/"), &[0])?;
            }
        }
        drop(mounted);
        drop(devices);
        files
            .iter()
            .map(|file| {
                let image = Image::of(&File::open(file)?)?;
                fs::remove_file(file)?;
                Ok(image)
            })
            .collect()
    }
}

/// How a run ended.
pub(crate) struct Run {
    /// Its exit code; nothing, if a signal ended it.
    pub(crate) code: Option<i32>,
    /// Whether it had to be killed.
    pub(crate) is_hung: bool,
    /// Standard error.
    pub(crate) error: String,
}

/// Longer than any run may take.
const LIMIT: Duration = Duration::from_secs(30);

/// Runs `osconf apply` on a root. Which hash it takes matters to nobody here, so it
/// takes the quickest.
pub(crate) fn apply(machine: &Machine, root: &Path) -> Result<Run> {
    let mut child = Command::new(product::binary()?)
        .args(["apply", "--wait=0", "--hash=md5"])
        .arg(format!("--network={}", machine.network))
        .arg("--root")
        .arg(root)
        .arg("--conf")
        .arg(root.join(CONF))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let start = Instant::now();
    let mut is_hung = false;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if start.elapsed() > LIMIT {
            is_hung = true;
            child.kill()?;
        }
        thread::sleep(Duration::from_micros(200));
    };
    let mut error = String::new();
    let Some(mut pipe) = child.stderr.take() else {
        bail!("no pipe");
    };
    pipe.read_to_string(&mut error)?;
    Ok(Run {
        code: status.code(),
        is_hung,
        error,
    })
}
