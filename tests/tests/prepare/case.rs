//! One case of an item, from the root before to the root after `revert`.

use crate::root::{self, Root, Tree};
use anyhow::{Context, Result, ensure};
use osconf_tests::product;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The cases of one item, as they stand in a file that is called as the item is.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// The items, as `--only` takes them; all of them, if it is empty.
    items: String,
    /// Codes of the checker that are not to be found afterwards.
    mends: Vec<String>,
    case: Vec<Written>,
    #[serde(skip)]
    name: String,
}

/// A case as it is written.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    /// What it is about.
    name: String,
    /// The roots that it changes.
    roots: Vec<String>,
    /// Whether the profile is `locked`.
    #[serde(default)]
    locked: bool,
    /// What it changes.
    #[serde(default)]
    tree: Tree,
    /// Files as they must be in the end, where `--dry-run` shows no hashes: all that
    /// change.
    #[serde(default)]
    after: BTreeMap<String, String>,
    /// How `prepare` ends.
    #[serde(default)]
    exit: i32,
    /// What it says among others.
    #[serde(default)]
    says: Vec<String>,
    /// Codes that are found all the same.
    #[serde(default)]
    leaves: Vec<String>,
}

/// One case in one root.
pub struct Case {
    file: File,
    root: String,
    written: Written,
}

/// Where the cases are.
fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("prepare")
}

/// Reads all files of cases.
pub fn files() -> Result<Vec<File>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(data())? {
        let path = entry?.path();
        if path.extension().is_none_or(|end| end != "toml") {
            continue;
        }
        let text = fs::read_to_string(&path)?;
        let mut file: File = toml::from_str(&text).with_context(|| path.display().to_string())?;
        let name = path.file_stem().unwrap_or_default();
        file.name = name.to_string_lossy().into_owned();
        files.push(file);
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(files)
}

impl File {
    /// Its cases, each in each of its roots; without a root, in all of them.
    pub fn cases(&self) -> Vec<Case> {
        let every = root::names().unwrap_or_default();
        let mut cases = Vec::new();
        for written in &self.case {
            let roots = match written.roots.as_slice() {
                [] => &every,
                _ => &written.roots,
            };
            cases.extend(roots.iter().map(|root| Case {
                file: self.clone(),
                root: root.clone(),
                written: written.clone(),
            }));
        }
        cases
    }
}

impl Case {
    /// `ITEM/ROOT-NAME`
    pub fn path(&self) -> String {
        let name = self.written.name.replace(' ', "-");
        format!("{}/{}-{name}", self.file.name, self.root)
    }

    fn prepare(&self, root: &Root, more: &[&str]) -> Result<Said> {
        let mut options = vec!["--profile"];
        options.push(if self.written.locked {
            "locked"
        } else {
            "password"
        });
        match self.file.items.as_str() {
            // It leaves nothing for `revert`.
            "" => options.extend(["--skip", "clean"]),
            items => options.extend(["--only", items]),
        }
        options.extend(more);
        let is_look = more.contains(&"--dry-run");
        let said = run(root, "prepare", &options)?;
        // What is only looked at may be better than it is.
        ensure!(
            said.exit == self.written.exit || (is_look && said.exit == 0),
            "it ended with {}: {}",
            said.exit,
            said.errors
        );
        Ok(said)
    }

    /// Goes through all of it.
    pub fn judge(&self) -> Result<()> {
        let mut root = Root::new(&self.root)?;
        root.change(&self.written.tree)?;
        let before = take(root.path())?;
        let work = tempfile::tempdir()?;
        let patched = work.path().join("root");
        copy(root.path(), &patched)?;

        let diff = self.prepare(&root, &["--dry-run"])?.output;
        ensure!(take(root.path())? == before, "--dry-run changes something");
        self.compare(&diff)?;
        if self.file.items == "clean" {
            return self.judge_cleaning(&root, &before, &diff);
        }

        let said = self.prepare(&root, &[])?;
        for words in &self.written.says {
            ensure!(said.errors.contains(words), "it says: {}", said.errors);
        }
        let after = take(root.path())?;
        for (path, content) in &self.written.after {
            fs::write(patched.join(path), content)?;
        }
        if self.written.after.is_empty() && self.written.exit == 0 {
            patch(&patched, &diff, work.path())?;
        }
        let wanted = take(&patched)?;
        for path in wanted.keys().chain(after.keys()) {
            let content = |tree: &Files| tree.get(path).map(|file| file.content.clone());
            ensure!(
                content(&wanted) == content(&after),
                "{path} is not as --dry-run shows it"
            );
            if let (Some(old), Some(new)) = (before.get(path), after.get(path)) {
                ensure!(old.mode == new.mode, "{path} has another mode");
            }
        }

        self.prepare(&root, &[])?;
        ensure!(
            take(root.path())? == after,
            "a second run changes something"
        );

        self.check(&root)?;
        let said = run(&root, "revert", &[])?;
        ensure!(said.exit == 0, "revert: {}", said.errors);
        let back = take(root.path())?;
        for path in before.keys().chain(back.keys()) {
            let file = |tree: &Files| {
                let file = tree.get(path)?;
                Some((file.content.clone(), file.mode))
            };
            ensure!(
                file(&before) == file(&back),
                "{path} is not as before after revert"
            );
        }
        Ok(())
    }

    /// Just what `--dry-run` names is removed or emptied, in place, and for good.
    fn judge_cleaning(&self, root: &Root, before: &Files, said: &str) -> Result<()> {
        self.prepare(root, &[])?;
        let after = take(root.path())?;
        for (path, old) in before {
            let is_said = |deed: &str| said.contains(&format!("/{path}: would be {deed}\n"));
            match after.get(path) {
                None => ensure!(is_said("removed"), "{path} is gone"),
                Some(new) if new.content.is_empty() && !old.content.is_empty() => {
                    ensure!(
                        is_said("emptied") && new.inode == old.inode,
                        "{path} is empty"
                    );
                }
                Some(new) => ensure!(new == old && !is_said(""), "{path} is another"),
            }
        }
        ensure!(after.keys().all(|path| before.contains_key(path)));
        ensure!(!root.path().join("etc/osconf/replaced").exists());
        ensure!(!root.path().join("etc/osconf/record").exists());
        ensure!(self.prepare(root, &["--dry-run"])?.output.is_empty());
        self.check(root)
    }

    /// The checker finds none of what is mended.
    fn check(&self, root: &Root) -> Result<()> {
        let report: serde_json::Value = serde_json::from_str(&root.check(&["--all", "--json"])?)?;
        for item in report["check_items"].as_array().context("no items")? {
            let code = item["error_code"].as_str().unwrap_or_default().to_owned();
            let is_mended = self.file.mends.contains(&code);
            ensure!(
                !is_mended || self.written.leaves.contains(&code),
                "the checker finds: {}",
                item["description"]
            );
        }
        Ok(())
    }

    /// Compares with the golden diff.
    fn compare(&self, diff: &str) -> Result<()> {
        let path = data().join(format!("{}.diff", self.path()));
        // A list of files has the order of their folders.
        let mut lines: Vec<_> = diff.split_inclusive('\n').collect();
        if self.file.items == "clean" {
            lines.sort_unstable();
        }
        let diff = &lines.concat();
        if std::env::var_os("UPDATE").is_some() {
            fs::create_dir_all(path.parent().context("a folder")?)?;
            return Ok(fs::write(&path, diff)?);
        }
        let wanted = fs::read_to_string(&path).with_context(|| format!("no {}", path.display()))?;
        let both = similar::TextDiff::from_lines(&wanted, diff);
        ensure!(wanted == *diff, "{}", both.unified_diff());
        Ok(())
    }
}

/// What an os.conf changed, and what was prepared before and after it: the record
/// knows all of it, `status` tells both, and a file that both changed is as it was
/// before the first.
pub fn one_revert_takes_back_both() -> Result<()> {
    let root = Root::new("debian")?;
    let conf = root.path().join("os.conf");
    let before = take(root.path())?;
    let path = conf.to_string_lossy().into_owned();
    fs::write(&conf, "hostname=iZ1\npassword=SGVsbG8hMTIz\n")?;
    let run = |command: &str, options: &[&str]| -> Result<String> {
        let said = run(&root, command, options)?;
        ensure!(said.exit == 0, "{command}: {}", said.errors);
        Ok(said.output)
    };
    run("apply", &["--conf", &path])?;
    ensure!(!run("status", &[])?.contains("prepared"));
    // It locks root, whose password came with os.conf.
    run("prepare", &["--only", "clock,root"])?;
    run("prepare", &["--only", "sshd,motd"])?;
    let said = run("status", &[])?;
    ensure!(
        said.starts_with("prepared 20") && said.contains("password: done"),
        "{said}"
    );
    run("revert", &[])?;
    ensure!(run("status", &[])?.starts_with("reverted "));
    let mut after = take(root.path())?;
    // The tools' own copies are theirs (shadow(5)).
    after.retain(|path, _| !["etc/shadow-", "etc/passwd-"].contains(&path.as_str()));
    ensure!(
        after.keys().eq(before.keys()),
        "other files: {:?}",
        after.keys()
    );
    for (path, file) in &before {
        ensure!(
            after[path].content == file.content,
            "{path} is not as before"
        );
    }
    Ok(())
}

/// Runs a command of osconf on the root.
pub fn run(root: &Root, command: &str, options: &[&str]) -> Result<Said> {
    let output = Command::new(product::binary()?)
        .arg(command)
        .arg("--root")
        .arg(root.path())
        .args(options)
        .output()?;
    Ok(Said {
        exit: output.status.code().unwrap_or(-1),
        output: String::from_utf8_lossy(&output.stdout).into_owned(),
        errors: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// What a run told.
pub struct Said {
    pub exit: i32,
    pub output: String,
    pub errors: String,
}

/// What is in a place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    pub content: Vec<u8>,
    mode: u32,
    inode: u64,
}

/// What is in each place.
pub type Files = BTreeMap<String, Entry>;

/// All files and links of a root, but for what osconf keeps, and the lock.
pub fn take(root: &Path) -> Result<Files> {
    let mut files = Files::new();
    add(root, root, &mut files)?;
    Ok(files)
}

fn add(root: &Path, folder: &Path, files: &mut Files) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let meta = path.symlink_metadata()?;
        let name = path.strip_prefix(root)?.to_string_lossy().into_owned();
        if ["etc/osconf", "etc/.pwd.lock"].contains(&name.as_str()) {
            continue;
        }
        let content = match meta.file_type() {
            kind if kind.is_dir() => {
                add(root, &path, files)?;
                continue;
            }
            kind if kind.is_symlink() => {
                let text = fs::read_link(&path)?;
                format!("-> {}", text.display()).into_bytes()
            }
            kind if kind.is_file() => fs::read(&path)?,
            _ => Vec::new(),
        };
        files.insert(
            name,
            Entry {
                content,
                mode: meta.permissions().mode(),
                inode: meta.ino(),
            },
        );
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    let status = Command::new("cp").arg("-a").arg(from).arg(to).status()?;
    ensure!(status.success(), "cp");
    Ok(())
}

/// Applies a diff by patch(1), which may guess nothing.
fn patch(root: &Path, diff: &str, work: &Path) -> Result<()> {
    if diff.is_empty() {
        return Ok(());
    }
    let path = work.join("diff");
    fs::write(&path, diff)?;
    let output = Command::new("patch")
        .args(["-p1", "-s", "--fuzz=0", "--no-backup-if-mismatch", "-d"])
        .arg(root)
        .arg("-i")
        .arg(&path)
        .output()?;
    ensure!(
        output.status.success() && output.stdout.is_empty(),
        "patch: {}",
        String::from_utf8_lossy(&output.stdout)
    );
    Ok(())
}
