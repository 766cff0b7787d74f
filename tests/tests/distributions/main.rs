//! Distributions as data: each folder of `tests/distributions/` is what a root of
//! one shows of its network, and which network system `osconf plan -v` must find.
//!
//! ```text
//! tests/distributions/alpine-3.20/
//!   expected.toml   the answer, and where each fact was learned
//!   root/           os-release, the files that tell of a network, links of
//!                   services that are switched on; programs are empty files
//! ```
//!
//! Only what is said about the choice is looked at, so nothing here depends on
//! whether the format can be written. A new case needs no more than its folder;
//! one of them: `cargo test -p osconf-tests --test distributions -- alpine-3.20`.
//!
//! The binary is `$OSCONF_HOST`, or else what `cargo xtask build` made.

use anyhow::{Context, Result, ensure};
use libtest_mimic::{Arguments, Failed, Trial};
use osconf_tests::product::binary;
use serde::Deserialize;
use std::env;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

/// A VPC with one NIC and no other part, so that what is said is about the network.
const CONF: &str = "\
eth0_ip_addr=10.0.0.2
eth0_mac_addr=00:16:3e:00:00:23
eth0_netmask=255.255.255.0
eth0_gateway=10.0.0.1
";

/// What must be found.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    /// The network system.
    network: String,
    /// The path that tells so; none, if nothing in the root does.
    because: Option<String>,
    /// Those that fit as well, in the order in which they are named.
    #[serde(default)]
    also: Vec<String>,
    /// Whether the first of `also` is a reason to warn, also without `-v`.
    #[serde(default)]
    warns: bool,
    /// Where the facts were learned, and which of them nobody has looked up.
    why: String,
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::from_args();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("distributions");
    let mut trials = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let look = move || check(&entry.path()).map_err(Failed::from);
        trials.push(Trial::test(name, look));
    }
    ensure!(!trials.is_empty(), "no case in {}", folder.display());
    Ok(libtest_mimic::run(&arguments, trials).exit_code())
}

fn check(case: &Path) -> Result<()> {
    let text = fs::read_to_string(case.join("expected.toml")).context("expected.toml")?;
    let expected: Expected = toml::from_str(&text)?;
    ensure!(!expected.why.trim().is_empty(), "say why");

    let root = case.join("root");
    let said = plan(&root, &["-v"])?;
    let Some((first, others)) = said.split_first() else {
        anyhow::bail!("nothing is said about the choice");
    };
    let because = expected.because.as_deref().unwrap_or("no network scripts");
    let wanted = format!(
        "{}, because of {because}: --network NAME chooses another",
        expected.network
    );
    ensure!(*first == wanted, "wanted: {wanted}\nsaid: {first}");
    let others: Vec<&str> = others
        .iter()
        .filter_map(|line| Some(line.split_once(" fits, too, because of /")?.0))
        .collect();
    let mut wanted = expected.also.clone();
    if let (true, Some(first)) = (expected.warns, wanted.first_mut()) {
        first.insert_str(0, "warning: ");
    }
    ensure!(
        others == wanted,
        "wanted, too: {wanted:?}\nsaid: {others:?}"
    );

    let said = plan(&root, &[])?;
    ensure!(
        said.len() == usize::from(expected.warns),
        "said without -v: {said:?}"
    );
    let said = plan(&root, &["-v", "--network", &expected.network])?;
    ensure!(said.is_empty(), "said although it is no question: {said:?}");
    Ok(())
}

/// What `osconf plan` says about the choice of the network system, line by line.
fn plan(root: &Path, options: &[&str]) -> Result<Vec<String>> {
    let conf = tempfile::NamedTempFile::new()?;
    fs::write(conf.path(), CONF)?;
    let output = Command::new(binary()?)
        .arg("plan")
        .args(options)
        .arg("--root")
        .arg(root)
        .arg("--conf")
        .arg(conf.path())
        .output()?;
    let said = String::from_utf8(output.stderr)?;
    // 1 is for a NIC that is not there, or a format that is not written yet.
    ensure!(
        matches!(output.status.code(), Some(0 | 1)),
        "{}: {said}",
        output.status
    );
    Ok(said
        .lines()
        .filter_map(|line| line.strip_prefix("osconf: network: "))
        .filter(|line| line.contains(", because of "))
        .map(String::from)
        .collect())
}
