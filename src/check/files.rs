//! Items that a file or two decide.

use super::look::{Unseen, is_there};
use super::services;
use super::{AS_ROOT, Finding, Group, Item, failed, unknown, warning};
use crate::text::lines::lines;
use core::ffi::CStr;

pub(super) const SELINUX: Item = Item {
    group: Group::Image,
    number: 3,
    name: "security",
    comment: "SELinux must not be enabled in /etc/selinux/config: a new instance could not start.",
    cases: &[
        failed("set SELINUX=disabled in /etc/selinux/config"),
        warning("set SELINUX=disabled in /etc/selinux/config"),
        unknown(AS_ROOT),
    ],
    judge: |look, finding| {
        let seen = look.read(c"etc/selinux/config", &mut |text| selinux(finding, text));
        match seen {
            Err(Unseen::Hidden) => finding.say(3, &[b"/etc/selinux/config cannot be read"]),
            Err(Unseen::Nothing) => finding.say(0, &[b"there is no /etc/selinux/config"]),
            Ok(()) => {}
        }
    },
};

/// The first line with a value that is known counts, at the start of the line, in
/// any case (libselinux, selinux_config.c and enabled.c).
fn selinux(finding: &mut Finding<'_>, text: &[u8]) {
    for (number, line) in (1_u32..).zip(lines(text)) {
        let Some(value) = line.text.strip_prefix(b"SELINUX=") else {
            continue;
        };
        let value = value.trim_ascii();
        let is = |word: &[u8]| {
            value
                .get(..word.len())
                .is_some_and(|value| value.eq_ignore_ascii_case(word))
        };
        let case = match () {
            () if is(b"enforcing") => 1,
            () if is(b"permissive") => 2,
            () if is(b"disabled") => 0,
            () => continue,
        };
        return finding.note(case, &|out| {
            crate::text::put!(out, "/etc/selinux/config:{}: ", number);
            out.push(line.text);
        });
    }
    finding.say(0, &[b"/etc/selinux/config does not enable it"]);
}

/// Where the program of QEMU's guest agent is.
const GUEST_AGENTS: [&CStr; 4] = [
    c"usr/bin/qemu-ga",
    c"usr/sbin/qemu-ga",
    c"usr/local/bin/qemu-ga",
    c"usr/libexec/qemu-ga",
];

pub(super) const GUEST_AGENT: Item = Item {
    group: Group::Image,
    number: 4,
    name: "qemu-ga",
    comment: "QEMU's guest agent must not be installed: it takes what services of ECS need.",
    cases: &[warning("remove the package qemu-guest-agent")],
    judge: |look, finding| {
        let is_file = |path: &&&CStr| matches!(look.kind(path), Ok(crate::sys::Kind::File));
        let program = GUEST_AGENTS.iter().find(is_file);
        let started = services::first_started(look, &["qemu-guest-agent", "qemu-ga"]);
        match (program, started) {
            (Some(path), _) => finding.say(1, &[b"/", path.to_bytes(), b" is there"]),
            (None, Some(path)) => finding.say(1, &[b"/", path.as_bytes(), b" starts it"]),
            (None, None) => finding.say(0, &[b"it is not installed"]),
        }
    },
};

/// The folders of libraries that may be links.
const LIBRARY_FOLDERS: [&CStr; 4] = [c"lib", c"lib64", c"lib32", c"libx32"];

pub(super) const LIBRARIES: Item = Item {
    group: Group::Image,
    number: 13,
    name: "lib",
    comment: "Where /lib and /lib64 are links, these must be relative: ECS works on the mounted disk from outside, where an absolute one leads to its own files.",
    cases: &[warning("make it relative, such as: ln -sfn usr/lib /lib")],
    judge: |look, finding| {
        for path in LIBRARY_FOLDERS {
            let mut is_absolute = false;
            let seen = look.link(path, &mut |text| {
                is_absolute = text.starts_with(b"/");
                let case = u8::from(is_absolute);
                finding.say(case, &[b"/", path.to_bytes(), b" is a link to ", text]);
            });
            if seen.is_err() && path == c"lib" {
                match is_there(look, path) {
                    true => finding.say(0, &[b"/lib is a folder"]),
                    // A root of one static program needs none.
                    false => finding.say(0, &[b"there is no /lib"]),
                }
            }
        }
    },
};
