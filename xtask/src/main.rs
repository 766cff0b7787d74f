//! `cargo xtask`: builds, tests and boots osconf.
//!
//! Each subcommand is a file of its own; this one only reads the arguments.

mod apt;
mod bench;
mod boot;
mod build;
mod demo;
mod deny;
mod dist;
mod elf;
mod fuzz;
mod inits;
mod miri;
mod mutants;
mod packages;
mod readers;
mod reliability;
mod reproduce;
mod sbom;
mod setup;
mod size;
mod soak;
mod target;
mod test;
mod tidy;
mod util;

use std::process::ExitCode;

use anyhow::{Result, bail};

const USAGE: &str = "\
cargo xtask COMMAND

  demo           builds osconf and shows it at work, first in a folder, then in a machine
  test           everything: tools, format, lints, rules, tests, build, boots
  build [ARCH]   the binary for x86_64, aarch64 or both; checks what was linked and its size
  dist           archives, packages and recipes to hand out, with checksums and a list
                 of what each binary is made of, in target/dist/
  mutants [FILE]...  changes one thing at a time in the core modules, and has a test
                 notice it, unless .cargo/mutants.toml says why none can: some hours
  packages       makes a package and recipes of it, installs and removes Debian's, and
                 tries and lints the others as far as their tools are here
  reproduce      makes them a second time in another folder, and compares
  bench          what osconf costs in time, system calls and memory, beside cloud-init and
                 the least that a program can do; draws targets/doc/bench.svg
  bench boot     what it adds to a boot in QEMU, until the network is up
       --script FILE  and beside this shell script for os.conf, in either
  deny           licences, sources, duplicates and known holes of all dependencies
  boot [ARCH]    boots real kernels in QEMU and looks at the machine from inside
       --only TEXT    only the scenarios whose name contains TEXT
       --agent FILE   puts this program into the machines instead of a fresh build
       --all          also those that only the soak boots
       --release NAME kernels of another Debian than the machine's own
       --keep         keeps disks and logs in target/boot/, also of what went well
  inits [TEXT]   boots whole Debian systems, each with another init, on which
                 `osconf install` has been run; only those whose names contain TEXT
  readers [TEXT] hands golden network files to the real programs that read them;
                 only the tests READER/CASE whose names contain TEXT
       --release NAME     programs of another Debian than bookworm, before TEXT
  reliability [RIG]  breaks the program in every way that tests/README.md lists, and
                 prints the table of it; only the rigs whose names contain RIG
       --soak         the large numbers: some of them take an hour
  size           what the bytes of each binary are: crates, modules, sections, the
                 largest functions, and how the sizes have grown
       --record       adds this commit's sizes to xtask/size.tsv, if they are others
  soak [ROUNDS]  other dice for the tests that throw some, 20 rounds of them, the
                 readers of Debian 13, `deny`, `reproduce` and `reliability --soak`:
                 a round takes half a minute, the last of these hours
  tidy           the rules of this repository that a program can check
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<()> {
    let Some((command, rest)) = arguments.split_first() else {
        bail!("no command given\n\n{USAGE}");
    };
    match (command.as_str(), rest) {
        ("help" | "-h" | "--help", _) => println!("{USAGE}"),
        ("bench", rest) => bench::run(rest)?,
        ("build", []) => build::run(&target::all()?)?,
        ("build", [arch]) => build::run(&[target::named(arch)?])?,
        ("test", []) => test::run()?,
        ("boot", rest) => boot::run(&boot_options(rest)?)?,
        ("demo", []) => demo::run()?,
        ("deny", []) => deny::run()?,
        ("dist", []) => dist::run()?,
        ("inits", []) => inits::run("")?,
        ("inits", [only]) => inits::run(only)?,
        ("mutants", files) => mutants::run(files)?,
        ("packages", []) => packages::run()?,
        ("readers", filter) => readers::run(filter)?,
        ("reproduce", []) => reproduce::run()?,
        ("reliability", rest) => reliability::run(rest)?,
        ("size", []) => size::run(false)?,
        ("size", [option]) if option == "--record" => size::run(true)?,
        ("soak", rest) => soak::run(rest)?,
        ("tidy", []) => tidy::run()?,
        _ => bail!("cannot make sense of `{}`\n\n{USAGE}", arguments.join(" ")),
    }
    Ok(())
}

fn boot_options(arguments: &[String]) -> Result<boot::Options> {
    let mut options = boot::Options {
        targets: target::all()?,
        ..Default::default()
    };
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let mut value = || {
            rest.next()
                .cloned()
                .ok_or_else(|| anyhow::anyhow!("{argument} wants a value\n\n{USAGE}"))
        };
        match argument.as_str() {
            "--keep" => options.keep = true,
            "--all" => options.all = true,
            "--only" => options.only = value()?,
            "--release" => options.release = Some(value()?),
            "--agent" => options.agent = Some(value()?.into()),
            arch => options.targets = vec![target::named(arch)?],
        }
    }
    Ok(options)
}
