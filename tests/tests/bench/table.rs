//! The tables, as README.md has them.

use crate::measure::{Calls, Row};
use crate::root::Disk;

pub(crate) fn title(disk: Disk, has_conf: bool) -> String {
    let disk = match disk {
        Disk::Tmpfs => "tmpfs",
        Disk::Ext4 => "ext4",
    };
    let conf = match has_conf {
        true => "the VPC sample",
        false => "no os.conf",
    };
    format!("On {disk}, {conf}:\n")
}

/// Times are the shortest and the median, and the ratio of the shortest to that of
/// osconf, which is the first row.
pub(crate) fn print(rows: &[Row]) {
    println!(
        "| | fastest | median | of osconf's | system calls | processes | instructions | peak memory | its own | page faults |"
    );
    println!("| --- | --: | --: | --: | --: | --: | --: | --: | --: | --: |");
    let first = rows.first().map_or(1.0, |row| row.times[0].as_secs_f64());
    for row in rows {
        let [time, median] = row.times.map(|time| time.as_secs_f64());
        let ratio = time / first;
        let ratio = match ratio {
            ..9.95 => format!("{ratio:.2}"),
            _ => format!("{ratio:.0}"),
        };
        let dash = || "–".to_owned();
        println!(
            "| {} | {:.2} ms | {:.2} ms | {ratio} | {} | {} | {} | {} KiB | {} | {} |",
            row.name,
            time * 1e3,
            median * 1e3,
            thousands(row.calls as u64),
            row.processes,
            row.instructions.map_or_else(dash, thousands),
            thousands(row.peak),
            row.own
                .map_or_else(dash, |own| format!("{} KiB", thousands(own))),
            thousands(row.faults),
        );
    }
}

fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Classes of system calls, each with its reason.
const CLASSES: &[(&str, &[&str])] = &[
    (
        "finding what is there, and opening it: network system, C library, old files, each below the root whatever links say",
        &["openat2", "newfstatat", "fstat", "getdents64", "readlinkat"],
    ),
    (
        "opening one name in a folder, to read it or to make a new one",
        &["openat"],
    ),
    ("reading to the end", &["pread64", "read"]),
    (
        "memory for more than a page, wiped when it is given back; how deep the stack was",
        &["mmap", "munmap", "msync"],
    ),
    (
        "writing, with owner, mode and attributes",
        &[
            "pwrite64",
            "fchmod",
            "fchown",
            "fgetxattr",
            "flistxattr",
            "fsetxattr",
            "mkdirat",
        ],
    ),
    (
        "keeping a copy, putting the new one in its place",
        &["linkat", "symlinkat", "renameat", "unlinkat"],
    ),
    (
        "making it durable, in the one order that no power cut breaks",
        &["fsync", "syncfs"],
    ),
    ("whether a folder is gone with the power", &["fstatfs"]),
    (
        "asking the kernel for the NICs",
        &["socket", "setsockopt", "sendto", "recvfrom"],
    ),
    ("giving back what was opened", &["close"]),
    ("telling what was done", &["write"]),
];

/// Prints how many calls each class has; what is in none is the start, the end, the
/// lock, the clock and the salt.
pub(crate) fn calls(calls: &Calls) {
    println!("| | system calls | |");
    println!("| --- | --: | --- |");
    let mut rest: usize = calls.values().sum();
    let total = rest;
    let row = |what: &str, count: usize, which: &str| println!("| {what} | {count} | {which} |");
    for (what, names) in CLASSES {
        let found = names
            .iter()
            .filter_map(|name| Some((*name, *calls.get(*name)?)));
        let found: Vec<_> = found.collect();
        let count = found.iter().map(|(_, count)| count).sum();
        rest -= count;
        let which: Vec<_> = found
            .iter()
            .map(|(name, count)| format!("{name} {count}"))
            .collect();
        row(what, count, &which.join(", "));
    }
    row("start, end, lock, clock, salt", rest, "");
    row("all", total, "");
}
