//! Mounting without a place to mount on.

use super::{Result, flags};
use crate::sys::Access;
use core::ffi::CStr;
use rustix::fd::OwnedFd;
use rustix::fs::{self, Mode};
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MountFlags, MountPropagationFlags, UnmountFlags,
    fsconfig_create, fsconfig_set_flag, fsconfig_set_string, fsmount, fsopen, mount, mount_change,
    unmount,
};
use rustix::thread::UnshareFlags;

/// Nothing of the file system is run, and its device nodes are not devices.
const ATTRIBUTES: MountAttrFlags = MountAttrFlags::MOUNT_ATTR_NOSUID
    .union(MountAttrFlags::MOUNT_ATTR_NODEV)
    .union(MountAttrFlags::MOUNT_ATTR_NOEXEC);

/// Mounts `device`; the mount ends with the folder that is returned.
pub(super) fn private(
    device: &CStr,
    kind: &CStr,
    is_read_only: bool,
    options: &[(&CStr, &CStr)],
) -> Result<OwnedFd> {
    let context = match fsopen(kind, FsOpenFlags::FSOPEN_CLOEXEC) {
        Err(Errno::NOSYS) => return in_own_namespace(device, kind, is_read_only, options),
        other => other?,
    };
    fsconfig_set_string(&context, c"source", device)?;
    if is_read_only {
        fsconfig_set_flag(&context, c"ro")?;
    }
    for (key, value) in options {
        match value.is_empty() {
            true => fsconfig_set_flag(&context, *key)?,
            false => fsconfig_set_string(&context, *key, *value)?,
        }
    }
    fsconfig_create(&context)?;
    fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, ATTRIBUTES)
}

/// Before Linux 5.2: on a folder that every system has, in a mount namespace that
/// nobody else sees, and off again at once; the open folder holds it.
fn in_own_namespace(
    device: &CStr,
    kind: &CStr,
    is_read_only: bool,
    options: &[(&CStr, &CStr)],
) -> Result<OwnedFd> {
    const POINT: &CStr = c"/dev";
    // SAFETY: this process has one thread, and no folder or file that it has open
    // means another one in a namespace of its own.
    unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNS)? };
    mount_change(
        c"/",
        MountPropagationFlags::PRIVATE | MountPropagationFlags::REC,
    )?;
    let mut text = heapless::Vec::<u8, 64>::new();
    for (key, value) in options {
        let comma: &[u8] = if text.is_empty() { b"" } else { b"," };
        let equals: &[u8] = if value.is_empty() { b"" } else { b"=" };
        for piece in [comma, key.to_bytes(), equals, value.to_bytes()] {
            text.extend_from_slice(piece).map_err(|_| Errno::INVAL)?;
        }
    }
    text.push(0).map_err(|_| Errno::INVAL)?;
    let text = CStr::from_bytes_until_nul(&text).map_err(|_| Errno::INVAL)?;
    let mut how = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    how.set(MountFlags::RDONLY, is_read_only);
    mount(device, POINT, kind, how, text)?;
    let folder = fs::openat(fs::CWD, POINT, flags(Access::Folder), Mode::empty());
    unmount(POINT, UnmountFlags::DETACH)?;
    folder
}

/// Mounts what is mounted at `point` anew, writable or not; all else stays.
pub(super) fn again(point: &CStr, is_read_only: bool, options: &[u8]) -> Result<()> {
    const KEPT: [(&[u8], MountFlags); 7] = [
        (b"nosuid", MountFlags::NOSUID),
        (b"nodev", MountFlags::NODEV),
        (b"noexec", MountFlags::NOEXEC),
        (b"noatime", MountFlags::NOATIME),
        (b"nodiratime", MountFlags::NODIRATIME),
        (b"relatime", MountFlags::RELATIME),
        (b"sync", MountFlags::SYNCHRONOUS),
    ];
    let mut how = MountFlags::empty();
    for option in crate::text::split::split(options, b',') {
        if let Some((_, flag)) = KEPT.iter().find(|(name, _)| *name == option) {
            how |= *flag;
        }
    }
    how.set(MountFlags::RDONLY, is_read_only);
    rustix::mount::mount_remount(point, how, c"")
}
