//! Our part of a file that others write in, too: whole lines between two marks,
//! which are comments to whoever reads the file.

use super::Buf;
use super::assignments::end_line;
use super::lines::{before, lines};

/// The line before our part.
pub const BEGIN: &[u8] = b"# osconf begin: from os.conf, written anew with each";
/// The line after it.
pub const END: &[u8] = b"# osconf end";

/// Hands the pieces of `text` to `each`, in order, and with each whether it is
/// ours. Where the end mark is missing, the first mark alone is known to be ours.
pub fn pieces<'t>(text: &'t [u8], each: &mut dyn FnMut(&'t [u8], bool)) {
    let mut start = text;
    let mut all = lines(text);
    loop {
        let at = all.rest;
        match all.next() {
            Some(line) if line.text != BEGIN => {}
            Some(_) => {
                each(before(start, at), false);
                let mut inside = all.clone();
                if inside.any(|line| line.text == END) {
                    each(before(all.rest, inside.rest), true);
                    all = inside;
                }
                start = all.rest;
            }
            None => return each(start, false),
        }
    }
}

/// Writes the first mark, in a line of its own after an empty one.
pub fn begin(out: &mut Buf<'_>) {
    end_line(out);
    if !out.is_empty() && !out.as_bytes().ends_with(b"\n\n") {
        out.push(b"\n");
    }
    out.push(BEGIN);
    out.push(b"\n");
}

/// Writes the second mark.
pub fn end(out: &mut Buf<'_>) {
    out.push(END);
    out.push(b"\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;

    fn split(text: &str) -> String {
        let text = text.replace(
            '<',
            "# osconf begin: from os.conf, written anew with each\n",
        );
        let text = text.replace('>', "# osconf end\n");
        let mut all = String::new();
        pieces(text.as_bytes(), &mut |piece, is_ours| {
            let marks = if is_ours { ['{', '}'] } else { ['[', ']'] };
            all.push(marks[0]);
            all += &String::from_utf8_lossy(piece);
            all.push(marks[1]);
        });
        all
    }

    #[test]
    fn our_part_ends_at_its_mark_and_without_one_at_once() {
        for (text, pieces) in [
            ("", "[]"),
            ("a\nb", "[a\nb]"),
            ("a\n<b\n>c\n", "[a\n]{b\n# osconf end\n}[c\n]"),
            ("<>", "[]{# osconf end\n}[]"),
            ("a\n<b\nc", "[a\n][b\nc]"),
            (
                "<b\n>c\n<d\n>",
                "[]{b\n# osconf end\n}[c\n]{d\n# osconf end\n}[]",
            ),
            (">a\n", "[# osconf end\na\n]"),
        ] {
            assert_eq!(split(text), pieces, "{text}");
        }
    }

    #[test]
    fn our_part_begins_in_a_line_of_its_own_after_an_empty_one() {
        for (before, gap) in [("", ""), ("a", "\n\n"), ("a\n", "\n"), ("a\n\n", "")] {
            let mut bytes = [0; 128];
            let mut out = Buf::new(&mut bytes);
            out.push(before.as_bytes());
            begin(&mut out);
            end(&mut out);
            let wanted = std::format!(
                "{before}{gap}# osconf begin: from os.conf, written anew with each\n# osconf end\n"
            );
            assert_eq!(out.as_bytes(), wanted.as_bytes(), "{before:?}");
        }
    }
}
