//! Files of lines of which ours must be the only ones of their kind.

use crate::text::Buf;
use crate::text::assignments::end_line;
use crate::text::lines::{lines, words};

/// Hands each line that is wanted, without its end.
pub type Each<'e> = dyn FnMut(&[u8]) + 'e;

/// Has all of `wanted` in the file, and no line that `is_rival`, which is told the
/// line. If it is so already, nothing changes; else rivals are taken out, and ours
/// come at the end, which is where the last value counts.
#[inline(never)]
pub fn set(
    out: &mut Buf<'_>,
    old: &[u8],
    wanted: &dyn Fn(&mut Each<'_>),
    is_rival: &dyn Fn(&[u8]) -> bool,
) {
    let is_wanted = |text: &[u8]| {
        let mut found = false;
        wanted(&mut |line| found |= is_same(line, text));
        found
    };
    let mut is_so = lines(old).all(|line| !is_rival(line.text) || is_wanted(line.text));
    wanted(&mut |line| is_so &= lines(old).any(|old| is_same(line, old.text)));
    if is_so {
        return out.push(old);
    }
    for line in lines(old) {
        if !is_rival(line.text) && !is_wanted(line.text) {
            out.push(line.text);
            out.push(line.end);
        }
    }
    end_line(out);
    wanted(&mut |line| {
        out.push(line);
        out.push(b"\n");
    });
}

/// Whether two lines have the same words.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    words(one).eq(words(other))
}
