//! What may lie where os.conf should be: every thing of `things.rs`.
//!
//! Nothing that is not a file as ECS writes it is taken for os.conf; it stays as it is,
//! and a file in its place is applied by the next run.

use crate::judge::{self, Problems, Wrong};
use crate::machine::{ALL, CONF, Machine, base, conf, harmless, normal};
use crate::rig::traces_of_canary;
use crate::things::{self, Thing};
use crate::tree::{Entry, say};
use crate::values::FIRST;
use anyhow::Result;
use libtest_mimic::Trial;

/// One test for each thing.
pub(crate) fn trials() -> Vec<Trial> {
    let trial = |(name, thing)| {
        let case = move || Ok(judge::count(&one(thing)?));
        crate::trial(format!("conf/{name}"), case)
    };
    things::ALL.into_iter().map(trial).collect()
}

/// Which parts are done, and how the run ends.
const fn fate(thing: Thing) -> (u8, i32) {
    match thing {
        // Whoever it belongs to, and whoever may read it.
        Thing::NoMode | Thing::SetUid | Thing::ReadOnly | Thing::OtherOwner | Thing::Attributes => {
            (ALL, 0)
        }
        // It cannot be removed, and so holds the password still.
        Thing::Immutable | Thing::AppendOnly | Thing::Mounted | Thing::MountedReadOnly => (ALL, 1),
        // There is nothing in it.
        Thing::Empty => (0, 0),
        // It is too long, or no assignments.
        Thing::Sparse | Thing::Huge | Thing::LongLine | Thing::Nuls | Thing::Noise => (0, 3),
        // It is no file, or one with another name, under which the password would stay.
        _ => (0, 1),
    }
}

fn one(thing: Thing) -> Result<Problems> {
    let machine = Machine::new(FIRST, &base(FIRST)?)?;
    let text = conf(ALL, None);
    let file = Entry::file(&text, 0o644);
    thing.put(&machine.root, CONF, Some(&file))?;
    let (before, canary) = (machine.tree()?, traces_of_canary()?);

    let run = machine.run("apply")?;
    let after = machine.tree()?;
    let (done, code) = fate(thing);
    let mut problems = judge::output(&run, &[&after], &[]);
    if (judge::done(&run.error), run.code) != (done, Some(code)) {
        let text = format!("{:?}, not {done:04b} and {code}: {}", run.code, run.error);
        problems.push((Wrong::Other, text));
    }
    let is_second = |path: &str| path.starts_with("var");
    let wanted = harmless(FIRST, done)?;
    problems.extend(judge::trees(&wanted, &normal(&after), &is_second));
    problems.extend(judge::left_over(&before, &after));
    problems.extend(judge::canary(&canary)?);
    let (was, is) = (before.get(CONF), after.get(CONF));
    let is_right = match code {
        0 if done == ALL => is.is_none(),
        _ => was == is,
    };
    if !is_right {
        problems.push((Wrong::Torn, say(CONF, was, is)));
    }

    thing.take_away(&machine.root, CONF);
    things::remove(&machine.conf())?;
    machine.put_conf(&text)?;
    let run = machine.run("apply")?;
    if run.code != Some(0) || machine.conf().exists() {
        let text = format!("{:?} once it is gone: {}", run.code, run.error);
        problems.push((Wrong::Lost, text));
    }
    let now = normal(&machine.tree()?);
    problems.extend(judge::trees(&*harmless(FIRST, ALL)?, &now, &is_second));
    machine.remove()?;
    Ok(problems)
}
