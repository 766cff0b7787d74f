//! A disk image, made by the tools that people make them with.

use core::time::Duration;
use osconf_tests::product;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Instant;

const MIB: u64 = 1 << 20;

/// How a disk is divided.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Table {
    Mbr,
    Gpt,
    /// Not at all: there is one file system.
    None,
}

struct Part {
    mib: u64,
    kind: String,
    make: Vec<String>,
    is_root: bool,
}

/// A disk, and the files of its root.
pub struct Disk {
    folder: tempfile::TempDir,
    table: Table,
    parts: Vec<Part>,
    files: BTreeMap<String, String>,
    machine: u16,
}

fn run(command: &mut Command) -> Output {
    // Some tools live where ordinary users do not look.
    let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap());
    let output = command.env("PATH", path).output();
    let output = output.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

impl Disk {
    /// One without partitions yet.
    pub fn new(table: Table) -> Self {
        let fstab = format!("UUID={} / auto defaults 0 1\n", super::UUID);
        let files = [
            ("etc/fstab", fstab.as_str()),
            ("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n"),
            ("etc/shadow", "root:*:19000:0:99999:7:::\n"),
            ("aliyun_custom_image/.keep", ""),
            ("usr/bin/passwd", ""),
        ];
        Self {
            folder: tempfile::tempdir().unwrap(),
            table,
            parts: Vec::new(),
            files: files
                .map(|(name, text)| (name.to_owned(), text.to_owned()))
                .into(),
            machine: 62,
        }
    }

    /// The next partition, of so many MiB, of a kind that sfdisk knows, and what makes
    /// its file system.
    pub fn part(&mut self, mib: u64, kind: &str, make: &[&str]) {
        self.add(mib, kind, make, false);
    }

    /// The next partition, which is the root.
    pub fn root(&mut self, mib: u64, make: &[&str]) {
        self.add(mib, "L", make, true);
    }

    fn add(&mut self, mib: u64, kind: &str, make: &[&str], is_root: bool) {
        self.parts.push(Part {
            mib,
            kind: kind.to_owned(),
            make: make.iter().map(|&word| word.to_owned()).collect(),
            is_root,
        });
        self.make();
    }

    /// Another `/etc/fstab`, from the next making on.
    pub fn fstab(&mut self, text: &str) {
        self.file("etc/fstab", text);
    }

    /// Another file, from the next making on.
    pub fn file(&mut self, name: &str, text: &str) {
        self.files.insert(name.to_owned(), text.to_owned());
    }

    /// Programs for this machine (`e_machine` of elf.h), from the next making on.
    pub fn architecture(&mut self, machine: u16) {
        self.machine = machine;
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("disk.img")
    }

    /// The folder that the root's file system is made of.
    fn tree(&self) -> PathBuf {
        let tree = self.folder.path().join("tree");
        let _ = fs::remove_dir_all(&tree);
        for (name, text) in &self.files {
            let path = tree.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let shadow = tree.join("etc/shadow");
        fs::set_permissions(shadow, fs::Permissions::from_mode(0o600)).unwrap();
        let mut head = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0".to_vec();
        head.extend(self.machine.to_le_bytes());
        head.resize(64, 0);
        fs::create_dir_all(tree.join("bin")).unwrap();
        fs::write(tree.join("bin/sh"), head).unwrap();
        tree
    }

    /// Makes the image.
    pub fn make(&self) {
        let image = self.path();
        let _ = fs::remove_file(&image);
        let all: u64 = self.parts.iter().map(|part| part.mib).sum();
        let file = fs::File::create(&image).unwrap();
        file.set_len((all + 2) * MIB).unwrap();
        let label = match self.table {
            Table::Mbr => "dos",
            Table::Gpt => "gpt",
            Table::None => "",
        };
        if !label.is_empty() {
            let mut script = format!("label: {label}\n");
            for part in &self.parts {
                script += &format!("size={}M, type={}\n", part.mib, part.kind);
            }
            let path = self.folder.path().join("script");
            fs::write(&path, script).unwrap();
            // The last MiB is the backup of a GPT.
            let mut sfdisk = Command::new("sfdisk");
            run(sfdisk
                .args(["--quiet", "--no-reread"])
                .arg(&image)
                .stdin(fs::File::open(path).unwrap()));
        }
        let mut start = if label.is_empty() { 0 } else { 1 };
        let tree = self.tree();
        for part in &self.parts {
            let path = self.folder.path().join("part");
            let _ = fs::remove_file(&path);
            let made = fs::File::create(&path).unwrap();
            made.set_len(part.mib * MIB).unwrap();
            let mut make = Command::new(&part.make[0]);
            make.args(&part.make[1..]);
            match part.make[0].as_str() {
                "mke2fs" if part.is_root => {
                    make.arg("-F").arg("-d").arg(&tree).arg(&path);
                }
                "mke2fs" => {
                    make.arg("-F").arg(&path);
                }
                "mkfs.btrfs" => {
                    make.arg("--rootdir").arg(&tree).arg(&path);
                }
                "makefs" => {
                    make.arg(&path).arg(&tree);
                }
                _ => {
                    make.arg(&path);
                }
            }
            run(&mut make);
            run(Command::new("dd")
                .arg(format!("if={}", path.display()))
                .arg(format!("of={}", image.display()))
                .arg(format!("seek={start}"))
                .args(["bs=1M", "conv=notrunc,sparse", "status=none"]));
            start += part.mib;
        }
    }

    /// Makes it this long; what is behind the partitions is free.
    pub fn grow(&mut self, len: u64) {
        let file = fs::File::options().write(true).open(self.path()).unwrap();
        file.set_len(len).unwrap();
    }

    /// All of it.
    pub fn bytes(&self) -> Vec<u8> {
        fs::read(self.path()).unwrap()
    }

    /// What is found on it. The image stays as it is.
    pub fn check(&self) -> Found {
        let before = modified(&self.path());
        let found = check(
            Command::new(product::binary().unwrap())
                .arg("check")
                .arg("--image")
                .arg(self.path()),
        );
        assert_eq!(modified(&self.path()), before, "the image was written to");
        found
    }

    /// The same by somebody who may not mount anything.
    pub fn check_as_nobody(&self) -> Found {
        let folder = self.folder.path();
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
        let program = folder.join("osconf");
        fs::copy(product::binary().unwrap(), &program).unwrap();
        check(
            Command::new("setpriv")
                .args(["--reuid", "65534", "--regid", "65534", "--clear-groups"])
                .arg(program)
                .arg("check")
                .arg("--image")
                .arg(self.path()),
        )
    }

    /// Mounts the root, which must be on the first partition.
    pub fn mount(&self) -> Mounted {
        let point = self.folder.path().join("mnt");
        fs::create_dir_all(&point).unwrap();
        let offset = if self.table == Table::None { 0 } else { MIB };
        run(Command::new("mount")
            .arg("-o")
            .arg(format!("loop,offset={offset}"))
            .arg(self.path())
            .arg(&point));
        Mounted(point)
    }
}

fn modified(path: &Path) -> std::time::SystemTime {
    fs::metadata(path).unwrap().modified().unwrap()
}

/// A root that is mounted, until this is dropped.
pub struct Mounted(PathBuf);

impl Mounted {
    /// Where.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// What is found in it.
    pub fn check(&self) -> Found {
        check(
            Command::new(product::binary().unwrap())
                .args(["check", "--root"])
                .arg(&self.0),
        )
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

/// What was found.
pub struct Found(serde_json::Value);

impl Found {
    /// The verdict of an item, and what was said.
    pub fn item(&self, name: &str) -> (String, String) {
        let items = self.0["check_items"].as_array().unwrap();
        let item = items.iter().find(|item| item["name"] == name);
        let item = item.unwrap_or_else(|| panic!("no item {name}"));
        let text = |key: &str| item[key].as_str().unwrap().to_owned();
        (text("result"), text("description"))
    }

    /// All verdicts.
    pub fn verdicts(&self) -> Vec<(String, String)> {
        let items = self.0["check_items"].as_array().unwrap();
        let names = items.iter().map(|item| item["name"].as_str().unwrap());
        names
            .map(|name| (name.to_owned(), self.item(name).0))
            .collect()
    }
}

fn check(command: &mut Command) -> Found {
    let start = Instant::now();
    let output = command.args(["--all", "--json"]).output().unwrap();
    assert!(start.elapsed() < Duration::from_secs(60), "it hangs");
    assert!(
        matches!(output.status.code(), Some(0 | 1)),
        "{:?}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    Found(serde_json::from_slice(&output.stdout).unwrap())
}

/// Checks an image of these bytes: there is an end, and every item has a verdict.
pub fn check_bytes(bytes: &[u8]) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("disk.img");
    fs::write(&path, bytes).unwrap();
    let output = Command::new(product::binary().unwrap())
        .arg("check")
        .arg("--image")
        .arg(&path)
        .args(["--all", "--json"])
        .output()
        .unwrap();
    assert!(matches!(output.status.code(), Some(0 | 1)), "{output:?}");
    if bytes.is_empty() {
        // Nothing to judge, and that is said.
        assert!(output.stdout.is_empty() && !output.stderr.is_empty());
    } else {
        let found = Found(serde_json::from_slice(&output.stdout).unwrap());
        assert!(found.verdicts().len() > 30);
    }
}
