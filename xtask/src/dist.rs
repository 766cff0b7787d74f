//! `cargo xtask dist`: what is handed out, the same bytes whoever makes it and where.
//!
//! How an archive is kept from telling who made it, and when:
//! reproducible-builds.org/docs/archives.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use xshell::{Shell, cmd};

use crate::build::{self, FORMS};
use crate::target::{self, Target};
use crate::{packages, sbom, util};

/// All packages of the workspace have one.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What lies in an archive beside the binaries.
const FILES: &[&str] = &["LICENSE-APACHE", "LICENSE-MIT", "README.md"];
/// Start files, for an image that `osconf install` is not run on; man pages and other
/// words; what a shell completes.
const FOLDERS: &[&str] = &[
    "targets/init",
    "targets/initramfs",
    "targets/doc",
    "targets/completions",
];

/// Where the archives go.
pub(crate) fn folder() -> PathBuf {
    util::target_dir().join("dist")
}

/// Builds everything, and makes the folder anew.
pub(crate) fn run() -> Result<()> {
    let targets = target::all()?;
    build::run(&targets)?;
    let folder = folder();
    if folder.exists() {
        fs::remove_dir_all(&folder)
            .with_context(|| format!("cannot empty {}", folder.display()))?;
    }
    fs::create_dir_all(&folder)?;
    let sh = util::shell()?;
    let date = build::source_date(&sh)
        .context("no git tells of which day this is: say so by SOURCE_DATE_EPOCH")?;
    let mut made = Vec::new();
    for target in &targets {
        made.push(archive(&sh, target, &date, &folder)?);
        made.push(packages::debian(&sh, target, &date, &folder)?);
        for form in FORMS {
            let name = format!("{}-{VERSION}-{}.cdx.json", form.file, target.name);
            let binary = build::place(&util::target_dir(), target, form);
            let text = sbom::text(&sh, target, form, &binary, &date)?;
            util::write(&folder.join(&name), text)?;
            made.push(name);
        }
    }
    made.push(packages::recipes(&sh, &date, &folder)?);
    made.sort();
    sh.change_dir(&folder);
    let sums = cmd!(sh, "sha256sum -- {made...}").quiet().read()? + "\n";
    util::write(&folder.join("SHA256SUMS"), &sums)?;
    println!("{sums}dist: {}", folder.display());
    Ok(())
}

/// The one folder in the archive of an architecture.
pub(crate) fn name(target: &Target) -> String {
    format!("osconf-{VERSION}-{}", target.name)
}

/// What that archive is called.
pub(crate) fn archive_name(target: &Target) -> String {
    packed(&name(target))
}

fn packed(name: &str) -> String {
    format!("{name}.tar.gz")
}

/// Packs one architecture into a folder, and returns the archive's name.
pub(crate) fn archive(sh: &Shell, target: &Target, date: &str, to: &Path) -> Result<String> {
    let name = name(target);
    let temporary = tempfile::tempdir()?;
    let inner = temporary.path().join(&name);
    for form in FORMS {
        let binary = build::place(&util::target_dir(), target, form);
        util::copy(&binary, &inner.join(form.file), 0o755)?;
    }
    for file in FILES {
        util::copy(&util::root().join(file), &inner.join(file), 0o644)?;
    }
    // With the mode: some of them are run where they lie.
    cmd!(sh, "cp -R --parents -- {FOLDERS...} {inner}")
        .quiet()
        .run()?;
    pack(sh, temporary.path(), &name, date, to)
}

/// Packs the folder `name` of another one, and returns the archive's name.
pub(crate) fn pack(sh: &Shell, outer: &Path, name: &str, date: &str, to: &Path) -> Result<String> {
    let tar = outer.join("tar");
    // GNU tar's words. The format knows neither parts of seconds nor names of users.
    let same = [
        "--format=ustar".to_owned(),
        "--sort=name".to_owned(),
        format!("--mtime=@{date}"),
        "--numeric-owner".to_owned(),
        "--owner=0".to_owned(),
        "--group=0".to_owned(),
        "--mode=u+rw,go=rX,a-s".to_owned(),
    ];
    cmd!(
        sh,
        "tar {same...} --create --file={tar} --directory={outer} {name}"
    )
    .quiet()
    .run()?;
    cmd!(sh, "gzip --no-name -9 {tar}").quiet().run()?;
    let file = packed(name);
    util::copy(&tar.with_extension("gz"), &to.join(&file), 0o644)?;
    Ok(file)
}
