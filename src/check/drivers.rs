//! The drivers of ECS' disks and NICs: in the kernel, as modules, and in the
//! initramfs that has to bring up the disk of the root.

use super::look::{Look, Unseen, each_file, is_there};
use super::{Finding, Group, Item, failed, initramfs, unknown, warning};
use crate::text::lines::lines;
use crate::text::put;
use crate::value::Path;
use core::ffi::CStr;

/// Where the kernel's modules lie. Where `/lib` is a link, both are the same.
const MODULES: [&CStr; 2] = [c"lib/modules", c"usr/lib/modules"];

/// What a kernel without a driver comes to, by the numbers of an item's cases.
struct Cases {
    missing: u8,
    not_in_initramfs: u8,
    unknown: u8,
}

pub(super) const VIRTIO: Item = Item {
    group: Group::Image,
    number: 1,
    name: "driver",
    comment: "Alibaba Cloud supports kvm virtualization technology. We strongly recommend installing kvm driver.",
    cases: &[
        failed(
            "build the kernel with CONFIG_VIRTIO_PCI and CONFIG_VIRTIO_BLK, or install a kernel that has these drivers",
        ),
        failed(
            "add virtio_pci and virtio_blk to the initramfs and build it anew: update-initramfs -u, dracut -f or mkinitfs",
        ),
        unknown("look by hand whether virtio_pci and virtio_blk are in it: lsinitramfs, lsinitrd"),
        warning(
            "build the kernel with CONFIG_VIRTIO_NET, or install a kernel that has this driver",
        ),
    ],
    judge: |look, finding| {
        let disk = Cases {
            missing: 1,
            not_in_initramfs: 2,
            unknown: 3,
        };
        let net = Cases {
            missing: 4,
            not_in_initramfs: 0,
            unknown: 3,
        };
        judge(look, finding, &["virtio_pci", "virtio_blk"], &disk);
        judge(look, finding, &["virtio_net"], &net);
    },
};

pub(super) const NVME: Item = Item {
    group: Group::Norm,
    number: 51,
    name: "NVMe driver",
    comment: "Newer instance types have NVMe disks (g7se, g8i and others).",
    cases: &[
        warning(
            "build the kernel with CONFIG_BLK_DEV_NVME, or install a kernel that has this driver",
        ),
        warning(
            "add nvme to the initramfs and build it anew: update-initramfs -u, dracut -f or mkinitfs",
        ),
        unknown("look by hand whether nvme is in it: lsinitramfs, lsinitrd"),
    ],
    judge: |look, finding| {
        let cases = Cases {
            missing: 1,
            not_in_initramfs: 2,
            unknown: 3,
        };
        judge(look, finding, &["nvme"], &cases);
    },
};

/// Drivers whose option of the kernel's configuration has another name.
const OPTIONS: [(&str, &str); 1] = [("nvme", "BLK_DEV_NVME")];

/// How a kernel has a driver.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Driver {
    BuiltIn,
    Module,
    Missing,
    Unknown,
}

/// Judges every kernel that has modules; without one, the kernel that runs, or
/// what is known of how it was built.
fn judge(look: &dyn Look, finding: &mut Finding<'_>, drivers: &[&str], cases: &Cases) {
    let mut kernels = 0_u32;
    for folder in MODULES {
        if kernels > 0 {
            break;
        }
        let _ = look.list(folder, &mut |version| {
            // What a removed kernel left has no list of its modules.
            let base = Path::new(&[folder.to_bytes(), b"/", version.to_bytes()]);
            if let Some(base) = base
                && [BUILT_IN, LIST].iter().any(|name| {
                    child(&base, name).is_some_and(|path| is_there(look, path.as_c_str()))
                })
            {
                kernels += 1;
                kernel(look, finding, (&base, version.to_bytes()), drivers, cases);
            }
            true
        });
    }
    if kernels == 0 {
        for driver in drivers {
            monolithic(look, finding, driver, cases);
        }
    }
}

/// The lists of what is built in, and of the modules and what they need
/// (Documentation/kbuild/kbuild.rst, modprobe(8)).
const BUILT_IN: &[u8] = b"modules.builtin";
const LIST: &[u8] = b"modules.dep";

fn child(base: &Path, name: &[u8]) -> Option<Path> {
    Path::new(&[base.as_bytes(), b"/", name])
}

fn kernel(
    look: &dyn Look,
    finding: &mut Finding<'_>,
    (base, version): (&Path, &[u8]),
    drivers: &[&str],
    cases: &Cases,
) {
    // One bit for each driver that the initramfs has; it is read once.
    let mut found = 0_u32;
    let mut seen = None;
    for (index, driver) in drivers.iter().enumerate() {
        let say = |finding: &mut Finding<'_>, case, what: &[&[u8]]| {
            finding.note(case, &|out| {
                put!(out, "{} ", driver);
                what.iter().for_each(|piece| out.push(piece));
                put!(out, " (kernel ");
                out.push(version);
                put!(out, ")");
            });
        };
        match state(look, base, driver) {
            Driver::BuiltIn => say(finding, 0, &[b"is built in"]),
            Driver::Missing => say(finding, cases.missing, &[b"is missing"]),
            Driver::Unknown => say(finding, cases.unknown, &[b"is not known of"]),
            Driver::Module if cases.not_in_initramfs == 0 => say(finding, 0, &[b"is a module"]),
            Driver::Module => {
                let Some(path) = initramfs::of_kernel(look, version) else {
                    let what = b"is a module, and no initramfs was found";
                    say(finding, cases.not_in_initramfs, &[what]);
                    continue;
                };
                let seen = *seen.get_or_insert_with(|| {
                    initramfs::names(look, path.as_c_str(), &mut |name| {
                        for (bit, driver) in drivers.iter().enumerate() {
                            found |= u32::from(is_module(name, driver)) << bit;
                        }
                    })
                });
                let is_in = found >> index & 1 != 0;
                let path = path.as_bytes();
                match seen {
                    _ if is_in => say(finding, 0, &[b"is in /", path]),
                    Ok(()) => say(finding, cases.not_in_initramfs, &[b"is not in /", path]),
                    Err(why) => {
                        let why = why.name().as_bytes();
                        say(finding, cases.unknown, &[b"may be in /", path, b", ", why]);
                    }
                }
            }
        }
    }
}

/// How the kernel with these modules has a driver.
fn state(look: &dyn Look, base: &Path, driver: &str) -> Driver {
    let mut found = Driver::Missing;
    for (name, is) in [(BUILT_IN, Driver::BuiltIn), (LIST, Driver::Module)] {
        let Some(path) = child(base, name) else {
            continue;
        };
        let seen = look.read(path.as_c_str(), &mut |text| {
            for line in lines(text) {
                let name = line.text.split(|&byte| byte == b':').next();
                if found == Driver::Missing && is_module(name.unwrap_or_default(), driver) {
                    found = is;
                }
            }
        });
        if seen == Err(Unseen::Hidden) && found == Driver::Missing {
            return Driver::Unknown;
        }
    }
    found
}

/// Whether a path is that of a module, compressed or not. `-` and `_` are the same
/// in names of modules (modprobe(8)).
pub(super) fn is_module(path: &[u8], driver: &str) -> bool {
    let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
    let Some((name, end)) = name.split_at_checked(driver.len()) else {
        return false;
    };
    let is_same = |(have, want): (&u8, &u8)| match have {
        b'-' => *want == b'_',
        _ => have == want,
    };
    name.iter().zip(driver.as_bytes()).all(is_same)
        && matches!(end, b".ko" | b".ko.gz" | b".ko.xz" | b".ko.zst")
}

/// A kernel without modules: what it was built with, if that is written somewhere.
fn monolithic(look: &dyn Look, finding: &mut Finding<'_>, driver: &str, cases: &Cases) {
    if let Some(path) = Path::new(&[b"sys/module/", driver.as_bytes()])
        && look.kernel_has(path.as_c_str())
    {
        return finding.say(0, &[driver.as_bytes(), b" is in the kernel that runs"]);
    }
    let mut is_known = false;
    each_file(look, c"boot", (b"config", b""), &mut |path| {
        let _ = look.read(path.as_c_str(), &mut |text| {
            is_known = true;
            let is_in = lines(text).any(|line| is_option(line.text, driver));
            let (case, what): (_, &[u8]) = match is_in {
                true => (0, b" is set in /"),
                false => (cases.missing, b" is not set in /"),
            };
            finding.say(case, &[driver.as_bytes(), what, path.as_bytes()]);
        });
    });
    if !is_known {
        finding.say(
            cases.unknown,
            &[
                driver.as_bytes(),
                b": there are no modules, and no /boot/config tells how the kernel was built",
            ],
        );
    }
}

/// Whether a line of a kernel's configuration builds the driver in.
fn is_option(line: &[u8], driver: &str) -> bool {
    let other = OPTIONS.iter().find(|(name, _)| *name == driver);
    let option = other.map_or(driver, |(_, option)| option);
    line.strip_prefix(b"CONFIG_")
        .and_then(|line| line.strip_suffix(b"=y"))
        .is_some_and(|name| name.eq_ignore_ascii_case(option.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_is_known_however_it_is_written() {
        for path in [
            "kernel/drivers/block/virtio_blk.ko",
            "virtio-blk.ko.xz",
            "/lib/modules/6.1/kernel/virtio_blk.ko.zst",
        ] {
            assert!(is_module(path.as_bytes(), "virtio_blk"), "{path}");
        }
        for path in [
            "virtio_blk",
            "virtio_blk.c",
            "xvirtio_blk.ko",
            "virtio_blkx.ko",
        ] {
            assert!(!is_module(path.as_bytes(), "virtio_blk"), "{path}");
        }
        assert!(is_option(b"CONFIG_VIRTIO_BLK=y", "virtio_blk"));
        assert!(!is_option(b"CONFIG_VIRTIO_BLK=m", "virtio_blk"));
    }
}
