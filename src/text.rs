//! Text without a heap: buffers, lines and editors of common shapes.

pub mod assignments;
pub mod block;
mod buf;
pub mod diff;
pub mod ini;
pub mod json;
pub mod lines;
#[cfg(feature = "guide")]
pub mod nearest;
pub mod split;
pub mod time;
pub mod uci;
pub mod yaml;

pub use buf::Buf;
pub(crate) use buf::put;

/// Whether `word`, which has at least one byte, is anywhere in `text`.
#[must_use]
#[inline(never)]
pub fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len().max(1)).any(|part| part == word)
}
