//! What must be on the machine before anything is built or booted.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::{Result, bail};
use xshell::cmd;

use crate::target::Target;
use crate::{apt, util};

/// A program that is started, and Debian's package that has it.
pub(crate) struct Tool {
    program: String,
    package: String,
}

/// The programs that make disk images and unpack packages.
const TOOLS: &[(&str, &str)] = &[
    ("apt-get", "apt"),
    ("debugfs", "e2fsprogs"),
    ("dpkg-deb", "dpkg"),
    ("mcopy", "mtools"),
    ("mke2fs", "e2fsprogs"),
    ("mkfs.vfat", "dosfstools"),
    ("mmd", "mtools"),
    ("sfdisk", "fdisk"),
    ("xz", "xz-utils"),
];

/// The programs that the tests of `tests/` make machines with, and judge them by.
const TEST_TOOLS: &[(&str, &str)] = &[
    ("blkid", "util-linux"),
    ("blockdev", "util-linux"),
    ("busybox", "busybox-static"),
    ("c++", "g++"),
    ("chattr", "e2fsprogs"),
    ("mksquashfs", "squashfs-tools"),
    ("e2fsck", "e2fsprogs"),
    ("grep", "grep"),
    ("groff", "groff-base"),
    ("mkswap", "util-linux"),
    ("find", "findutils"),
    ("dd", "coreutils"),
    ("debootstrap", "debootstrap"),
    ("fish", "fish"),
    ("lintian", "lintian"),
    ("make", "make"),
    ("mandoc", "mandoc"),
    ("shellcheck", "shellcheck"),
    ("zsh", "zsh"),
    ("script", "bsdutils"),
    ("setpriv", "util-linux"),
    ("ip", "iproute2"),
    ("nsenter", "util-linux"),
    ("tar", "tar"),
    ("losetup", "mount"),
    ("makefs", "makefs"),
    ("mkfs.btrfs", "btrfs-progs"),
    ("mkfs.xfs", "xfsprogs"),
    ("mount", "mount"),
    ("partx", "util-linux"),
    ("patch", "patch"),
    ("perl", "perl-base"),
    ("qemu-aarch64", "qemu-user"),
    ("qemu-img", "qemu-utils"),
    ("sha256sum", "coreutils"),
    ("strace", "strace"),
    ("unshare", "util-linux"),
];

/// Every program that all tests and boots of these targets need.
pub(crate) fn all_tools(targets: &[Target]) -> Vec<Tool> {
    let mut all = named(TEST_TOOLS);
    // The page on importing starts its image by BIOS.
    if cfg!(target_arch = "x86_64") {
        all.extend(named(&[("grub-mkimage", "grub-pc-bin")]));
    }
    all.extend(boot_tools(targets));
    all
}

/// Programs and the packages that they are in.
pub(crate) fn named(tools: &[(&str, &str)]) -> Vec<Tool> {
    let tools = tools.iter().map(|&(program, package)| Tool {
        program: program.to_owned(),
        package: package.to_owned(),
    });
    tools.collect()
}

/// Every program that boots of these targets need.
pub(crate) fn boot_tools(targets: &[Target]) -> Vec<Tool> {
    let fixed = TOOLS
        .iter()
        .map(|&(program, package)| (program.to_owned(), package.to_owned()));
    let emulators = targets
        .iter()
        .map(|target| (target.qemu.program.clone(), target.qemu.package.clone()));
    fixed
        .chain(emulators)
        .map(|(program, package)| Tool { program, package })
        .collect()
}

/// Makes sure that the programs are there: installs them as root, else says what to install.
pub(crate) fn tools(wanted: &[Tool]) -> Result<()> {
    let missing = missing(wanted);
    if missing.is_empty() {
        return Ok(());
    }
    let mut packages: Vec<_> = missing.iter().map(|tool| tool.package.clone()).collect();
    packages.sort();
    packages.dedup();
    if is_root() && has("apt-get") {
        println!("setup: installing {}", packages.join(" "));
        apt::install(&packages)?;
    }
    let list: Vec<_> = self::missing(wanted)
        .iter()
        .map(|tool| format!("  {} (Debian package {})", tool.program, tool.package))
        .collect();
    if !list.is_empty() {
        bail!(
            "programs are missing:\n{}\ninstall them as root, for example: apt-get install --no-remove {}",
            list.join("\n"),
            packages.join(" ")
        );
    }
    Ok(())
}

fn missing(wanted: &[Tool]) -> Vec<&Tool> {
    wanted.iter().filter(|tool| !has(&tool.program)).collect()
}

/// Whether a program is there.
pub(crate) fn has(program: &str) -> bool {
    util::search_path()
        .split(':')
        .any(|folder| Path::new(folder).join(program).is_file())
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

/// Makes sure that rustc can build for the target.
pub(crate) fn rust_target(target: &Target) -> Result<()> {
    let sh = util::shell()?;
    let sysroot = cmd!(sh, "rustc --print sysroot").quiet().read()?;
    let triple = &target.triple;
    if Path::new(&sysroot)
        .join("lib/rustlib")
        .join(triple)
        .join("lib")
        .is_dir()
    {
        return Ok(());
    }
    if !has("rustup") {
        bail!(
            "rustc has no standard library for {triple}, and there is no rustup to add it: install both"
        );
    }
    println!("setup: adding the Rust target {triple}");
    cmd!(sh, "rustup --quiet target add {triple}")
        .quiet()
        .run()?;
    Ok(())
}

/// The compiler of the tools that no other can build.
pub(crate) const NIGHTLY: &str = "nightly";

/// Makes sure that it is there, with these components.
pub(crate) fn nightly(components: &[&str]) -> Result<()> {
    let sh = util::shell()?;
    let has = cmd!(sh, "rustup toolchain list").quiet().read()?;
    if !has.lines().any(|line| line.starts_with(NIGHTLY)) {
        println!("setup: adding the nightly Rust toolchain");
        cmd!(
            sh,
            "rustup --quiet toolchain install {NIGHTLY} --profile minimal"
        )
        .quiet()
        .run()?;
    }
    if !components.is_empty() {
        cmd!(
            sh,
            "rustup --quiet component add --toolchain {NIGHTLY} {components...}"
        )
        .quiet()
        .run()?;
    }
    Ok(())
}

/// Makes sure that cargo has this subcommand, which a package of its name has.
pub(crate) fn cargo_tool(package: &str) -> Result<()> {
    let sh = util::shell()?;
    let installed = cmd!(sh, "cargo install --list").quiet().read()?;
    let start = format!("{package} ");
    if !installed.lines().any(|line| line.starts_with(&start)) {
        println!("setup: installing {package} by cargo");
        cmd!(sh, "cargo install --quiet --locked {package}")
            .quiet()
            .run()?;
    }
    Ok(())
}

/// Makes sure that cargo can format and lint.
pub(crate) fn rust_components() -> Result<()> {
    let sh = util::shell()?;
    for (command, component) in [("fmt", "rustfmt"), ("clippy", "clippy")] {
        if cmd!(sh, "cargo {command} --version")
            .quiet()
            .ignore_stdout()
            .ignore_stderr()
            .run()
            .is_ok()
        {
            continue;
        }
        if !has("rustup") {
            bail!("there is no `cargo {command}`, and no rustup to add it: install {component}");
        }
        println!("setup: adding the Rust component {component}");
        cmd!(sh, "rustup --quiet component add {component}")
            .quiet()
            .run()?;
    }
    Ok(())
}
