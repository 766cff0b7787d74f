//! Writes JSON (RFC 8259), which is not worth a dependency of xtask.

use core::fmt::{Display, Formatter, Result, Write};

/// A value; the members of an object stay in their order.
pub(super) enum Json {
    Number(u32),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(&'static str, Json)>),
}

impl Json {
    pub(super) fn text(text: impl AsRef<str>) -> Self {
        Self::Text(text.as_ref().to_owned())
    }

    fn write(&self, out: &mut Formatter<'_>, depth: usize) -> Result {
        match self {
            Self::Number(number) => write!(out, "{number}"),
            Self::Text(text) => quoted(out, text),
            Self::List(values) => {
                let values = values.iter().map(|value| (None, value));
                block(out, depth, ('[', ']'), values)
            }
            Self::Object(members) => {
                let members = members.iter().map(|(name, value)| (Some(*name), value));
                block(out, depth, ('{', '}'), members)
            }
        }
    }
}

impl Display for Json {
    fn fmt(&self, out: &mut Formatter<'_>) -> Result {
        self.write(out, 0)?;
        out.write_char('\n')
    }
}

impl FromIterator<Json> for Json {
    fn from_iter<I: IntoIterator<Item = Self>>(values: I) -> Self {
        Self::List(values.into_iter().collect())
    }
}

/// Values between brackets, each on a line of its own.
fn block<'a>(
    out: &mut Formatter<'_>,
    depth: usize,
    (open, close): (char, char),
    values: impl Iterator<Item = (Option<&'static str>, &'a Json)>,
) -> Result {
    out.write_char(open)?;
    let mut is_empty = true;
    for (name, value) in values {
        out.write_str(if is_empty { "\n" } else { ",\n" })?;
        is_empty = false;
        write!(out, "{:1$}", "", (depth + 1) * 2)?;
        if let Some(name) = name {
            quoted(out, name)?;
            out.write_str(": ")?;
        }
        value.write(out, depth + 1)?;
    }
    if !is_empty {
        write!(out, "\n{:1$}", "", depth * 2)?;
    }
    out.write_char(close)
}

fn quoted(out: &mut Formatter<'_>, text: &str) -> Result {
    out.write_char('"')?;
    for c in text.chars() {
        match c {
            '"' | '\\' => write!(out, "\\{c}")?,
            c if c < ' ' => write!(out, "\\u{:04x}", u32::from(c))?,
            c => out.write_char(c)?,
        }
    }
    out.write_char('"')
}
