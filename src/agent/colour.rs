//! Colours, for whoever looks at a terminal.

use super::run::Run;
use crate::sys::{Stream, Sys, files};
use crate::text::lines::lines;
use crate::text::split::split;

/// Bytes of an environment that are looked at.
const ENVIRONMENT_BYTES: usize = 128 * 1024;

/// Whether what is asked for goes to a terminal, and nobody wants it without colours.
#[inline(never)]
pub fn is_wanted<S: Sys>(run: &Run<'_, S>) -> bool {
    run.sys.is_terminal() && !has_no_color(run)
}

/// Whether the environment asks for no colours (no-color.org): the variable is there
/// and not empty.
fn has_no_color<S: Sys>(run: &Run<'_, S>) -> bool {
    let file = run.sys.open_file(c"/proc/self/environ");
    let Ok(mut space) = run.sys.map(ENVIRONMENT_BYTES) else {
        return false;
    };
    let text = files::read_into(run.sys, file, &mut space);
    let name = b"NO_COLOR=";
    split(text, 0).any(|variable| variable.starts_with(name) && variable.len() > name.len())
}

/// Shows a diff, with the colours of git's (ECMA-48, SGR).
pub fn say_diff<S: Sys>(run: &Run<'_, S>, diff: &[u8]) {
    for line in lines(diff) {
        let colour = match line.text.first() {
            Some(b'+') => b'2',
            Some(b'-') => b'1',
            Some(b'@') => b'6',
            // As it was.
            _ => b'9',
        };
        for text in [
            &b"\x1b[3"[..],
            &[colour, b'm'],
            line.text,
            b"\x1b[m",
            line.end,
        ] {
            run.sys.say(Stream::Output, text);
        }
    }
}
