//! Which lines of a passwd or shadow file are root's.

use crate::text::lines::lines;
use crate::text::split::split;

/// What follows `root:` in a line of root's: its password field and all behind.
///
/// Blanks before the name are passed over, as glibc does (`isspace` in its
/// `nss_files`); musl does not see such a line, so the editors drop them. A
/// `root` without a colon is no account to any of them.
pub(super) fn after_name(line: &[u8]) -> Option<&[u8]> {
    let start = line
        .iter()
        .position(|byte| !matches!(byte, b' ' | b'\t'..=b'\r'))?;
    line.get(start..)?.strip_prefix(b"root:")
}

/// Whether `file`, a passwd or shadow file, has a line of root's.
#[must_use]
pub fn has_root(file: &[u8]) -> bool {
    root_fields(file).next().is_some()
}

/// The password field of each line of root's in `file`, a passwd or shadow file.
pub fn root_fields(file: &[u8]) -> impl Iterator<Item = &[u8]> {
    lines(file)
        .filter_map(|line| after_name(line.text))
        .map(|rest| split(rest, b':').next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_root_gives_its_password_field() {
        let file = b"root\n#root:a\nroot:b:1\r\nxroot:c:\n \t\x0broot:d\nroot::\nroot :e:\nrootx:f:\n\nroot:g";
        let found: std::vec::Vec<_> = root_fields(file).collect();
        assert_eq!(found, [&b"b"[..], b"d", b"", b"g"]);
        assert!(has_root(file));
        assert!(!has_root(b"root\n  root\nbin:*:root:\n"));
        assert!(!has_root(b""));
    }
}
