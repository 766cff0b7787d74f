//! The kernel's command line: names of NICs as os.conf has them, and the consoles.

use super::{Item, Wishes, each_file, is_there};
use crate::text::Buf;
use crate::text::assignments::{self, Value};
use crate::text::lines::{before, lines, words};
use core::ffi::CStr;

pub(super) const ITEM: Item = Item {
    name: "cmdline",
    wants: "the kernel is started with net.ifnames=0, and with console=tty0 and the serial console of ECS",
    plan: |look, _, wishes| {
        let label = u8::from(look.architecture() == "aarch64");
        for path in [c"etc/default/grub", c"etc/update-extlinux.conf"] {
            if is_there(look, path) {
                wishes.mend(
                    path.to_bytes(),
                    |out, old, _, label| variables(out, old, label),
                    label,
                );
            }
        }
        if is_there(look, c"etc/default/grub") {
            wishes.note("to do: update-grub, or grub2-mkconfig -o /boot/grub2/grub.cfg");
        }
        for path in LISTS {
            menu(wishes, path.to_bytes(), label);
        }
        each_file(look, c"boot/loader/entries", (b"", b".conf"), &mut |path| {
            menu(wishes, path.as_bytes(), label);
        });
    },
};

/// Menus of SYSLINUX and of U-Boot (`append`), and of the Boot Loader Specification
/// (`options`).
const LISTS: [&CStr; 3] = [
    c"boot/extlinux.conf",
    c"boot/extlinux/extlinux.conf",
    c"boot/syslinux/syslinux.cfg",
];

fn menu(wishes: &mut Wishes, path: &[u8], label: u8) {
    wishes.mend(path, |out, old, _, label| edit(out, old, label), label);
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

/// The variables that are the command line, in files that a shell sources. A value
/// with quotes or variables in it is somebody's own.
fn variables(out: &mut Buf<'_>, old: &[u8], label: u8) {
    let alpine = "default_kernel_opts";
    let key = match assignments::get(old, alpine) {
        Some(_) => alpine,
        None => "GRUB_CMDLINE_LINUX",
    };
    let value = assignments::get(old, key).unwrap_or_default();
    let mut bytes = [0; 2048];
    let mut new = Buf::new(&mut bytes);
    line(&mut new, value, label);
    let is_plain = !value.iter().any(|byte| b"\"'\\$`".contains(byte));
    match is_plain && !new.overflowed() && new.as_bytes() != value {
        true => assignments::set(out, old, &[(key, Value::Quoted(new.as_bytes()))], &[]),
        false => out.push(old),
    }
}

/// Each line of a menu that is a command line.
fn edit(out: &mut Buf<'_>, old: &[u8], label: u8) {
    for old in lines(old) {
        let text = old.text.trim_ascii_start();
        let key = words(text).next().unwrap_or_default();
        let is_it = [&b"append"[..], b"options"]
            .iter()
            .any(|name| key.eq_ignore_ascii_case(name));
        if is_it {
            let value = text.get(key.len()..).unwrap_or_default().trim_ascii_start();
            out.push(before(old.text, value));
            line(out, value, label);
        } else {
            out.push(old.text);
        }
        out.push(old.end);
    }
}
