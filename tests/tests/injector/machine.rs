//! The machines that faults are put on: roots and os.conf from the other tests.

use crate::tree::{self, Entry, Tree};
use anyhow::Result;
use osconf_tests::matrix::{self, Cell};
use std::fs;
use std::path::Path;

/// The password of all machines, as it is, and as os.conf has it.
pub(crate) const PASSWORD: &str = "Cz7:$x'\"\\ q";
pub(crate) const PASSWORD_BASE64: &str = "Q3o3OiR4JyJcIHE=";

/// Where os.conf lies on a machine with one disk.
const IN_ROOT: &str = "root/boot/aliyun_custom_image/os.conf";
/// The same with the first partition elsewhere.
const APART: &str = "part/aliyun_custom_image/os.conf";

/// What a machine lies on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ground {
    /// A tmpfs: gone with the power, so os.conf is kept.
    Ram,
    /// No journal, and the quickest.
    Ext2,
    /// A journal.
    Ext4,
    /// The root on ext4, os.conf on an ext2.
    Apart,
}

impl Ground {
    /// All of them.
    pub(crate) const ALL: [Self; 4] = [Self::Ram, Self::Ext2, Self::Ext4, Self::Apart];
}

/// A machine before the run.
#[derive(Clone)]
pub(crate) struct Machine {
    pub(crate) name: String,
    pub(crate) ground: Ground,
    /// The root below `root/`, another disk below `part/`.
    pub(crate) tree: Tree,
    /// Where os.conf lies.
    pub(crate) conf: String,
    /// Files that something is mounted on.
    pub(crate) mounted: Vec<String>,
    /// A file that was in the way of its part at the boot before, so that this one has
    /// os.conf as it was kept then.
    pub(crate) late: Option<String>,
    /// What is run: `apply`, …
    pub(crate) command: &'static str,
}

impl Machine {
    fn new(name: &str, ground: Ground, layers: &[&Path], conf: &Path) -> Result<Self> {
        let mut tree = Tree::new();
        for layer in layers {
            tree::layer(layer, "root/", &mut tree)?;
        }
        for (path, text) in PLAIN {
            if !tree.contains_key(path) {
                tree::put(&mut tree, path, Entry::file(text.as_bytes(), 0o644));
            }
        }
        if let Some(shadow) = tree.get_mut("root/etc/shadow") {
            shadow.mode = 0o640;
            shadow.owner = (0, 42);
            let label = b"system_u:object_r:shadow_t:s0\0".to_vec();
            shadow.attributes.insert("security.selinux".into(), label);
            shadow
                .attributes
                .insert("user.note".into(), b"kept".to_vec());
        }
        let path = if ground == Ground::Apart {
            APART
        } else {
            IN_ROOT
        };
        let text = fs::read_to_string(conf)?;
        let ours = |line: &&str| !line.starts_with("password=") && !line.starts_with("hostname=");
        let rest: String = text
            .lines()
            .filter(ours)
            .map(|line| format!("{line}\n"))
            .collect();
        let text = format!("hostname=web-1\npassword={PASSWORD_BASE64}\n{rest}");
        tree::put(&mut tree, path, Entry::file(text.as_bytes(), 0o644));
        Ok(Self {
            name: name.to_owned(),
            ground,
            tree,
            conf: path.to_owned(),
            mounted: Vec::new(),
            late: None,
            command: "apply",
        })
    }

    /// A command for the machine below `place`, in words of a shell.
    pub(crate) fn line(&self, program: &str, command: &str, place: &Path) -> String {
        let place = place.display();
        let options = match command {
            "apply" | "plan" => format!("--wait 0 --hash md5 --conf {place}/{}", self.conf),
            "install" => "--init systemd".into(),
            // What cannot be seen is no success then.
            "check" => "--all --strict".into(),
            // Cleaning keeps nothing, and has a machine of its own.
            "prepare" if self.name == "clean" => "--only clean".into(),
            "prepare" => "--skip clean".into(),
            _ => String::new(),
        };
        format!("{program} {command} --root {place}/root {options}")
    }
}

/// Files that every machine has, if it has not others.
const PLAIN: [(&str, &str); 5] = [
    (
        "root/etc/passwd",
        "root:x:0:0:root:/root:/bin/sh\nbin:x:1:1::/:/bin/false\n",
    ),
    (
        "root/etc/shadow",
        "root:*:19000:0:99999:7:::\nbin:*:19000:0:99999:7:::\n",
    ),
    ("root/etc/hostname", "old\n"),
    ("root/etc/hosts", "127.0.0.1 localhost\n127.0.1.1 old\n"),
    (
        "root/etc/resolv.conf",
        "search example.org\nnameserver 192.0.2.1\n",
    ),
];

/// What most items of `prepare` change.
const UNPREPARED: [(&str, &str); 10] = [
    ("root/etc/adjtime", "0 0 0\n0\nLOCAL\n"),
    (
        "root/etc/ssh/sshd_config",
        "UsePAM yes\nPermitRootLogin no\nMatch User bob\n  X11Forwarding no\n",
    ),
    ("root/etc/default/dropbear", "DROPBEAR_EXTRA_ARGS=\"-w\"\n"),
    (
        "root/etc/chrony.conf",
        "pool 2.debian.pool.ntp.org iburst\ndriftfile /var/lib/chrony/drift\n",
    ),
    ("root/etc/ntp.conf", "server 192.0.2.1\n"),
    ("root/etc/sysctl.conf", "vm.swappiness = 60\n"),
    ("root/etc/motd", "mine\n"),
    ("root/etc/systemd/system/a.wants/nftables.service", ""),
    (
        "root/etc/default/grub",
        "GRUB_CMDLINE_LINUX=\"console=tty1\"\n",
    ),
    (
        "root/boot/grub/grub.cfg",
        "linux /vmlinuz-6.1 root=/dev/vdz1\ninitrd /initrd.img-6.1\n",
    ),
];

/// What cleaning is for.
const DIRTY: [(&str, &str); 9] = [
    ("root/etc/machine-id", "0123456789abcdef0123456789abcdef\n"),
    ("root/etc/ssh/ssh_host_rsa_key", "key\n"),
    ("root/etc/ssh/ssh_host_rsa_key.pub", "key\n"),
    ("root/root/.ssh/authorized_keys", "ssh-rsa AAAA\n"),
    ("root/root/.bash_history", "ls\n"),
    ("root/var/log/syslog", "x\n"),
    ("root/var/log/syslog.1.gz", "x\n"),
    ("root/var/log/apt/history.log", "x\n"),
    ("root/var/lib/dhcp/dhclient.eth0.leases", "lease {}\n"),
];

/// What `check` finds wrong in many ways: in files, in their names, in folders of links.
const WRONG: [(&str, &str); 14] = [
    ("root/etc/selinux/config", "SELINUX=enforcing\n"),
    ("root/usr/bin/qemu-ga", ""),
    ("root/etc/systemd/system/a.wants/nftables.service", ""),
    ("root/etc/systemd/system/a.wants/cloud-init.service", ""),
    ("root/etc/ssh/sshd_config", "PermitRootLogin no\n"),
    ("root/etc/ssh/ssh_host_rsa_key", "key\n"),
    ("root/root/.ssh/authorized_keys", "ssh-rsa AAAA\n"),
    ("root/root/.bash_history", "ls\n"),
    ("root/etc/machine-id", "0123456789abcdef0123456789abcdef\n"),
    (
        "root/etc/fstab",
        "/dev/vdz1 / ext4 defaults 0 1\n/dev/vdz2 none swap sw 0 0\n",
    ),
    ("root/etc/adjtime", "0 0 0\n0\nLOCAL\n"),
    (
        "root/boot/grub/grub.cfg",
        "linux /vmlinuz-6.1 root=/dev/vdz1\ninitrd /initrd.img-6.1\n",
    ),
    ("root/boot/initrd.img-6.1", ""),
    (
        "root/lib/modules/6.1/modules.dep",
        "a/virtio_blk.ko:\na/virtio_pci.ko:\n",
    ),
];

/// All machines.
pub(crate) fn all() -> Result<Vec<Machine>> {
    let mut machines = Vec::new();
    // Each network system, by turns with what ECS says of one and of two networks, and
    // with configuration of the image that must go.
    let cases = ["classic", "stale", "vpc"];
    let formats = matrix::names("formats");
    for (format, case) in formats.iter().zip(cases.iter().cycle()) {
        let cell = Cell::read(format, case)?;
        let [first, second] = cell.before();
        let name = format!("{format}-{case}");
        machines.push(Machine::new(
            &name,
            Ground::Ext2,
            &[&first, &second],
            &cell.conf(),
        )?);
    }
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let debian = tests.join("trees/the-classic-sample-configures-debian/before");
    let centos = tests.join("trees/the-vpc-sample-configures-centos-6/before");
    let classic = tests.join("samples/seed-002-classic.conf");
    let vpc = tests.join("samples/seed-002-vpc.conf");
    machines.push(Machine::new("ram", Ground::Ram, &[&debian], &classic)?);
    machines.push(Machine::new("ext4", Ground::Ext4, &[&centos], &vpc)?);
    machines.push(Machine::new(
        "two-disks",
        Ground::Apart,
        &[&debian],
        &classic,
    )?);
    let mut mounted = Machine::new("mounted", Ground::Ext2, &[&debian], &vpc)?;
    mounted.mounted = vec!["root/etc/shadow".into(), "root/etc/resolv.conf".into()];
    machines.push(mounted);
    let mut kept = Machine::new("kept", Ground::Ext2, &[&debian], &classic)?;
    kept.late = Some("root/etc/resolv.conf".into());
    machines.push(kept);
    let mut plan = Machine::new("plan", Ground::Ext2, &[&debian], &classic)?;
    plan.command = "plan";
    machines.push(plan);
    let mut revert = Machine::new("revert", Ground::Ext2, &[&debian], &classic)?;
    revert.command = "revert";
    machines.push(revert);
    let mut install = Machine::new("install", Ground::Ext2, &[&debian], &classic)?;
    install.command = "install";
    machines.push(install);
    let mut check = Machine::new("check", Ground::Ext2, &[&debian], &classic)?;
    check.command = "check";
    for (path, text) in WRONG {
        tree::put(&mut check.tree, path, Entry::file(text.as_bytes(), 0o644));
    }
    machines.push(check);
    for (name, files) in [("prepare", &UNPREPARED[..]), ("clean", &DIRTY[..])] {
        let mut machine = Machine::new(name, Ground::Ext2, &[&debian], &classic)?;
        machine.command = "prepare";
        for (path, text) in files {
            let entry = Entry::file(text.as_bytes(), 0o644);
            tree::put(&mut machine.tree, path, entry);
        }
        machines.push(machine);
    }
    Ok(machines)
}
