//! `check`: asks the root what the items want to know, and reports.

mod disk;
mod image;
pub(super) mod root;

use super::run::Run;
use super::{Exit, colour};
use crate::check::report::{self, Summary, Totals};
use crate::check::{EVIDENCE_BYTES, Finding, Group, ITEMS, Item, Look as _, Outcome, Verdict};
use crate::error::{Fault, Step};
use crate::log::Level;
use crate::sys::files::NewFile;
use crate::sys::{Stream, Sys};
use crate::text::lines::lines;
use crate::text::{Buf, time};
use crate::value::Path;
use core::ffi::CStr;
use heapless::Vec;
use root::Root;

/// Judges the root, or that on an image, and reports.
#[inline(never)]
pub fn check<S: Sys>(run: &Run<'_, S>) -> Exit {
    let Some(path) = &run.settings.check.image else {
        return check_root(run, Root::new(run));
    };
    let Some(image) = image::open(run, path.as_c_str()) else {
        return Exit::Refused;
    };
    let (number, folder) = image.root.unzip();
    let is_open = folder.is_some();
    // Without a root, nothing of the one that runs may be seen in its place.
    let Some(folder) = folder.or_else(|| run.sys.open_folder(c"/proc/self/fdinfo").ok()) else {
        return Exit::Refused;
    };
    let run = Run::new(run.sys, run.settings, run.log, folder);
    let root = Root::on_image(&run, image.disk, number, image.has_folder, is_open);
    check_root(&run, root)
}

fn check_root<S: Sys>(run: &Run<'_, S>, root: Root<'_, '_, S>) -> Exit {
    let refuse = |fault: Fault| {
        run.log.fault(Level::Error, "check", &[], fault, "");
        Exit::Refused
    };
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
    match run.settings.check.group {
        Some(group) => item.group == group,
        None => run.settings.check.all || item.group == Group::Image,
    }
}

fn judge<'e, S: Sys>(
    root: &Root<'_, '_, S>,
    item: &'static Item,
    space: &'e mut [u8],
) -> Outcome<'e> {
    let mut finding = Finding::new(item, space);
    root.was_blind.set(false);
    (item.judge)(root, &mut finding);
    // Without a root, what is not seen is not known; otherwise an item knows best
    // what to think of a file that it may not read, unless it thinks nothing of it.
    let is_ok = finding.outcome().verdict() == Verdict::Ok;
    if root.was_blind.get() && (is_ok || !root.is_open()) {
        finding.blind();
    }
    finding.end()
}

fn exit<S: Sys>(run: &Run<'_, S>, outcomes: &[Outcome<'_>]) -> Exit {
    let bad = match run.settings.check.strict {
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
        let is_reporting = run.settings.check.report.is_some();
        let text = match run.settings.json {
            true => run.text(REPORT_BYTES, &|out| self.json(out))?,
            false => {
                let in_colour = colour::is_wanted(run);
                run.text(REPORT_BYTES, &|out| {
                    self.screen(out, is_reporting, in_colour);
                })?
            }
        };
        run.sys.say(Stream::Output, &text);
        match &run.settings.check.report {
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
        let _ = new.discard(run.sys, folder, name);
        Fault::System(Step::Publish, errno)
    })
}
