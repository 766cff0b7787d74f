//! A machine in QEMU on the disks of this rig: another kernel, with FAT, which the
//! host need not have; and the plug is pulled while osconf runs.
//!
//! It boots once for each setup, and waits at its console. Its memory is then kept
//! in a file (QEMU's migration to `file:`), from where each trial starts.

use crate::disk::Disks;
use crate::image::Image;
use crate::machine::{CONF, MAC, Setup};
use anyhow::{Context, Result, bail, ensure};
use core::time::Duration;
use osconf_tests::product;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Instant;

/// Longer than any step may take.
const LIMIT: Duration = Duration::from_secs(90);
/// The order in which modules are loaded.
const MODULES: &str = include_str!("../../../targets/initramfs/cpio/modules");

/// Mounts what the kernel's line names, and then runs each line that is typed.
const INIT: &str = r#"#!/bin/busybox sh
/bin/busybox mkdir -p /dev /proc /sys /root
/bin/busybox --install -s /bin
mount -t devtmpfs dev /dev
mount -t proc proc /proc
mount -t sysfs sys /sys
for turn in 1 2; do
    while read -r name; do
        [ ! -f "/modules/$name.ko" ] || insmod "/modules/$name.ko" 2> /dev/null
    done < /modules/order
done
mount -t "$fs0" -o noatime /dev/vda /root
[ -z "$fs1" ] || mount -t "$fs1" -o noatime /dev/vdb /root/boot
stty -echo
echo "== ready"
while read -r line; do
    sh -c "$line"
    echo "== exit $?"
done
"#;

/// What a machine is made of.
pub(crate) struct Guest {
    parts: PathBuf,
    folder: PathBuf,
    initramfs: PathBuf,
}

/// A machine that runs; dropping it pulls the plug.
pub(crate) struct Power {
    qemu: Child,
    keyboard: ChildStdin,
    screen: Receiver<Vec<u8>>,
    shown: String,
}

impl Guest {
    /// Packs the initramfs, with what `cargo xtask boot` keeps of Debian's kernel.
    pub(crate) fn new(folder: &Path) -> Result<Self> {
        let home = PathBuf::from(std::env::var_os("HOME").unwrap_or_default());
        let parts = std::env::var_os("OSCONF_GUEST")
            .map_or_else(|| home.join(".cache/osconf/boot/x86_64"), PathBuf::from);
        ensure!(
            parts.join("kernel").is_file(),
            "there is no kernel in {}: `cargo xtask reliability crashes` fetches it",
            parts.display()
        );
        fs::create_dir_all(folder)?;
        let mut archive = Vec::new();
        for name in ["dev", "bin", "modules"] {
            entry(&mut archive, name, 0o040_755, b"");
        }
        entry(&mut archive, "init", 0o100_755, INIT.as_bytes());
        entry(&mut archive, "modules/order", 0o100_644, MODULES.as_bytes());
        let busybox = fs::read(parts.join("busybox"))?;
        entry(&mut archive, "bin/busybox", 0o100_755, &busybox);
        let osconf = fs::read(product::binary()?)?;
        entry(&mut archive, "bin/osconf", 0o100_755, &osconf);
        for module in fs::read_dir(parts.join("modules"))? {
            let path = module?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let name = format!("modules/{name}");
            entry(&mut archive, &name, 0o100_644, &fs::read(&path)?);
        }
        entry(&mut archive, "TRAILER!!!", 0, b"");
        let initramfs = folder.join("initramfs");
        fs::write(&initramfs, archive)?;
        Ok(Self {
            parts,
            folder: folder.to_owned(),
            initramfs,
        })
    }

    /// Starts the machine, from its kernel or from its kept memory.
    fn start(&self, disks: &Disks, setup: &Setup, memory: Option<&Path>) -> Result<Power> {
        let mut command = Command::new("qemu-system-x86_64");
        command
            .args("-accel tcg -M pc -cpu qemu64 -m 128 -nodefaults -display none".split(' '))
            .args("-serial stdio -no-reboot -netdev user,id=net,restrict=on".split(' '))
            .arg("-monitor")
            .arg(format!("unix:{},server,nowait", self.monitor().display()))
            .arg("-device")
            .arg(format!("virtio-net-pci,netdev=net,mac={MAC},romfile="))
            .arg("-kernel")
            .arg(self.parts.join("kernel"))
            .arg("-initrd")
            .arg(&self.initramfs);
        let mut line = String::from("console=ttyS0 quiet panic=-1 mitigations=off no_timer_check");
        for (disk, system) in setup.systems().iter().enumerate() {
            line += &format!(" fs{disk}={}", system.kind);
            let path = disks.path(disk);
            command.arg("-drive").arg(format!(
                "if=none,id=d{disk},format=raw,file.locking=off,file={}",
                path.display()
            ));
            command.args(["-device", &format!("virtio-blk-pci,drive=d{disk}")]);
        }
        command.arg("-append").arg(line);
        if let Some(memory) = memory {
            let from = format!("file:{}", memory.display());
            command.args(["-incoming", &from]);
        }
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit());
        let mut qemu = command.spawn().context("qemu-system-x86_64")?;
        let (Some(keyboard), Some(mut pipe)) = (qemu.stdin.take(), qemu.stdout.take()) else {
            bail!("no pipes");
        };
        let (sender, screen) = channel();
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(len @ 1..) = pipe.read(&mut bytes) {
                let _ = sender.send(bytes[..len].to_vec());
            }
        });
        let shown = String::new();
        Ok(Power {
            qemu,
            keyboard,
            screen,
            shown,
        })
    }

    fn monitor(&self) -> PathBuf {
        self.folder.join("monitor")
    }

    /// Boots a machine, and keeps its memory. Returns what its disks have then.
    pub(crate) fn boot(
        &self,
        disks: &Disks,
        setup: &Setup,
        base: &[Image],
    ) -> Result<(PathBuf, Vec<Image>)> {
        let memory = self.folder.join("memory");
        disks.put(base);
        let mut power = self.start(disks, setup, None)?;
        power.expect("== ready")?;
        let mut monitor = UnixStream::connect(self.monitor())?;
        monitor.set_read_timeout(Some(LIMIT))?;
        write!(monitor, "migrate file:{}\nquit\n", memory.display())?;
        // It hangs up when it has done both.
        let mut said = String::new();
        let _ = monitor.read_to_string(&mut said);
        ensure!(
            memory.is_file() && !said.contains("rror"),
            "QEMU keeps no memory: {said}"
        );
        power.qemu.wait()?;
        Ok((memory, disks.images()))
    }

    /// Starts the machine where it was kept, and types a line.
    pub(crate) fn go_on(
        &self,
        disks: &Disks,
        setup: &Setup,
        (memory, images): (&Path, &[Image]),
        line: &str,
    ) -> Result<Power> {
        disks.put(images);
        let mut power = self.start(disks, setup, Some(memory))?;
        // Once it answers, it runs.
        power.run("true")?;
        disks.watch(None);
        writeln!(power.keyboard, "{line}")?;
        Ok(power)
    }
}

/// What is typed to run osconf.
pub(crate) fn apply(setup: &Setup) -> String {
    let network = setup.machine.network;
    format!("osconf apply --wait=0 --hash=md5 --network={network} --root /root --conf /root/{CONF}")
}

impl Power {
    /// Waits until the console has shown a text; returns what stood before it.
    pub(crate) fn expect(&mut self, text: &str) -> Result<String> {
        let start = Instant::now();
        loop {
            if let Some((before, after)) = self.shown.split_once(text) {
                let (before, after) = (before.to_owned(), after.to_owned());
                self.shown = after;
                return Ok(before);
            }
            let left = LIMIT.saturating_sub(start.elapsed());
            let bytes = self.screen.recv_timeout(left);
            let Ok(bytes) = bytes else {
                bail!("the machine never shows `{text}`, but:\n{}", self.shown);
            };
            self.shown += &String::from_utf8_lossy(&bytes);
        }
    }

    /// Waits for the end of what was typed: what it said, and its exit code.
    pub(crate) fn end(&mut self) -> Result<(String, i32)> {
        let said = self.expect("== exit ")?;
        let code = self.expect("\n")?;
        Ok((said, code.trim().parse()?))
    }

    /// Types a line, and waits for its end.
    pub(crate) fn run(&mut self, line: &str) -> Result<(String, i32)> {
        writeln!(self.keyboard, "{line}")?;
        self.end()
    }
}

impl Drop for Power {
    fn drop(&mut self) {
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
    }
}

/// One file of an archive in cpio's form `newc`.
fn entry(archive: &mut Vec<u8>, name: &str, mode: usize, content: &[u8]) {
    let inode = archive.len();
    let len = (content.len(), name.len() + 1);
    let fields = [inode, mode, 0, 0, 1, 0, len.0, 0, 0, 0, 0, len.1, 0];
    archive.extend(b"070701");
    for field in fields {
        archive.extend(format!("{field:08X}").bytes());
    }
    archive.extend(name.bytes());
    archive.push(0);
    archive.resize(archive.len().next_multiple_of(4), 0);
    archive.extend(content);
    archive.resize(archive.len().next_multiple_of(4), 0);
}
