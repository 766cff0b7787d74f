//! `osconf install` and `uninstall`: for each init, a root of it gets exactly its
//! start files, as they lie in `targets/`, and loses exactly them.
//!
//! The binary is `$OSCONF_HOST`, or else what `cargo xtask build` made.

mod rig;

use anyhow::{Context, Result, ensure};
use osconf_tests::product::binary;
use rig::{Thing, expect, head, osconf, root, snapshot, stamps, targets, walk};
use rustix::mount::{MountFlags, UnmountFlags};
use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;
use std::str;
use tempfile::TempDir;

/// What a root of an init shows of it, and what it gets: a path, then `=` and the
/// file in `targets/`, or `>` and the text of a link.
struct Case {
    init: &'static str,
    options: &'static [&'static str],
    root: &'static [&'static str],
    gets: &'static [&'static str],
}

const CASES: [Case; 13] = [
    Case {
        init: "systemd",
        options: &[],
        root: &[
            "sbin/init>/lib/systemd/systemd",
            "etc/systemd/system/",
            // Other inits that are installed, too.
            "etc/rcS.d/",
            "etc/runlevels/boot/",
        ],
        gets: &[
            "etc/systemd/system/osconf.service=init/systemd/osconf.service",
            "etc/systemd/system/sysinit.target.wants/osconf.service>/etc/systemd/system/osconf.service",
        ],
    },
    Case {
        init: "procd",
        options: &[],
        root: &["sbin/procd", "etc/init.d/rcS", "etc/rc.d/"],
        gets: &[
            "etc/init.d/osconf=init/procd/osconf",
            "etc/rc.d/S15osconf>../init.d/osconf",
        ],
    },
    Case {
        init: "s6-rc",
        options: &[],
        root: &["etc/s6/adminsv/"],
        gets: &[
            "etc/s6/adminsv/osconf/type=init/s6-rc/type",
            "etc/s6/adminsv/osconf/up=init/s6-rc/up",
        ],
    },
    Case {
        init: "s6-rc",
        options: &[],
        root: &["etc/s6-linux-init/", "etc/s6-rc/source/"],
        gets: &[
            "etc/s6-rc/source/osconf/type=init/s6-rc/type",
            "etc/s6-rc/source/osconf/up=init/s6-rc/up",
        ],
    },
    Case {
        init: "runit",
        options: &[],
        root: &["sbin/init>runit-init", "etc/runit/core-services/"],
        gets: &["etc/runit/core-services/04-osconf.sh=init/runit/04-osconf.sh"],
    },
    Case {
        init: "openrc",
        options: &[],
        root: &[
            "sbin/init>/bin/busybox",
            "etc/runlevels/boot/",
            "etc/runlevels/sysinit/",
            "etc/init.d/localmount",
        ],
        gets: &[
            "etc/init.d/osconf=init/openrc/osconf",
            "etc/runlevels/boot/osconf>/etc/init.d/osconf",
        ],
    },
    // Debian.
    Case {
        init: "openrc",
        options: &[],
        root: &[
            "etc/runlevels/boot/",
            "etc/runlevels/sysinit/networking>/etc/init.d/networking",
            "etc/init.d/mountall.sh",
            "etc/rcS.d/S10networking>../init.d/networking",
        ],
        gets: &[
            "etc/init.d/osconf=init/openrc/osconf",
            "etc/runlevels/sysinit/osconf>/etc/init.d/osconf",
        ],
    },
    // Debian without startpar: the link comes before the network's.
    Case {
        init: "sysvinit",
        options: &[],
        root: &[
            "etc/init.d/",
            "etc/rcS.d/S12mountall.sh>../init.d/mountall.sh",
            "etc/rcS.d/S18networking>../init.d/networking",
        ],
        gets: &[
            "etc/init.d/osconf=init/sysvinit/osconf",
            "etc/rcS.d/S17osconf>../init.d/osconf",
        ],
    },
    // OpenEmbedded.
    Case {
        init: "sysvinit",
        options: &[],
        root: &[
            "sbin/init>/bin/busybox",
            "etc/init.d/",
            "etc/rcS.d/S03mountall.sh>../init.d/mountall.sh",
            "etc/rc5.d/S01networking>../init.d/networking",
        ],
        gets: &[
            "etc/init.d/osconf=init/sysvinit/osconf",
            "etc/rcS.d/S40osconf>../init.d/osconf",
        ],
    },
    // CentOS 6.
    Case {
        init: "sysvinit",
        options: &[],
        root: &[
            "etc/init.d>rc.d/init.d",
            "etc/rc.d/init.d/",
            "etc/rc.d/rc.sysinit",
            "etc/rc.d/rc2.d/",
            "etc/rc.d/rc3.d/",
            "etc/rc.d/rc4.d/",
            "etc/rc.d/rc5.d/",
        ],
        gets: &[
            "etc/rc.d/init.d/osconf=init/sysvinit/osconf",
            "etc/rc.d/rc2.d/S05osconf>../init.d/osconf",
            "etc/rc.d/rc3.d/S05osconf>../init.d/osconf",
            "etc/rc.d/rc4.d/S05osconf>../init.d/osconf",
            "etc/rc.d/rc5.d/S05osconf>../init.d/osconf",
        ],
    },
    // Slackware.
    Case {
        init: "sysvinit",
        options: &[],
        root: &[
            "etc/rc.d/rc.S",
            "etc/rc.d/rc.M",
            "etc/rc.d/rc.sysvinit",
            "etc/rc.d/rc3.d/",
        ],
        gets: &["etc/rc.d/rcS.d/S40osconf=init/sysvinit/osconf"],
    },
    Case {
        init: "busybox",
        options: &[],
        root: &["sbin/init>../bin/busybox", "etc/init.d/rcS"],
        gets: &["etc/init.d/S39osconf=init/busybox/S39osconf"],
    },
    Case {
        init: "none",
        options: &["--init=none"],
        root: &[],
        gets: &[],
    },
];

#[test]
fn each_init_gets_exactly_its_files_and_uninstall_leaves_the_root_as_it_was() -> Result<()> {
    for case in &CASES {
        check(case).with_context(|| format!("{}: {:?}", case.init, case.root))?;
    }
    Ok(())
}

fn check(case: &Case) -> Result<()> {
    let root = root(case.root)?;
    let before = snapshot(root.path())?;
    let mut wanted: BTreeMap<String, Thing> = before.clone();
    for entry in case.gets {
        let (path, thing) = match entry.split_once('>') {
            Some((path, text)) => (path, Thing::Link(text.into())),
            None => {
                let (path, source) = entry.split_once('=').context("no source")?;
                let content = fs::read(targets().join(source)).context(source)?;
                let is_data = content.starts_with(b"#!") || source.contains("/dracut/");
                (
                    path,
                    Thing::File(if is_data { 0o755 } else { 0o644 }, content),
                )
            }
        };
        wanted.insert(path.into(), thing);
        let folder = Path::new(path).parent().context("no folder")?;
        wanted.insert(folder.to_string_lossy().into(), Thing::Folder(0o755));
    }
    let program = Thing::File(0o755, fs::read(binary()?)?);
    wanted.insert("usr/sbin/osconf".into(), program);
    wanted.insert("aliyun_custom_image".into(), Thing::Folder(0o755));

    let dry = osconf(
        "install",
        root.path(),
        &[case.options, &["--dry-run"]].concat(),
    )?;
    expect(&dry, 0)?;
    ensure!(snapshot(root.path())? == before, "a dry run has written");
    let shown: Vec<&str> = str::from_utf8(&dry.stdout)?
        .lines()
        .filter_map(|line| line.split_once(": would be "))
        .map(|(path, _)| path)
        .collect();
    ensure!(
        shown.len() == case.gets.len() + 2,
        "a dry run has shown {shown:?}"
    );
    for path in shown {
        ensure!(wanted.contains_key(&path[1..]), "{path} was shown");
    }

    let done = osconf("install", root.path(), case.options)?;
    expect(&done, 0)?;
    let said = String::from_utf8(done.stderr)?;
    ensure!(
        said.contains(&format!("start files for {}:", case.init)),
        "{said}"
    );
    let after = snapshot(root.path())?;
    ensure!(after == wanted, "there is {after:?}\nand not {wanted:?}");

    let stamps = stamps(root.path())?;
    let again = osconf("install", root.path(), case.options)?;
    expect(&again, 0)?;
    let said = String::from_utf8(again.stderr)?;
    ensure!(
        said.contains(&format!("start files for {}:", case.init))
            && said.contains("it is so already"),
        "twice is not once: {said}"
    );
    ensure!(
        self::stamps(root.path())? == stamps,
        "a second run has written"
    );

    expect(&osconf("uninstall", root.path(), &["--dry-run"])?, 0)?;
    ensure!(
        self::stamps(root.path())? == stamps,
        "a dry run has removed"
    );
    expect(&osconf("uninstall", root.path(), &[])?, 0)?;
    let after = snapshot(root.path())?;
    ensure!(after == before, "left is {after:?}\nand not {before:?}");
    Ok(())
}

#[test]
fn a_root_of_another_machine_is_refused() -> Result<()> {
    for (place, byte) in [(4, 1), (18, 8), (18, 3)] {
        let root = root(&["etc/rcS.d/"])?;
        let mut head = head()?;
        head[place] = byte;
        fs::write(root.path().join("sbin/init"), head)?;
        let before = snapshot(root.path())?;
        let done = osconf("install", root.path(), &[])?;
        expect(&done, 1)?;
        let said = String::from_utf8(done.stderr)?;
        ensure!(
            said.contains("is for another machine than the binary"),
            "{said}"
        );
        ensure!(snapshot(root.path())? == before, "something was written");
    }
    Ok(())
}

#[test]
fn a_binary_for_the_machine_of_the_root_is_taken() -> Result<()> {
    let root = root(&["etc/rcS.d/"])?;
    let mut head = head()?;
    head[18] = 8;
    fs::write(root.path().join("sbin/init"), &head)?;
    let other = root.path().join("other");
    fs::write(&other, &head)?;
    let other = other.to_str().context("name")?;
    expect(&osconf("install", root.path(), &["--binary", other])?, 0)?;
    ensure!(fs::read(root.path().join("usr/sbin/osconf"))? == head);
    // Our own is not what is there, and stays out of it.
    expect(&osconf("uninstall", root.path(), &[])?, 1)?;
    ensure!(root.path().join("usr/sbin/osconf").exists());
    expect(&osconf("uninstall", root.path(), &["--binary", other])?, 0)?;
    ensure!(!root.path().join("usr/sbin/osconf").exists());
    Ok(())
}

#[test]
fn what_was_changed_since_is_named_and_kept() -> Result<()> {
    let root = root(&["etc/runlevels/boot/", "etc/init.d/localmount"])?;
    expect(&osconf("install", root.path(), &[])?, 0)?;
    let script = root.path().join("etc/init.d/osconf");
    fs::write(&script, "#!/bin/sh\n")?;
    fs::write(root.path().join("aliyun_custom_image/os.conf"), "a=b\n")?;
    let done = osconf("uninstall", root.path(), &[])?;
    expect(&done, 1)?;
    let said = String::from_utf8(done.stderr)?;
    for line in ["/etc/init.d/osconf: not what", "/aliyun_custom_image: kept"] {
        ensure!(said.matches(line).count() == 1, "{line}: {said}");
    }
    ensure!(fs::read(&script)? == b"#!/bin/sh\n");
    ensure!(root.path().join("aliyun_custom_image/os.conf").exists());
    ensure!(!root.path().join("usr/sbin/osconf").exists());
    // Installing again puts it right.
    expect(&osconf("install", root.path(), &[])?, 0)?;
    ensure!(fs::read(&script)? == fs::read(targets().join("init/openrc/osconf"))?);
    Ok(())
}

#[test]
fn a_link_out_of_the_root_leads_nowhere() -> Result<()> {
    let outside = TempDir::new()?;
    let root = root(&["etc/runit/"])?;
    symlink(outside.path(), root.path().join("etc/runit/core-services"))?;
    expect(&osconf("install", root.path(), &["--init=runit"])?, 1)?;
    ensure!(fs::read_dir(outside.path())?.next().is_none());
    Ok(())
}

#[test]
fn startpar_is_told_and_insserv_may_have_given_another_number() -> Result<()> {
    // What insserv 1.24 wrote for Debian 12, shortened.
    let old = "TARGETS = hostname.sh mountkernfs.sh udev mountall.sh mountall-bootclean.sh networking\n\
        INTERACTIVE = udev\n\
        udev: mountkernfs.sh\n\
        mountall-bootclean.sh: mountall.sh\n\
        networking: mountkernfs.sh mountall.sh mountall-bootclean.sh\n";
    let new = "TARGETS = hostname.sh mountkernfs.sh udev mountall.sh mountall-bootclean.sh networking osconf\n\
        osconf: udev mountall.sh mountall-bootclean.sh\n\
        INTERACTIVE = udev\n\
        udev: mountkernfs.sh\n\
        mountall-bootclean.sh: mountall.sh\n\
        networking: mountkernfs.sh mountall.sh mountall-bootclean.sh osconf\n";
    let root = root(&[
        "etc/init.d/",
        "etc/rcS.d/S12networking>../init.d/networking",
    ])?;
    let list = root.path().join("etc/init.d/.depend.boot");
    fs::write(&list, old)?;
    fs::set_permissions(&list, Permissions::from_mode(0o640))?;
    let before = snapshot(root.path())?;
    expect(&osconf("install", root.path(), &[])?, 0)?;
    ensure!(fs::read_to_string(&list)? == new);
    ensure!(fs::metadata(&list)?.mode() & 0o777 == 0o640);
    // As insserv does.
    let link = |number| root.path().join(format!("etc/rcS.d/S{number}osconf"));
    fs::rename(link("11"), link("09"))?;
    let stamps = stamps(root.path())?;
    expect(&osconf("install", root.path(), &[])?, 0)?;
    ensure!(
        self::stamps(root.path())? == stamps,
        "a second run has written"
    );
    expect(&osconf("uninstall", root.path(), &[])?, 0)?;
    ensure!(snapshot(root.path())? == before, "something is left");
    Ok(())
}

#[test]
fn the_folder_is_made_wherever_the_first_partition_may_be() -> Result<()> {
    let partition = TempDir::new()?;
    let root = root(&["etc/rcS.d/", "boot/efi/"])?;
    let option = ["--partition", partition.path().to_str().context("name")?];
    expect(&osconf("install", root.path(), &option)?, 0)?;
    ensure!(partition.path().join("aliyun_custom_image").is_dir());
    ensure!(!root.path().join("aliyun_custom_image").exists());
    expect(&osconf("uninstall", root.path(), &option)?, 0)?;
    ensure!(fs::read_dir(partition.path())?.next().is_none());

    let point = root.path().join("boot/efi");
    rustix::mount::mount("osconf", &point, "tmpfs", MountFlags::empty(), None)
        .context("this test must be run by root")?;
    let done = osconf("install", root.path(), &[]);
    let places = ["", "boot", "boot/efi"].map(|path| {
        let folder = root.path().join(path).join("aliyun_custom_image");
        folder.is_dir()
    });
    let gone = osconf("uninstall", root.path(), &[]);
    let is_empty = fs::read_dir(&point)?.next().is_none();
    rustix::mount::unmount(&point, UnmountFlags::empty())?;
    expect(&done?, 0)?;
    ensure!(places == [true, false, true], "{places:?}");
    expect(&gone?, 0)?;
    ensure!(is_empty, "the folder on the partition is left");
    Ok(())
}

#[test]
fn an_init_that_nobody_knows_must_be_named() -> Result<()> {
    let root = root(&["etc/"])?;
    // One that a person wrote, and that runs no scripts.
    fs::create_dir(root.path().join("etc/init.d"))?;
    fs::write(root.path().join("etc/init.d/rcS"), "ifup -a\n")?;
    let before = snapshot(root.path())?;
    let done = osconf("install", root.path(), &[])?;
    expect(&done, 1)?;
    let said = String::from_utf8(done.stderr)?;
    ensure!(
        said.contains("systemd, procd, s6-rc, runit, openrc, sysvinit, busybox or none"),
        "{said}"
    );
    ensure!(snapshot(root.path())? == before);
    let done = osconf("install", root.path(), &["--init=none"])?;
    expect(&done, 0)?;
    let said = String::from_utf8(done.stderr)?;
    ensure!(said.contains("/usr/sbin/osconf apply --log kmsg"), "{said}");
    expect(&osconf("install", root.path(), &["--init=upstart"])?, 2)
}

#[test]
fn a_shell_can_read_every_script() -> Result<()> {
    let mut count = 0;
    for part in ["init", "initramfs"] {
        walk(&targets().join(part), &mut |path, meta| {
            let name = path.to_string_lossy();
            if !meta.is_file() || !(fs::read(path)?.starts_with(b"#!") || name.ends_with(".sh")) {
                return Ok(());
            }
            let is_bash = name.ends_with("module-setup.sh");
            let shell = if is_bash { "bash" } else { "sh" };
            let status = Command::new(shell).arg("-n").arg(path).status()?;
            ensure!(status.success(), "{name}");
            count += 1;
            Ok(())
        })?;
    }
    ensure!(count >= 10, "{count} scripts were read");
    Ok(())
}
