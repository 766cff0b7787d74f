//! A root as data, and the one that is made of it.

use anyhow::{Context, Result, bail, ensure};
use osconf_tests::product;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::ffi::CString;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cpio::Archive;

/// What a root has, or what a case changes about it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tree {
    /// Files and their content.
    files: BTreeMap<String, String>,
    /// Files that can be executed. They are no programs.
    programs: Vec<String>,
    /// Programs of this machine (`e_machine` of elf.h), which are only a head.
    elf: BTreeMap<String, u16>,
    /// Symbolic links and what they say.
    links: BTreeMap<String, String>,
    /// Folders with nothing in them.
    folders: Vec<String>,
    /// FIFOs, which nobody may wait for.
    fifos: Vec<String>,
    /// Files that are nothing but long.
    sparse: BTreeMap<String, u64>,
    /// Archives of an initramfs.
    archives: BTreeMap<String, Archive>,
    /// What is not there.
    remove: Vec<String>,
    /// Letters of chattr(1) for a file.
    flags: BTreeMap<String, String>,
}

/// The folder of the data.
pub fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("check")
}

/// The names of all roots.
pub fn names() -> Result<Vec<String>> {
    let folder = data().join("roots");
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("no {}", folder.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == "toml")
            && let Some(name) = path.file_stem()
        {
            names.push(name.to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// A root that is there, until this is dropped.
pub struct Root {
    folder: tempfile::TempDir,
    flagged: Vec<PathBuf>,
}

impl Drop for Root {
    fn drop(&mut self) {
        for path in &self.flagged {
            let _ = Command::new("chattr").arg("-ia").arg(path).status();
        }
    }
}

impl Root {
    /// Makes the root of this name.
    pub fn new(name: &str) -> Result<Self> {
        let path = data().join("roots").join(format!("{name}.toml"));
        let text = fs::read_to_string(&path).with_context(|| format!("no {}", path.display()))?;
        let tree: Tree = toml::from_str(&text).with_context(|| path.display().to_string())?;
        let mut root = Self {
            folder: tempfile::tempdir()?,
            flagged: Vec::new(),
        };
        root.change(&tree)?;
        Ok(root)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    fn place(&self, name: &str) -> Result<PathBuf> {
        let path = self.path().join(name);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let _ = fs::remove_file(&path);
        Ok(path)
    }

    /// Makes a change.
    pub fn change(&mut self, tree: &Tree) -> Result<()> {
        for name in &tree.remove {
            let path = self.path().join(name);
            match path.symlink_metadata() {
                Ok(meta) if meta.is_dir() => fs::remove_dir_all(&path)?,
                Ok(_) => fs::remove_file(&path)?,
                Err(_) => bail!("{name} is to be removed, and is not there"),
            }
        }
        // Links first: files may lie behind them.
        for (name, target) in &tree.links {
            symlink(target, self.place(name)?)?;
        }
        for name in &tree.folders {
            fs::create_dir_all(self.path().join(name))?;
        }
        for (name, content) in &tree.files {
            fs::write(self.place(name)?, content)?;
        }
        for name in &tree.programs {
            let path = self.place(name)?;
            fs::write(&path, "")?;
            fs::set_permissions(&path, Permissions::from_mode(0o755))?;
        }
        for (name, machine) in &tree.elf {
            let mut head = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0".to_vec();
            head.extend(machine.to_le_bytes());
            head.resize(64, 0);
            let path = self.place(name)?;
            fs::write(&path, head)?;
            fs::set_permissions(&path, Permissions::from_mode(0o755))?;
        }
        for name in &tree.fifos {
            let path = CString::new(self.place(name)?.to_string_lossy().as_bytes())?;
            rustix::fs::mknodat(
                rustix::fs::CWD,
                &*path,
                rustix::fs::FileType::Fifo,
                rustix::fs::Mode::from_raw_mode(0o600),
                0,
            )?;
        }
        for (name, len) in &tree.sparse {
            fs::File::create(self.place(name)?)?.set_len(*len)?;
        }
        for (name, archive) in &tree.archives {
            fs::write(self.place(name)?, archive.bytes()?)?;
        }
        for (name, letters) in &tree.flags {
            let path = self.path().join(name);
            let status = Command::new("chattr")
                .arg(format!("+{letters}"))
                .arg(&path)
                .status()?;
            ensure!(status.success(), "chattr +{letters} {name}");
            self.flagged.push(path);
        }
        Ok(())
    }

    /// Runs `osconf check` on it, and returns what it printed. It writes nothing.
    pub fn check(&self, options: &[&str]) -> Result<String> {
        let before = self.snapshot()?;
        let output = Command::new(product::binary()?)
            .args(["check", "--root"])
            .arg(self.path())
            .args(options)
            .output()?;
        ensure!(
            matches!(output.status.code(), Some(0 | 1)),
            "it ended with {}: {}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        ensure!(self.snapshot()? == before, "the root was changed");
        ensure!(
            output.stderr.is_empty(),
            "it says: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Everything that a run might change.
    fn snapshot(&self) -> Result<Vec<String>> {
        let output = Command::new("find")
            .arg(self.path())
            .args(["-printf", "%p %i %m %U %s %T@ %C@ %l\n"])
            .output()?;
        let mut lines: Vec<String> = String::from_utf8_lossy(&output.stdout)
            .lines()
            .map(str::to_owned)
            .collect();
        lines.sort();
        Ok(lines)
    }
}
