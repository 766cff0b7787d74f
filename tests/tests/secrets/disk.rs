//! What a disk still holds of the password when os.conf is gone, by file system: the
//! whole image is searched, not its files.

use crate::scene::{CONF, NETWORK, PASSWORD, PASSWORD_BASE64, command, conf, find, lay, run};
use crate::trial;
use anyhow::{Context, Result, ensure};
use libtest_mimic::Trial;
use rustix::fs::{SeekFrom, seek};
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;

/// A file system as somebody made it.
struct Disk {
    name: &'static str,
    make: &'static str,
    megabytes: u64,
    options: &'static str,
    /// Whether overwriting a file there overwrites all that was written of it.
    can_be_wiped: bool,
}

const fn disk(name: &'static str, make: &'static str) -> Disk {
    Disk {
        name,
        make,
        megabytes: 32,
        options: "loop",
        can_be_wiped: true,
    }
}

const DISKS: &[Disk] = &[
    disk("ext2", "mkfs.ext2 -q"),
    disk("ext3", "mkfs.ext3 -q"),
    disk("ext4", "mkfs.ext4 -q"),
    disk("ext4-without-a-journal", "mkfs.ext4 -q -O ^has_journal"),
    Disk {
        options: "loop,data=writeback",
        ..disk("ext4-with-data-written-back", "mkfs.ext4 -q")
    },
    Disk {
        megabytes: 320,
        ..disk("xfs", "mkfs.xfs -q")
    },
    // What is written goes through the journal, which keeps it until it comes round.
    Disk {
        options: "loop,data=journal",
        can_be_wiped: false,
        ..disk("ext4-with-data-in-its-journal", "mkfs.ext4 -q")
    },
    // A small file lies in its inode, and inodes go through the journal.
    Disk {
        can_be_wiped: false,
        ..disk(
            "ext4-with-data-in-inodes",
            "mkfs.ext4 -q -O inline_data -I 1024",
        )
    },
    // Overwriting writes elsewhere; a small file lies in the tree, too.
    Disk {
        megabytes: 160,
        can_be_wiped: false,
        ..disk("btrfs", "mkfs.btrfs -q -m single")
    },
];

/// Two tests for each disk, and the controls.
pub(crate) fn trials() -> Vec<Trial> {
    let all = DISKS.iter().flat_map(|disk| {
        let kept = "eth1_ip_addr=nonsense\n";
        [("destroyed", ""), ("kept", kept)].map(|(name, more)| {
            let name = format!("disk/{}/{name}", disk.name);
            trial(&name, move || disk.judge(more))
        })
    });
    all.chain([trial("disk/what-is-only-removed-is-found", || {
        let found = disk("ext4", "mkfs.ext4 -q")
            .after("", &|root| Ok(fs::remove_file(root.join(CONF))?))?;
        ensure!(!found.is_empty(), "nothing is found");
        Ok(())
    })])
    .collect()
}

impl Disk {
    fn judge(&self, more: &str) -> Result<()> {
        let found = self.after(more, &|root| {
            let words = "apply --wait=0 --network=eni --conf={conf}";
            let command = command(root, words)?;
            let output = Command::new(&command[0]).args(&command[1..]).output()?;
            let code = if more.is_empty() { 0 } else { 3 };
            let said = String::from_utf8_lossy(&output.stderr);
            ensure!(output.status.code() == Some(code), "{said}");
            Ok(())
        })?;
        // README names the disks where it cannot be, which must stay true.
        ensure!(found.is_empty() == self.can_be_wiped, "{found:?}");
        Ok(())
    }

    /// Makes it, with a root on it; what is on the disk of the password once `job` has
    /// been done, and it is unmounted.
    fn after(&self, more: &str, job: &dyn Fn(&Path) -> Result<()>) -> Result<Vec<String>> {
        let folder = tempfile::tempdir()?;
        let image = folder.path().join("disk.img");
        let point = folder.path().join("disk");
        fs::create_dir(&point)?;
        File::create(&image)?.set_len(self.megabytes << 20)?;
        let (image_name, point_name) = (image.to_string_lossy(), point.to_string_lossy());
        let mut words: Vec<&str> = self.make.split(' ').collect();
        let program = words.remove(0);
        run(program, &[&words[..], &[&image_name]].concat())?;
        run("mount", &["-o", self.options, &image_name, &point_name])?;
        let done = lay(&point, &format!("{}{more}", conf(NETWORK)))
            // As it is at a boot: what ECS wrote is on the disk.
            .and_then(|()| run("umount", &[&point_name]))
            .and_then(|()| run("mount", &["-o", self.options, &image_name, &point_name]))
            .and_then(|()| job(&point));
        run("umount", &[&point_name])?;
        done?;
        secrets(&File::open(&image)?)
    }
}

/// Where the password, or its base64, is in an image.
fn secrets(image: &File) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let mut end = 0;
    // The rest was never written.
    while let Ok(start) = seek(image, SeekFrom::Data(end)) {
        end = seek(image, SeekFrom::Hole(start))?;
        let mut bytes = vec![0; usize::try_from(end - start)?];
        image
            .read_exact_at(&mut bytes, start)
            .context("the image")?;
        for secret in [PASSWORD, PASSWORD_BASE64] {
            let mut from = 0;
            while let Some(at) = find(&bytes[from..], secret) {
                found.push(format!("{secret} at {}", start + (from + at) as u64));
                from += at + secret.len();
            }
        }
    }
    Ok(found)
}
