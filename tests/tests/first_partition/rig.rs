//! Disks in files, as loop devices, and a root on one of them.

use osconf_tests::disk::Loop;
use osconf_tests::namespace;
use osconf_tests::product::binary;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// What a test brings as os.conf.
pub(crate) const CONF: &str = "hostname=from-os-conf\n";

/// Runs `body`, which belongs to the test `name`, where nobody else sees its
/// mounts. Without root there are no loop devices, and nothing is tested.
pub(crate) fn alone(name: &str, body: fn()) {
    if namespace::is_root() {
        namespace::enter(&["--mount"], name, body);
    } else {
        eprintln!("skipped: loop devices need root");
    }
}

pub(crate) fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}"));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {error}");
    String::from_utf8(output.stdout).unwrap()
}

/// A disk; its loop device goes with it.
pub(crate) struct Disk {
    /// Its device.
    pub(crate) device: String,
    _attached: Loop,
    _folder: TempDir,
}

impl Disk {
    /// A disk that `table`, a script for sfdisk(8), divides; nothing, if it is empty.
    pub(crate) fn new(table: &str) -> Self {
        let (folder, image) = image(table);
        let attached = attach(&image);
        Self {
            device: attached.as_ref().display().to_string(),
            _attached: attached,
            _folder: folder,
        }
    }

    /// The device of partition `number`.
    pub(crate) fn partition(&self, number: u32) -> String {
        format!("{}p{number}", self.device)
    }

    /// Makes a file system on a partition, or on the whole disk (0), with os.conf.
    pub(crate) fn make(&self, number: u32, mkfs: &[&str], conf: &str) -> String {
        let device = match number {
            0 => self.device.clone(),
            _ => self.partition(number),
        };
        let (program, options) = mkfs.split_first().unwrap();
        run(program, &[options, &[&device]].concat());
        let point = tempfile::tempdir().unwrap();
        let path = point.path().to_str().unwrap();
        run("mount", &[&device, path]);
        put(point.path(), "aliyun_custom_image/os.conf", conf);
        run("umount", &[path]);
        device
    }

    /// What is in os.conf on a partition, if it is there.
    pub(crate) fn conf_on(&self, device: &str) -> Option<String> {
        let point = tempfile::tempdir().unwrap();
        let path = point.path().to_str().unwrap();
        run("mount", &["-o", "ro", device, path]);
        let text = fs::read_to_string(point.path().join("aliyun_custom_image/os.conf")).ok();
        run("umount", &[path]);
        text
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Or else it can only be read by whoever has this device next.
        let _ = Command::new("blockdev")
            .args(["--setrw", &self.device])
            .status();
    }
}

/// An image that `table` divides, and the folder that it lies in.
pub(crate) fn image(table: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("disk.img");
    File::create(&image).unwrap().set_len(48 << 20).unwrap();
    if !table.is_empty() {
        let mut child = Command::new("sfdisk")
            .args(["--quiet", image.to_str().unwrap()])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(table.as_bytes())
            .unwrap();
        assert!(child.wait().unwrap().success());
    }
    (folder, image)
}

/// Makes a loop device of it, with its partitions.
pub(crate) fn attach(image: &Path) -> Loop {
    let device = Loop::new(image).unwrap();
    for deed in ["--delete", "--add"] {
        let _ = Command::new("partx")
            .arg(deed)
            .arg(device.as_ref())
            .stderr(Stdio::null())
            .status();
    }
    device
}

fn put(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// A root file system on a device, mounted.
pub(crate) struct Root {
    folder: TempDir,
}

impl Root {
    /// Mounts `device` as the root, with what a machine has at least.
    pub(crate) fn mount(device: &str) -> Self {
        run("mkfs.ext4", &["-q", device]);
        let folder = tempfile::tempdir().unwrap();
        run("mount", &[device, folder.path().to_str().unwrap()]);
        Self::furnish(folder, &["dev", "proc", "sys"])
    }

    /// A root in memory, whose kernel shows no disk yet, and was told of none.
    pub(crate) fn in_ram() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let point = folder.path().to_str().unwrap();
        run("mount", &["-t", "tmpfs", "none", point]);
        let root = Self::furnish(folder, &["dev", "proc"]);
        root.put("line", "quiet\n");
        let [line, own] = ["line", "proc/cmdline"].map(|name| root.path().join(name));
        let [line, own] = [&line, &own].map(|path| path.to_str().unwrap());
        run("mount", &["--bind", line, own]);
        fs::create_dir_all(root.path().join("sys/class/block")).unwrap();
        root
    }

    /// Has the kernel of a root in memory show `device`, as `place` of `/sys/devices`.
    pub(crate) fn show(&self, device: &str, place: &str) {
        let number = fs::metadata(device).unwrap().rdev();
        let major = number >> 8 & 0xfff;
        let minor = number & 0xff | number >> 12 & 0xf_ff00;
        let name = device.rsplit('/').next().unwrap();
        let put = |file: &str, text: &str| self.put(&format!("sys/devices/{place}/{file}"), text);
        put(
            "uevent",
            &format!("MAJOR={major}\nMINOR={minor}\nDEVNAME={name}\n"),
        );
        put("dev", &format!("{major}:{minor}\n"));
        put("size", "32768\n");
        if place.contains('/') {
            put("partition", "1\n");
        } else {
            put("removable", "0\n");
            put("device/model", "");
        }
        let link = self.path().join("sys/class/block").join(name);
        symlink(format!("../../devices/{place}"), link).unwrap();
    }

    fn furnish(folder: TempDir, shared: &[&str]) -> Self {
        let root = Self { folder };
        put(root.path(), "etc/hostname", "as-built\n");
        fs::copy(binary().unwrap(), root.path().join("osconf")).unwrap();
        for name in shared {
            let point = root.path().join(name);
            fs::create_dir(&point).unwrap();
            run(
                "mount",
                &["--bind", &format!("/{name}"), point.to_str().unwrap()],
            );
        }
        root
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// What is in a file of it.
    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path().join(path)).unwrap()
    }

    /// Mounts something in it.
    pub(crate) fn mount_at(&self, device: &str, point: &str, options: &str) {
        let point = self.path().join(point);
        fs::create_dir_all(&point).unwrap();
        run("mount", &["-o", options, device, point.to_str().unwrap()]);
    }

    /// Runs the program with it as `/`; returns what it said and its exit code.
    pub(crate) fn osconf(&self, arguments: &str) -> (i32, String) {
        let mut command = Command::new("chroot");
        command
            .arg(self.path())
            .arg("/osconf")
            .args(arguments.split(' '));
        said(&command.output().unwrap())
    }

    /// Puts a file into it.
    pub(crate) fn put(&self, path: &str, text: &str) {
        put(self.path(), path, text);
    }

    /// Mounts it anew, in another way.
    pub(crate) fn mount_again(&self, options: &str) {
        let options = format!("remount,{options}");
        run("mount", &["-o", &options, self.path().to_str().unwrap()]);
    }

    /// Runs the program as an initramfs does, where it is not the root yet.
    pub(crate) fn osconf_from_outside(&self, arguments: &str) -> (i32, String) {
        let mut command = Command::new(binary().unwrap());
        command.args(arguments.split(' '));
        command.arg("--root").arg(self.path());
        said(&command.output().unwrap())
    }

    /// Makes the kernel's command line another one, until this is dropped.
    pub(crate) fn kernel_line(&self, line: &str) -> KernelLine {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), format!("{line}\n")).unwrap();
        let path = file.path().to_str().unwrap();
        run("mount", &["--bind", path, "/proc/cmdline"]);
        KernelLine { _file: file }
    }

    /// The same root in a file system that cannot be written.
    pub(crate) fn squashed(other: &Self) -> Self {
        let (folder, work) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let image = work.path().join("image");
        let (from, to) = (other.path().join("etc"), image.to_str().unwrap());
        let how = ["-keep-as-directory", "-no-progress", "-quiet"];
        let arguments = [&[from.to_str().unwrap(), to], &how[..]].concat();
        run("mksquashfs", &arguments);
        // Mounted, it needs its name no more.
        run("mount", &[to, folder.path().to_str().unwrap()]);
        Self { folder }
    }

    /// The mounts that the machine has.
    pub(crate) fn mounts() -> Vec<String> {
        let text = fs::read_to_string("/proc/self/mounts").unwrap();
        text.lines().map(str::to_owned).collect()
    }
}

/// What the kernel is thought to have been started with.
pub(crate) struct KernelLine {
    _file: tempfile::NamedTempFile,
}

impl Drop for KernelLine {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("/proc/cmdline").status();
    }
}

pub(crate) fn said(output: &Output) -> (i32, String) {
    let text = [&*output.stdout, &*output.stderr].concat();
    (
        output.status.code().unwrap_or(-1),
        String::from_utf8(text).unwrap(),
    )
}

impl Drop for Root {
    fn drop(&mut self) {
        let path = self.path().to_str().unwrap();
        let _ = Command::new("umount").args(["--recursive", path]).status();
    }
}
