//! `password`: base64 of what root will type.

use super::Fault;
use crate::limits::PASSWORD_BYTES;
use crate::text::Buf;
use crate::value::Secret;
use base64ct::{Base64Unpadded, Encoding};
use zeroize::Zeroizing;

/// Line ends that may follow a password of full length. `echo` leaves one, and
/// the shell that the sample was written for drops them all.
const LINE_ENDS: usize = 8;
/// The decoded value at its longest, line ends and all.
const DECODED: usize = PASSWORD_BYTES + LINE_ENDS;
/// Four digits that stand for nothing but zeros.
const ZEROS: [u8; 4] = *b"AAAA";

/// Decodes `value`; blanks and line breaks in it are ignored, padding is optional.
pub(super) fn decode(value: &[u8]) -> Result<Secret, Fault> {
    let mut bytes = Zeroizing::new([0; DECODED]);
    let mut decoded = Buf::new(&mut *bytes);
    let mut digits = Zeroizing::new(ZEROS);
    let mut count = 0;
    let mut padding = 0;
    for byte in value.iter().filter(|byte| !byte.is_ascii_whitespace()) {
        if *byte == b'=' {
            padding += 1;
            continue;
        }
        if padding > 0 {
            return Err(Fault::Base64);
        }
        *digits.get_mut(count).ok_or(Fault::Base64)? = *byte;
        count += 1;
        if count == digits.len() {
            decoded.push(decode_four(&mut digits)?);
            *digits = ZEROS;
            count = 0;
        }
    }
    let last = decode_four(&mut digits)?;
    let (last, beyond) = last.split_at_checked(count * 6 / 8).unwrap_or_default();
    decoded.push(last);
    if decoded.overflowed() {
        return Err(Fault::PasswordLong);
    }
    // A last digit must not be alone, nor have bits beyond the last byte.
    if padding > 2 || count == 1 || beyond.iter().any(|&byte| byte != 0) {
        return Err(Fault::Base64);
    }
    check(trim_line_ends(decoded.as_bytes()))
}

/// Always four, so that the decoder is compiled without its cases for remainders,
/// which are most of it.
#[inline(never)]
fn decode_four(digits: &mut [u8; 4]) -> Result<&[u8], Fault> {
    Base64Unpadded::decode_in_place(digits).map_err(|_| Fault::Base64)
}

fn trim_line_ends(mut bytes: &[u8]) -> &[u8] {
    while let [rest @ .., b'\n' | b'\r'] = bytes {
        bytes = rest;
    }
    bytes
}

fn check(password: &[u8]) -> Result<Secret, Fault> {
    if password.is_empty() {
        Err(Fault::PasswordEmpty)
    } else if password.contains(&0) {
        Err(Fault::PasswordNul)
    } else if password.contains(&b'\n') {
        // With chpasswd(8), it would set the password of another user.
        Err(Fault::PasswordNewline)
    } else {
        Secret::new(password).ok_or(Fault::PasswordLong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encode(bytes: &[u8]) -> std::string::String {
        let mut space = [0; 1024];
        Base64Unpadded::encode(bytes, &mut space).unwrap().into()
    }

    #[test]
    fn a_password_is_decoded_and_its_line_ends_dropped() {
        for value in [
            "cXdlcjEyMzQK",
            "cXdlcjEyMzQ=",
            "cXdlcjEyMzQ",
            "cXdlcjEyMzQNCgo=",
            " cXdl\r\n cjEy MzQ ",
            "cXdlcjEyMzQ==",
        ] {
            assert_eq!(
                decode(value.as_bytes()).unwrap().expose(),
                b"qwer1234",
                "{value}"
            );
        }
        for any in [
            &b"a:b"[..],
            b"$6$x",
            b"\\'\"`",
            b"\xff\x80",
            b" a ",
            b"a\rb",
        ] {
            assert_eq!(decode(encode(any).as_bytes()).unwrap().expose(), any);
        }
        assert_eq!(
            decode(encode(&[b'a'; 256]).as_bytes())
                .unwrap()
                .expose()
                .len(),
            256
        );
        let longest = [[b'a'; 256].as_slice(), &[b'\n'; 8]].concat();
        assert_eq!(
            decode(encode(&longest).as_bytes()).unwrap().expose().len(),
            256
        );
    }

    #[test]
    fn what_no_login_takes_is_no_password() {
        for (value, fault) in [
            (encode(b"\n"), Fault::PasswordEmpty),
            (encode(b"a\0b"), Fault::PasswordNul),
            (encode(b"a\nmallory:b"), Fault::PasswordNewline),
            (encode(&[b'a'; 257]), Fault::PasswordLong),
            (encode(&[b'a'; 600]), Fault::PasswordLong),
            (
                encode(&[[b'a'; 256].as_slice(), &[b'\n'; 9]].concat()),
                Fault::PasswordLong,
            ),
            ("cXdlcjEyMzQ===".into(), Fault::Base64),
            ("cXdl*".into(), Fault::Base64),
            ("c".into(), Fault::Base64),
            ("c=Xdl".into(), Fault::Base64),
            ("cXdlA".into(), Fault::Base64),
            ("cXd".into(), Fault::Base64),
            ("cXdlcjEyMzQ_".into(), Fault::Base64),
        ] {
            assert_eq!(decode(value.as_bytes()).err(), Some(fault), "{value}");
        }
    }
}
