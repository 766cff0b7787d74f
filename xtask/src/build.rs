//! `cargo xtask build`: the binary for each architecture, and proof of what was linked.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use xshell::{Shell, cmd};

use crate::target::{self, Target};
use crate::{elf, setup, util};

/// Builds and checks osconf for each target and prints one line for each.
pub(crate) fn run(targets: &[Target]) -> Result<()> {
    let mut wrong = Vec::new();
    let forms = targets
        .iter()
        .flat_map(|target| FORMS.iter().map(move |form| (target, form)));
    for (target, form) in forms {
        let path = binary_of(target, form)?;
        let budget = (form.budget)(target);
        let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let faults = faults(target, budget, &bytes, &util::read(&map(&path))?)
            .with_context(|| format!("cannot judge {}", path.display()))?;
        let size = bytes.len() as u64;
        let verdict = if faults.is_empty() {
            "static, no heap"
        } else {
            "WRONG"
        };
        println!(
            "{:<8} {:<9} {size:>6} of {budget} bytes, {:>2} %, {verdict}: {}",
            target.name,
            form.name,
            size * 100 / budget,
            path.strip_prefix(util::root()).unwrap_or(&path).display()
        );
        wrong.extend(
            faults
                .into_iter()
                .map(|fault| format!("\n  {}: {fault}", target.name)),
        );
    }
    if !wrong.is_empty() {
        bail!("the binary is not as it must be:{}", wrong.concat());
    }
    Ok(())
}

/// Builds osconf for each target, and names the binaries to what is run in `sh`:
/// in `OSCONF_X86_64` and so on, and in `OSCONF_HOST` the one that this machine runs,
/// with `OSCONF_HOST_BOOT` for the one for boots only.
pub(crate) fn name_binaries(sh: &Shell, targets: &[Target]) -> Result<()> {
    let host = target::host()?;
    for target in targets {
        let binary = binary(target)?;
        sh.set_var(format!("OSCONF_{}", target.name.to_uppercase()), &binary);
        if target.name == host.name {
            sh.set_var("OSCONF_HOST", &binary);
            sh.set_var("OSCONF_HOST_BOOT", binary_of(target, &BOOT_ONLY)?);
        }
    }
    Ok(())
}

/// Builds the binaries for boots only, too.
pub(crate) fn boot_only(targets: &[Target]) -> Result<()> {
    for target in targets {
        binary_of(target, &BOOT_ONLY)?;
    }
    Ok(())
}

/// What is left out of a binary.
pub(crate) struct Form {
    pub(crate) name: &'static str,
    /// The file's name where it lies beside the others.
    pub(crate) file: &'static str,
    /// The folder below that of all builds, so that one form does not overwrite another.
    folder: &'static str,
    /// What cargo is told.
    pub(crate) features: &'static [&'static str],
    pub(crate) budget: fn(&Target) -> u64,
}

/// Both forms; the first one is what the tests run.
pub(crate) const FORMS: &[Form] = &[WHOLE, BOOT_ONLY];

/// All commands.
const WHOLE: Form = Form {
    name: "whole",
    file: "osconf",
    folder: "",
    features: &[],
    budget: |target| target.size_budget,
};

/// Without what only who builds an image needs.
const BOOT_ONLY: Form = Form {
    name: "boot only",
    file: "osconf-boot",
    folder: "boot-only",
    features: &["--no-default-features"],
    budget: |target| target.boot_size_budget,
};

/// Builds osconf for one target and returns its path; the linker's map lies beside it.
pub(crate) fn binary(target: &Target) -> Result<PathBuf> {
    binary_of(target, &WHOLE)
}

pub(crate) fn binary_of(target: &Target, form: &Form) -> Result<PathBuf> {
    setup::rust_target(target)?;
    let folder = util::target_dir().join(form.folder);
    let path = place(&util::target_dir(), target, form);
    link(target, form, &folder, &map(&path))?;
    if !map(&path).is_file() {
        // Cargo found the binary up to date and ran no linker, but somebody has removed the map.
        let (sh, triple) = (util::shell()?, &target.triple);
        cmd!(
            sh,
            "cargo clean --quiet --release --package osconf --target {triple} --target-dir {folder}"
        )
        .quiet()
        .run()?;
        link(target, form, &folder, &map(&path))?;
    }
    Ok(path)
}

/// Where cargo puts it, below the folder of all that is built.
pub(crate) fn place(target_dir: &Path, target: &Target, form: &Form) -> PathBuf {
    let folder = target_dir.join(form.folder);
    folder.join(&target.triple).join("release/osconf")
}

/// The linker's map of a binary.
pub(crate) fn map(binary: &Path) -> PathBuf {
    binary.with_extension("map")
}

/// All that is wrong with a binary, told from its bytes and from the linker's map.
fn faults(target: &Target, budget: u64, bytes: &[u8], map: &str) -> Result<Vec<String>> {
    let mut faults = elf::faults(bytes, target.elf_machine)?;
    for symbol in elf::heap_symbols(map)? {
        faults.push(format!(
            "has a heap: {symbol} is linked in (osconf.map says from where)"
        ));
    }
    faults.extend(elf::panic_faults(bytes, map));
    let over = (bytes.len() as u64).saturating_sub(budget);
    if over > 0 {
        faults.push(format!(
            "{over} bytes more than targets/{}.toml allows; the largest symbols:",
            target.name
        ));
        let largest = elf::largest(map, 12);
        faults.extend(
            largest
                .iter()
                .map(|(name, size)| format!("  {size:>6} {name}")),
        );
    }
    Ok(faults)
}

/// `cargo rustc` is `cargo build` with a word to the linker of this one binary: to write a map.
fn link(target: &Target, form: &Form, folder: &Path, map: &Path) -> Result<()> {
    let sh = util::shell()?;
    let triple = &target.triple;
    let map = format!("-Clink-arg=-Map={}", map.display());
    // By which osconf knows a clock that cannot be right.
    if let Some(date) = source_date(&sh) {
        sh.set_var("SOURCE_DATE_EPOCH", date);
    }
    let features = form.features;
    cmd!(sh, "cargo rustc --quiet --release --package osconf --bin osconf {features...} --target {triple} --target-dir {folder} -- {map} -Clink-arg=--no-demangle")
        .quiet()
        .run()
        .with_context(|| format!("osconf does not build for {triple}"))
}

/// When the sources were last changed, in seconds since 1970: as whoever packages
/// them says (reproducible-builds.org), else by the last commit; unknown in an
/// unpacked archive.
pub(crate) fn source_date(sh: &Shell) -> Option<String> {
    let said = std::env::var("SOURCE_DATE_EPOCH").ok();
    said.or_else(|| {
        cmd!(sh, "git log -1 --format=%ct")
            .quiet()
            .ignore_stderr()
            .read()
            .ok()
            .filter(|date| !date.is_empty())
    })
}
