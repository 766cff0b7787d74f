//! What was noticed in os.conf, and where.

use super::{Fault, Severity, Span};
use crate::part::Part;
use heapless::Vec;

/// Findings that are kept. A file with more is beyond reading one by one, and the
/// number of those left out is told.
const KEPT: usize = 64;

/// One thing noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What.
    pub fault: Fault,
    /// Where in os.conf.
    pub span: Span,
    /// Which part it concerns; none, if it concerns the file or an unknown key.
    pub part: Option<Part>,
}

/// All that was noticed, in the order of the file.
#[derive(Default)]
pub struct Findings {
    kept: Vec<Finding, KEPT>,
    left_out: usize,
    errors: bool,
}

impl Findings {
    pub(super) fn add(&mut self, fault: Fault, span: Span, part: Option<Part>) {
        self.errors |= fault.severity() == Severity::Error;
        let place = self
            .kept
            .iter()
            .position(|other| other.span.start > span.start)
            .unwrap_or(self.kept.len());
        let finding = Finding { fault, span, part };
        if self.kept.is_full() {
            self.left_out += 1;
        } else {
            // Cannot fail: there is room, and `place` is at most the length.
            let _ = self.kept.insert(place, finding);
        }
    }

    /// Those that were kept.
    pub fn iter(&self) -> impl Iterator<Item = &Finding> {
        self.kept.iter()
    }

    /// How many there were besides.
    #[must_use]
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    /// Whether any of them is an error.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.errors
    }
}

/// A place in a text file, as editors count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// From 1.
    pub line: usize,
    /// From 1, in bytes.
    pub column: usize,
    /// The offset at which the line begins.
    pub line_start: usize,
}

impl Position {
    /// The place of the byte at `offset`.
    #[must_use]
    pub fn of(offset: usize, source: &[u8]) -> Self {
        let before = source.get(..offset).unwrap_or(source);
        let line_start = before
            .iter()
            .rposition(|&byte| byte == b'\n')
            .map_or(0, |index| index + 1);
        Self {
            line: before.iter().filter(|&&byte| byte == b'\n').count() + 1,
            column: before.len() - line_start + 1,
            line_start,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_from_one() {
        for (offset, line, column) in [(0, 1, 1), (1, 1, 2), (3, 2, 1), (4, 2, 2), (99, 2, 3)] {
            let position = Position::of(offset, b"ab\ncd");
            assert_eq!((position.line, position.column), (line, column), "{offset}");
        }
    }

    #[test]
    fn findings_come_in_the_order_of_the_file_and_the_rest_is_counted() {
        let mut findings = Findings::default();
        for start in (0..KEPT + 2).rev() {
            findings.add(Fault::UnknownKey, Span::new(start, start), None);
        }
        assert!(
            findings
                .iter()
                .is_sorted_by_key(|finding| finding.span.start)
        );
        assert_eq!(findings.left_out(), 2);
        assert!(!findings.has_errors());
        for fault in [Fault::Nul, Fault::UnknownKey] {
            findings.add(fault, Span::default(), None);
            assert!(findings.has_errors());
        }
    }
}
