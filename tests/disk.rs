//! Block devices that the tests make: on a file, and in memory, for rigs that sync a
//! million times.
//!
//! A loop device hands each request to a thread of the kernel, and its answer goes
//! through another; a zram device (Documentation/admin-guide/blockdev/zram.rst) answers
//! at once: a file is written, synced and renamed on it in a sixth of the time. Its
//! blocks have 4096 bytes, so a file system on it must not have smaller ones.

use crate::command::output_of;
use anyhow::{Context, Result, ensure};
use core::time::Duration;
use std::fs::{self, File};
use std::os::unix::fs::{FileExt, FileTypeExt};
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::sync::Once;
use std::thread;

/// Where zram devices are made and removed.
const CONTROL: &str = "/sys/class/zram-control";
/// Behind the bytes of a disk stands a page that says whose it is: a device outlives
/// who made it.
const PAGE: u64 = 4096;
/// What it begins with; the number of the process follows.
const MARK: &str = "a disk of osconf's tests, made by process ";

/// A loop device, detached when it is dropped.
#[derive(Debug)]
pub struct Loop(PathBuf);

impl Loop {
    /// One on this file.
    ///
    /// # Errors
    /// There is none left, or we are not root.
    pub fn new(file: &Path) -> Result<Self> {
        Self::with(&[], file)
    }

    /// The same with more options of losetup(8).
    ///
    /// # Errors
    /// The same.
    pub fn with(options: &[&str], file: &Path) -> Result<Self> {
        let mut losetup = Command::new("losetup");
        losetup.args(["--find", "--show"]).args(options).arg(file);
        let path = output_of(&mut losetup)?;
        Ok(Self(path.trim().into()))
    }
}

impl AsRef<Path> for Loop {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        // At worst it stays, and says so in `losetup --all`.
        let _ = Command::new("losetup")
            .arg("--detach")
            .arg(&self.0)
            .status();
    }
}

/// A block device in memory, gone when it is dropped. It must not be mounted then.
#[derive(Debug)]
pub enum RamDisk {
    /// What it should be.
    Zram(Zram),
    /// Where the kernel has no zram, or it is not ours to use.
    Loop(Loop),
}

impl RamDisk {
    /// A disk of so many bytes, all zero. Without zram it is a loop device on a file
    /// that is made at `file`, which had better lie in memory.
    ///
    /// # Errors
    /// There is neither, or we are not root.
    pub fn new(file: &Path, bytes: u64) -> Result<Self> {
        static SWEPT: Once = Once::new();
        SWEPT.call_once(sweep);
        match Zram::new(bytes) {
            Ok(disk) => Ok(Self::Zram(disk)),
            Err(_) => Self::on_file(file, bytes),
        }
    }

    /// One with an empty file system: `ext2`, `ext3` or `ext4`.
    ///
    /// # Errors
    /// The same, or mke2fs(8) is not there.
    pub fn formatted(file: &Path, bytes: u64, kind: &str) -> Result<Self> {
        let disk = Self::new(file, bytes)?;
        // Its device may be longer than it is.
        let size = format!("{}K", bytes >> 10);
        let words = ["-q", "-b", "4096", "-t", kind];
        let mut make = Command::new("mke2fs");
        output_of(make.args(words).arg(disk.as_ref()).arg(size))?;
        Ok(disk)
    }

    /// An empty disk that is always on a file, for file systems with smaller blocks.
    ///
    /// # Errors
    /// There is no loop device, or we are not root.
    pub fn on_file(file: &Path, bytes: u64) -> Result<Self> {
        File::create(file)?.set_len(bytes)?;
        Loop::new(file).map(Self::Loop)
    }
}

impl AsRef<Path> for RamDisk {
    fn as_ref(&self) -> &Path {
        match self {
            Self::Zram(disk) => &disk.path,
            Self::Loop(disk) => disk.as_ref(),
        }
    }
}

/// A zram device, removed when it is dropped.
#[derive(Debug)]
pub struct Zram {
    number: String,
    path: PathBuf,
}

impl Zram {
    fn new(bytes: u64) -> Result<Self> {
        let control = Path::new(CONTROL);
        // In a container it may be there and not be ours.
        File::options()
            .write(true)
            .open(control.join("hot_remove"))?;
        let number = fs::read_to_string(control.join("hot_add"))?;
        let number = number.trim();
        let disk = Self {
            path: device(number),
            number: number.to_owned(),
        };
        let size = format!("/sys/block/zram{number}/disksize");
        fs::write(size, (bytes + PAGE).to_string())?;
        let is_shown = fs::metadata(&disk.path)?.file_type().is_block_device();
        ensure!(is_shown, "{} is no device", disk.path.display());
        let device = File::options().write(true).open(&disk.path)?;
        let mut page = format!("{MARK}{}\n", process::id()).into_bytes();
        page.resize(PAGE as usize, 0);
        device.write_all_at(&page, bytes)?;
        device.sync_all()?;
        Ok(disk)
    }
}

impl Drop for Zram {
    fn drop(&mut self) {
        if let Err(error) = remove(&self.number) {
            eprintln!("{}: {error:#}", self.path.display());
        }
    }
}

fn device(number: &str) -> PathBuf {
    PathBuf::from(format!("/dev/zram{number}"))
}

fn remove(number: &str) -> Result<()> {
    let control = Path::new(CONTROL).join("hot_remove");
    let mut tries = 0..50;
    // Somebody may look at it for a moment, as udev does at every new device.
    while let Err(error) = fs::write(&control, number) {
        tries.next().ok_or(error).context("is not removed")?;
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// Loads the driver where it is a module, and removes what runs have left that were
/// interrupted.
fn sweep() {
    if !Path::new(CONTROL).exists() {
        let _ = Command::new("modprobe").args(["--quiet", "zram"]).output();
    }
    for entry in fs::read_dir("/sys/block").into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if let Some(number) = name.strip_prefix("zram")
            && is_left(number).unwrap_or(false)
        {
            let _ = remove(number);
        }
    }
}

/// Whether a disk is ours, and its process is gone.
fn is_left(number: &str) -> Result<bool> {
    let size = fs::read_to_string(format!("/sys/block/zram{number}/disksize"))?;
    let Some(end) = size.trim().parse::<u64>()?.checked_sub(PAGE) else {
        return Ok(false);
    };
    let mut page = [0; PAGE as usize];
    File::open(device(number))?.read_exact_at(&mut page, end)?;
    let text = String::from_utf8_lossy(&page);
    let process = text
        .lines()
        .next()
        .and_then(|line| line.strip_prefix(MARK))
        .and_then(|process| process.parse::<u32>().ok());
    Ok(process.is_some_and(|process| !Path::new(&format!("/proc/{process}")).exists()))
}
