//! Loop devices, on which images are mounted by the real kernel, and osconf is run.

use crate::disk::DISK_BYTES;
use crate::image::Image;
use crate::machine::{CONF, FileSystem, Machine};
use anyhow::{Context, Result, bail, ensure};
use core::time::Duration;
use osconf_tests::product;
use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use std::ffi::CString;
use std::fs::File;
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

/// A loop device, detached when it is dropped.
pub(crate) struct Loop(PathBuf);

impl Loop {
    pub(crate) fn new(file: &Path) -> Result<Self> {
        let output = Command::new("losetup")
            .args(["--find", "--show"])
            .arg(file)
            .output()
            .context("losetup, of Debian's package mount")?;
        let text = String::from_utf8(output.stdout)?;
        let error = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "losetup: {error}");
        Ok(Self(text.trim().into()))
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        let _ = Command::new("losetup")
            .arg("--detach")
            .arg(&self.0)
            .status();
    }
}

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
pub(crate) struct Devices {
    devices: Vec<Loop>,
    root: PathBuf,
}

impl Devices {
    /// Devices on these files, to be mounted at `root`.
    pub(crate) fn new(files: &[PathBuf], root: PathBuf) -> Result<Self> {
        std::fs::create_dir_all(&root)?;
        let devices = files.iter().map(|file| Loop::new(file));
        Ok(Self {
            devices: devices.collect::<Result<_>>()?,
            root,
        })
    }

    /// Mounts the machine.
    pub(crate) fn mount(&self, systems: &[&FileSystem]) -> Result<Mounted> {
        let mut mounted = Mounted(Vec::new());
        let points = [self.root.clone(), self.root.join("boot")];
        for ((system, device), point) in systems.iter().zip(&self.devices).zip(points) {
            if !mounted.0.is_empty() {
                std::fs::create_dir_all(&point)?;
            }
            if system.kind == FAT {
                // This kernel may have no FAT: what is on it is copied.
                mount("tmpfs", &point, "tmpfs", MountFlags::empty(), None)?;
                mounted.0.push(point.clone());
                let to = point.display().to_string();
                let words = ["mcopy", "-s", "-n", "-m", "-i"];
                let device = device.0.display().to_string();
                let all = [&words[..], &[&device, FOLDER]].concat();
                // It may have nothing.
                tool(&all, Path::new(&to), &[0, 1])?;
                continue;
            }
            let options = CString::new(system.options)?;
            // No time of access: looking writes nothing.
            let flags = MountFlags::NOATIME;
            mount(&device.0, &point, system.kind, flags, options.as_c_str())
                .with_context(|| format!("mounting {}", system.name))?;
            mounted.0.push(point);
        }
        Ok(mounted)
    }

    /// Checks what has no journal, as a boot does.
    pub(crate) fn check(&self, systems: &[&FileSystem], all: bool) -> Result<()> {
        for (system, device) in systems.iter().zip(&self.devices) {
            if system.kind == FAT {
                tool(&["fsck.vfat", "-a"], &device.0, &[0, 1])?;
            } else if (all || system.is_checked)
                && tool(&["e2fsck", "-p", "-f"], &device.0, &[0, 1, 2, 3, 4])? == 4
            {
                // What an operator does who is asked to.
                tool(&["e2fsck", "-y", "-f"], &device.0, &[0, 1, 2, 3])?;
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
    files: Vec<File>,
    /// Their devices.
    pub(crate) devices: Devices,
}

impl Bench {
    /// A bench of two disks, in a folder that lies in memory.
    pub(crate) fn new(folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        let paths = ["0", "1"].map(|name| folder.join(name));
        let open = |path: &PathBuf| -> Result<File> {
            let mut options = File::options();
            let file = options.read(true).write(true).create_new(true).open(path)?;
            file.set_len(DISK_BYTES)?;
            Ok(file)
        };
        Ok(Self {
            folder: folder.to_owned(),
            files: paths.iter().map(open).collect::<Result<_>>()?,
            devices: Devices::new(&paths, folder.join("root"))?,
        })
    }

    /// Puts images on the disks. Through the devices: of one that somebody else has open,
    /// as who looks for file systems does, the kernel keeps what was read before.
    pub(crate) fn put(&self, images: &[Image]) -> Result<()> {
        for (device, image) in self.devices.devices.iter().zip(images) {
            let device = File::options().write(true).open(&device.0)?;
            let zeros = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
            fallocate(&device, zeros, 0, DISK_BYTES)?;
            image.write_to(&device)?;
            // Some file systems read from the disk what others read from the device.
            device.sync_all()?;
        }
        Ok(())
    }

    /// Makes new file systems, has `fill` put something on them, and takes them.
    pub(crate) fn make(
        &self,
        systems: &[&FileSystem],
        fill: &dyn Fn(&Path) -> Result<()>,
    ) -> Result<Vec<Image>> {
        let new = systems.iter().map(|system| {
            // Its program believes the size of the file.
            let path = self.folder.join("new");
            let new = File::create(&path)?;
            new.set_len(system.megabytes << 20)?;
            tool(system.make, &path, &[0])?;
            let image = Image::of(&File::open(&path)?)?;
            std::fs::remove_file(&path)?;
            Ok(image)
        });
        self.put(&new.collect::<Result<Vec<_>>>()?)?;
        let mounted = self.devices.mount(systems)?;
        fill(mounted.root())?;
        for (system, device) in systems.iter().zip(&self.devices.devices) {
            if system.kind == FAT {
                let from = mounted.root().join(FOLDER_BELOW).display().to_string();
                let device = device.0.display().to_string();
                let words = ["mcopy", "-s", "-i", &device, &from];
                tool(&words, Path::new("::/"), &[0])?;
            }
        }
        drop(mounted);
        for device in &self.devices.devices {
            File::open(&device.0)?.sync_all()?;
        }
        let images = self.files.iter().take(systems.len()).map(Image::of);
        images.collect()
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
