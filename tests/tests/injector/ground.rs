//! The file systems that machines lie on, and their NICs.

use crate::machine::Ground;
use anyhow::Result;
use osconf_tests::command::output_of;
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

/// Mounts the file systems of a worker below `folder`. They end with the mount
/// namespace of this process.
pub(crate) fn lay(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    output_of(
        Command::new("mount")
            .args(["-t", "tmpfs", "tmpfs"])
            .arg(folder),
    )?;
    for ground in Ground::ALL {
        let place = place(folder, ground);
        fs::create_dir(&place)?;
        match ground {
            Ground::Ram => {}
            Ground::Ext2 => disk(&place, "ext2")?,
            Ground::Ext4 => disk(&place, "ext4")?,
            Ground::Apart => {
                disk(&place, "ext4")?;
                fs::create_dir(place.join("part"))?;
                disk(&place.join("part"), "ext2")?;
            }
        }
    }
    Ok(())
}

/// Where machines on this ground lie.
pub(crate) fn place(folder: &Path, ground: Ground) -> PathBuf {
    folder.join(format!("{ground:?}").to_lowercase())
}

/// A file system in memory: syncs are quick, and yet it is no RAM disk to the program.
fn disk(place: &Path, kind: &str) -> Result<()> {
    let image = place.with_extension("img");
    fs::File::create(&image)?.set_len(DISK_BYTES)?;
    output_of(Command::new("mke2fs").args(["-q", "-t", kind]).arg(&image))?;
    output_of(
        Command::new("mount")
            .args(["-o", "loop"])
            .arg(&image)
            .arg(place),
    )?;
    Ok(fs::remove_dir(place.join("lost+found"))?)
}

/// Mounts a file on itself, as container engines do: no rename can replace it.
pub(crate) fn mount_on_itself(file: &Path) -> Result<()> {
    output_of(Command::new("mount").arg("--bind").args([file, file])).map(drop)
}

/// Ends that.
pub(crate) fn unmount(file: &Path) -> Result<()> {
    output_of(Command::new("umount").arg(file)).map(drop)
}
