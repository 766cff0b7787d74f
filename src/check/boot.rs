//! What is booted and mounted: the devices that /etc/fstab and the boot loader name,
//! and the initramfs that the latter does.

use super::look::{Look, Seen, each_file};
use super::{Finding, Group, Item, ON_IMAGE, failed, unknown, warning};
use crate::partition::Spec;
use crate::sys::Kind;
use crate::text::lines::{Words, lines, words};
use crate::text::put;
use crate::text::split::{split, split_once};
use crate::value::Path;
use core::ffi::CStr;

pub(super) const DEVICE_IDS: Item = Item {
    group: Group::Image,
    number: 9,
    name: "device id",
    comment: "Every device that /etc/fstab and the boot loader name must be there (blkid shows them): an instance waits for one that is not, or does not find its root.",
    cases: &[
        failed("name a device that is there (blkid), or remove the line"),
        warning("name a device that is there (blkid), or remove the line"),
        unknown(ON_IMAGE),
    ],
    judge: |look, finding| {
        let seen = each_mount(look, finding, 3, &mut |finding, number, spec, fields| {
            let mut options = split(fields.nth(2).unwrap_or_default(), b',');
            let is_optional = options.any(|option| option == b"noauto" || option == b"nofail");
            // A device that is not needed for the boot is a warning.
            let case = if is_optional { 2 } else { 1 };
            device(look, finding, (b"etc/fstab", number), spec, case);
        });
        match seen {
            Err(super::Unseen::Nothing) => finding.say(0, &[b"there is no /etc/fstab"]),
            Err(super::Unseen::Hidden) => {}
            Ok(()) => finding.say(0, &[b"the devices of /etc/fstab are there"]),
        }
        each_word(look, &mut |path, number, word| {
            if let Some(root) = word.strip_prefix(b"root=") {
                device(look, finding, (path, number), root, 1);
            }
        });
    },
};

/// Is given the number of a line, the device that it names, and the fields behind.
type EachMount<'a> = dyn FnMut(&mut Finding<'_>, u32, &[u8], &mut Words<'_>) + 'a;

/// Hands every line of fstab(5) that is no comment to `each`. That the file cannot be
/// read is noted as the case `hidden`.
pub(super) fn each_mount(
    look: &dyn Look,
    finding: &mut Finding<'_>,
    hidden: u8,
    each: &mut EachMount<'_>,
) -> Seen<()> {
    let seen = look.read(c"etc/fstab", &mut |text| {
        for (number, line) in (1_u32..).zip(lines(text)) {
            let mut fields = words(line.text);
            if let Some(spec) = fields.next().filter(|spec| !spec.starts_with(b"#")) {
                each(finding, number, spec, &mut fields);
            }
        }
    });
    if seen == Err(super::Unseen::Hidden) {
        finding.say(hidden, &[b"/etc/fstab cannot be read"]);
    }
    seen
}

/// Judges one device by its name there; what is no device is left alone.
fn device(
    look: &dyn Look,
    finding: &mut Finding<'_>,
    (path, number): (&[u8], u32),
    name: &[u8],
    case: u8,
) {
    const FOLDER: &[u8] = b"/dev/disk/by-";
    // udev's links say the same as the words.
    let spec = match name
        .strip_prefix(FOLDER)
        .and_then(|link| split_once(link, b'/'))
    {
        Some((b"uuid", value)) => Spec::Uuid(value),
        Some((b"label", value)) => Spec::Label(value),
        Some((b"partuuid", value)) => Spec::PartUuid(value),
        Some((b"partlabel", value)) => Spec::PartLabel(value),
        _ => match Spec::parse(name) {
            // The kernel's own word for whatever it took as the root.
            Spec::Path(path) if !path.starts_with(b"/dev/") || path == b"/dev/root" => return,
            spec => spec,
        },
    };
    let tell = |finding: &mut Finding<'_>, case, what: &str| {
        finding.note(case, &|out| {
            put!(out, "/");
            out.push(path);
            put!(out, ":{}: ", number);
            out.push(name);
            put!(out, " {}", what);
        });
    };
    match look.has_device(&spec) {
        Ok(true) => {}
        Ok(false) => tell(finding, case, "is not there"),
        Err(_) => tell(finding, 3, "cannot be looked for"),
    }
}

/// Files of boot loaders that have kernel command lines in them.
const LOADERS: [&CStr; 9] = [
    c"boot/grub/grub.cfg",
    c"boot/grub2/grub.cfg",
    c"boot/grub/menu.lst",
    c"boot/grub/grub.conf",
    c"boot/extlinux.conf",
    c"boot/extlinux/extlinux.conf",
    c"boot/syslinux/syslinux.cfg",
    c"boot/cmdline.txt",
    c"etc/kernel/cmdline",
];

/// Entries of the Boot Loader Specification.
const ENTRIES: &CStr = c"boot/loader/entries";

/// Is given a file, the number of a line in it, and a word of that line.
type EachWord<'a> = dyn FnMut(&[u8], u32, &[u8]) + 'a;

/// Hands every word of boot loaders' files to `each`.
pub(super) fn each_word(look: &dyn Look, each: &mut EachWord<'_>) {
    loaders(look, &mut |path, text| {
        for (number, line) in (1_u32..).zip(lines(text)) {
            if !line.text.trim_ascii().starts_with(b"#") {
                words(line.text).for_each(|word| each(path, number, word));
            }
        }
    });
}

/// Hands every file with kernel command lines to `each`.
fn loaders(look: &dyn Look, each: &mut dyn FnMut(&[u8], &[u8])) {
    for path in LOADERS {
        let _ = look.read(path, &mut |text| each(path.to_bytes(), text));
    }
    each_file(look, ENTRIES, (b"", b""), &mut |path| {
        let _ = look.read(path.as_c_str(), &mut |text| each(path.as_bytes(), text));
    });
}

/// Words that begin the line of a kernel, and that of its initramfs: GRUB's commands
/// of today, of RHEL 7 and 8, and of GRUB 0.97; keys of SYSLINUX and of the Boot Loader
/// Specification.
const KERNELS: [&[u8]; 4] = [b"linux", b"linux16", b"linuxefi", b"kernel"];
const INITRDS: [&[u8]; 3] = [b"initrd", b"initrd16", b"initrdefi"];

/// The initramfs that a boot loader gives to the kernel of this version, if it is
/// there, and whether the kernel's name says that it is this one. The first entry is
/// the one that boots.
pub(super) fn initramfs(look: &dyn Look, version: &[u8]) -> Option<(Path, bool)> {
    let mut found = None;
    let mut best = 0;
    loaders(look, &mut |file, text| {
        // How well the kernel of the entry fits, and how well it must to be taken.
        let (mut fit, mut least) = (0, 0);
        for line in lines(text) {
            let mut words = words(line.text);
            let first = words.next().unwrap_or_default();
            let is_in = |keys: &[&[u8]]| keys.iter().any(|key| key.eq_ignore_ascii_case(first));
            if is_in(&KERNELS) {
                fit = fits(words.next().unwrap_or_default(), version);
                least = best;
            }
            let is_initrd = is_in(&INITRDS);
            for word in words {
                // SYSLINUX takes it out of the kernel's line, too.
                let names = match word.strip_prefix(b"initrd=") {
                    Some(names) => names,
                    None if is_initrd => word,
                    None => continue,
                };
                // Several are one behind the other, microcode first.
                for name in split(names, b',') {
                    if fit > least
                        && let Some(path) = place(look, file, name)
                    {
                        (found, best) = (Some((path, fit > 1)), fit);
                    }
                }
            }
        }
    });
    found
}

/// How well the name of a kernel fits a version: it ends with it or lies in a folder
/// of that name; it has the flavour only; or nothing, so that it may be any.
fn fits(kernel: &[u8], version: &[u8]) -> u8 {
    let mut parts = kernel.rsplit(|&byte| byte == b'/');
    let name = parts.next().unwrap_or_default();
    let ends_with = |end: &[u8]| {
        let rest = name.strip_suffix(end);
        rest.is_some_and(|rest| rest.ends_with(b"-"))
    };
    // Alpine's and Arch's names have the flavour only, which ends the version.
    let mut pieces = version.rsplit(|&byte| byte == b'-');
    match () {
        () if ends_with(version) || parts.next() == Some(version) => 3,
        () if name.contains(&b'.') => 0,
        () if pieces.next().is_some_and(ends_with) => 2,
        () => 1,
    }
}

/// A file that a boot loader's file names: as it sees the file system that it is on,
/// which may be mounted on /boot, or from where its own file lies.
fn place(look: &dyn Look, file: &[u8], name: &[u8]) -> Option<Path> {
    // GRUB's `($root)/boot/initrd`.
    let name = match name.first() {
        Some(b'(') => split_once(name, b')')?.1,
        _ => name,
    };
    let name = name.strip_prefix(b"/").unwrap_or(name);
    let folder = Path::new(&[file])?.folder();
    let places: [&[&[u8]]; 3] = [&[name], &[b"boot/", name], &[folder.as_bytes(), b"/", name]];
    places.iter().find_map(|pieces| {
        let path = Path::new(pieces)?;
        let kind = look.kind(path.as_c_str()).ok()?;
        (kind != Kind::Folder).then_some(path)
    })
}
