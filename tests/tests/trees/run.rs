//! One case, from its machine to the last comparison.

use crate::account::{hashes, name_hashes, replace};
use crate::case::{Case, ConfAfter, First};
use crate::compare::{differences, expected, texts, touched};
use crate::generate::expand;
use crate::machine::{KERNEL_NAME, Machine, put, read_optional};
use crate::nics::{nics_of, plug_in, unplug};
use crate::output::{Output, Secrets, general};
use crate::snapshot::{Entry, Kind, Snapshot, take};
use crate::{output, patch, record, rig, rules, update};
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// Seconds of a day, as `{today}` counts.
const DAY: u64 = 24 * 60 * 60;

/// Runs the case whose folder to work in is `work`, in namespaces that end with
/// this process, and prints what is wrong.
pub(crate) fn inside(work: &Path) -> ExitCode {
    let name = work.file_name().unwrap_or_default();
    let folder = rig::tests().join("trees").join(name);
    let problems = Run::new(&folder, work).and_then(|mut run| {
        run.all()?;
        Ok((run.case.why, run.problems))
    });
    match problems {
        Ok((_, problems)) if problems.is_empty() => return ExitCode::SUCCESS,
        Ok((why, problems)) => {
            println!("{}\nwhy: {why}", folder.display());
            problems.iter().for_each(|problem| println!("- {problem}"));
        }
        Err(error) => println!("{}\nthe rig failed: {error:#}", folder.display()),
    }
    println!(
        "again: cargo test -p osconf-tests --test trees -- --exact {}",
        name.display()
    );
    ExitCode::FAILURE
}

struct Run {
    case: Case,
    folder: PathBuf,
    binary: PathBuf,
    machine: Machine,
    /// The text of os.conf, if the case has one.
    conf: Option<Vec<u8>>,
    secrets: Secrets,
    problems: Vec<String>,
}

impl Run {
    fn new(folder: &Path, work: &Path) -> Result<Self> {
        let case = Case::read(folder)?;
        let conf = read_optional(&folder.join("os.conf"))?.map(|text| expand(&text));
        let mut confs: Vec<_> = conf.iter().cloned().collect();
        for first in &case.first {
            confs.push(fs::read(folder.join(&first.conf)).with_context(|| first.conf.clone())?);
        }
        let has_password = confs
            .iter()
            .any(|conf| crate::account::contains(conf, b"password="));
        ensure!(
            !has_password || !case.password.is_empty(),
            "os.conf has a password: write it decoded into case.toml as `password = [\"…\"]`"
        );
        Ok(Self {
            machine: Machine::new(&case, folder, work)?,
            secrets: Secrets::new(&confs, &case.password),
            binary: rig::binary()?,
            folder: folder.to_owned(),
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
        let nics = self.case.nics.clone();
        plug_in(&nics.unwrap_or_else(|| nics_of(self.conf.as_deref().unwrap_or_default())))?;
        let before = self.look()?;
        let plan = if self.case.is_apply() {
            Some(self.plan(&before)?)
        } else {
            None
        };
        let start = record::now()?;
        let output = self.run(&self.case.args.clone())?;
        let after = self.look()?;
        if update::is_wanted() {
            let named = self.named(&built, &after)?;
            update::tree(&self.folder, &self.case, &built, &named)?;
            update::output(
                &self.folder,
                &self.general(&output.stderr),
                &self.general(&output.stdout),
            )?;
        }
        self.compare_output(&output)?;
        if self.case.is_apply() {
            self.compare(&built, &after, start)?;
            self.problems.extend(record::check(
                &self.case,
                start,
                &self.machine.root,
                &before,
                &after,
            )?);
        } else {
            self.problem_list("nothing may be written", touched(&before, &after));
        }
        self.compare_kernel()?;
        if let Some(diff) = plan {
            let skip = self.case.conf_at.clone();
            let ignore = |path: &Path| rules::is_housekeeping(path) || *path == skip;
            let problems = patch::check(&before, &after, &diff, &self.machine.work, ignore)?;
            self.problems.extend(problems);
        }
        self.problem_list(
            "outside the root",
            touched(&outside, &take(&self.machine.outside)?),
        );
        if self.case.is_apply() {
            self.again("a second run", &output, &after)?;
            let _ = fs::remove_file(self.machine.root.join(record::PATH));
            self.again("a third run, without the record", &output, &after)?;
        }
        Ok(())
    }

    fn problem_list(&mut self, what: &str, problems: Vec<String>) {
        self.problems.extend(
            problems
                .into_iter()
                .map(|problem| format!("{what}: {problem}")),
        );
    }

    /// The root as it is, without what the rig put into it.
    fn look(&self) -> Result<Snapshot> {
        let mut tree = take(&self.machine.root)?;
        if self.case.chroot {
            tree.remove(Path::new("osconf"));
        }
        Ok(tree)
    }

    fn general(&self, text: &[u8]) -> Vec<u8> {
        general(&self.machine, text, self.case.chroot)
    }

    /// Runs the program; what it says must hold no secret.
    fn run(&mut self, arguments: &[String]) -> Result<Output> {
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
        let conf = expand(&fs::read(self.folder.join(&first.conf))?);
        self.machine.put_conf(&conf)?;
        let nics = first.nics.clone().unwrap_or_else(|| nics_of(&conf));
        plug_in(&nics)?;
        let output = self.run(&first.args)?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(
            output.exit == first.exit,
            "{}: exit {}, {} expected: {said}",
            first.conf,
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
        let golden = self.folder.join("plan");
        if golden.exists() {
            let found = self.general(&output.stdout);
            update::file(&golden, &found)?;
            self.compare_text("what `plan` answers", &golden, &found)?;
        }
        Ok(output.stdout)
    }

    fn compare_text(&mut self, what: &str, golden: &Path, found: &[u8]) -> Result<()> {
        let wanted = read_optional(golden)?.unwrap_or_default();
        if wanted != found {
            self.problems
                .push(format!("{what}: {}", texts(&wanted, found)));
        }
        Ok(())
    }

    fn compare_output(&mut self, output: &Output) -> Result<()> {
        if output.exit != self.case.exit {
            self.problems.push(format!(
                "exit code {}: {} was expected",
                output.exit, self.case.exit
            ));
        }
        for (name, text) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
            let found = self.general(text);
            self.compare_text(name, &self.folder.join(name), &found)?;
        }
        Ok(())
    }

    /// `tree` with the names of new hashes in their place.
    fn named(&self, before: &Snapshot, tree: &Snapshot) -> Result<Snapshot> {
        let old: Vec<_> = before
            .values()
            .filter_map(Entry::content)
            .flat_map(hashes)
            .collect();
        let mut tree = tree.clone();
        for entry in tree.values_mut() {
            if let Kind::File(text) = &mut entry.kind {
                *text = name_hashes(text, &old, &self.case.password)?;
            }
        }
        Ok(tree)
    }

    /// The root must be what the case says, what every run makes, and no more.
    fn compare(&mut self, before: &Snapshot, after: &Snapshot, start: u64) -> Result<()> {
        let mut wanted = expected(&self.case, &self.folder, before)?;
        rules::allow_housekeeping(&mut wanted, before, after);
        if self.case.first.is_empty() {
            rules::allow_copies(&mut wanted, before, after);
        } else {
            rules::allow_any_copies(&mut wanted, after);
        }
        let named = self.named(before, after)?;
        let wanted = self.named(before, &wanted)?;
        // Midnight may pass between the first line and the last.
        let found = [start / DAY, record::now()? / DAY].map(|day| {
            let day = day.to_string();
            let mut wanted = wanted.clone();
            for entry in wanted.values_mut() {
                if let Kind::File(text) = &mut entry.kind {
                    *text = replace(text, b"{today}", day.as_bytes());
                }
            }
            differences(&wanted, &named)
        });
        let [first, last] = found;
        self.problems
            .extend(if last.is_empty() { last } else { first });
        let exposed = rules::exposed(&self.case, &self.secrets, before, after);
        self.problems.extend(exposed);
        Ok(())
    }

    fn compare_kernel(&mut self) -> Result<()> {
        let uname = rustix::system::uname();
        let wanted = self.case.kernel_name.as_deref().unwrap_or(KERNEL_NAME);
        let found = uname.nodename().to_string_lossy();
        if found != wanted {
            self.problems.push(format!(
                "the kernel's host name is {found}: {wanted} was expected"
            ));
        }
        let output = Command::new("ip").args(["-4", "route"]).output()?;
        let text = String::from_utf8(output.stdout)?;
        let mut found: Vec<_> = text
            .lines()
            .map(|line| line.trim().trim_end_matches(" linkdown"))
            .collect();
        found.sort_unstable();
        if found != self.case.kernel_routes {
            let wanted = self.case.kernel_routes.join("\n") + "\n";
            let found = found.join("\n") + "\n";
            self.problems.push(format!(
                "routes of the kernel: {}",
                texts(wanted.as_bytes(), found.as_bytes())
            ));
        }
        Ok(())
    }

    /// Runs the same once more, on the same os.conf: nothing changes.
    fn again(&mut self, what: &str, first: &Output, after: &Snapshot) -> Result<()> {
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
