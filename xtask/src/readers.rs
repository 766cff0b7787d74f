//! `cargo xtask readers`: Debian's programs that read network files, in a root of
//! their own in the user's cache, and the tests that hand them golden files.
//!
//! The packages are unpacked and not configured: nothing of them is run before a
//! test does it, and it takes seconds. What conflicts with another package lies
//! beside the root, to be laid over it.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use xshell::cmd;

use crate::apt::PrivateApt;
use crate::util::TESTS;
use crate::{build, setup, target, util};

/// The release that has all of them.
const RELEASE: &str = "bookworm";
/// What only that release has.
const ONLY_THERE: &[&str] = &["netctl"];

/// What the root is made of, with all that it depends on.
const PACKAGES: &[&str] = &[
    "bash",
    "busybox-static",
    "connman",
    "coreutils",
    "dash",
    "dbus",
    "dhcpcd-base",
    "grep",
    "ifupdown",
    "iproute2",
    "mawk",
    "netctl",
    "netplan.io",
    "network-manager",
    "procps",
    "python3",
    "sed",
    "systemd",
    "util-linux",
];

/// What would replace a program in the root.
const BESIDE: &[&str] = &[
    "ifupdown-ng",
    "ifupdown2",
    "ntpsec",
    "openntpd",
    "systemd-timesyncd",
];

/// What lies beside the root with all that it depends on, so that no other program
/// finds it there: the folder, and the packages. They bring clients for DHCP and hooks.
const APART: &[(&str, &[&str])] = &[
    (
        "servers",
        &[
            "chrony",
            "dropbear-bin",
            "grub2-common",
            "libbsd0",
            "openssh-server",
        ],
    ),
    ("cloud-init", &["cloud-init"]),
];

/// The users that daemons change to, whom a package makes when it is configured.
const USERS: &[&str] = &[
    "root:x:0:0:root:/root:/bin/sh",
    "messagebus:x:101:101::/nonexistent:/usr/sbin/nologin",
    "systemd-network:x:102:102::/:/usr/sbin/nologin",
    "polkitd:x:105:105::/nonexistent:/usr/sbin/nologin",
    "systemd-resolve:x:103:103::/:/usr/sbin/nologin",
    "dhcpcd:x:104:104::/usr/lib/dhcpcd:/usr/sbin/nologin",
    "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin",
];

/// Sets up the root and runs the tests whose names contain a text. Behind
/// `--release` stands another release of Debian, whose programs are newer.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let (release, filter) = match arguments {
        [option, release, filter @ ..] if option == "--release" => (release.as_str(), filter),
        filter => (RELEASE, filter),
    };
    let folder = set_up(release)?;
    let sh = util::shell()?;
    // More at a time than there are processors: what they do most is wait.
    sh.set_var("OSCONF_READERS", folder);
    sh.set_var("OSCONF_HOST", build::binary(&target::host()?)?);
    Ok(cmd!(
        sh,
        "cargo {TESTS...} --test readers -- --test-threads 4 {filter...}"
    )
    .quiet()
    .run()?)
}

/// Finds the root in the cache, or makes it.
fn set_up(release: &str) -> Result<PathBuf> {
    let packages = PACKAGES.iter().copied();
    let packages = packages.filter(|name| release == RELEASE || !ONLY_THERE.contains(name));
    let packages: Vec<_> = packages.collect();
    let apart: Vec<_> = APART
        .iter()
        .flat_map(|(_, packages)| *packages)
        .copied()
        .collect();
    let all: Vec<_> = [&packages, BESIDE, &apart, USERS].concat();
    // With other packages it is stale.
    let made_for = format!("{release}\n{}\n", all.join("\n"));
    util::cached("readers", release, &made_for, |folder| {
        setup::tools(&setup::boot_tools(&[]))?;
        fetch(release, &packages, folder).with_context(|| {
            format!(
                "cannot fetch the programs that read network files from Debian {release} into {}: \
                 is the network there? It is needed once",
                folder.display()
            )
        })
    })
}

fn fetch(release: &str, packages: &[&str], folder: &Path) -> Result<()> {
    let architecture = target::host()?.debian.architecture;
    let work = tempfile::tempdir()?;
    let apt = PrivateApt::of_release(work.path(), &architecture, release)?;
    let root = folder.join("root");
    let mut known = apt.download_all(packages)?;
    apt.unpack_merged(&known, &root)?;
    for (name, more) in APART {
        let mut apart = apt.download_all(&[packages, more].concat())?;
        apart.retain(|package| !known.contains(package));
        apt.unpack_merged(&apart, &folder.join(name))?;
        known.append(&mut apart);
    }
    for package in apt.download(BESIDE)? {
        let name = util::stem(&package);
        let name = name.split('_').next().unwrap_or_default();
        apt.unpack_merged(core::slice::from_ref(&package), &folder.join(name))?;
    }
    let groups = USERS.iter().filter_map(|user| {
        let mut fields = user.split(':');
        Some(format!("{}:x:{}:", fields.next()?, fields.nth(1)?))
    });
    let groups: Vec<_> = groups.collect();
    util::write(&root.join("etc/passwd"), USERS.join("\n") + "\n")?;
    util::write(&root.join("etc/group"), groups.join("\n") + "\n")
}
