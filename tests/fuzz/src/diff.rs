//! The diff that `plan` shows: a patch program that knows nothing of osconf makes
//! the new text of the old one by it.

use super::{lines_of, show, written};
use osconf::text::{Buf, diff};

/// Between the two texts of an input.
const BETWEEN: &[u8] = b"\n====\n";

/// The first text and the second one.
pub fn law(data: &[u8]) {
    let at = data.windows(BETWEEN.len()).position(|part| part == BETWEEN);
    let (old, new) = match at {
        Some(at) => (&data[..at], &data[at + BETWEEN.len()..]),
        None => data.split_at(data.len() / 2),
    };
    check(old, new);
    check(new, old);
}

fn check(old: &[u8], new: &[u8]) {
    let text = |out: &mut Buf<'_>, line: &[u8]| out.push(line);
    let patch = written(|out| diff::unified(out, old, new, text));
    assert_eq!(patch.is_empty(), old == new, "{}", show(&patch));
    let patched = apply(old, &patch);
    assert!(
        patched.as_deref() == Some(new),
        "`{}` becomes {:?} by `{}`",
        show(old),
        patched.as_deref().map(show),
        show(&patch)
    );
}

/// Applies a unified diff without a head, strictly; none, if it does not fit.
fn apply(old: &[u8], patch: &[u8]) -> Option<Vec<u8>> {
    let old: Vec<&[u8]> = lines_of(old).collect();
    let mut new = Vec::new();
    let mut at = 0;
    let mut lines = lines_of(patch).peekable();
    while let Some(head) = lines.next() {
        let head = core::str::from_utf8(head).ok()?;
        let head = head.strip_prefix("@@ -")?.strip_suffix(" @@\n")?;
        let (from, to) = head.split_once(" +")?;
        let ((start, mut gone), (_, mut come)) = (pair(from)?, pair(to)?);
        // A hunk without old lines stands behind the line that it names.
        let start = if gone == 0 {
            start
        } else {
            start.checked_sub(1)?
        };
        while at < start {
            new.extend_from_slice(old.get(at)?);
            at += 1;
        }
        while gone > 0 || come > 0 {
            let line = lines.next()?;
            let mut text = line.get(1..)?;
            if lines.peek() == Some(&&b"\\ No newline at end of file\n"[..]) {
                lines.next();
                text = text.strip_suffix(b"\n")?;
            }
            let sign = line.first()?;
            if matches!(sign, b' ' | b'-') {
                if *old.get(at)? != text {
                    return None;
                }
                at += 1;
                gone = usize::checked_sub(gone, 1)?;
            }
            if matches!(sign, b' ' | b'+') {
                new.extend_from_slice(text);
                come = usize::checked_sub(come, 1)?;
            }
        }
    }
    old.get(at..)?
        .iter()
        .for_each(|line| new.extend_from_slice(line));
    Some(new)
}

/// `START,COUNT`.
fn pair(text: &str) -> Option<(usize, usize)> {
    let (start, count) = text.split_once(',')?;
    Some((start.parse().ok()?, count.parse().ok()?))
}
