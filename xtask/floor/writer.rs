//! The least that has osconf's files on the disk as surely as osconf does: no parsing,
//! no looking, one hash, and the same files with the same syncs in the same order.
//!
//! It runs in the root that it changes; the bench holds its syncs against osconf's.

#![no_std]
#![no_main]

mod start;

use core::ffi::CStr;
use osconf::account::{Salt, hash};
use osconf::value::HashKind;
use rustix::fd::OwnedFd;
use rustix::fs::{self, AtFlags, CWD, Mode, OFlags};
use rustix::io::{Result, pwrite};

/// A file that changes: its folder, its name, the name of the new one, that of its
/// copy, what is in it, and its mode. Nothing in it stands for root's new line.
type File = (&'static CStr, [&'static CStr; 3], &'static [u8], u32);

const FILES: [File; 4] = [
    (
        c"etc",
        [c"shadow", c".shadow.new", c"shadow"],
        b"",
        0o600,
    ),
    (
        c"etc/sysconfig",
        [c"network", c".network.new", c"network"],
        b"NETWORKING=yes\nHOSTNAME=iZ23r29djmjZ\n",
        0o644,
    ),
    (
        c"etc/sysconfig/network-scripts",
        [c"ifcfg-eth0", c".ifcfg-eth0.new", c"ifcfg-eth0"],
        b"DEVICE=eth0\nONBOOT=yes\nBOOTPROTO=static\nIPADDR=10.171.254.123\nNETMASK=255.255.255.0\nGATEWAY=10.171.254.1\n",
        0o644,
    ),
    (
        c"etc",
        [c"resolv.conf", c".resolv.conf.new", c"resolv.conf"],
        b"nameserver 7.7.7.7\nnameserver 8.8.8.8\n",
        0o644,
    ),
];

/// Folders that are synced once, as [`FILES`] names them, and one of their files.
const SYNCED: [bool; 4] = [true, true, true, false];

/// What the C start files call.
#[unsafe(no_mangle)]
extern "C" fn main() -> i32 {
    i32::from(write_all().is_err())
}

fn folder(path: &CStr) -> Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    fs::openat(CWD, path, flags, Mode::empty())
}

/// Writes a new file, which is durable then.
fn create(folder: &OwnedFd, name: &CStr, content: &[u8], mode: u32) -> Result<OwnedFd> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let file = fs::openat(folder, name, flags, Mode::from_raw_mode(mode))?;
    pwrite(&file, content, 0)?;
    fs::fsync(&file)?;
    Ok(file)
}

/// Writes a file of the agent's own.
fn own(folder: &OwnedFd, name: &CStr, is_lasting: bool) -> Result<()> {
    let new = create(folder, c".new", &[b'#'; 600], 0o600)?;
    fs::renameat(folder, c".new", folder, name)?;
    if is_lasting {
        fs::fsync(folder)?;
        fs::fsync(&new)?;
        fs::syncfs(folder)?;
    }
    Ok(())
}

fn write_all() -> Result<()> {
    let hash = hash(HashKind::Sha512, b"qwer1234", Salt::from_random([7; 16]));
    let etc = folder(c"etc")?;
    fs::mkdirat(&etc, c"osconf", Mode::RWXU)?;
    fs::fsync(&etc)?;
    let kept = folder(c"etc/osconf")?;
    fs::mkdirat(&kept, c"replaced", Mode::RWXU)?;
    fs::fsync(&kept)?;
    let replaced = folder(c"etc/osconf/replaced")?;
    own(&kept, c"pending", false)?;
    // Every new file waits beside the old one, of which a copy is kept.
    let waiting = FILES.map(|(path, [name, new, copy], content, mode)| {
        let folder = folder(path)?;
        let content = match content {
            b"" => hash.expose(),
            content => content,
        };
        let _ = fs::linkat(&folder, name, &replaced, copy, AtFlags::empty());
        let file = create(&folder, new, content, mode)?;
        Ok::<_, rustix::io::Errno>((folder, file))
    });
    fs::fsync(&replaced)?;
    fs::syncfs(&replaced)?;
    own(&kept, c"record", true)?;
    for ((_, [name, new, _], ..), file) in FILES.iter().zip(&waiting) {
        let (folder, _) = file.as_ref().map_err(|errno| *errno)?;
        fs::renameat(folder, *new, folder, *name)?;
    }
    for (file, is_synced) in waiting.iter().zip(SYNCED) {
        let (folder, file) = file.as_ref().map_err(|errno| *errno)?;
        if is_synced {
            fs::fsync(folder)?;
        }
        fs::fsync(file)?;
    }
    fs::syncfs(&etc)?;
    fs::unlinkat(&kept, c"pending", AtFlags::empty())?;
    own(&kept, c"record", true)?;
    // os.conf goes aside, is overwritten, and goes.
    let place = folder(c"boot/aliyun_custom_image")?;
    fs::renameat(&place, c"os.conf", &place, c".os.conf.done")?;
    fs::fsync(&place)?;
    fs::syncfs(&place)?;
    let conf = fs::openat(&place, c".os.conf.done", OFlags::RDWR, Mode::empty())?;
    pwrite(&conf, &[0; 226], 0)?;
    fs::fsync(&conf)?;
    fs::unlinkat(&place, c".os.conf.done", AtFlags::empty())?;
    fs::fsync(&place)?;
    fs::syncfs(&place)
}
