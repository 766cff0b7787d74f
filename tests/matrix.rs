//! The table of network cases and formats in `tests/networks/`, which two tests
//! read: `trees` holds what osconf writes against the golden files, and `readers`
//! hands these to the programs that they are for.
//!
//! ```text
//! networks/cases/CASE/            what ECS says, and what must come of it
//!   os.conf                       none at a boot without; first.conf of one before
//!   case.toml                     see `Cell`; all of trees' case.toml may be in it
//! networks/formats/FORMAT/
//!   format.toml                   how the format finds a NIC, modes of its files
//!   before/                       a root that is found to use this format
//!   CASE/before/                  more files, over those
//!   CASE/after/ stderr plan       what osconf does, as in tests/trees
//!   CASE/case.toml                what is otherwise for this format (replaces keys)
//! ```
//!
//! **A new format:** make `format.toml` and `before/`; `stale/before/` with the
//! image's own DHCP configuration of eth0 and a fixed 192.0.2.7/24 for eth7, which
//! must survive; then
//!
//! ```text
//! cargo build --release -p osconf --target x86_64-unknown-linux-musl
//! OSCONF_HOST=…/release/osconf UPDATE=1 cargo test -p osconf-tests --test trees -- networks/FORMAT/
//! ```
//!
//! makes `after/` and `stderr` of all cases. Read each of them. What UPDATE does not
//! write are promises: exit codes, parts in the record, and files that are removed.
//! Where they differ from what the case says, they stand in `CASE/case.toml`:
//!
//! ```text
//! exit = 1
//! record = { network = "open", dns = "done" }
//! [after]
//! "etc/systemd/network/10-dhcp.network" = { removed = true }
//! ```
//!
//! The files lie in git, so links are links, in `before/` as in `after/`.

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// How the tests of the table are named: `networks/FORMAT/CASE`.
pub const PREFIX: &str = "networks/";

/// A case in a format.
pub struct Cell {
    /// `ifcfg`, …
    pub format: String,
    /// `classic`, …
    pub case: String,
    /// What of `case.toml` is not about the network.
    pub table: Table,
    /// The machine and its network.
    pub network: Expected,
    /// Permissions of files, by how their paths begin.
    pub modes: BTreeMap<String, u32>,
}

/// The machine's network, once a reader has read the files.
#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Expected {
    /// The NICs of the machine, as `NAME MAC`.
    pub nics: Vec<String>,
    /// All IPv4 addresses, as `10.0.0.2/24 dev eth0`.
    pub addresses: Vec<String>,
    /// All routes but those that an address brings with it, and host routes to
    /// gateways in no subnet: `10.0.0.0/8 via 10.0.0.1 dev eth0`.
    pub routes: Vec<String>,
    /// The name servers, in order.
    pub name_servers: Vec<String>,
    /// The MAC addresses of NICs for which DHCP is asked; nobody answers.
    #[serde(default)]
    pub asks: Vec<String>,
    /// Readers that cannot do this, with the reason.
    #[serde(default)]
    pub without: BTreeMap<String, String>,
}

/// `format.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Format {
    /// What the format calls a NIC by.
    nics_by: NicsBy,
    /// Permissions of files that are not 0644, by how their paths begin.
    #[serde(default)]
    modes: BTreeMap<String, u32>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "kebab-case")]
enum NicsBy {
    /// MAC addresses: no NIC needs to be there.
    Mac,
    /// Names, for which each NIC must be there.
    Name,
}

const NETWORK_KEYS: [&str; 6] = [
    "nics",
    "addresses",
    "routes",
    "name-servers",
    "asks",
    "without",
];

/// The folder of the table.
#[must_use]
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("networks")
}

/// The names of all formats that are written, or of all cases.
#[must_use]
pub fn names(kind: &str) -> Vec<String> {
    let folders = fs::read_dir(folder().join(kind)).into_iter().flatten();
    let folders = folders.flatten();
    let mut names: Vec<_> = folders
        .filter(|folder| folder.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|folder| folder.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort_unstable();
    names
}

/// The names of all tests of the table.
#[must_use]
pub fn tests() -> Vec<String> {
    let cases = names("cases");
    let all = names("formats").into_iter().flat_map(|format| {
        let name = move |case: &String| format!("{PREFIX}{format}/{case}");
        cases.iter().map(name).collect::<Vec<_>>()
    });
    all.collect()
}

impl Cell {
    /// Reads the cell of a test called `networks/FORMAT/CASE`; none for another name.
    ///
    /// # Errors
    /// If a file of it cannot be read, or has a key that means nothing.
    pub fn by_name(name: &str) -> Result<Option<Self>> {
        let parts = name.strip_prefix(PREFIX);
        match parts.and_then(|parts| parts.split_once('/')) {
            Some((format, case)) => Self::read(format, case).map(Some),
            None => Ok(None),
        }
    }

    /// Reads the cell of a case and a format.
    ///
    /// # Errors
    /// If a file of it cannot be read, or has a key that means nothing.
    pub fn read(format: &str, case: &str) -> Result<Self> {
        let of_format = folder().join("formats").join(format);
        let path = of_format.join("format.toml");
        let settings: Format = table(&path)?.with_context(|| path.display().to_string())?;
        let path = folder().join("cases").join(case).join("case.toml");
        let mut values: Table = table(&path)?.with_context(|| path.display().to_string())?;
        let by_name = values.remove("by-name");
        if let (NicsBy::Name, Some(Value::Table(more))) = (settings.nics_by, by_name) {
            values.extend(more);
        }
        let path = of_format.join(case).join("case.toml");
        values.extend(table::<Table>(&path)?.unwrap_or_default());
        let mut network = Table::new();
        for key in NETWORK_KEYS {
            network.extend(values.remove(key).map(|value| (key.to_owned(), value)));
        }
        if let Some(nics) = network.get("nics") {
            values.insert("nics".into(), nics.clone());
        }
        let context = || format!("{PREFIX}{format}/{case}");
        Ok(Self {
            format: format.to_owned(),
            case: case.to_owned(),
            network: network.try_into().with_context(context)?,
            table: values,
            modes: settings.modes,
        })
    }

    /// Where what is golden lies.
    #[must_use]
    pub fn golden(&self) -> PathBuf {
        let formats = folder().join("formats");
        formats.join(&self.format).join(&self.case)
    }

    /// Where os.conf lies.
    #[must_use]
    pub fn conf(&self) -> PathBuf {
        folder().join("cases").join(&self.case).join("os.conf")
    }

    /// The folders that make the root before the run, one over the other.
    #[must_use]
    pub fn before(&self) -> [PathBuf; 2] {
        let format = folder().join("formats").join(&self.format);
        [format.join("before"), self.golden().join("before")]
    }

    /// Whether osconf writes network files: else it refuses the case.
    #[must_use]
    pub fn writes_network(&self) -> bool {
        let is_resolver = |name: &std::ffi::OsStr| name == "resolv.conf";
        has_file(&self.golden().join("after"), &|name| !is_resolver(name))
    }

    /// Whether osconf leaves a part open, and says so with its exit code.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.table.contains_key("exit")
    }

    /// The files that osconf removes.
    ///
    /// # Errors
    /// If `after` in `case.toml` is no table.
    pub fn removed(&self) -> Result<Vec<PathBuf>> {
        let Some(after) = self.table.get("after") else {
            return Ok(Vec::new());
        };
        let after = after.as_table().context("`after` is no table")?;
        let is_removed = |thing: &Value| thing.get("removed") == Some(&Value::Boolean(true));
        let removed = after.iter().filter(|(_, thing)| is_removed(thing));
        Ok(removed.map(|(path, _)| PathBuf::from(path)).collect())
    }

    /// The mode of a file that osconf writes, if it is not the usual one.
    #[must_use]
    pub fn mode(&self, path: &Path) -> Option<u32> {
        let path = path.to_string_lossy();
        let modes = self.modes.iter();
        let mut fitting = modes.filter(|(start, _)| path.starts_with(start.as_str()));
        fitting.next().map(|(_, mode)| *mode)
    }
}

/// Whether a folder holds a file of a name that is wanted, at any depth.
fn has_file(folder: &Path, is_wanted: &dyn Fn(&std::ffi::OsStr) -> bool) -> bool {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut entries = entries.map(|entry| (entry.path(), entry.file_name()));
    entries.any(|(path, name)| {
        if path.is_dir() && !path.is_symlink() {
            has_file(&path, is_wanted)
        } else {
            is_wanted(&name)
        }
    })
}

/// What is in a TOML file, if there is one.
fn table<T: serde::de::DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => bail!("{}: {error}", path.display()),
    };
    let value = toml::from_str(&text).with_context(|| path.display().to_string())?;
    Ok(Some(value))
}
