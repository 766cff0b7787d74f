//! Programs that are wrong on purpose: if the judge finds nothing about them, it is
//! the judge that is wrong.

use crate::bench::{Bench, Tools};
use crate::judge::Harm;
use crate::machine::Machine;
use crate::shot::Story;
use anyhow::{Context, Result, ensure};
use std::path::Path;

/// A wrong program, in Perl; `$r` is the root and `$c` os.conf.
struct Control {
    name: &'static str,
    program: &'static str,
    story: &'static str,
    harm: Harm,
}

const CONTROLS: [Control; 4] = [
    Control {
        name: "a writer without a copy and a rename",
        program: "open F, q(>), qq($r/etc/shadow); print F qq(root:x:1::::::\\n); close F; unlink $c",
        story: "write:1:kill-before",
        harm: Harm::Torn,
    },
    Control {
        name: "a writer that removes os.conf first",
        program: "unlink $c; open F, q(>), qq($r/etc/.s); print F qq(root:x\\n); close F; \
                  rename qq($r/etc/.s), qq($r/etc/shadow)",
        story: "write:1:kill-before",
        harm: Harm::Lost,
    },
    Control {
        name: "a writer that looks at no error",
        program: "open F, q(>), qq($r/etc/.s); print F qq(root:x\\n); close F; \
                  rename qq($r/etc/.s), qq($r/etc/shadow); unlink $c",
        story: "write:1:ENOSPC",
        harm: Harm::Lost,
    },
    Control {
        name: "a writer that forgets owner, mode and attributes",
        program: "open F, q(<), qq($r/etc/shadow); @l = <F>; close F; unlink qq($r/etc/shadow); \
                  open F, q(>), qq($r/etc/shadow); print F @l; close F",
        story: "write:1:kill-after",
        harm: Harm::Torn,
    },
];

/// Holds that each of them is found out.
pub(crate) fn all_are_found(machine: &Machine, tools: &mut Tools, folder: &Path) -> Result<()> {
    let mut bench = Bench::new(machine, tools, folder)?;
    for control in CONTROLS {
        let story: Story = control.story.parse()?;
        let shots = story.0.first().context("no faults")?;
        let problems = bench.tell_of(control.program, shots)?;
        ensure!(
            problems.iter().any(|problem| problem.harm == control.harm),
            "{} is not found out: {problems:?}",
            control.name
        );
    }
    Ok(())
}
