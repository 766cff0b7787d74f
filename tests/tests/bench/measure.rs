//! Measuring one program: time, system calls, instructions, memory, page faults.

use crate::programs::Program;
use crate::root::{Root, SAMPLE, Work};
use anyhow::{Context, Result, ensure};
use core::time::Duration;
use osconf_tests::traced::Traced;
use std::collections::BTreeMap;
use std::fs;
use std::time::Instant;

/// What one program costs.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// The shortest run, and the median one.
    pub(crate) times: [Duration; 2],
    pub(crate) calls: usize,
    pub(crate) processes: usize,
    /// Of a program that is alone; valgrind is too slow for the others.
    pub(crate) instructions: Option<u64>,
    /// KiB at most, of the largest process; and of these, what is no file's.
    pub(crate) peak: u64,
    pub(crate) own: Option<u64>,
    pub(crate) faults: u64,
}

/// How often each system call was made, by name.
pub(crate) type Calls = BTreeMap<String, usize>;

/// Measures all of them, in turns.
pub(crate) fn all(root: &Root, programs: &[Program], has_conf: bool) -> Result<Vec<Row>> {
    let mut times = vec![Vec::new(); programs.len()];
    let rounds = programs.iter().map(|program| program.rounds).max();
    for round in 0..rounds.unwrap_or(0) {
        for (program, times) in programs.iter().zip(&mut times) {
            if round < program.rounds {
                root.reset(SAMPLE, has_conf)?;
                times.push(time(program)?);
                program.judge(root, has_conf)?;
            }
        }
    }
    let rows = programs.iter().zip(&mut times);
    rows.map(|(program, times)| {
        let fresh = || root.reset(SAMPLE, has_conf);
        fresh()?;
        let calls = calls(program)?;
        fresh()?;
        let (peak, own, faults) = match program.is_alone {
            true => memory(program)?,
            false => memory_of_all(program)?,
        };
        fresh()?;
        let started = ["clone", "clone3", "fork", "vfork"];
        let started = started.iter().filter_map(|name| calls.get(*name));
        Ok(Row {
            name: program.name,
            times: [fastest(times), median(times)],
            calls: calls.values().sum(),
            processes: 1 + started.sum::<usize>(),
            instructions: match program.is_alone {
                true => Some(instructions(program)?),
                false => None,
            },
            peak,
            own,
            faults,
        })
    })
    .collect()
}

/// The shortest times of a program for other work, of each kind in turns.
pub(crate) fn times_of(
    root: &Root,
    program: &Program,
    works: &[Work],
    rounds: usize,
) -> Result<Vec<Duration>> {
    let mut times = vec![Vec::new(); works.len()];
    for _ in 0..rounds {
        for (work, times) in works.iter().zip(&mut times) {
            root.reset(*work, true)?;
            times.push(time(program)?);
        }
    }
    Ok(times.iter().map(|times| fastest(times)).collect())
}

/// The system calls of a run on a fresh root.
pub(crate) fn calls_of(root: &Root, program: &Program) -> Result<Calls> {
    root.reset(SAMPLE, true)?;
    calls(program)
}

fn time(program: &Program) -> Result<Duration> {
    let mut command = program.start(&[]);
    let begin = Instant::now();
    let status = command.status();
    let time = begin.elapsed();
    let status = status.with_context(|| program.name)?;
    ensure!(status.success(), "{}: {status}", program.name);
    Ok(time)
}

fn fastest(times: &[Duration]) -> Duration {
    times.iter().copied().min().unwrap_or_default()
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// Runs it by another program, which looks on.
fn run_under(program: &Program, words: &[&str]) -> Result<()> {
    let status = program.start(words).status()?;
    ensure!(status.success(), "{}: {words:?}: {status}", program.name);
    Ok(())
}

/// Counts the system calls of all its processes.
fn calls(program: &Program) -> Result<Calls> {
    let file = tempfile::NamedTempFile::new()?;
    let path = file.path().to_string_lossy();
    let words = ["strace", "-f", "-q", "-c", "-U", "calls,name", "-o", &path];
    run_under(program, &words)?;
    let text = fs::read_to_string(file.path())?;
    let lines = text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        Some((words.next()?.parse().ok()?, words.next()?))
    });
    let calls = lines.filter(|(_, name)| *name != "total");
    Ok(calls
        .map(|(count, name)| (name.to_owned(), count))
        .collect())
}

/// What the kernel says of a process at its end: proc(5), status and stat.
fn memory(program: &Program) -> Result<(u64, Option<u64>, u64)> {
    let file = tempfile::NamedTempFile::new()?;
    let folder = std::env::current_dir()?;
    std::env::set_current_dir(program.folder())?;
    let traced = Traced::start(&program.command, None, file.path());
    std::env::set_current_dir(folder)?;
    let mut traced = traced?;
    traced.to_end()?;
    let status = traced.of_kernel("status")?;
    let stat = traced.of_kernel("stat")?;
    traced.end()?;
    let of = |key: &str| -> Option<u64> {
        let line = status.lines().find(|line| line.starts_with(key))?;
        line.split_whitespace().nth(1)?.parse().ok()
    };
    // The name, in brackets, is the second field; minor faults are the tenth.
    let fields = stat.rsplit_once(") ").context("no stat")?.1;
    let faults = fields.split(' ').nth(7).context("no faults")?;
    Ok((
        of("VmHWM:").context("no VmHWM")?,
        of("RssAnon:"),
        faults.parse()?,
    ))
}

/// What time(1) says of a program and those that it starts.
fn memory_of_all(program: &Program) -> Result<(u64, Option<u64>, u64)> {
    let file = tempfile::NamedTempFile::new()?;
    let path = file.path().to_string_lossy();
    let words = ["time", "-o", &path, "-f", "%M %R"];
    run_under(program, &words)?;
    let text = fs::read_to_string(file.path())?;
    let (peak, faults) = text.trim().split_once(' ').context("time(1)")?;
    Ok((peak.parse()?, None, faults.parse()?))
}

fn instructions(program: &Program) -> Result<u64> {
    let file = tempfile::NamedTempFile::new()?;
    let path = format!("--callgrind-out-file={}", file.path().display());
    let words = ["valgrind", "-q", "--tool=callgrind", &path];
    run_under(program, &words)?;
    let text = fs::read_to_string(file.path())?;
    let line = text.lines().find_map(|line| line.strip_prefix("totals: "));
    Ok(line.context("callgrind")?.trim().parse()?)
}
