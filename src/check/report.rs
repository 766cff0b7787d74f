//! The three forms of a report: the screen, the text and JSON, each as
//! `image_check` has it.

use super::{Outcome, Verdict};
use crate::text::{Buf, json, put};

/// What the import form of ECS asks for.
#[derive(Clone, Copy, Default)]
pub struct Summary<'a> {
    /// The distribution, as the form calls it.
    pub system: &'a [u8],
    /// Its version: what is before the first dot, and what is behind it.
    pub version: (&'a [u8], &'a [u8]),
    /// `x86_64`, `arm64` and so on.
    pub architecture: &'a str,
    /// Bytes of the system disk; 0, if they are not known.
    pub disk: u64,
}

impl Summary<'_> {
    /// Thousands of millions of bytes, as the original counts: 40 GiB are 42 GB.
    const fn gigabytes(&self) -> u64 {
        self.disk / 1_000_000_000
    }
}

/// How many items came to what.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub struct Totals {
    /// As it should be.
    pub ok: u32,
    /// Failed.
    pub failed: u32,
    /// Warnings, and what could not be judged.
    pub warning: u32,
}

impl Totals {
    /// Counts one more.
    pub const fn add(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Ok => self.ok += 1,
            Verdict::Failed => self.failed += 1,
            Verdict::Warning | Verdict::Unknown => self.warning += 1,
        }
    }
}

/// What the original calls a verdict; it has no word for what it cannot judge.
const fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Ok => "OK",
        Verdict::Unknown => "UNKNOWN",
        Verdict::Warning => "WARNING",
        Verdict::Failed => "FAILED",
    }
}

/// The column in which verdicts begin.
const COLUMN: usize = 59;
const RULE: &str = "---------------------------------------\n";

/// The head of the screen.
pub fn screen_head(out: &mut Buf<'_>, summary: &Summary<'_>, is_reporting: bool) {
    put!(out, "Begin check your system......\n");
    if is_reporting {
        put!(out, "The report is generating.\n");
    }
    put!(out, "{}", RULE);
    put!(
        out,
        "The information you need to input when you import your image to Alibaba Cloud website:\n"
    );
    put!(out, "Current system: ");
    facts(out, summary, "");
    put!(out, "{}", RULE);
}

/// The values of the summary, each line but the first behind `before`.
fn facts(out: &mut Buf<'_>, summary: &Summary<'_>, before: &str) {
    match summary.system {
        b"" => put!(out, "unknown"),
        system => out.push(system),
    }
    put!(out, "\n{}Architecture: {}\n", before, summary.architecture);
    put!(out, "{}System disk size: ", before);
    match summary.disk {
        0 => put!(out, "unknown\n"),
        _ => put!(out, "{} GB\n", summary.gigabytes()),
    }
}

/// Colours of a terminal (ECMA-48, SGR).
const fn colour(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Ok => "\x1b[32m",
        Verdict::Unknown | Verdict::Warning => "\x1b[33m",
        Verdict::Failed => "\x1b[31m",
    }
}

/// The line of one item.
pub fn screen_item(out: &mut Buf<'_>, outcome: &Outcome<'_>, in_colour: bool) {
    let start = out.len();
    put!(out, "Check {}", outcome.item.name);
    while out.len() < start + COLUMN {
        put!(out, " ");
    }
    let verdict = outcome.verdict();
    let (before, after) = match in_colour {
        true => (colour(verdict), "\x1b[0m"),
        false => ("", ""),
    };
    let inside = match verdict {
        Verdict::Ok => "  OK  ",
        other => word(other),
    };
    put!(out, "[{}{}{}]\n", before, inside, after);
}

/// What follows the line of an item that is not OK: why, and what to do.
pub fn screen_reason(out: &mut Buf<'_>, outcome: &Outcome<'_>) {
    if outcome.verdict() != Verdict::Ok {
        put!(out, "{}: ", outcome.item.name);
        out.push(outcome.evidence);
        put!(out, ": {}\n", outcome.remedy());
    }
}

/// The end of the screen.
pub fn screen_end(out: &mut Buf<'_>, totals: &Totals) {
    put!(out, "{}", RULE);
    put!(out, "{} items are OK.\n", totals.ok);
    put!(out, "{} items are failed.\n", totals.failed);
    put!(out, "{} items are warning.\n", totals.warning);
    put!(out, "{}", RULE);
}

/// Where the reports are.
pub fn screen_written(out: &mut Buf<'_>, folder: &[u8], name: &[u8]) {
    put!(out, "The report is generated: ");
    out.push(folder);
    put!(out, "/");
    out.push(name);
    put!(out, "\nPlease read the report to check the details.\n");
}

/// The head of the text.
pub fn text_head(out: &mut Buf<'_>, summary: &Summary<'_>) {
    put!(
        out,
        "The information you need to input when you import your image to Alibaba Cloud Website:\n  Current system is: "
    );
    facts(out, summary, "  ");
}

/// What a text says a verdict is.
const fn prefix(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Ok => "Pass",
        Verdict::Unknown => "Unknown",
        Verdict::Warning => "Warning",
        Verdict::Failed => "Failed",
    }
}

fn description(out: &mut Buf<'_>, outcome: &Outcome<'_>) {
    put!(out, "{}: ", prefix(outcome.verdict()));
    out.push(outcome.evidence);
    put!(out, ".");
}

/// One item of the text.
pub fn text_item(out: &mut Buf<'_>, outcome: &Outcome<'_>) {
    put!(out, "  -----------------------------------------\n");
    put!(out, "   Check {}\n   ", outcome.item.name);
    description(out, outcome);
    put!(out, "\n   {}\n", outcome.item.comment);
    if outcome.case != 0 {
        put!(
            out,
            "   What to do: {} (code {})\n",
            outcome.remedy(),
            outcome.code()
        );
    }
}

/// The head of the JSON.
pub fn json_head(out: &mut Buf<'_>, summary: &Summary<'_>, time: &[u8]) {
    let mut bytes = [0; 24];
    let mut size = Buf::new(&mut bytes);
    put!(size, "{}", summary.gigabytes());
    put!(out, "{{");
    for (key, value) in [
        ("platform", summary.system),
        ("os_big_version", summary.version.0),
        ("os_small_version", summary.version.1),
        ("architecture", summary.architecture.as_bytes()),
        ("system_disk_size", size.as_bytes()),
        ("version", env!("CARGO_PKG_VERSION").as_bytes()),
        ("time", time),
    ] {
        json::text(out, key, Some(value));
    }
    json::key(out, "check_items");
    put!(out, "[");
}

/// One item of the JSON: all values are texts, as in the original. What it does not
/// have stands behind what it has.
pub fn json_item(out: &mut Buf<'_>, outcome: &Outcome<'_>, is_first: bool) {
    put!(out, "{}\n{{", if is_first { "" } else { "," });
    let mut bytes = [0; 8];
    let mut code = Buf::new(&mut bytes);
    put!(code, "{}", outcome.code());
    let result = word(outcome.verdict());
    json::text(out, "name", Some(outcome.item.name.as_bytes()));
    json::text(out, "result", Some(result.as_bytes()));
    json::text(out, "error_code", Some(code.as_bytes()));
    let mut bytes = [0; super::EVIDENCE_BYTES + 16];
    let mut text = Buf::new(&mut bytes);
    description(&mut text, outcome);
    json::text(out, "description", Some(text.as_bytes()));
    json::text(out, "comment", Some(outcome.item.comment.as_bytes()));
    json::text(out, "remedy", Some(outcome.remedy().as_bytes()));
    json::text(out, "group", Some(outcome.item.group.name().as_bytes()));
    put!(out, "}}");
}

/// The end of the JSON.
pub fn json_end(out: &mut Buf<'_>) {
    put!(out, "\n]}}\n");
}
