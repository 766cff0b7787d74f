//! Two texts as a unified diff, the form that patch(1) reads.

use super::lines::lines;
use super::{Buf, put};

/// Lines shown around a change, as diff(1) shows them.
const CONTEXT: usize = 3;
/// How far ahead the next common line is looked for. Configuration files change
/// in places far smaller than this.
const WINDOW: usize = 128;

/// Writes the changes from `old` to `new` as hunks, each line as `show` writes
/// it; nothing, if there are none. The caller writes the two lines of the head.
///
/// It is right for any texts, and small where they differ little: after each
/// difference the nearest common line within the window is found again.
///
/// ```
/// use osconf::text::{Buf, diff};
///
/// let mut bytes = [0; 128];
/// let mut out = Buf::new(&mut bytes);
/// diff::unified(&mut out, b"a\nb\n", b"a\nc\n", |out, line| out.push(line));
/// assert_eq!(out.as_bytes(), b"@@ -1,2 +1,2 @@\n a\n-b\n+c\n");
/// ```
pub fn unified(out: &mut Buf<'_>, old: &[u8], new: &[u8], show: fn(&mut Buf<'_>, &[u8])) {
    let mut walk = Walk {
        old,
        new,
        old_line: 1,
        new_line: 1,
    };
    loop {
        let mut step = walk.step();
        if step.is_last() {
            break;
        }
        let lead = step.common.min(CONTEXT);
        walk.pass(Step::common(step.common - lead));
        let start = walk;
        step.common = lead;
        // A difference that is near belongs to the same hunk.
        while !step.is_last() && step.common <= 2 * CONTEXT {
            walk.pass(step);
            step = walk.step();
        }
        walk.pass(Step::common(step.common.min(CONTEXT)));
        write_hunk(out, start, &walk, show);
    }
}

/// Writes the hunk from `from` up to `end`.
fn write_hunk(
    out: &mut Buf<'_>,
    mut from: Walk<'_>,
    end: &Walk<'_>,
    show: fn(&mut Buf<'_>, &[u8]),
) {
    let old_count = end.old_line - from.old_line;
    let new_count = end.new_line - from.new_line;
    // diff(1) names the line before, where a hunk has no lines on one side.
    put!(
        out,
        "@@ -{},{} +{},{} @@\n",
        from.old_line - usize::from(old_count == 0),
        old_count,
        from.new_line - usize::from(new_count == 0),
        new_count
    );
    while from.old_line < end.old_line || from.new_line < end.new_line {
        let mut step = from.step();
        step.common = step.common.min(end.old_line - from.old_line);
        write_lines(out, b" ", from.old, step.common, show);
        from.pass(Step::common(step.common));
        step.common = 0;
        // The context at the end is followed by a difference of another hunk.
        if from.old_line + step.removed > end.old_line || from.new_line + step.added > end.new_line
        {
            break;
        }
        write_lines(out, b"-", from.old, step.removed, show);
        write_lines(out, b"+", from.new, step.added, show);
        from.pass(step);
    }
}

fn write_lines(
    out: &mut Buf<'_>,
    sign: &[u8],
    text: &[u8],
    count: usize,
    show: fn(&mut Buf<'_>, &[u8]),
) {
    for line in lines(text).take(count) {
        out.push(sign);
        show(out, line.text);
        match line.end {
            b"" => out.push(b"\n\\ No newline at end of file\n"),
            end => out.push(end),
        }
    }
}

/// A stretch of lines: how many are common, then how many old ones give way to
/// how many new ones.
#[derive(Clone, Copy)]
struct Step {
    common: usize,
    removed: usize,
    added: usize,
}

impl Step {
    const fn common(common: usize) -> Self {
        Self {
            common,
            removed: 0,
            added: 0,
        }
    }

    const fn is_last(&self) -> bool {
        self.removed == 0 && self.added == 0
    }
}

/// A place in both texts.
#[derive(Clone, Copy)]
struct Walk<'a> {
    old: &'a [u8],
    new: &'a [u8],
    old_line: usize,
    new_line: usize,
}

impl Walk<'_> {
    /// What comes next: common lines, then a difference up to the next common line.
    fn step(&self) -> Step {
        let mut common = 0;
        let (mut old, mut new) = (lines(self.old), lines(self.new));
        while let (Some(a), Some(b)) = (old.next(), new.next())
            && a == b
        {
            common += 1;
        }
        let (removed, added) = difference(skipped(self.old, common), skipped(self.new, common));
        Step {
            common,
            removed,
            added,
        }
    }

    fn pass(&mut self, step: Step) {
        self.old = skipped(self.old, step.common + step.removed);
        self.old_line += step.common + step.removed;
        self.new = skipped(self.new, step.common + step.added);
        self.new_line += step.common + step.added;
    }
}

/// How many lines to leave on each side so that both go on with the same line:
/// as few as possible together, within the window. If there is none, everything.
fn difference(old: &[u8], new: &[u8]) -> (usize, usize) {
    let mut nearest = (lines(old).count(), lines(new).count());
    let mut distance = usize::MAX;
    for (removed, a) in lines(old).take(WINDOW).enumerate() {
        for (added, b) in lines(new).take(WINDOW).enumerate() {
            if a == b && removed + added < distance {
                nearest = (removed, added);
                distance = removed + added;
            }
        }
    }
    nearest
}

/// `text` without its first `count` lines.
fn skipped(text: &[u8], count: usize) -> &[u8] {
    let mut lines = lines(text);
    for _ in 0..count {
        lines.next();
    }
    lines.rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;
    use std::string::String;
    use std::vec::Vec as List;

    fn diff(old: &str, new: &str) -> String {
        let mut bytes = std::vec![0; 1 << 20];
        let mut out = Buf::new(&mut bytes);
        unified(&mut out, old.as_bytes(), new.as_bytes(), |out, line| {
            out.push(line);
        });
        assert!(!out.overflowed());
        String::from_utf8_lossy(out.as_bytes()).into_owned()
    }

    /// Applies a diff as patch(1) would, strictly.
    fn patch(old: &str, diff: &str) -> String {
        let mut source = old.split_inclusive('\n');
        let mut taken = 0;
        let mut new = String::new();
        let mut lines = diff.split_inclusive('\n').peekable();
        while let Some(line) = lines.next() {
            let no_end = lines.peek().is_some_and(|next| next.starts_with('\\'));
            let text = |line: &str| {
                if no_end {
                    line[1..].trim_end_matches('\n').into()
                } else {
                    String::from(&line[1..])
                }
            };
            match line.as_bytes()[0] {
                b'@' => {
                    let head: List<usize> = line
                        .split(['-', ',', ' ', '+', '@'])
                        .filter_map(|word| word.parse().ok())
                        .collect();
                    let first = head[0] + usize::from(head[1] == 0);
                    while taken + 1 < first {
                        new += source.next().unwrap();
                        taken += 1;
                    }
                }
                b' ' => {
                    assert_eq!(source.next().unwrap(), text(line));
                    taken += 1;
                    new += &text(line);
                }
                b'-' => {
                    assert_eq!(source.next().unwrap(), text(line));
                    taken += 1;
                }
                b'+' => new += &text(line),
                b'\\' => {}
                _ => panic!("{line}"),
            }
        }
        new.extend(source);
        new
    }

    #[test]
    fn a_diff_has_three_lines_of_context() {
        assert_eq!(
            diff("1\n2\n3\n4\n5\n6\n7\n8\n", "1\n2\n3\n4\nx\n6\n7\n8\n"),
            "@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+x\n 6\n 7\n 8\n"
        );
        assert_eq!(diff("", "a\n"), "@@ -0,0 +1,1 @@\n+a\n");
        assert_eq!(
            diff("a", "a\n"),
            "@@ -1,1 +1,1 @@\n-a\n\\ No newline at end of file\n+a\n"
        );
        assert_eq!(diff("a\n", "a\n"), "");
    }

    #[test]
    fn differences_are_in_one_hunk_where_their_contexts_meet() {
        for (between, hunks) in [(6, 1), (7, 2)] {
            let common: String = (0..between).map(|line| format!("{line}\n")).collect();
            let diff = diff(&format!("a\n{common}b\n"), &format!("x\n{common}y\n"));
            assert_eq!(diff.matches("@@ -").count(), hunks, "{diff}");
        }
    }

    #[test]
    fn as_few_lines_differ_as_possible() {
        for (old, new, lines) in [
            ("1\n2\n3\n", "1\n3\n", " 1\n-2\n 3\n"),
            ("1\n3\n", "1\n2\n3\n", " 1\n+2\n 3\n"),
            ("a\nb\nc\n", "c\na\nb\n", "+c\n a\n b\n-c\n"),
            ("a\nb\nc\n", "b\nc\na\n", "-a\n b\n c\n+a\n"),
            ("a\nb\n", "b\na\n", "+b\n a\n-b\n"),
            ("a\nb\nc\nd\n", "x\ny\nd\n", "-a\n-b\n-c\n+x\n+y\n d\n"),
        ] {
            let diff = diff(old, new);
            assert!(diff.ends_with(&format!("@@\n{lines}")), "{diff}");
        }
    }

    #[test]
    fn a_diff_applied_gives_the_new_text() {
        // A small generator (xorshift) is enough, and the seed is in the source.
        let mut state = 88_172_645_463_325_252_u64;
        let mut random = |below: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % below
        };
        for round in 0..if cfg!(miri) { 30 } else { 3000 } {
            let count = random(if round % 10 == 0 { 400 } else { 20 });
            let old: List<String> = (0..count).map(|_| format!("{}\n", random(6))).collect();
            let mut new = old.clone();
            for _ in 0..random(5) {
                let at = random(new.len() as u64 + 1) as usize;
                match random(3) {
                    0 if at < new.len() => drop(new.remove(at)),
                    1 if at < new.len() => new[at] = format!("{}\n", random(9)),
                    _ => new.insert(at, format!("{}\n", random(9))),
                }
            }
            let cut = |text: String| {
                if random(4) == 0 {
                    text.trim_end().into()
                } else {
                    text
                }
            };
            let mut pair = [old.concat(), new.concat()].map(cut).into_iter();
            let (old, new) = (pair.next().unwrap(), pair.next().unwrap());
            let diff = diff(&old, &new);
            assert_eq!(patch(&old, &diff), new, "{old:?} {diff}");
        }
    }
}
