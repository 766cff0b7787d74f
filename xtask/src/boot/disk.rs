//! The disk of a machine: made as an ordinary user, from a folder.

use std::fs::{self, File, Permissions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use anyhow::Result;
use xshell::{Shell, cmd};

use super::parts::Parts;
use super::scenario::{Agent, FileSystem, Network, Scenario};
use crate::util;

/// Programs of BusyBox that the root file system has under their own names.
const APPLETS: &[&str] = &[
    "cat",
    "chmod",
    "cut",
    "dmesg",
    "find",
    "getty",
    "grep",
    "hostname",
    "id",
    "ifconfig",
    "ifdown",
    "ifup",
    "init",
    "ip",
    "login",
    "ls",
    "mkdir",
    "mount",
    "nslookup",
    "poweroff",
    "ps",
    "reboot",
    "route",
    "run-parts",
    "sed",
    "sh",
    "sha256sum",
    "sleep",
    "sort",
    "stat",
    "sync",
    "test",
    "udhcpc",
    "umount",
    "uname",
];
/// The first partition begins here, where every partitioning program puts it.
const START: u64 = 1 << 20;
/// 48 MiB: with clusters of 512 bytes this has the 65,525 clusters that make a FAT32.
const PARTITION: u64 = 48 << 20;

/// Makes the scenario's disk and returns its path; `osconf` is the agent's binary.
pub(crate) fn make(
    scenario: &Scenario,
    parts: &Parts,
    osconf: &Path,
    folder: &Path,
) -> Result<PathBuf> {
    let sh = util::shell()?;
    let sample = util::root()
        .join("tests/samples")
        .join(format!("{}.conf", scenario.sample));
    let tree = folder.join("root");
    root_tree(scenario, parts, osconf, &tree)?;
    if !scenario.has_boot_partition() {
        util::copy(&sample, &tree.join("aliyun_custom_image/os.conf"), 0o644)?;
    }
    let root = folder.join("root.img");
    let kind = if scenario.first == FileSystem::Ext2 {
        "ext2"
    } else {
        "ext4"
    };
    ext(&sh, kind, &tree, &root)?;

    let mut images = vec![root];
    if scenario.has_boot_partition() {
        let boot = folder.join("boot.img");
        fat32(&sh, &sample, &boot)?;
        images.insert(0, boot);
    }
    let disk = folder.join("disk.img");
    partition(&sh, scenario, &images, &disk)?;
    Ok(disk)
}

/// The root file system as a folder: `xtask/root`, BusyBox, the init recipe and the facts script.
fn root_tree(scenario: &Scenario, parts: &Parts, osconf: &Path, tree: &Path) -> Result<()> {
    for folder in [
        "boot", "dev", "proc", "root", "run", "sys", "tmp", "usr/sbin", "sbin", "var",
    ] {
        fs::create_dir_all(tree.join(folder))?;
    }
    symlink("../run", tree.join("var/run"))?;
    util::copy_tree(&util::root().join("xtask/root"), tree)?;
    fs::set_permissions(tree.join("etc/shadow"), Permissions::from_mode(0o600))?;
    match scenario.network {
        Network::Kernel => fs::remove_dir_all(tree.join("etc/network"))?,
        Network::Eni => {
            // Git keeps no empty folders; without them ifup complains at every step.
            for folder in ["if-pre-up.d", "if-up.d"] {
                fs::create_dir(tree.join("etc/network").join(folder))?;
            }
        }
    }
    if scenario.has_boot_partition() {
        let fstab = tree.join("etc/fstab");
        let text = util::read(&fstab)?;
        util::write(
            &fstab,
            format!("{text}{} /boot vfat defaults 0 2\n", scenario.boot_device()),
        )?;
    }

    util::copy(&parts.busybox, &tree.join("bin/busybox"), 0o755)?;
    // su changes to root for users who are not, so it cannot be a link.
    util::copy(&parts.busybox, &tree.join("bin/su"), 0o4755)?;
    for applet in APPLETS {
        symlink("busybox", tree.join("bin").join(applet))?;
    }
    symlink("../bin/busybox", tree.join("sbin/init"))?;
    symlink("../bin/busybox", tree.join("sbin/getty"))?;
    let recipe = util::root().join("targets/init/busybox");
    util::copy(&recipe.join("inittab"), &tree.join("etc/inittab"), 0o644)?;
    util::copy(&recipe.join("rcS"), &tree.join("etc/init.d/rcS"), 0o755)?;
    if scenario.agent == Agent::Init {
        util::copy(osconf, &tree.join("usr/sbin/osconf"), 0o755)?;
    }
    util::write(&tree.join("facts"), include_str!("facts.sh"))
}

/// An ext2 or ext4 file system with the folder's files, all of them root's.
fn ext(sh: &Shell, kind: &str, tree: &Path, image: &Path) -> Result<()> {
    File::create(image)?.set_len(PARTITION)?;
    cmd!(sh, "mke2fs -q -t {kind} -L root -d {tree} {image}")
        .quiet()
        .ignore_stderr()
        .run()?;
    // mke2fs copies the owner, who is whoever runs this; only root may chown beforehand.
    let mut script = String::new();
    for path in paths(tree, tree)? {
        script.push_str(&format!(
            "set_inode_field {path} uid 0\nset_inode_field {path} gid 0\n"
        ));
    }
    cmd!(sh, "debugfs -w -f - {image}")
        .stdin(script)
        .quiet()
        .ignore_stdout()
        .ignore_stderr()
        .run()?;
    Ok(())
}

/// The paths of all folders and files, as the new system will see them.
fn paths(root: &Path, folder: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_symlink() {
            continue;
        }
        found.push(format!("/{}", path.strip_prefix(root)?.display()));
        if path.is_dir() {
            found.extend(paths(root, &path)?);
        }
    }
    Ok(found)
}

/// A FAT32 file system with os.conf in its folder.
fn fat32(sh: &Shell, sample: &Path, image: &Path) -> Result<()> {
    File::create(image)?.set_len(PARTITION)?;
    cmd!(sh, "mkfs.vfat -F 32 -s 1 -n BOOT {image}")
        .quiet()
        .ignore_stdout()
        .run()?;
    cmd!(sh, "mmd -i {image} ::/aliyun_custom_image")
        .quiet()
        .run()?;
    cmd!(
        sh,
        "mcopy -i {image} {sample} ::/aliyun_custom_image/os.conf"
    )
    .quiet()
    .run()?;
    Ok(())
}

/// Puts the file systems behind an MBR.
fn partition(sh: &Shell, scenario: &Scenario, images: &[PathBuf], disk: &Path) -> Result<()> {
    let start = |number: usize| START + number as u64 * PARTITION;
    let mut table = "label: dos\n".to_owned();
    for number in 0..images.len() {
        let kind = if number == 0 && scenario.has_boot_partition() {
            "c"
        } else {
            "83"
        };
        table.push_str(&format!(
            "start={}, size={}, type={kind}\n",
            start(number) / 512,
            PARTITION / 512
        ));
    }
    let mut file = File::create(disk)?;
    file.set_len(start(images.len()))?;
    cmd!(sh, "sfdisk --quiet {disk}")
        .stdin(table)
        .quiet()
        .run()?;
    for (number, image) in images.iter().enumerate() {
        copy_sparse(image, &mut file, start(number))?;
    }
    Ok(())
}

/// Copies what is not zero, so that the disk takes no more room than its files.
fn copy_sparse(image: &Path, disk: &mut File, start: u64) -> Result<()> {
    let mut image = File::open(image)?;
    let mut block = vec![0; 1 << 16];
    let mut position = start;
    loop {
        let length = image.read(&mut block)?;
        let Some(read) = block.get(..length).filter(|read| !read.is_empty()) else {
            return Ok(());
        };
        if read.iter().any(|&byte| byte != 0) {
            disk.seek(SeekFrom::Start(position))?;
            disk.write_all(read)?;
        }
        position += length as u64;
    }
}
