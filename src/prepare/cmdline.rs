//! The kernel's command line: names of NICs as os.conf has them, and the consoles.

use super::{Item, Wishes, each_file, has_value, is_shell, is_there, set_value};
use crate::change::Wanted;
use crate::check::Look;
use crate::text::lines::{before, lines, words};
use crate::text::{Buf, contains};
use core::ffi::CStr;

pub(super) const ITEM: Item = Item {
    name: "cmdline",
    wants: "the kernel is started with net.ifnames=0, and with console=tty0 and the serial console of ECS",
    plan: |look, _, wishes| {
        let label = u8::from(look.architecture() == "aarch64");
        let mut is_own_value = false;
        for (row, (path, key, is_made)) in (0..).zip(&VARIABLES) {
            if *is_made && is_there(look, path) || has_value(look, path, key, |_| true) {
                is_own_value |= has_value(look, path, key, is_shell);
                wishes.mend(path.to_bytes(), variable, 2 * row + label);
            }
        }
        for path in LISTS {
            menu(wishes, path.to_bytes(), label);
        }
        each_file(look, c"boot/loader/entries", (b"", b".conf"), &mut |path| {
            menu(wishes, path.as_bytes(), label);
        });
        for path in LINES {
            wishes.mend(path.to_bytes(), only, label);
        }
        if is_own_value || is_grub_open(look) {
            wishes.note("to do: net.ifnames=0 and console=… where quotes or a script stand: by hand, or by update-grub, or by grub2-mkconfig -o /boot/grub2/grub.cfg");
        }
    },
};

/// Variables that are the command line, or that a program makes it of: the file, the
/// key, and whether it is made if it is not there (update-grub(8); Alpine's
/// update-extlinux; Debian's u-boot-update(8), which has another value of its own).
const VARIABLES: [(&CStr, &str, bool); 3] = [
    (c"etc/default/grub", "GRUB_CMDLINE_LINUX", true),
    (c"etc/update-extlinux.conf", "default_kernel_opts", false),
    (c"etc/default/u-boot", "U_BOOT_PARAMETERS", false),
];

/// Menus of GRUB (`linux`), SYSLINUX and U-Boot (`append`), and of the Boot Loader
/// Specification (`options`). A `grub.cfg` that a program wrote is edited, too: it
/// would write the same, by its variable.
const LISTS: [&CStr; 5] = [
    GRUB[0],
    GRUB[1],
    c"boot/extlinux.conf",
    c"boot/extlinux/extlinux.conf",
    c"boot/syslinux/syslinux.cfg",
];

const GRUB: [&CStr; 2] = [c"boot/grub/grub.cfg", c"boot/grub2/grub.cfg"];

/// Files that are the command line: of boards with firmware of their own, and what
/// kernel-install(8) takes.
const LINES: [&CStr; 3] = [c"boot/cmdline", c"boot/cmdline.txt", c"etc/kernel/cmdline"];

fn menu(wishes: &mut Wishes, path: &[u8], label: u8) {
    wishes.mend(path, edit, label);
}

/// Whether the command line of GRUB is not in its menu, or in a line that stays.
fn is_grub_open(look: &dyn Look) -> bool {
    let (mut is_there, mut is_open) = (false, false);
    for path in GRUB {
        let _ = look.read(path, &mut |text| {
            for line in lines(text) {
                match split_key(line.text) {
                    Some((_, true)) => is_there = true,
                    Some((value, false)) => is_open |= is_kernel(value),
                    // An entry on one line.
                    None => is_open |= words(line.text).skip(1).any(|word| word == KEYS[0]),
                }
            }
        });
    }
    is_open || !is_there && look.kind(VARIABLES[0].0).is_ok()
}

/// What is wanted, by the architecture; the last console is the one of init.
const WANTED: [[&[u8]; 3]; 2] = [
    [b"net.ifnames=0", b"console=tty0", b"console=ttyS0,115200n8"],
    [
        b"net.ifnames=0",
        b"console=tty0",
        b"console=ttyAMA0,115200n8",
    ],
];

/// Writes the words of a command line with ours at the end, unless they are in it.
fn line(out: &mut Buf<'_>, old: &[u8], label: u8) {
    let Some(wanted) = WANTED.get(usize::from(label)) else {
        return out.push(old);
    };
    let serial = wanted
        .last()
        .and_then(|word| word.strip_suffix(b",115200n8"))
        .unwrap_or_default();
    let is_ours = |word: &[u8]| {
        word.starts_with(b"net.ifnames=") || word == b"console=tty0" || word.starts_with(serial)
    };
    let mut count = 0;
    let mut is_so = true;
    for word in words(old).filter(|word| is_ours(word)) {
        is_so &= wanted.get(count).is_some_and(|wanted| *wanted == word);
        count += 1;
    }
    if is_so && count == wanted.len() {
        return out.push(old);
    }
    let others = words(old).filter(|word| !is_ours(word));
    let mut is_first = true;
    for word in others.chain(wanted.iter().copied()) {
        if !is_first {
            out.push(b" ");
        }
        is_first = false;
        out.push(word);
    }
}

fn variable(out: &mut Buf<'_>, old: &[u8], _: &Wanted<'_>, label: u8) {
    match VARIABLES.get(usize::from(label / 2)) {
        Some((_, key, _)) => set_value(out, old, key, b"", &|out, value| {
            line(out, value, label % 2);
        }),
        None => out.push(old),
    }
}

/// Commands and keys with a command line behind them; GRUB's, which is a shell's line,
/// come first, with the kernel's file before the arguments.
const KEYS: [&[u8]; 5] = [b"linux", b"linux16", b"linuxefi", b"append", b"options"];
const COMMANDS: usize = 3;

/// The rest of a line that is a command line, and whether it can be edited: in GRUB's
/// shell a word may be quoted, or go on on the next line, or end the command.
fn split_key(text: &[u8]) -> Option<(&[u8], bool)> {
    let text = text.trim_ascii_start();
    let key = words(text).next().unwrap_or_default();
    let index = KEYS
        .iter()
        .position(|name| key.eq_ignore_ascii_case(name))?;
    let value = text.get(key.len()..).unwrap_or_default().trim_ascii_start();
    let is_plain = !value.iter().any(|byte| b"\"'\\;#{}&|<>".contains(byte));
    // The Boot Loader Specification has a `linux` that is a file alone.
    let can_be = index >= COMMANDS || is_plain && is_kernel(value);
    Some((value, can_be))
}

/// Whether GRUB loads a kernel of Linux there, with arguments.
fn is_kernel(value: &[u8]) -> bool {
    let name = words(value).next().unwrap_or_default();
    let is_memtest = contains(name, b"memtest");
    words(value).nth(1).is_some() && !is_memtest
}

/// Each line of a menu that is a command line.
fn edit(out: &mut Buf<'_>, old: &[u8], _: &Wanted<'_>, label: u8) {
    for old in lines(old) {
        match split_key(old.text) {
            Some((value, true)) => {
                out.push(before(old.text, value));
                line(out, value, label);
            }
            _ => out.push(old.text),
        }
        out.push(old.end);
    }
}

/// A file that is one command line, and nothing else.
fn only(out: &mut Buf<'_>, old: &[u8], _: &Wanted<'_>, label: u8) {
    let mut all = lines(old);
    match (all.next(), all.next()) {
        (Some(only), None) if !only.text.is_empty() && !only.text.contains(&b'"') => {
            line(out, only.text, label);
            out.push(only.end);
        }
        _ => out.push(old),
    }
}
