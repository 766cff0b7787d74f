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
