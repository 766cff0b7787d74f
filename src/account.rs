//! The password of root: its hash, and the two files that can hold it.
//!
//! The pieces, in the order in which they are used: [`place`] says which file
//! the hash belongs into; [`root_fields`] yields what the file holds now and
//! [`verified`] finds out whether that is the password already;
//! [`strongest`] and [`hash`] make a new hash where it is not;
//! [`shadow::edit`] and [`passwd::edit`] write it; [`mask`] shows a line to a
//! reader who may not see it. Everything here is a function of bytes: nothing
//! is read, locked or written.
//!
//! Only root is known. Other accounts are lines that survive byte for byte.

mod c_library;
mod crypt;
mod mask;
pub mod passwd;
mod root;
pub mod shadow;

pub use c_library::strongest;
pub use crypt::{Hash, Salt, hash, kind, verifies};
pub use mask::mask;
pub use root::{has_root, root_fields};

use crate::value::HashKind;

/// The file that the hash of root's password is written into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// `/etc/shadow`. root's field in `/etc/passwd`, if there is one, becomes
    /// `x`: with anything else there, login programs do not look at the shadow
    /// file (passwd(5)).
    Shadow,
    /// `/etc/passwd`, because no shadow file knows root.
    Passwd,
    /// Neither file has a line for root: there is no account to set.
    NoRoot,
}

/// Where the hash goes, by the contents of `/etc/shadow` and `/etc/passwd`;
/// `None` stands for a file that is not there.
///
/// This is the way of BusyBox's `chpasswd` (1.37, tried): the shadow file if
/// root is in it, else the passwd file. No line is ever appended: an account
/// that a file does not have is not ours to create.
#[must_use]
pub fn place(shadow: Option<&[u8]>, passwd: Option<&[u8]>) -> Place {
    if shadow.is_some_and(has_root) {
        Place::Shadow
    } else if passwd.is_some_and(has_root) {
        Place::Passwd
    } else {
        Place::NoRoot
    }
}

/// Lines of root whose hash is computed to compare it. One is normal; with the
/// highest number of rounds that is accepted each takes 0.3 s on a fast machine
/// (measured) and seconds on a slow one, and a file must not hold up a boot.
const FIELDS_TRIED: usize = 4;

/// The first password field of root in `file` that `password` opens and that a
/// C library verifies whose strongest hash is `strongest`.
///
/// If there is one, it is the field to give to the editors: then no line needs
/// a new hash, and a second run finds what the first one left. Only the first
/// few lines of root are tried; a `None` costs no more than a fresh hash.
#[must_use]
pub fn verified<'a>(file: &'a [u8], password: &[u8], strongest: HashKind) -> Option<&'a [u8]> {
    root_fields(file)
        .take(FIELDS_TRIED)
        .find(|field| kind(field) <= Some(strongest) && verifies(field, password))
}

/// Seconds of a day, as the days of shadow(5) count.
const DAY: i64 = 24 * 60 * 60;

/// The largest number of nine digits, which every reader of shadow(5) takes.
const LAST_DAY: u32 = 999_999_999;

/// The date of the last password change for shadow(5): days since 1970-01-01.
///
/// Both arguments are seconds since 1970: the clock, and the date of this
/// build. `None`, an empty field, switches ageing off; it is the answer when
/// the clock is before the build and therefore wrong. A day in the future is
/// a fault to `pwck`, and day 0 means "must be changed at the next login".
///
/// ```
/// use osconf::account::last_change_day;
///
/// let (built, now) = (1_763_000_000, 1_795_219_200);
/// assert_eq!(last_change_day(now, built), Some(20_778));
/// // Without a clock it is 1970, and a date from then would have expired.
/// assert_eq!(last_change_day(0, built), None);
/// ```
#[must_use]
pub fn last_change_day(now: i64, built: i64) -> Option<u32> {
    if now < built {
        return None;
    }
    u32::try_from(now / DAY)
        .ok()
        .filter(|day| (1..=LAST_DAY).contains(day))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    const ROOT: &[u8] = b"bin:x\nroot:x";
    const NOT: &[u8] = b"bin:x\nroot\nrooted:x\n#root:x\n";

    #[test]
    fn the_hash_goes_where_root_is_and_into_shadow_first() {
        for (shadow, passwd, expected) in [
            (Some(ROOT), Some(ROOT), Place::Shadow),
            (Some(ROOT), Some(NOT), Place::Shadow),
            (Some(ROOT), None, Place::Shadow),
            (Some(NOT), Some(ROOT), Place::Passwd),
            (Some(&b""[..]), Some(ROOT), Place::Passwd),
            (None, Some(ROOT), Place::Passwd),
            (Some(NOT), Some(NOT), Place::NoRoot),
            (None, None, Place::NoRoot),
        ] {
            assert_eq!(place(shadow, passwd), expected, "{shadow:?} {passwd:?}");
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "twenty thousand rounds of hashes")]
    fn the_first_field_that_the_library_verifies_is_found() {
        // `openssl passwd -1 -salt a b`, `openssl passwd -5 -salt a b`.
        const MD5: &str = "$1$a$yKMDze3ORYs6S88izdxsg.";
        const SHA256: &str = "$5$a$hMdCqWaMYvKR6Z0wqlmn0JhE39tzqgdlTILWPQDZ.g2";
        let found = |file: &str, password: &[u8], strongest| {
            verified(file.as_bytes(), password, strongest)
                .map(|field| field.escape_ascii().to_string())
        };
        let file = std::format!("root:*:\nroot:!{MD5}\nroot:{SHA256}:1\nroot:{MD5}:1::::::\n");
        assert_eq!(found(&file, b"b", HashKind::Md5).as_deref(), Some(MD5));
        assert_eq!(
            found(&file, b"b", HashKind::Sha256).as_deref(),
            Some(SHA256)
        );
        assert_eq!(
            found(&file, b"b", HashKind::Sha512).as_deref(),
            Some(SHA256)
        );
        assert_eq!(found(&file, b"c", HashKind::Sha512), None);
        let many = "root:*:\n".repeat(FIELDS_TRIED) + &file;
        assert_eq!(found(&many, b"b", HashKind::Sha512), None);
    }

    #[test]
    fn a_day_is_whole_positive_and_only_from_a_clock_that_can_be_right() {
        const BUILT: i64 = 1_750_000_000;
        for (now, built, day) in [
            (BUILT, BUILT, Some(20_254)),
            (BUILT - 1, BUILT, None),
            (1_800_000_000, BUILT, Some(20_833)),
            (12, 0, None),
            (86_399, 0, None),
            (86_400, 0, Some(1)),
            (-86_400, i64::MIN, None),
            (i64::MAX, 0, None),
            (1_000_000_000 * DAY, 0, None),
            (1_000_000_000 * DAY - 1, 0, Some(999_999_999)),
        ] {
            assert_eq!(last_change_day(now, built), day, "{now}");
        }
    }
}
