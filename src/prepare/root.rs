//! Passwords that come with the image: everybody who has the image has them.
//!
//! Both profiles want them gone. With `password`, ECS sets root's by os.conf.

use super::Item;
use crate::account;
use crate::change::{Action, Write};
use crate::text::Buf;
use crate::text::lines::lines;
use crate::text::split::split_once;

pub(super) const ITEM: Item = Item {
    name: "root",
    wants: "no account has a password of the image's: root is locked until ECS sets one",
    plan: |_, _, wishes| {
        for path in [&b"etc/shadow"[..], b"etc/passwd"] {
            let write = Write {
                only_if_there: true,
                show: account::mask,
                ..Write::new(|out, old, _, _| lock(out, old))
            };
            wishes.add(path, Action::Write(write));
        }
    },
};

/// Locks each account of shadow(5) or passwd(5) that has a hash, or needs none: root
/// by a star, as the norm has it; another's hash is kept behind a `!`, as by
/// `passwd -l`.
fn lock(out: &mut Buf<'_>, old: &[u8]) {
    for line in lines(old) {
        let fields = split_once(line.text, b':').and_then(|(name, rest)| {
            let (hash, rest) = split_once(rest, b':')?;
            Some((name, hash, rest))
        });
        let (text, end) = (line.text, line.end);
        match fields {
            // Of NIS (nsswitch.conf(5), compat), or told by shadow, or locked.
            Some((name, hash, rest))
                if !matches!(name, [] | [b'+' | b'-' | b'#', ..])
                    && !matches!(hash, b"x" | [b'*' | b'!', ..]) =>
            {
                out.push(name);
                match name.trim_ascii_start() {
                    b"root" => out.push(b":*:"),
                    _ => {
                        out.push(b":!");
                        out.push(hash);
                        out.push(b":");
                    }
                }
                out.push(rest);
            }
            _ => out.push(text),
        }
        out.push(end);
    }
}
