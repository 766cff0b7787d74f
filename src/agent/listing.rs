//! `locate`: every disk and partition, which one is used, and why not the others.

use super::locate::{self, Candidate, Purpose};
use super::run::Run;
use super::{Exit, disks};
use crate::error::Fault;
use crate::log::Level;
use crate::partition::FileSystem;
use crate::sys::{Stream, Sys};
use crate::text::{Buf, json, put};
use core::cell::Cell;

/// Bytes of what is told about one partition; more if its names need it.
const LINE_BYTES: usize = 1024;

/// Tells what was found.
#[inline(never)]
pub fn locate<S: Sys>(run: &Run<'_, S>) -> Exit {
    let is_json = run.settings.json;
    let say = |write: &dyn Fn(&mut Buf<'_>)| match run.text(LINE_BYTES, write) {
        Ok(text) => run.sys.say(Stream::Output, &text),
        Err(fault) => say_no_memory(run, fault),
    };
    if is_json {
        say(&|out| put!(out, "{{\"disks\":["));
    }
    let is_first = Cell::new(true);
    let wait = run.settings.wait.unwrap_or(0);
    let place = locate::find(run, Purpose::Look, wait, &|candidate| {
        let found = disks::file_system(run, candidate.block);
        let comma = !is_first.replace(false);
        say(&|out| match is_json {
            true => write_json(out, candidate, found.as_ref(), comma),
            false => write_line(out, candidate, found.as_ref()),
        });
    });
    let is_there = place.as_ref().is_ok_and(|place| {
        let folder = place.folder.as_ref();
        folder.is_some_and(|folder| run.sys.meta_of(folder, place.name.as_c_str()).is_ok())
    });
    say(&|out| match &place {
        Ok(place) if is_json => {
            put!(out, "\n]");
            json::text(out, "folder", Some(place.shown.as_bytes()));
            json::text(out, "file", Some(place.name.as_bytes()));
            put!(out, ",\"is_there\":{}}}\n", is_there);
        }
        Err(()) if is_json => put!(out, "\n],\"folder\":null}}\n"),
        Ok(place) => {
            out.push(place.shown.as_bytes());
            put!(out, "/");
            out.push(place.name.as_bytes());
            put!(out, "{}\n", if is_there { "" } else { " (not there)" });
        }
        Err(()) => {}
    });
    match place {
        Ok(_) => Exit::Done,
        Err(()) => Exit::Refused,
    }
}

fn say_no_memory<S: Sys>(run: &Run<'_, S>, fault: Fault) {
    run.log.fault(Level::Error, "locate", &[], fault, "");
}

fn write_line(out: &mut Buf<'_>, candidate: &Candidate<'_, '_>, found: Option<&FileSystem>) {
    let is_taken = candidate.verdict.is_taken();
    put!(out, "{}/dev/", if is_taken { "* " } else { "  " });
    out.push(&candidate.block.name);
    if let Some(found) = found {
        put!(out, " {}", found.kind.name());
        for (name, value) in [(" UUID=", &*found.uuid), (" LABEL=", &*found.label)] {
            if !value.is_empty() {
                put!(out, "{}", name);
                for &byte in value {
                    out.push(&[if byte.is_ascii_control() { b'?' } else { byte }]);
                }
            }
        }
    }
    if let Some(mount) = &candidate.mount {
        put!(out, " on ");
        out.push(mount.point);
    }
    put!(out, ": ");
    candidate.verdict.describe(out);
    put!(out, "\n");
}

fn write_json(
    out: &mut Buf<'_>,
    candidate: &Candidate<'_, '_>,
    found: Option<&FileSystem>,
    comma: bool,
) {
    let block = candidate.block;
    put!(out, "{}\n{{", if comma { "," } else { "" });
    json::text(out, "name", Some(&block.name));
    put!(out, ",\"device\":\"{}:{}\"", block.device.0, block.device.1);
    put!(out, ",\"disk\":\"{}:{}\"", block.disk.0, block.disk.1);
    if let Some(number) = block.number {
        put!(out, ",\"number\":{}", number);
    }
    put!(out, ",\"bytes\":{}", block.size);
    json::text(out, "type", found.map(|found| found.kind.name().as_bytes()));
    json::text(out, "uuid", found.map(|found| &*found.uuid));
    json::text(out, "label", found.map(|found| &*found.label));
    let point = candidate
        .mount
        .as_ref()
        .and_then(crate::system::Mount::point);
    json::text(
        out,
        "mounted_on",
        point.as_ref().map(|point| point.as_bytes()),
    );
    put!(out, ",\"is_taken\":{}", candidate.verdict.is_taken());
    let mut bytes = [0; 128];
    let mut why = Buf::new(&mut bytes);
    candidate.verdict.describe(&mut why);
    json::text(out, "why", Some(why.as_bytes()));
    put!(out, "}}");
}
