//! Somebody else who is at work at the same time: a second agent, one who holds the
//! lock, one who left a lock behind, and one who changes a file while it is replaced.

use crate::judge::{self, Problems, Wrong};
use crate::machine::{ALL, CONF, Machine, base, conf, harmless, normal};
use crate::rig::{bounded, text};
use crate::tree::Entry;
use crate::values::FIRST;
use anyhow::{Context, Result, ensure};
use core::time::Duration;
use libtest_mimic::Trial;
use nix::libc::SYS_renameat;
use osconf_tests::traced::Traced;
use rustix::fs::{FlockOperation, fcntl_lock};
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::time::Instant;

/// Pairs of agents that are started at the same time.
const PAIRS: u32 = 50;
/// How long a boot waits for the lock, and a little less.
const LOCK_WAIT: Duration = Duration::from_secs(14);
/// What tools that crashed leave behind: shadow-utils, and `vipw`.
const LEFT: [&str; 5] = [
    "etc/shadow+",
    "etc/shadow.lock",
    "etc/passwd.lock",
    "etc/group.lock",
    "etc/passwd.edit",
];
/// What somebody else changes, and the line that comes into it.
const CHANGED: [(&str, &str); 5] = [
    ("etc/shadow", "a-new-user:*:3::::::\n"),
    ("etc/hosts", "10.9.9.9 a-new-host\n"),
    ("etc/hostname", "# a new line\n"),
    ("etc/resolv.conf", "options a-new-one\n"),
    ("etc/network/interfaces", "# a new line\n"),
];

/// How it is changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Way {
    InPlace,
    Replaced,
    Removed,
}

/// One test for each.
pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = vec![
        crate::trial("race/two-agents".into(), two_agents),
        crate::trial("race/a-lock-that-is-held".into(), a_held_lock),
        crate::trial("race/locks-that-were-left".into(), locks_that_were_left),
    ];
    for (path, line) in CHANGED {
        for way in [Way::InPlace, Way::Replaced, Way::Removed] {
            let name = format!("race/{path}-{way:?}").to_lowercase();
            let case = move || Ok(judge::count(&a_changed_file(path, line, way)?));
            trials.push(crate::trial(name, case));
        }
    }
    trials
}

/// A machine with all of os.conf.
fn machine() -> Result<Machine> {
    let machine = Machine::new(FIRST, &base(FIRST)?)?;
    machine.put_conf(&conf(ALL, None))?;
    Ok(machine)
}

/// The root is as one run makes it, and nothing else is there.
fn is_done(machine: &Machine, but: &dyn Fn(&str) -> bool) -> Result<Problems> {
    let tree = machine.tree()?;
    let mut problems = judge::trees(&*harmless(FIRST, ALL)?, &normal(&tree), but);
    if tree.contains_key(CONF) {
        problems.push((Wrong::Lost, "os.conf is still there".into()));
    }
    problems.extend(judge::left_over(&base(FIRST)?, &tree));
    Ok(problems)
}

fn two_agents() -> Result<Vec<String>> {
    let mut said = Vec::new();
    for number in 0..PAIRS {
        let machine = machine()?;
        let (mut first, mut second) = (machine.command("apply")?, machine.command("apply")?);
        let other = std::thread::spawn(move || {
            // Each pair a little further apart.
            std::thread::sleep(Duration::from_micros(u64::from(number) * 100));
            bounded(&mut second)
        });
        let runs = [bounded(&mut first)?, other.join().expect("no panic")?];
        let tree = machine.tree()?;
        let mut problems = is_done(&machine, &|_| false)?;
        for run in &runs {
            problems.extend(judge::output(run, &[&tree], &[]));
            if run.code != Some(0) {
                problems.push((Wrong::Other, format!("{:?}: {}", run.code, run.error)));
            }
        }
        let texts = judge::count(&problems).into_iter();
        said.extend(texts.map(|text| format!("pair {number}: {text}")));
        machine.remove()?;
    }
    Ok(said)
}

fn a_held_lock() -> Result<Vec<String>> {
    let machine = machine()?;
    let lock = File::create(machine.root.join("etc/.pwd.lock"))?;
    fcntl_lock(&lock, FlockOperation::NonBlockingLockExclusive)?;
    let start = Instant::now();
    let run = machine.run("apply")?;
    let time = start.elapsed();
    let mut problems = judge::output(&run, &[&machine.tree()?], &[]);
    problems.extend(is_done(&machine, &|_| false)?);
    let is_said = run.error.contains("going on without it");
    if time < LOCK_WAIT || !is_said || run.code != Some(0) {
        let text = format!("after {time:?}: {:?}: {}", run.code, run.error);
        problems.push((Wrong::Other, text));
    }
    machine.remove()?;
    Ok(judge::count(&problems))
}

fn locks_that_were_left() -> Result<Vec<String>> {
    let machine = machine()?;
    let left = Entry::file(b"4711", 0o600);
    for path in LEFT {
        left.make(&machine.root.join(path))?;
    }
    let run = machine.run("apply")?;
    let tree = machine.tree()?;
    let mut problems = judge::output(&run, &[&tree], &[]);
    problems.extend(is_done(&machine, &|path| LEFT.contains(&path))?);
    for path in LEFT {
        if !tree.get(path).is_some_and(|is| is.is_like(&left)) {
            problems.push((Wrong::Lost, format!("{path} is another")));
        }
    }
    machine.remove()?;
    Ok(judge::count(&problems))
}

/// Somebody changes a file when all new ones are written, and none is in its place:
/// that file stays as it is then, and the next run does it.
fn a_changed_file(path: &str, line: &str, way: Way) -> Result<Problems> {
    let machine = machine()?;
    let command = machine.command("apply")?;
    let words: Vec<String> = [command.get_program()]
        .into_iter()
        .chain(command.get_args())
        .map(|word| text(Path::new(word)))
        .collect();
    let said = machine.root.with_file_name("said");
    let mut run = Traced::start(&words, None, &said)?;
    let is_there = run.to_call(&|run, number| number == SYS_renameat && run.text(3) == "record")?;
    ensure!(is_there, "nothing is noted: {}", fs::read_to_string(&said)?);
    let file = machine.root.join(path);
    let changed = [&fs::read(&file)?, line.as_bytes()].concat();
    match way {
        Way::InPlace => File::options()
            .append(true)
            .open(&file)?
            .write_all(line.as_bytes())?,
        Way::Replaced => {
            let new = machine.root.join("etc/new");
            fs::write(&new, &changed)?;
            fs::rename(&new, &file)?;
        }
        Way::Removed => fs::remove_file(&file)?,
    }
    run.to_end()?;
    let code = run.end()?;
    let error = fs::read_to_string(&said)?;
    let mut problems = Problems::new();
    let now = fs::read(&file).ok();
    let wanted = (way != Way::Removed).then_some(changed);
    if now != wanted {
        problems.push((
            Wrong::Lost,
            format!("{path} is not as it was left: {error}"),
        ));
    }
    if code != 1 || !error.contains("another program changed it") {
        problems.push((Wrong::Other, format!("{code}: {error}")));
    }
    let again = machine.run("apply")?;
    let is_other =
        |other: &str| other == path || other.contains("replaced") || other.ends_with('-');
    // Without a shadow file there is no root to give a password to.
    if !(path == "etc/shadow" && way == Way::Removed) {
        problems.extend(is_done(&machine, &is_other)?);
    }
    let now = fs::read(&file).context("it is not there")?;
    if way != Way::Removed && !judge::contains(&now, line.as_bytes()) {
        problems.push((
            Wrong::Lost,
            format!("{path}: the line is gone: {}", again.error),
        ));
    }
    machine.remove()?;
    Ok(problems)
}
