//! The negative controls: programs that are wrong on purpose. The rig must find what
//! each of them does, or else it finds nothing.

use crate::judge::{self, Problems};
use crate::machine::{ALL, Machine, base, conf, harmless, normal};
use crate::rig::{run, text, traces_of_canary};
use crate::things::Thing;
use crate::values::FIRST;
use anyhow::Result;
use libtest_mimic::Trial;

/// Each wrong program, as a script in a root in which the links lie that are named.
const WRONG: [(&str, &str, &str); 4] = [
    (
        "follows-a-link-in-the-place-of-a-new-file",
        "etc/.hosts.osconf",
        "echo x > etc/.hosts.osconf && mv etc/.hosts.osconf etc/hosts",
    ),
    (
        "reads-a-file-that-a-link-leads-to-outside",
        "etc/hosts",
        "cat etc/hosts > /dev/null",
    ),
    (
        "leaves-a-hash-for-all-to-read",
        "",
        "printf 'root:$1$x$y:1::::::\\n' > etc/shadow && chmod 644 etc/shadow",
    ),
    ("leaves-a-new-file-behind", "", "echo x > etc/.hosts.osconf"),
];

/// One test for each, and one for a program that does nothing at all.
pub(crate) fn trials() -> Vec<Trial> {
    let mut trials: Vec<Trial> = WRONG
        .into_iter()
        .map(|(name, link, script)| {
            crate::trial(format!("control/{name}"), move || is_found(link, script))
        })
        .collect();
    trials.push(crate::trial("control/does-nothing".into(), || {
        // Which is wrong only in that nothing is done: a fresh root is as it leaves it.
        let found = judge_script("", "true")?;
        let is_fine = found.is_empty() && !has_all()?;
        Ok(if is_fine {
            Vec::new()
        } else {
            vec![format!("{found:?}")]
        })
    }));
    trials
}

/// The rig finds something wrong.
fn is_found(link: &str, script: &str) -> Result<Vec<String>> {
    let found = judge_script(link, script)?;
    Ok(if found.is_empty() {
        vec!["the rig finds nothing wrong".into()]
    } else {
        Vec::new()
    })
}

/// What is wrong, but for what is not done.
fn judge_script(link: &str, script: &str) -> Result<Problems> {
    let machine = Machine::new(FIRST, &base(FIRST)?)?;
    machine.put_conf(&conf(ALL, None))?;
    if !link.is_empty() {
        Thing::LinkOut.put(&machine.root, link, None)?;
    }
    let (before, canary) = (machine.tree()?, traces_of_canary()?);
    let script = format!("cd {} && {script}", text(&machine.root));
    run("sh", &["-c", &script])?;
    let after = machine.tree()?;
    let mut found = judge::exposed(&before, &after);
    found.extend(judge::left_over(&before, &after));
    found.extend(judge::canary(&canary)?);
    machine.remove()?;
    Ok(found)
}

/// Whether a fresh root is as it is to be.
fn has_all() -> Result<bool> {
    let machine = Machine::new(FIRST, &base(FIRST)?)?;
    let now = normal(&machine.tree()?);
    machine.remove()?;
    Ok(judge::trees(&*harmless(FIRST, ALL)?, &now, &|_| false).is_empty())
}
