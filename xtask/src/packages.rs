//! What is handed out for one system each: Debian's package, ready to be installed,
//! and recipes by which Alpine, Buildroot, OpenWrt and Yocto make their own.
//!
//! All of them take the program out of the archives of `cargo xtask dist`: it is
//! static, and wants a newer Rust than most of those systems have. Start files, man
//! pages and the rest come out of the archive, too; in `targets/pkg` lies only what
//! says where they go.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use anyhow::{Context, Result, bail};
use xshell::{Shell, cmd};

use crate::build::{self, FORMS};
use crate::dist::{self, VERSION};
use crate::target::{self, Target};
use crate::util;

mod check;

pub(crate) use check::run;

/// Where a file of the tree goes in Debian's package, and its mode.
const DEBIAN: &[(&str, &str, u32)] = &[
    (
        "targets/init/systemd/osconf.service",
        "usr/lib/systemd/system/osconf.service",
        0o644,
    ),
    ("targets/init/sysvinit/osconf", "etc/init.d/osconf", 0o755),
    (
        "targets/completions/osconf.bash",
        "usr/share/bash-completion/completions/osconf",
        0o644,
    ),
    (
        "targets/completions/_osconf",
        "usr/share/zsh/vendor-completions/_osconf",
        0o644,
    ),
    (
        "targets/completions/osconf.fish",
        "usr/share/fish/vendor_completions.d/osconf.fish",
        0o644,
    ),
    ("README.md", "usr/share/doc/osconf/README.md", 0o644),
    (
        "targets/pkg/debian/lintian-overrides",
        "usr/share/lintian/overrides/osconf",
        0o644,
    ),
];

/// The same for what is packed by gzip there: texts and man pages.
const DEBIAN_PACKED: &[(&str, &str)] = &[
    ("targets/doc/osconf.8", "usr/share/man/man8/osconf.8"),
    (
        "targets/doc/osconf-config.5",
        "usr/share/man/man5/osconf-config.5",
    ),
    ("targets/doc/changelog.md", "usr/share/doc/osconf/changelog"),
];

/// Values that stand for `@KEY@` in a recipe.
type Values = BTreeMap<String, String>;

/// Fills a recipe in. A key that nobody knows is a mistake.
fn fill(text: &str, values: &Values) -> Result<String> {
    let mut out = text.to_owned();
    for (key, value) in values {
        out = out.replace(&format!("@{key}@"), value);
    }
    let left = out.split('@').skip(1).step_by(2).find(|word| {
        !word.is_empty()
            && word
                .bytes()
                .all(|byte| byte.is_ascii_uppercase() || byte == b'_')
    });
    match left {
        Some(word) => bail!("nobody knows what @{word}@ stands for"),
        None => Ok(out),
    }
}

/// The text of a recipe, filled in.
fn filled(path: &str, values: &Values) -> Result<String> {
    let text = util::read(&util::root().join("targets/pkg").join(path))?;
    fill(&text, values).with_context(|| format!("targets/pkg/{path}"))
}

/// Packs Debian's package of one architecture into a folder, and returns its name.
pub(crate) fn debian(sh: &Shell, target: &Target, date: &str, to: &Path) -> Result<String> {
    let temporary = tempfile::tempdir()?;
    let tree = temporary.path().join("tree");
    let whole = FORMS.first().context("there is no form")?;
    let binary = build::place(&util::target_dir(), target, whole);
    util::copy(&binary, &tree.join("usr/sbin/osconf"), 0o755)?;
    for (from, to, mode) in DEBIAN {
        util::copy(&util::root().join(from), &tree.join(to), *mode)?;
    }
    for (from, to) in DEBIAN_PACKED {
        packed(sh, &util::read(&util::root().join(from))?, &tree.join(to))?;
    }
    // Of hooks nobody knows whether they are wanted: they are for copying.
    let examples = tree.join("usr/share/doc/osconf/examples");
    util::copy_tree(&util::root().join("targets/initramfs"), &examples)?;

    let licence = util::read(&util::root().join("LICENSE-MIT"))?;
    let mut values = Values::from([
        ("VERSION".to_owned(), VERSION.to_owned()),
        (
            "DATE".to_owned(),
            cmd!(sh, "date -u -R -d @{date}")
                .env("LC_ALL", "C")
                .quiet()
                .read()?,
        ),
        (
            "ARCHITECTURE".to_owned(),
            target.debian.architecture.clone(),
        ),
        ("MIT".to_owned(), indented(&licence)),
    ]);
    packed(
        sh,
        &filled("debian/changelog", &values)?,
        &tree.join("usr/share/doc/osconf/changelog.Debian"),
    )?;
    util::write(
        &tree.join("usr/share/doc/osconf/copyright"),
        filled("debian/copyright", &values)?,
    )?;
    let files = util::files(&tree)?;
    let size: u64 = files
        .iter()
        .map(|file| fs::metadata(file).map_or(0, |it| it.len()))
        .sum();
    values.insert("SIZE".to_owned(), size.div_ceil(1024).to_string());
    let names: Vec<_> = files
        .iter()
        .filter_map(|file| file.strip_prefix(&tree).ok())
        .collect();
    let sums = cmd!(sh, "env --chdir={tree} md5sum -- {names...}")
        .quiet()
        .read()?
        + "\n";
    let control = tree.join("DEBIAN");
    util::write(&control.join("md5sums"), sums)?;
    for (name, mode) in [
        ("control", 0o644),
        ("conffiles", 0o644),
        ("postinst", 0o755),
        ("postrm", 0o755),
    ] {
        let path = control.join(name);
        util::write(&path, filled(&format!("debian/{name}"), &values)?)?;
        fs::set_permissions(&path, Permissions::from_mode(mode))?;
    }
    modes(&tree)?;
    let name = format!("osconf_{VERSION}-1_{}.deb", target.debian.architecture);
    let file = to.join(&name);
    // Which takes all times back to this one. gzip, since what xz makes may depend on
    // how many processors there are.
    cmd!(
        sh,
        "dpkg-deb --root-owner-group -Zgzip -z9 --build {tree} {file}"
    )
    .env("SOURCE_DATE_EPOCH", date)
    .quiet()
    .ignore_stdout()
    .run()?;
    Ok(name)
}

/// Folders that anybody may enter, and files that anybody may read, whatever the umask.
fn modes(folder: &Path) -> Result<()> {
    fs::set_permissions(folder, Permissions::from_mode(0o755))?;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            modes(&path)?;
        } else {
            let mode = fs::metadata(&path)?.permissions().mode() & 0o100;
            let mode = if mode == 0 { 0o644 } else { 0o755 };
            fs::set_permissions(&path, Permissions::from_mode(mode))?;
        }
    }
    Ok(())
}

/// Writes a text and packs it, with no time and no name in it (gzip(1), -n).
fn packed(sh: &Shell, text: &str, to: &Path) -> Result<()> {
    util::write(to, text)?;
    Ok(cmd!(sh, "gzip --no-name -9 {to}").quiet().run()?)
}

/// A text in a field of Debian's: indented, and a point where a line is empty.
fn indented(text: &str) -> String {
    let lines = text.lines().map(|line| match line {
        "" => " .".to_owned(),
        line => format!(" {line}"),
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Packs the recipes, with the archives of a folder that they take the program from,
/// and returns the name of what was packed into the same folder.
pub(crate) fn recipes(sh: &Shell, date: &str, folder: &Path) -> Result<String> {
    let name = format!("osconf-{VERSION}-recipes");
    let temporary = tempfile::tempdir()?;
    lay_out(sh, folder, &temporary.path().join(&name))?;
    dist::pack(sh, temporary.path(), &name, date, folder)
}

/// Lays the recipes out, filled in, beside the archives.
fn lay_out(sh: &Shell, archives: &Path, to: &Path) -> Result<()> {
    let mut values = Values::from([("VERSION".to_owned(), VERSION.to_owned())]);
    let mut sum = |key: &str, kind: &str, file: &Path| -> Result<()> {
        let tool = format!("{kind}sum");
        let line = cmd!(sh, "{tool} {file}").quiet().read()?;
        let sum = line.split(' ').next().unwrap_or_default();
        values.insert(format!("{}_{key}", kind.to_uppercase()), sum.to_owned());
        Ok(())
    };
    let mut names = Vec::new();
    for target in target::all()? {
        let file = dist::archive_name(&target);
        let key = target.name.to_uppercase();
        sum(&key, "sha256", &archives.join(&file))?;
        sum(&key, "sha512", &archives.join(&file))?;
        util::copy(
            &archives.join(&file),
            &to.join("archives").join(&file),
            0o644,
        )?;
        names.push(file);
    }
    for licence in ["LICENSE-APACHE", "LICENSE-MIT"] {
        let file = util::root().join(licence);
        let key = licence.replace('-', "_");
        sum(&key, "sha256", &file)?;
        sum(&key, "md5", &file)?;
    }
    let from = util::root().join("targets/pkg");
    for path in util::files(&from)? {
        let name = path.strip_prefix(&from)?.to_string_lossy().into_owned();
        // That one is no recipe: it is made here.
        if !name.starts_with("debian/") {
            util::write(&to.join(fill(&name, &values)?), filled(&name, &values)?)?;
        }
    }
    // abuild takes what lies in the folder of its recipe.
    for name in names {
        symlink(
            Path::new("../archives").join(&name),
            to.join("alpine").join(&name),
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipe_has_no_key_that_nobody_knows() {
        let values = Values::from([("VERSION".to_owned(), "1.2".to_owned())]);
        assert_eq!(fill("v@VERSION@ a@b", &values).unwrap(), "v1.2 a@b");
        let fault = fill("@VERSION@ @SUM@", &values).unwrap_err().to_string();
        assert!(fault.contains("@SUM@"), "{fault}");
    }
}
