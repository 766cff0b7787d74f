//! Packs the recipe of `targets/initramfs/cpio`, as its comment tells a user to.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, Result};

use super::parts::Parts;
use super::scenario::{Agent, Disk, Scenario};
use crate::util;

/// A cpio archive in the "newc" form, the one that the kernel unpacks.
#[derive(Default)]
struct Cpio {
    bytes: Vec<u8>,
    inode: u32,
}

const FOLDER: u32 = 0o040_755;
const PROGRAM: u32 = 0o100_755;
const DATA: u32 = 0o100_644;
const LINK: u32 = 0o120_777;

/// Modules that only a machine with such a disk gets: each costs time.
const SCSI: &[&str] = &["scsi_common", "scsi_mod", "sd_mod", "virtio_scsi"];
/// What a disk that is late is late for, in seconds.
const LATE: u32 = 4;
/// What the console shows when a disk is to be plugged in.
pub(crate) const PLUG: &str = "plug the disk in";
/// Starts a system that stays in the initramfs.
const RAM_INIT: &str = "#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
while read -r name; do
    [ ! -f \"/modules/$name.ko\" ] || /bin/busybox insmod \"/modules/$name.ko\"
done < /modules/order
[ ! -f /modules/late ] || (sleep \"$(cat /modules/late)\"; sh /modules/then) &
exec /sbin/init
";

impl Cpio {
    fn add(&mut self, name: &str, mode: u32, data: &[u8]) -> Result<()> {
        self.inode += 1;
        let size = u32::try_from(data.len())
            .with_context(|| format!("{name} is too big for a cpio archive"))?;
        let length = u32::try_from(name.len() + 1)?;
        // inode, mode, owner, group, links, time, size, four device numbers, length of the name, checksum
        let fields = [self.inode, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, length, 0];
        self.bytes.extend_from_slice(b"070701");
        for field in fields {
            self.bytes
                .extend_from_slice(format!("{field:08X}").as_bytes());
        }
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend_from_slice(data);
        self.pad();
        Ok(())
    }

    /// Everything in a folder, as `root` is to see it.
    fn add_tree(&mut self, root: &Path, folder: &Path) -> Result<()> {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let name = path.strip_prefix(root)?.to_string_lossy().into_owned();
            let meta = path.symlink_metadata()?;
            if meta.is_symlink() {
                let target = fs::read_link(&path)?;
                self.add(&name, LINK, target.to_string_lossy().as_bytes())?;
            } else if meta.is_dir() {
                self.add(&name, meta.permissions().mode(), &[])?;
                self.add_tree(root, &path)?;
            } else {
                self.add(&name, meta.permissions().mode(), &read(&path)?)?;
            }
        }
        Ok(())
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }

    fn finish(mut self) -> Result<Vec<u8>> {
        self.add("TRAILER!!!", 0, &[])?;
        Ok(self.bytes)
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

/// The initramfs of a scenario, with osconf in it where that is to run there;
/// `tree` is the root file system as a folder.
pub(crate) fn pack(
    scenario: &Scenario,
    parts: &Parts,
    osconf: &Path,
    tree: &Path,
) -> Result<Vec<u8>> {
    let recipe = util::root().join("targets/initramfs/cpio");
    let mut cpio = Cpio::default();
    if scenario.agent == Agent::Ram {
        cpio.add_tree(tree, tree)?;
        cpio.add("init", PROGRAM, RAM_INIT.as_bytes())?;
    } else {
        cpio.add("init", PROGRAM, &read(&recipe.join("init"))?)?;
        cpio.add("bin", FOLDER, &[])?;
        cpio.add("bin/busybox", PROGRAM, &read(&parts.busybox)?)?;
    }
    if scenario.agent == Agent::Initramfs {
        cpio.add("bin/osconf", PROGRAM, &read(osconf)?)?;
    }
    cpio.add("modules", FOLDER, &[])?;
    cpio.add("modules/order", DATA, &read(&recipe.join("modules"))?)?;
    if scenario.late || scenario.plugged {
        let then = match scenario.late {
            true => "/bin/busybox insmod /modules/late.ko",
            false => &format!("echo {PLUG} > /dev/console"),
        };
        cpio.add("modules/late", DATA, LATE.to_string().as_bytes())?;
        cpio.add("modules/then", DATA, then.as_bytes())?;
    }
    for module in fs::read_dir(&parts.modules)? {
        let path = module?.path();
        let mut name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let module = name.trim_end_matches(".ko");
        if scenario.disk != Disk::Scsi && SCSI.contains(&module) {
            continue;
        }
        if scenario.late && module == "virtio_blk" {
            "late.ko".clone_into(&mut name);
        }
        cpio.add(&format!("modules/{name}"), DATA, &read(&path)?)?;
    }
    cpio.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_header_and_every_file_begins_at_a_multiple_of_four() -> Result<()> {
        let mut cpio = Cpio::default();
        cpio.add("a", DATA, b"12345")?;
        let bytes = cpio.finish()?;
        let header = 110;
        assert_eq!(bytes.get(..6), Some(&b"070701"[..]));
        assert_eq!(bytes.get(header..header + 7), Some(&b"a\x0012345"[..]));
        assert_eq!(bytes.get(header + 10..header + 16), Some(&b"070701"[..]));
        assert_eq!(bytes.len() % 4, 0);
        Ok(())
    }
}
