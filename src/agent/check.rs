//! `check`: asks the root what the items want to know, and reports.

mod root;

use super::Exit;
use super::run::Run;
use crate::check::report::{self, Summary, Totals};
use crate::check::{EVIDENCE_BYTES, Finding, Group, ITEMS, Item, Look, Outcome, Verdict};
use crate::error::{Fault, Step};
use crate::log::Level;
use crate::sys::files::NewFile;
use crate::sys::{Access, Stream, Sys};
use crate::text::lines::lines;
use crate::text::{Buf, time};
use crate::value::Path;
use core::ffi::CStr;
use heapless::Vec;
use root::Root;

/// Judges the root, and reports.
#[inline(never)]
pub fn check<S: Sys>(run: &Run<'_, S>) -> Exit {
    let refuse = |fault: Fault| {
        run.log.fault(Level::Error, "check", &[], fault, "");
        Exit::Refused
    };
    let root = Root::new(run);
    let memory = |errno| Fault::System(Step::Memory, errno);
    let mut space = match run.sys.map(ITEMS.len() * EVIDENCE_BYTES) {
        Ok(space) => space,
        Err(errno) => return refuse(memory(errno)),
    };
    let mut outcomes = Vec::<Outcome<'_>, { ITEMS.len() }>::new();
    let chosen = ITEMS.iter().filter(|item| is_wanted(run, item));
    for (item, space) in chosen.zip(space.chunks_exact_mut(EVIDENCE_BYTES)) {
        // There are as many places as items.
        let _ = outcomes.push(judge(&root, item, space));
    }
    let mut names = [0; NAME_BYTES];
    let mut names = Buf::new(&mut names);
    root.name_system(&mut names);
    let mut fields = lines(names.as_bytes()).map(|line| line.text);
    let mut field = || fields.next().unwrap_or_default();
    let summary = Summary {
        system: field(),
        version: (field(), field()),
        architecture: root.architecture(),
        disk: root.disk().map_or(0, |disk| disk.size),
    };
    let mut bytes = [0; TIME_BYTES];
    let mut now = Buf::new(&mut bytes);
    time::write_for_names(&mut now, run.sys.now());
    let report = Report {
        summary,
        outcomes: &outcomes,
        time: now.as_bytes(),
    };
    match report.tell(run) {
        Err(fault) => refuse(fault),
        Ok(()) => exit(run, &outcomes),
    }
}

/// Bytes of what a system is called, with its version.
const NAME_BYTES: usize = 256;
/// Bytes of `2026-11-21_03-10-00`, and of a year that nobody meant.
const TIME_BYTES: usize = 40;
/// Bytes of a usual report; a longer one is given more.
const REPORT_BYTES: usize = 16 * 1024;

/// Without a word, only what the original checks.
fn is_wanted<S: Sys>(run: &Run<'_, S>, item: &Item) -> bool {
    match run.settings.group {
        Some(group) => item.group == group,
        None => run.settings.all || item.group == Group::Image,
    }
}

fn judge<'e>(look: &dyn Look, item: &'static Item, space: &'e mut [u8]) -> Outcome<'e> {
    let mut finding = Finding::new(item, space);
    (item.judge)(look, &mut finding);
    finding.end()
}

fn exit<S: Sys>(run: &Run<'_, S>, outcomes: &[Outcome<'_>]) -> Exit {
    let bad = match run.settings.strict {
        true => Verdict::Unknown,
        false => Verdict::Failed,
    };
    match outcomes.iter().any(|outcome| outcome.verdict() >= bad) {
        true => Exit::Refused,
        false => Exit::Done,
    }
}

/// All that is reported, in whatever form.
struct Report<'a> {
    summary: Summary<'a>,
    outcomes: &'a [Outcome<'a>],
    time: &'a [u8],
}

impl Report<'_> {
    /// Tells it to whoever asked, and writes the files, if that was asked for.
    fn tell<S: Sys>(&self, run: &Run<'_, S>) -> Result<(), Fault> {
        let is_reporting = run.settings.report.is_some();
        let text = match run.settings.json {
            true => run.text(REPORT_BYTES, &|out| self.json(out))?,
            false => {
                let in_colour = run.sys.is_terminal() && !has_no_color(run);
                run.text(REPORT_BYTES, &|out| {
                    self.screen(out, is_reporting, in_colour);
                })?
            }
        };
        run.sys.say(Stream::Output, &text);
        match &run.settings.report {
            Some(folder) => self.write(run, folder),
            None => Ok(()),
        }
    }

    fn screen(&self, out: &mut Buf<'_>, is_reporting: bool, in_colour: bool) {
        report::screen_head(out, &self.summary, is_reporting);
        let mut totals = Totals::default();
        for outcome in self.outcomes {
            totals.add(outcome.verdict());
            report::screen_item(out, outcome, in_colour);
        }
        report::screen_end(out, &totals);
        if !is_reporting {
            self.outcomes
                .iter()
                .for_each(|outcome| report::screen_reason(out, outcome));
        }
    }

    fn json(&self, out: &mut Buf<'_>) {
        report::json_head(out, &self.summary, self.time);
        for (index, outcome) in self.outcomes.iter().enumerate() {
            report::json_item(out, outcome, index == 0);
        }
        report::json_end(out);
    }

    fn text(&self, out: &mut Buf<'_>) {
        report::text_head(out, &self.summary);
        self.outcomes
            .iter()
            .for_each(|outcome| report::text_item(out, outcome));
    }

    /// Writes both files: new ones, so that no link is followed.
    fn write<S: Sys>(&self, run: &Run<'_, S>, folder: &Path) -> Result<(), Fault> {
        let opened = run.sys.open_folder(folder.as_c_str());
        let opened = opened.map_err(|errno| Fault::System(Step::Write, errno))?;
        let text = run.text(REPORT_BYTES, &|out| self.text(out))?;
        let name = Path::new(&[b"image_check_report_", self.time, b".txt"]).ok_or(Fault::Path)?;
        write(run, &opened, name.as_c_str(), &text)?;
        let json = run.text(REPORT_BYTES, &|out| self.json(out))?;
        write(run, &opened, c"image_check_report.json", &json)?;
        if !run.settings.json {
            let end = run.text(REPORT_BYTES, &|out| {
                report::screen_written(out, folder.as_bytes(), name.as_bytes());
            })?;
            run.sys.say(Stream::Output, &end);
        }
        Ok(())
    }
}

fn write<S: Sys>(run: &Run<'_, S>, folder: &S::Fd, name: &CStr, text: &[u8]) -> Result<(), Fault> {
    let new = NewFile::write(run.sys, folder, name, text, None, 0o644)?;
    new.publish(run.sys, folder, name).map_err(|errno| {
        new.discard(run.sys, folder);
        Fault::System(Step::Publish, errno)
    })
}

/// Whether the environment asks for no colours (no-color.org): the variable is there
/// and not empty.
fn has_no_color<S: Sys>(run: &Run<'_, S>) -> bool {
    let file = run
        .sys
        .open_folder(c"/proc/self")
        .and_then(|folder| run.sys.open(&folder, c"environ", Access::Read));
    let Ok(mut space) = run.sys.map(ENVIRONMENT_BYTES) else {
        return false;
    };
    let text = crate::sys::files::read_into(run.sys, file, &mut space);
    text.split(|&byte| byte == 0)
        .filter_map(|variable| variable.strip_prefix(b"NO_COLOR="))
        .any(|value| !value.is_empty())
}

/// Bytes of an environment that are looked at.
const ENVIRONMENT_BYTES: usize = 128 * 1024;
