//! The account files: root's lines get the password and can be read by musl, every
//! other line stays as it is, and no line shown to somebody has a hash in it.

use super::{lines_of, show, written};
use osconf::account::{self, Place, mask, passwd, shadow};
use osconf::value::HashKind;

/// A hash of `secret`, of the kind that is made quickest (`openssl passwd -1`).
const HASH: &[u8] = b"$1$abcdefgh$cHJi5PXp/ki/ktXzqlk6I1";

/// The first byte chooses, the rest is a file.
pub fn law(data: &[u8]) {
    let Some((choice, old)) = data.split_first() else {
        return;
    };
    let day = (choice & 1 == 0).then_some(20_000 + u32::from(*choice));
    let field: &[u8] = if choice & 2 == 0 { HASH } else { b"*" };
    let shadow = |old: &[u8]| written(|out| shadow::edit(out, old, field, day));
    let passwd = |old: &[u8]| written(|out| passwd::edit(out, old, field));
    check(old, &shadow, &|line| shadow_line(line, field));
    check(old, &passwd, &|line| passwd_line(line, field));
    let has_root = lines_of(old).any(is_root);
    let place = account::place(Some(old), None);
    assert_eq!(place == Place::Shadow, has_root);
    assert_eq!(
        account::place(Some(b"other:*:::::::\n"), Some(old)) == Place::Passwd,
        has_root
    );
    if has_root && field == HASH && old.len() % 64 == 0 {
        let new = shadow(old);
        let found = account::verified(&new, b"secret", HashKind::Sha512);
        assert_eq!(found, Some(field), "{}", show(&new));
        assert_eq!(account::verified(&new, b"Secret", HashKind::Sha512), None);
    }
    for line in lines_of(old) {
        let shown = written(|out| mask(out, line));
        assert!(!shown.contains(&b'$'), "shown: {}", show(&shown));
    }
    for piece in old.split(|byte| *byte == b':') {
        let _ = account::kind(piece);
    }
    if account::strongest(old).is_some() {
        assert!(old.iter().filter(|byte| **byte == b'$').count() > 2);
    }
}

/// glibc passes over `isspace` before a name; what is no account to it is none.
fn is_root(line: &[u8]) -> bool {
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t' | 0x0b | 0x0c | b'\r');
    let start = line.iter().position(|byte| !is_space(byte));
    start.is_some_and(|start| line[start..].starts_with(b"root:"))
}

fn check(old: &[u8], edit: &dyn Fn(&[u8]) -> Vec<u8>, is_good: &dyn Fn(&[u8]) -> bool) {
    let new = edit(old);
    let (mut before, mut after) = (lines_of(old), lines_of(&new));
    loop {
        match (before.next(), after.next()) {
            (None, None) => break,
            (Some(line), Some(new)) if is_root(line) => {
                assert!(is_good(new), "`{}` of `{}`", show(new), show(line));
            }
            (before, after) => assert_eq!(before, after, "another's line"),
        }
    }
    assert_eq!(edit(&new), new, "twice is once: {}", show(old));
}

/// What musl's `getspnam` reads: nine fields, of digits behind the password, in
/// less than 255 bytes, with a newline (src/passwd/getspnam_r.c).
fn shadow_line(line: &[u8], field: &[u8]) -> bool {
    let Some(text) = line.strip_suffix(b"\n") else {
        return false;
    };
    let fields: Vec<&[u8]> = text.split(|byte| *byte == b':').collect();
    line.len() < 255
        && fields.len() == 9
        && fields[0] == b"root"
        && fields[1] == field
        && fields[2..]
            .iter()
            .all(|field| field.iter().all(u8::is_ascii_digit))
}

/// What musl's `getpwnam` reads: seven fields, and a newline.
fn passwd_line(line: &[u8], field: &[u8]) -> bool {
    let Some(text) = line.strip_suffix(b"\n") else {
        return false;
    };
    let fields: Vec<&[u8]> = text.split(|byte| *byte == b':').collect();
    fields.len() >= 7 && fields[0] == b"root" && fields[1] == field && !text.ends_with(b"\r")
}
