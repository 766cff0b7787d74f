//! Random machines, configured by the shipped binary on the real kernel.
//!
//! Where the trees say what one machine must become, this says what is true of
//! every machine: twice is once, a line that is not ours stays, `plan` shows what
//! `apply` does, and no output holds a secret. `OSCONF_SEED` runs one machine
//! again; a failure names it. `OSCONF_ROUND` takes other machines: each round has
//! its own.

mod machine;
mod rig;

use machine::Machine;
use rig::{Run, changes, root};

/// Machines in memory, where a run takes milliseconds.
const IN_MEMORY: u64 = 300;
/// Machines on a disk, where os.conf goes once it is applied.
const ON_DISK: u64 = 40;

#[test]
fn every_machine_in_memory_obeys_the_laws() {
    each(0..IN_MEMORY, std::path::Path::new("/dev/shm"));
}

#[test]
fn every_machine_on_a_disk_obeys_the_laws() {
    each(1_000_000..1_000_000 + ON_DISK, &std::env::temp_dir());
}

fn each(seeds: core::ops::Range<u64>, folder: &std::path::Path) {
    if let Some(seed) = std::env::var("OSCONF_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
    {
        // Those of one test are a million apart from those of the other.
        if seeds.start / 1_000_000 == seed / 1_000_000 {
            check(seed, folder);
        }
        return;
    }
    let round: u64 = std::env::var("OSCONF_ROUND")
        .ok()
        .map_or(0, |round| round.parse().expect("a number"));
    for seed in seeds.map(|seed| seed + round * 10_000) {
        let outcome = std::panic::catch_unwind(|| check(seed, folder));
        assert!(
            outcome.is_ok(),
            "again: OSCONF_SEED={seed} cargo test -p osconf-tests --test random"
        );
    }
}

/// Holds one machine against the laws.
fn check(seed: u64, folder: &std::path::Path) {
    let machine = Machine::new(seed);
    let root = root(folder, &machine);
    let before = root.snapshot();

    let plan = root.run("plan", &machine);
    plan.tells_no_secret(&machine);
    assert_eq!(
        changes(&before, &root.snapshot()),
        [""; 0],
        "plan wrote something"
    );

    let first = root.run("apply", &machine);
    first.tells_no_secret(&machine);
    assert_eq!(
        plan.code, first.code,
        "plan ends as apply: {}{}",
        plan.error, first.error
    );
    let after = root.snapshot();
    is_as_planned(&plan, &before, &after);
    machine.strangers_are_still_there(&after);
    os_conf_is_gone_or_kept(&first, &root, &machine, folder);
    for name in after.keys() {
        assert!(
            !name.ends_with(".osconf") && !name.ends_with("/pending"),
            "left over: {name}"
        );
    }

    for without_record in [false, true] {
        if without_record {
            let _ = std::fs::remove_file(root.path().join("etc/osconf/record"));
        }
        root.put_os_conf(&machine);
        let again = root.run("apply", &machine);
        assert_eq!(again.code, first.code, "{}", again.error);
        let mut now = root.snapshot();
        now.remove("etc/osconf/record");
        let mut then = after.clone();
        then.remove("etc/osconf/record");
        assert_eq!(changes(&then, &now), [""; 0], "twice is not once");
    }
}

/// What `plan` showed is what `apply` did: the same files, and, where no hash is
/// among them, the same lines.
fn is_as_planned(plan: &Run, before: &rig::Snapshot, after: &rig::Snapshot) {
    let ours = |name: &&String| {
        !name.starts_with("etc/osconf/")
            && !["etc/osconf", "etc/.pwd.lock"].contains(&name.as_str())
            && !name.ends_with("shadow-")
            && !name.ends_with("passwd-")
    };
    let mut changed: Vec<String> = changes(before, after)
        .into_iter()
        .filter(|name| ours(&name))
        .collect();
    let mut shown: Vec<String> = plan
        .output
        .lines()
        .filter_map(|line| line.strip_prefix("+++ b/").or(line.strip_prefix("--- a/")))
        .map(String::from)
        .collect();
    // `network` is our own file, but one that is planned.
    shown.retain(|name| ours(&name));
    shown.sort();
    shown.dedup();
    changed.sort();
    let is_folder = |name: &String| after.get(name).is_some_and(|text| text == "folder");
    changed.retain(|name| !is_folder(name));
    assert_eq!(shown, changed, "{}", plan.output);
    let added: Vec<&str> = plan
        .output
        .lines()
        .filter_map(|line| line.strip_prefix('+'))
        .collect();
    for name in changed
        .iter()
        .filter(|name| !name.ends_with("shadow") && !name.ends_with("passwd"))
    {
        let Some(content) = after.get(name) else {
            continue;
        };
        for line in content.lines() {
            let was_there = before
                .get(name)
                .is_some_and(|old| old.lines().any(|old| old == line));
            assert!(
                was_there || added.contains(&line),
                "{name}: `{line}` was not planned"
            );
        }
    }
}

/// os.conf gone means that all of it is applied; with anything left, it is there,
/// and without the password once that is done.
fn os_conf_is_gone_or_kept(
    run: &Run,
    root: &rig::Root,
    machine: &Machine,
    folder: &std::path::Path,
) {
    let kept = root.os_conf();
    let is_lasting = !folder.starts_with("/dev/shm");
    if run.code == 0 && is_lasting && machine.has_work() {
        assert_eq!(kept, None, "all was applied: {}", run.error);
        assert_eq!(
            root.os_conf_folder(),
            [""; 0],
            "something of os.conf is left"
        );
    } else {
        let kept = kept.unwrap_or_else(|| panic!("os.conf is gone: {}", run.error));
        if is_lasting && run.error.contains("password: done") {
            assert!(!kept.contains(machine.password_in_base64()), "{kept}");
        }
    }
}
