//! The accounts: whether ECS can set the password of root, and root be used.

use super::look::{Look, Unseen, is_there};
use super::{AS_ROOT, Finding, Group, Item, failed, unknown, warning};
use crate::text::lines::lines;
use crate::text::split::split;
use core::ffi::CStr;

/// `FS_IMMUTABLE_FL` and `FS_APPEND_FL` of linux/fs.h: chattr(1) has `i` and `a`.
const IMMUTABLE: u32 = 0x10;
const APPEND: u32 = 0x20;

/// The files that are replaced when a password is set, and their folder, in which
/// nothing can be replaced if it is locked.
const ACCOUNT_FILES: [&CStr; 3] = [c"etc/shadow", c"etc/passwd", c"etc"];

pub(super) const SHADOW: Item = Item {
    group: Group::Image,
    number: 2,
    name: "shadow file authority",
    comment: "ECS sets the password of root by a change of /etc/shadow, so the file must not be locked by chattr.",
    cases: &[
        failed("unlock it: chattr -i -a /etc/shadow /etc/passwd /etc"),
        unknown(AS_ROOT),
        warning("make one: pwconv"),
    ],
    judge: |look, finding| {
        for path in ACCOUNT_FILES {
            let name = |rest: &'static [u8]| [&b"/"[..], path.to_bytes(), rest];
            match look.flags(path) {
                Ok(flags) if flags & IMMUTABLE != 0 => {
                    finding.say(1, &name(b" is immutable (chattr +i)"));
                }
                Ok(flags) if flags & APPEND != 0 => {
                    finding.say(1, &name(b" can only be appended to (chattr +a)"));
                }
                Ok(_) => finding.say(0, &name(b" can be changed")),
                Err(Unseen::Hidden) => finding.say(2, &name(b" cannot be looked at")),
                Err(Unseen::Nothing) if path == c"etc/shadow" => {
                    finding.say(3, &name(b" is not there"));
                }
                // No such flags there.
                Err(Unseen::Nothing) => finding.say(0, &name(b" can be changed")),
            }
        }
    },
};

pub(super) const ROOT: Item = Item {
    group: Group::Image,
    number: 10,
    name: "root account",
    comment: "The account root must be kept: it is what the password that is set on creation belongs to.",
    cases: &[
        warning("give /etc/passwd the line root:x:0:0:root:/root:/bin/sh"),
        warning("give root user number 0 in /etc/passwd"),
        warning("give root a shell that is there in /etc/passwd: usermod -s /bin/sh root"),
        unknown(AS_ROOT),
    ],
    judge: |look, finding| {
        let mut is_found = false;
        let seen = look.read(c"etc/passwd", &mut |text| {
            for (number, line) in (1_u32..).zip(lines(text)) {
                let Some(rest) = line.text.strip_prefix(b"root:") else {
                    continue;
                };
                if !is_found {
                    is_found = true;
                    root_line(look, finding, rest, number);
                }
            }
        });
        match seen {
            Err(Unseen::Hidden) => finding.say(4, &[b"/etc/passwd cannot be read"]),
            _ if !is_found => finding.say(1, &[b"/etc/passwd has no line for root"]),
            _ => {}
        }
    },
};

/// Programs that a login shell may be, which end the login at once.
const NO_SHELLS: [&[u8]; 2] = [b"nologin", b"false"];

/// Judges the line of root (passwd(5)), without its name.
fn root_line(look: &dyn Look, finding: &mut Finding<'_>, rest: &[u8], number: u32) {
    let mut fields = split(rest, b':');
    let user = fields.nth(1).unwrap_or_default();
    let shell = fields.nth(3).unwrap_or_default();
    let tell = |finding: &mut Finding<'_>, case, what: &[&[u8]]| {
        finding.note(case, &|out| {
            crate::text::put!(out, "/etc/passwd:{}: ", number);
            what.iter().for_each(|piece| out.push(piece));
        });
    };
    if user != b"0" {
        return tell(finding, 2, &[b"root has user number ", user]);
    }
    // None means /bin/sh (passwd(5)).
    let shell = if shell.is_empty() { b"/bin/sh" } else { shell };
    let name = shell.rsplit(|&byte| byte == b'/').next();
    if name.is_some_and(|name| NO_SHELLS.contains(&name)) {
        return tell(finding, 3, &[b"the shell of root is ", shell]);
    }
    let path = crate::value::Path::new(&[shell]);
    match path.map(|path| look.kind(path.as_c_str())) {
        Some(Err(Unseen::Nothing)) | None => {
            tell(finding, 3, &[b"the shell of root is not there: ", shell]);
        }
        _ => tell(finding, 0, &[b"root is there, with the shell ", shell]),
    }
}

/// Where passwd(1) is.
const PASSWD_PROGRAMS: [&CStr; 5] = [
    c"usr/bin/passwd",
    c"bin/passwd",
    c"usr/sbin/passwd",
    c"sbin/passwd",
    c"usr/local/bin/passwd",
];

pub(super) const PASSWD: Item = Item {
    group: Group::Image,
    number: 11,
    name: "password",
    comment: "The command passwd must be kept: without it users cannot be given a password.",
    cases: &[warning(
        "install it: the package passwd, shadow or util-linux, or BusyBox' applet passwd",
    )],
    judge: |look, finding| match PASSWD_PROGRAMS.iter().find(|path| is_there(look, path)) {
        Some(path) => finding.say(0, &[b"/", path.to_bytes(), b" is there"]),
        None => finding.say(
            1,
            &[b"there is no passwd in /usr/bin, /bin, /usr/sbin or /sbin"],
        ),
    },
};
