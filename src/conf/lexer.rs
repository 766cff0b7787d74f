//! os.conf as a row of assignments.
//!
//! The sample implementations hand the file to a shell, so that is its syntax:
//! `key=value`, a `#` comment, an optional `export`. A value is one bare word, or
//! stands in single or double quotes, which may go over several lines. What a
//! shell would expand or run is refused instead, since it cannot be meant.

use super::Fault;

/// A range of bytes in os.conf.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
}

impl Span {
    /// The bytes from `start` up to `end`.
    #[must_use]
    pub const fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// Where `part`, a slice out of `whole`, stands in it.
    #[must_use]
    pub fn of(part: &[u8], whole: &[u8]) -> Self {
        let start = (part.as_ptr() as usize).saturating_sub(whole.as_ptr() as usize);
        Self::new(start, start.saturating_add(part.len()))
    }

    /// The bytes themselves.
    #[must_use]
    #[inline(never)]
    pub fn text(self, source: &[u8]) -> &[u8] {
        source.get(self.start..self.end).unwrap_or_default()
    }
}

/// What stands in the file, comments and blank lines aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item {
    /// `key=value`.
    Assignment {
        /// The key.
        key: Span,
        /// The value, without its quotes.
        value: Span,
        /// What is wrong with the value as a shell word, and where.
        fault: Option<(Fault, Span)>,
    },
    /// Something else: nothing after it can be trusted to be what it seems.
    Broken(Fault, Span),
}

/// Reads items one after the other.
pub struct Lexer<'a> {
    source: &'a [u8],
    at: usize,
}

impl<'a> Lexer<'a> {
    /// Starts at the beginning of `source`, behind a UTF-8 byte order mark.
    #[must_use]
    pub fn new(source: &'a [u8]) -> Self {
        let at = if source.starts_with(b"\xef\xbb\xbf") {
            3
        } else {
            0
        };
        Self { source, at }
    }

    fn peek(&self) -> Option<u8> {
        self.source.get(self.at).copied()
    }

    // With `dyn` there is one of it, and not one for each kind of byte.
    fn skip_while(&mut self, accept: &dyn Fn(u8) -> bool) -> Span {
        let start = self.at;
        while self.peek().is_some_and(accept) {
            self.at += 1;
        }
        Span::new(start, self.at)
    }

    /// The rest of the line, without the CR of a DOS line end.
    fn rest_of_line(&mut self) -> Span {
        let mut span = self.skip_while(&|byte| byte != b'\n');
        if span.text(self.source).last() == Some(&b'\r') {
            span.end -= 1;
        }
        span
    }

    /// Reads the line that begins at `start`, where the first word stands.
    fn item(&mut self) -> Item {
        let start = self.at;
        let mut key = self.skip_while(&is_key);
        if key.text(self.source) == b"export" && self.peek().is_some_and(is_blank) {
            self.skip_while(&is_blank);
            key = self.skip_while(&is_key);
        }
        let first = key.text(self.source).first();
        if first.is_some_and(|byte| !byte.is_ascii_digit()) && self.peek() == Some(b'=') {
            self.at += 1;
            return self.value(key);
        }
        let after = self.skip_while(&is_blank);
        let fault = if after.start < after.end && self.peek() == Some(b'=') {
            Fault::BlankAtEquals
        } else {
            Fault::NotAnAssignment
        };
        let end = self.rest_of_line().end;
        Item::Broken(fault, Span::new(start, end.max(after.start)))
    }

    fn value(&mut self, key: Span) -> Item {
        match self.peek() {
            Some(quote @ (b'\'' | b'"')) => self.quoted(key, quote),
            _ => self.bare(key),
        }
    }

    fn quoted(&mut self, key: Span, quote: u8) -> Item {
        let open = self.at;
        self.at += 1;
        let value = self.skip_while(&|byte| byte != quote);
        if self.peek().is_none() {
            return Item::Broken(Fault::OpenQuote, Span::new(open, open + 1));
        }
        self.at += 1;
        let rest = self.rest_of_line();
        if let Some(open) = open_quote(self.source, rest) {
            return Item::Broken(Fault::OpenQuote, open);
        }
        let mut fault = match rest.text(self.source) {
            text if is_end(text) => None,
            _ => Some((Fault::BesideQuotes, rest)),
        };
        if quote == b'"' && fault.is_none() {
            fault = find(self.source, value, &|byte| {
                matches!(byte, b'$' | b'`' | b'\\')
            })
            .map(|(byte, span)| (Fault::Expands(byte), span));
        }
        self.assignment(key, value, fault)
    }

    fn bare(&mut self, key: Span) -> Item {
        let value = self.skip_while(&|byte| !is_blank(byte) && byte != b'\n');
        let rest = self.rest_of_line();
        let line = Span::new(value.start, rest.end.max(value.end));
        if let Some(open) = open_quote(self.source, line) {
            return Item::Broken(Fault::OpenQuote, open);
        }
        let special = find(self.source, value, &|byte| {
            b"$`;&|<>()\\\"'".contains(&byte)
        });
        let fault = match special {
            Some((b'"' | b'\'', span)) => Some((Fault::BesideQuotes, span)),
            Some((byte, span)) => Some((Fault::Special(byte), span)),
            None if is_end(rest.text(self.source)) => None,
            None => Some((Fault::UnquotedBlank, Span::new(rest.start, rest.start + 1))),
        };
        self.assignment(key, value, fault)
    }

    fn assignment(&self, key: Span, value: Span, fault: Option<(Fault, Span)>) -> Item {
        let nul = find(self.source, value, &|byte| byte == 0).map(|(_, span)| (Fault::Nul, span));
        Item::Assignment {
            key,
            value,
            fault: fault.or(nul),
        }
    }
}

impl Iterator for Lexer<'_> {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        loop {
            self.skip_while(&|byte| is_blank(byte) || byte == b'\n');
            match self.peek()? {
                b'#' => drop(self.rest_of_line()),
                _ => return Some(self.item()),
            }
        }
    }
}

/// A carriage return is a blank, so that DOS line ends need no rule of their own.
fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r')
}

fn is_key(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Whether nothing but blanks and a comment follows a value. As in a shell, the
/// comment must be parted from the value by a blank.
fn is_end(rest: &[u8]) -> bool {
    let word = rest.trim_ascii_start();
    word.is_empty() || (word.len() < rest.len() && word.starts_with(b"#"))
}

fn find(source: &[u8], span: Span, wanted: &dyn Fn(u8) -> bool) -> Option<(u8, Span)> {
    let text = span.text(source);
    let index = text.iter().position(|&byte| wanted(byte))?;
    let start = span.start + index;
    Some((*text.get(index)?, Span::new(start, start + 1)))
}

/// A quote in the rest of a line that nothing closes there: a shell would read on
/// and take the following assignments into the value.
fn open_quote(source: &[u8], line: Span) -> Option<Span> {
    let mut open = None;
    let mut last = b'x';
    for (index, &byte) in line.text(source).iter().enumerate() {
        match (open, byte) {
            (None, b'#') if is_blank(last) => break,
            (None, b'\'' | b'"') => open = Some((byte, line.start + index)),
            (Some((quote, _)), _) if quote == byte => open = None,
            _ => {}
        }
        last = byte;
    }
    open.map(|(_, start)| Span::new(start, start + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::{String, ToString};
    use std::vec::Vec;

    /// Each item in one line: `key=[value]`, with its fault.
    fn read(source: &str) -> Vec<String> {
        let text = |span: Span| String::from_utf8_lossy(span.text(source.as_bytes())).into_owned();
        Lexer::new(source.as_bytes())
            .map(|item| match item {
                Item::Assignment { key, value, fault } => {
                    let fault = fault.map(|(fault, at)| {
                        let len = at.end - at.start;
                        std::format!(" {fault:?}@{}+{len}", at.start)
                    });
                    std::format!(
                        "{}=[{}]{}",
                        text(key),
                        text(value),
                        fault.unwrap_or_default()
                    )
                }
                Item::Broken(fault, at) => std::format!("{fault:?} [{}]", text(at)),
            })
            .collect()
    }

    #[test]
    fn assignments_are_read_as_a_shell_reads_them() {
        for (source, items) in [
            ("a=b", &["a=[b]"][..]),
            ("a=b\nc=d\n", &["a=[b]", "c=[d]"]),
            ("a=b\r\nc='d'\r\n", &["a=[b]", "c=[d]"]),
            ("\u{feff}a=b", &["a=[b]"]),
            ("  a=b  ", &["a=[b]"]),
            ("\texport a=b", &["a=[b]"]),
            ("export=b", &["export=[b]"]),
            ("# a=b\n\n  # c\nd=e # f", &["d=[e]"]),
            ("a=", &["a=[]"]),
            ("a=\nb=c", &["a=[]", "b=[c]"]),
            ("a=\"\"", &["a=[]"]),
            ("a=\"b c;d\" # e", &["a=[b c;d]"]),
            ("a='b\nc'\nd=e", &["a=[b\nc]", "d=[e]"]),
            ("a='$(b)'", &["a=[$(b)]"]),
            ("a=b#c", &["a=[b#c]"]),
            ("a=b # it's\nc='d'\t# \"", &["a=[b]", "c=[d]"]),
            ("a=b=c", &["a=[b=c]"]),
            ("a='it\"s'", &["a=[it\"s]"]),
            ("", &[]),
        ] {
            assert_eq!(
                read(source),
                items.iter().map(ToString::to_string).collect::<Vec<_>>(),
                "{source}"
            );
        }
    }

    #[test]
    fn what_a_shell_would_expand_or_run_is_a_fault_of_the_assignment() {
        for (source, item) in [
            ("a=$b", "a=[$b] Special(36)@2+1"),
            ("a=b`id`", "a=[b`id`] Special(96)@3+1"),
            ("a=b;reboot", "a=[b;reboot] Special(59)@3+1"),
            ("a=b c", "a=[b] UnquotedBlank@3+1"),
            ("a=b\\c", "a=[b\\c] Special(92)@3+1"),
            ("a=\"$(id)\"", "a=[$(id)] Expands(36)@3+1"),
            ("a=\"b\"c", "a=[b] BesideQuotes@5+1"),
            ("a=\"b\"#c", "a=[b] BesideQuotes@5+2"),
            ("a=b\"c\"", "a=[b\"c\"] BesideQuotes@3+1"),
            ("a=b\0c", "a=[b\0c] Nul@3+1"),
        ] {
            assert_eq!(read(source), [item], "{source}");
        }
    }

    #[test]
    fn an_open_quote_and_what_is_no_assignment_break_the_file() {
        for (source, item) in [
            ("a=\"b", "OpenQuote [\"]"),
            ("a=it's", "OpenQuote [']"),
            ("a=b#it's", "OpenQuote [']"),
            ("a=b 'c", "OpenQuote [']"),
            ("a='b'\"", "OpenQuote [\"]"),
            ("a = b", "BlankAtEquals [a = b]"),
            ("a= b", "a=[] UnquotedBlank@2+1"),
            ("reboot", "NotAnAssignment [reboot]"),
            ("1a=b", "NotAnAssignment [1a=b]"),
            ("a-b=c\r\n", "NotAnAssignment [a-b=c]"),
            ("=b", "NotAnAssignment [=b]"),
        ] {
            assert_eq!(read(source)[0], item, "{source}");
        }
    }
}
