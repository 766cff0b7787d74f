//! The lines of a file, byte for byte.

/// One line: its text, and what ended it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// The line without its end.
    pub text: &'a [u8],
    /// `\n`, `\r\n`, or nothing at the end of a file that has no final newline.
    pub end: &'a [u8],
}

/// The lines of `bytes`. Text and ends, joined, are `bytes` again.
#[must_use]
pub const fn lines(bytes: &[u8]) -> Lines<'_> {
    Lines { rest: bytes }
}

/// See [`lines`]. Not an adaptor of core's, which would be compiled anew wherever
/// it is used.
#[derive(Clone)]
pub struct Lines<'a> {
    /// The lines that are still to come.
    pub rest: &'a [u8],
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    #[inline(never)]
    fn next(&mut self) -> Option<Line<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        let len = self.rest.iter().position(|&byte| byte == b'\n');
        let len = len.map_or(self.rest.len(), |index| index + 1);
        let (line, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        let text = match line {
            [text @ .., b'\r', b'\n'] | [text @ .., b'\n'] | text => text,
        };
        let end = line.get(text.len()..).unwrap_or_default();
        Some(Line { text, end })
    }
}

/// What of `text` comes before its tail `rest`.
#[must_use]
#[inline(never)]
pub fn before<'t>(text: &'t [u8], rest: &[u8]) -> &'t [u8] {
    let len = text.len().saturating_sub(rest.len());
    text.get(..len).unwrap_or_default()
}

/// The words of `text`, between blanks.
#[must_use]
pub const fn words(text: &[u8]) -> Words<'_> {
    Words { rest: text }
}

/// See [`words`].
#[derive(Clone)]
pub struct Words<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Words<'a> {
    type Item = &'a [u8];

    #[inline(never)]
    fn next(&mut self) -> Option<&'a [u8]> {
        let text = self.rest.trim_ascii_start();
        let len = text.iter().position(u8::is_ascii_whitespace);
        let (word, rest) = text.split_at_checked(len.unwrap_or(text.len()))?;
        self.rest = rest;
        (!word.is_empty()).then_some(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_keep_their_ends() {
        let found: [Line<'_>; 3] = {
            let mut all = lines(b"a\r\n\nb");
            core::array::from_fn(|_| all.next().unwrap())
        };
        assert_eq!(found.map(|line| line.text), [&b"a"[..], b"", b"b"]);
        assert_eq!(found.map(|line| line.end), [&b"\r\n"[..], b"\n", b""]);
    }
}
