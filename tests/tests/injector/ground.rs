//! The file systems that machines lie on, and their NICs.

use crate::machine::Ground;
use anyhow::Result;
use osconf_tests::command::output_of;
use osconf_tests::disk::RamDisk;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The NICs of all machines, by the samples of ECS.
const NICS: [(&str, &str); 3] = [
    ("eth0", "00:8c:fa:5e:14:23"),
    ("eth1", "00:8c:fa:5e:14:24"),
    ("eth7", "00:8c:fa:5e:14:77"),
];
/// Bytes of each file system that is no RAM disk.
const DISK_BYTES: u64 = 16 << 20;

/// Plugs the NICs into the network namespace of this process.
pub(crate) fn plug_in() -> Result<()> {
    for (number, (name, mac)) in NICS.iter().enumerate() {
        let peer = format!("peer{number}");
        let words = [
            "link", "add", name, "address", mac, "type", "veth", "peer", "name", &peer,
        ];
        output_of(Command::new("ip").args(words))?;
    }
    Ok(())
}

/// The file systems of a worker, unmounted when they are dropped.
pub(crate) struct Grounds(Vec<(PathBuf, Option<RamDisk>)>);

impl Grounds {
    /// Mounts them below `folder`.
    pub(crate) fn lay(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder)?;
        output_of(
            Command::new("mount")
                .args(["-t", "tmpfs", "tmpfs"])
                .arg(folder),
        )?;
        let mut grounds = Self(vec![(folder.to_owned(), None)]);
        for ground in Ground::ALL {
            let place = place(folder, ground);
            fs::create_dir(&place)?;
            match ground {
                Ground::Ram => {}
                Ground::Ext2 => grounds.mount(&place, "ext2")?,
                Ground::Ext4 => grounds.mount(&place, "ext4")?,
                Ground::Apart => {
                    grounds.mount(&place, "ext4")?;
                    fs::create_dir(place.join("part"))?;
                    grounds.mount(&place.join("part"), "ext2")?;
                }
            }
        }
        Ok(grounds)
    }

    /// A file system in memory: syncs are quick, and yet it is no RAM disk to the program.
    fn mount(&mut self, place: &Path, kind: &str) -> Result<()> {
        let disk = RamDisk::formatted(&place.with_extension("img"), DISK_BYTES, kind)?;
        output_of(Command::new("mount").arg(disk.as_ref()).arg(place))?;
        self.0.push((place.to_owned(), Some(disk)));
        Ok(fs::remove_dir(place.join("lost+found"))?)
    }
}

impl Drop for Grounds {
    fn drop(&mut self) {
        // One may lie on another.
        while let Some((place, disk)) = self.0.pop() {
            if let Err(error) = unmount(&place) {
                eprintln!("{error:#}");
            }
            drop(disk);
        }
    }
}

/// Where machines on this ground lie.
pub(crate) fn place(folder: &Path, ground: Ground) -> PathBuf {
    folder.join(format!("{ground:?}").to_lowercase())
}

/// Mounts a file on itself, as container engines do: no rename can replace it.
pub(crate) fn mount_on_itself(file: &Path) -> Result<()> {
    output_of(Command::new("mount").arg("--bind").args([file, file])).map(drop)
}

/// Ends what was mounted there.
pub(crate) fn unmount(place: &Path) -> Result<()> {
    output_of(Command::new("umount").arg(place)).map(drop)
}
