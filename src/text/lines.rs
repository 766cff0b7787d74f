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
pub fn lines(bytes: &[u8]) -> impl Iterator<Item = Line<'_>> + Clone {
    bytes.split_inclusive(|&byte| byte == b'\n').map(|line| {
        let text = match line {
            [text @ .., b'\r', b'\n'] | [text @ .., b'\n'] | text => text,
        };
        Line {
            text,
            end: line.get(text.len()..).unwrap_or_default(),
        }
    })
}

/// The words of `text`, between blanks.
pub fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> + Clone {
    text.split(|byte| byte.is_ascii_whitespace())
        .filter(|word| !word.is_empty())
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
