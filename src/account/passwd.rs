//! `/etc/passwd`.

use super::root::after_name;
use crate::text::Buf;
use crate::text::lines::lines;

/// Colons behind the password in a line of seven fields (passwd(5)).
const COLONS: usize = 5;

/// What stands in root's password field when the shadow file holds the hash.
pub const IN_SHADOW: &[u8] = b"x";

/// Writes the passwd file `old` into `out`, with `field` as root's password.
///
/// `field` is [`IN_SHADOW`], or a hash where no shadow file knows root. Every
/// line of root's gets it; the other fields, and all other lines, survive byte
/// for byte, and none is added.
///
/// A line of root's is readable afterwards to musl's `getpwnam` as well, which
/// wants six colons, nothing before the name, and a newline (without one it
/// takes the last byte of the shell for it). A CR at the end, which would be
/// part of the shell's path, is dropped. Missing fields are added empty, since
/// that is how glibc reads them already.
pub fn edit(out: &mut Buf<'_>, old: &[u8], field: &[u8]) {
    for line in lines(old) {
        match after_name(line.text) {
            Some(rest) => root_line(out, rest, field),
            None => {
                out.push(line.text);
                out.push(line.end);
            }
        }
    }
}

fn root_line(out: &mut Buf<'_>, mut rest: &[u8], field: &[u8]) {
    while let Some(shorter) = rest.strip_suffix(b"\r") {
        rest = shorter;
    }
    let colon = rest.iter().position(|&byte| byte == b':');
    let kept = colon.and_then(|at| rest.get(at..)).unwrap_or_default();
    out.push(b"root:");
    out.push(field);
    out.push(kept);
    for _ in kept.iter().filter(|&&byte| byte == b':').count()..COLONS {
        out.push(b":");
    }
    out.push(b"\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;
    use std::vec::Vec;

    fn edited(old: &[u8]) -> Vec<u8> {
        let mut bytes = std::vec![0; old.len() * 4 + 64];
        let mut out = Buf::new(&mut bytes);
        edit(&mut out, old, IN_SHADOW);
        assert!(!out.overflowed());
        out.as_bytes().to_vec()
    }

    fn check(old: &str, expected: &str) {
        let new = edited(old.as_bytes());
        assert_eq!(String::from_utf8_lossy(&new), expected, "{old}");
        assert_eq!(edited(&new), new, "{old}");
    }

    #[test]
    fn only_the_password_of_root_changes() {
        let others = "+:::x:::\n\n#root:*:0\nroot\nrooted:*:7::\r\n\0:\n\u{fc}:a:b\n";
        check(
            &std::format!(
                "{others}root:*:0:0:Super: User,,:/root:/bin/ash\n{others}toor:*:0:0::/:/bin/sh"
            ),
            &std::format!(
                "{others}root:x:0:0:Super: User,,:/root:/bin/ash\n{others}toor:*:0:0::/:/bin/sh"
            ),
        );
        check(others, others);
        check("", "");
    }

    #[test]
    fn every_line_of_root_is_changed() {
        check(
            "root::0:0:::\nroot:$1$a$b:0:0:::/bin/sh\n",
            "root:x:0:0:::\nroot:x:0:0:::/bin/sh\n",
        );
    }

    #[test]
    fn a_damaged_line_of_root_becomes_readable() {
        let whole = "root:x:0:0:root:/root:/bin/sh\n";
        for old in [
            "root:*:0:0:root:/root:/bin/sh",
            " \troot:*:0:0:root:/root:/bin/sh\n",
            "root:*:0:0:root:/root:/bin/sh\r\n",
            "root:*:0:0:root:/root:/bin/sh\r\r",
        ] {
            check(old, whole);
        }
        check("root:*:0:0\n", "root:x:0:0:::\n");
        check("root:", "root:x:::::\n");
        check("root:\r\n", "root:x:::::\n");
    }
}
