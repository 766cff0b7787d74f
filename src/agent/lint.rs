//! `lint`: an os.conf judged as a compiler judges a program.

use super::Exit;
use super::run::Run;
use crate::conf::{Finding, Findings, Item, Key, Lexer, Position, Severity, parse};
use crate::limits::CONF_BYTES;
use crate::log::Level;
use crate::sys::{Sys, files};
use crate::text::lines::lines;
use crate::text::put;
use crate::value::Path;
use core::ffi::CStr;

/// Columns of a quoted line. A list of routes is longer, and then the part around
/// the fault is shown.
const COLUMNS: usize = 96;

/// Judges `file`: each finding in one line, then the line that it is about, with
/// a caret under the place. The password is not shown.
#[inline(never)]
pub fn lint<S: Sys>(run: &Run<'_, S>, file: &CStr) -> Exit {
    let Some(path) = Path::new(&[file.to_bytes()]) else {
        run.log
            .error("lint", &|out| put!(out, "the file's path is too long"));
        return Exit::Usage;
    };
    let content = run
        .sys
        .open_folder(path.folder().as_c_str())
        .map_err(|errno| crate::error::Fault::System(crate::error::Step::Read, errno))
        .and_then(|folder| files::read_file(run.sys, &folder, path.name()));
    let content = match content {
        Ok(file) => file.content,
        Err(fault) => {
            run.log
                .fault(Level::Error, "lint", &[file.to_bytes()], fault, "");
            return Exit::Refused;
        }
    };
    if content.len() > CONF_BYTES {
        run.print(&|out| {
            out.push(file.to_bytes());
            put!(
                out,
                ": error: {} bytes: the limit is {}",
                content.len(),
                CONF_BYTES
            );
        });
        return Exit::Invalid;
    }
    let mut findings = Findings::default();
    drop(parse(&content, &mut findings));
    for finding in findings.iter() {
        show(run, file, &content, finding);
    }
    if findings.left_out() > 0 {
        run.print(&|out| put!(out, "{} more", findings.left_out()));
    }
    if findings.has_errors() {
        Exit::Invalid
    } else {
        Exit::Done
    }
}

fn show<S: Sys>(run: &Run<'_, S>, file: &CStr, source: &[u8], finding: &Finding) {
    let at = Position::of(finding.span.start, source);
    run.print(&|out| {
        out.push(file.to_bytes());
        put!(
            out,
            ":{}:{}: {}: ",
            at.line,
            at.column,
            match finding.fault.severity() {
                Severity::Error => "error",
                Severity::Warning => "warning",
            }
        );
        finding.fault.describe(out);
    });
    let rest = source.get(at.line_start..).unwrap_or_default();
    let line = lines(rest).next().map_or(&b""[..], |line| line.text);
    if line.is_empty() {
        return;
    }
    // The window around the fault.
    let from = at.column.saturating_sub(COLUMNS / 2);
    let from = if line.len() <= COLUMNS {
        0
    } else {
        from.min(line.len() - COLUMNS)
    };
    let to = line.len().min(from + COLUMNS);
    let secret_from = secret_from(source, at.line_start, line);
    run.print(&|out| {
        put!(out, "  ");
        for index in from..to {
            let byte = line.get(index).copied().unwrap_or_default();
            let is_shown = index < secret_from || byte.is_ascii_whitespace();
            out.push(&[match byte {
                _ if !is_shown => b'*',
                b' '..=b'~' => byte,
                b'\t' => b' ',
                _ => b'?',
            }]);
        }
    });
    let width = (finding.span.end - finding.span.start).max(1);
    run.print(&|out| {
        put!(out, "  ");
        (from + 1..at.column).for_each(|_| put!(out, " "));
        (0..width.min((to + 2).saturating_sub(at.column)).max(1)).for_each(|_| put!(out, "^"));
    });
}

/// From which column on a line may hold the password: the value of `password`,
/// but also of a key that is not known, and a line that is no assignment, since
/// both may be a password in the wrong place.
fn secret_from(source: &[u8], line_start: usize, line: &[u8]) -> usize {
    let line_end = line_start + line.len();
    for item in Lexer::new(source) {
        let (key, value) = match item {
            Item::Assignment { key, value, .. } => (key, value),
            Item::Broken(_, span) if span.start <= line_end && span.end >= line_start => return 0,
            Item::Broken(..) => continue,
        };
        if key.start <= line_end && value.end >= line_start {
            let is_public = !matches!(Key::parse(key.text(source)), None | Some(Key::Password));
            // A quoted value that begins on a line before has no key on this one.
            return if is_public {
                line.len()
            } else {
                value.start.saturating_sub(line_start)
            };
        }
    }
    line.len()
}
