//! JSON (RFC 8259), as far as a report needs it.

use super::{Buf, put};

/// Writes `"key":` behind a comma, unless it is the first of its object.
pub fn key(out: &mut Buf<'_>, name: &str) {
    if !matches!(out.as_bytes().last(), None | Some(b'{')) {
        out.push(b",");
    }
    put!(out, "\"{}\":", name);
}

/// Writes a text. What is no UTF-8 becomes U+FFFD.
pub fn string(out: &mut Buf<'_>, text: &[u8]) {
    out.push(b"\"");
    for chunk in text.utf8_chunks() {
        for &byte in chunk.valid().as_bytes() {
            match byte {
                b'"' | b'\\' => out.push(&[b'\\', byte]),
                0..0x20 | 0x7f => put!(out, "\\u00{}", crate::value::hex::Byte(byte)),
                _ => out.push(&[byte]),
            }
        }
        if !chunk.invalid().is_empty() {
            out.push("\u{fffd}".as_bytes());
        }
    }
    out.push(b"\"");
}

/// Writes a key and its text, or null where there is none.
pub fn text(out: &mut Buf<'_>, name: &str, value: Option<&[u8]>) {
    key(out, name);
    match value {
        Some(value) => string(out, value),
        None => out.push(b"null"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_bytes_become_a_text() {
        let mut bytes = [0; 128];
        let mut out = Buf::new(&mut bytes);
        out.push(b"{");
        text(&mut out, "a", Some(b"x\"\\\n\x7f\xc3\xa4\xff"));
        text(&mut out, "b", None);
        assert_eq!(
            out.as_bytes(),
            "{\"a\":\"x\\\"\\\\\\u000a\\u007fä\u{fffd}\",\"b\":null".as_bytes()
        );
    }
}
