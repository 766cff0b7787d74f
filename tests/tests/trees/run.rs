//! One case, from its machine to the last comparison.

use crate::account::{hashes, replace};
use crate::compare::touched;
use crate::machine::{Machine, put, read_optional};
use crate::nics::{plug_in, unplug};
use crate::output::{Output, Secrets, general};
use crate::record::DAY;
use crate::snapshot::{Entry, Snapshot, take, take_but};
use crate::{output, patch, record, rig, rules, update};
use anyhow::{Context, Result, ensure};
use core::time::Duration;
use osconf_tests::case::{Case, ConfAfter, First, nics_of};
use osconf_tests::generate::expand;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// How long after the start of a run a late NIC comes up: the program looks for it
/// twenty times a second.
const LATE: Duration = Duration::from_millis(150);

/// Runs the case whose folder to work in is `work`, in namespaces that end with
/// this process, and prints what is wrong.
pub(crate) fn inside(work: &Path) -> ExitCode {
    let name = rig::case_name(work);
    let case = Case::read(&rig::tests().join("trees"), &name);
    let problems = case.and_then(|case| {
        let mut run = Run::new(case, work)?;
        run.all()?;
        Ok((run.case.why, run.problems))
    });
    match problems {
        Ok((_, problems)) if problems.is_empty() => return ExitCode::SUCCESS,
        Ok((why, problems)) => {
            println!("{name}\nwhy: {why}");
            problems.iter().for_each(|problem| println!("- {problem}"));
        }
        Err(error) => {
            println!("{name}\nthe rig failed: {error:#}");
            if !rig::is_real_root().unwrap_or(false) {
                println!("loop devices, immutable files and other owners need root");
            }
        }
    }
    println!("again: cargo test -p osconf-tests --test trees -- --exact {name}");
    ExitCode::FAILURE
}

/// A case, and what came of it so far.
pub(crate) struct Run {
    pub(crate) case: Case,
    pub(crate) machine: Machine,
    pub(crate) secrets: Secrets,
    pub(crate) problems: Vec<String>,
    binary: PathBuf,
    /// The text of os.conf, if the case has one.
    pub(crate) conf: Option<Vec<u8>>,
}

/// The root at three moments.
pub(crate) struct Seen {
    /// As the case describes it.
    pub(crate) built: Snapshot,
    /// When the run began that is looked at; runs before it may have changed it.
    pub(crate) before: Snapshot,
    /// When it was over.
    pub(crate) after: Snapshot,
    /// When the run began, in seconds since 1970.
    pub(crate) start: u64,
}

impl Run {
    fn new(case: Case, work: &Path) -> Result<Self> {
        let conf = read_optional(&case.conf_from)?.map(|text| expand(&text));
        let mut confs: Vec<_> = conf.iter().cloned().collect();
        for first in &case.first {
            if let Some(conf) = &first.conf {
                confs.push(case.first_conf(conf)?);
            }
        }
        let has_password = confs
            .iter()
            .any(|conf| crate::account::contains(conf, b"password="));
        ensure!(
            !has_password || !case.password.is_empty(),
            "os.conf has a password: write it decoded into case.toml as `password = [\"…\"]`"
        );
        Ok(Self {
            machine: Machine::new(&case, work)?,
            secrets: Secrets::new(&confs, &case.password),
            binary: osconf_tests::product::binary()?,
            conf,
            case,
            problems: Vec::new(),
        })
    }

    fn all(&mut self) -> Result<()> {
        if self.case.chroot {
            fs::copy(&self.binary, self.machine.root.join("osconf"))?;
        }
        let built = self.look()?;
        let outside = take(&self.machine.outside)?;
        for first in core::mem::take(&mut self.case.first) {
            self.first(&first)?;
            self.case.first.push(first);
        }
        plug_in(&self.nics())?;
        let before = self.look()?;
        let plan = if self.case.is_apply() {
            Some(self.plan(&before)?)
        } else {
            None
        };
        let start = record::now()?;
        let late = self.case.late_nics.clone();
        let plugged = (!late.is_empty()).then(|| {
            std::thread::spawn(move || {
                std::thread::sleep(LATE);
                plug_in(&late)
            })
        });
        let output = self.run(&self.case.args.clone())?;
        plugged.map_or(Ok(()), |thread| thread.join().ok().context("no NIC")?)?;
        let after = self.look()?;
        let seen = Seen {
            built,
            before,
            after,
            start,
        };
        if update::is_wanted() {
            let named = self.named(&seen.built, &seen.after)?;
            update::tree(&self.case, &seen.built, &named)?;
            update::output(
                &self.case.folder,
                &self.general(&output.stderr),
                &self.general(&output.stdout),
            )?;
        }
        self.judge_output(&output)?;
        self.judge_kernel()?;
        self.judge_disks()?;
        self.problem_list(
            "outside the root",
            touched(&outside, &take(&self.machine.outside)?),
        );
        if self.case.is_revert() {
            return self.judge_own_revert(&seen, &output);
        }
        let Some(diff) = plan else {
            self.problem_list("nothing may be written", touched(&seen.before, &seen.after));
            return Ok(());
        };
        self.judge_root(&seen)?;
        if self.case.plan_exit.is_none() {
            let skip = self.case.conf_at.clone();
            let ignore = |path: &Path| rules::is_housekeeping(path) || *path == skip;
            let problems =
                patch::check(&seen.before, &seen.after, &diff, &self.machine.work, ignore)?;
            self.problems.extend(problems);
        }
        self.again("a second run", &output, &seen.after)?;
        self.judge_revert(&seen, &output)?;
        let after = self.look()?;
        let _ = fs::remove_file(self.machine.root.join(record::PATH));
        self.again("a third run, without the record", &output, &after)
    }

    /// The NICs of the machine. Who only looks needs none.
    fn nics(&self) -> Vec<String> {
        let own = || match &self.conf {
            Some(conf) if self.case.is_apply() => nics_of(conf),
            _ => Vec::new(),
        };
        self.case.nics.clone().unwrap_or_else(own)
    }

    pub(crate) fn problem_list(&mut self, what: &str, problems: Vec<String>) {
        self.problems.extend(
            problems
                .into_iter()
                .map(|problem| format!("{what}: {problem}")),
        );
    }

    /// The root as it is, without what the rig put into it.
    pub(crate) fn look(&self) -> Result<Snapshot> {
        let borrowed = ["osconf", "dev", "proc", "sys"];
        let but: &[&str] = if self.case.chroot { &borrowed } else { &[] };
        take_but(&self.machine.root, but)
    }

    pub(crate) fn general(&self, text: &[u8]) -> Vec<u8> {
        general(&self.machine, text, self.case.chroot)
    }

    /// Runs the program; what it says must hold no secret.
    pub(crate) fn run(&mut self, arguments: &[String]) -> Result<Output> {
        let tree = self.look()?;
        let output = output::run(&self.machine, &self.binary, arguments, self.case.chroot)?;
        let trees = [&tree, &self.look()?];
        let hashes = trees
            .iter()
            .flat_map(|tree| tree.values())
            .filter_map(Entry::content)
            .flat_map(hashes);
        let secrets = self.secrets.and(hashes.collect());
        for (name, text) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
            if secrets.are_in(text) {
                self.problems.push(format!(
                    "{name} of `{}` holds the password or a hash",
                    arguments.join(" ")
                ));
            }
        }
        Ok(output)
    }

    /// A run before the one that is looked at.
    fn first(&mut self, first: &First) -> Result<()> {
        let mut nics = first.nics.clone();
        if let Some(conf) = &first.conf {
            let conf = expand(&self.case.first_conf(conf)?);
            self.machine.put_conf(&conf)?;
            nics.get_or_insert_with(|| nics_of(&conf));
        }
        let nics = nics.unwrap_or_default();
        plug_in(&nics)?;
        let output = self.run(&first.args)?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(
            output.exit == first.exit,
            "{}: exit {}, {} expected: {said}",
            first.args.join(" "),
            output.exit,
            first.exit
        );
        for (path, thing) in &first.then {
            put(&self.machine.root, path, thing)?;
        }
        if let Some(conf) = &self.conf {
            self.machine.put_conf(conf)?;
        }
        unplug(nics.len())
    }

    /// Runs `plan` instead of `apply`: it writes nothing. Returns its diff.
    fn plan(&mut self, before: &Snapshot) -> Result<Vec<u8>> {
        let mut arguments = self.case.args.clone();
        arguments[0] = "plan".into();
        let output = self.run(&arguments)?;
        let wanted = self.case.plan_exit.unwrap_or(self.case.exit);
        if output.exit != wanted {
            self.problems.push(format!(
                "`plan` exits with {}: {wanted} was expected:\n{}",
                output.exit,
                String::from_utf8_lossy(&output.stderr)
            ));
        }
        let after = self.look()?;
        self.problem_list("`plan` wrote something", touched(before, &after));
        let golden = self.case.folder.join("plan");
        if golden.exists() {
            let day = format!("(hash):{}:", record::now()? / DAY);
            let found = replace(
                &self.general(&output.stdout),
                day.as_bytes(),
                b"(hash):{today}:",
            );
            update::file(&golden, &found)?;
            self.judge_text("what `plan` answers", &golden, &found)?;
        }
        Ok(output.stdout)
    }

    /// Runs the same once more, on the same os.conf: nothing changes.
    pub(crate) fn again(&mut self, what: &str, first: &Output, after: &Snapshot) -> Result<()> {
        if self.case.conf_after() == ConfAfter::Gone
            && let Some(conf) = &self.conf
        {
            self.machine.put_conf(conf)?;
        }
        let output = self.run(&self.case.args.clone())?;
        let mut problems = rules::changed_again(after, &self.look()?);
        if output.exit != first.exit {
            problems.push(format!("it exits with {}", output.exit));
        }
        let is_gone = !self.machine.conf.exists();
        if is_gone != (self.case.conf_after() == ConfAfter::Gone) && self.conf.is_some() {
            problems.push("os.conf does not end as in the first one".into());
        }
        if !problems.is_empty() {
            problems.push(format!(
                "it says:\n{}",
                String::from_utf8_lossy(&output.stderr)
            ));
        }
        self.problem_list(what, problems);
        Ok(())
    }
}
