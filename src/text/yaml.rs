//! YAML files as people and installers write them: a mapping's keys below each
//! other, what belongs to a key indented more than it (YAML 1.2, 8.2). No parser:
//! it finds out which lines belong together, and whether these stand for themselves.

use super::lines::{before, lines};

/// The first line with its end, and what follows.
#[must_use]
pub fn split_line(text: &[u8]) -> (&[u8], &[u8]) {
    let mut lines = lines(text);
    lines.next();
    (before(text, lines.rest), lines.rest)
}

/// How far a line is indented; none, if it is blank or a comment.
#[must_use]
pub fn indent_of(line: &[u8]) -> Option<usize> {
    let indent = line.iter().position(|&byte| byte != b' ')?;
    match line.get(indent)? {
        b'#' | b'\n' | b'\r' => None,
        _ => Some(indent),
    }
}

/// What belongs to a key that is indented so far, of the lines behind it, and what
/// follows. Blank lines and comments at the end belong to what follows.
#[must_use]
#[inline(never)]
pub fn split_block(text: &[u8], indent: usize) -> (&[u8], &[u8]) {
    let mut end = text;
    let mut rest = text;
    while !rest.is_empty() {
        let (line, after) = split_line(rest);
        rest = after;
        match indent_of(line) {
            Some(other) if other <= indent => break,
            Some(_) => end = rest,
            None => {}
        }
    }
    (before(text, end), end)
}

/// Whether a key and its block can be taken out without harm to the rest: what is
/// opened in it is closed in it, nothing else refers to it, and it refers to
/// nothing.
#[must_use]
pub fn stands_alone(block: &[u8]) -> bool {
    let mut open = 0_usize;
    for token in tokens(block) {
        match token {
            [b'{' | b'[', ..] => open += 1,
            [b'}' | b']', ..] if open == 0 => return false,
            [b'}' | b']', ..] => open -= 1,
            // An anchor, an alias, a tag; a tab indents nothing.
            [b'&' | b'*' | b'!', ..] => return false,
            _ => {}
        }
    }
    open == 0 && !block.contains(&b'\t')
}

/// The words of `text`, without quotes, and without the colon that makes one a key;
/// each bracket or brace is one of its own. Comments are left out.
#[must_use]
pub const fn tokens(text: &[u8]) -> Tokens<'_> {
    Tokens { rest: text }
}

/// See [`tokens`].
pub struct Tokens<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Tokens<'a> {
    type Item = &'a [u8];

    #[inline(never)]
    fn next(&mut self) -> Option<&'a [u8]> {
        loop {
            let first = self.rest.first()?;
            let mut len = 1;
            if *first == b'#' {
                self.rest = split_line(self.rest).1;
                continue;
            }
            if !is_between(*first) && !is_bracket(*first) {
                let ends = |&byte: &u8| is_between(byte) || is_bracket(byte);
                let end = self.rest.iter().position(ends);
                len = end.unwrap_or(self.rest.len());
            }
            let (token, rest) = self.rest.split_at_checked(len)?;
            self.rest = rest;
            let token = token.strip_suffix(b":").unwrap_or(token);
            if !is_between(*first) && !token.is_empty() {
                return Some(token);
            }
        }
    }
}

const fn is_between(byte: u8) -> bool {
    byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b',')
}

const fn is_bracket(byte: u8) -> bool {
    matches!(byte, b'{' | b'}' | b'[' | b']')
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;
    use std::vec::Vec;

    fn text(bytes: &[u8]) -> String {
        String::from_utf8_lossy(bytes).into_owned()
    }

    #[test]
    fn a_block_is_what_is_indented_more_without_the_comments_behind_it() {
        for (all, block) in [
            ("", ""),
            ("a: 1\n", ""),
            (
                "    a: 1\n    b:\n    - 2\n  c: 3\n",
                "    a: 1\n    b:\n    - 2\n",
            ),
            ("    a: 1\n\n    # x\n  # y\n  c: 3\n", "    a: 1\n"),
            ("    a: 1\n# x\n\n    b: 2", "    a: 1\n# x\n\n    b: 2"),
        ] {
            assert_eq!(text(split_block(all.as_bytes(), 2).0), block, "{all}");
        }
    }

    #[test]
    fn brackets_are_words_and_comments_are_none() {
        let found: Vec<_> = tokens(b"{eth0: [a,'b': c:d]} #c\nd#e\t\"f g\"")
            .map(text)
            .collect();
        assert_eq!(
            found,
            ["{", "eth0", "[", "a", "b", "c:d", "]", "}", "d#e", "f", "g"]
        );
        assert_eq!(tokens(b"# a").next(), None);
    }

    #[test]
    fn what_is_open_or_refers_to_something_does_not_stand_alone() {
        for (block, alone) in [
            ("eth0:\n  dhcp4: true\n", true),
            ("eth0: {match: {name: x}, addresses: [a, b]}\n", true),
            ("eth0: {\n", false),
            ("eth0: }{\n", false),
            ("eth0: &base\n  dhcp4: true\n", false),
            ("eth0: *base\n", false),
            ("eth0:\n\tdhcp4: true\n", false),
        ] {
            assert_eq!(stands_alone(block.as_bytes()), alone, "{block}");
        }
    }
}
