//! How the two C libraries look root up in a shadow file, retold for tests.

#![cfg(test)]

/// What musl's `getspnam("root")` answers (`src/passwd/getspnam_r.c`): lines
/// are read by `fgets` into 256 bytes, and the rest of a longer one is skipped.
pub(super) fn musl(file: &[u8]) -> Option<&[u8]> {
    let mut rest = file;
    let mut skip = false;
    while !rest.is_empty() {
        let longest = rest.get(..255).unwrap_or(rest);
        let len = longest
            .iter()
            .position(|&b| b == b'\n')
            .map_or(longest.len(), |at| at + 1);
        let (chunk, tail) = rest.split_at(len);
        rest = tail;
        // `strlen`: a NUL hides the newline, so that the next chunk is skipped.
        let text = chunk.split(|&b| b == 0).next()?;
        let ends = text.last()? == &b'\n';
        if skip || !text.starts_with(b"root:") {
            skip = !ends;
            continue;
        }
        if !ends {
            return None;
        }
        if let Some(field) = musl_fields(text) {
            return Some(field);
        }
    }
    None
}

/// `__parsespent`: nine fields, the last seven of digits alone.
fn musl_fields(line: &[u8]) -> Option<&[u8]> {
    let mut fields = line.strip_suffix(b"\n")?.split(|&b| b == b':');
    fields.next()?;
    let password = fields.next()?;
    let numbers: std::vec::Vec<_> = fields.collect();
    (numbers.len() == 7 && numbers.iter().all(|n| n.iter().all(u8::is_ascii_digit)))
        .then_some(password)
}

/// What glibc's `getspnam("root")` answers (`nss/nss_files/files-parse.c`,
/// `shadow/sgetspent_r.c`): blanks before a name are skipped, so is a line that
/// does not parse; the newline may be missing.
pub(super) fn glibc(file: &[u8]) -> Option<&[u8]> {
    file.split(|&b| b == b'\n').find_map(|line| {
        let line = line.split(|&b| b == 0).next()?;
        let mut fields = line.trim_ascii_start().split(|&b| b == b':');
        let name = fields.next()?;
        let password = fields.next()?;
        let numbers: std::vec::Vec<_> = fields.collect();
        let number = |n: &&[u8]| {
            n.is_empty() || core::str::from_utf8(n).is_ok_and(|n| n.parse::<u32>().is_ok())
        };
        let complete = matches!(numbers.len(), 4 | 7) && numbers.iter().all(number);
        (name == b"root" && complete).then_some(password)
    })
}

#[test]
fn the_readers_refuse_what_the_libraries_were_seen_to_refuse() {
    let good = b"root:h:1::::::\n";
    assert_eq!(
        (musl(good), glibc(good)),
        (Some(&b"h"[..]), Some(&b"h"[..]))
    );
    for (file, by_musl, by_glibc) in [
        (&b"root:h:1::::::"[..], false, true),
        (b" root:h:1::::::\n", false, true),
        (b"root:h:1::::::\r\n", false, false),
        (b"root:h:1\n", false, false),
        (b"root:h\n", false, false),
        (b"root:h:1::::::12345678901\n", true, false),
        (b"root:h:1:::\n", false, true),
        (b"a\0b\nroot:h:1::::::\n", false, true),
    ] {
        assert_eq!(
            (musl(file).is_some(), glibc(file).is_some()),
            (by_musl, by_glibc),
            "{file:?}"
        );
    }
    let long = |bytes: usize| std::format!("root:{}:1::::::\n", "h".repeat(bytes - 14));
    assert!(musl(long(255).as_bytes()).is_some());
    assert!(musl(long(256).as_bytes()).is_none());
}
