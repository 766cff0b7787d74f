//! `cargo xtask boot`: real kernels in QEMU, looked at from inside.
//!
//! A machine is made of Debian's kernel and BusyBox, of the recipes in
//! `targets/` as they stand, and of osconf. The rig logs in at the serial
//! console with the password of os.conf and runs `facts.sh` there. It makes
//! no use of root, of KVM, or of anything outside a temporary folder.

pub(crate) mod cost;
mod disk;
pub(crate) mod initramfs;
mod judge;
mod machine;
pub(crate) mod parts;
pub(crate) mod scenario;

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;

use anyhow::{Context, Result, bail};

use crate::target::Target;
use crate::{build, setup, util};
pub(crate) use judge::{Facts, check, judge_network};
use machine::Machine;
use parts::Parts;
use scenario::{Agent, Sample, Scenario, Scenarios};

/// What to boot, and how.
#[derive(Default)]
pub(crate) struct Options {
    /// The architectures.
    pub(crate) targets: Vec<Target>,
    /// A text that the scenario's name must contain.
    pub(crate) only: String,
    /// The release of Debian whose kernels are booted, if not the machine's own.
    pub(crate) release: Option<String>,
    /// A program to put in osconf's place.
    pub(crate) agent: Option<PathBuf>,
    /// Whether disks and logs of what went well are kept.
    pub(crate) keep: bool,
    /// Whether also those are booted that take too long for a test.
    pub(crate) all: bool,
}

/// A scenario on an architecture, with all that it needs.
pub(crate) struct Job {
    target: Target,
    scenario: Scenario,
    sample: Sample,
    rewritten: Option<Sample>,
    cloned: Option<Sample>,
    parts: Parts,
    osconf: PathBuf,
}

/// One start of a machine, and what it must be then.
struct Start<'a> {
    /// Names its log.
    title: &'static str,
    /// Whose network cards are plugged in.
    cards: &'a Sample,
    /// What it must be.
    sample: &'a Sample,
    /// A password that must be refused.
    wrong: &'a str,
}

/// Boots every scenario twice on every architecture, or on those that it names.
pub(crate) fn run(options: &Options) -> Result<()> {
    setup::tools(&setup::boot_tools(&options.targets))?;
    let jobs = jobs(options)?;
    if jobs.is_empty() {
        bail!(
            "no scenario's name contains `{}`: see xtask/scenarios.toml",
            options.only
        );
    }
    let total = jobs.len();
    let queue = Mutex::new(VecDeque::from(jobs));
    let failed = Mutex::new(Vec::new());
    // A machine spends half its time in pauses, such as su's before it refuses.
    let workers = 2 * thread::available_parallelism()?.get();
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(job) = queue.lock().ok().and_then(|mut queue| queue.pop_front()) {
                    let left = queue.lock().map_or(0, |queue| queue.len());
                    util::progress("boot", total - left, total);
                    if !report(&job, options.keep)
                        && let Ok(mut failed) = failed.lock()
                    {
                        failed.push(job.name());
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap_or_default();
    if !failed.is_empty() {
        bail!(
            "{} of {total} machines failed: {}",
            failed.len(),
            failed.join(", ")
        );
    }
    println!("boot: {total} machines, each started twice, are as os.conf says");
    Ok(())
}

fn jobs(options: &Options) -> Result<Vec<Job>> {
    let scenarios = Scenarios::read()?;
    let mut binaries = BTreeMap::new();
    for target in &options.targets {
        let osconf = match &options.agent {
            Some(agent) => agent.clone(),
            None => build::binary(target)?,
        };
        binaries.insert(
            target.name.clone(),
            (osconf, parts::get(target, options.release.as_deref())?),
        );
    }
    let mut jobs = Vec::new();
    for scenario in scenarios
        .scenario
        .iter()
        .filter(|one| one.name.contains(&options.only))
    {
        for target in &options.targets {
            if !options.all && !scenario.is_test_on(&target.name) {
                continue;
            }
            let (osconf, parts) = binaries
                .get(&target.name)
                .context("a target without a binary")?;
            jobs.push(Job::new(
                &scenarios,
                scenario,
                target,
                osconf,
                parts.clone(),
            )?);
        }
    }
    Ok(jobs)
}

/// Runs a job and prints its outcome; false where it failed.
fn report(job: &Job, keep: bool) -> bool {
    let folder = util::target_dir().join("boot").join(job.name());
    let (outcome, time) = util::timed(|| job.run(&folder));
    match outcome {
        Ok(()) => {
            println!(
                "boot: {:<34} ok    {:4.1} s",
                job.name(),
                time.as_secs_f32()
            );
            if !keep {
                let _ = std::fs::remove_dir_all(&folder);
            }
            true
        }
        Err(error) => {
            // One print, so that the lines of two machines do not mix.
            println!(
                "boot: {:<34} FAILED {:4.1} s\n{error:#}",
                job.name(),
                time.as_secs_f32()
            );
            println!("  console and disk are in {}", folder.display());
            false
        }
    }
}

/// Boots the named scenario once and returns the lines with which osconf
/// reported on the console, and what the machine says of itself.
pub(crate) fn show(target: &Target, osconf: &Path, scenario: &str) -> Result<(Vec<String>, Facts)> {
    let job = Job::named(target, osconf, scenario)?;
    let folder = util::target_dir().join("boot/demo");
    let (disk, initramfs) = job.prepare(&folder, |_| Ok(()))?;
    let facts = job.boot(&folder, (&initramfs, &disk), &job.first())?;
    let console =
        String::from_utf8_lossy(&std::fs::read(folder.join("first-boot.log"))?).replace('\r', "");
    let reports = console
        .lines()
        .filter(|line| line.starts_with("osconf: "))
        .map(str::to_owned);
    Ok((reports.collect(), facts))
}

impl Job {
    /// The job of the named scenario.
    fn named(target: &Target, osconf: &Path, scenario: &str) -> Result<Self> {
        let scenarios = Scenarios::read()?;
        let found = scenarios.scenario.iter().find(|one| one.name == scenario);
        let scenario = found.with_context(|| format!("scenarios.toml has no {scenario}"))?;
        Self::new(
            &scenarios,
            scenario,
            target,
            osconf,
            parts::get(target, None)?,
        )
    }

    fn new(
        scenarios: &Scenarios,
        scenario: &Scenario,
        target: &Target,
        osconf: &Path,
        parts: Parts,
    ) -> Result<Self> {
        let other = |name: &Option<String>| -> Result<Option<Sample>> {
            name.as_ref().map(|name| scenarios.sample(name)).transpose()
        };
        Ok(Self {
            target: target.clone(),
            sample: scenarios.sample(&scenario.sample)?,
            rewritten: other(&scenario.rewritten)?,
            cloned: other(&scenario.cloned)?,
            scenario: scenario.clone(),
            parts,
            osconf: osconf.to_owned(),
        })
    }

    fn name(&self) -> String {
        format!("{}-{}", self.scenario.name, self.target.name)
    }

    fn run(&self, folder: &Path) -> Result<()> {
        let (disk, initramfs) = self.prepare(folder, |_| Ok(()))?;
        let machine = (initramfs.as_path(), disk.as_path());
        let data = disk.with_file_name("data.img");
        let read_data = || self.scenario.data_disk.then(|| std::fs::read(&data).ok());
        let data_before = read_data();
        let mut start = self.first();
        let mut first = self.boot(folder, machine, &start)?;
        if first.lines("kernel-log").is_empty() {
            bail!(
                "  first boot: the kernel's log (dmesg) has no line of osconf, which was to write there"
            );
        }
        let mut changes = Vec::new();
        if let (Some(rewritten), Some(name)) = (&self.rewritten, &self.scenario.rewritten) {
            disk::write_conf(&self.scenario, &sample_file(name), &disk)?;
            start.title = "rewritten";
            start.wrong = &self.sample.password;
            start.sample = rewritten;
            let next = self.boot(folder, machine, &start)?;
            changes.extend(judge::added(&first, &next));
            first = next;
        }
        start.title = "second boot";
        let second = self.boot(folder, machine, &start)?;
        // What lies in RAM is made anew at each boot.
        if self.scenario.agent != Agent::Ram {
            changes.extend(judge::changes(&first, &second));
        }
        if read_data() != data_before {
            changes.push("the data disk is not as it was".to_owned());
        }
        if !changes.is_empty() {
            bail!("  {}", changes.join("\n  "));
        }
        if let Some(cloned) = &self.cloned {
            start.title = "clone";
            (start.cards, start.sample) = (cloned, cloned);
            self.boot(folder, machine, &start)?;
        }
        Ok(())
    }

    /// The machine with its os.conf.
    fn first(&self) -> Start<'_> {
        Start {
            title: "first boot",
            cards: &self.sample,
            sample: &self.sample,
            wrong: "",
        }
    }

    /// Makes disk and initramfs in a fresh folder, of a root that `change` may still
    /// change.
    fn prepare(
        &self,
        folder: &Path,
        change: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<(PathBuf, PathBuf)> {
        if folder.exists() {
            std::fs::remove_dir_all(folder)?;
        }
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot make {}", folder.display()))?;
        let tree = disk::tree(&self.scenario, &self.parts, &self.osconf, folder)?;
        change(&tree)?;
        let disk = disk::make(&self.scenario, folder)?;
        let initramfs = folder.join("initramfs.img");
        let packed = initramfs::pack(&self.scenario, &self.parts, &self.osconf, &tree)?;
        util::write(&initramfs, packed)?;
        Ok((disk, initramfs))
    }

    /// Whether os.conf is where it must be now, on a partition that no guest mounts.
    fn look_from_outside(&self, disk: &Path) -> Result<()> {
        if !self.scenario.is_hidden() {
            return Ok(());
        }
        let found = disk::conf(&self.scenario, disk)?;
        // RAM is not durable, so the next boot needs it again.
        let wanted = match self.scenario.agent {
            Agent::Ram => Some(util::read(&sample_file(&self.scenario.sample))?),
            _ => None,
        };
        let trim = |text: Option<String>| text.map(|text| text.trim().to_owned());
        let (wanted, found) = (trim(wanted), trim(found));
        if wanted != found {
            bail!("os.conf on the first partition: expected {wanted:?}, found {found:?}");
        }
        Ok(())
    }

    /// Starts the machine of this initramfs and disk, has it looked at, and fails with
    /// all that is wrong with it.
    fn boot(
        &self,
        folder: &Path,
        (initramfs, disk): (&Path, &Path),
        start: &Start<'_>,
    ) -> Result<Facts> {
        let (title, sample) = (start.title, start.sample);
        let command = machine::qemu(
            &self.target,
            &self.scenario,
            start.cards,
            &self.parts,
            initramfs,
            disk,
        );
        let mut machine = Machine::start(command)?;
        let facts = match self.scenario.plugged {
            true => machine
                .expect(&[initramfs::PLUG])
                .and_then(|_| machine.plug()),
            false => Ok(()),
        };
        let facts = facts.and_then(|()| visit(&mut machine, sample, start.wrong));
        let log = folder.join(format!("{}.log", title.replace(' ', "-")));
        util::write(&log, machine.log())?;
        let console = String::from_utf8_lossy(machine.log()).replace('\r', "");
        let mut faults = Vec::new();
        let facts = facts.unwrap_or_else(|error| {
            faults.push(format!("{error:#}"));
            Facts::default()
        });
        if faults.is_empty() {
            faults = judge::judge(&facts, &self.scenario, sample);
            if let Err(error) = self.look_from_outside(disk) {
                faults.push(format!("{error:#}"));
            }
        }
        // The recipes say so where the agent ends with anything but success.
        faults.extend(
            console
                .lines()
                .filter(|line| line.contains("osconf: exit"))
                .map(str::to_owned),
        );
        if !faults.is_empty() {
            let said = console.lines().filter(|line| line.starts_with("osconf: "));
            let said: String = said
                .map(|line| format!("\n  the console: {line}"))
                .collect();
            bail!(
                "  {title}: {}{said}",
                faults.join(&format!("\n  {title}: "))
            );
        }
        Ok(facts)
    }
}

/// The file of a sample.
fn sample_file(name: &str) -> PathBuf {
    util::root().join(format!("tests/samples/{name}.conf"))
}

/// Logs in, has the facts printed and switches the machine off.
fn visit(machine: &mut Machine, sample: &Sample, wrong: &str) -> Result<Facts> {
    let (console, _) = machine
        .expect(&["login: "])
        .context("waiting for the login prompt")?;
    machine.type_line("root")?;
    machine
        .expect(&["Password: "])
        .context("waiting for the password prompt")?;
    machine.type_line(&sample.password)?;
    // Refused: login says so, or dies of a hash that is none and getty asks anew.
    let answers = ["# ", "Login incorrect", "login: "];
    if machine.expect(&answers).context("waiting to be let in")?.1 > 0 {
        bail!("login refused the password of os.conf");
    }
    let wrong = match wrong {
        "" => String::new(),
        wrong => format!(" '{wrong}'"),
    };
    machine.type_line(&format!("sh /facts{wrong}"))?;
    machine.expect(&["== begin"])?;
    let (text, _) = machine
        .expect(&["== end"])
        .context("waiting for the facts")?;
    machine.type_line("mount -o remount,ro /; poweroff -f")?;
    machine.wait_for_off()?;
    let mut facts = Facts::parse(&text);
    facts.add("console", &console);
    Ok(facts)
}
