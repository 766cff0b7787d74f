//! `cargo xtask inits`: whole Debian systems, each with another init, on which
//! `osconf install` has been run, booted in QEMU.
//!
//! A root is made of packages that are unpacked and prepared by a script of
//! `inits.toml` in a chroot, and kept in the user's cache. Nothing in it starts
//! osconf but what `install` put there, and nothing mounts the first partition.
//! It makes no use of root: a user namespace is enough.

mod judge;

use core::time::Duration;
use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use xshell::cmd;

use crate::apt::PrivateApt;
use crate::boot::initramfs;
use crate::boot::parts::{self, Parts};
use crate::boot::scenario::{Agent, Disk, Sample, Scenario, Scenarios};
use crate::boot::{Facts, check};
use crate::target::{self, Qemu};
use crate::{build, setup, util};

/// Whose packages they are: the kernel's modules are loaded by an initramfs of
/// ours, so it need not be of the same release.
const RELEASE: &str = "bookworm";
/// What os.conf says: two NICs, and routes on one of them.
const SAMPLE: &str = "seed-001-classic";
/// From power on to power off; they take half a minute on a machine of their own.
const LIMIT: Duration = Duration::from_secs(240);
/// The first partition begins here.
const START: u64 = 1 << 20;
/// The size of the first partition: with clusters of 512 bytes a FAT32.
const FIRST: u64 = 48 << 20;
/// The size of the root.
const ROOT: u64 = 1 << 30;

/// The whole file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Inits {
    base: Vec<String>,
    prepare: String,
    machine: Vec<Init>,
}

/// One root.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Init {
    name: String,
    packages: Vec<String>,
    prepare: String,
    #[serde(default)]
    quick: bool,
    #[serde(default)]
    alone: bool,
    open: Option<String>,
    #[serde(default)]
    profiles: Vec<String>,
    /// The one of these that it is prepared with.
    #[serde(skip)]
    profile: Option<String>,
}

/// What all machines have in common.
struct Rig {
    osconf: PathBuf,
    parts: Parts,
    sample: Sample,
    /// A scenario whose initramfs does nothing but mount the root.
    plain: Scenario,
    conf: PathBuf,
    qemu: Qemu,
}

/// Boots each init whose name contains a text.
pub(crate) fn run(only: &str) -> Result<()> {
    boot(&|init| init.name.contains(only))
}

/// Boots those that are a part of the tests.
pub(crate) fn quick() -> Result<()> {
    boot(&|init| init.quick)
}

/// Boots those that are wanted.
fn boot(wanted: &dyn Fn(&Init) -> bool) -> Result<()> {
    let target = target::host()?;
    setup::tools(&setup::all_tools(core::slice::from_ref(&target)))?;
    let path = util::root().join("xtask/inits.toml");
    let inits: Inits = toml::from_str(&util::read(&path)?)
        .with_context(|| format!("{} is wrong", path.display()))?;
    let scenarios = Scenarios::read()?;
    let mut plain = scenarios.scenario.iter();
    let plain = plain.find(|one| one.agent == Agent::Init && one.disk == Disk::Virtio && !one.late);
    let rig = Rig {
        osconf: match std::env::var_os("OSCONF_HOST") {
            Some(binary) => binary.into(),
            None => build::binary(&target)?,
        },
        parts: parts::get(&target, None)?,
        sample: scenarios.sample(SAMPLE)?,
        plain: plain
            .context("scenarios.toml has no plain machine")?
            .clone(),
        conf: util::root().join(format!("tests/samples/{SAMPLE}.conf")),
        qemu: target.qemu.clone(),
    };
    let chosen = inits.machine.iter();
    let chosen: Vec<_> = chosen.filter(|init| wanted(init)).collect();
    if chosen.is_empty() {
        bail!("no init's name contains that: see xtask/inits.toml");
    }
    let mut roots = Vec::new();
    for init in chosen {
        let root = root(&inits, init, &target.debian.architecture)?;
        if init.profiles.is_empty() {
            roots.push((init.clone(), root.clone()));
        }
        roots.extend(init.profiles.iter().map(|profile| {
            let init = Init {
                name: format!("{}, {profile}", init.name),
                profile: Some(profile.clone()),
                ..init.clone()
            };
            (init, root.clone())
        }));
    }
    let total = roots.len();
    let queue = Mutex::new(roots);
    let failed = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some((init, root)) = queue.lock().ok().and_then(|mut all| all.pop()) {
                    let left = queue.lock().map_or(0, |queue| queue.len());
                    util::progress("inits", total - left, total);
                    if !report(&rig, &init, &root)
                        && let Ok(mut failed) = failed.lock()
                    {
                        failed.push(init.name.clone());
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap_or_default();
    if !failed.is_empty() {
        bail!(
            "{} of {total} inits failed: {}",
            failed.len(),
            failed.join(", ")
        );
    }
    println!("inits: {total}, each started twice, are as os.conf says");
    Ok(())
}

/// Runs one init and prints its outcome; false where it failed.
fn report(rig: &Rig, init: &Init, root: &Path) -> bool {
    let name = init.name.replace(", ", "-");
    let folder = util::target_dir().join("inits").join(name);
    let (outcome, time) = util::timed(|| rig.run(init, root, &folder));
    let (name, time) = (&init.name, time.as_secs_f32());
    match outcome {
        Ok(said) => {
            println!("inits: {name:<24} ok    {time:5.1} s  {said}");
            let _ = fs::remove_file(folder.join("disk.img"));
            true
        }
        Err(error) => {
            println!("inits: {name:<24} FAILED {time:5.1} s\n{error:#}");
            println!("  console and disk are in {}", folder.display());
            false
        }
    }
}

/// Finds the root of an init in the cache, or makes it.
fn root(inits: &Inits, init: &Init, architecture: &str) -> Result<PathBuf> {
    let (base, prepare): (&[_], _) = match init.alone {
        true => (&[], ""),
        false => (&inits.base, &*inits.prepare),
    };
    let packages = base.iter().chain(&init.packages);
    let packages: Vec<_> = packages.map(String::as_str).collect();
    let script = format!("set -e\n{prepare}\n{}", init.prepare);
    // With other packages it is stale.
    let made_for = format!("{RELEASE} {}\n{script}", packages.join(" "));
    let folder = util::cached("inits", &init.name, &made_for, |folder| {
        make(&packages, &script, architecture, &folder.join("root"))
            .with_context(|| format!("cannot make a Debian with {}", init.name))
    })?;
    Ok(folder.join("root"))
}

fn make(packages: &[&str], script: &str, architecture: &str, root: &Path) -> Result<()> {
    let work = tempfile::tempdir()?;
    let apt = PrivateApt::of_release(work.path(), architecture, RELEASE)?;
    apt.unpack_merged(&apt.download_all(packages)?, root)?;
    for heavy in ["doc", "locale", "man", "info"] {
        let _ = fs::remove_dir_all(root.join("usr/share").join(heavy));
    }
    // BusyBox is one program of many names, and its package has none but its own.
    if !root.join("bin/sh").exists() {
        symlink("busybox", root.join("bin/sh"))?;
    }
    // Enough for scripts that throw away what a program says.
    util::write(&root.join("dev/null"), "")?;
    util::write(&root.join("prepare"), script)?;
    let sh = util::shell()?;
    cmd!(sh, "unshare --map-root-user chroot {root} /bin/sh /prepare")
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("LC_ALL", "C")
        .quiet()
        .ignore_stdout()
        .run()?;
    fs::remove_file(root.join("prepare"))?;
    fs::remove_file(root.join("dev/null"))?;
    Ok(())
}

/// Faults that `osconf check` must find, and that do no harm to a boot.
fn plant(tree: &Path) -> Result<()> {
    let firewall = tree.join(check::FIREWALL);
    fs::create_dir_all(firewall.parent().unwrap_or(tree))?;
    symlink("/lib/systemd/system/nftables.service", firewall)?;
    fs::remove_file(tree.join("lib"))?;
    symlink("/usr/lib", tree.join("lib"))?;
    let fstab = tree.join("etc/fstab");
    let text = util::read(&fstab)?;
    util::write(&fstab, text + check::FSTAB)
}

impl Rig {
    /// Makes the disk, and boots it twice.
    fn run(&self, init: &Init, root: &Path, folder: &Path) -> Result<String> {
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
        let disk = self.disk(init, root, folder)?;
        let initramfs = folder.join("initramfs.img");
        util::write(
            &initramfs,
            initramfs::pack(&self.plain, &self.parts, &self.osconf, root)?,
        )?;
        let first = self.boot(init, "first", folder, &disk, &initramfs)?;
        let second = self.boot(init, "second", folder, &disk, &initramfs)?;
        let changed: Vec<_> = (first.lines("files").iter())
            .filter(|line| !second.lines("files").contains(line))
            // A refused part is tried again, and leaves its marks.
            .filter(|line| {
                init.open.is_none() || !line.starts_with("/etc/osconf") && !line.contains(" mode d")
            })
            .map(String::as_str)
            .collect();
        if !changed.is_empty() {
            bail!("  changed by the second boot: {}", changed.join("\n    "));
        }
        let uptime = |facts: &Facts| {
            let word = facts.lines("uptime").first()?.split('.').next()?.to_owned();
            Some(word)
        };
        Ok(format!(
            "(up after {} s, {} s)",
            uptime(&first).unwrap_or_default(),
            uptime(&second).unwrap_or_default()
        ))
    }

    /// A disk with os.conf on a FAT32 partition, and behind it the root with
    /// osconf installed, which may be prepared.
    fn disk(&self, init: &Init, root: &Path, folder: &Path) -> Result<PathBuf> {
        let sh = util::shell()?;
        let tree = folder.join("root");
        fs::create_dir_all(folder)?;
        cmd!(sh, "cp -a --reflink=auto {root} {tree}")
            .quiet()
            .run()?;
        util::write(&tree.join("facts"), include_str!("inits.sh"))?;
        util::write(&tree.join("password"), &self.sample.password)?;
        let osconf = &self.osconf;
        if let Some(profile) = &init.profile {
            let options = ["--quiet", "--profile", profile];
            cmd!(
                sh,
                "unshare --map-root-user {osconf} prepare --root {tree} {options...}"
            )
            .quiet()
            .run()?;
        }
        plant(&tree)?;
        cmd!(sh, "chmod 755 {tree}/facts").quiet().run()?;
        let said = cmd!(sh, "unshare --map-root-user {osconf} install --root {tree}")
            .quiet()
            .output()?;
        util::write(&folder.join("install.log"), said.stderr)?;

        let (first, second) = (folder.join("first.img"), folder.join("root.img"));
        File::create(&first)?.set_len(FIRST)?;
        let conf = &self.conf;
        cmd!(sh, "mkfs.vfat -F 32 -s 1 -n BOOT {first}")
            .quiet()
            .ignore_stdout()
            .run()?;
        cmd!(sh, "mmd -i {first} ::/aliyun_custom_image")
            .quiet()
            .run()?;
        cmd!(sh, "mcopy -i {first} {conf} ::/aliyun_custom_image/os.conf")
            .quiet()
            .run()?;
        File::create(&second)?.set_len(ROOT)?;
        cmd!(
            sh,
            "unshare --map-root-user mke2fs -q -t ext4 -d {tree} {second}"
        )
        .quiet()
        .ignore_stderr()
        .run()?;
        fs::remove_dir_all(&tree)?;

        let disk = folder.join("disk.img");
        File::create(&disk)?.set_len(START + FIRST + ROOT)?;
        let table = format!(
            "label: dos\nstart={}, size={}, type=c\nstart={}, type=83\n",
            START / 512,
            FIRST / 512,
            (START + FIRST) / 512
        );
        cmd!(sh, "sfdisk --quiet {disk}")
            .stdin(table)
            .quiet()
            .run()?;
        for (image, start) in [(&first, START), (&second, START + FIRST)] {
            let seek = (start / 65536).to_string();
            cmd!(
                sh,
                "dd if={image} of={disk} bs=64k seek={seek} conv=sparse,notrunc status=none"
            )
            .quiet()
            .run()?;
            fs::remove_file(image)?;
        }
        Ok(disk)
    }

    /// Starts the machine, lets it switch itself off, and fails with all that is wrong with it.
    fn boot(
        &self,
        init: &Init,
        title: &str,
        folder: &Path,
        disk: &Path,
        initramfs: &Path,
    ) -> Result<Facts> {
        let log = folder.join(format!("{title}.log"));
        let mut command = Command::new(&self.qemu.program);
        command.env("PATH", util::search_path());
        command.args(&self.qemu.arguments);
        command.args([
            "-m",
            "512",
            "-accel",
            "tcg",
            "-nodefaults",
            "-display",
            "none",
        ]);
        command.args(["-no-reboot", "-serial", &format!("file:{}", log.display())]);
        command.arg("-kernel").arg(&self.parts.kernel);
        command.arg("-initrd").arg(initramfs);
        command.arg("-append").arg(format!(
            "console={} quiet panic=-1 mitigations=off {} root=/dev/vda2 rw",
            self.qemu.console, self.qemu.kernel_line
        ));
        command
            .arg("-drive")
            .arg(format!("if=virtio,format=raw,file={}", disk.display()));
        for (number, nic) in self.sample.nic.iter().enumerate() {
            // Cut off: no packet leaves for the machine outside or for the world.
            command
                .arg("-netdev")
                .arg(format!("user,id=n{number},restrict=on"));
            command.arg("-device").arg(format!(
                "virtio-net-pci,netdev=n{number},mac={},romfile=",
                nic.mac
            ));
        }
        let mut qemu = command
            .stdin(Stdio::null())
            .spawn()
            .context("cannot start QEMU")?;
        let deadline = Instant::now() + LIMIT;
        let mut is_off = false;
        while !is_off && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(100));
            is_off = qemu.try_wait()?.is_some();
        }
        let _ = qemu.kill();
        let _ = qemu.wait();
        let text = String::from_utf8_lossy(&fs::read(&log).unwrap_or_default()).replace('\r', "");
        let facts = Facts::parse(&text);
        let mut faults = judge::judge(&self.sample, init, &facts);
        if !is_off {
            faults.insert(0, format!("not off after {} s", LIMIT.as_secs()));
        }
        // The start files say so where the agent ends with anything but success.
        let said = text.lines().filter(|line| line.contains("osconf: exit"));
        faults.extend(said.map(str::to_owned));
        if !faults.is_empty() {
            let title = format!("\n  {title} boot: ");
            bail!("{title}{}", faults.join(&title));
        }
        Ok(facts)
    }
}
