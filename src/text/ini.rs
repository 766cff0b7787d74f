//! Files of sections: `[section]`, then `key=value`, one to a line, as systemd,
//! NetworkManager and ConnMan read them.

use super::Buf;
use super::assignments::end_line;
use super::lines::lines;
use super::split::split_once;

/// Gives `key` of `section` the value that `write` writes: where it stands first
/// in the first such section, else as the section's first line; a section that is
/// missing is added. All other lines stay.
pub fn set(out: &mut Buf<'_>, old: &[u8], section: &str, key: &str, write: &dyn Fn(&mut Buf<'_>)) {
    let put_line = |out: &mut Buf<'_>| {
        out.push(key.as_bytes());
        out.push(b"=");
        write(out);
        out.push(b"\n");
    };
    let is_there = get(old, section, key).is_some();
    let mut written = false;
    let mut is_inside = false;
    for line in lines(old) {
        if let Some(name) = section_of(line.text) {
            is_inside = name == section.as_bytes();
        } else if is_inside && value_of(line.text, key).is_some() {
            if !written {
                put_line(out);
                written = true;
            }
            continue;
        }
        out.push(line.text);
        out.push(line.end);
        let is_head = is_inside && section_of(line.text).is_some();
        if is_head && !is_there && !written {
            end_line(out);
            put_line(out);
            written = true;
        }
    }
    if !written {
        end_line(out);
        out.push(b"\n[");
        out.push(section.as_bytes());
        out.push(b"]\n");
        put_line(out);
    }
}

/// The value of `key` in `section`: the first one.
#[must_use]
#[inline(never)]
pub fn get<'a>(text: &'a [u8], section: &str, key: &str) -> Option<&'a [u8]> {
    let mut is_inside = false;
    lines(text).find_map(|line| match section_of(line.text) {
        Some(name) => {
            is_inside = name == section.as_bytes();
            None
        }
        None if is_inside => value_of(line.text, key),
        None => None,
    })
}

fn section_of(line: &[u8]) -> Option<&[u8]> {
    line.trim_ascii().strip_prefix(b"[")?.strip_suffix(b"]")
}

fn value_of<'a>(line: &'a [u8], key: &str) -> Option<&'a [u8]> {
    let (name, value) = split_once(line, b'=')?;
    (name.trim_ascii() == key.as_bytes()).then_some(value.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_set_in_its_section_and_nowhere_else() {
        for (old, new) in [
            ("", "\n[a]\nk=1\n"),
            ("[a]", "[a]\nk=1\n"),
            ("[b]\nk=0\n", "[b]\nk=0\n\n[a]\nk=1\n"),
            (
                "k=0\n[a]\nx=2\n[b]\nk=3\n",
                "k=0\n[a]\nk=1\nx=2\n[b]\nk=3\n",
            ),
            ("[a]\nx=2\n k = 0\nk=5\n#k=6\n", "[a]\nx=2\nk=1\n#k=6\n"),
        ] {
            for old in [old, new] {
                let mut bytes = [0; 128];
                let mut out = Buf::new(&mut bytes);
                set(&mut out, old.as_bytes(), "a", "k", &|out| out.push(b"1"));
                assert_eq!(out.as_bytes(), new.as_bytes(), "{old}");
            }
            assert_eq!(get(new.as_bytes(), "a", "k"), Some(&b"1"[..]));
        }
    }
}
