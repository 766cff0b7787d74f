//! The disk of a machine: made as an ordinary user, from a folder.

use std::fs::{self, File, Permissions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use xshell::{Shell, cmd};

use super::parts::Parts;
use super::scenario::{Agent, FileSystem, Network, Scenario, Table};
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

/// What a data disk brings: it belongs to another machine, or to somebody who wishes
/// this one ill.
const HOSTILE: &str = "hostname=hostile\npassword=aG9zdGlsZQ==\n\
    eth0_ip_addr=10.66.66.66\neth0_mac_addr=00:8c:fa:5e:14:23\neth0_netmask=255.0.0.0\n\
    eth0_gateway=10.66.0.1\ndns_nameserver=\"6.6.6.6\"\n";

/// The folder, below the machine's own, that becomes the root file system.
const ROOT: &str = "root";

/// Makes the scenario's disk of the tree that is in the folder, and returns its path.
pub(crate) fn make(scenario: &Scenario, folder: &Path) -> Result<PathBuf> {
    let sh = util::shell()?;
    let sample = super::sample_file(&scenario.sample);
    let tree = folder.join(ROOT);
    let boot = folder.join("boot");
    let conf = Path::new("aliyun_custom_image/os.conf");
    let top = match scenario.has_boot_partition() {
        true => &boot,
        false => &tree,
    };
    util::copy(&sample, &top.join(conf), 0o644)?;
    let root = folder.join("root.img");
    if scenario.agent == Agent::Ram {
        // The disk has something that `root=` can name, and is of no other use.
        let nothing = folder.join("nothing");
        fs::create_dir(&nothing)?;
        ext(&sh, "ext4", "root", &nothing, &root)?;
    } else if scenario.has_boot_partition() {
        ext(&sh, "ext4", "root", &tree, &root)?;
    } else {
        ext(&sh, scenario.first.name(), "root", &tree, &root)?;
    }

    let mut images = vec![root];
    if scenario.has_boot_partition() {
        let image = folder.join("boot.img");
        match scenario.first {
            FileSystem::Fat32 => fat32(&sh, &sample, &image)?,
            kind => ext(&sh, kind.name(), "BOOT", &boot, &image)?,
        }
        images.insert(0, image);
    }
    let disk = folder.join("disk.img");
    partition(&sh, scenario, &images, &disk)?;
    if scenario.data_disk {
        let (tree, image) = (folder.join("data"), folder.join("data-1.img"));
        util::write(&tree.join(conf), HOSTILE)?;
        ext(&sh, "ext4", "data", &tree, &image)?;
        partition(&sh, scenario, &[image], &folder.join("data.img"))?;
    }
    Ok(disk)
}

/// What is in os.conf on the first partition, seen from outside; none, if it is
/// not there. Only where no guest had it mounted to its end.
pub(crate) fn conf(scenario: &Scenario, disk: &Path) -> Result<Option<String>> {
    let sh = util::shell()?;
    // mdir fails where the folder is gone; debugfs does not.
    let list = match scenario.first {
        FileSystem::Fat32 => {
            let at = format!("{}@@{START}", disk.display());
            cmd!(sh, "mdir -b -i {at} ::/aliyun_custom_image").read()
        }
        _ => {
            let at = format!("{}?offset={START}", disk.display());
            let what = "ls -p aliyun_custom_image";
            cmd!(sh, "debugfs -R {what} {at}").ignore_stderr().read()
        }
    };
    let list = list.context("the folder of os.conf is gone, where ECS writes the next one")?;
    if scenario.first != FileSystem::Fat32 && !list.contains("/../") {
        bail!("the folder of os.conf is gone, where ECS writes the next one");
    }
    let names = list.lines().filter_map(|line| match scenario.first {
        FileSystem::Fat32 => line.rsplit('/').next(),
        _ => line.split('/').nth(5),
    });
    let names: Vec<_> = names
        .filter(|name| !["", ".", ".."].contains(name))
        .collect();
    match names.as_slice() {
        [] => Ok(None),
        ["os.conf"] => Ok(Some(match scenario.first {
            FileSystem::Fat32 => {
                let at = format!("{}@@{START}", disk.display());
                cmd!(sh, "mtype -i {at} ::/aliyun_custom_image/os.conf").read()?
            }
            _ => {
                let at = format!("{}?offset={START}", disk.display());
                let what = "cat aliyun_custom_image/os.conf";
                cmd!(sh, "debugfs -R {what} {at}").ignore_stderr().read()?
            }
        })),
        other => bail!("beside os.conf there is: {other:?}"),
    }
}

/// Writes os.conf on the first partition, as ECS does while the machine is off.
pub(crate) fn write_conf(scenario: &Scenario, sample: &Path, disk: &Path) -> Result<()> {
    let sh = util::shell()?;
    if scenario.first == FileSystem::Fat32 {
        let at = format!("{}@@{START}", disk.display());
        let to = "::/aliyun_custom_image/os.conf";
        cmd!(sh, "mcopy -o -i {at} {sample} {to}").quiet().run()?;
    } else {
        let at = format!("{}?offset={START}", disk.display());
        let sample = sample.display();
        let what = format!("write {sample} aliyun_custom_image/os.conf");
        cmd!(sh, "debugfs -w -R {what} {at}")
            .quiet()
            .ignore_stdout()
            .ignore_stderr()
            .run()?;
    }
    Ok(())
}

/// Makes the root file system as a folder, and returns its path: `xtask/root`, BusyBox,
/// the init recipe, the facts script, and `osconf`, the agent's binary.
pub(crate) fn tree(
    scenario: &Scenario,
    parts: &Parts,
    osconf: &Path,
    folder: &Path,
) -> Result<PathBuf> {
    let tree = folder.join(ROOT);
    for folder in [
        "boot", "dev", "proc", "root", "run", "sys", "tmp", "usr/sbin", "sbin", "var",
    ] {
        fs::create_dir_all(tree.join(folder))?;
    }
    symlink("../run", tree.join("var/run"))?;
    util::copy_tree(&util::root().join("xtask/root"), &tree)?;
    for (file, mode) in [("etc/shadow", 0o600), ("etc/udhcpc/default.script", 0o755)] {
        fs::set_permissions(tree.join(file), Permissions::from_mode(mode))?;
    }
    match scenario.network {
        Network::Kernel => fs::remove_dir_all(tree.join("etc/network"))?,
        Network::Eni => {
            // Git keeps no empty folders; without them ifup complains at every step.
            for folder in ["if-pre-up.d", "if-up.d"] {
                fs::create_dir(tree.join("etc/network").join(folder))?;
            }
        }
    }
    if scenario.has_boot_partition() && !scenario.is_hidden() {
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
    if scenario.agent != Agent::Initramfs {
        util::copy(osconf, &tree.join("usr/sbin/osconf"), 0o755)?;
    }
    util::write(&tree.join("facts"), include_str!("facts.sh"))?;
    Ok(tree)
}

/// An ext2 or ext4 file system with the folder's files, all of them root's.
fn ext(sh: &Shell, kind: &str, label: &str, tree: &Path, image: &Path) -> Result<()> {
    File::create(image)?.set_len(PARTITION)?;
    // As most programs make it, whatever this machine's own settings are.
    let features = match kind {
        "ext4" => "64bit",
        _ => "^64bit",
    };
    cmd!(
        sh,
        "mke2fs -q -t {kind} -O {features} -L {label} -d {tree} {image}"
    )
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

/// Puts the file systems behind a partition table.
fn partition(sh: &Shell, scenario: &Scenario, images: &[PathBuf], disk: &Path) -> Result<()> {
    let (label, fat, linux) = match scenario.table {
        Table::Mbr => ("dos", "c", "L"),
        Table::Gpt => ("gpt", "U", "L"),
    };
    // Before a logical partition is a table of its own, in the middle of the gap.
    let start = |index: usize| START + index as u64 * (PARTITION + START);
    let mut table = format!("label: {label}\n");
    let mut is_extended = scenario.table == Table::Gpt;
    for (index, (image, number)) in images.iter().zip(&scenario.numbers).enumerate() {
        if *number > 4 && !is_extended {
            is_extended = true;
            let middle = start(index) - START / 2;
            table.push_str(&format!("start={}, type=E\n", middle / 512));
        }
        let is_fat = scenario.first == FileSystem::Fat32 && image.ends_with("boot.img");
        let kind = if is_fat { fat } else { linux };
        table.push_str(&format!(
            "{number}: start={}, size={}, type={kind}\n",
            start(index) / 512,
            PARTITION / 512
        ));
    }
    let mut file = File::create(disk)?;
    // GPT has its copy at the end.
    file.set_len(start(images.len()))?;
    cmd!(sh, "sfdisk --quiet {disk}")
        .stdin(table)
        .quiet()
        .run()?;
    for (index, image) in images.iter().enumerate() {
        copy_sparse(image, &mut file, start(index))?;
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
