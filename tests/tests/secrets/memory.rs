//! All memory of the program, when it is about to end, has no secret in it.

use crate::scene::{CONF, NETWORK, PASSWORD, Scene, conf, find};
use crate::trial;
use anyhow::{Result, ensure};
use libtest_mimic::Trial;
use nix::libc::SYS_renameat;
use osconf_tests::traced::Traced;
use std::fs;

/// A run at whose end the memory is looked at.
struct Case {
    name: &'static str,
    /// What is done to the machine before.
    before: fn(&Scene) -> Result<()>,
    words: &'static str,
    exit: i32,
}

const APPLY: &str = "apply --wait=0 --network=eni --conf={conf}";

/// What was applied is put back, with the copies of what it replaced.
fn applied(scene: &Scene) -> Result<()> {
    let mut run = scene.start(APPLY, None)?;
    run.to_end()?;
    let code = run.end()?;
    ensure!(code == 0, "apply: {code}: {}", scene.words()?);
    Ok(())
}

fn add(scene: &Scene, text: &str) -> Result<()> {
    let path = scene.root().join(CONF);
    let old = fs::read_to_string(&path)?;
    Ok(fs::write(path, old + text)?)
}

const CASES: &[Case] = &[
    Case {
        name: "apply-that-does-all",
        before: |_| Ok(()),
        words: APPLY,
        exit: 0,
    },
    Case {
        name: "apply-that-is-refused-the-password",
        before: |scene| {
            let shadow = scene.root().join("etc/.shadow.osconf");
            Ok(fs::create_dir_all(shadow.join("full"))?)
        },
        words: APPLY,
        exit: 1,
    },
    Case {
        name: "apply-that-keeps-os-conf",
        before: |scene| add(scene, "eth1_ip_addr=nonsense\n"),
        words: APPLY,
        exit: 3,
    },
    Case {
        name: "apply-of-an-os-conf-that-is-broken-behind-the-password",
        before: |scene| add(scene, "eth1_route='open\n"),
        words: APPLY,
        exit: 3,
    },
    Case {
        name: "apply-of-the-network-only",
        before: |scene| Ok(fs::write(scene.root().join(CONF), NETWORK)?),
        words: APPLY,
        exit: 0,
    },
    Case {
        name: "apply-with-another-hash",
        before: |_| Ok(()),
        words: "apply --wait=0 --network=eni --hash=md5 --conf={conf}",
        exit: 0,
    },
    Case {
        name: "apply-without-os-conf",
        before: applied,
        words: APPLY,
        exit: 0,
    },
    Case {
        name: "plan",
        before: |_| Ok(()),
        words: "plan -v --wait=0 --network=eni --conf={conf}",
        exit: 0,
    },
    Case {
        name: "lint",
        before: |scene| add(scene, "what\n"),
        words: "lint {conf}",
        exit: 3,
    },
    Case {
        name: "locate",
        before: |_| Ok(()),
        words: "locate --conf={conf}",
        exit: 0,
    },
    Case {
        name: "status",
        before: applied,
        words: "status",
        exit: 0,
    },
    Case {
        name: "revert",
        before: applied,
        words: "revert",
        exit: 0,
    },
    Case {
        name: "revert-that-only-shows",
        before: applied,
        words: "revert --dry-run -v",
        exit: 0,
    },
    Case {
        name: "check",
        before: |_| Ok(()),
        words: "check --all",
        exit: 1,
    },
];

/// One test for each case, and the controls.
pub(crate) fn trials() -> Vec<Trial> {
    let cases = CASES.iter().map(|case| {
        let name = format!("memory/{}", case.name);
        trial(&name, || case.run())
    });
    cases
        .chain([
            trial("memory/before-the-wipe-all-is-found", all_is_there),
            trial("memory/a-piece-of-a-secret-is-found", || {
                let piece = [&[0; 5000][..], &PASSWORD.as_bytes()[3..11]].concat();
                ensure!(find(&piece, PASSWORD) == Some(5000), "it is not");
                Ok(())
            }),
        ])
        .collect()
}

impl Case {
    fn run(&self) -> Result<()> {
        let scene = Scene::new(&conf(NETWORK))?;
        (self.before)(&scene)?;
        let mut run = scene.start(self.words, None)?;
        run.to_end()?;
        let found = all(&scene, &run)?;
        let code = run.end()?;
        let said = scene.words()?;
        ensure!(code == self.exit, "exit code {code}: {said}");
        for (name, secret) in scene.secrets()? {
            ensure!(find(said.as_bytes(), &secret).is_none(), "it says {name}");
        }
        ensure!(found.is_empty(), "{}", found.join("\n"));
        Ok(())
    }
}

/// Which secrets are in a process's memory.
fn all(scene: &Scene, run: &Traced) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for mapping in run.memory()? {
        for (name, secret) in scene.secrets()? {
            if let Some(offset) = find(&mapping.bytes, &secret) {
                found.push(format!("{name}: byte {offset} of {}", mapping.line));
            }
        }
    }
    Ok(found)
}

/// The control: at the moment when shadow gets its new content every secret is there.
fn all_is_there() -> Result<()> {
    let scene = Scene::new(&conf(NETWORK))?;
    let mut run = scene.start(APPLY, None)?;
    let is_there = run.to_call(&|run, number| number == SYS_renameat && run.text(3) == "shadow")?;
    ensure!(is_there, "shadow is not replaced: {}", scene.words()?);
    let found = all(&scene, &run)?.join("\n");
    for (name, _) in scene.secrets()? {
        ensure!(found.contains(name), "{name} is not found: {found}");
    }
    run.to_end()?;
    ensure!(all(&scene, &run)?.is_empty(), "not wiped in the end");
    run.end()?;
    Ok(())
}
