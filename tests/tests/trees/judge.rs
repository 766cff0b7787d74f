//! What a run left, against what its case says.

use crate::account::{hashes, name_hashes, replace};
use crate::compare::{differences, expected, texts};
use crate::machine::{KERNEL_NAME, read_optional};
use crate::output::Output;
use crate::record::DAY;
use crate::run::{Run, Seen};
use crate::snapshot::{Entry, Kind, Snapshot};
use crate::{record, rules};
use anyhow::Result;
use osconf_tests::case::ConfAfter;
use std::fs::File;
use std::path::Path;
use std::process::Command;

impl Run {
    pub(crate) fn judge_text(&mut self, what: &str, golden: &Path, found: &[u8]) -> Result<()> {
        let wanted = read_optional(golden)?.unwrap_or_default();
        if wanted != found {
            self.problems
                .push(format!("{what}: {}", texts(&wanted, found)));
        }
        Ok(())
    }

    pub(crate) fn judge_output(&mut self, output: &Output) -> Result<()> {
        if output.exit != self.case.exit {
            self.problems.push(format!(
                "exit code {}: {} was expected",
                output.exit, self.case.exit
            ));
        }
        for (name, text) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
            let found = self.general(text);
            self.judge_text(name, &self.case.folder.join(name), &found)?;
        }
        Ok(())
    }

    /// `tree` with the names of new hashes in their place.
    pub(crate) fn named(&self, before: &Snapshot, tree: &Snapshot) -> Result<Snapshot> {
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
    pub(crate) fn judge_root(&mut self, seen: &Seen) -> Result<()> {
        let mut wanted = expected(&self.case, &seen.built)?;
        let has_history = !self.case.first.is_empty();
        if has_history {
            rules::allow_history(&mut wanted, &seen.before, &seen.after);
        }
        rules::allow_housekeeping(&mut wanted, &seen.before, &seen.after);
        if !has_history {
            rules::allow_copies(&mut wanted, &seen.before, &seen.after);
        }
        let named = self.named(&seen.built, &seen.after)?;
        let wanted = self.named(&seen.built, &wanted)?;
        // Midnight may pass between the first line and the last.
        let [first, last] = [seen.start / DAY, record::now()? / DAY].map(|day| {
            let day = day.to_string();
            let mut wanted = wanted.clone();
            for entry in wanted.values_mut() {
                if let Kind::File(text) = &mut entry.kind {
                    *text = replace(text, b"{today}", day.as_bytes());
                }
            }
            differences(&wanted, &named)
        });
        self.problems
            .extend(if last.is_empty() { last } else { first });
        self.problems.extend(rules::exposed(
            &self.case,
            &self.secrets,
            &seen.built,
            &seen.after,
        ));
        self.problems
            .extend(record::check(&self.case, &self.machine.root, seen)?);
        Ok(())
    }

    /// The blocks of the case's own disks: no secret is left in any of them.
    pub(crate) fn judge_disks(&mut self) -> Result<()> {
        if self.case.disks.is_empty() || self.case.conf_after() == ConfAfter::Kept {
            return Ok(());
        }
        for point in self
            .case
            .disks
            .iter()
            .flatten()
            .filter(|point| *point != "-")
        {
            rustix::fs::syncfs(File::open(self.machine.root.join(point))?)?;
        }
        for number in 0..self.case.disks.len() {
            let image = self.machine.work.join(format!("disk{number}.img"));
            for secret in self.secrets.as_text() {
                let found = Command::new("grep")
                    .args(["--text", "--quiet", "--fixed-strings", "--", &secret])
                    .arg(&image)
                    .status()?;
                if found.success() {
                    self.problems
                        .push(format!("a block of disk{number} still holds the password"));
                }
            }
        }
        Ok(())
    }

    pub(crate) fn judge_kernel(&mut self) -> Result<()> {
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
}
