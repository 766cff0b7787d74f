//! What `osconf check` must say in a machine that runs.

use super::super::scenario::{Agent, FileSystem, Scenario, Table};
use super::{Facts, compare};

impl Facts {
    /// What `osconf check` said of an item: its verdict and why. One line has one.
    fn item(&self, name: &str) -> String {
        let start = format!("{{\"name\":\"{name}\",\"result\":\"");
        let mut lines = self.lines("check").iter();
        let line = lines.find_map(|line| line.strip_prefix(&start));
        let verdict = line.and_then(|line| line.split('"').next());
        let reason = line.and_then(|line| line.split("\"description\":\"").nth(1));
        let reason = reason.and_then(|reason| reason.split('"').next());
        format!(
            "{}: {}",
            verdict.unwrap_or_default(),
            reason.unwrap_or_default()
        )
    }
}

/// What `osconf check` finds in the machine, which has two faults: `xtask/root` asks
/// for SELinux, and for a device that is not there.
pub(crate) fn judge(faults: &mut Vec<String>, facts: &Facts, scenario: &Scenario) {
    let root = match scenario.has_boot_partition() {
        true => FileSystem::Ext4,
        false => scenario.first,
    };
    // FAT32 is called otherwise by mount(8).
    let name = |kind: FileSystem| match kind {
        FileSystem::Fat32 => "FAT32",
        other => other.name(),
    };
    let table = match scenario.table {
        Table::Mbr => "MBR",
        Table::Gpt => "GPT",
    };
    let device = "/etc/fstab:4: UUID=00000000-dead-4000-8000-000000000000";
    let drivers = ["virtio_pci", "virtio_blk", "virtio_net"];
    let drivers = drivers.map(|name| format!("{name} is in the kernel that runs"));
    let mut expected = vec![
        ("driver", format!("OK: Pass: {}.", drivers.join("; "))),
        (
            "security",
            "FAILED: Failed: /etc/selinux/config:2: SELINUX=enforcing.".to_owned(),
        ),
        (
            "root account",
            "OK: Pass: /etc/passwd:1: root is there, with the shell /bin/sh.".to_owned(),
        ),
        // rcS is one of our own.
        (
            "agent",
            "UNKNOWN: Unknown: which init this root has is not known.".to_owned(),
        ),
    ];
    match scenario.agent {
        Agent::Ram => expected.extend([
            (
                "device id",
                format!("UNKNOWN: Unknown: {device} cannot be looked for."),
            ),
            (
                "partition table",
                "UNKNOWN: Unknown: the disk of the root cannot be read.".to_owned(),
            ),
            (
                "filesystem",
                "WARNING: Warning: the root is rootfs.".to_owned(),
            ),
        ]),
        _ => expected.extend([
            (
                "device id",
                format!("WARNING: Warning: {device} is not there."),
            ),
            ("partition table", format!("OK: Pass: {table}.")),
            (
                "first partition",
                format!("OK: Pass: the first partition is {}.", name(scenario.first)),
            ),
            (
                "os.conf directory",
                "OK: Pass: aliyun_custom_image is there.".to_owned(),
            ),
            (
                "filesystem",
                format!(
                    "WARNING: Warning: the root is {} with the feature 64bit.",
                    name(root)
                ),
            ),
        ]),
    }
    for (item, wanted) in expected {
        compare(faults, item, &wanted, &facts.item(item));
    }
    let end: Vec<_> = facts.lines("check").iter().rev().take(2).collect();
    compare(
        faults,
        "the end of the check",
        &vec!["exit 1", "]}"],
        &end.iter().map(|line| line.as_str()).collect(),
    );
}

/// A firewall that a Debian root is made to start.
pub(crate) const FIREWALL: &str = "etc/systemd/system/multi-user.target.wants/nftables.service";
/// A device that is not there, as /etc/fstab has it.
pub(crate) const FSTAB: &str = "UUID=00000000-dead-4000-8000-000000000000 /mnt ext4 noauto 0 0\n";

/// What it finds in a Debian root of `xtask/inits.toml` that is booted, in which three
/// faults were planted: the two above, and `/lib` as an absolute link.
pub(crate) fn judge_debian(faults: &mut Vec<String>, facts: &Facts) {
    let ok = |text: &str| format!("OK: Pass: {text}.");
    let warning = |text: &str| format!("WARNING: Warning: {text}.");
    let device = FSTAB.split(' ').next().unwrap_or_default();
    for (item, wanted) in [
        ("lib", warning("/lib is a link to /usr/lib")),
        ("firewall", warning(&format!("started by /{FIREWALL}"))),
        (
            "filesystem",
            warning("the root is ext4 with the feature 64bit"),
        ),
        ("partition table", ok("MBR")),
        ("first partition", ok("the first partition is FAT32")),
        ("os.conf directory", ok("aliyun_custom_image is there")),
        (
            "root partition last",
            ok("nothing lies behind the root partition"),
        ),
        ("LVM", ok("the root lies on the disk itself")),
    ] {
        compare(faults, item, &wanted, &facts.item(item));
    }
    for (item, wanted) in [
        ("device id", format!("{device} is not there.")),
        ("agent", "OK: Pass: ".to_owned()),
        (
            "driver",
            "OK: Pass: virtio_pci is in the kernel that runs".to_owned(),
        ),
        ("network", "OK: Pass: ".to_owned()),
        (
            "root account",
            "OK: Pass: /etc/passwd:1: root is there".to_owned(),
        ),
    ] {
        if !facts.item(item).contains(&wanted) {
            faults.push(format!(
                "{item}: expected {wanted}, found {}",
                facts.item(item)
            ));
        }
    }
}
