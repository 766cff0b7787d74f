//! dropbear, which has options where sshd has a file (dropbear(8), and its svr-runopts.c):
//! each init takes them from a variable, OpenWrt makes them of its own file.

use super::{Item, Profile, has_value, is_shell, is_there, set_value};
use crate::change::Wanted;
use crate::text::Buf;
use crate::text::assignments::{Setting, Value};
use crate::text::lines::words;
use crate::text::uci::sections;
use core::ffi::CStr;
use heapless::Vec;

pub(super) const ITEM: Item = Item {
    name: "dropbear",
    wants: "dropbear lets root in by the password of ECS, or, locked, by keys only",
    plan: |look, profile, wishes| {
        let column = profile as u8;
        wishes.mend(b"etc/config/dropbear", edit, column);
        let rows = || (0..).zip(&VARIABLES);
        let Some((row, (_, path, key, _))) = rows().find(|(_, row)| is_there(look, row.0)) else {
            return;
        };
        // Nothing there is what is wanted, but on Void.
        if profile == Profile::Locked || is_there(look, path) || row == VOID {
            wishes.write(path, variable, 2 * row + column);
        }
        if has_value(look, path, key, is_shell) {
            wishes.note("to do: dropbear's options -s, -g, -w and -t, where a script stands");
        }
    },
};

/// Where the options are: what tells so, the file, the key, and what is as good as no
/// key. Void's `run`, Alpine's and Gentoo's conf.d, Buildroot's S50dropbear, and the
/// scripts and units of Debian and OpenEmbedded.
const VARIABLES: [(&CStr, &CStr, &str, &[u8]); 4] = [
    (
        c"etc/sv/dropbear/run",
        c"etc/sv/dropbear/conf",
        "OPTS",
        b"-F -R -g",
    ),
    (
        c"etc/conf.d/dropbear",
        c"etc/conf.d/dropbear",
        "DROPBEAR_OPTS",
        b"",
    ),
    (
        c"etc/init.d/S50dropbear",
        c"etc/default/dropbear",
        "DROPBEAR_ARGS",
        b"",
    ),
    (
        c"etc/default/dropbear",
        c"etc/default/dropbear",
        "DROPBEAR_EXTRA_ARGS",
        b"",
    ),
];
const VOID: u8 = 0;

fn variable(out: &mut Buf<'_>, old: &[u8], _: &Wanted<'_>, label: u8) {
    match VARIABLES.get(usize::from(label / 2)) {
        Some((_, _, key, unset)) => set_value(out, old, key, unset, &|out, value| {
            options(out, value, label % 2 == Profile::Locked as u8);
        }),
        None => out.push(old),
    }
}

/// Options with a value, which may stand in the same word, or in the next one.
const WITH_VALUE: &[u8] = b"bcdrpPGWKITADl";

/// Copies the options without those that shut out root (`w`) or passwords (`s`, and
/// `g` for root alone), or that want more than these (`t`); with `s`, if nobody is to
/// come in by a password.
fn options(out: &mut Buf<'_>, old: &[u8], is_locked: bool) {
    let mut is_value = false;
    let mut has_it = false;
    let push = |out: &mut Buf<'_>, word: &[u8]| {
        if !out.is_empty() {
            out.push(b" ");
        }
        out.push(word);
    };
    for word in words(old) {
        let mut bytes = [0; 256];
        let mut kept = Buf::new(&mut bytes);
        let letters = word.strip_prefix(b"-").filter(|_| !is_value);
        is_value = false;
        let Some(mut rest) = letters else {
            push(out, word);
            continue;
        };
        while let [letter, after @ ..] = rest {
            rest = after;
            match letter {
                b'w' | b'g' | b't' => continue,
                b's' if !is_locked => continue,
                b's' => has_it = true,
                _ => {}
            }
            if kept.is_empty() {
                kept.push(b"-");
            }
            kept.push(&[*letter]);
            if WITH_VALUE.contains(letter) {
                is_value = rest.is_empty();
                kept.push(rest);
                break;
            }
        }
        if kept.overflowed() {
            push(out, word);
        } else if !kept.is_empty() {
            push(out, kept.as_bytes());
        }
    }
    if is_locked && !has_it {
        push(out, b"-s");
    }
}

/// OpenWrt's keys, which are on where they are missing, and what they are to be in
/// either profile (dropbear.init).
const KEYS: [(&str, [bool; 2]); 3] = [
    ("RootLogin", [true, true]),
    ("RootPasswordAuth", [true, false]),
    ("PasswordAuth", [true, false]),
];

fn edit(out: &mut Buf<'_>, old: &[u8], _: &Wanted<'_>, column: u8) {
    for section in sections(old) {
        let mut settings = Vec::<Setting<'_>, { KEYS.len() }>::new();
        for (key, wanted) in &KEYS {
            let wanted = wanted.get(usize::from(column)) == Some(&true);
            let is_off = section.get(key).is_some_and(|value| {
                [&b"0"[..], b"off", b"false", b"no", b"disabled"].contains(&value)
            });
            if is_off == wanted {
                // Cannot fail: there is room for every key.
                let _ = settings.push((key, Value::Word(if wanted { b"on" } else { b"off" })));
            }
        }
        match !settings.is_empty() && section.kind == b"dropbear" {
            true => section.set(out, &settings, &[]),
            false => section.copy(out),
        }
    }
}
