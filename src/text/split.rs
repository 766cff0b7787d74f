//! Text in pieces, between one kind of byte.

/// The pieces of `text` between bytes that are `separator`: one more than there
/// are of those.
#[must_use]
pub const fn split(text: &[u8], separator: u8) -> Pieces<'_> {
    Pieces {
        rest: Some(text),
        separator,
    }
}

/// See [`split`]. Not an adaptor of core's, which would be compiled anew wherever
/// it is used.
#[derive(Clone)]
pub struct Pieces<'a> {
    rest: Option<&'a [u8]>,
    separator: u8,
}

impl<'a> Iterator for Pieces<'a> {
    type Item = &'a [u8];

    #[inline(never)]
    fn next(&mut self) -> Option<&'a [u8]> {
        let text = self.rest?;
        let (piece, rest) = match split_once(text, self.separator) {
            Some((piece, rest)) => (piece, Some(rest)),
            None => (text, None),
        };
        self.rest = rest;
        Some(piece)
    }
}

/// What is before the first byte that is `separator`, and what is behind it.
#[must_use]
#[inline(never)]
pub fn split_once(text: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let index = text.iter().position(|&byte| byte == separator)?;
    Some((text.get(..index)?, text.get(index + 1..)?))
}
