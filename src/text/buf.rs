//! A fixed buffer that text is written into.

use core::convert::Infallible;
use ufmt::uWrite;

/// Bytes of the caller's, filled from the front.
///
/// Writing cannot fail: what does not fit is dropped and [`Buf::overflowed`]
/// says so afterwards. One question at the end instead of one at each write
/// keeps an editor half as big, and no file is published without asking.
pub struct Buf<'a> {
    bytes: &'a mut [u8],
    len: usize,
    overflowed: bool,
}

impl<'a> Buf<'a> {
    /// An empty buffer over `bytes`.
    #[inline(never)]
    pub fn new(bytes: &'a mut [u8]) -> Self {
        Self {
            bytes,
            len: 0,
            overflowed: false,
        }
    }

    /// Appends `bytes`, all of them or none.
    ///
    /// Never inlined, as the other small ones: it is called from hundreds of places,
    /// and would be the larger part of each of them.
    #[inline(never)]
    pub fn push(&mut self, bytes: &[u8]) {
        let end = self.len.saturating_add(bytes.len());
        match self.bytes.get_mut(self.len..end) {
            Some(place) if !self.overflowed => {
                place.copy_from_slice(bytes);
                self.len = end;
            }
            _ => self.overflowed = true,
        }
    }

    /// What was written so far.
    #[must_use]
    #[inline(never)]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    /// What was written, for as long as the caller's bytes last.
    #[must_use]
    pub fn into_bytes(self) -> &'a [u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    /// How many bytes were written so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing was written yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether something did not fit. Then the content must not be used.
    #[must_use]
    pub fn overflowed(&self) -> bool {
        self.overflowed
    }

    /// Ends a line that a person reads. What did not fit is replaced by dots: the
    /// one place where text may be cut. Control characters, which could play
    /// tricks on a terminal, become question marks.
    pub fn end_message(&mut self) {
        const DOTS: &[u8] = b"...";
        if self.overflowed || self.len == self.bytes.len() {
            self.overflowed = false;
            self.len = self
                .len
                .min(self.bytes.len().saturating_sub(DOTS.len() + 1));
            self.push(DOTS);
        }
        for byte in self.bytes.iter_mut().take(self.len) {
            if byte.is_ascii_control() {
                *byte = b'?';
            }
        }
        self.push(b"\n");
    }

    /// Forgets all that was written.
    pub fn clear(&mut self) {
        self.len = 0;
        self.overflowed = false;
    }
}

impl uWrite for Buf<'_> {
    type Error = Infallible;

    fn write_str(&mut self, s: &str) -> Result<(), Infallible> {
        self.push(s.as_bytes());
        Ok(())
    }

    // The default of ufmt 0.2 reads memory that was never initialised.
    fn write_char(&mut self, c: char) -> Result<(), Infallible> {
        let mut bytes = [0; 4];
        self.push(c.encode_utf8(&mut bytes).as_bytes());
        Ok(())
    }
}

/// Writes formatted text into a [`Buf`]; nothing can go wrong at this point.
macro_rules! put {
    ($buf:expr, $($format:tt)*) => {{
        let Ok(()) = ufmt::uwrite!($buf, $($format)*);
    }};
}
pub(crate) use put;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_is_too_long_ends_with_dots() {
        let mut bytes = [0; 12];
        let mut buf = Buf::new(&mut bytes);
        put!(buf, "0123\x1b");
        put!(buf, "56789ab");
        put!(buf, "c");
        buf.end_message();
        assert_eq!(buf.as_bytes(), b"0123?567...\n");
        for (text, message) in [
            ("01", "01\n"),
            ("01234", "01234\n"),
            ("012345", "01...\n"),
            ("0123456", "01...\n"),
        ] {
            let mut bytes = [0; 6];
            let mut buf = Buf::new(&mut bytes);
            for digit in text.chars() {
                put!(buf, "{}", digit);
            }
            buf.end_message();
            assert_eq!(buf.as_bytes(), message.as_bytes());
            assert_eq!(buf.len(), message.len());
        }
    }

    #[test]
    fn a_buffer_keeps_what_fits_and_says_when_something_did_not() {
        let mut bytes = [0; 6];
        let mut buf = Buf::new(&mut bytes);
        put!(buf, "{}-{}", 10, 'x');
        assert_eq!(buf.as_bytes(), b"10-x");
        assert!(!buf.overflowed());
        buf.push(b"abc");
        assert!(buf.overflowed());
        buf.push(b"a");
        assert_eq!(buf.as_bytes(), b"10-x");
    }
}
