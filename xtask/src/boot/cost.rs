//! `cargo xtask bench boot`: what the agent adds to the boot of a machine, between the
//! kernel's hand-over to `/init` and the network being up.
//!
//! The machine is the one of a scenario. Its rcS marks the kernel's log before and after
//! the agent and when `ifup -a` is back; the kernel puts the time to each line, and to
//! its own one of the hand-over. Who runs between the marks, the kernel's command line
//! says, so that all of them boot the same files.
//!
//! The machine's clock counts its instructions, a thousand millions in a second, and goes
//! on while it waits for its disk (QEMU's `-icount`): what else this computer has to do
//! changes nothing but the waiting, and what the emulator takes to translate a program is
//! not counted. A processor of a cloud is some times faster.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use super::machine::{self, Machine};
use super::{Job, disk, sample_file};
use crate::target::{self, Target};
use crate::{build, setup, util};

/// The machine: os.conf on FAT32, a root of ext4, BusyBox init.
const SCENARIO: &str = "000-vpc-init";
/// Starts of each row, in turns.
const ROUNDS: usize = 5;

/// The part of rcS that is replaced, between two lines of dashes.
const BLOCK: [&str; 2] = ["# --- osconf ---\n", "# --------------\n"];
/// What takes its place.
const MARKED: &str = "
agent=$(sed 's/.* bench=\\([a-z]*\\).*/\\1/' /proc/cmdline)
[ $agent != script ] || mv /root/sysconfig /etc/sysconfig
echo bench: begin > /dev/kmsg
case $agent in
    osconf) /usr/sbin/osconf apply --log kmsg ;;
    script) sh /root/os-conf.sh start ;;
esac
echo bench: end > /dev/kmsg
";
/// What follows rcS: the machine has done all that it is for.
const END: &str = "
echo bench: up > /dev/kmsg
ip -4 -o addr show dev eth0
cut -c1-8 /etc/shadow
dmesg | grep -e '] Run /init' -e '] bench: '
umount /boot
mount -o remount,ro /
echo bench: off
poweroff -f
";
/// Programs that the script wants, and the machine does not have otherwise.
const APPLETS: &[&str] = &["awk", "base64", "mkpasswd", "mv", "rm"];
/// The one of them that Debian's BusyBox has not: reads a name and a password, and
/// writes a hash of the kind that osconf does.
const CHPASSWD: &str = "#!/bin/sh
IFS=: read -r name password
hash=$(mkpasswd -m sha512 \"$password\")
sed -i \"s|^$name:[^:]*:|$name:$hash:|\" /etc/shadow
";

/// Who runs between the marks, on which disk.
struct Row {
    title: &'static str,
    agent: &'static str,
    disk: Disk,
}

/// The disks that a row can start from; what it writes is forgotten when it is off.
#[derive(Clone, Copy)]
enum Disk {
    /// As an image is delivered, with os.conf.
    Fresh,
    /// After osconf has applied it.
    Applied,
    /// The same, and os.conf is there once more: what the script writes brings no network
    /// up here, so that it finds one.
    Again,
}

const ROWS: &[Row] = &[
    Row {
        title: "nobody",
        agent: "nobody",
        disk: Disk::Applied,
    },
    Row {
        title: "osconf, with os.conf",
        agent: "osconf",
        disk: Disk::Fresh,
    },
    Row {
        title: "osconf, without",
        agent: "osconf",
        disk: Disk::Applied,
    },
    Row {
        title: "the script under BusyBox, with os.conf",
        agent: "script",
        disk: Disk::Again,
    },
    Row {
        title: "the script under BusyBox, without",
        agent: "script",
        disk: Disk::Applied,
    },
];

/// The times of a boot, in milliseconds.
#[derive(Clone, Copy, Default)]
struct Times {
    /// From the hand-over until the network is up.
    up: f64,
    /// Between the marks.
    agent: f64,
}

/// Measures on every architecture; the rows of the script only where it is named.
pub(crate) fn run(script: Option<&Path>) -> Result<()> {
    let targets = target::all()?;
    setup::tools(&setup::boot_tools(&targets))?;
    println!("From the kernel's hand-over to the network, {ROUNDS} boots of each in QEMU:\n");
    println!("| | | to the network, fastest | median | the agent's own, fastest | median |");
    println!("| --- | --- | --: | --: | --: | --: |");
    let rows: Vec<&Row> = ROWS
        .iter()
        .filter(|row| row.agent != "script" || script.is_some())
        .collect();
    for target in &targets {
        let bench = Bench::new(target, script)?;
        let mut times = vec![Vec::new(); rows.len()];
        for round in 0..ROUNDS {
            for (at, (row, times)) in rows.iter().zip(&mut times).enumerate() {
                util::progress(
                    &target.name,
                    round * rows.len() + at + 1,
                    ROUNDS * rows.len(),
                );
                times.push(bench.boot(row)?);
            }
        }
        for (row, times) in rows.iter().zip(&times) {
            let [up, least_up] = middle_and_least(times, |times| times.up);
            let [agent, least] = middle_and_least(times, |times| times.agent);
            println!(
                "| {} | {} | {least_up:.0} ms | {up:.0} ms | {least:.1} ms | {agent:.1} ms |",
                target.name, row.title,
            );
        }
    }
    Ok(())
}

/// The median and the smallest of so many times.
fn middle_and_least(times: &[Times], which: fn(&Times) -> f64) -> [f64; 2] {
    let mut times: Vec<f64> = times.iter().map(which).collect();
    times.sort_by(f64::total_cmp);
    [times.len() / 2, 0].map(|at| times.get(at).copied().unwrap_or_default())
}

/// A machine of one architecture, and its disks.
struct Bench {
    job: Job,
    folder: PathBuf,
    initramfs: PathBuf,
}

impl Bench {
    fn new(target: &Target, script: Option<&Path>) -> Result<Self> {
        let job = Job::named(target, &build::binary(target)?, SCENARIO)?;
        let folder = util::target_dir().join("boot/bench").join(&target.name);
        let (fresh, initramfs) = job.prepare(&folder, |tree| mark(tree, script))?;
        let bench = Self {
            job,
            folder,
            initramfs,
        };
        let applied = bench.disk(Disk::Applied);
        util::copy(&fresh, &applied, 0o644)?;
        bench.start("osconf", &applied, &[])?;
        let again = bench.disk(Disk::Again);
        util::copy(&applied, &again, 0o644)?;
        let scenario = &bench.job.scenario;
        disk::write_conf(scenario, &sample_file(&scenario.sample), &again)?;
        Ok(bench)
    }

    fn disk(&self, disk: Disk) -> PathBuf {
        self.folder.join(match disk {
            Disk::Fresh => "disk.img",
            Disk::Applied => "applied/disk.img",
            Disk::Again => "again/disk.img",
        })
    }

    fn boot(&self, row: &Row) -> Result<Times> {
        self.start(row.agent, &self.disk(row.disk), &["-snapshot"])
            .with_context(|| format!("{}: {}", self.job.target.name, row.title))
    }

    /// Starts the machine from a disk, and reads its marks.
    fn start(&self, agent: &str, disk: &Path, options: &[&str]) -> Result<Times> {
        let mut target = self.job.target.clone();
        // The kernel lets nobody write more than ten lines in five seconds otherwise.
        let words = format!(" printk.devkmsg=on bench={agent}");
        target.qemu.kernel_line.push_str(&words);
        let mut command = machine::qemu(
            &target,
            &self.job.scenario,
            &self.job.sample,
            &self.job.parts,
            &self.initramfs,
            disk,
        );
        command.args(["-icount", "shift=0"]).args(options);
        let mut machine = Machine::start(command)?;
        let (said, _) = machine.expect(&["bench: off"])?;
        machine.wait_for_off()?;
        let nic = self
            .job
            .sample
            .nic
            .first()
            .context("a sample without a NIC")?;
        let address = &nic.address;
        ensure!(said.contains(address), "eth0 has no {address}:\n{said}");
        ensure!(said.contains("root:$6$"), "root has no password:\n{said}");
        let handed_over = stamp(&said, "Run /init as init process")?;
        Ok(Times {
            up: stamp(&said, "bench: up")? - handed_over,
            agent: stamp(&said, "bench: end")? - stamp(&said, "bench: begin")?,
        })
    }
}

/// Puts the marks into the machine's rcS, and the script beside it.
fn mark(tree: &Path, script: Option<&Path>) -> Result<()> {
    let file = tree.join("etc/init.d/rcS");
    let text = util::read(&file)?;
    let [begin, end] = BLOCK;
    let parts = text.split_once(begin).and_then(|(before, rest)| {
        let (_, after) = rest.split_once(end)?;
        Some((before, after))
    });
    let (before, after) = parts.context("rcS has no block of osconf")?;
    util::write(&file, format!("{before}{MARKED}{after}{END}"))?;
    let Some(script) = script else {
        return Ok(());
    };
    util::copy(script, &tree.join("root/os-conf.sh"), 0o755)?;
    for applet in APPLETS {
        symlink("busybox", tree.join("bin").join(applet))?;
    }
    // What it changes, as RHEL has it; osconf would see it, and take the machine for one.
    let sysconfig = tree.join("root/sysconfig");
    util::write(
        &sysconfig.join("network"),
        "NETWORKING=yes\nHOSTNAME=localhost\nGATEWAY=192.168.0.1\n",
    )?;
    fs::create_dir(sysconfig.join("network-scripts"))?;
    // It stops and starts a network that is none.
    for (file, text) in [
        ("etc/init.d/network", "#!/bin/sh\n"),
        ("bin/chpasswd", CHPASSWD),
    ] {
        let file = tree.join(file);
        util::write(&file, text)?;
        fs::set_permissions(file, Permissions::from_mode(0o755))?;
    }
    Ok(())
}

/// The time of a line of the kernel's log, in milliseconds since it began.
fn stamp(log: &str, line: &str) -> Result<f64> {
    for said in log.lines() {
        if let Some((stamp, said)) = said.trim_start_matches('[').split_once(']')
            && said.trim() == line
        {
            return Ok(1e3 * stamp.trim().parse::<f64>()?);
        }
    }
    bail!("the kernel's log has no `{line}`:\n{log}")
}
