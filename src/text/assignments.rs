//! Files that a shell sources: `KEY=value`, one assignment to a line.

use super::lines::{lines, words};
use super::split::split_once;
use super::{Buf, put};
use crate::value::{Ipv4, Mac};

/// What a key is to have.
///
/// Each of these is made of letters, digits, dots, colons and hyphens, so no
/// value needs quotes and none can end an assignment.
#[derive(Clone, Copy)]
pub enum Value<'a> {
    /// The key is to be gone.
    Gone,
    /// A word.
    Word(&'a [u8]),
    /// A word in double quotes, where the distribution writes it so.
    Quoted(&'a [u8]),
    /// An address.
    Address(Ipv4),
    /// Addresses in double quotes, with blanks between.
    Addresses(&'a [Ipv4]),
    /// A MAC address.
    Mac(Mac),
}

/// A key and what it is to have.
pub type Setting<'a> = (&'a str, Value<'a>);

/// Gives each key in `settings` its value, once: where it stands first, or at the
/// end; and takes out the keys in `gone`, where a name with a star at its end is
/// that of all other keys that begin so. All else stays byte for byte, also text
/// within somebody's quotes that looks like one of our keys.
///
/// ```
/// use osconf::text::Buf;
/// use osconf::text::assignments::{Value, get, set};
///
/// let mut bytes = [0; 128];
/// let mut out = Buf::new(&mut bytes);
/// let old = b"# ours\nONBOOT=no\nIPADDR2=10.0.0.2\n";
/// set(&mut out, old, &[("ONBOOT", Value::Word(b"yes"))], &["IPADDR*"]);
/// assert_eq!(out.as_bytes(), b"# ours\nONBOOT=yes\n");
/// assert_eq!(get(out.as_bytes(), "ONBOOT"), Some(&b"yes"[..]));
/// ```
pub fn set(out: &mut Buf<'_>, old: &[u8], settings: &[Setting<'_>], gone: &[&str]) {
    let mut before = 0;
    for assignment in assignments(old) {
        let key = key_of(assignment);
        if let Some((name, value)) = settings.iter().find(|(name, _)| key == name.as_bytes()) {
            if !has(old.get(..before).unwrap_or_default(), key) {
                write(out, name, *value);
            }
        } else if !gone.iter().any(|name| is_meant(name, key)) {
            out.push(assignment);
        }
        before += assignment.len();
    }
    for (name, value) in settings {
        if !has(old, name.as_bytes()) {
            end_line(out);
            write(out, name, *value);
        }
    }
}

/// Whether `name`, which may end with a star, means `key`.
fn is_meant(name: &str, key: &[u8]) -> bool {
    match name.as_bytes() {
        [start @ .., b'*'] => key.starts_with(start),
        name => name == key,
    }
}

/// Copies every assignment that is kept by its key, and all else.
pub fn copy(out: &mut Buf<'_>, old: &[u8], keeps: &mut dyn FnMut(&[u8]) -> bool) {
    for assignment in assignments(old) {
        if keeps(key_of(assignment)) {
            out.push(assignment);
        }
    }
}

/// The value of `key`, without quotes, if it is assigned; the last one.
#[must_use]
pub fn get<'a>(text: &'a [u8], key: &str) -> Option<&'a [u8]> {
    get_bytes(text, key.as_bytes())
}

/// The same for a key that may be an element of an array, `KEY[0]`.
#[must_use]
#[inline(never)]
pub fn get_bytes<'a>(text: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
    let assignment = assignments(text)
        .filter(|assignment| key_of(assignment) == key)
        .last()?;
    let (_, value) = split_once(assignment, b'=')?;
    let value = value.trim_ascii();
    match value {
        [quote @ (b'"' | b'\''), inner @ ..] => Some(split_once(inner, *quote)?.0),
        _ => Some(words(value).next().unwrap_or_default()),
    }
}

/// Makes sure that what comes next begins a line, which is not joined to the one
/// before by a backslash at its end.
pub fn end_line(out: &mut Buf<'_>) {
    if !matches!(out.as_bytes().last(), None | Some(b'\n')) {
        out.push(b"\n");
    }
    if out.as_bytes().ends_with(b"\\\n") {
        out.push(b"\n");
    }
}

fn write(out: &mut Buf<'_>, name: &str, value: Value<'_>) {
    if matches!(value, Value::Gone) {
        return;
    }
    put!(out, "{}=", name);
    match value {
        Value::Gone => {}
        Value::Word(word) => out.push(word),
        Value::Quoted(word) => {
            put!(out, "\"");
            out.push(word);
            put!(out, "\"");
        }
        Value::Address(address) => put!(out, "{}", address),
        Value::Addresses(addresses) => {
            put!(out, "\"");
            list(out, addresses, b" ");
            put!(out, "\"");
        }
        Value::Mac(mac) => put!(out, "{}", mac),
    }
    put!(out, "\n");
}

/// Writes addresses with `separator` between them.
#[inline(never)]
pub fn list(out: &mut Buf<'_>, addresses: &[Ipv4], separator: &[u8]) {
    for (index, address) in addresses.iter().enumerate() {
        if index > 0 {
            out.push(separator);
        }
        put!(out, "{}", *address);
    }
}

#[inline(never)]
fn has(text: &[u8], key: &[u8]) -> bool {
    assignments(text).any(|assignment| key_of(assignment) == key)
}

fn assignments(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = text;
    core::iter::from_fn(move || {
        let (first, after) = split_assignment(rest);
        rest = after;
        (!first.is_empty()).then_some(first)
    })
}

/// What stands before `=`, if that is a name; else nothing.
fn key_of(assignment: &[u8]) -> &[u8] {
    let text = assignment.trim_ascii_start();
    let text = match text.strip_prefix(b"export") {
        Some(rest) if rest.first().is_some_and(u8::is_ascii_whitespace) => rest.trim_ascii_start(),
        _ => text,
    };
    let len = text
        .iter()
        .take_while(|&&byte| byte.is_ascii_alphanumeric() || b"_[]".contains(&byte))
        .count();
    match text.split_at_checked(len) {
        Some((key, [b'=', ..])) => key,
        _ => b"",
    }
}

/// The first line, with those that a quote or a backslash at its end joins to it.
/// A quote that is never closed joins nothing: then the file is broken as it is.
#[inline(never)]
pub(super) fn split_assignment(text: &[u8]) -> (&[u8], &[u8]) {
    let mut quote = None;
    let mut escaped = false;
    let mut last = b'\n';
    let mut comment = false;
    let first_line = lines(text)
        .next()
        .map_or(0, |line| line.text.len() + line.end.len());
    for (index, &byte) in text.iter().enumerate() {
        match (quote, byte) {
            _ if escaped => escaped = false,
            (None, b'\n') => return text.split_at_checked(index + 1).unwrap_or((text, b"")),
            _ if comment => {}
            (None | Some(b'"'), b'\\') => escaped = true,
            (None, b'"' | b'\'') => quote = Some(byte),
            (None, b'#') if last.is_ascii_whitespace() => comment = true,
            (Some(open), _) if open == byte => quote = None,
            _ => {}
        }
        last = byte;
    }
    let end = if quote.is_some() {
        first_line
    } else {
        text.len()
    };
    text.split_at_checked(end).unwrap_or((text, b""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(old: &str, settings: &[Setting<'_>]) -> std::string::String {
        let mut bytes = [0; 512];
        let mut out = Buf::new(&mut bytes);
        set(&mut out, old.as_bytes(), settings, &[]);
        std::string::String::from_utf8_lossy(out.as_bytes()).into_owned()
    }

    #[test]
    fn a_key_is_set_once_where_it_stands_first_or_at_the_end() {
        let one: &[Setting<'_>] = &[("A", Value::Word(b"1"))];
        for (old, new) in [
            ("", "A=1\n"),
            ("A=\n", "A=1\n"),
            ("A=0", "A=1\n"),
            ("B=2", "B=2\nA=1\n"),
            ("# A=0\n  A=0\nB=2\nA=3\n", "# A=0\nA=1\nB=2\n"),
            ("export A=0\nAA=0\n", "A=1\nAA=0\n"),
            ("A=\"x\ny\"\nB=2\n", "A=1\nB=2\n"),
            ("B=\"x\nA=0\ny\"\nA=5\n", "B=\"x\nA=0\ny\"\nA=1\n"),
            ("B=x\\\nA=0\n", "B=x\\\nA=0\nA=1\n"),
            ("# it's\nA=0\n", "# it's\nA=1\n"),
            ("B=x#'\nA=0\n'\nA=5\n", "B=x#'\nA=0\n'\nA=1\n"),
            ("B=it's\nA=0\n", "B=it's\nA=1\n"),
            ("A=0\r\nB=1\r\n", "A=1\nB=1\r\n"),
            // A backslash at the end would join the new line to the last one.
            ("B=x\\", "B=x\\\n\nA=1\n"),
            ("B=x\\\n", "B=x\\\n\nA=1\n"),
        ] {
            assert_eq!(edit(old, one), new, "{old}");
            assert_eq!(edit(new, one), new, "twice: {old}");
        }
    }

    #[test]
    fn a_key_that_is_to_be_gone_is_gone() {
        assert_eq!(edit("A=0\nB=1\nA=2\n", &[("A", Value::Gone)]), "B=1\n");
        assert_eq!(edit("B=1", &[("A", Value::Gone)]), "B=1\n");
        let mut bytes = [0; 64];
        let mut out = Buf::new(&mut bytes);
        set(
            &mut out,
            b"A=0\nB=1\nA=2\nAB=4\nC=5\nC_1=6\nBC=7\n",
            &[("C", Value::Word(b"3"))],
            &["A", "D", "C*"],
        );
        assert_eq!(out.as_bytes(), b"B=1\nAB=4\nC=3\nBC=7\n");
    }

    #[test]
    fn a_value_is_read_without_its_quotes() {
        for (text, value) in [
            ("A=b\n", Some("b")),
            ("A='b c'\n", Some("b c")),
            ("A=1\nA=\"2\"", Some("2")),
            ("# A=1\n", None),
            ("A=\n", Some("")),
            ("exportA=1\nexport A=2\n", Some("2")),
            ("A=1\nexportA=2\nexport.A=3\n", Some("1")),
        ] {
            assert_eq!(
                get(text.as_bytes(), "A"),
                value.map(str::as_bytes),
                "{text}"
            );
        }
    }

    #[test]
    fn addresses_stand_in_one_word_between_quotes() {
        let addresses =
            [b"10.0.0.1", b"10.0.0.2", b"10.0.0.3"].map(|text| Ipv4::parse(text).unwrap());
        for (count, text) in [
            (1, "A=\"10.0.0.1\"\n"),
            (3, "A=\"10.0.0.1 10.0.0.2 10.0.0.3\"\n"),
        ] {
            let value = Value::Addresses(&addresses[..count]);
            assert_eq!(edit("", &[("A", value)]), text);
        }
    }

    #[test]
    fn what_is_copied_is_chosen_by_its_key() {
        let mut bytes = [0; 64];
        let mut out = Buf::new(&mut bytes);
        copy(&mut out, b"A=1\n# B=0\nB=2\nC=3", &mut |key| key != b"B");
        assert_eq!(out.as_bytes(), b"A=1\n# B=0\nC=3");
    }
}
