//! The binary for boots only does what the whole one does, and says what it cannot do.

use anyhow::{Context, Result, ensure};
use osconf_tests::product;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const CONF: &str = "hostname=boot-only\ndns_nameserver=\"192.0.2.53\"\n";

fn run(binary: &Path, arguments: &[&str]) -> Result<Output> {
    let output = Command::new(binary).args(arguments).output();
    output.with_context(|| format!("{} {arguments:?}", binary.display()))
}

#[test]
fn every_command_that_is_left_out_is_named() -> Result<()> {
    let binary = product::boot_binary()?;
    for command in [
        "lint",
        "status",
        "revert",
        "install",
        "uninstall",
        "check",
        "prepare",
    ] {
        let output = run(&binary, &[command])?;
        let said = String::from_utf8(output.stderr)?;
        let wanted = format!(
            "osconf: usage: this build has no command {command}: osconf --help shows how\n"
        );
        ensure!(said == wanted, "{command}: {said}");
        ensure!(output.status.code() == Some(2), "{command}");
        let help = String::from_utf8(run(&binary, &["--help"])?.stdout)?;
        ensure!(
            !help.contains(&format!("\n  {command}")),
            "{command}: {help}"
        );
    }
    Ok(())
}

/// What `plan` and `apply` say and write, in a new root.
fn apply(binary: &Path) -> Result<Vec<String>> {
    let folder = tempfile::tempdir()?;
    let root = folder.path().join("root");
    fs::create_dir_all(root.join("etc"))?;
    let conf = folder.path().join("os.conf");
    fs::write(&conf, CONF)?;
    let mut all = Vec::new();
    for command in ["plan", "apply", "apply"] {
        let paths = [&root, &conf].map(|path| path.to_str().unwrap_or_default());
        let output = run(binary, &[command, "--root", paths[0], "--conf", paths[1]])?;
        ensure!(output.status.success(), "{command}: {output:?}");
        let text = |bytes| Ok::<_, anyhow::Error>(String::from_utf8(bytes)?);
        let name = |text: String| text.replace(&*folder.path().to_string_lossy(), "");
        all.extend([name(text(output.stdout)?), name(text(output.stderr)?)]);
    }
    ensure!(!conf.exists(), "os.conf is still there");
    for path in ["etc/hostname", "etc/resolv.conf"] {
        all.push(fs::read_to_string(root.join(path)).with_context(|| path.to_owned())?);
    }
    Ok(all)
}

#[test]
fn it_applies_an_os_conf_as_the_whole_one_does() -> Result<()> {
    let (whole, boot) = (
        apply(&product::binary()?)?,
        apply(&product::boot_binary()?)?,
    );
    ensure!(whole == boot, "{whole:#?}\n{boot:#?}");
    ensure!(whole.contains(&"boot-only\n".to_owned()), "{whole:#?}");
    Ok(())
}
