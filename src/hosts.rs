//! `/etc/hosts`: the machine's own name on its loopback lines (hosts(5)).

use crate::text::Buf;
use crate::text::lines::{lines, words};
use crate::text::split::split;

/// Names that mean the loopback interface itself and are nobody's to change.
const LOOPBACK: [&[u8]; 9] = [
    b"localhost",
    b"localhost.localdomain",
    b"localhost4",
    b"localhost4.localdomain4",
    b"localhost6",
    b"localhost6.localdomain6",
    b"ip6-localhost",
    b"ip6-loopback",
    b"loopback",
];

/// Writes `old` with each name that `is_old` replaced by `new` on the lines of
/// loopback addresses. Where none of them stands there, nothing changes: a line that the
/// distribution did not have is not missed.
///
/// ```
/// use osconf::hosts::edit;
/// use osconf::text::Buf;
///
/// let mut bytes = [0; 128];
/// let mut out = Buf::new(&mut bytes);
/// let old = b"127.0.0.1 localhost image\n10.0.0.9 image\n";
/// edit(&mut out, old, &|name| name == b"image", b"web-1");
/// assert_eq!(out.as_bytes(), b"127.0.0.1 localhost web-1\n10.0.0.9 image\n");
/// ```
pub fn edit(out: &mut Buf<'_>, old: &[u8], is_old: &dyn Fn(&[u8]) -> bool, new: &[u8]) {
    for line in lines(old) {
        if is_loopback(line.text) {
            edit_line(out, line.text, is_old, new);
        } else {
            out.push(line.text);
        }
        out.push(line.end);
    }
}

fn is_loopback(line: &[u8]) -> bool {
    words(line)
        .next()
        .is_some_and(|address| address.starts_with(b"127.") || address == b"::1")
}

fn edit_line(out: &mut Buf<'_>, line: &[u8], is_old: &dyn Fn(&[u8]) -> bool, new: &[u8]) {
    let text = split(line, b'#').next().unwrap_or_default();
    let comment = line.get(text.len()..).unwrap_or_default();
    for piece in text.chunk_by(|a, b| a.is_ascii_whitespace() == b.is_ascii_whitespace()) {
        if is_old(piece) && !LOOPBACK.contains(&piece) {
            out.push(new);
        } else {
            out.push(piece);
        }
    }
    out.push(comment);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_old_name_on_loopback_lines_changes() {
        for (old, new) in [
            (
                "127.0.0.1 localhost\n127.0.1.1\told  old.example\n",
                "127.0.0.1 localhost\n127.0.1.1\tnew  old.example\n",
            ),
            ("::1 old # old\n", "::1 new # old\n"),
            ("10.0.0.1 old\n", "10.0.0.1 old\n"),
            ("# 127.0.0.1 old\n", "# 127.0.0.1 old\n"),
            ("127.0.0.1 localhost", "127.0.0.1 localhost"),
            ("127.0.0.1 older old\r\n", "127.0.0.1 older new\r\n"),
        ] {
            let mut bytes = [0; 256];
            let mut out = Buf::new(&mut bytes);
            edit(
                &mut out,
                old.as_bytes(),
                &|name| [&b"old"[..], b"localhost"].contains(&name),
                b"new",
            );
            assert_eq!(out.as_bytes(), new.as_bytes(), "{old}");
        }
    }
}
