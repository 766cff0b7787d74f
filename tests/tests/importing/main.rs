//! The page `targets/doc/importing.md`: each command on it is run, in its order.
//!
//! A block of the page begins with three backticks and `sh`, and what follows says who
//! runs it: nothing, this test; `busybox`, this test; `debian`, only with
//! `OSCONF_IMPORTING=all`, in the place of `busybox`, since it takes minutes; `check`,
//! this test, and an exit code of 1 is good; `qemu` and `cloud`, nobody here: a shell
//! must understand it.
//!
//! It takes root and loop devices, in a mount namespace that ends with the test.

use anyhow::{Context, Result, ensure};
use libtest_mimic::{Arguments, Failed, Trial};
use osconf_tests::product;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::{env, fs};

/// Items of the checker that are well in the image. The kernel is none here, so its
/// drivers are not there.
const OK: [&str; 18] = [
    "shadow file authority",
    "security",
    "network",
    "firewall",
    "filesystem",
    "device id",
    "root account",
    "password",
    "partition table",
    "lib",
    "disk size",
    "first partition",
    "os.conf directory",
    "agent",
    "fstab by UUID",
    "boot loader by UUID",
    "root partition last",
    "console",
];

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let test = || page().map_err(|error| Failed::from(format!("{error:#}")));
    // BIOS, and GRUB for it.
    let is_elsewhere = cfg!(not(target_arch = "x86_64"));
    let trial = Trial::test("every-command-of-the-page-works", test);
    let trials = vec![trial.with_ignored_flag(is_elsewhere)];
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// A block of commands: who runs it, and the commands.
type Block = (String, String);

fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for line in page.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(head)) => {
                let who = head.strip_prefix("sh").unwrap_or("none").trim();
                open = Some((who.to_owned(), String::new()));
            }
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some((_, text)), None) => {
                text.push_str(line);
                text.push('\n');
            }
            (None, None) => {}
        }
    }
    blocks
}

fn page() -> Result<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../targets/doc/importing.md");
    let page = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let is_debian = env::var("OSCONF_IMPORTING").is_ok_and(|what| what == "all");
    let chosen = if is_debian { "debian" } else { "busybox" };
    let mut script = String::from("set -e\n");
    let mut count = 0;
    for (who, commands) in blocks(&page) {
        let output = Command::new("sh").args(["-n", "-c", &commands]).output()?;
        ensure!(output.status.success(), "no shell understands: {commands}");
        match who.as_str() {
            "" => script.push_str(&commands),
            who if who == chosen => script.push_str(&commands),
            "check" => script.push_str(&format!("{} || [ $? = 1 ]\n", commands.trim_end())),
            "debian" | "busybox" | "qemu" | "cloud" => continue,
            who => anyhow::bail!("nobody is called {who}"),
        }
        count += 1;
    }
    ensure!(count >= 8, "only {count} blocks");
    let work = tempfile::tempdir()?;
    let programs = work.path().join("programs");
    let here = work.path().join("here");
    fs::create_dir(&programs)?;
    fs::create_dir(&here)?;
    symlink(product::binary()?, programs.join("osconf"))?;
    // In the place of somebody's own.
    fs::write(here.join("kernel"), "no kernel")?;
    let run = run(&script, &programs, &here);
    detach(&here.join("try.raw"));
    let said = run?;
    judge(&said, &here, &programs, is_debian)
}

fn run(script: &str, programs: &Path, here: &Path) -> Result<String> {
    let path = env::var("PATH").unwrap_or_default();
    let path = format!("{}:/usr/sbin:/sbin:{path}", programs.display());
    let output = Command::new("unshare")
        .args(["--mount", "sh", "-c", script])
        .env("PATH", path)
        .current_dir(here)
        .output()
        .context("unshare")?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{said}\n{errors}");
    Ok(said)
}

/// Frees the loop device of a run that failed.
fn detach(image: &PathBuf) {
    let output = Command::new("losetup").arg("-j").arg(image).output();
    let text = output.map(|output| output.stdout).unwrap_or_default();
    for line in String::from_utf8_lossy(&text).lines() {
        if let Some((device, _)) = line.split_once(':') {
            let _ = Command::new("losetup").args(["-d", device]).status();
        }
    }
}

/// What the page leaves: an image as ECS wants it, and one of a fifth of its size to
/// be uploaded.
fn judge(said: &str, here: &Path, programs: &Path, is_debian: bool) -> Result<()> {
    ensure!(said.contains("items are OK"), "no report: {said}");
    let diff = fs::read_to_string(here.join("prepare.diff"))?;
    ensure!(diff.contains("+iface eth0 inet dhcp"), "no rest: {diff}");
    let mut check = Command::new(programs.join("osconf"));
    check.args(["check", "--all", "--json", "--image"]);
    let output = check.arg(here.join("image.raw")).output()?;
    let report: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let items = report["check_items"].as_array().context("no items")?;
    let result = |name: &str| {
        let item = items.iter().find(|item| item["name"] == name);
        let text = |key: &str| item.and_then(|item| item[key].as_str()).unwrap_or("none");
        (text("result").to_owned(), text("description").to_owned())
    };
    for name in OK {
        let (result, description) = result(name);
        ensure!(result == "OK", "{name}: {result}: {description}");
    }
    if is_debian {
        ensure!(output.status.success(), "it fails: {said}");
    }
    let small = fs::metadata(here.join("image.qcow2"))?.len();
    ensure!(small < 2 << 30, "image.qcow2 has {small} bytes");
    Ok(())
}
