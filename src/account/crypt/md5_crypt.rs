//! The digest of `$1$`, by Poul-Henning Kamp (FreeBSD's `crypt-md5.c`, 1994).

use md5::{Digest, Md5};
use zeroize::Zeroize;

/// Bytes of an MD5 digest.
const BYTES: usize = 16;

/// How often the digest is hashed anew. It slowed down machines of 1994.
const ROUNDS: u32 = 1000;

/// The digest of `password`, not yet in its written order. `salt` has at most
/// eight characters.
pub(super) fn digest(password: &[u8], salt: &[u8]) -> [u8; BYTES] {
    let mut digest = md5(&[password, salt, password]);

    let mut hasher = Md5::new();
    hasher.update(password);
    hasher.update(b"$1$");
    hasher.update(salt);
    // The digest again and again, until it is as long as the password.
    for part in password.chunks(BYTES) {
        hasher.update(digest.get(..part.len()).unwrap_or_default());
    }
    // A slip of the first edition that all others kept: zeros instead of bytes
    // of the digest, which had been wiped already.
    let first = password.get(..1).unwrap_or_default();
    let mut bits = password.len();
    while bits > 0 {
        hasher.update(if bits & 1 == 1 { &[0] } else { first });
        bits >>= 1;
    }
    digest.zeroize();
    digest = hasher.finalize().into();

    for round in 0..ROUNDS {
        let by_3 = if round % 3 == 0 { &[] } else { salt };
        let by_7 = if round % 7 == 0 { &[] } else { password };
        digest = if round % 2 == 0 {
            md5(&[&digest, by_3, by_7, password])
        } else {
            md5(&[password, by_3, by_7, &digest])
        };
    }
    digest
}

fn md5(parts: &[&[u8]]) -> [u8; BYTES] {
    let mut hasher = Md5::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}
