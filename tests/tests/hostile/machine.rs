//! The machine that every case begins with, and what a harmless os.conf makes of it.

use crate::rig::{self, Output, bounded};
use crate::tree::{self, Entry, Kind, Tree};
use anyhow::{Context, Result, ensure};
use osconf_tests::matrix;
use osconf_tests::product::binary;
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, LazyLock, Mutex};

/// The parts of os.conf, as the program calls them, each with its keys.
pub(crate) const PARTS: [(&str, &[(&str, &str)]); 4] = [
    ("password", &[("password", PASSWORD_BASE64)]),
    ("hostname", &[("hostname", NAME)]),
    (
        "network",
        &[
            ("eth0_ip_addr", "10.171.254.123"),
            ("eth0_mac_addr", "00:8c:fa:5e:14:23"),
            ("eth0_netmask", "255.255.255.0"),
            ("eth0_gateway", "10.171.254.1"),
            ("eth0_route", "'0.0.0.0/0 10.171.254.1'"),
        ],
    ),
    ("dns", &[("dns_nameserver", "'7.7.7.7 8.8.8.8'")]),
];

/// All parts, as a set: bit N is part N.
pub(crate) const ALL: u8 = 0b1111;
/// The bit of the password.
pub(crate) const PASSWORD: u8 = 0b0001;

/// The quickest hash: which one it is matters to no case.
const HASH_KIND: &str = "--hash=md5";

/// What the password is, in base64, and as what it is known.
pub(crate) const PASSWORD_BASE64: &str = "SG9zdGlsZTpQYXNzJHdvcmQ=";
pub(crate) const PASSWORD_TEXT: &str = "Hostile:Pass$word";
/// The host name.
pub(crate) const NAME: &str = "zz-harmless-zz";

/// Lines of somebody else's, which must survive everything.
const STRANGERS: [(&str, u32, &str); 6] = [
    (
        "etc/shadow",
        0o640,
        "bin:*:1::::::\nroot:*:19000:0:99999:7:::\nstranger-1:$6$x:2::::::\n# junk: stranger-2\n",
    ),
    (
        "etc/passwd",
        0o644,
        "root:x:0:0::/:/bin/sh\nstranger-3:x:1:1::/:/bin/sh\n+stranger-4\n",
    ),
    (
        "etc/hosts",
        0o644,
        "127.0.0.1 localhost\n127.0.1.1 old-name # stranger-5\n::1 stranger-6\n",
    ),
    ("etc/hostname", 0o644, "old-name\n"),
    (
        "etc/resolv.conf",
        0o644,
        "# stranger-7\nnameserver 1.1.1.1\noptions stranger-8\n",
    ),
    ("etc/stranger-9", 0o600, "a file of somebody else\n"),
];

/// Where os.conf lies, below the root.
pub(crate) const CONF: &str = "boot/aliyun_custom_image/os.conf";

/// The root of the machine whose network is of this format.
pub(crate) fn base(format: &str) -> Result<Tree> {
    let folder = matrix::folder().join("formats").join(format).join("before");
    let mut tree = tree::take(&folder)?;
    for entry in tree.values_mut() {
        // What git keeps of a mode; and nobody is root there.
        entry.mode = match (&entry.kind, entry.mode & 0o100) {
            (Kind::File(_), 0) => 0o644,
            (Kind::Link(_), _) => 0o777,
            _ => 0o755,
        };
        entry.owner = (0, 0);
    }
    for (path, mode, text) in STRANGERS {
        if let Some(old) = tree.get_mut(path)
            && let Kind::File(old) = &mut old.kind
        {
            old.extend(text.as_bytes());
        } else {
            tree.insert(path.to_owned(), Entry::file(text.as_bytes(), mode));
        }
    }
    Ok(tree)
}

/// os.conf with the keys of these parts; `with` may write another value for one.
pub(crate) fn conf(parts: u8, with: Option<(&str, &[u8])>) -> Vec<u8> {
    let mut text = Vec::new();
    for (bit, (_, keys)) in PARTS.iter().enumerate() {
        if parts & (1 << bit) == 0 {
            continue;
        }
        for (key, value) in *keys {
            let value = match with {
                Some((changed, value)) if changed == *key => value,
                _ => value.as_bytes(),
            };
            text.extend([key.as_bytes(), b"=", value, b"\n"].concat());
        }
    }
    text
}

/// A machine on the disk.
pub(crate) struct Machine {
    folder: PathBuf,
    pub(crate) root: PathBuf,
    pub(crate) format: String,
}

impl Machine {
    /// Puts `tree` on the disk.
    pub(crate) fn new(format: &str, tree: &Tree) -> Result<Self> {
        let folder = rig::new_folder();
        let machine = Self {
            root: folder.join("root"),
            folder,
            format: format.to_owned(),
        };
        fs::create_dir_all(&machine.root)?;
        machine.put(tree)?;
        Ok(machine)
    }

    /// Puts what is in `tree` into its root.
    pub(crate) fn put(&self, tree: &Tree) -> Result<()> {
        for (path, entry) in tree {
            let path = self.root.join(path);
            entry
                .make(&path)
                .with_context(|| path.display().to_string())?;
        }
        Ok(())
    }

    /// Where its os.conf is.
    pub(crate) fn conf(&self) -> PathBuf {
        self.root.join(CONF)
    }

    /// Writes os.conf, as ECS does.
    pub(crate) fn put_conf(&self, text: &[u8]) -> Result<()> {
        Entry::file(text, 0o644).make(&self.conf())
    }

    /// The command that does `verb` with it.
    pub(crate) fn command(&self, verb: &str) -> Result<Command> {
        self.command_of(&binary()?, verb)
    }

    /// The same with another program.
    pub(crate) fn command_of(&self, program: &Path, verb: &str) -> Result<Command> {
        let format = self
            .format
            .split_once('-')
            .map_or(&*self.format, |(name, _)| name);
        let mut command = Command::new(program);
        command
            .args([verb, "--wait=0", HASH_KIND, "--network", format, "--root"])
            .arg(&self.root)
            .arg("--conf")
            .arg(self.conf());
        Ok(command)
    }

    /// Runs it.
    pub(crate) fn run(&self, verb: &str) -> Result<Output> {
        bounded(&mut self.command(verb)?)
    }

    /// Its root now.
    pub(crate) fn tree(&self) -> Result<Tree> {
        tree::take(&self.root)
    }

    /// Removes it.
    pub(crate) fn remove(self) -> Result<()> {
        Ok(fs::remove_dir_all(&self.folder)?)
    }
}

type Cache = Mutex<HashMap<(String, u8), Arc<Tree>>>;

/// What the root becomes when os.conf has just these parts, and nothing is wrong.
pub(crate) fn harmless(format: &str, parts: u8) -> Result<Arc<Tree>> {
    static CACHE: LazyLock<Cache> = LazyLock::new(Mutex::default);
    let key = (format.to_owned(), parts);
    let known = |cache: &Cache| cache.lock().ok()?.get(&key).cloned();
    if let Some(tree) = known(&CACHE) {
        return Ok(tree);
    }
    let machine = Machine::new(format, &base(format)?)?;
    if parts != 0 {
        machine.put_conf(&conf(parts, None))?;
        let output = machine.run("apply")?;
        ensure!(output.code == Some(0), "{format}: {}", output.error);
        ensure!(!machine.conf().exists(), "{format}: os.conf is still there");
    }
    let tree = Arc::new(normal(&machine.tree()?));
    machine.remove()?;
    if let Ok(mut cache) = CACHE.lock() {
        cache.insert(key, tree.clone());
    }
    Ok(tree)
}

/// What the program keeps for itself, and what differs from run to run.
pub(crate) fn is_housekeeping(path: &str) -> bool {
    let ours = [
        "boot",
        "etc/.pwd.lock",
        "etc/osconf",
        "etc/osconf/record",
        "etc/osconf/pending",
        "etc/osconf/replaced",
    ];
    ours.contains(&path) || path.starts_with("boot/")
}

/// A tree with hashes and days in general form, and without [`is_housekeeping`].
pub(crate) fn normal(tree: &Tree) -> Tree {
    let mut tree = tree.clone();
    tree.retain(|path, _| !is_housekeeping(path));
    for (path, entry) in &mut tree {
        if let Kind::File(text) = &mut entry.kind
            && (path.contains("shadow") || path.contains("passwd"))
        {
            *text = normal_accounts(text);
        }
    }
    tree
}

/// How a hash of ours begins.
const HASH: &[u8] = b"root:$1$";

fn normal_accounts(text: &[u8]) -> Vec<u8> {
    let lines = text.split_inclusive(|&byte| byte == b'\n').map(|line| {
        if !line.starts_with(HASH) {
            return line.to_vec();
        }
        let mut fields: Vec<&[u8]> = line.split(|&byte| byte == b':').collect();
        fields[1] = b"(hash)";
        if fields.len() == 9 {
            fields[2] = b"(day)";
        }
        fields.join(&b':')
    });
    lines.collect::<Vec<_>>().concat()
}

/// The new hashes in a tree.
pub(crate) fn hashes(tree: &Tree) -> Vec<String> {
    let contents = tree.values().filter_map(Entry::content);
    let mut all = Vec::new();
    for content in contents {
        for line in content.split(|&byte| byte == b'\n') {
            if line.starts_with(HASH) {
                let hash = line.split(|&byte| byte == b':').nth(1).unwrap_or_default();
                all.push(String::from_utf8_lossy(hash).into_owned());
            }
        }
    }
    all
}
