//! The first partition of the root's disk, found and mounted by the program
//! itself, on loop devices with tables and file systems of the real programs.

mod rig;

use core::time::Duration;
use rig::{CONF, Disk, Root, alone, attach, image, run};
use std::thread;

/// A partition for os.conf, and one for the root.
const TWO: &str = "label: dos\nsize=16M\n,\n";
const TWO_GPT: &str = "label: gpt\nsize=16M, name=first\nsize=16M, name=root\n";
const EXT4: &[&str] = &["mkfs.ext4", "-q"];

fn is_applied(root: &Root) -> bool {
    root.read("etc/hostname") == "from-os-conf\n"
}

#[test]
fn a_first_partition_that_is_not_mounted_is_mounted_and_left_as_it_was() {
    alone(
        "a_first_partition_that_is_not_mounted_is_mounted_and_left_as_it_was",
        || {
            for (table, mkfs) in [
                (TWO, EXT4),
                (TWO_GPT, EXT4),
                (TWO, &["mkfs.ext3", "-q"][..]),
                (TWO, &["mkfs.ext2", "-q", "-b", "1024"]),
            ] {
                let disk = Disk::new(table);
                let first = disk.make(1, mkfs, CONF);
                let root = Root::mount(&disk.partition(2));
                let mounts = Root::mounts();
                let (exit, said) = root.osconf("apply");
                assert_eq!(exit, 0, "{mkfs:?}: {said}");
                assert!(is_applied(&root), "{said}");
                assert_eq!(Root::mounts(), mounts);
                assert_eq!(disk.conf_on(&first), None);
                run("e2fsck", &["-f", "-n", &first]);
                let (exit, said) = root.osconf("apply");
                assert_eq!(exit, 0);
                assert!(said.contains("nothing to do"), "{said}");
            }
        },
    );
}

#[test]
fn the_first_partition_is_the_lowest_number_that_holds_something() {
    alone(
        "the_first_partition_is_the_lowest_number_that_holds_something",
        || {
            for (table, first, root) in [
                ("label: dos\n,16M\n,,E\n,\n", 1, 5),
                // An extended partition is nothing but a place for others.
                ("label: dos\n,,E\n,16M\n,\n", 5, 6),
                ("label: dos\n2: size=16M\n4: type=83\n", 2, 4),
                ("label: gpt\n7: size=16M\n9: size=16M\n", 7, 9),
            ] {
                let disk = Disk::new(table);
                let first = disk.make(first, EXT4, CONF);
                let root = Root::mount(&disk.partition(root));
                let (exit, said) = root.osconf("apply");
                assert_eq!(exit, 0, "{table}: {said}");
                assert!(is_applied(&root), "{table}: {said}");
                assert_eq!(disk.conf_on(&first), None);
            }
        },
    );
}

#[test]
fn a_look_writes_nothing_to_a_partition_that_is_not_mounted() {
    alone(
        "a_look_writes_nothing_to_a_partition_that_is_not_mounted",
        || {
            let disk = Disk::new(TWO);
            let first = disk.make(1, EXT4, CONF);
            // A journal that a mount would replay.
            run("debugfs", &["-w", "-R", "feature needs_recovery", &first]);
            let root = Root::mount(&disk.partition(2));
            let sum = || run("sha256sum", &[&first]);
            let before = sum();
            for command in ["plan", "locate", "status"] {
                let (exit, said) = root.osconf(command);
                assert_eq!(exit, 0, "{command}: {said}");
                assert_eq!(sum(), before, "{command}");
            }
            assert!(root.osconf("plan").1.contains("+from-os-conf"));
            // Without an os.conf, apply too only looks.
            drop(root);
            let disk = Disk::new(TWO);
            run("mkfs.ext4", &["-q", &disk.partition(1)]);
            let root = Root::mount(&disk.partition(2));
            let sum = || run("sha256sum", &[&disk.partition(1)]);
            let before = sum();
            assert_eq!(root.osconf("apply").0, 0);
            assert_eq!(sum(), before);
        },
    );
}

#[test]
fn a_first_partition_that_is_mounted_read_only_is_so_again_afterwards() {
    alone(
        "a_first_partition_that_is_mounted_read_only_is_so_again_afterwards",
        || {
            let disk = Disk::new(TWO);
            let first = disk.make(1, EXT4, CONF);
            let root = Root::mount(&disk.partition(2));
            root.mount_at(&first, "boot", "ro,nosuid,noatime");
            let mounts = Root::mounts();
            let (exit, said) = root.osconf("apply");
            assert_eq!(exit, 0, "{said}");
            assert!(is_applied(&root));
            assert_eq!(Root::mounts(), mounts);
            assert!(
                !root
                    .path()
                    .join("boot/aliyun_custom_image/os.conf")
                    .exists()
            );
        },
    );
}

#[test]
fn a_root_that_is_mounted_read_only_is_so_again_afterwards() {
    alone(
        "a_root_that_is_mounted_read_only_is_so_again_afterwards",
        || {
            let disk = Disk::new(TWO);
            let first = disk.make(1, EXT4, CONF);
            let root = Root::mount(&disk.partition(2));
            root.mount_again("ro,nosuid,noatime");
            let mounts = Root::mounts();
            let (exit, said) = root.osconf_from_outside("apply");
            assert_eq!(exit, 0, "{said}");
            assert!(is_applied(&root), "{said}");
            assert_eq!(disk.conf_on(&first), None);
            assert_eq!(Root::mounts(), mounts);
            // Without an os.conf there is no moment in which it is writable.
            let sum = || run("sha256sum", &[&disk.partition(2)]);
            let before = sum();
            let (exit, said) = root.osconf_from_outside("apply");
            assert_eq!(exit, 0, "{said}");
            assert_eq!((Root::mounts(), sum()), (mounts, before));
            // But what a run left that was killed is cleared away.
            root.mount_again("rw");
            root.put("etc/.hostname.osconf", "half of a na");
            root.put("etc/osconf/pending", "etc/hostname\n");
            root.mount_again("ro");
            let (exit, said) = root.osconf_from_outside("apply");
            assert_eq!(exit, 0, "{said}");
            for left in ["etc/.hostname.osconf", "etc/osconf/pending"] {
                assert!(!root.path().join(left).exists(), "{left}");
            }
        },
    );
}

#[test]
fn a_root_on_the_first_partition_is_read_only_again_too() {
    alone(
        "a_root_on_the_first_partition_is_read_only_again_too",
        || {
            let disk = Disk::new(TWO);
            let root = Root::mount(&disk.partition(1));
            root.put("aliyun_custom_image/os.conf", CONF);
            root.mount_again("ro");
            let mounts = Root::mounts();
            let (exit, said) = root.osconf_from_outside("apply");
            assert_eq!(exit, 0, "{said}");
            assert!(is_applied(&root), "{said}");
            let conf = root.path().join("aliyun_custom_image/os.conf");
            assert!(!conf.exists());
            assert_eq!(Root::mounts(), mounts);
        },
    );
}

#[test]
fn a_machine_that_may_wake_from_hibernation_is_not_written_to() {
    alone(
        "a_machine_that_may_wake_from_hibernation_is_not_written_to",
        || {
            let disk = Disk::new(TWO);
            let first = disk.make(1, EXT4, CONF);
            let root = Root::mount(&disk.partition(2));
            root.mount_again("ro");
            let line = root.kernel_line("root=/dev/vda2 resume=/dev/vda3");
            let sums = || run("sha256sum", &[&first, &disk.partition(2)]);
            let (before, mounts) = (sums(), Root::mounts());
            let (exit, said) = root.osconf_from_outside("apply");
            assert_eq!(exit, 1, "{said}");
            assert!(said.contains("resume="), "{said}");
            assert_eq!((sums(), Root::mounts()), (before, mounts));
            drop(line);
            // Nothing is to be woken up.
            let line = root.kernel_line("root=/dev/vda2 resume=/dev/vda3 noresume");
            let (exit, said) = root.osconf_from_outside("apply");
            assert_eq!(exit, 0, "{said}");
            assert!(is_applied(&root), "{said}");
            drop(line);
        },
    );
}

#[test]
fn a_root_that_cannot_be_made_writable_is_named() {
    alone("a_root_that_cannot_be_made_writable_is_named", || {
        let disk = Disk::new(TWO);
        let first = disk.make(1, EXT4, CONF);
        let root = Root::mount(&disk.partition(2));
        root.mount_again("ro");
        let packed = Root::squashed(&root);
        let (exit, said) = packed.osconf_from_outside(&format!("apply --device {first}"));
        assert_eq!(exit, 1, "{said}");
        assert!(
            said.contains("root: ") && said.contains("cannot be made writable"),
            "{said}"
        );
        assert_eq!(said.lines().count(), 1, "{said}");
        assert_eq!(disk.conf_on(&first).as_deref(), Some(CONF));
    });
}

#[test]
fn nodes_are_made_where_dev_is_bare_and_removed_again() {
    alone("nodes_are_made_where_dev_is_bare_and_removed_again", || {
        let disk = Disk::new(TWO);
        let first = disk.make(1, EXT4, CONF);
        let root = Root::mount(&disk.partition(2));
        let dev = root.path().join("dev");
        let path = dev.to_str().unwrap();
        run("umount", &[path]);
        run("mount", &["-t", "tmpfs", "none", path]);
        let (exit, said) = root.osconf("apply");
        assert_eq!(exit, 0, "{said}");
        assert!(is_applied(&root), "{said}");
        assert_eq!(disk.conf_on(&first), None);
        assert_eq!(std::fs::read_dir(dev).unwrap().count(), 0);
    });
}

#[test]
fn a_device_is_named_as_in_fstab() {
    alone("a_device_is_named_as_in_fstab", || {
        for table in [TWO, TWO_GPT] {
            let (other, disk) = (Disk::new(table), Disk::new(TWO));
            let uuid = uuid();
            let label = &uuid[..8];
            let mkfs = ["mkfs.ext4", "-q", "-U", &uuid, "-L", label];
            let root = Root::mount(&disk.partition(2));
            let mut names = vec![
                format!("UUID={uuid}"),
                format!("UUID={}", uuid.to_uppercase()),
                format!("LABEL={label}"),
                other.partition(1),
            ];
            let value = |name| {
                let arguments = ["-p", "-o", "value", "-s", name, &other.partition(1)];
                run("blkid", &arguments).trim().to_owned()
            };
            other.make(1, &mkfs, CONF);
            names.push(format!("PARTUUID={}", value("PART_ENTRY_UUID")));
            for name in names {
                other.make(1, &mkfs, CONF);
                std::fs::write(root.path().join("etc/hostname"), "as-built\n").unwrap();
                let (exit, said) = root.osconf(&format!("apply --device {name}"));
                assert_eq!(exit, 0, "{name}: {said}");
                assert!(is_applied(&root), "{name}: {said}");
                assert_eq!(other.conf_on(&other.partition(1)), None);
            }
            let (exit, said) = root.osconf("apply --wait 0 --device UUID=no-such");
            assert_eq!(exit, 1);
            assert!(
                said.contains("no disk or partition is UUID=no-such"),
                "{said}"
            );
        }
    });
}

#[test]
fn two_partitions_of_one_name_are_refused() {
    alone("two_partitions_of_one_name_are_refused", || {
        let disk = Disk::new("label: dos\nsize=8M\nsize=8M\n,\n");
        let label = &uuid()[..8];
        let mkfs = ["mkfs.ext4", "-q", "-L", label];
        let devices = [1, 2].map(|number| disk.make(number, &mkfs, CONF));
        let root = Root::mount(&disk.partition(3));
        let (exit, said) = root.osconf(&format!("apply --device LABEL={label}"));
        assert_eq!(exit, 1);
        assert!(said.contains("several partitions"), "{said}");
        for device in devices {
            assert_eq!(disk.conf_on(&device).as_deref(), Some(CONF));
        }
    });
}

#[test]
fn a_data_disk_with_a_hostile_os_conf_is_not_touched() {
    alone("a_data_disk_with_a_hostile_os_conf_is_not_touched", || {
        let (data, disk) = (Disk::new(TWO), Disk::new(TWO));
        let hostile = data.make(1, EXT4, "hostname=hostile\n");
        run("mkfs.ext4", &["-q", &disk.partition(1)]);
        let root = Root::mount(&disk.partition(2));
        let before = run("sha256sum", &[&hostile]);
        let (exit, said) = root.osconf("apply");
        assert_eq!(exit, 0, "{said}");
        assert_eq!(root.read("etc/hostname"), "as-built\n");
        assert_eq!(run("sha256sum", &[&hostile]), before);
        let (_, said) = root.osconf("locate");
        assert!(
            said.contains(&format!("{hostile} ext4")) && said.contains("another disk"),
            "{said}"
        );
    });
}

#[test]
fn a_device_that_appears_late_is_waited_for() {
    alone("a_device_that_appears_late_is_waited_for", || {
        let uuid = uuid();
        let disk = Disk::new(TWO);
        let root = Root::mount(&disk.partition(2));
        let (_folder, late) = image("");
        run("mkfs.ext4", &["-q", "-U", &uuid, late.to_str().unwrap()]);
        let plug = thread::spawn(move || {
            thread::sleep(Duration::from_millis(700));
            attach(&late)
        });
        let (exit, said) = root.osconf(&format!("apply --wait 20 --device UUID={uuid}"));
        drop(plug.join().unwrap());
        assert_eq!(exit, 0, "{said}");
        assert!(said.contains("nothing to do"), "{said}");
    });
}

#[test]
fn in_ram_the_only_disk_is_waited_for_and_then_its_partitions() {
    alone(
        "in_ram_the_only_disk_is_waited_for_and_then_its_partitions",
        || {
            let disk = Disk::new(TWO);
            let first = disk.make(1, EXT4, CONF);
            let root = Root::in_ram();
            let (exit, said) = thread::scope(|scope| {
                // The kernel shows a disk before it has read the table on it.
                scope.spawn(|| {
                    thread::sleep(Duration::from_millis(500));
                    root.show(&disk.device, "disk");
                    thread::sleep(Duration::from_millis(500));
                    root.show(&first, "disk/first");
                });
                root.osconf("apply --wait 20")
            });
            assert_eq!(exit, 0, "{said}");
            assert!(is_applied(&root), "{said}");
            assert_eq!(disk.conf_on(&first).as_deref(), Some(CONF));
        },
    );
}

#[test]
fn a_file_system_without_a_table_is_the_first_partition_of_its_disk() {
    alone(
        "a_file_system_without_a_table_is_the_first_partition_of_its_disk",
        || {
            let (data, disk) = (Disk::new(""), Disk::new(""));
            data.make(0, EXT4, "hostname=hostile\n");
            let root = Root::mount(&disk.device);
            let folder = root.path().join("aliyun_custom_image");
            std::fs::create_dir(&folder).unwrap();
            std::fs::write(folder.join("os.conf"), CONF).unwrap();
            let (exit, said) = root.osconf("apply");
            assert_eq!(exit, 0, "{said}");
            assert!(is_applied(&root));
            assert!(!folder.join("os.conf").exists());
        },
    );
}

#[test]
fn what_holds_no_file_system_is_named_with_what_to_do() {
    alone("what_holds_no_file_system_is_named_with_what_to_do", || {
        let disk = Disk::new(TWO);
        let root = Root::mount(&disk.partition(2));
        let (exit, said) = root.osconf("apply");
        assert_eq!(exit, 1);
        assert!(
            said.contains(&disk.partition(1)) && said.contains("ext2, ext3, ext4, FAT32 or UFS"),
            "{said}"
        );
    });
}

/// A UUID that no other test has at the same time.
fn uuid() -> String {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/uuid").unwrap();
    text.trim().to_owned()
}

#[test]
fn locate_tells_it_all_as_json_too() {
    alone("locate_tells_it_all_as_json_too", || {
        let (data, disk) = (Disk::new(TWO), Disk::new(TWO_GPT));
        data.make(1, EXT4, CONF);
        let label = "a \"b\\";
        let first = disk.make(1, &["mkfs.ext4", "-q", "-L", label], CONF);
        let root = Root::mount(&disk.partition(2));
        let (exit, said) = root.osconf("locate --json");
        assert_eq!(exit, 0, "{said}");
        let told: serde_json::Value = serde_json::from_str(&said).unwrap();
        assert_eq!(told["is_there"], true);
        assert_eq!(told["file"], "os.conf");
        let disks = told["disks"].as_array().unwrap();
        let of = |device: &str| {
            let name = device.strip_prefix("/dev/").unwrap();
            disks.iter().find(|disk| disk["name"] == name).unwrap()
        };
        let taken: Vec<_> = disks
            .iter()
            .filter(|disk| disk["is_taken"] == true)
            .collect();
        assert_eq!(taken, [of(&first)]);
        assert_eq!(of(&first)["label"], label);
        assert_eq!(of(&first)["number"], 1);
        assert_eq!(of(&first)["mounted_on"], serde_json::Value::Null);
        assert_eq!(of(&disk.partition(2))["mounted_on"], "/");
        assert_eq!(
            of(&data.device)["why"],
            "on another disk than the root file system"
        );
        // Where nothing is taken it is JSON all the same.
        let (exit, said) = root.osconf("locate --json -q --device LABEL=none");
        assert_eq!(exit, 1);
        let json = said.split("osconf: ").next().unwrap();
        let told: serde_json::Value = serde_json::from_str(json).unwrap();
        assert_eq!(told["folder"], serde_json::Value::Null);
    });
}

#[test]
fn what_can_only_be_read_is_applied_once_and_named() {
    alone("what_can_only_be_read_is_applied_once_and_named", || {
        let (first, root) = (Disk::new(""), Disk::new(""));
        let device = first.make(0, EXT4, CONF);
        run("blockdev", &["--setro", &device]);
        let root = Root::mount(&root.device);
        for said_first in [true, false] {
            let (exit, said) = root.osconf(&format!("apply --device {device}"));
            assert_eq!(exit, 1, "{said}");
            assert!(said.contains("it can only be read"), "{said}");
            assert!(said.contains("remove what is left of it"), "{said}");
            assert_eq!(said.contains("1 file changed"), said_first, "{said}");
            assert!(is_applied(&root));
        }
        assert_eq!(first.conf_on(&device).as_deref(), Some(CONF));
    });
}
