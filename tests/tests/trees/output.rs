//! Running the program, and what it says.

use crate::account::{contains, replace};
use crate::machine::Machine;
use anyhow::{Context, Result, bail};
use core::time::Duration;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

/// No case takes a second; a program that waits for a FIFO takes forever.
const LONGEST: Duration = Duration::from_secs(20);

/// What came of a run.
pub(crate) struct Output {
    pub(crate) exit: i32,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
}

/// Runs the program with `arguments`, in the root if `chroot`.
pub(crate) fn run(
    machine: &Machine,
    binary: &Path,
    arguments: &[String],
    chroot: bool,
) -> Result<Output> {
    let arguments = arguments
        .iter()
        .map(|argument| fill(machine, argument, chroot));
    let mut command = if chroot {
        let mut command = Command::new("chroot");
        command.arg(&machine.root).arg("/osconf");
        command
    } else {
        Command::new(binary)
    };
    let [out, err] = ["stdout", "stderr"].map(|name| machine.work.join(name));
    let mut child = command
        .args(arguments)
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .current_dir(&machine.work)
        .stdin(Stdio::null())
        .stdout(File::create(&out)?)
        .stderr(File::create(&err)?)
        .spawn()
        .with_context(|| binary.display().to_string())?;
    let start = Instant::now();
    let status = loop {
        match child.try_wait()? {
            Some(status) => break status,
            None if start.elapsed() > LONGEST => {
                child.kill()?;
                child.wait()?;
                bail!("it hangs: killed after {} s", LONGEST.as_secs());
            }
            None => std::thread::sleep(Duration::from_millis(1)),
        }
    };
    Ok(Output {
        exit: status.code().with_context(|| format!("{status}"))?,
        stdout: fs::read(out)?,
        stderr: fs::read(err)?,
    })
}

/// The paths and devices that the words in braces stand for.
fn names(machine: &Machine, chroot: bool) -> Vec<(String, String)> {
    let root = if chroot {
        String::new()
    } else {
        machine.root.display().to_string()
    };
    let conf = machine
        .conf
        .strip_prefix(&machine.root)
        .unwrap_or(&machine.conf);
    let mut names = vec![
        ("{conf}".into(), format!("{root}/{}", conf.display())),
        (
            "{root}".into(),
            if chroot { "/".into() } else { root.clone() },
        ),
        ("{outside}".into(), machine.outside.display().to_string()),
    ];
    for (number, disk) in machine.disks.iter().enumerate() {
        names.push((format!("{{disk{number}}}"), disk.clone()));
    }
    names
}

fn fill(machine: &Machine, argument: &str, chroot: bool) -> String {
    let names = names(machine, chroot);
    names
        .iter()
        .fold(argument.to_owned(), |text, (name, value)| {
            text.replace(name, value)
        })
}

/// `text` with `{now}` in the place of a time of the last minute.
fn without_time(text: &[u8]) -> Vec<u8> {
    const FORM: &str = "2026-11-21 03:57:14 UTC";
    let Some(end) = text.windows(4).position(|word| word == b" UTC") else {
        return text.to_vec();
    };
    let (Some(start), end) = ((end + 4).checked_sub(FORM.len()), end + 4) else {
        return text.to_vec();
    };
    let time = String::from_utf8_lossy(&text[start..end]).into_owned();
    let output = Command::new("date").args(["+%s", "--date", &time]).output();
    let seconds = output
        .ok()
        .and_then(|output| String::from_utf8(output.stdout).ok());
    let seconds = seconds.and_then(|text| text.trim().parse::<u64>().ok());
    let is_now = |seconds: u64| crate::record::now().is_ok_and(|now| now.abs_diff(seconds) < 60);
    if seconds.is_some_and(is_now) {
        replace(text, time.as_bytes(), b"{now}")
    } else {
        text.to_vec()
    }
}

/// `text` with `{root}` and so on in the place of what differs in each run.
pub(crate) fn general(machine: &Machine, text: &[u8], chroot: bool) -> Vec<u8> {
    let text = names(machine, chroot)
        .iter()
        .filter(|(_, value)| value != "/")
        .fold(without_time(text), |text, (name, value)| {
            replace(&text, value.as_bytes(), name.as_bytes())
        });
    if machine.disks.is_empty() {
        return text;
    }
    of_own_disks(&text)
}

/// `text` without the lines about disks of the machine that the tests run on, and
/// with `{uuid}` in the place of what mkfs made up.
fn of_own_disks(text: &[u8]) -> Vec<u8> {
    const UUID: usize = 36;
    let is_own = |line: &&[u8]| {
        let is_listed = contains(line, b"not /dev/") || line.starts_with(b"  /dev/");
        !is_listed || contains(line, b"no-such-device")
    };
    let mut lines = Vec::new();
    for line in text.split_inclusive(|&byte| byte == b'\n').filter(is_own) {
        let mut line = line.to_vec();
        if let Some(at) = line.windows(5).position(|part| part == b"UUID=") {
            let end = (at + 5 + UUID).min(line.len());
            line.splice(at + 5..end, *b"{uuid}");
        }
        lines.extend(line);
    }
    lines
}

/// The secrets of a case, none of which may be said, or lie where it should not.
pub(crate) struct Secrets(Vec<Vec<u8>>);

/// Shorter pieces would be found in any text.
const SHORTEST: usize = 5;

impl Secrets {
    /// Those in these os.conf texts, and the passwords that are known.
    pub(crate) fn new(confs: &[Vec<u8>], passwords: &[String]) -> Self {
        let text = confs.iter().map(|conf| String::from_utf8_lossy(conf));
        let values = text.flat_map(|text| {
            let lines = text.lines().filter_map(|line| line.split_once("password="));
            lines
                .map(|(_, value)| value.trim().trim_matches(['"', '\'']).to_owned())
                .collect::<Vec<_>>()
        });
        let lines = passwords
            .iter()
            .flat_map(|password| password.lines().map(String::from));
        let all = values.chain(lines).map(String::into_bytes);
        Self(all.filter(|secret| secret.len() >= SHORTEST).collect())
    }

    /// Also these.
    pub(crate) fn and(&self, more: Vec<Vec<u8>>) -> Self {
        Self([self.0.clone(), more].concat())
    }

    /// Each of them, as far as it is text.
    pub(crate) fn as_text(&self) -> Vec<String> {
        self.0
            .iter()
            .filter_map(|secret| String::from_utf8(secret.clone()).ok())
            .collect()
    }

    /// Whether `text` holds one of them.
    pub(crate) fn are_in(&self, text: &[u8]) -> bool {
        self.0.iter().any(|secret| contains(text, secret))
    }
}
