//! The SSH server, and what its configuration says to root.

use super::look::Look;
use super::services;
use super::{AS_ROOT, Group, Item, unknown, warning};
use crate::text::lines::lines;
use crate::text::put;
use core::ffi::CStr;

/// Names of services: OpenSSH as Debian and as others call it, and dropbear.
const SERVERS: [&str; 4] = ["sshd", "ssh", "dropbear", "openssh"];

const CONFIG: &CStr = c"etc/ssh/sshd_config";

pub(super) const SERVER: Item = Item {
    group: Group::Image,
    number: 6,
    name: "ssh",
    // The page of 2019 wants no PermitRootLogin at all, the norm wants `yes`. The
    // norm is the newer one, and what both are after is that root can log in.
    comment: "An SSH server should be started, and let root log in by the password that ECS sets.",
    cases: &[
        warning("have it started at boot, such as: systemctl enable sshd"),
        warning("install an SSH server: openssh-server or dropbear"),
        warning("set PermitRootLogin yes in /etc/ssh/sshd_config"),
        warning("set PasswordAuthentication yes in /etc/ssh/sshd_config"),
        unknown(AS_ROOT),
    ],
    judge: |look, finding| {
        match services::first_started(look, &SERVERS) {
            Some(path) => finding.say(0, &[b"started by /", path.as_bytes()]),
            None if is_installed(look) => {
                finding.say(1, &[b"no link or file was found that starts it"]);
            }
            None => return finding.say(2, &[b"there is no sshd and no dropbear"]),
        }
        let seen = look.read(CONFIG, &mut |text| {
            for (key, case) in [("PermitRootLogin", 3), ("PasswordAuthentication", 4)] {
                if let Some((number, value)) = option(text, key) {
                    let is_good = value.eq_ignore_ascii_case(b"yes");
                    finding.note(if is_good { 0 } else { case }, &|out| {
                        put!(out, "/etc/ssh/sshd_config:{}: {} ", number, key);
                        out.push(value);
                    });
                }
            }
        });
        if seen == Err(super::Unseen::Hidden) {
            finding.say(5, &[b"/etc/ssh/sshd_config cannot be read"]);
        }
    },
};

fn is_installed(look: &dyn Look) -> bool {
    [
        c"usr/sbin/sshd",
        c"usr/sbin/dropbear",
        c"usr/bin/sshd",
        c"sbin/dropbear",
    ]
    .iter()
    .any(|path| super::look::is_there(look, path))
}

/// The value of an option before any `Match` block, and its line: the first one
/// counts (sshd_config(5)); between key and value are blanks or one `=`.
pub(super) fn option<'t>(text: &'t [u8], key: &str) -> Option<(u32, &'t [u8])> {
    for (number, line) in (1_u32..).zip(lines(text)) {
        let (word, value) = key_and_value(line.text)?;
        if word.eq_ignore_ascii_case(b"match") {
            return None;
        }
        if word.eq_ignore_ascii_case(key.as_bytes()) {
            return Some((number, value));
        }
    }
    None
}

/// The key of a line, and the first word of its value; of an empty line, both are.
pub(crate) fn key_and_value(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let line = line.trim_ascii();
    let end = line
        .iter()
        .position(|byte| byte.is_ascii_whitespace() || *byte == b'=')
        .unwrap_or(line.len());
    let (word, rest) = line.split_at_checked(end)?;
    let rest = rest.trim_ascii();
    let rest = rest.strip_prefix(b"=").unwrap_or(rest).trim_ascii();
    let value = match rest {
        [b'"', inner @ .., b'"'] => inner,
        _ => rest.split(u8::is_ascii_whitespace).next()?,
    };
    Some((word, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_value_outside_of_match_counts() {
        let text = b"# PermitRootLogin no\n permitrootlogin = \"yes\"\nPermitRootLogin no\nMatch all\nUseDNS no\n";
        assert_eq!(option(text, "PermitRootLogin"), Some((2, &b"yes"[..])));
        assert_eq!(option(text, "UseDNS"), None);
        assert_eq!(option(b"UseDNS no # x\n", "UseDNS"), Some((1, &b"no"[..])));
    }
}
