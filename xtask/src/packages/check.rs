//! `cargo xtask packages`: makes them, and tries each as far as it can be tried here.
//!
//! Debian's is judged by lintian, then installed into a Debian root, removed and
//! purged. Of the recipes, the part that says what goes where is run on the archive,
//! and what lies there then is compared with what `osconf install` has for that init.
//! The linters of the other systems are run where they are installed.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use xshell::{Shell, cmd};

use super::{debian, lay_out};
use crate::target::{self, Target};
use crate::{apt, build, dist, setup, util};

/// What the packages are tried on.
const RELEASE: &str = "bookworm";
/// What is in that root beside what every Debian has: both ways of starting.
const PACKAGES: &str = "systemd-sysv,sysv-rc,insserv,initscripts";
/// Warnings that say nothing about a recipe: its variables are for others (SC2034),
/// and from others (SC2154).
const RECIPE: &str = "SC2034,SC2154";

/// Where each recipe must put the program's start file, and which one it is.
const START_FILES: &[(&str, &str, &str)] = &[
    ("alpine", "etc/init.d/osconf", "openrc/osconf"),
    ("buildroot", "etc/init.d/S39osconf", "busybox/S39osconf"),
    (
        "buildroot",
        "usr/lib/systemd/system/osconf.service",
        "systemd/osconf.service",
    ),
    ("openwrt", "etc/init.d/osconf", "procd/osconf"),
    ("yocto", "etc/init.d/osconf", "sysvinit/osconf"),
    (
        "yocto",
        "usr/lib/systemd/system/osconf.service",
        "systemd/osconf.service",
    ),
];

/// Makes and tries all of them.
pub(crate) fn run() -> Result<()> {
    let targets = target::all()?;
    let sh = util::shell()?;
    build::name_binaries(&sh, &targets)?;
    build::boot_only(&targets)?;
    let temporary = tempfile::tempdir()?;
    let folder = temporary.path();
    // Of no release: only that it is the same for all.
    let date = "1700000000";
    let mut packages = Vec::new();
    for target in &targets {
        dist::archive(&sh, target, date, folder)?;
        packages.push(folder.join(debian(&sh, target, date, folder)?));
    }
    let recipes = folder.join("recipes");
    lay_out(&sh, folder, &recipes)?;
    lintian(&sh, &packages)?;
    let host = target::host()?;
    let own = targets.iter().position(|target| target.name == host.name);
    let own = own
        .and_then(|own| packages.get(own))
        .context("not for this machine")?;
    install(&sh, own, &host)?;
    recipes_put(&sh, &recipes, &host)?;
    lint(&sh, &recipes)
}

/// Debian's own judge. Overrides stand in the package, each with a reason.
fn lintian(sh: &Shell, packages: &[PathBuf]) -> Result<()> {
    cmd!(
        sh,
        "lintian --no-cfg --allow-root --fail-on error,warning --tag-display-limit 0 {packages...}"
    )
    .quiet()
    .run()
    .context("lintian has found something")?;
    println!("packages: lintian has nothing against {}", packages.len());
    Ok(())
}

/// A Debian root from the cache, made when it is not there.
fn root(target: &Target) -> Result<PathBuf> {
    let architecture = &target.debian.architecture;
    let folder = util::cached("packages", RELEASE, PACKAGES, |folder| {
        fs::create_dir_all(folder)?;
        apt::bootstrap(&folder.join("root"), architecture, RELEASE, PACKAGES)
    })?;
    Ok(folder.join("root"))
}

/// Installs the package, removes it, and purges it, in a layer above the root.
fn install(sh: &Shell, package: &Path, target: &Target) -> Result<()> {
    let root = root(target)?;
    let work = tempfile::tempdir()?;
    for name in ["upper", "work", "root"] {
        fs::create_dir(work.path().join(name))?;
    }
    let script = util::root().join("xtask/src/packages/debian.sh");
    let binary = build::place(&util::target_dir(), target, &build::FORMS[0]);
    let tree = util::root();
    let work = work.path();
    let said = cmd!(
        sh,
        "unshare --mount sh -eu {script} {root} {work} {package} {binary} {tree}"
    )
    .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
    .env("LC_ALL", "C")
    .quiet()
    .output()
    .context("Debian's package cannot be installed and removed")?;
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    print!("{said}");
    Ok(())
}

/// Runs what each recipe does on the archive.
fn recipes_put(sh: &Shell, recipes: &Path, target: &Target) -> Result<()> {
    let temporary = tempfile::tempdir()?;
    let work = temporary.path();
    let archive = recipes.join("archives").join(dist::archive_name(target));
    cmd!(sh, "tar -xzf {archive} -C {work}").quiet().run()?;
    let unpacked = work.join(dist::name(target));
    let arch = &target.name;
    let script = util::root().join("xtask/src/packages/recipes.sh");
    cmd!(sh, "sh -eu {script} {recipes} {unpacked} {work} {arch}")
        .env("LC_ALL", "C")
        .quiet()
        .ignore_stdout()
        .run()
        .context("a recipe does not do what it says")?;
    for (recipe, place, file) in START_FILES {
        let there = util::read(&work.join(recipe).join(place))?;
        let ours = util::read(&util::root().join("targets/init").join(file))?;
        ensure!(
            there == ours,
            "{recipe}: /{place} is not targets/init/{file}"
        );
    }
    let mut count = BTreeMap::new();
    for recipe in ["alpine", "buildroot", "openwrt", "yocto"] {
        let folder = work.join(recipe);
        let program = fs::metadata(folder.join("usr/sbin/osconf"))
            .with_context(|| format!("{recipe} has no program"))?;
        ensure!(
            program.permissions().mode() & 0o777 == 0o755,
            "{recipe}: mode"
        );
        let known: Vec<_> = START_FILES
            .iter()
            .filter(|one| one.0 == recipe)
            .map(|one| one.1)
            .collect();
        let files = util::files(&folder)?;
        for file in &files {
            let name = file.strip_prefix(&folder)?.to_string_lossy().into_owned();
            let is_known = name == "usr/sbin/osconf"
                || name.starts_with("usr/share/")
                || known.contains(&&*name);
            ensure!(is_known, "{recipe} puts something nobody knows: /{name}");
        }
        count.insert(recipe, files.len());
    }
    println!("packages: recipes put what they should: {count:?} files");
    Ok(())
}

/// What the linters that are there say of the recipes.
fn lint(sh: &Shell, recipes: &Path) -> Result<()> {
    let alpine = recipes.join("alpine");
    let scripts = util::files(&alpine)?;
    let scripts: Vec<_> = scripts.iter().filter(|file| !file.is_symlink()).collect();
    cmd!(
        sh,
        "shellcheck --shell=dash --exclude={RECIPE},SC3043 {scripts...}"
    )
    .quiet()
    .run()?;
    let debian = util::root().join("targets/pkg/debian");
    cmd!(sh, "shellcheck {debian}/postinst {debian}/postrm")
        .quiet()
        .run()?;
    optional(
        sh,
        "Yocto's recipe",
        "oelint-adv",
        &[
            "--quiet",
            "--hide",
            "info",
            "--suppress",
            "oelint.vars.homepageping",
        ],
        &recipes.join("yocto"),
    )?;
    optional(
        sh,
        "Buildroot's package",
        "check-package",
        &["-b"],
        &recipes.join("buildroot"),
    )
}

/// Runs a linter that no Debian has, where it is installed, on all files of a folder.
fn optional(sh: &Shell, what: &str, tool: &str, how: &[&str], folder: &Path) -> Result<()> {
    if !setup::has(tool) {
        println!("packages: {what} is not linted: {tool} is not there");
        return Ok(());
    }
    let files = util::files(folder)?;
    cmd!(sh, "{tool} {how...} {files...}")
        .quiet()
        .run()
        .with_context(|| format!("{tool} has found something in {what}"))?;
    println!("packages: {tool} has nothing against {what}");
    Ok(())
}
