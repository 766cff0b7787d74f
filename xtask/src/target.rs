//! The rows of `targets/*.toml`: all that differs between architectures.
//!
//! No code names an architecture, so a new one is a new row (and a target in
//! rust-toolchain.toml).

use std::fs;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::util;

/// One architecture that osconf is built for.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Target {
    /// The file's stem, which is also Rust's name of the architecture.
    #[serde(skip)]
    pub(crate) name: String,
    /// The target as rustc calls it.
    pub(crate) triple: String,
    /// `e_machine` of the ELF header.
    pub(crate) elf_machine: u16,
    /// The largest size of the stripped binary, in bytes.
    pub(crate) size_budget: u64,
    /// The same without what only who builds an image needs.
    pub(crate) boot_size_budget: u64,
    /// How the boot tests start a machine.
    pub(crate) qemu: Qemu,
    /// Where the boot tests get kernel and BusyBox from.
    pub(crate) debian: Debian,
}

/// A machine of this architecture.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Qemu {
    /// The emulator.
    pub(crate) program: String,
    /// Debian's package that has it.
    pub(crate) package: String,
    /// Machine type, processor and memory.
    pub(crate) arguments: Vec<String>,
    /// The kernel's name of the serial console.
    pub(crate) console: String,
    /// What else the kernel must be told.
    pub(crate) kernel_line: String,
}

/// What Debian calls things.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Debian {
    /// Its name of the architecture.
    pub(crate) architecture: String,
    /// The (meta)package of the kernel that is booted.
    pub(crate) kernel: String,
}

/// Every architecture, in the order of the file names.
pub(crate) fn all() -> Result<Vec<Target>> {
    let folder = util::root().join("targets");
    let mut targets = Vec::new();
    for entry in
        fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))?
    {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "toml")
        {
            let text = util::read(&path)?;
            let mut target: Target = toml::from_str(&text)
                .with_context(|| format!("{} is not a target", path.display()))?;
            target.name = util::stem(&path);
            targets.push(target);
        }
    }
    targets.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(targets)
}

/// The architecture of this name.
pub(crate) fn named(name: &str) -> Result<Target> {
    let all = all()?;
    let names: Vec<_> = all.iter().map(|target| target.name.clone()).collect();
    match all.into_iter().find(|target| target.name == name) {
        Some(target) => Ok(target),
        None => bail!(
            "`{name}` is no architecture of targets/*.toml; there are {}",
            names.join(", ")
        ),
    }
}

/// The architecture of the machine that xtask runs on.
pub(crate) fn host() -> Result<Target> {
    named(std::env::consts::ARCH).context("this machine cannot run any osconf natively")
}
