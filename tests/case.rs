//! `case.toml`: all of a case that is not the content of a file.

use crate::matrix::Cell;
use anyhow::{Context, Result};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// One case. Only `why` must be there.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Case {
    /// The decision that this is about, in a line.
    pub why: String,
    /// The arguments; `{root}` and `{conf}` stand for the two paths. Without
    /// them: `apply --root {root} --conf {conf}`.
    #[serde(default = "apply")]
    pub args: Vec<String>,
    /// More arguments behind the usual ones.
    #[serde(default)]
    pub options: Vec<String>,
    /// The exit code.
    #[serde(default)]
    pub exit: i32,
    /// What `plan` exits with, where it cannot know what `apply` will meet; its
    /// diff is not compared then.
    pub plan_exit: Option<i32>,
    /// The NICs of the machine, as `NAME MAC`. Without it: those of os.conf,
    /// each under its label.
    pub nics: Option<Vec<String>>,
    /// NICs that come up only while the run that is looked at is under way.
    #[serde(default)]
    pub late_nics: Vec<String>,
    /// The password in os.conf, so that it can be looked for where it must not be.
    #[serde(default)]
    pub password: Vec<String>,
    /// Where os.conf lies in the root.
    #[serde(default = "conf_at")]
    pub conf_at: PathBuf,
    /// What becomes of os.conf. Without it: gone if the exit code of an `apply`
    /// is 0, else kept.
    pub conf: Option<ConfAfter>,
    /// The parts in the record and how each ended; those that are not named have
    /// `nothing`.
    pub record: Option<BTreeMap<String, String>>,
    /// Whether the root is `/` for the program, as on a running machine.
    #[serde(default)]
    pub chroot: bool,
    /// The host name of the kernel afterwards, if it is to change.
    pub kernel_name: Option<String>,
    /// The command line of the kernel.
    pub kernel_line: Option<String>,
    /// What `ip route` shows afterwards, if the kernel's network is to change.
    #[serde(default)]
    pub kernel_routes: Vec<String>,
    /// What cannot be a plain file in `before/`, by path.
    #[serde(default)]
    pub before: BTreeMap<PathBuf, Thing>,
    /// What is otherwise than before and cannot be a plain file in `after/`.
    #[serde(default)]
    pub after: BTreeMap<PathBuf, Thing>,
    /// Runs before the one that is looked at.
    #[serde(default)]
    pub first: Vec<First>,
    /// Disks of the machine: where each of their partitions is mounted in the
    /// root, which may be one of them (`.`), or `-`.
    #[serde(default)]
    pub disks: Vec<Vec<String>>,
    /// Whether this is an `apply` that ends a revert.
    #[serde(default)]
    pub ends_revert: bool,
    /// The folder of what is golden.
    #[serde(skip)]
    pub folder: PathBuf,
    /// The file that is os.conf, if there is one.
    #[serde(skip)]
    pub conf_from: PathBuf,
    /// The folders that are the root before, one over the other.
    #[serde(skip)]
    pub before_from: Vec<PathBuf>,
    /// The case and format, if it is of the table of networks.
    #[serde(skip)]
    pub cell: Option<Cell>,
}

/// What becomes of os.conf.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum ConfAfter {
    /// It is removed, and its folder stays.
    Gone,
    /// It stays as it is.
    Kept,
    /// It is replaced by a copy without the password, which is `os.conf.after`.
    WithoutPassword,
}

/// Something at a path, or what is special about the file there.
#[derive(Deserialize, Clone, Default)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Thing {
    /// Permission bits.
    pub mode: Option<u32>,
    /// `UID:GID`.
    pub owner: Option<String>,
    /// Extended attributes.
    #[serde(default)]
    pub xattr: BTreeMap<String, String>,
    /// A symbolic link that says this.
    pub link: Option<PathBuf>,
    /// Another name for this file.
    pub hard_link: Option<PathBuf>,
    /// A FIFO.
    #[serde(default)]
    pub fifo: bool,
    /// A folder, which git does not keep if it is empty.
    #[serde(default)]
    pub folder: bool,
    /// A file of this content, for one that git should not hold.
    pub text: Option<String>,
    /// `chattr +i`.
    #[serde(default)]
    pub immutable: bool,
    /// Something is mounted there.
    pub mount: Option<Mount>,
    /// Nothing is there any more.
    #[serde(default)]
    pub removed: bool,
}

/// What is mounted.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Mount {
    /// The file itself, so that nothing can be renamed over it.
    Itself,
    /// The folder itself, read-only.
    ReadOnly,
    /// An empty tmpfs.
    Tmpfs,
    /// What is there, below a tmpfs that takes the changes.
    OverlayInRam,
    /// What is there, below a folder of a disk that takes the changes.
    OverlayOnDisk,
}

/// A run before the one that is looked at.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct First {
    /// The file beside the case's os.conf that is os.conf for it, if there is one.
    pub conf: Option<String>,
    /// Arguments, if they are others.
    #[serde(default = "apply")]
    pub args: Vec<String>,
    /// The exit code.
    #[serde(default)]
    pub exit: i32,
    /// The NICs that are there.
    pub nics: Option<Vec<String>>,
    /// What is changed by somebody after it.
    #[serde(default)]
    pub then: BTreeMap<PathBuf, Thing>,
}

fn apply() -> Vec<String> {
    ["apply", "--root", "{root}", "--conf", "{conf}"]
        .map(String::from)
        .to_vec()
}

fn conf_at() -> PathBuf {
    PathBuf::from("boot/aliyun_custom_image/os.conf")
}

impl Case {
    /// Reads the case of this name: a folder of `trees`, or a place in the table
    /// of networks.
    pub fn read(trees: &Path, name: &str) -> Result<Self> {
        let mut case = match Cell::by_name(name)? {
            Some(mut cell) => {
                let table = core::mem::take(&mut cell.table);
                let mut case: Self = table.try_into().with_context(|| name.to_owned())?;
                case.folder = cell.golden();
                case.conf_from = cell.conf();
                case.before_from = cell.before().into();
                case.cell = Some(cell);
                case
            }
            None => Self::of_folder(trees.join(name))?,
        };
        anyhow::ensure!(!case.why.trim().is_empty(), "{name}: say why");
        case.args.append(&mut case.options);
        Ok(case)
    }

    fn of_folder(folder: PathBuf) -> Result<Self> {
        let path = folder.join("case.toml");
        let text =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let case: Self = toml::from_str(&text).with_context(|| path.display().to_string())?;
        Ok(Self {
            conf_from: folder.join("os.conf"),
            before_from: vec![folder.join("before")],
            folder,
            ..case
        })
    }

    /// The os.conf of a run before, which lies beside that of the case.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn first_conf(&self, name: &str) -> Result<Vec<u8>> {
        fs::read(self.conf_from.with_file_name(name)).with_context(|| name.to_owned())
    }

    /// The mode of a file of the table of networks, if it is not the usual one.
    #[must_use]
    pub fn mode(&self, path: &Path) -> Option<u32> {
        self.cell.as_ref()?.mode(path)
    }

    /// Whether this is the boot job.
    #[must_use]
    pub fn is_apply(&self) -> bool {
        self.args.first().is_some_and(|command| command == "apply")
    }

    /// Whether files are put back, and not only looked at.
    #[must_use]
    pub fn is_revert(&self) -> bool {
        let is_look = self.args.iter().any(|argument| argument == "--dry-run");
        let is_asked = self.args.first().is_some_and(|command| command == "revert");
        self.ends_revert || is_asked && !is_look
    }

    /// What becomes of os.conf.
    #[must_use]
    pub fn conf_after(&self) -> ConfAfter {
        match self.conf {
            Some(conf) => conf,
            None if self.is_apply() && self.exit == 0 => ConfAfter::Gone,
            None => ConfAfter::Kept,
        }
    }
}

/// The NICs that an os.conf names, under their labels.
#[must_use]
pub fn nics_of(conf: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(conf);
    let lines = text
        .lines()
        .map(|line| line.trim().trim_start_matches("export "));
    let mut nics: Vec<String> = lines
        .filter_map(|line| {
            let (label, mac) = line.split_once("_mac_addr=")?;
            let mac = mac.trim_matches(['"', '\'']);
            let good = label.starts_with("eth") && mac.len() == 17 && mac.split(':').count() == 6;
            good.then(|| format!("{label} {mac}"))
        })
        .collect();
    nics.sort_unstable();
    nics.dedup();
    nics
}
