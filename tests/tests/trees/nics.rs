//! The NICs of a machine, as ends of veth pairs in its own network namespace.

use anyhow::{Context, Result, bail, ensure};
use std::io::Write;
use std::process::{Command, Stdio};

/// Makes NICs, each given as `NAME MAC`.
pub(crate) fn plug_in(nics: &[String]) -> Result<()> {
    let mut commands = String::new();
    for (number, nic) in nics.iter().enumerate() {
        let Some((name, mac)) = nic.split_once(' ') else {
            bail!("a NIC is `NAME MAC`, not `{nic}`");
        };
        commands += &format!(
            "link add {name} address {mac} type veth peer name peer{number}\nlink set peer{number} up\n"
        );
    }
    ip(&commands)
}

/// Removes `count` NICs.
pub(crate) fn unplug(count: usize) -> Result<()> {
    ip(&(0..count)
        .map(|number| format!("link del peer{number}\n"))
        .collect::<String>())
}

/// Runs commands of ip(8), one to a line.
fn ip(commands: &str) -> Result<()> {
    if commands.is_empty() {
        return Ok(());
    }
    let mut child = Command::new("ip")
        .args(["-batch", "-"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("ip")?;
    child
        .stdin
        .take()
        .context("no pipe")?
        .write_all(commands.as_bytes())?;
    let output = child.wait_with_output()?;
    ensure!(
        output.status.success(),
        "ip: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

/// The NICs that an os.conf names, under their labels.
pub(crate) fn nics_of(conf: &[u8]) -> Vec<String> {
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
