//! The hardware clock, which is in UTC on every instance.

use super::{Item, has_systemd, is_there};
use crate::text::assignments::{self, Value};
use crate::text::lines::lines;
use core::ffi::CStr;

pub(super) const ITEM: Item = Item {
    name: "clock",
    wants: "the hardware clock counts as UTC: /etc/adjtime, and what other scripts go by",
    plan: |look, _, wishes| {
        if has_systemd(look) || is_there(look, ADJTIME) {
            wishes.write(ADJTIME, |out, old, _, _| adjtime(out, old), 0);
        }
        for (label, (path, ..)) in (0..).zip(&KEYS) {
            if is_there(look, path) {
                wishes.mend(
                    path.to_bytes(),
                    |out, old, _, label| key(out, old, label),
                    label,
                );
            }
        }
        wishes.mend(
            b"etc/hardwareclock",
            |out, old, _, _| slackware(out, old),
            0,
        );
    },
};

const ADJTIME: &CStr = c"etc/adjtime";

/// Where a script keeps it: the file, the key, what is written, and what else is as
/// good (rcS(5); OpenRC's hwclock(8) script; sysconfig of RHEL 6; Void's and Arch's
/// rc.conf).
const KEYS: [(&CStr, &str, &[u8], &[u8]); 4] = [
    (c"etc/default/rcS", "UTC", b"yes", b"yes"),
    (c"etc/conf.d/hwclock", "clock", b"UTC", b"UTC"),
    (c"etc/sysconfig/clock", "UTC", b"true", b"yes"),
    (c"etc/rc.conf", "HARDWARECLOCK", b"UTC", b"UTC"),
];

/// hwclock(8): the third line says it; the first two are about the clock's drift.
fn adjtime(out: &mut crate::text::Buf<'_>, old: &[u8]) {
    let mut old = lines(old);
    for default in [&b"0.0 0 0.0"[..], b"0"] {
        let line = old.next().map_or(default, |line| line.text);
        out.push(line);
        out.push(b"\n");
    }
    out.push(b"UTC\n");
}

/// Only a key that is there and says something else.
fn key(out: &mut crate::text::Buf<'_>, old: &[u8], label: u8) {
    let row = KEYS.get(usize::from(label));
    if let Some((_, key, value, other)) = row
        && let Some(said) = assignments::get(old, key)
        && ![*value, *other]
            .iter()
            .any(|good| said.eq_ignore_ascii_case(good))
    {
        return assignments::set(out, old, &[(key, Value::Quoted(value))], &[]);
    }
    out.push(old);
}

/// Slackware's rc.S looks for a line that is `UTC`.
fn slackware(out: &mut crate::text::Buf<'_>, old: &[u8]) {
    let mut is_said = false;
    for line in lines(old) {
        let is_utc = line.text == b"UTC";
        is_said |= is_utc;
        if is_utc || line.text != b"localtime" {
            out.push(line.text);
            out.push(line.end);
        }
    }
    if !is_said {
        assignments::end_line(out);
        out.push(b"UTC\n");
    }
}
