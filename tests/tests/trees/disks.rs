//! Disks with partitions, for the cases that search for the first one.

use crate::case::Case;
use crate::rig::run;
use anyhow::{Context, Result, ensure};
use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

/// Bytes of a partition; ext4 needs two of them, and the tools a round number.
const PARTITION_BYTES: u64 = 8 << 20;

/// Makes the disks of `case` and mounts their partitions below `root`; returns
/// the names of the disks. They vanish with their mounts.
pub(crate) fn mount(case: &Case, work: &Path, root: &Path) -> Result<Vec<String>> {
    let mut mounts = Vec::new();
    let mut devices = Vec::new();
    for (number, partitions) in case.disks.iter().enumerate() {
        let image = work.join(format!("disk{number}.img"));
        let count = partitions.len() as u64;
        File::create(&image)?.set_len(PARTITION_BYTES * (count + 1))?;
        let table = format!("label: dos\n{}", ",8M,L\n".repeat(partitions.len()));
        fs::write(work.join("table"), table)?;
        let output = Command::new("sfdisk")
            .arg("--quiet")
            .arg(&image)
            .stdin(File::open(work.join("table"))?)
            .output()
            .context("sfdisk (fdisk)")?;
        ensure!(
            output.status.success(),
            "sfdisk: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let output = Command::new("losetup")
            .args(["--find", "--show", "--partscan"])
            .arg(&image)
            .output()?;
        ensure!(
            output.status.success(),
            "losetup: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let device = String::from_utf8(output.stdout)?.trim().to_owned();
        // The kernel need not know partition tables: partx tells it, and first
        // what a disk of another case under the same name may have left.
        let _ = run("partx", &["--delete".as_ref(), device.as_ref()]);
        run("partx", &["--add".as_ref(), device.as_ref()])?;
        for (index, point) in partitions.iter().enumerate() {
            let partition = format!("{device}p{}", index + 1);
            if point != "-" {
                run("mkfs.ext4", &["-q".as_ref(), partition.as_ref()])?;
                mounts.push((point.clone(), partition));
            }
        }
        devices.push(device);
    }
    // The root first, since the others are mounted in it.
    mounts.sort();
    for (point, partition) in &mounts {
        let point = root.join(point);
        fs::create_dir_all(&point)?;
        run("mount", &[partition.as_ref(), &point])?;
        fs::remove_dir(point.join("lost+found"))?;
    }
    for device in &devices {
        // What is still mounted keeps it until it is not.
        run("losetup", &["--detach".as_ref(), device.as_ref()])?;
    }
    Ok(devices)
}
