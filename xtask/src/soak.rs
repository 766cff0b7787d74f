//! `cargo xtask soak`: what takes longer than a test may. The tests that throw dice
//! are repeated with other ones, all inits are booted, and the network files go to
//! the programs of a newer Debian. Also what needs the network, or a second build.

use anyhow::{Context, Result, bail};
use xshell::cmd;

use crate::util::TESTS;
use crate::{boot, build, deny, inits, readers, reliability, reproduce, setup, target, util};

/// Rounds of dice, if nothing else is said.
const ROUNDS: u32 = 20;
/// The Debian whose programs read the files, beside the one of the tests.
const NEWER: &str = "trixie";
/// Debians whose kernels are booted beside that of the tests: Linux 5.10 and 6.12.
pub(crate) const KERNELS: &[&str] = &["bullseye", "trixie"];

/// Runs so many rounds, and then the readers.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let rounds = match arguments {
        [] => ROUNDS,
        [rounds] => rounds.parse().context("how many rounds?")?,
        _ => bail!("too many arguments: only the number of rounds"),
    };
    let targets = target::all()?;
    setup::tools(&setup::all_tools(&targets))?;
    println!("soak: the dependencies");
    deny::run()?;
    println!("soak: the same once more, elsewhere");
    reproduce::run()?;
    let sh = util::shell()?;
    sh.set_var("OSCONF_HOST", build::binary(&target::host()?)?);
    for round in 1..=rounds {
        println!("soak: round {round} of {rounds}");
        sh.set_var("OSCONF_ROUND", round.to_string());
        cmd!(sh, "cargo {TESTS...} --test random --test partitions")
            .quiet()
            .run()?;
    }
    println!("soak: every machine on every architecture");
    boot::run(&boot::Options {
        targets: targets.clone(),
        all: true,
        ..Default::default()
    })?;
    for release in KERNELS {
        println!("soak: the machines of the tests, on the kernel of Debian {release}");
        boot::run(&boot::Options {
            targets: targets.clone(),
            release: Some((*release).to_owned()),
            ..Default::default()
        })?;
    }
    println!("soak: whole systems");
    inits::run("")?;
    println!("soak: the network programs of Debian {NEWER}");
    readers::run(&["--release".to_owned(), NEWER.to_owned()])?;
    println!("soak: every fault, every power cut, every hostile input");
    reliability::run(&["--soak".to_owned()])
}
