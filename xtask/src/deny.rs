//! `cargo xtask deny`: what `.cargo/deny.toml` says about dependencies, by cargo-deny.
//!
//! Which of them have known holes is told by a database that cargo-deny clones from
//! github.com/rustsec/advisory-db. Where that cannot be had, only this is left out.

use anyhow::Result;
use xshell::cmd;

use crate::{setup, util};

/// What is said when a rule is for nothing: in one of the workspaces it must not be.
const IDLE: &[&str] = &[
    "license-not-encountered",
    "unmatched-skip",
    "unnecessary-skip",
];

/// The workspace; and the fuzzer, which is one of its own, and has not all that the other
/// has a rule for.
const WORKSPACES: &[(&str, &str)] = &[
    ("Cargo.toml", "--deny"),
    ("tests/fuzz/Cargo.toml", "--allow"),
];

/// Looks at all dependencies, first at what can be told without the network.
pub(crate) fn run() -> Result<()> {
    setup::cargo_tool("cargo-deny")?;
    let sh = util::shell()?;
    let check = |checks: &[&str]| -> Result<()> {
        for (manifest, idle) in WORKSPACES {
            println!("deny: {manifest}: {}", checks.join(", "));
            let idle = IDLE.iter().flat_map(|code| [idle, code]);
            cmd!(
                sh,
                "cargo deny --locked --workspace --manifest-path {manifest} check {idle...} {checks...}"
            )
            .quiet()
            .run()?;
        }
        Ok(())
    };
    check(&["bans", "licenses", "sources"])?;
    let fetched = cmd!(sh, "cargo deny --locked fetch db")
        .quiet()
        .ignore_status()
        .output()?;
    if fetched.status.success() {
        return check(&["advisories"]);
    }
    let why = String::from_utf8_lossy(&fetched.stderr);
    println!(
        "{}\ndeny: advisories: NOT LOOKED AT: their database cannot be fetched",
        why.trim_end()
    );
    Ok(())
}
