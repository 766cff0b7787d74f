//! The scenarios of `scenarios.toml` and what each sample must lead to.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::util;

/// One kind of machine.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scenario {
    /// Names its logs.
    pub(crate) name: String,
    /// The os.conf that it gets: a file of `tests/samples`.
    pub(crate) sample: String,
    /// File system of the first partition.
    pub(crate) first: FileSystem,
    /// Who runs osconf.
    pub(crate) agent: Agent,
    /// What brings up the network.
    pub(crate) network: Network,
    /// QEMU's disk device.
    pub(crate) disk: Disk,
    /// The order of the network cards.
    pub(crate) nics: Nics,
    /// Whether the first partition is one of its own that the guest never mounts.
    #[serde(default)]
    pub(crate) hidden: bool,
    /// How the disk is divided.
    #[serde(default)]
    pub(crate) table: Table,
    /// The numbers of the partitions, in their order; above 4, an MBR's is a logical one.
    #[serde(default = "one_and_two")]
    pub(crate) numbers: Vec<u8>,
    /// Whether the kernel's line says that the root is mounted read-only first.
    #[serde(default)]
    pub(crate) read_only: bool,
    /// Whether a data disk with an os.conf of its own comes before the root's.
    #[serde(default)]
    pub(crate) data_disk: bool,
    /// Whether the disk's driver is loaded some seconds after osconf was started.
    #[serde(default)]
    pub(crate) late: bool,
    /// Whether the disk is plugged in some seconds after osconf was started.
    #[serde(default)]
    pub(crate) plugged: bool,
    /// Whether the kernel's line has no `root=`.
    #[serde(default)]
    pub(crate) rootless: bool,
    /// The os.conf that ECS writes after the first boot.
    pub(crate) rewritten: Option<String>,
    /// What a machine is that starts from a copy of the disk, after all other boots.
    pub(crate) cloned: Option<String>,
    /// The architectures that it is booted on by `cargo xtask test`; all, if it does
    /// not say. `cargo xtask soak` boots all.
    pub(crate) test: Option<Vec<String>>,
}

fn one_and_two() -> Vec<u8> {
    vec![1, 2]
}

/// Partition tables.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Table {
    /// The old one.
    #[default]
    Mbr,
    /// The one that UEFI asks for.
    Gpt,
}

/// File systems that a first partition may have.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum FileSystem {
    /// The root itself, or a partition that the guest does not mount, with a journal.
    Ext4,
    /// The same, without.
    Ext2,
    /// Mounted on `/boot`, or not; the root is the second partition.
    Fat32,
}

impl FileSystem {
    /// As mke2fs(8) and mkfs(8) call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ext2 => "ext2",
            Self::Ext4 => "ext4",
            Self::Fat32 => "vfat",
        }
    }
}

/// Where osconf runs.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Agent {
    /// In the initramfs, on the root below `/sysroot`.
    Initramfs,
    /// In the running system, from BusyBox init's rcS.
    Init,
    /// The same, but the whole system is in the initramfs, and stays there.
    Ram,
}

/// What the root file system has for a network configuration.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Network {
    /// `/etc/network/interfaces` and BusyBox ifup.
    Eni,
    /// Nothing: osconf itself.
    Kernel,
}

/// QEMU's disk devices.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
pub(crate) enum Disk {
    /// A disk of most instance types.
    #[serde(rename = "virtio-blk-pci")]
    Virtio,
    /// A disk of the newer ones, for which cloud kernels need no module.
    #[serde(rename = "nvme")]
    Nvme,
    /// A disk behind a controller, as cloud disks of other makers are.
    #[serde(rename = "virtio-scsi-pci")]
    Scsi,
}

/// The order in which the machine has its network cards.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Nics {
    /// As os.conf counts them.
    AsNamed,
    /// The other way round.
    Swapped,
}

/// What a sample must make of a machine.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sample {
    /// The name of the machine.
    pub(crate) hostname: String,
    /// root's password, as it is typed.
    pub(crate) password: String,
    /// The name servers, in their order.
    pub(crate) nameservers: Vec<String>,
    /// The network cards, in the order of os.conf.
    pub(crate) nic: Vec<Nic>,
}

/// What one network card must have.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nic {
    /// Which one it is.
    pub(crate) mac: String,
    /// Its only IPv4 address, with the prefix length.
    pub(crate) address: String,
    /// Its routes with a gateway, as `ip route` prints them, without the device.
    pub(crate) routes: Vec<String>,
}

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scenarios {
    /// The machines.
    pub(crate) scenario: Vec<Scenario>,
    sample: BTreeMap<String, Sample>,
}

impl Scenarios {
    /// Reads `scenarios.toml`.
    pub(crate) fn read() -> Result<Self> {
        let path = util::root().join("xtask/scenarios.toml");
        toml::from_str(&util::read(&path)?).with_context(|| format!("{} is wrong", path.display()))
    }

    /// What a sample must lead to.
    pub(crate) fn sample(&self, name: &str) -> Result<Sample> {
        let found = self.sample.get(name).cloned();
        found.with_context(|| format!("scenarios.toml has no [sample.{name}]"))
    }
}

impl Scenario {
    /// Whether the first partition is not the root.
    pub(crate) fn has_boot_partition(&self) -> bool {
        self.first == FileSystem::Fat32 || self.is_hidden()
    }

    /// Whether the guest never mounts the first partition itself.
    pub(crate) fn is_hidden(&self) -> bool {
        self.hidden || self.agent == Agent::Ram
    }

    /// Whether `cargo xtask test` boots it on this architecture.
    pub(crate) fn is_test_on(&self, architecture: &str) -> bool {
        let all = self.test.as_ref();
        all.is_none_or(|all| all.iter().any(|one| one == architecture))
    }

    /// The root file system, as the kernel command line names it.
    pub(crate) fn root_device(&self) -> String {
        self.partition(usize::from(self.has_boot_partition()), "root")
    }

    /// The first partition where it is not the root, as fstab names it.
    pub(crate) fn boot_device(&self) -> String {
        self.partition(0, "BOOT")
    }

    /// By name on the one kind of disk and by label on the others, since the recipes
    /// take both; behind a data disk the name is not known.
    fn partition(&self, index: usize, label: &str) -> String {
        match (self.disk, self.numbers.get(index)) {
            (Disk::Virtio, Some(number)) if !self.data_disk => format!("/dev/vda{number}"),
            _ => format!("LABEL={label}"),
        }
    }
}
