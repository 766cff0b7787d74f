//! A line of a passwd or shadow file, shown to somebody who may not see hashes.

use crate::text::Buf;
use crate::text::split::split_once;

/// Stands for what might be a secret.
const HIDDEN: &[u8] = b"(hidden)";

/// Writes `line`, without its newline, into `out` for a diff.
///
/// The password field is shown as `(hash)` where it holds one, behind the `!`
/// that lock it, and as it is where it holds none: empty, `x`, `*`, locks.
/// Anything else there, DES hashes and typing errors alike, is `(hidden)`, and
/// so is any other part with a dollar sign: a damaged line can have its hash
/// in the wrong place.
///
/// ```
/// use osconf::account::mask;
/// use osconf::text::Buf;
///
/// let mut bytes = [0; 64];
/// let mut out = Buf::new(&mut bytes);
/// mask(&mut out, b"root:!$6$salt$hash:20778:0:99999:7:::");
/// assert_eq!(out.as_bytes(), b"root:!(hash):20778:0:99999:7:::");
/// ```
pub fn mask(out: &mut Buf<'_>, line: &[u8]) {
    let Some((name, fields)) = split_once(line, b':') else {
        return part(out, line);
    };
    part(out, name);
    out.push(b":");
    let Some((field, rest)) = split_once(fields, b':') else {
        return password(out, fields);
    };
    password(out, field);
    out.push(b":");
    part(out, rest);
}

fn password(out: &mut Buf<'_>, mut field: &[u8]) {
    while let Some(unlocked) = field.strip_prefix(b"!") {
        out.push(b"!");
        field = unlocked;
    }
    out.push(match field {
        [] | b"x" | b"*" => field,
        [b'$', ..] => b"(hash)",
        _ => HIDDEN,
    });
}

fn part(out: &mut Buf<'_>, text: &[u8]) {
    out.push(if text.contains(&b'$') { HIDDEN } else { text });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_hidden_wherever_they_stand() {
        for (line, expected) in [
            ("root:$6$a$b:1:0:99999:7:::", "root:(hash):1:0:99999:7:::"),
            ("root:!$6$a$b:1:0", "root:!(hash):1:0"),
            ("root:!!$y$j9T$a:", "root:!!(hash):"),
            (
                "root:x:0:0:root:/root:/bin/sh",
                "root:x:0:0:root:/root:/bin/sh",
            ),
            ("root:*:1", "root:*:1"),
            ("root:!*:1", "root:!*:1"),
            ("root:!:1", "root:!:1"),
            ("root:!!:1", "root:!!:1"),
            ("root::1", "root::1"),
            ("root:*", "root:*"),
            ("root:abJnggxhB/yWI:1", "root:(hidden):1"),
            ("root:_J9..rasmBYk8r9AiWNc:1", "root:(hidden):1"),
            ("root:*LK*:1", "root:(hidden):1"),
            ("root: $6$a$b:1", "root:(hidden):1"),
            ("root:hunter2", "root:(hidden)"),
            ("#root:$6$a$b:1", "#root:(hash):1"),
            ("root:x:$6$a$b:1", "root:x:(hidden)"),
            ("$6$a$b:x:1", "(hidden):x:1"),
            ("root $6$a$b", "(hidden)"),
            ("root", "root"),
            ("+::::::::", "+::::::::"),
            ("", ""),
        ] {
            let mut bytes = [0; 64];
            let mut out = Buf::new(&mut bytes);
            mask(&mut out, line.as_bytes());
            assert_eq!(out.as_bytes(), expected.as_bytes(), "{line}");
        }
    }
}
