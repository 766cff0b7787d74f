//! What must be true of osconf whatever it is given: laws as functions of bytes,
//! which panic if they are broken.
//!
//! A fuzzer looks for bytes that break them (`fuzz_targets/`, with a nightly
//! compiler), and `tests/tests/corpus.rs` holds the bytes that are kept in `corpus/`
//! against them in every test run, with the ordinary compiler.
//!
//! What osconf writes is read by readers of our own ([`readers`]), made from the
//! published descriptions of each format and from nothing in `src/`.

mod account;
mod conf;
mod diff;
mod disks;
mod editors;
mod model;
mod network;
mod olds;
mod readers;
mod words;

use core::cell::RefCell;
use core::fmt;
use osconf::text::Buf;

/// Takes any bytes, and panics if a law is broken by them.
pub type Law = fn(&[u8]);

/// Every target, by the name of its folder in `corpus/`.
pub static TARGETS: [(&str, Law); 7] = [
    ("account", account::law),
    ("conf", conf::law),
    ("diff", diff::law),
    ("disks", disks::law),
    ("editors", editors::law),
    ("network", network::law),
    ("words", words::law),
];

/// Holds `data` against the laws of the target of this name.
///
/// # Panics
/// If one of them is broken.
pub fn run(name: &str, data: &[u8]) {
    let target = TARGETS.iter().find(|(target, _)| *target == name);
    target.expect("a target of this name").1(data);
}

/// An editor that is wrong on purpose, for the negative control: it forgets the
/// newline at the end of a file. Some input must show that.
///
/// # Panics
/// If `data` is one of those.
pub fn broken_editor(data: &[u8]) {
    editors::lines_law(data, |out, old| {
        out.push(old.strip_suffix(b"\n").unwrap_or(old));
    });
}

/// What `write` writes; there is room for anything that the program would write.
fn written(write: impl FnOnce(&mut Buf<'_>)) -> Vec<u8> {
    // Made once: to fill it with zeros takes longer than most editors do.
    thread_local!(static BYTES: RefCell<Vec<u8>> = RefCell::new(vec![0; ROOM]));
    BYTES.with_borrow_mut(|bytes| {
        let mut out = Buf::new(bytes);
        write(&mut out);
        assert!(!out.overflowed(), "more was written than there is room for");
        out.as_bytes().to_vec()
    })
}

/// Far more than any file here becomes.
const ROOM: usize = 64 * 1024;

/// Bytes that are shown as text, but only where they must be: to escape those of each
/// input took a fifth of the time.
#[derive(PartialEq, Eq)]
struct Shown<'a>(&'a [u8]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.escape_ascii().fmt(f)
    }
}

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

fn show(bytes: &[u8]) -> Shown<'_> {
    Shown(bytes)
}

/// Whether a quote is never closed. Neither a shell nor OpenWrt's uci reads such a file;
/// which of its lines are within quotes changes with each quote in what is replaced, and
/// only by chance is there a new text in which a reader finds what was asked for.
fn is_broken(text: &[u8]) -> bool {
    let (mut quote, mut escaped, mut comment, mut last) = (None, false, false, b'\n');
    for &byte in text {
        match (quote, byte) {
            _ if escaped => escaped = false,
            (None, b'\n') => comment = false,
            _ if comment => {}
            (None | Some(b'"'), b'\\') => escaped = true,
            (None, b'"' | b'\'') => quote = Some(byte),
            (None, b'#') if last.is_ascii_whitespace() => comment = true,
            (Some(open), _) if open == byte => quote = None,
            _ => {}
        }
        last = byte;
    }
    quote.is_some()
}

/// The lines of `text`, each with its newline.
fn lines_of(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split_inclusive(|byte| *byte == b'\n')
}

/// Panics unless `parts` are all in `whole`, in this order, and whole ones.
fn assert_in_order(parts: &[&[u8]], whole: &[u8]) {
    let mut lines = lines_of(whole);
    for part in parts {
        let is_it = |line: &[u8]| line.trim_ascii_end() == part.trim_ascii_end();
        assert!(
            lines.any(is_it),
            "lost: `{}` in `{}`",
            show(part),
            show(whole)
        );
    }
}
