//! `cargo xtask reproduce`: makes everything that is handed out a second time, from a
//! copy of the tree in another folder, and finds the same bytes.
//!
//! Nothing that may differ between two makers is the same there: the folder of the
//! sources, cargo's home and with it that of the dependencies, where it is built and
//! by how many at once, the zone, the language, the umask, and that there is a git.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use xshell::{Shell, cmd};

use crate::build::{self, FORMS};
use crate::{dist, target, util};

/// Makes everything twice and compares it.
pub(crate) fn run() -> Result<()> {
    dist::run()?;
    let sh = util::shell()?;
    let folder = tempfile::tempdir()?;
    let copy = folder.path().join("elsewhere/deeper/tree");
    let target_dir = folder.path().join("built");
    copy_tree(&sh, &copy)?;
    let there = util::shell()?;
    there.change_dir(&copy);
    let home = folder.path().join("cargo");
    cargo_home(&home)?;
    there.set_var("CARGO_HOME", &home);
    there.set_var("CARGO_TARGET_DIR", &target_dir);
    there.set_var("CARGO_BUILD_JOBS", "1");
    there.set_var("CARGO_NET_OFFLINE", "true");
    there.set_var("TZ", "Asia/Kathmandu");
    there.set_var("LC_ALL", "C.UTF-8");
    let date = build::source_date(&sh).context("no git, and no SOURCE_DATE_EPOCH")?;
    there.set_var("SOURCE_DATE_EPOCH", date);
    println!("reproduce: once more in {}", copy.display());
    let script = "umask 077 && exec cargo xtask dist";
    let said = cmd!(there, "sh -c {script}").quiet().read()?;
    let differences = differences(folder.path(), &target_dir)?;
    if !differences.is_empty() {
        let kept = folder.keep();
        bail!(
            "it was\n{said}\nnot the same bytes; all of it is kept in {}:\n  {}",
            kept.display(),
            differences.join("\n  ")
        );
    }
    println!("reproduce: the same bytes, all of them");
    Ok(())
}

/// Every file of the tree that git knows or would add, as it is now, without git's own.
fn copy_tree(sh: &Shell, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    let files = cmd!(
        sh,
        "git ls-files -z --cached --others --exclude-standard --deduplicate"
    )
    .quiet()
    .output()?;
    let archive = to.with_extension("tar");
    cmd!(
        sh,
        "tar --null --verbatim-files-from --files-from=- --create --file={archive}"
    )
    .stdin(files.stdout)
    .quiet()
    .run()?;
    cmd!(sh, "tar --extract --file={archive} --directory={to}")
        .quiet()
        .run()?;
    Ok(fs::remove_file(archive)?)
}

/// Another home of cargo's, with the packages that the first one has fetched.
fn cargo_home(home: &Path) -> Result<()> {
    let own = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let own = own.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    let own = own.context("neither CARGO_HOME nor HOME is set")?;
    fs::create_dir_all(home)?;
    for name in ["registry", "config.toml", "config"] {
        if own.join(name).exists() {
            symlink(own.join(name), home.join(name))?;
        }
    }
    Ok(())
}

/// What differs between what this tree made and what the copy in `folder` did.
fn differences(folder: &Path, target_dir: &Path) -> Result<Vec<String>> {
    let mut pairs = Vec::new();
    for target in target::all()? {
        for form in FORMS {
            let place = |folder: &Path| build::place(folder, &target, form);
            pairs.push((
                format!("{} for {}", form.file, target.name),
                place(&util::target_dir()),
                place(target_dir),
            ));
        }
    }
    let (ours, theirs) = (dist::folder(), target_dir.join("dist"));
    let mut names = names(&ours)?;
    names.extend(self::names(&theirs)?);
    names.sort();
    names.dedup();
    for name in names {
        let what = name.to_string_lossy().into_owned();
        pairs.push((what, ours.join(&name), theirs.join(&name)));
    }
    let differ = |(what, one, other): (String, PathBuf, PathBuf)| {
        let how = match (fs::read(one), fs::read(other)) {
            (Ok(one), Ok(other)) => difference(&one, &other, folder)?,
            (Err(error), _) | (_, Err(error)) => error.to_string(),
        };
        Some(format!("{what}: {how}"))
    };
    Ok(pairs.into_iter().filter_map(differ).collect())
}

fn names(folder: &Path) -> Result<Vec<OsString>> {
    let entries = fs::read_dir(folder)?;
    Ok(entries
        .map(|entry| Ok(entry?.file_name()))
        .collect::<std::io::Result<_>>()?)
}

/// Where two files begin to differ, what stands there, and whether the other one has
/// the name of its folder in it, which is the most likely reason.
fn difference(one: &[u8], other: &[u8], folder: &Path) -> Option<String> {
    if one == other {
        return None;
    }
    let at = one.iter().zip(other).take_while(|(a, b)| a == b).count();
    let show = |bytes: &[u8]| {
        let bytes = bytes.get(at.saturating_sub(16)..).unwrap_or_default();
        let bytes = bytes.get(..48).unwrap_or(bytes);
        bytes.escape_ascii().to_string()
    };
    let name = folder.as_os_str().as_encoded_bytes();
    let tells = other.windows(name.len()).any(|bytes| bytes == name);
    let tells = if tells { ", and its folder's name" } else { "" };
    Some(format!(
        "byte {at}: `{}` here, `{}` there{tells}",
        show(one),
        show(other)
    ))
}

#[cfg(test)]
mod tests {
    //! What is said of files that differ.

    use super::*;

    #[test]
    fn the_first_byte_that_differs_is_shown_and_a_folder_is_named() {
        let folder = Path::new("/tmp/elsewhere");
        let say = |other: &[u8]| difference(b"the same, here", other, folder);
        assert_eq!(say(b"the same, here"), None);
        let said = say(b"the same, there").unwrap();
        assert_eq!(
            said,
            "byte 10: `the same, here` here, `the same, there` there"
        );
        let said = say(b"the same, /tmp/elsewhere/src").unwrap();
        assert!(said.ends_with("there, and its folder's name"), "{said}");
        assert!(
            say(b"the same, here and more")
                .unwrap()
                .starts_with("byte 14")
        );
    }
}
