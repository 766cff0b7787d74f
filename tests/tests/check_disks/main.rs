//! `osconf check --image` on disks made by the real tools, each with a fault planted
//! for real, on roots that are mounted, and on the machine that runs the tests. This
//! takes root and loop devices.

mod here;
mod image;

use image::{Disk, Found, Table};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

const UUID: &str = "6a1c9d2e-0000-4000-8000-000000000001";
const OTHER: &str = "6a1c9d2e-0000-4000-8000-00000000000f";

/// A disk with one partition, which is the root.
fn simple(table: Table, make: &[&str]) -> Disk {
    let mut disk = Disk::new(table);
    disk.root(48, make);
    disk
}

fn ext4() -> Disk {
    simple(
        Table::Mbr,
        &["mke2fs", "-q", "-t", "ext4", "-O", "^64bit", "-U", UUID],
    )
}

fn is(found: &Found, item: &str, verdict: &str, evidence: &str) {
    let (result, said) = found.item(item);
    assert_eq!(
        (result.as_str(), said.as_str()),
        (verdict, evidence),
        "{item}"
    );
}

#[test]
fn an_image_with_an_mbr_is_as_it_should_be() {
    let found = ext4().check();
    is(&found, "partition table", "OK", "Pass: MBR.");
    is(&found, "filesystem", "OK", "Pass: the root is ext4.");
    is(
        &found,
        "first partition",
        "OK",
        "Pass: the first partition is ext4.",
    );
    is(
        &found,
        "root partition last",
        "OK",
        "Pass: nothing lies behind the root partition.",
    );
    is(
        &found,
        "boot mode",
        "OK",
        "Pass: BIOS: there is no EFI system partition.",
    );
    is(
        &found,
        "device id",
        "OK",
        "Pass: the devices of /etc/fstab are there.",
    );
    is(
        &found,
        "os.conf directory",
        "OK",
        "Pass: aliyun_custom_image is there.",
    );
}

#[test]
fn an_image_for_uefi_has_its_root_behind_the_esp() {
    let mut disk = Disk::new(Table::Gpt);
    disk.part(40, "U", &["mkfs.vfat", "-F", "32"]);
    disk.root(
        48,
        &["mke2fs", "-q", "-t", "ext4", "-U", UUID, "-O", "^64bit"],
    );
    let found = disk.check();
    is(&found, "partition table", "OK", "Pass: GPT.");
    is(
        &found,
        "first partition",
        "OK",
        "Pass: the first partition is FAT32.",
    );
    is(
        &found,
        "boot mode",
        "OK",
        "Pass: UEFI: there is an EFI system partition.",
    );
    is(
        &found,
        "root partition last",
        "OK",
        "Pass: nothing lies behind the root partition.",
    );
}

#[test]
fn a_gpt_without_an_esp_does_not_boot_by_uefi() {
    let mut disk = simple(Table::Gpt, &["mke2fs", "-q", "-t", "ext4", "-U", UUID]);
    is(
        &disk.check(),
        "boot mode",
        "WARNING",
        "Warning: a GPT without an EFI system partition.",
    );
    disk.architecture(183);
    disk.make();
    is(
        &disk.check(),
        "boot mode",
        "FAILED",
        "Failed: arm64 without an EFI system partition.",
    );
}

#[test]
fn ext4_with_64bit_cannot_be_resized_and_others_not_at_all() {
    for (make, verdict, evidence) in [
        (
            &["mke2fs", "-q", "-t", "ext4", "-O", "64bit", "-U", UUID][..],
            "WARNING",
            "Warning: the root is ext4 with the feature 64bit.",
        ),
        (
            &["mke2fs", "-q", "-t", "ext2", "-U", UUID],
            "OK",
            "Pass: the root is ext2.",
        ),
        (
            &["mke2fs", "-q", "-t", "ext3", "-U", UUID],
            "OK",
            "Pass: the root is ext3.",
        ),
    ] {
        is(
            &simple(Table::Mbr, make).check(),
            "filesystem",
            verdict,
            evidence,
        );
    }
}

#[test]
fn btrfs_is_told_from_its_superblock() {
    let mut disk = Disk::new(Table::Mbr);
    disk.root(128, &["mkfs.btrfs", "-q", "-U", UUID]);
    let found = disk.check();
    is(
        &found,
        "filesystem",
        "WARNING",
        "Warning: the root is btrfs.",
    );
    is(
        &found,
        "device id",
        "OK",
        "Pass: the devices of /etc/fstab are there.",
    );
    is(
        &found,
        "first partition",
        "FAILED",
        "Failed: the first partition has none of the file systems.",
    );
}

#[test]
fn every_kind_of_id_in_fstab_is_looked_for() {
    let mut disk = Disk::new(Table::Gpt);
    disk.part(20, "L", &["mke2fs", "-q", "-L", "data"]);
    disk.part(20, "S", &["mkswap", "-q", "-U", OTHER]);
    disk.root(48, &["mke2fs", "-q", "-t", "ext4", "-U", UUID]);
    disk.fstab(&format!(
        "UUID={UUID} / ext4 defaults 0 1\nLABEL=data /d ext2 defaults 0 2\n\
         /dev/disk/by-uuid/{OTHER} none swap sw 0 0\nproc /proc proc defaults 0 0\n"
    ));
    disk.make();
    let found = disk.check();
    is(
        &found,
        "device id",
        "OK",
        "Pass: the devices of /etc/fstab are there.",
    );
    is(&found, "swap", "WARNING", "Warning: /etc/fstab:3: swap.");
}

#[test]
fn an_id_that_is_not_there_fails_and_one_that_may_fail_warns() {
    let mut disk = ext4();
    let good = format!("UUID={UUID} / ext4 defaults 0 1\n");
    disk.fstab(&format!("{good}UUID={OTHER} /x ext4 defaults 0 2\n"));
    disk.make();
    let evidence = format!("Failed: /etc/fstab:2: UUID={OTHER} is not there.");
    is(&disk.check(), "device id", "FAILED", &evidence);
    disk.fstab(&format!("{good}PARTLABEL=x /x ext4 nofail 0 2\n"));
    disk.make();
    let evidence = "Warning: /etc/fstab:2: PARTLABEL=x is not there.";
    is(&disk.check(), "device id", "WARNING", evidence);
    disk.fstab(&format!("{good}/dev/vdb1 /x ext4 defaults 0 2\n"));
    disk.make();
    let evidence = "Unknown: /etc/fstab:2: /dev/vdb1 cannot be looked for.";
    is(&disk.check(), "device id", "UNKNOWN", evidence);
    disk.fstab(&good);
    disk.file(
        "boot/grub/grub.cfg",
        &format!("linux /vmlinuz root=UUID={OTHER} ro\n"),
    );
    disk.make();
    let evidence = format!("Failed: /boot/grub/grub.cfg:1: UUID={OTHER} is not there.");
    is(&disk.check(), "device id", "FAILED", &evidence);
}

#[test]
fn a_root_that_others_lie_behind_cannot_grow() {
    let mut disk = Disk::new(Table::Mbr);
    disk.root(48, &["mke2fs", "-q", "-t", "ext4", "-U", UUID]);
    disk.part(20, "L", &["mke2fs", "-q"]);
    let evidence = "Warning: a partition lies behind that of the root.";
    is(&disk.check(), "root partition last", "WARNING", evidence);
}

#[test]
fn a_disk_without_a_table_is_no_system_disk() {
    let disk = simple(Table::None, &["mke2fs", "-q", "-t", "ext4", "-U", UUID]);
    let evidence = "Warning: the disk of the root has no partitions.";
    is(&disk.check(), "partition table", "WARNING", evidence);
}

#[test]
fn the_size_is_that_of_the_disk_however_little_is_in_it() {
    let mut disk = ext4();
    is(
        &disk.check(),
        "disk size",
        "WARNING",
        "Warning: the system disk has 50 MiB.",
    );
    disk.grow(20 << 30);
    is(
        &disk.check(),
        "disk size",
        "OK",
        "Pass: the system disk has 20480 MiB.",
    );
    disk.grow(600 << 30);
    is(
        &disk.check(),
        "disk size",
        "WARNING",
        "Warning: the system disk has 614400 MiB.",
    );
}

#[test]
fn a_full_disk_and_inodes_that_are_used_up_are_seen() {
    let mut disk = ext4();
    disk.file("var/big", &"x".repeat(38 << 20));
    disk.make();
    let (verdict, evidence) = disk.check().item("disk use rate");
    assert_eq!(verdict, "WARNING", "{evidence}");
    let mut disk = Disk::new(Table::Mbr);
    disk.root(48, &["mke2fs", "-q", "-t", "ext4", "-N", "128", "-U", UUID]);
    for number in 0..108 {
        disk.file(&format!("var/{number}"), "");
    }
    disk.make();
    let (verdict, evidence) = disk.check().item("inode use rate");
    assert_eq!(verdict, "WARNING", "{evidence}");
}

#[test]
fn a_first_partition_that_ecs_or_linux_cannot_write_to_is_named() {
    for (kind, make, verdict, evidence) in [
        (
            "e",
            &["mkfs.vfat", "-F", "16"][..],
            "FAILED",
            "Failed: the first partition is FAT16.",
        ),
        (
            "a5",
            &["makefs", "-t", "ffs", "-o", "version=1", "-s", "20m"],
            "WARNING",
            "Warning: the first partition is ufs.",
        ),
    ] {
        let mut disk = Disk::new(Table::Mbr);
        disk.part(20, kind, make);
        disk.root(48, &["mke2fs", "-q", "-t", "ext4", "-U", UUID]);
        is(&disk.check(), "first partition", verdict, evidence);
    }
}

#[test]
fn broken_images_end_in_verdicts() {
    let good = ext4();
    let whole = good.bytes();
    // Cut off within the table, the superblock and the files; and overwritten.
    for len in [0, 1, 511, 512, 1 << 20, (1 << 20) + 1500, 3 << 20, 20 << 20] {
        image::check_bytes(&whole[..len]);
    }
    let mut seed = 1_u64;
    for _ in 0..24 {
        let mut bytes = whole.clone();
        for _ in 0..40 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let place = (seed >> 33) as usize;
            // In the table, and in the first blocks of the file system.
            let start = if place.is_multiple_of(2) {
                440
            } else {
                1 << 20
            };
            bytes[start + (place >> 1) % 72] = (seed >> 20) as u8;
            bytes[(1 << 20) + 1024 + (place >> 1) % 1024] ^= (seed >> 24) as u8;
        }
        image::check_bytes(&bytes);
    }
}

#[test]
fn what_an_ordinary_user_cannot_see_is_never_ok() {
    let disk = ext4();
    let found = disk.check_as_nobody();
    is(&found, "partition table", "OK", "Pass: MBR.");
    for (name, verdict) in found.verdicts() {
        let is_of_the_disk = [
            "partition table",
            "disk size",
            "first partition",
            "boot mode",
        ];
        if !is_of_the_disk.contains(&name.as_str()) {
            assert_eq!(verdict, "UNKNOWN", "{name}");
        }
    }
}

#[test]
fn faults_in_a_root_that_is_mounted_are_found() {
    let disk = ext4();
    let root = disk.mount();
    let put = |name: &str, text: &str| {
        let path = root.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    put("etc/selinux/config", "SELINUX=enforcing\n");
    let wants = "etc/systemd/system/multi-user.target.wants/nftables.service";
    put(wants, "");
    std::os::unix::fs::symlink("/usr/lib", root.path().join("lib")).unwrap();
    let found = root.check();
    for (item, verdict, evidence) in [
        (
            "security",
            "FAILED",
            "Failed: /etc/selinux/config:1: SELINUX=enforcing.",
        ),
        (
            "firewall",
            "WARNING",
            &format!("Warning: started by /{wants}."),
        ),
        ("lib", "WARNING", "Warning: /lib is a link to /usr/lib."),
    ] {
        is(&found, item, verdict, evidence);
    }
    let shadow = root.path().join("etc/shadow");
    let chattr = |how: &str| {
        let status = Command::new("chattr").arg(how).arg(&shadow).status();
        assert!(status.unwrap().success());
    };
    chattr("+i");
    let found = root.check();
    chattr("-i");
    is(
        &found,
        "shadow file authority",
        "FAILED",
        "Failed: /etc/shadow is immutable (chattr +i).",
    );
    is(&found, "filesystem", "OK", "Pass: the root is ext4.");
    is(
        &found,
        "device id",
        "OK",
        "Pass: the devices of /etc/fstab are there.",
    );
    is(
        &root.check(),
        "shadow file authority",
        "OK",
        "Pass: /etc/shadow can be changed; /etc/passwd can be changed; /etc can be changed.",
    );
    let mode = std::fs::metadata(&shadow).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}
