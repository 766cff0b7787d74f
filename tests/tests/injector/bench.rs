//! A machine with all that is needed to put faults on it, again and again.

use crate::ground;
use crate::hash::Verifier;
use crate::judge::{Judge, Problem, named};
use crate::machine::{Machine, PASSWORD};
use crate::shot::{Shot, Story};
use crate::tracer::{Look, Outcome, Starter};
use crate::tree::{self, Entry, Tree};
use anyhow::{Context, Result, ensure};
use osconf::record::Digest;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What does the work for all machines of a worker.
pub(crate) struct Tools {
    pub(crate) starter: Starter,
    pub(crate) verifier: Verifier,
    /// How the program is called.
    pub(crate) program: String,
    /// And the one of this machine, which no emulator slows down.
    pub(crate) native: String,
}

impl Tools {
    /// For a worker in `folder`.
    pub(crate) fn new(starter: Starter, program: &str, native: &str) -> Result<Self> {
        Ok(Self {
            starter,
            verifier: Verifier::new(PASSWORD)?,
            program: program.to_owned(),
            native: native.to_owned(),
        })
    }
}

/// A machine on its ground.
pub(crate) struct Bench<'a> {
    pub(crate) machine: &'a Machine,
    pub(crate) judge: Judge,
    /// The calls of a run that nothing disturbs.
    pub(crate) trace: Vec<(i64, u64)>,
    /// How the runs of a story ended, and what they said.
    pub(crate) said: String,
    tools: &'a mut Tools,
    place: PathBuf,
    /// What is there now.
    now: Tree,
}

impl<'a> Bench<'a> {
    /// Puts the machine where such machines lie in `folder`, and looks at what an
    /// undisturbed run makes of it.
    pub(crate) fn new(machine: &'a Machine, tools: &'a mut Tools, folder: &Path) -> Result<Self> {
        let place = ground::place(folder, machine.ground);
        let outcome = Outcome::nothing();
        let mut bench = Self {
            machine,
            judge: Judge::new(machine, Tree::new(), Tree::new(), &outcome),
            trace: Vec::new(),
            said: String::new(),
            now: tree::take(&place)?,
            tools,
            place,
        };
        tree::restore(&bench.place, &bench.now, &machine.tree, &[])?;
        bench.now = machine.tree.clone();
        for name in &machine.mounted {
            ground::mount_on_itself(&bench.place.join(name))?;
        }
        bench.look_forward()?;
        Ok(bench)
    }

    /// Finds what the machine becomes, and may become for a while.
    fn look_forward(&mut self) -> Result<()> {
        let mut between = Vec::new();
        let is_apply = self.machine.command == "apply";
        for done in (1..1 << PARTS.len()).filter(|_| is_apply) {
            self.begin()?;
            let record = self.record(done)?;
            tree::make(&self.place.join("root/etc/osconf"), &Entry::folder(0o700))?;
            tree::make(&self.place.join("root/etc/osconf/record"), &record)?;
            between.push(self.foresee()?);
        }
        // Where name servers are refused, the files of the network do not have them, as
        // if os.conf had none.
        if is_apply {
            self.begin()?;
            let path = self.place.join(&self.machine.conf);
            let text = std::fs::read_to_string(&path)?;
            let lines = text.split_inclusive('\n');
            let rest: String = lines.filter(|line| !line.starts_with("dns")).collect();
            std::fs::write(&path, rest)?;
            between.push(self.foresee()?);
        }
        self.begin()?;
        let old = self.look()?;
        let outcome = self.run(&Look::AtAll)?;
        let new = self.look()?;
        self.judge = Judge::new(self.machine, old, new, &outcome);
        for (name, entry) in between.into_iter().flatten() {
            self.judge.between.entry(name).or_default().push(entry);
        }
        self.trace = outcome.trace;
        Ok(())
    }

    /// What the machine becomes now. Every architecture makes the same of it.
    fn foresee(&mut self) -> Result<Tree> {
        let (command, program) = (self.machine.command, &self.tools.native);
        let line = self.machine.line(program, command, &self.place);
        self.tools.starter.run(&line, &Look::Away)?;
        self.look()
    }

    /// A record by which some of the parts of this os.conf are done already: bit by bit.
    /// A run then does the others, as if those had been refused.
    fn record(&self, done: usize) -> Result<Entry> {
        let path = self.place.join(&self.machine.conf);
        let meta = std::fs::metadata(&path)?;
        let mut text = String::new();
        for (bit, part) in PARTS.iter().enumerate() {
            let state = if done >> bit & 1 == 1 { "done" } else { "open" };
            text += &format!("{part}={state}\n");
        }
        let digest = Digest::of(&std::fs::read(path)?)
            .0
            .map(|byte| format!("{byte:02x}"))
            .concat();
        let (modified, inode) = (meta.mtime(), meta.ino());
        text += &format!("digest={digest}\nmodified={modified}\ninode={inode}\n");
        Ok(Entry::file(text.as_bytes(), 0o600))
    }

    /// Makes the machine what it was in the beginning.
    fn begin(&mut self) -> Result<()> {
        let mut wanted = self.machine.tree.clone();
        if let Some(late) = &self.machine.late {
            let file = wanted.insert(late.clone(), Entry::folder(0o755));
            self.restore(wanted)?;
            self.run(&Look::Away)?;
            let path = self.place.join(late);
            std::fs::remove_dir(&path).with_context(|| format!("{late} was not in the way"))?;
            tree::make(&path, &file.context("no such file")?)?;
            self.now = tree::take(&self.place)?;
            return Ok(());
        }
        self.restore(wanted)?;
        if self.machine.command == "revert" {
            self.run_command("apply", &Look::Away)?;
            self.now = tree::take(&self.place)?;
        }
        Ok(())
    }

    fn restore(&mut self, wanted: Tree) -> Result<()> {
        tree::restore(&self.place, &self.now, &wanted, &self.machine.mounted)?;
        self.now = wanted;
        Ok(())
    }

    fn run(&mut self, look: &Look<'_>) -> Result<Outcome> {
        self.run_command(self.machine.command, look)
    }

    fn run_command(&mut self, command: &str, look: &Look<'_>) -> Result<Outcome> {
        let line = self.machine.line(&self.tools.program, command, &self.place);
        self.tools.starter.run(&line, look)
    }

    /// What is there now.
    fn look(&mut self) -> Result<Tree> {
        self.now = tree::take(&self.place)?;
        named(&self.now, &mut self.tools.verifier)
    }

    /// Runs a story from the beginning, and then what must mend it. Returns how many
    /// faults came to pass, and what is wrong.
    pub(crate) fn tell(&mut self, story: &Story) -> Result<(u64, Vec<Problem>)> {
        self.begin()?;
        self.said.clear();
        let mut fired = 0;
        for shots in &story.0 {
            let (count, problems) = self.disturb(shots)?;
            fired += count;
            if !problems.is_empty() {
                return Ok((fired, problems));
            }
        }
        if ["plan", "check"].contains(&self.machine.command) {
            return Ok((fired, Vec::new()));
        }
        let outcome = self.run(&Look::Away)?;
        let now = self.look()?;
        self.said += &format!("{:?}: {}", outcome.end, outcome.error);
        Ok((fired, self.judge.repaired(&now, &outcome)))
    }

    fn disturb(&mut self, shots: &[Shot]) -> Result<(u64, Vec<Problem>)> {
        let outcome = self.run(&Look::At(shots))?;
        let now = self.look()?;
        let problems = self.judge.disturbed(&now, &outcome, shots);
        self.said += &format!("{:?}: {}", outcome.end, outcome.error);
        Ok((outcome.fired, problems))
    }

    /// Runs another program instead, which is written in Perl, and judges it in the same
    /// way.
    pub(crate) fn tell_of(&mut self, program: &str, shots: &[Shot]) -> Result<Vec<Problem>> {
        self.begin()?;
        let (place, conf) = (self.place.display(), &self.machine.conf);
        let command = format!("perl -e '($r, $c) = @ARGV; {program}' {place}/root {place}/{conf}");
        let outcome = self.tools.starter.run(&command, &Look::At(shots))?;
        ensure!(outcome.fired > 0, "{command}: no fault came to pass");
        let now = self.look()?;
        Ok(self.judge.disturbed(&now, &outcome, shots))
    }
}

impl Drop for Bench<'_> {
    fn drop(&mut self) {
        for name in &self.machine.mounted {
            let _ = ground::unmount(&self.place.join(name));
        }
    }
}

/// The parts of os.conf, as the record has them.
const PARTS: [&str; 4] = ["password", "hostname", "network", "dns"];
