//! What is configured: roots, and the file systems that they lie on.

use anyhow::{Context, Result};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// os.conf, below the root.
pub(crate) const CONF: &str = "boot/aliyun_custom_image/os.conf";
/// What it says (`tests/samples`), and the password in it.
const SAMPLE: &str = include_str!("../../samples/seed-000-vpc.conf");
pub(crate) const PASSWORD: &[u8] = b"qwer1234";
/// Its NIC.
pub(crate) const MAC: &str = "00:8c:fa:5e:14:23";

/// A file system, as it is made, mounted and checked.
#[derive(Debug)]
pub(crate) struct FileSystem {
    /// What it is called here.
    pub(crate) name: &'static str,
    /// The program that makes it, and its words.
    pub(crate) make: &'static [&'static str],
    /// The kernel's name of it.
    pub(crate) kind: &'static str,
    /// How it is mounted.
    pub(crate) options: &'static str,
    /// How large it is: not much larger than each wants to be.
    pub(crate) megabytes: u64,
    /// Whether its blocks are smaller than a page, as those of small file systems are if
    /// nobody says otherwise (mke2fs.conf(5)).
    pub(crate) has_small_blocks: bool,
    /// Whether a boot checks it before it is mounted: without a journal a cut
    /// leaves it inconsistent.
    pub(crate) is_checked: bool,
    /// As many states of one recording are judged in a test, the soak has ten times
    /// as many: some file systems take long to mount.
    pub(crate) share: u64,
}

/// With the blocks of larger file systems.
const EXT: [&str; 5] = ["mke2fs", "-qF", "-b4096", "-E", "lazy_itable_init=0"];

impl FileSystem {
    /// How large it is, in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        self.megabytes << 20
    }
}

const fn ext(name: &'static str, make: &'static [&'static str]) -> FileSystem {
    FileSystem {
        name,
        make,
        kind: "ext4",
        options: "",
        megabytes: 16,
        has_small_blocks: false,
        is_checked: false,
        share: 1000,
    }
}

pub(crate) static EXT2: FileSystem = FileSystem {
    kind: "ext2",
    is_checked: true,
    ..ext("ext2", &[EXT[0], EXT[1], EXT[2], EXT[3], EXT[4], "-text2"])
};
pub(crate) static EXT2_SMALL: FileSystem = FileSystem {
    kind: "ext2",
    has_small_blocks: true,
    is_checked: true,
    ..ext(
        "ext2 with blocks of 1 KiB",
        &[EXT[0], EXT[1], "-b1024", EXT[3], EXT[4], "-text2"],
    )
};
pub(crate) static EXT3: FileSystem = FileSystem {
    kind: "ext3",
    ..ext("ext3", &[EXT[0], EXT[1], EXT[2], EXT[3], EXT[4], "-text3"])
};
pub(crate) static EXT4: FileSystem =
    ext("ext4", &[EXT[0], EXT[1], EXT[2], EXT[3], EXT[4], "-text4"]);
pub(crate) static EXT4_SMALL: FileSystem = FileSystem {
    has_small_blocks: true,
    ..ext(
        "ext4 with blocks of 1 KiB",
        &[EXT[0], EXT[1], "-b1024", EXT[3], EXT[4], "-text4"],
    )
};
pub(crate) static EXT4_NO_JOURNAL: FileSystem = FileSystem {
    is_checked: true,
    ..ext(
        "ext4 without a journal",
        &[
            EXT[0],
            EXT[1],
            EXT[2],
            EXT[3],
            EXT[4],
            "-text4",
            "-O^has_journal",
        ],
    )
};
pub(crate) static EXT4_WRITEBACK: FileSystem = FileSystem {
    name: "ext4 data=writeback,noauto_da_alloc",
    options: "data=writeback,noauto_da_alloc",
    ..ext("", &[EXT[0], EXT[1], EXT[2], EXT[3], EXT[4], "-text4"])
};
pub(crate) static XFS: FileSystem = FileSystem {
    name: "xfs",
    make: &["mkfs.xfs", "-q", "-f", "-ssize=4096"],
    kind: "xfs",
    options: "",
    megabytes: 300,
    has_small_blocks: false,
    is_checked: false,
    share: 60,
};
pub(crate) static BTRFS: FileSystem = FileSystem {
    name: "btrfs",
    make: &["mkfs.btrfs", "-q", "-f"],
    kind: "btrfs",
    options: "",
    megabytes: 120,
    has_small_blocks: false,
    is_checked: false,
    share: 30,
};

/// Of os.conf alone, and in guests alone.
pub(crate) static VFAT: FileSystem = FileSystem {
    name: "FAT32",
    make: &["mkfs.vfat", "-F", "32", "-s", "1"],
    kind: "vfat",
    options: "",
    megabytes: 48,
    has_small_blocks: false,
    is_checked: true,
    share: 1000,
};

/// A root, and how osconf is to see it.
#[derive(Debug)]
pub(crate) struct Machine {
    /// The name of its network system.
    pub(crate) network: &'static str,
    /// How a run of osconf ends.
    pub(crate) code: i32,
    files: &'static [(&'static str, &'static str)],
}

/// What every root has.
const FILES: &[(&str, &str)] = &[
    (
        "etc/passwd",
        "root:x:0:0:root:/root:/bin/sh\nbin:x:1:1:bin:/bin:/bin/false\n",
    ),
    (
        "etc/shadow",
        "root:*:19000:0:99999:7:::\nbin:*:19000:0:99999:7:::\n",
    ),
    ("etc/hostname", "image\n"),
    ("etc/hosts", "127.0.0.1 localhost\n127.0.1.1 image\n"),
    ("etc/resolv.conf", "nameserver 1.1.1.1\nsearch example\n"),
    ("etc/motd", "Whatever a power cut does, this stays.\n"),
    (CONF, SAMPLE),
];

pub(crate) static MACHINES: [Machine; 3] = [
    Machine {
        network: "eni",
        code: 0,
        files: &[(
            "etc/network/interfaces",
            "auto lo\niface lo inet loopback\nauto eth0\niface eth0 inet dhcp\n",
        )],
    },
    Machine {
        network: "ifcfg",
        code: 0,
        files: &[
            (
                "etc/sysconfig/network-scripts/ifcfg-eth0",
                "DEVICE=eth0\nBOOTPROTO=dhcp\nONBOOT=yes\n",
            ),
            ("etc/sysconfig/network", "NETWORKING=yes\n"),
        ],
    },
    Machine {
        network: "kernel",
        code: 0,
        files: &[],
    },
];

/// One whose os.conf names a NIC that is not there, so that it is kept, but for the
/// password in it.
pub(crate) static KEPT: Machine = Machine {
    network: "eni",
    code: 1,
    files: &[(
        CONF,
        concat!(
            include_str!("../../samples/seed-000-vpc.conf"),
            "eth1_ip_addr=10.9.9.9\neth1_mac_addr=00:8c:fa:5e:14:99\n",
            "eth1_netmask=255.255.255.0\n"
        ),
    )],
};

/// A machine on its disks: the root's, and then that of `/boot` with os.conf, if
/// that is another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setup {
    /// What is on the disks.
    pub(crate) machine: &'static Machine,
    /// The root's file system.
    pub(crate) root: &'static FileSystem,
    /// That of os.conf, if that lies on another disk.
    pub(crate) boot: Option<&'static FileSystem>,
}

impl Setup {
    /// Its file systems, in the order of its disks.
    pub(crate) fn systems(&self) -> Vec<&'static FileSystem> {
        core::iter::once(self.root).chain(self.boot).collect()
    }

    /// Whether one of them has small blocks.
    pub(crate) fn has_small_blocks(&self) -> bool {
        self.systems().iter().any(|system| system.has_small_blocks)
    }

    /// What it is called in messages.
    pub(crate) fn name(&self) -> String {
        let boot = self.boot.map(|boot| format!(", os.conf on {}", boot.name));
        let kept = ["", ", os.conf is kept"][usize::from(self.machine.code == 1)];
        format!(
            "{} on {}{}{kept}",
            self.machine.network,
            self.root.name,
            boot.unwrap_or_default()
        )
    }

    /// Puts the files of the machine below `root`.
    pub(crate) fn fill(&self, root: &Path) -> Result<()> {
        for (name, text) in FILES.iter().chain(self.machine.files) {
            let path = root.join(name);
            let folder = path.parent().context("a file lies in a folder")?;
            fs::create_dir_all(folder)?;
            fs::write(&path, text)?;
            let mode = match *name {
                "etc/shadow" => 0o640,
                CONF => 0o600,
                _ => 0o644,
            };
            fs::set_permissions(&path, fs::Permissions::from_mode(mode))?;
        }
        Ok(())
    }
}

/// Those that a guest records.
pub(crate) fn guests() -> Vec<Setup> {
    let setup = |machine, root, boot| Setup {
        machine,
        root,
        boot,
    };
    vec![
        setup(&MACHINES[0], &EXT4, Some(&VFAT)),
        setup(&KEPT, &EXT4, Some(&VFAT)),
        setup(&MACHINES[0], &EXT2, Some(&VFAT)),
        setup(&MACHINES[1], &EXT2, None),
        setup(&MACHINES[2], &EXT4_NO_JOURNAL, Some(&EXT2)),
    ]
}

/// Every setup that the rig records.
pub(crate) fn setups() -> Vec<Setup> {
    let one = [
        &EXT2,
        &EXT2_SMALL,
        &EXT3,
        &EXT4,
        &EXT4_SMALL,
        &EXT4_NO_JOURNAL,
        &EXT4_WRITEBACK,
        &XFS,
        &BTRFS,
    ];
    let two = [
        (&EXT4, &EXT4),
        (&EXT4, &EXT2),
        (&EXT2, &EXT4),
        (&XFS, &EXT2),
        (&EXT3, &EXT4_NO_JOURNAL),
        (&BTRFS, &EXT4),
    ];
    let pairs = one.map(|root| (root, None)).into_iter();
    let pairs = pairs.chain(two.map(|(root, boot)| (root, Some(boot))));
    let all = pairs.flat_map(|(root, boot)| {
        let setup = move |machine| Setup {
            machine,
            root,
            boot,
        };
        MACHINES.iter().chain([&KEPT]).map(setup)
    });
    all.collect()
}
