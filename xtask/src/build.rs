//! `cargo xtask build`: the binary for each architecture, and proof of what was linked.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use xshell::cmd;

use crate::target::Target;
use crate::{elf, setup, util};

/// Builds and checks osconf for each target and prints one line for each.
pub(crate) fn run(targets: &[Target]) -> Result<()> {
    for target in targets {
        let path = binary(target)?;
        let size = fs::metadata(&path)?.len();
        let per_cent = size * 100 / target.size_budget;
        println!(
            "{:<8} {size:>6} of {} bytes, {per_cent:>2} %, static, no heap: {}",
            target.name,
            target.size_budget,
            path.strip_prefix(util::root()).unwrap_or(&path).display()
        );
    }
    Ok(())
}

/// Builds osconf for one target, checks it, and returns its path.
pub(crate) fn binary(target: &Target) -> Result<PathBuf> {
    setup::rust_target(target)?;
    let folder = util::target_dir().join(&target.triple).join("release");
    let path = folder.join("osconf");
    let map = folder.join("osconf.map");
    link(target, &map)?;
    if !map.is_file() {
        // Cargo found the binary up to date and ran no linker, but somebody has removed the map.
        let (sh, triple) = (util::shell()?, &target.triple);
        cmd!(
            sh,
            "cargo clean --quiet --release --package osconf --target {triple}"
        )
        .quiet()
        .run()?;
        link(target, &map)?;
    }
    let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut faults =
        elf::faults(&bytes, target.elf_machine).with_context(|| path.display().to_string())?;
    let symbols = util::read(&map)?;
    for symbol in elf::heap_symbols(&symbols)? {
        faults.push(format!(
            "has a heap: {symbol} is linked in (see {})",
            map.display()
        ));
    }
    let size = bytes.len() as u64;
    if size > target.size_budget {
        faults.push(format!(
            "has {size} bytes, {} more than the budget of targets/{}.toml; its largest symbols:",
            size - target.size_budget,
            target.name
        ));
        faults.extend(
            elf::largest(&symbols, 12)
                .iter()
                .map(|(name, size)| format!("  {size:>6} {name}")),
        );
    }
    if !faults.is_empty() {
        bail!("{}:\n  {}", path.display(), faults.join("\n  "));
    }
    Ok(path)
}

/// `cargo rustc` is `cargo build` with a word to the linker of this one binary: to write a map.
fn link(target: &Target, map: &std::path::Path) -> Result<()> {
    let sh = util::shell()?;
    let triple = &target.triple;
    let map = format!("-Clink-arg=-Map={}", map.display());
    cmd!(sh, "cargo rustc --quiet --release --package osconf --bin osconf --target {triple} -- {map} -Clink-arg=--no-demangle")
        .quiet()
        .run()
        .with_context(|| format!("osconf does not build for {triple}"))
}
