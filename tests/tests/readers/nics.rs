//! The NICs of a case, and who sits at the other end of their wires.

use anyhow::{Context, Result, bail, ensure};
use core::time::Duration;
use std::env;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Instant;

/// Set in the process that holds the other ends: the file that it writes to.
const FAR_END: &str = "OSCONF_READERS_FAR_END";
/// Where a BOOTP message has the MAC address of who asks (RFC 951).
const CHADDR: core::ops::Range<usize> = 28..34;

/// The file to write to, if this process is to sit at the other end.
pub(crate) fn far_end() -> Option<PathBuf> {
    env::var_os(FAR_END).map(PathBuf::from)
}

/// Writes down who asks for an address by DHCP, and answers nobody.
pub(crate) fn watch(file: &Path) -> ExitCode {
    let mut message = [0; 1500];
    let mut listen = || -> Result<()> {
        let socket = UdpSocket::bind("0.0.0.0:67")?;
        // Who waits for this file knows that the socket is there.
        let mut out = OpenOptions::new().create(true).append(true).open(file)?;
        loop {
            let length = socket.recv(&mut message)?;
            let mac = message[..length].get(CHADDR).unwrap_or_default();
            let mac: Vec<_> = mac.iter().map(|byte| format!("{byte:02x}")).collect();
            writeln!(out, "{}", mac.join(":"))?;
        }
    };
    if let Err(error) = listen() {
        eprintln!("the other end: {error:#}");
    }
    ExitCode::FAILURE
}

/// The wires of a machine. They are cut when this is dropped.
pub(crate) struct Wires {
    other_end: Child,
    asked: PathBuf,
}

impl Wires {
    /// Makes NICs, each given as `NAME MAC`, with a carrier once they are up.
    pub(crate) fn plug_in(nics: &[String], work: &Path) -> Result<Self> {
        let asked = work.join("asked");
        let other_end = Command::new("unshare")
            .arg("--net")
            .arg(env::current_exe()?)
            .env(FAR_END, &asked)
            .spawn()
            .context("unshare")?;
        let wires = Self { other_end, asked };
        let start = Instant::now();
        while !wires.asked.exists() {
            ensure!(
                start.elapsed() < Duration::from_secs(10),
                "nobody is at the other end"
            );
            std::thread::sleep(Duration::from_millis(2));
        }
        let process = wires.other_end.id();
        let (mut near, mut far) = (String::new(), String::new());
        for (number, nic) in nics.iter().enumerate() {
            let Some((name, mac)) = nic.split_once(' ') else {
                bail!("a NIC is `NAME MAC`, not `{nic}`");
            };
            near += &format!(
                "link add {name} address {mac} type veth peer name far{number} netns {process}\n"
            );
            far += &format!("link set far{number} up\n");
        }
        batch(&mut Command::new("ip"), &near)?;
        let mut inside = Command::new("nsenter");
        inside.args(["--net", "--target", &process.to_string(), "ip"]);
        batch(&mut inside, &far)?;
        Ok(wires)
    }

    /// The MAC addresses of NICs for which somebody asked for DHCP.
    pub(crate) fn asked(&self) -> Result<Vec<String>> {
        let text = fs::read_to_string(&self.asked)?;
        let mut asked: Vec<_> = text.lines().map(str::to_owned).collect();
        asked.sort_unstable();
        asked.dedup();
        Ok(asked)
    }
}

impl Drop for Wires {
    fn drop(&mut self) {
        // If it is gone already, all the better.
        let _ = self.other_end.kill();
        let _ = self.other_end.wait();
    }
}

/// Runs commands of ip(8), one to a line.
fn batch(ip: &mut Command, commands: &str) -> Result<()> {
    let mut child = ip
        .args(["-batch", "-"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("ip")?;
    let mut pipe = child.stdin.take().context("no pipe")?;
    pipe.write_all(commands.as_bytes())?;
    drop(pipe);
    let output = child.wait_with_output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "ip: {said}");
    Ok(())
}
