//! Disks with partitions, for the cases that search for the first one.

use crate::rig::{output_of, run};
use anyhow::Result;
use osconf_tests::case::Case;
use osconf_tests::disk::Loop;
use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

/// Bytes of a partition; ext4 needs two of them, and the tools a round number.
const PARTITION_BYTES: u64 = 8 << 20;

/// A loop device with partitions. It goes when nothing of it is mounted any more, but
/// must be told to, whatever happens meanwhile.
struct Disk(Loop);

impl Disk {
    fn new(image: &Path, partitions: usize) -> Result<Self> {
        File::create(image)?.set_len(PARTITION_BYTES * (partitions as u64 + 1))?;
        let table = image.with_extension("table");
        fs::write(
            &table,
            format!("label: dos\n{}", ",8M,L\n".repeat(partitions)),
        )?;
        output_of(
            Command::new("sfdisk")
                .arg("--quiet")
                .arg(image)
                .stdin(File::open(table)?),
        )?;
        let disk = Self(Loop::with(&["--partscan"], image)?);
        // The kernel need not know partition tables: partx tells it, and first
        // what a disk of another case under the same name may have left.
        let _ = run("partx", &["--delete".as_ref(), disk.0.as_ref()]);
        run("partx", &["--add".as_ref(), disk.0.as_ref()])?;
        Ok(disk)
    }

    fn name(&self) -> String {
        self.0.as_ref().display().to_string()
    }
}

/// Makes the disks of `case` and mounts their partitions below `root`; returns
/// the names of the disks. They vanish with their mounts.
pub(crate) fn mount(case: &Case, work: &Path, root: &Path) -> Result<Vec<String>> {
    let mut mounts = Vec::new();
    let mut disks = Vec::new();
    for (number, points) in case.disks.iter().enumerate() {
        let disk = Disk::new(&work.join(format!("disk{number}.img")), points.len())?;
        for (partition, point) in (1..).zip(points).filter(|(_, point)| *point != "-") {
            mounts.push((point, format!("{}p{partition}", disk.name())));
        }
        disks.push(disk);
    }
    // The root first, since the others are mounted in it.
    mounts.sort();
    for (point, partition) in &mounts {
        let point = root.join(point);
        fs::create_dir_all(&point)?;
        run("mkfs.ext4", &["-q".as_ref(), partition.as_ref()])?;
        run("mount", &[partition.as_ref(), &point])?;
        fs::remove_dir(point.join("lost+found"))?;
    }
    Ok(disks.iter().map(Disk::name).collect())
}
