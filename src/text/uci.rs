//! OpenWrt's configuration files (uci, file.c): sections of options, in a syntax
//! like a shell's, so that [`assignments`] knows where a line ends.
//!
//! Editing goes section by section; what is not asked for stays byte for byte.

use super::assignments::{self, Setting, Value, end_line};
use super::lines::words;
use super::{Buf, put};

/// One section; or what stands before the first one, which has no kind.
#[derive(Clone, Copy, Default)]
pub struct Section<'a> {
    /// `interface`, `route`, `system`, …
    pub kind: &'a [u8],
    /// Its name, if it has one.
    pub name: &'a [u8],
    /// The line that begins it.
    head: &'a [u8],
    /// All lines that follow, up to the next section.
    body: &'a [u8],
}

/// The sections of `text`. All of them, joined, are `text` again.
#[must_use]
pub const fn sections(text: &[u8]) -> Sections<'_> {
    Sections { rest: text }
}

/// See [`sections`].
pub struct Sections<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Sections<'a> {
    type Item = Section<'a>;

    #[inline(never)]
    fn next(&mut self) -> Option<Section<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        let mut section = Section::default();
        let mut after = self.rest;
        let (first, rest) = assignments::split_assignment(after);
        if let Some(line) = Line::parse(first)
            && line.is(b"config")
        {
            (section.kind, section.name, section.head) = (line.key, line.value, first);
            after = rest;
        }
        self.rest = after;
        loop {
            let (line, rest) = assignments::split_assignment(self.rest);
            if line.is_empty() || Line::parse(line).is_some_and(|line| line.is(b"config")) {
                break;
            }
            self.rest = rest;
        }
        section.body = after.strip_suffix(self.rest).unwrap_or_default();
        Some(section)
    }
}

/// The first section of `text` that `is_it` tells.
#[must_use]
#[inline(never)]
pub fn find<'a>(text: &'a [u8], is_it: &dyn Fn(&Section<'a>) -> bool) -> Option<Section<'a>> {
    sections(text).find(is_it)
}

/// What a line says: `option KEY VALUE`, `list KEY VALUE` or `config KIND NAME`.
struct Line<'a> {
    word: &'a [u8],
    key: &'a [u8],
    value: &'a [u8],
}

impl<'a> Line<'a> {
    /// None, if it says nothing: an empty line, or a comment.
    #[inline(never)]
    fn parse(line: &'a [u8]) -> Option<Self> {
        let mut rest = line;
        let word = next_word(&mut rest);
        (!word.is_empty()).then(|| Self {
            word,
            key: next_word(&mut rest),
            value: next_word(&mut rest),
        })
    }

    /// Whether it begins with this word, or its first letter, which will do.
    fn is(&self, word: &[u8]) -> bool {
        self.word == word || word.get(..1) == Some(self.word)
    }
}

/// Takes the next word off `text`, without its quotes. One that has a quote in it, or is
/// quoted in parts, is as none: it is none of those that are looked for, and could not be
/// written elsewhere as it is.
#[inline(never)]
fn next_word<'a>(text: &mut &'a [u8]) -> &'a [u8] {
    let start = text.trim_ascii_start();
    let (quote, inner) = match start {
        [quote @ (b'"' | b'\''), inner @ ..] => (Some(*quote), inner),
        _ => (None, start),
    };
    let ends = |byte: &u8| match quote {
        Some(quote) => *byte == quote,
        None => byte.is_ascii_whitespace() || *byte == b'#',
    };
    let len = inner.iter().position(ends).unwrap_or(inner.len());
    let (word, rest) = inner.split_at_checked(len).unwrap_or_default();
    *text = match rest {
        [_, rest @ ..] if quote.is_some() => rest,
        _ => rest,
    };
    let has_quote = word.iter().any(|byte| matches!(byte, b'"' | b'\''));
    if has_quote { b"" } else { word }
}

impl<'a> Section<'a> {
    /// Whether this is that very section of the same text.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        core::ptr::eq(self.head, other.head)
    }

    /// The value of `key`; the last one, if there are more.
    #[must_use]
    #[inline(never)]
    pub fn get(&self, key: &str) -> Option<&'a [u8]> {
        let mut found = None;
        self.each(&mut |_, line| {
            if let Some(line) = line
                && line.key == key.as_bytes()
            {
                found = Some(line.value);
            }
        });
        found
    }

    /// Whether `key` has this value.
    #[must_use]
    pub fn has(&self, key: &str, value: &[u8]) -> bool {
        self.get(key) == Some(value)
    }

    /// Hands each word of all values of `key` to `found`: a list may also be
    /// written as one value with blanks.
    #[inline(never)]
    pub fn each_word(&self, key: &str, found: &mut dyn FnMut(&'a [u8])) {
        self.each(&mut |_, line| {
            if let Some(line) = line
                && line.key == key.as_bytes()
            {
                words(line.value).for_each(&mut *found);
            }
        });
    }

    /// Hands each line of the body to `found`, and what it says.
    #[inline(never)]
    fn each(&self, found: &mut dyn FnMut(&'a [u8], Option<Line<'a>>)) {
        let mut rest = self.body;
        while !rest.is_empty() {
            let (line, after) = assignments::split_assignment(rest);
            rest = after;
            found(line, Line::parse(line));
        }
    }

    /// Writes it as it is.
    pub fn copy(&self, out: &mut Buf<'_>) {
        out.push(self.head);
        out.push(self.body);
    }

    /// Writes what is left when it is gone: comments, which may be about the next.
    pub fn remove(&self, out: &mut Buf<'_>) {
        self.each(&mut |line, _| {
            if line.trim_ascii_start().starts_with(b"#") {
                out.push(line);
            }
        });
    }

    /// Writes it with each key in `settings` having its value, once: where it
    /// stands first, or at the top; and without the keys in `gone`.
    #[inline(never)]
    pub fn set(&self, out: &mut Buf<'_>, settings: &[Setting<'_>], gone: &[&str]) {
        out.push(self.head);
        // One bit for each setting that is written.
        let mut written = 0_u32;
        for (key, value) in settings {
            if self.get(key).is_none() {
                end_line(out);
                write(out, key, *value);
            }
        }
        self.each(&mut |text, line| {
            let key = line.map_or(&b""[..], |line| line.key);
            let mut bit = 1;
            for (name, value) in settings {
                if name.as_bytes() == key {
                    if written & bit == 0 {
                        written |= bit;
                        write(out, name, *value);
                    }
                    return;
                }
                bit <<= 1;
            }
            if !gone.iter().any(|name| name.as_bytes() == key) {
                out.push(text);
            }
        });
    }

    /// Writes it without the words in the values of `keys` that `is_gone` tells.
    #[inline(never)]
    pub fn without(&self, out: &mut Buf<'_>, keys: &[&str], is_gone: &dyn Fn(&[u8]) -> bool) {
        out.push(self.head);
        self.each(&mut |text, line| {
            if let Some(line) = line
                && let Some(key) = keys.iter().find(|key| key.as_bytes() == line.key)
                && words(line.value).any(is_gone)
            {
                words(line.value).for_each(|word| {
                    if !is_gone(word) {
                        put_line(out, "list", key, word);
                    }
                });
            } else {
                out.push(text);
            }
        });
    }
}

/// Makes sure that a new section can follow: it is set off by an empty line.
pub fn end_section(out: &mut Buf<'_>) {
    end_line(out);
    if !out.is_empty() && !out.as_bytes().ends_with(b"\n\n") {
        out.push(b"\n");
    }
}

#[inline(never)]
fn write(out: &mut Buf<'_>, key: &str, value: Value<'_>) {
    let (word, addresses) = match &value {
        Value::Word(text) => return put_line(out, "option", key, text),
        Value::Address(address) => ("option", core::slice::from_ref(address)),
        Value::Addresses(addresses) => ("list", *addresses),
        _ => return,
    };
    for address in addresses {
        let mut bytes = [0; 15];
        let mut text = Buf::new(&mut bytes);
        put!(text, "{}", *address);
        put_line(out, word, key, text.as_bytes());
    }
}

#[inline(never)]
fn put_line(out: &mut Buf<'_>, word: &str, key: &str, value: &[u8]) {
    put!(out, "\t{} {} '", word, key);
    out.push(value);
    put!(out, "'\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Ipv4;

    const TEXT: &str = "# top\nconfig a # 'x\n\toption k 1\nc 'b' \"n\"\n\n \
        list k '1 2'\n\tl k 3\n\toption m 'x\nconfig c\n'\n#config d\n";

    fn first(text: &str) -> Section<'_> {
        sections(text.as_bytes()).next().unwrap()
    }

    #[test]
    fn the_sections_joined_are_the_text() {
        for len in 0..=TEXT.len() {
            let mut bytes = [0; 256];
            let mut out = Buf::new(&mut bytes);
            let text = &TEXT[..len];
            sections(text.as_bytes()).for_each(|section| section.copy(&mut out));
            assert_eq!(out.as_bytes(), text.as_bytes());
        }
    }

    #[test]
    fn a_section_has_a_kind_a_name_and_words() {
        let all: std::vec::Vec<_> = sections(TEXT.as_bytes()).collect();
        let names: std::vec::Vec<_> = all.iter().map(|one| (one.kind, one.name)).collect();
        let wanted: [(&[u8], &[u8]); 3] = [(b"", b""), (b"a", b""), (b"b", b"n")];
        assert_eq!(names, wanted);
        assert!(all[1].has("k", b"1"));
        let quoted = first("config a \"x'y\"\n\toption k x'y'\n\toption m 'x\\\"y'\n");
        assert_eq!((quoted.name, quoted.get("k")), (&b""[..], Some(&b""[..])));
        assert_eq!(quoted.get("m"), Some(&b""[..]));
        assert_eq!(all[2].get("m"), Some(&b"x\nconfig c\n"[..]));
        let mut words = std::vec::Vec::new();
        all[2].each_word("k", &mut |word| words.push(word));
        assert_eq!(words, [b"1", b"2", b"3"]);
    }

    #[test]
    fn an_option_is_set_once_and_others_stay() {
        let settings = [("k", Value::Word(b"new")), ("g", Value::Gone)];
        for (old, new) in [
            ("config a", "config a\n\toption k 'new'\n"),
            ("config a\n\n", "config a\n\toption k 'new'\n\n"),
            (
                "config a\n option x 1\n list k 1\n option g 2\n list k 2\n# k\n",
                "config a\n option x 1\n\toption k 'new'\n# k\n",
            ),
            (
                "config a\noption z 1\no \"k\" '\n\n'\n",
                "config a\n\toption k 'new'\n",
            ),
        ] {
            for old in [old, new] {
                let mut bytes = [0; 256];
                let mut out = Buf::new(&mut bytes);
                first(old).set(&mut out, &settings, &["z"]);
                assert_eq!(out.as_bytes(), new.as_bytes(), "{old}");
            }
        }
    }

    #[test]
    fn a_word_is_taken_out_of_lists_of_either_form() {
        let old = "config a\n\tlist p 'x'\n\tlist p 'y'\n\toption q \"x z  y\" # x\n\tlist r 'x'\n";
        let new = "config a\n\tlist p 'y'\n\tlist q 'z'\n\tlist q 'y'\n\tlist r 'x'\n";
        let mut bytes = [0; 256];
        let mut out = Buf::new(&mut bytes);
        first(old).without(&mut out, &["p", "q"], &|word| word == b"x");
        assert_eq!(out.as_bytes(), new.as_bytes());
        out.clear();
        first("config a\n\toption k 1\n\n# about b\n").remove(&mut out);
        assert_eq!(out.as_bytes(), b"# about b\n");
    }

    #[test]
    fn a_section_is_found_and_is_itself_and_no_other() {
        let text = TEXT.as_bytes();
        let find = |kind: &'static [u8]| find(text, &|section| section.kind == kind);
        let (a, b) = (find(b"a").unwrap(), find(b"b").unwrap());
        assert_eq!((a.get("k"), b.name), (Some(&b"1"[..]), &b"n"[..]));
        assert!(find(b"c").is_none());
        assert!(a.is(&sections(text).nth(1).unwrap()) && !a.is(&b));
        assert!(!a.has("k", b"2") && !a.has("m", b"1"));
        let comment = first("config a\n\toption k#x\n");
        assert_eq!(comment.get("k"), Some(&b""[..]));
    }

    #[test]
    fn each_of_several_options_is_written_once() {
        let addresses = [b"10.0.0.1", b"10.0.0.2"].map(|text| Ipv4::parse(text).unwrap());
        let settings = [
            ("k", Value::Word(b"new")),
            ("one", Value::Address(addresses[0])),
            ("all", Value::Addresses(&addresses)),
        ];
        let old = "config a\n\tlist all 1\n\tlist all 2\n\toption k 0\n\toption k 1\n\toption one 2\n\toption one 3\n";
        let mut bytes = [0; 256];
        let mut out = Buf::new(&mut bytes);
        first(old).set(&mut out, &settings, &[]);
        let new = "config a\n\tlist all '10.0.0.1'\n\tlist all '10.0.0.2'\n\toption k 'new'\n\toption one '10.0.0.1'\n";
        assert_eq!(out.as_bytes(), new.as_bytes());
    }

    #[test]
    fn a_new_section_is_set_off_by_an_empty_line() {
        for (before, after) in [
            ("", ""),
            ("a", "a\n\n"),
            ("a\n", "a\n\n"),
            ("a\n\n", "a\n\n"),
        ] {
            let mut bytes = [0; 8];
            let mut out = Buf::new(&mut bytes);
            out.push(before.as_bytes());
            end_section(&mut out);
            assert_eq!(out.as_bytes(), after.as_bytes(), "{before:?}");
        }
    }
}
