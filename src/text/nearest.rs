//! The word that was probably meant.

/// Whether a word is mistyped in one place only: two letters of either, at most, where
/// both begin and end in the same way.
///
/// ```
/// use osconf::text::nearest::is_near;
///
/// assert!(is_near(b"aply", b"apply"));
/// assert!(is_near(b"perpare", b"prepare"));
/// assert!(!is_near(b"status", b"apply"));
/// ```
#[must_use]
#[inline(never)]
pub fn is_near(typed: &[u8], word: &[u8]) -> bool {
    let (mut one, mut other) = (typed, word);
    while let ([a, left @ ..], [b, right @ ..]) = (one, other)
        && a == b
    {
        (one, other) = (left, right);
    }
    while let ([left @ .., a], [right @ .., b]) = (one, other)
        && a == b
    {
        (one, other) = (left, right);
    }
    one.len().max(other.len()) <= 2 && other.len() + 2 <= word.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_near_that_has_one_mistake_and_enough_of_the_rest() {
        for (typed, word, near) in [
            ("aply", "apply", true),
            ("applyy", "apply", true),
            ("perpare", "prepare", true),
            ("apqqly", "apply", true),
            ("apqqqly", "apply", false),
            ("staqqqus", "status", false),
            ("", "ab", false),
            ("ac", "ab", false),
            ("ab", "abc", true),
        ] {
            assert_eq!(is_near(typed.as_bytes(), word.as_bytes()), near, "{typed}");
        }
    }
}
