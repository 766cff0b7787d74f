//! A running QEMU and its serial console, typed at and read like a person would.

use core::time::Duration;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use super::parts::Parts;
use super::scenario::{Disk, Nics, Sample, Scenario};
use crate::target::Target;
use crate::util;

/// From power on to power off; a machine that hangs is killed then. They take
/// under ten seconds each, a minute on a machine that has much else to do.
const LIMIT: Duration = Duration::from_secs(180);

/// A machine that runs; dropping it pulls the plug.
pub(crate) struct Machine {
    qemu: Child,
    keyboard: ChildStdin,
    screen: Receiver<Vec<u8>>,
    shown: Vec<u8>,
    read: usize,
    deadline: Instant,
}

impl Machine {
    /// Switches a machine on.
    pub(crate) fn start(mut command: Command) -> Result<Self> {
        let program = command.get_program().to_string_lossy().into_owned();
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut qemu = command
            .spawn()
            .with_context(|| format!("cannot start {program}"))?;
        let (Some(keyboard), Some(stdout), Some(stderr)) =
            (qemu.stdin.take(), qemu.stdout.take(), qemu.stderr.take())
        else {
            bail!("{program} has no pipes");
        };
        let (sender, screen) = channel();
        for mut pipe in [Box::new(stdout) as Box<dyn Read + Send>, Box::new(stderr)] {
            let sender = sender.clone();
            thread::spawn(move || {
                let mut buffer = [0; 4096];
                while let Ok(length @ 1..) = pipe.read(&mut buffer) {
                    let _ = sender.send(buffer.get(..length).unwrap_or_default().to_vec());
                }
            });
        }
        let deadline = Instant::now() + LIMIT;
        Ok(Self {
            qemu,
            keyboard,
            screen,
            shown: Vec::new(),
            read: 0,
            deadline,
        })
    }

    /// Waits until one of the texts is shown; returns what stood before it, and which it was.
    pub(crate) fn expect(&mut self, texts: &[&str]) -> Result<(String, usize)> {
        loop {
            let fresh = self.shown.get(self.read..).unwrap_or_default();
            let places = texts.iter().enumerate().filter_map(|(which, text)| {
                let place = fresh
                    .windows(text.len())
                    .position(|window| window == text.as_bytes());
                place.map(|place| (place, which, text.len()))
            });
            if let Some((place, which, length)) = places.min() {
                let before = String::from_utf8_lossy(fresh.get(..place).unwrap_or_default())
                    .replace('\r', "");
                self.read += place + length;
                return Ok((before, which));
            }
            let wanted = texts.join("` or `");
            if !self.more()? {
                bail!("the machine went off before it showed `{wanted}`");
            }
        }
    }

    /// Reads what is shown next; false when the machine is off.
    fn more(&mut self) -> Result<bool> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        match self.screen.recv_timeout(left) {
            Ok(bytes) => {
                self.shown.extend_from_slice(&bytes);
                Ok(true)
            }
            Err(RecvTimeoutError::Disconnected) => Ok(false),
            Err(RecvTimeoutError::Timeout) => {
                let limit = LIMIT.as_secs();
                bail!(
                    "the machine was killed: not done after {limit} s; the console's end may say why"
                )
            }
        }
    }

    /// Types a line.
    pub(crate) fn type_line(&mut self, line: &str) -> Result<()> {
        writeln!(self.keyboard, "{line}")
            .and_then(|()| self.keyboard.flush())
            .context("the machine went off")
    }

    /// Plugs the disk into a running machine, by the monitor that is behind Ctrl-A.
    pub(crate) fn plug(&mut self) -> Result<()> {
        write!(self.keyboard, "\x01cdevice_add scsi-hd,drive=disk\n\x01c")
            .and_then(|()| self.keyboard.flush())
            .context("the machine went off")
    }

    /// Waits until the machine has switched itself off.
    pub(crate) fn wait_for_off(&mut self) -> Result<()> {
        while self.more()? {}
        let status = self.qemu.wait()?;
        if !status.success() {
            bail!("QEMU ended with {status}");
        }
        Ok(())
    }

    /// All that the console showed.
    pub(crate) fn log(&self) -> &[u8] {
        &self.shown
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
    }
}

/// QEMU's command line for a scenario. Emulation only: a /dev/kvm that is
/// there may be one that hangs with ordinary kernels.
pub(crate) fn qemu(
    target: &Target,
    scenario: &Scenario,
    sample: &Sample,
    parts: &Parts,
    initramfs: &Path,
    disk: &Path,
) -> Command {
    let mut command = Command::new(&target.qemu.program);
    command.env("PATH", util::search_path());
    command.args(&target.qemu.arguments);
    command.args([
        "-accel",
        "tcg",
        "-nodefaults",
        "-display",
        "none",
        "-serial",
        if scenario.plugged {
            "mon:stdio"
        } else {
            "stdio"
        },
        "-no-reboot",
    ]);
    command
        .arg("-kernel")
        .arg(&parts.kernel)
        .arg("-initrd")
        .arg(initramfs);
    let mut line = format!(
        "console={} quiet panic=-1 mitigations=off {}",
        target.qemu.console, target.qemu.kernel_line
    );
    if !scenario.rootless {
        line.push_str(&format!(" root={}", scenario.root_device()));
    }
    line.push_str(if scenario.read_only { " ro" } else { " rw" });
    command.arg("-append").arg(line);
    if scenario.disk == Disk::Scsi {
        command.args(["-device", "virtio-scsi-pci"]);
    }
    // The data disk is the first one that the kernel finds.
    for name in ["data", "disk"] {
        if name == "data" && !scenario.data_disk {
            continue;
        }
        let file = disk.with_file_name(format!("{name}.img"));
        command.arg("-drive").arg(format!(
            "if=none,id={name},format=raw,file={}",
            file.display()
        ));
        if name == "disk" && scenario.plugged {
            continue;
        }
        command.arg("-device").arg(match scenario.disk {
            Disk::Virtio => format!("virtio-blk-pci,drive={name}"),
            Disk::Nvme => format!("nvme,drive={name},serial={name}"),
            Disk::Scsi => format!("scsi-hd,drive={name}"),
        });
    }
    let mut macs: Vec<_> = sample.nic.iter().map(|nic| &nic.mac).collect();
    if scenario.nics == Nics::Swapped {
        macs.reverse();
    }
    for (number, mac) in macs.iter().enumerate() {
        // Cut off: no packet leaves for the machine outside or for the world.
        command
            .arg("-netdev")
            .arg(format!("user,id=net{number},restrict=on"));
        command.arg("-device").arg(format!(
            "virtio-net-pci,netdev=net{number},mac={mac},romfile="
        ));
    }
    command
}
