//! The image norm of Alibaba Cloud as it is today: what an image should have beside
//! what it needs to start. What the norm recommends never fails.

use super::look::{Look, each_file, is_there};
use super::services;
use super::{AS_ROOT, Group, Item, ON_IMAGE, boot, failed, unknown, warning};
use crate::partition::Scheme;
use crate::text::assignments;
use crate::text::lines::lines;
use crate::text::put;
use core::ffi::CStr;

/// Names of devices that another instance type calls otherwise.
const UNSTABLE: [&[u8]; 5] = [
    b"/dev/vd",
    b"/dev/sd",
    b"/dev/xvd",
    b"/dev/hd",
    b"/dev/nvme",
];

fn is_unstable(name: &[u8]) -> bool {
    UNSTABLE.iter().any(|start| name.starts_with(start))
}

pub(super) const FSTAB: Item = Item {
    group: Group::Norm,
    number: 52,
    name: "fstab by UUID",
    comment: "Devices have other names on other instance types: /etc/fstab should name file systems by UUID.",
    cases: &[
        warning("write UUID=… in its place: blkid shows it"),
        unknown(AS_ROOT),
    ],
    judge: |look, finding| {
        let _ = boot::each_mount(look, finding, 2, &mut |finding, number, spec, _| {
            if is_unstable(spec) {
                finding.note(1, &|out| {
                    put!(out, "/etc/fstab:{}: ", number);
                    out.push(spec);
                });
            }
        });
        finding.say(
            0,
            &[b"/etc/fstab has no device that is called otherwise elsewhere"],
        );
    },
};

pub(super) const LOADER: Item = Item {
    group: Group::Norm,
    number: 53,
    name: "boot loader by UUID",
    comment: "The kernel's root= should name the root file system by UUID, since devices have other names on other instance types.",
    cases: &[warning(
        "write root=UUID=…, or root=PARTUUID=… without an initramfs: blkid shows both",
    )],
    judge: |look, finding| {
        boot::each_word(look, &mut |path, number, word| {
            if word.strip_prefix(b"root=").is_some_and(is_unstable) {
                finding.note(1, &|out| {
                    put!(out, "/");
                    out.push(path);
                    put!(out, ":{}: ", number);
                    out.push(word);
                });
            }
        });
        finding.say(
            0,
            &[b"no boot loader names a device that is called otherwise elsewhere"],
        );
    },
};

pub(super) const ROOT_LAST: Item = Item {
    group: Group::Norm,
    number: 54,
    name: "root partition last",
    comment: "The root partition should be the last of its disk: only then it can grow with the disk.",
    cases: &[
        warning("move the root partition to the end of the disk"),
        unknown(ON_IMAGE),
    ],
    judge: |look, finding| match look.disk().map(|disk| disk.is_root_last) {
        Ok(Some(true)) => finding.say(0, &[b"nothing lies behind the root partition"]),
        Ok(Some(false)) => finding.say(1, &[b"a partition lies behind that of the root"]),
        _ => finding.say(2, &[b"where the root partition lies is not known"]),
    },
};

pub(super) const SWAP: Item = Item {
    group: Group::Norm,
    number: 55,
    name: "swap",
    comment: "An image should have no swap: disks of instances are slow for it, and it stands in the way of growing.",
    cases: &[warning("remove the line"), unknown(AS_ROOT)],
    judge: |look, finding| {
        let _ = boot::each_mount(look, finding, 2, &mut |finding, number, _, fields| {
            if fields.nth(1) == Some(b"swap") {
                finding.note(1, &|out| put!(out, "/etc/fstab:{}: swap", number));
            }
        });
        finding.say(0, &[b"/etc/fstab has no swap"]);
    },
};

pub(super) const LVM: Item = Item {
    group: Group::Norm,
    number: 56,
    name: "LVM",
    comment: "The root should lie on a partition, not on a logical volume: it cannot be resized with the disk.",
    cases: &[warning("put the root on a partition"), unknown(ON_IMAGE)],
    judge: |look, finding| match look.disk().map(|disk| disk.is_mapped) {
        Ok(Some(true)) => finding.say(
            1,
            &[b"the root lies on a device that is put together from others"],
        ),
        Ok(Some(false)) => finding.say(0, &[b"the root lies on the disk itself"]),
        _ => finding.say(2, &[b"what the root lies on is not known"]),
    },
};

pub(super) const BOOT_MODE: Item = Item {
    group: Group::Norm,
    number: 57,
    name: "boot mode",
    comment: "The boot mode that is chosen on import must be one that the image has: UEFI needs a GPT and an EFI system partition; arm64 knows nothing else.",
    cases: &[
        failed("divide the disk by a GPT, with an EFI system partition"),
        warning("add an EFI system partition, or choose BIOS on import"),
        unknown(ON_IMAGE),
    ],
    judge: |look, finding| match look.disk() {
        Ok(disk) if disk.scheme.is_some() => {
            let is_arm = look.architecture() == "aarch64";
            let is_gpt = disk.scheme == Some(Scheme::Gpt);
            match (is_gpt, disk.has_efi) {
                (_, true) => finding.say(0, &[b"UEFI: there is an EFI system partition"]),
                (_, false) if is_arm => {
                    finding.say(1, &[b"arm64 without an EFI system partition"]);
                }
                (true, false) => finding.say(2, &[b"a GPT without an EFI system partition"]),
                (false, false) => finding.say(0, &[b"BIOS: there is no EFI system partition"]),
            }
        }
        _ => finding.say(3, &[b"how the disk is divided is not known"]),
    },
};

pub(super) const CLOCK: Item = Item {
    group: Group::Norm,
    number: 59,
    name: "hardware clock",
    comment: "The hardware clock of an instance is in UTC.",
    cases: &[warning(
        "say so: timedatectl set-local-rtc 0, or UTC in the third line of /etc/adjtime",
    )],
    judge: |look, finding| {
        // hwclock(8), adjtime file.
        let _ = look.read(c"etc/adjtime", &mut |text| {
            if lines(text)
                .nth(2)
                .is_some_and(|line| line.text.trim_ascii() == b"LOCAL")
            {
                finding.say(1, &[b"/etc/adjtime:3: LOCAL"]);
            }
        });
        for (path, key, local) in [
            (c"etc/default/rcS", "UTC", &b"no"[..]),
            (c"etc/conf.d/hwclock", "clock", b"local"),
            (c"etc/sysconfig/clock", "UTC", b"false"),
            (c"etc/rc.conf", "HARDWARECLOCK", b"localtime"),
        ] {
            let _ = look.read(path, &mut |text| {
                let value = assignments::get(text, key).unwrap_or_default();
                if value.eq_ignore_ascii_case(local) {
                    finding.say(
                        1,
                        &[b"/", path.to_bytes(), b": ", key.as_bytes(), b"=", value],
                    );
                }
            });
        }
        finding.say(0, &[b"nothing says that it is in local time"]);
    },
};

/// Programs that set the clock by the network.
const TIME_SERVICES: [&str; 10] = [
    "chronyd",
    "chrony",
    "ntpd",
    "ntp",
    "ntpsec",
    "systemd-timesyncd",
    "openntpd",
    "busybox-ntpd",
    "sysntpd",
    "sntp",
];

pub(super) const TIME: Item = Item {
    group: Group::Norm,
    number: 60,
    name: "time service",
    comment: "chrony or NTP is recommended, so that the clock is right.",
    cases: &[warning("install chrony, and have it started at boot")],
    judge: |look, finding| match services::first_started(look, &TIME_SERVICES) {
        Some(path) => finding.say(0, &[b"started by /", path.as_bytes()]),
        None => finding.say(1, &[b"no program that sets the clock is started"]),
    },
};

pub(super) const CONSOLE: Item = Item {
    group: Group::Norm,
    number: 61,
    name: "console",
    comment: "The kernel should write to the serial console, which ECS shows: console=tty0 console=ttyS0,115200n8, on arm64 console=ttyAMA0.",
    cases: &[
        warning("add it to the kernel's command line in the boot loader"),
        unknown("look for it where the boot loader keeps the kernel's command line"),
    ],
    judge: |look, finding| {
        let wanted: &[u8] = match look.architecture() {
            "aarch64" => b"console=ttyAMA0",
            _ => b"console=ttyS0",
        };
        let mut is_loader = false;
        boot::each_word(look, &mut |path, _, word| {
            is_loader = true;
            if word.starts_with(wanted) {
                finding.say(0, &[b"/", path, b" has ", word]);
            }
        });
        match is_loader {
            true if finding.is_empty() => finding.say(1, &[b"no boot loader has ", wanted]),
            true => {}
            false => finding.say(2, &[b"no file of a boot loader was found"]),
        }
    },
};

pub(super) const FIRMWARE: Item = Item {
    group: Group::Norm,
    number: 58,
    name: "firmware configuration",
    comment: "CONFIG_FW_CFG_SYSFS is what cloud-init gets passwords by; os.conf does without.",
    cases: &[warning(
        "build the kernel with CONFIG_FW_CFG_SYSFS, if cloud-init is to set passwords",
    )],
    judge: |look, finding| {
        each_file(look, c"boot", (b"config-", b""), &mut |path| {
            let _ = look.read(path.as_c_str(), &mut |text| {
                let is_in = lines(text).any(|line| line.text.starts_with(b"CONFIG_FW_CFG_SYSFS="));
                let case = u8::from(!is_in && is_there(look, c"etc/cloud/cloud.cfg"));
                let what: &[u8] = match is_in {
                    true => b" has it",
                    false => b" does not have it",
                };
                finding.say(case, &[b"/", path.as_bytes(), what]);
            });
        });
        if finding.is_empty() {
            finding.say(0, &[b"no /boot/config tells, and os.conf does without"]);
        }
    },
};

/// Where programs of Alibaba's are: the folder, or the file.
fn installed(look: &dyn Look, finding: &mut super::Finding<'_>, paths: &[&CStr]) {
    match paths.iter().find(|path| is_there(look, path)) {
        Some(path) => finding.say(0, &[b"/", path.to_bytes(), b" is there"]),
        None => finding.say(1, &[b"it is not installed"]),
    }
}

pub(super) const ASSISTANT: Item = Item {
    group: Group::Norm,
    number: 63,
    name: "cloud assistant",
    comment: "The cloud assistant is recommended: it runs commands without a login.",
    cases: &[warning(
        "install it, if the system has glibc; it may be left out",
    )],
    judge: |look, finding| {
        installed(
            look,
            finding,
            &[c"usr/local/share/aliyun-assist", c"usr/sbin/aliyun-service"],
        );
    },
};

pub(super) const SECURITY: Item = Item {
    group: Group::Norm,
    number: 64,
    name: "Security Center",
    comment: "The agent of Security Center is recommended.",
    cases: &[warning(
        "install it, if the system has glibc; it may be left out",
    )],
    judge: |look, finding| installed(look, finding, &[c"usr/local/aegis"]),
};
