//! The programs that are measured.

use crate::root::{Disk, Root};
use anyhow::{Result, ensure};
use osconf_tests::product;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// One of them.
pub(crate) struct Program {
    pub(crate) name: &'static str,
    pub(crate) command: Vec<String>,
    folder: PathBuf,
    /// How often it is run.
    pub(crate) rounds: usize,
    /// Whether it is a process by itself, without a shell and others.
    pub(crate) is_alone: bool,
    /// Whether root has a new password after it.
    sets_password: bool,
}

impl Program {
    fn alone(root: &Root, name: &'static str, path: &Path, arguments: &[&str]) -> Self {
        let mut command = vec![path.to_string_lossy().into_owned()];
        command.extend(arguments.iter().map(|&argument| argument.to_owned()));
        Self {
            name,
            command,
            folder: root.path.clone(),
            rounds: 201,
            is_alone: true,
            sets_password: false,
        }
    }

    fn of_root(root: &Root, name: &'static str, rounds: usize, words: &[&str]) -> Self {
        let words = [&["chroot", "."], words].concat();
        Self {
            name,
            command: words.iter().map(|&word| word.to_owned()).collect(),
            folder: root.path.clone(),
            rounds,
            is_alone: false,
            sets_password: false,
        }
    }

    fn of_binary(root: &Root, name: &'static str, binary: &Path) -> Self {
        let (path, conf) = (root.path.to_string_lossy(), root.conf());
        let arguments = ["apply", "--root", &path, "--conf", &conf.to_string_lossy()];
        Self::alone(root, name, binary, &arguments)
    }

    pub(crate) fn agent(root: &Root) -> Result<Self> {
        Ok(Self::of_binary(root, "osconf", &product::binary()?))
    }

    pub(crate) fn writer(root: &Root) -> Result<Self> {
        Ok(Self::alone(
            root,
            "the same files and syncs, nothing else",
            &floor("writer")?,
            &[],
        ))
    }

    /// Ready to be started.
    pub(crate) fn start(&self, before: &[&str]) -> Command {
        let words: Vec<_> = before
            .iter()
            .copied()
            .chain(self.command.iter().map(String::as_str))
            .collect();
        let mut command = Command::new(words[0]);
        command
            .args(&words[1..])
            .current_dir(&self.folder)
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    /// Where it runs.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether it did what it is measured for.
    pub(crate) fn judge(&self, root: &Root, has_conf: bool) -> Result<()> {
        if has_conf && self.sets_password {
            let shadow = fs::read_to_string(root.path.join("etc/shadow"))?;
            ensure!(
                shadow.starts_with("root:$6$"),
                "{} set no password",
                self.name
            );
        }
        Ok(())
    }
}

fn floor(name: &str) -> Result<PathBuf> {
    Ok(crate::path_of("OSCONF_FLOOR")?.join(name))
}

/// All that are measured in one table; osconf is the first.
pub(crate) fn all(root: &Root, disk: Disk, has_conf: bool) -> Result<Vec<Program>> {
    let mut all = vec![
        Program::agent(root)?,
        Program::of_binary(root, "osconf, for boots only", &product::boot_binary()?),
    ];
    if root.has_script() {
        let script = ["/root/os-conf.sh", "start"];
        let bash = [&["bash"], &script[..]].concat();
        let paths = "PATH=/applets:/usr/sbin:/usr/bin";
        let busybox = [&["env", paths, "busybox", "sh"], &script[..]].concat();
        all.push(Program::of_root(
            root,
            "the script, bash and coreutils",
            21,
            &bash,
        ));
        all.push(Program::of_root(root, "the script, BusyBox", 21, &busybox));
    }
    if has_conf {
        let steps = "cloud-init init --local && cloud-init init";
        let words = ["bash", "-c", steps];
        all.push(Program::of_root(
            root,
            "cloud-init, these modules only",
            3,
            &words,
        ));
    }
    for program in &mut all {
        program.sets_password = true;
    }
    all.push(Program::alone(
        root,
        "an empty program",
        &floor("empty")?,
        &[],
    ));
    if has_conf {
        all.push(Program::alone(
            root,
            "floor: one hash by the same code",
            &floor("hash")?,
            &[],
        ));
        let hash = ["perl", "-e", "crypt('qwer1234', '$6$abcdefghabcdefgh$')"];
        all.push(Program::of_root(
            root,
            "one hash by libxcrypt, in perl",
            101,
            &hash,
        ));
        all.push(Program::of_root(
            root,
            "perl alone",
            101,
            &["perl", "-e", "1"],
        ));
    }
    if has_conf && disk == Disk::Ext4 {
        all.push(Program::writer(root)?);
    }
    Ok(all)
}
