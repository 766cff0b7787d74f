//! crypt(3): hashes of the kinds `$1$`, `$5$` and `$6$`, made and verified.
//!
//! What is accepted is what every reader accepts: a hash that only some
//! libraries read is not verified here, and so gets replaced by one that all do.

use crate::limits::HASH_BYTES;
use crate::text::Buf;
use crate::text::split::split_once;
use crate::value::HashKind;
use sha_crypt::{Params, sha256_crypt, sha512_crypt};
use zeroize::Zeroize;

mod md5_crypt;

/// A hash as it stands in a password field, at most 106 bytes: `$`, letters,
/// digits, `.` and `/`.
///
/// It opens the door to guessing, so it is wiped when dropped and cannot be
/// printed: there is no `Debug` or `uDisplay` on purpose.
pub struct Hash {
    bytes: [u8; HASH_BYTES],
    len: usize,
}

impl Hash {
    /// The hash, for a file that only root reads and for nothing else.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

impl Drop for Hash {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

/// What makes equal passwords have different hashes. It must be unique, not
/// secret.
#[derive(Clone, Copy)]
pub struct Salt([u8; 16]);

impl Salt {
    /// A salt of 16 characters, the most that `$5$` and `$6$` take, with six
    /// bits of each byte of `random`.
    #[must_use]
    pub fn from_random(random: [u8; 16]) -> Self {
        Self(random.map(|byte| character(u32::from(byte))))
    }
}

/// Hashes `password` with `salt`; `$1$` takes the first eight characters of it.
///
/// `$5$` and `$6$` have the default number of rounds and do not spell it: the
/// one form that everything tried can read. `password` has no NUL, at which
/// crypt(3) would end it, and at most 256 bytes, of which musl reads no more.
#[must_use]
pub fn hash(kind: HashKind, password: &[u8], salt: Salt) -> Hash {
    let scheme = scheme(kind);
    let salt = salt.0.get(..scheme.salt_bytes).unwrap_or_default();
    let mut bytes = [0; HASH_BYTES];
    let mut out = Buf::new(&mut bytes);
    out.push(scheme.prefix);
    out.push(salt);
    out.push(b"$");
    digest(&mut out, kind, password, salt, Params::RECOMMENDED);
    let len = out.len();
    Hash { bytes, len }
}

/// The kind of hash in `field`, the password field of a line. `None` for all
/// that [`verifies`] refuses whatever the password.
#[must_use]
pub fn kind(field: &[u8]) -> Option<HashKind> {
    Setting::parse(field).map(|setting| setting.kind)
}

/// Whether `field`, the password field of a line, is an unlocked hash of the
/// kind `$1$`, `$5$` or `$6$` that `password` opens.
///
/// `rounds=` counts from 1,000 (libxcrypt refuses fewer) to 1,000,000 (musl
/// takes almost ten times as many, but a boot would wait seconds for them).
///
/// ```
/// use osconf::account::{Salt, hash, verifies};
/// use osconf::value::HashKind;
///
/// let field = hash(HashKind::Sha256, b"abc123", Salt::from_random([7; 16]));
/// assert!(verifies(field.expose(), b"abc123"));
/// assert!(!verifies(field.expose(), b"abc124"));
/// assert!(!verifies(b"!$6$salt$hash", b"abc123"));
/// ```
#[must_use]
pub fn verifies(field: &[u8], password: &[u8]) -> bool {
    let Some(setting) = Setting::parse(field) else {
        return false;
    };
    let mut bytes = [0; LONGEST_DIGEST];
    let mut out = Buf::new(&mut bytes);
    digest(
        &mut out,
        setting.kind,
        password,
        setting.salt,
        setting.rounds,
    );
    let same = equal(out.as_bytes(), setting.digest);
    bytes.zeroize();
    same
}

/// What is different from one kind to the other.
struct Scheme {
    prefix: &'static [u8],
    /// The most characters of salt.
    salt_bytes: usize,
    /// The bytes of the digest in the order in which they are written.
    order: &'static [u8],
}

/// Drepper, "Unix crypt using SHA-256 and SHA-512", step 22, last byte first.
const SHA512: Scheme = Scheme {
    prefix: b"$6$",
    salt_bytes: 16,
    order: &[
        42, 21, 0, 1, 43, 22, 23, 2, 44, 45, 24, 3, 4, 46, 25, 26, 5, 47, 48, 27, 6, 7, 49, 28, 29,
        8, 50, 51, 30, 9, 10, 52, 31, 32, 11, 53, 54, 33, 12, 13, 55, 34, 35, 14, 56, 57, 36, 15,
        16, 58, 37, 38, 17, 59, 60, 39, 18, 19, 61, 40, 41, 20, 62, 63,
    ],
};

/// The same specification.
const SHA256: Scheme = Scheme {
    prefix: b"$5$",
    salt_bytes: 16,
    order: &[
        20, 10, 0, 11, 1, 21, 2, 22, 12, 23, 13, 3, 14, 4, 24, 5, 25, 15, 26, 16, 6, 17, 7, 27, 8,
        28, 18, 29, 19, 9, 30, 31,
    ],
};

/// As in FreeBSD's `crypt-md5.c` by Poul-Henning Kamp.
const MD5: Scheme = Scheme {
    prefix: b"$1$",
    salt_bytes: 8,
    order: &[12, 6, 0, 13, 7, 1, 14, 8, 2, 15, 9, 3, 5, 10, 4, 11],
};

/// Characters of the longest digest, that of `$6$`.
const LONGEST_DIGEST: usize = 86;

fn scheme(kind: HashKind) -> &'static Scheme {
    match kind {
        HashKind::Md5 => &MD5,
        HashKind::Sha256 => &SHA256,
        HashKind::Sha512 => &SHA512,
    }
}

/// A password field that holds a hash, in its parts.
struct Setting<'a> {
    kind: HashKind,
    rounds: Params,
    salt: &'a [u8],
    digest: &'a [u8],
}

impl<'a> Setting<'a> {
    fn parse(field: &'a [u8]) -> Option<Self> {
        let (kind, mut rest) = [HashKind::Md5, HashKind::Sha256, HashKind::Sha512]
            .into_iter()
            .find_map(|kind| Some((kind, field.strip_prefix(scheme(kind).prefix)?)))?;
        let mut rounds = Params::RECOMMENDED;
        if kind != HashKind::Md5
            && let Some(spelled) = rest.strip_prefix(b"rounds=")
        {
            let (number, behind) = split_once(spelled, b'$')?;
            rounds = parse_rounds(number)?;
            rest = behind;
        }
        let (salt, digest) = split_once(rest, b'$')?;
        let scheme = scheme(kind);
        // Other characters in a salt are refused by some libraries, and an
        // empty one is nothing that a tool would make.
        let plausible = (1..=scheme.salt_bytes).contains(&salt.len())
            && salt.iter().all(|byte| ALPHABET.contains(byte))
            && digest.len() == (scheme.order.len() * 8).div_ceil(6);
        plausible.then_some(Self {
            kind,
            rounds,
            salt,
            digest,
        })
    }
}

/// 1,000 to 1,000,000, without a leading zero: crypt(3) writes the number anew,
/// so a login program that compares the texts would find another one.
fn parse_rounds(number: &[u8]) -> Option<Params> {
    if !(4..=7).contains(&number.len())
        || number.starts_with(b"0")
        || !number.iter().all(u8::is_ascii_digit)
    {
        return None;
    }
    let rounds = number
        .iter()
        .fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'));
    Params::new(rounds).ok().filter(|_| rounds <= 1_000_000)
}

/// Writes the digest of `password` into `out`.
fn digest(out: &mut Buf<'_>, kind: HashKind, password: &[u8], salt: &[u8], rounds: Params) {
    let order = scheme(kind).order;
    match kind {
        HashKind::Md5 => encode(out, &mut md5_crypt::digest(password, salt), order),
        HashKind::Sha256 => encode(out, &mut sha256_crypt(password, salt, rounds), order),
        HashKind::Sha512 => encode(out, &mut sha512_crypt(password, salt, rounds), order),
    }
}

/// Writes `digest` in the base64 of crypt(3), lowest bits first, and wipes it.
fn encode(out: &mut Buf<'_>, digest: &mut [u8], order: &[u8]) {
    for group in order.chunks(3) {
        let mut bits = 0;
        for &at in group.iter().rev() {
            let byte = digest.get(usize::from(at)).copied().unwrap_or_default();
            bits = bits << 8 | u32::from(byte);
        }
        for _ in 0..=group.len() {
            out.push(&[character(bits)]);
            bits >>= 6;
        }
    }
    digest.zeroize();
}

/// The digits of crypt(3), 0 to 63.
const ALPHABET: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The digit of the lowest six bits.
fn character(bits: u32) -> u8 {
    let at = (bits & 63) as usize;
    ALPHABET.get(at).copied().unwrap_or_default()
}

/// Compares in a time that does not depend on where the difference is.
fn equal(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}

#[cfg(test)]
mod tests;
