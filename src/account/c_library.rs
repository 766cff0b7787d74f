//! What the C library of a root can verify.

use crate::text::split::split;
use crate::value::HashKind;

/// How musl's self tests begin, between the dollar signs
/// (`src/crypt/crypt_md5.c`, `crypt_sha256.c`, `crypt_sha512.c`).
const SELF_TESTS: [(&[u8], &[u8], HashKind); 3] = [
    (b"1", b"abcd0123", HashKind::Md5),
    (b"5", b"rounds=1234", HashKind::Sha256),
    (b"6", b"rounds=1234", HashKind::Sha512),
];

/// The strongest hash that `library`, the bytes of a musl libc, verifies.
///
/// At each crypt(3) musl tests itself with a setting such as `$6$rounds=1234$`,
/// so that text is in a library that has the hash, and in no other. OpenWrt
/// leaves the stronger hashes out of its musl (`CRYPT_SIZE_HACK`). `None`: this
/// file has no crypt of musl's at all, and nothing follows from it. Debian's
/// musl is built so (#947193): there libxcrypt verifies, and it knows all three.
#[must_use]
pub fn strongest(library: &[u8]) -> Option<HashKind> {
    let mut found = None;
    let mut before: &[u8] = b"";
    // One pass over the pieces between dollar signs, of which the first and the
    // last are not between two: what they could spoil is no real library.
    for piece in split(library, b'$') {
        for (name, setting, kind) in SELF_TESTS {
            if piece == setting && before == name {
                found = found.max(Some(kind));
            }
        }
        before = piece;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strongest_hash_is_the_one_whose_self_test_is_there() {
        const MD5: &str = "\0$1$abcd0123$9Qcg8\0";
        const SHA256: &str = "\0$5$rounds=1234$abc0123456789$3Vf\0";
        const SHA512: &str = "\0$6$rounds=1234$abc0123456789$BCp\0";
        for (library, expected) in [
            (
                std::format!("ELF{MD5}{SHA256}{SHA512}"),
                Some(HashKind::Sha512),
            ),
            (
                std::format!("ELF{SHA512}{SHA256}{MD5}"),
                Some(HashKind::Sha512),
            ),
            (std::format!("ELF$${SHA512}$$"), Some(HashKind::Sha512)),
            (std::format!("ELF{MD5}{SHA256}"), Some(HashKind::Sha256)),
            (
                std::format!("ELF{MD5}$6$rounds=12345$$6$$rounds=1234$$16$rounds=1234$"),
                Some(HashKind::Md5),
            ),
            ("ELF$1$ $5$ $6$rounds=%u$ $2a$".into(), None),
            (std::string::String::new(), None),
        ] {
            assert_eq!(strongest(library.as_bytes()), expected, "{library:?}");
        }
    }
}
