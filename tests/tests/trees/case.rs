//! `case.toml`: all of a case that is not the content of a file.

use anyhow::{Context, Result};
use osconf_tests::matrix::Cell;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// One case. Only `why` must be there.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Case {
    /// The decision that this is about, in a line.
    pub(crate) why: String,
    /// The arguments; `{root}` and `{conf}` stand for the two paths. Without
    /// them: `apply --root {root} --conf {conf}`.
    #[serde(default = "apply")]
    pub(crate) args: Vec<String>,
    /// More arguments behind the usual ones.
    #[serde(default)]
    pub(crate) options: Vec<String>,
    /// The exit code.
    #[serde(default)]
    pub(crate) exit: i32,
    /// What `plan` exits with, where it cannot know what `apply` will meet; its
    /// diff is not compared then.
    pub(crate) plan_exit: Option<i32>,
    /// The NICs of the machine, as `NAME MAC`. Without it: those of os.conf,
    /// each under its label.
    pub(crate) nics: Option<Vec<String>>,
    /// NICs that come up only while the run that is looked at is under way.
    #[serde(default)]
    pub(crate) late_nics: Vec<String>,
    /// The password in os.conf, so that it can be looked for where it must not be.
    #[serde(default)]
    pub(crate) password: Vec<String>,
    /// Where os.conf lies in the root.
    #[serde(default = "conf_at")]
    pub(crate) conf_at: PathBuf,
    /// What becomes of os.conf. Without it: gone if the exit code of an `apply`
    /// is 0, else kept.
    pub(crate) conf: Option<ConfAfter>,
    /// The parts in the record and how each ended; those that are not named have
    /// `nothing`.
    pub(crate) record: Option<BTreeMap<String, String>>,
    /// Whether the root is `/` for the program, as on a running machine.
    #[serde(default)]
    pub(crate) chroot: bool,
    /// The host name of the kernel afterwards, if it is to change.
    pub(crate) kernel_name: Option<String>,
    /// The command line of the kernel.
    pub(crate) kernel_line: Option<String>,
    /// What `ip route` shows afterwards, if the kernel's network is to change.
    #[serde(default)]
    pub(crate) kernel_routes: Vec<String>,
    /// What cannot be a plain file in `before/`, by path.
    #[serde(default)]
    pub(crate) before: BTreeMap<PathBuf, Thing>,
    /// What is otherwise than before and cannot be a plain file in `after/`.
    #[serde(default)]
    pub(crate) after: BTreeMap<PathBuf, Thing>,
    /// Runs before the one that is looked at.
    #[serde(default)]
    pub(crate) first: Vec<First>,
    /// Disks of the machine: where each of their partitions is mounted in the
    /// root, which may be one of them (`.`), or `-`.
    #[serde(default)]
    pub(crate) disks: Vec<Vec<String>>,
    /// Whether this is an `apply` that ends a revert.
    #[serde(default)]
    pub(crate) ends_revert: bool,
    /// The folder of what is golden.
    #[serde(skip)]
    pub(crate) folder: PathBuf,
    /// The file that is os.conf, if there is one.
    #[serde(skip)]
    pub(crate) conf_from: PathBuf,
    /// The folders that are the root before, one over the other.
    #[serde(skip)]
    pub(crate) before_from: Vec<PathBuf>,
    /// The case and format, if it is of the table of networks.
    #[serde(skip)]
    pub(crate) cell: Option<Cell>,
}

/// What becomes of os.conf.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ConfAfter {
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
pub(crate) struct Thing {
    /// Permission bits.
    pub(crate) mode: Option<u32>,
    /// `UID:GID`.
    pub(crate) owner: Option<String>,
    /// Extended attributes.
    #[serde(default)]
    pub(crate) xattr: BTreeMap<String, String>,
    /// A symbolic link that says this.
    pub(crate) link: Option<PathBuf>,
    /// Another name for this file.
    pub(crate) hard_link: Option<PathBuf>,
    /// A FIFO.
    #[serde(default)]
    pub(crate) fifo: bool,
    /// A folder, which git does not keep if it is empty.
    #[serde(default)]
    pub(crate) folder: bool,
    /// A file of this content, for one that git should not hold.
    pub(crate) text: Option<String>,
    /// `chattr +i`.
    #[serde(default)]
    pub(crate) immutable: bool,
    /// Something is mounted there.
    pub(crate) mount: Option<Mount>,
    /// Nothing is there any more.
    #[serde(default)]
    pub(crate) removed: bool,
}

/// What is mounted.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Mount {
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
pub(crate) struct First {
    /// The file in the case's folder that is os.conf for it, if there is one.
    pub(crate) conf: Option<String>,
    /// Arguments, if they are others.
    #[serde(default = "apply")]
    pub(crate) args: Vec<String>,
    /// The exit code.
    #[serde(default)]
    pub(crate) exit: i32,
    /// The NICs that are there.
    pub(crate) nics: Option<Vec<String>>,
    /// What is changed by somebody after it.
    #[serde(default)]
    pub(crate) then: BTreeMap<PathBuf, Thing>,
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
    pub(crate) fn read(trees: &Path, name: &str) -> Result<Self> {
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

    /// The mode of a file of the table of networks, if it is not the usual one.
    pub(crate) fn mode(&self, path: &Path) -> Option<u32> {
        self.cell.as_ref()?.mode(path)
    }

    /// Whether this is the boot job.
    pub(crate) fn is_apply(&self) -> bool {
        self.args.first().is_some_and(|command| command == "apply")
    }

    /// Whether files are put back, and not only looked at.
    pub(crate) fn is_revert(&self) -> bool {
        let is_look = self.args.iter().any(|argument| argument == "--dry-run");
        let is_asked = self.args.first().is_some_and(|command| command == "revert");
        self.ends_revert || is_asked && !is_look
    }

    /// What becomes of os.conf.
    pub(crate) fn conf_after(&self) -> ConfAfter {
        match self.conf {
            Some(conf) => conf,
            None if self.is_apply() && self.exit == 0 => ConfAfter::Gone,
            None => ConfAfter::Kept,
        }
    }
}
