//! The SSH server, as sshd_config(5) reads its files.
//!
//! Of an option that is set more than once, the first value counts, also across the
//! files that `Include` brings in where it stands; what follows a `Match` line is for
//! some logins only. So ours stand before the first of both.

use super::{Item, Profile, each_file, has_systemd, is_there};
use crate::check::ssh_option;
use crate::text::Buf;
use crate::text::assignments::end_line;
use crate::text::lines::{Lines, before, lines};
use core::ffi::CStr;

pub(super) const ITEM: Item = Item {
    name: "sshd",
    wants: "sshd lets root in by the password of ECS, or, locked, by keys only; without DNS; AddressFamily inet is IPv4 only",
    plan: |look, profile, wishes| {
        let main = c"etc/ssh/sshd_config";
        // Where the vendor's file is below /usr, it includes this folder first.
        let path = match (
            is_there(look, main),
            is_there(look, c"usr/etc/ssh/sshd_config"),
        ) {
            (true, _) => main,
            (_, true) => c"etc/ssh/sshd_config.d/00-osconf.conf",
            _ => return,
        };
        let column = profile as u8;
        wishes.write(
            path,
            |out, old, _, column| edit(out, old, column, true),
            column,
        );
        if profile == Profile::Locked {
            each_file(
                look,
                c"etc/ssh/sshd_config.d",
                (b"", b".conf"),
                &mut |file| {
                    let file = file.as_bytes();
                    if file != path.to_bytes() {
                        wishes.mend(
                            file,
                            |out, old, _, column| edit(out, old, column, false),
                            column,
                        );
                    }
                },
            );
        } else {
            wishes.note("AddressFamily inet, as the norm has it, shuts IPv6 out");
        }
        if is_there(look, c"usr/lib/systemd/system/ssh.service")
            || is_there(look, c"lib/systemd/system/ssh.service")
        {
            wishes.write(KEYS.0, |out, _, _, _| out.push(KEYS.1), 0);
        } else if is_there(look, c"etc/init.d/ssh") && !has_systemd(look) {
            wishes.note("to do: without its host keys this sshd does not start: have ssh-keygen -A run before it at boot");
        }
        let mut is_hidden = false;
        let _ = look.read(path, &mut |text| is_hidden = has_in_match(text));
        if is_hidden {
            wishes.note(
                "a Match block of sshd_config says otherwise for some logins: see to it by hand",
            );
        }
    },
};

/// Debian's unit and script, which are called otherwise than all others', make no host
/// keys: its package does, once, and cleaning takes them away. ssh-keygen(1) makes those
/// that are missing; the test of before comes behind it (ssh.service).
const KEYS: (&CStr, &[u8]) = (
    c"etc/systemd/system/ssh.service.d/osconf.conf",
    b"[Service]\nExecStartPre=\nExecStartPre=/usr/bin/ssh-keygen -A\nExecStartPre=/usr/sbin/sshd -t\n",
);

/// What an option is to have.
#[derive(Clone, Copy)]
enum Wanted {
    Value(&'static [u8]),
    /// What sshd does without.
    Default,
    /// As it is.
    Any,
}

use Wanted::{Any, Default, Value};

/// Each option, and what it has in either profile.
const OPTIONS: [(&[u8], [Wanted; 2]); 5] = [
    (b"UseDNS", [Value(b"no"), Value(b"no")]),
    (b"AddressFamily", [Value(b"inet"), Any]),
    (b"SyslogFacility", [Value(b"AUTHPRIV"), Value(b"AUTHPRIV")]),
    (b"PermitRootLogin", [Value(b"yes"), Default]),
    (b"PasswordAuthentication", [Value(b"yes"), Value(b"no")]),
];

/// Whether the key of a line is this one: sshd knows no case.
fn is(line: &[u8], key: &[u8]) -> bool {
    ssh_option(line).is_some_and(|(word, _)| word.eq_ignore_ascii_case(key))
}

/// What comes before the first `Match`, or also before the first `Include`.
fn head<'t>(text: &'t [u8], stops_at_include: bool) -> &'t [u8] {
    let mut all: Lines<'t> = lines(text);
    loop {
        let at = all.rest;
        match all.next() {
            Some(line)
                if is(line.text, b"Match") || (stops_at_include && is(line.text, b"Include")) =>
            {
                return before(text, at);
            }
            Some(_) => {}
            None => return text,
        }
    }
}

fn has_in_match(text: &[u8]) -> bool {
    let rest = text.get(head(text, false).len()..).unwrap_or_default();
    lines(rest).any(|line| {
        [&b"PermitRootLogin"[..], b"PasswordAuthentication"]
            .iter()
            .any(|key| is(line.text, key))
    })
}

/// Sets what is to be set where it stands first, or else behind the head; takes away
/// what is to be gone. A file that is included has only that to do.
fn edit(out: &mut Buf<'_>, old: &[u8], column: u8, is_main: bool) {
    let wanted =
        |(_, wanted): &(_, [Wanted; 2])| wanted.get(usize::from(column)).copied().unwrap_or(Any);
    let first = head(old, true);
    let general = head(old, false);
    // One bit for each option that was seen.
    let mut seen = 0_u8;
    let mut rest = lines(general);
    loop {
        let is_in_head = rest.rest.len() > general.len() - first.len();
        if is_main && !is_in_head {
            for (index, option) in OPTIONS.iter().enumerate() {
                if let Value(value) = wanted(option)
                    && seen & (1 << index) == 0
                {
                    end_line(out);
                    write(out, option.0, value);
                }
                seen |= 1 << index;
            }
        }
        let Some(line) = rest.next() else {
            break;
        };
        let index = OPTIONS.iter().position(|(key, _)| is(line.text, key));
        let option = index.and_then(|index| OPTIONS.get(index));
        match option.map(|option| (option.0, wanted(option))) {
            Some((_, Default)) => continue,
            Some((key, Value(value))) if is_main && seen & (1 << index.unwrap_or(7)) == 0 => {
                seen |= 1 << index.unwrap_or(7);
                let said = ssh_option(line.text).map(|(_, said)| said);
                if !said.is_some_and(|said| said.eq_ignore_ascii_case(value)) {
                    write(out, key, value);
                    continue;
                }
            }
            _ => {}
        }
        out.push(line.text);
        out.push(line.end);
    }
    out.push(old.get(general.len()..).unwrap_or_default());
}

fn write(out: &mut Buf<'_>, key: &[u8], value: &[u8]) {
    out.push(key);
    out.push(b" ");
    out.push(value);
    out.push(b"\n");
}
