//! Numbers and texts in bytes that somebody else wrote.

use super::{Label, Uuid};
use crate::text::Buf;
use crate::text::put;
use crate::value::hex;

/// The number of `N` bytes at `at`, lowest byte first; 0 where there are no bytes.
pub(super) fn le<const N: usize>(bytes: &[u8], at: usize) -> u64 {
    let number = bytes.get(at..at.saturating_add(N)).unwrap_or_default();
    number
        .iter()
        .rev()
        .fold(0, |value, &byte| value << 8 | u64::from(byte))
}

/// A label as it stands in a field: up to a NUL, without blanks at its end.
pub(super) fn label(field: &[u8]) -> Label {
    let len = field.iter().position(|&byte| byte == 0);
    let text = field.get(..len.unwrap_or(field.len())).unwrap_or_default();
    // Cannot fail: no field is longer.
    Label::from_slice(text.trim_ascii_end()).unwrap_or_default()
}

/// 16 bytes as a UUID (RFC 9562), in the order in which they stand; nothing, if all
/// are zero.
pub(super) fn uuid(bytes: &[u8]) -> Uuid {
    if bytes.iter().all(|&byte| byte == 0) {
        return Uuid::new();
    }
    hex_groups(bytes, &[4, 6, 8, 10])
}

/// Bytes in hexadecimal, with a hyphen before each of these indices.
pub(super) fn hex_groups(bytes: &[u8], hyphens: &[usize]) -> Uuid {
    let mut text = [0; crate::limits::UUID_BYTES];
    let mut out = Buf::new(&mut text);
    for (index, &byte) in bytes.iter().enumerate() {
        if hyphens.contains(&index) {
            out.push(b"-");
        }
        put!(out, "{}", hex::Byte(byte));
    }
    Uuid::from_slice(out.as_bytes()).unwrap_or_default()
}
