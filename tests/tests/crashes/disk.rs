//! Disks of our own under real file systems: every write and every flush is
//! written down in one order, and a request can be made to fail.
//!
//! They are files of a FUSE file system in this process, behind loop devices. The
//! loop driver hands on each write, and turns a flush into fsync(2)
//! (drivers/block/loop.c), so what is written down is what a real disk would see.
//! All disks of a machine are served by one thread, so their requests have one
//! order, which recordings by disk do not have.

use crate::image::Image;
use anyhow::{Context, Result};
use core::time::Duration;
use fuser::{
    BackgroundSession, Config, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags,
    Generation, INodeNo, LockOwner, OpenFlags, ReplyAttr, ReplyData, ReplyEmpty, ReplyEntry,
    ReplyOpen, ReplyWrite, Request, WriteFlags,
};
use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::UNIX_EPOCH;

/// Bytes of each disk; a file system on it may be smaller.
pub(crate) const DISK_BYTES: u64 = 320 << 20;

/// A request that changes a disk, or what survives a power cut.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    /// Bytes were handed to the disk; they may wait in its cache.
    Write {
        /// Which disk.
        disk: usize,
        /// Where on it.
        offset: u64,
        /// What.
        data: Arc<[u8]>,
    },
    /// All that was written to this disk before is durable.
    Flush {
        /// Which disk.
        disk: usize,
    },
}

/// Which requests fail.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault {
    /// How many go well before.
    pub(crate) after: u64,
    /// Whether all later ones fail, too.
    pub(crate) is_lasting: bool,
}

#[derive(Default)]
struct State {
    images: Vec<Image>,
    log: Vec<Event>,
    is_recording: bool,
    fault: Option<Fault>,
    requests: u64,
    failed: u64,
}

impl State {
    /// Counts a request, and says whether it fails.
    fn fails(&mut self) -> bool {
        let number = self.requests;
        self.requests += 1;
        let fails = self.fault.is_some_and(|fault| {
            number == fault.after || (fault.is_lasting && number > fault.after)
        });
        self.failed += u64::from(fails);
        fails
    }
}

struct Served(Arc<Mutex<State>>);

/// The disks of one machine.
pub(crate) struct Disks {
    state: Arc<Mutex<State>>,
    folder: tempfile::TempDir,
    // Dropped first: it unmounts the folder.
    session: Option<BackgroundSession>,
}

impl Drop for Disks {
    fn drop(&mut self) {
        drop(self.session.take());
    }
}

/// The name of a disk is its number; the root is inode 1.
const FIRST: u64 = 2;

impl Disks {
    /// So many empty disks.
    pub(crate) fn new(count: usize) -> Result<Self> {
        let images = vec![Image::default(); count];
        let state = Arc::new(Mutex::new(State {
            images,
            ..State::default()
        }));
        let folder = tempfile::tempdir()?;
        let served = Served(Arc::clone(&state));
        let session = fuser::spawn_mount(served, folder.path(), &Config::default())
            .context("FUSE: is there /dev/fuse?")?;
        Ok(Self {
            state,
            folder,
            session: Some(session),
        })
    }

    /// The file that is a disk.
    pub(crate) fn path(&self, disk: usize) -> PathBuf {
        self.folder.path().join(disk.to_string())
    }

    /// Puts other content on the disks, whole again, and forgets what was written.
    pub(crate) fn put(&self, images: &[Image]) {
        let mut state = lock(&self.state);
        let mut images = images.to_vec();
        // A loop device is looked at also where nothing is mounted.
        images.resize(state.images.len(), Image::default());
        *state = State {
            images,
            ..State::default()
        };
    }

    /// From now on, requests are written down, counted, and fail as `fault` says.
    pub(crate) fn watch(&self, fault: Option<Fault>) {
        let mut state = lock(&self.state);
        state.is_recording = true;
        state.fault = fault;
        (state.requests, state.failed) = (0, 0);
    }

    /// Whole again; tells how many requests failed.
    pub(crate) fn mend(&self) -> u64 {
        let mut state = lock(&self.state);
        state.fault = None;
        state.failed
    }

    /// What was written down.
    pub(crate) fn log(&self) -> Vec<Event> {
        lock(&self.state).log.clone()
    }

    /// What is on the disks.
    pub(crate) fn images(&self) -> Vec<Image> {
        lock(&self.state).images.clone()
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

const FOREVER: Duration = Duration::from_secs(3600);

fn attributes(inode: INodeNo) -> FileAttr {
    let is_root = inode == INodeNo::ROOT;
    FileAttr {
        ino: inode,
        size: if is_root { 0 } else { DISK_BYTES },
        blocks: 0,
        atime: UNIX_EPOCH,
        mtime: UNIX_EPOCH,
        ctime: UNIX_EPOCH,
        crtime: UNIX_EPOCH,
        kind: if is_root {
            FileType::Directory
        } else {
            FileType::RegularFile
        },
        perm: 0o700,
        nlink: 1,
        uid: 0,
        gid: 0,
        rdev: 0,
        flags: 0,
        blksize: 4096,
    }
}

fn disk_of(inode: INodeNo) -> usize {
    usize::try_from(u64::from(inode).saturating_sub(FIRST)).unwrap_or(usize::MAX)
}

impl Filesystem for Served {
    fn lookup(&self, _: &Request, _: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let number = name.to_str().and_then(|name| name.parse::<u64>().ok());
        match number {
            Some(number) if (number as usize) < lock(&self.0).images.len() => {
                let attributes = attributes(INodeNo(FIRST + number));
                reply.entry(&FOREVER, &attributes, Generation(0));
            }
            _ => reply.error(Errno::ENOENT),
        }
    }

    fn getattr(&self, _: &Request, inode: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        reply.attr(&FOREVER, &attributes(inode));
    }

    fn open(&self, _: &Request, _: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        // No cache but the file system's own.
        reply.opened(FileHandle(0), FopenFlags::FOPEN_DIRECT_IO);
    }

    fn read(
        &self,
        _: &Request,
        inode: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let mut state = lock(&self.0);
        if state.fails() {
            return reply.error(Errno::EIO);
        }
        let len = u64::from(size).min(DISK_BYTES.saturating_sub(offset));
        reply.data(&state.images[disk_of(inode)].read(offset, len as usize));
    }

    fn write(
        &self,
        _: &Request,
        inode: INodeNo,
        _: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let mut state = lock(&self.0);
        if state.fails() {
            return reply.error(Errno::EIO);
        }
        let disk = disk_of(inode);
        state.images[disk].write(offset, data);
        if state.is_recording {
            state.log.push(Event::Write {
                disk,
                offset,
                data: Arc::from(data),
            });
        }
        reply.written(u32::try_from(data.len()).unwrap_or(0));
    }

    fn fsync(&self, _: &Request, inode: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        let mut state = lock(&self.0);
        if state.fails() {
            return reply.error(Errno::EIO);
        }
        if state.is_recording {
            let disk = disk_of(inode);
            state.log.push(Event::Flush { disk });
        }
        reply.ok();
    }
}
