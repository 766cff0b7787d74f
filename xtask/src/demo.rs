//! `cargo xtask demo`: osconf at work, for somebody who has never seen it.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use xshell::{Shell, cmd};

use crate::{boot, build, setup, target, util};

/// The os.conf of the demonstration, a file of `tests/samples`.
const SAMPLE: &str = "seed-000-vpc";
/// The machine of the demonstration, of `xtask/scenarios.toml`: FAT32 on /boot, the root behind it.
const SCENARIO: &str = "000-vpc-init";

/// First in a folder that plays a machine, then in a real one.
pub(crate) fn run() -> Result<()> {
    let target = target::host()?;
    println!("Building osconf for {} …", target.triple);
    let osconf = build::binary(&target)?;
    let size = fs::metadata(&osconf)?.len();
    println!("{size} bytes: {}", osconf.display());

    in_a_folder(&osconf)?;

    println!(
        "\n# Now a real machine: Debian's kernel in QEMU, os.conf on a FAT32 partition, BusyBox init."
    );
    setup::tools(&setup::boot_tools(core::slice::from_ref(&target)))?;
    let ((outcome, facts), time) = match util::timed(|| boot::show(&target, &osconf, SCENARIO)) {
        (Ok(shown), time) => (shown, time),
        (Err(error), _) => return Err(error.context("the machine is not as os.conf says")),
    };
    for line in outcome {
        println!("{line}");
    }
    println!(
        "\n# After {:.0} s it is up, root has logged in with the password of os.conf, and:",
        time.as_secs_f32()
    );
    for (command, fact) in [
        ("hostname", "hostname"),
        ("ip -4 addr", "addresses"),
        ("ip -4 route", "routes"),
    ] {
        println!("$ {command}");
        for line in facts
            .lines(fact)
            .iter()
            .filter(|line| !line.contains(": lo "))
        {
            println!("{}", line.split('\\').next().unwrap_or_default().trim_end());
        }
    }
    println!("$ grep nameserver /etc/resolv.conf");
    for line in facts
        .lines("resolv-conf")
        .iter()
        .filter(|line| line.starts_with("nameserver"))
    {
        println!("{line}");
    }
    println!(
        "\nos.conf is gone, its folder is there for the next one. To prove all of it: cargo xtask test"
    );
    Ok(())
}

/// lint, plan, apply and status on a root file system in a temporary folder.
fn in_a_folder(osconf: &Path) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let sh = util::shell()?;
    sh.change_dir(folder.path());
    util::copy_tree(
        &util::root().join("xtask/root"),
        &folder.path().join("root"),
    )?;
    let sample = util::read(&util::root().join(format!("tests/samples/{SAMPLE}.conf")))?;
    util::write(&folder.path().join("os.conf"), for_this_machine(&sample)?)?;
    // Found by its name in the PATH, so that what is shown can be typed.
    let bin = osconf
        .parent()
        .context("the binary has no folder")?
        .display();
    sh.set_var("PATH", format!("{bin}:{}", util::search_path()));

    println!(
        "\n# os.conf, as the cloud writes it (but with the MAC address of a card of this machine):"
    );
    show(&sh, "cat os.conf")?;
    println!("\n# Is it right? (Silence is a yes.)");
    show(&sh, "osconf lint os.conf")?;
    println!("\n# What would it change in the machine whose files are in root/?");
    show(&sh, "osconf plan --root root --conf os.conf")?;
    println!("\n# Do it.");
    show(&sh, "osconf apply --root root --conf os.conf")?;
    show(&sh, "osconf status --root root")?;
    println!("\n# What is done need not be done twice: os.conf is gone.");
    show(&sh, "ls os.conf")
}

/// The sample with the MAC address of a network card that is here: osconf
/// finds a card by it. Where there is none, the line goes and the name counts.
fn for_this_machine(sample: &str) -> Result<String> {
    let mut cards: Vec<_> = fs::read_dir("/sys/class/net")?
        .filter_map(|card| Some(card.ok()?.path()))
        .collect();
    cards.sort();
    // A device of its own behind it: no bridge, no tunnel, no loopback.
    let card = cards.iter().find(|card| card.join("device").exists());
    let mut lines = String::new();
    for line in sample.lines() {
        match (line.starts_with("eth0_mac_addr="), card) {
            (false, _) => lines += &format!("{line}\n"),
            (true, Some(card)) => {
                let mac = util::read(&card.join("address"))?;
                lines += &format!("eth0_mac_addr={}\n", mac.trim());
            }
            (true, None) => {}
        }
    }
    Ok(lines)
}

/// Prints a command and what it says, on both outputs; it may fail.
fn show(sh: &Shell, line: &str) -> Result<()> {
    let words: Vec<_> = line.split(' ').collect();
    let (program, arguments) = words.split_first().context("no command")?;
    println!("$ {line}");
    let output = cmd!(sh, "{program} {arguments...}")
        .quiet()
        .ignore_status()
        .output()?;
    print!("{}", String::from_utf8_lossy(&output.stdout));
    print!("{}", String::from_utf8_lossy(&output.stderr));
    if !output.status.success() {
        println!("({})", output.status);
    }
    Ok(())
}
