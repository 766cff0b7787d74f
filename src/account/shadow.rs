//! `/etc/shadow`.

use super::root::after_name;
use crate::text::lines::lines;
use crate::text::split::split;
use crate::text::{Buf, put};

/// Numbers behind the password in a line: the day of the last change, five
/// ages, and a reserved one (shadow(5)).
const NUMBERS: usize = 7;

/// Writes the shadow file `old` into `out`, with `field` as root's password.
///
/// Every line of root's gets `field` and `day`, the date of the last change in
/// days since 1970 (`None` empties it); a lock (`!`) goes with the old field.
/// Where `field` stood already, the date stays: nothing was changed then. All
/// other lines survive byte for byte, and none is added.
///
/// A line of root's is readable afterwards to musl's `getspnam` as well, the
/// strictest reader: nothing before the name, all nine fields, digits only
/// behind the password, a newline. It reads lines of up to 254 bytes; with a
/// `field` of at most [`HASH_BYTES`](crate::limits::HASH_BYTES) there are 205.
///
/// ```
/// use osconf::account::shadow::edit;
/// use osconf::text::Buf;
///
/// let mut bytes = [0; 256];
/// let mut out = Buf::new(&mut bytes);
/// edit(&mut out, b"root:!:1:0:99999:7:::\n+nis::::::::", b"$6$s$h", Some(20_778));
/// assert_eq!(out.as_bytes(), b"root:$6$s$h:20778:0:99999:7:::\n+nis::::::::");
/// ```
pub fn edit(out: &mut Buf<'_>, old: &[u8], field: &[u8], day: Option<u32>) {
    for line in lines(old) {
        match after_name(line.text) {
            Some(rest) => root_line(out, rest, field, day),
            None => {
                out.push(line.text);
                out.push(line.end);
            }
        }
    }
}

fn root_line(out: &mut Buf<'_>, rest: &[u8], field: &[u8], day: Option<u32>) {
    let mut fields = split(rest, b':');
    let changed = fields.next() != Some(field);
    out.push(b"root:");
    out.push(field);
    for index in 0..NUMBERS {
        out.push(b":");
        let number = fields.next().unwrap_or_default();
        if index == 0 && changed {
            if let Some(day) = day {
                put!(out, "{}", day);
            }
        } else if is_number(number) {
            out.push(number);
        }
    }
    out.push(b"\n");
}

/// Whether both libraries take `field` as a number. musl skips a line with
/// anything but digits, such as a CR or a sign; glibc one with a number of more
/// than 32 bits. Nine digits are below both limits.
fn is_number(field: &[u8]) -> bool {
    field.len() <= 9 && field.iter().all(u8::is_ascii_digit)
}

#[cfg(test)]
mod readers;

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;
    use std::vec::Vec;

    const HASH: &str = "$6$rounds=1000000$saltsaltsaltsalt$11111111112222222222333333333344444444445555555555666666666677777777778888888888999999";

    fn edited(old: &[u8], day: Option<u32>) -> Vec<u8> {
        let mut bytes = std::vec![0; old.len() * 8 + 4096];
        let mut out = Buf::new(&mut bytes);
        edit(&mut out, old, HASH.as_bytes(), day);
        assert!(!out.overflowed());
        out.as_bytes().to_vec()
    }

    /// `H` stands for the hash.
    fn check(old: &str, expected: &str) {
        let (old, expected) = (old.replace('H', HASH), expected.replace('H', HASH));
        let new = edited(old.as_bytes(), Some(20_000));
        assert_eq!(String::from_utf8_lossy(&new), expected, "{old}");
        assert_eq!(edited(&new, Some(20_001)), new, "{old}");
    }

    #[test]
    fn roots_password_and_date_are_set_and_its_ages_kept() {
        check("root:*:19000:0:99999:7:::\n", "root:H:20000:0:99999:7:::\n");
        check(
            "root:!$6$a$b:1:2:3:4:5:6:7\nbin:*:1::::::\n",
            "root:H:20000:2:3:4:5:6:7\nbin:*:1::::::\n",
        );
        check("bin:!:\nroot::0:::::", "bin:!:\nroot:H:20000::::::\n");
    }

    #[test]
    fn a_line_that_has_the_hash_keeps_its_date() {
        check("root:H:123:0:99999:7:::\n", "root:H:123:0:99999:7:::\n");
        check("root:H::::::\r\n", "root:H:::::::\n");
        check(
            "root:!H:5::::::\nroot:H:6::::::",
            "root:H:20000::::::\nroot:H:6::::::\n",
        );
    }

    #[test]
    fn a_damaged_line_of_root_becomes_readable() {
        for old in [
            "root:",
            "root:*",
            "root:*\n",
            "root:*\r\n",
            "root:*:",
            " \troot:*:1",
            "root:*:x:-1: 1:1.0:+2:\r:\0\n",
            "root:*:19000::::::\r",
            "root:*:19000::::::\r\r\n",
            "root:*:1::::::1234567890:8:9:10\n",
        ] {
            check(old, "root:H:20000::::::\n");
        }
    }

    #[test]
    fn every_line_of_root_is_changed_and_no_other() {
        let others =
            "+::::::::\n\n# root:*:1\nroot\n root \r\nrooted:*:::::::\r\nno colon\0\n\u{fc}:\n";
        check(
            &std::format!("{others}root:*\n{others}root:!:1:2\n{others}last:*:"),
            &std::format!(
                "{others}root:H:20000::::::\n{others}root:H:20000:2:::::\n{others}last:*:"
            ),
        );
        check(others, others);
        check("", "");
    }

    #[test]
    fn a_line_of_a_megabyte_survives() {
        // Miri would take an hour for it.
        let long = "x".repeat(if cfg!(miri) { 1 << 10 } else { 1 << 20 });
        check(
            &std::format!("{long}\nroot:{long}:{long}:0\n{long}"),
            &std::format!("{long}\nroot:H:20000:0:::::\n{long}"),
        );
    }

    #[test]
    fn without_a_date_the_field_is_emptied() {
        assert_eq!(
            edited(b"root:*:19000:0:::::\n", None),
            std::format!("root:{HASH}::0:::::\n").as_bytes()
        );
    }

    #[test]
    fn the_longest_line_of_root_fits_musls_buffer() {
        let nine = "999999999:".repeat(7);
        let hash = "h".repeat(crate::limits::HASH_BYTES);
        let mut bytes = [0; 512];
        let mut out = Buf::new(&mut bytes);
        edit(
            &mut out,
            std::format!("root:*:{nine}").as_bytes(),
            hash.as_bytes(),
            Some(u32::MAX),
        );
        assert!(out.len() <= 254, "{}", out.len());
    }

    #[test]
    fn both_libraries_find_root_with_the_new_hash() {
        let long = "x".repeat(if cfg!(miri) { 300 } else { 70_000 });
        for old in [
            "root:*:19000:0:99999:7:::\n",
            "root:!:1",
            "root:*\r\n",
            " root:*:::::::",
            "root:*:-1:-1:-1:-1:-1:-1:-1\n",
            "root\nroot:x\nroot:y",
            "+::::::::\n#\n\n\r\nrootx:*:1\nroot:*",
            "root:*:1::::::99999999999999\n",
        ] {
            for before in [
                "",
                "bin:*:1:\n",
                "\n\n",
                &std::format!("{long}\n"),
                &std::format!("{}\n", "y".repeat(254)),
                &std::format!("{}root:a:::::::\n", "y".repeat(255)),
            ] {
                let old = std::format!("{before}{old}");
                let new = edited(old.as_bytes(), Some(20_000));
                assert_eq!(readers::musl(&new), Some(HASH.as_bytes()), "{old}");
                assert_eq!(readers::glibc(&new), Some(HASH.as_bytes()), "{old}");
            }
        }
    }
}
