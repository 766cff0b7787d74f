//! The machine of a case: its root file system, and its NICs.

use crate::rig::run;
use crate::snapshot::{Kind, is_named};
use anyhow::{Context, Result};
use osconf_tests::case::{Case, Mount, Thing};
use osconf_tests::generate::expand;
use rustix::fs::{
    CWD, FileType, IFlags, Mode, XattrFlags, ioctl_getflags, ioctl_setflags, lsetxattr, mknodat,
};
use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

/// Where the files of a running case are.
pub(crate) struct Machine {
    /// The root that is configured.
    pub(crate) root: PathBuf,
    /// Its os.conf.
    pub(crate) conf: PathBuf,
    /// Beside the root: nobody's business.
    pub(crate) outside: PathBuf,
    /// The folder that holds all of these, and room for output.
    pub(crate) work: PathBuf,
    /// Its disks, if it has some of its own: `/dev/loop0`.
    pub(crate) disks: Vec<String>,
}

/// Folders of the machine that the tests run on.
const BORROWED: [&str; 3] = ["dev", "proc", "sys"];

/// The kernel's host name, before anything is done.
pub(crate) const KERNEL_NAME: &str = "as-the-kernel-had-it";

impl Machine {
    /// Makes what `case` describes.
    pub(crate) fn new(case: &Case, work: &Path) -> Result<Self> {
        let root = work.join("root");
        make_folder(&root)?;
        let machine = Self {
            conf: root.join(&case.conf_at),
            outside: work.join("outside"),
            work: work.to_owned(),
            disks: crate::disks::mount(case, work, &root)?,
            root,
        };
        for (path, thing) in &case.before {
            if thing.mount == Some(Mount::Tmpfs) {
                let point = machine.root.join(path);
                make_folder(&point)?;
                run(
                    "mount",
                    &[
                        "-t".as_ref(),
                        "tmpfs".as_ref(),
                        "-omode=755".as_ref(),
                        "tmpfs".as_ref(),
                        &point,
                    ],
                )?;
            }
        }
        let root_mount = case
            .before
            .get(Path::new("."))
            .and_then(|thing| thing.mount);
        let overlay =
            root_mount.filter(|mount| matches!(mount, Mount::OverlayInRam | Mount::OverlayOnDisk));
        let target = if overlay.is_some() {
            work.join("lower")
        } else {
            machine.root.clone()
        };
        make_folder(&target)?;
        for folder in &case.before_from {
            copy(case, folder, &target)?;
        }
        for (path, thing) in &case.before {
            put(&target, path, thing).with_context(|| format!("before: {}", path.display()))?;
        }
        if case.args.iter().any(|argument| argument.contains("{conf}")) {
            make_folder(
                target
                    .join(&case.conf_at)
                    .parent()
                    .context("os.conf in no folder")?,
            )?;
        }
        if let Some(text) = read_optional(&case.conf_from)? {
            write(&target.join(&case.conf_at), &expand(&text), 0o644)?;
        }
        if let Some(mount) = overlay {
            mount_overlay(work, &machine.root, mount == Mount::OverlayInRam)?;
        }
        for (path, thing) in &case.before {
            finish(&machine.root.join(path), thing).with_context(|| path.display().to_string())?;
        }
        make_folder(&machine.outside)?;
        copy(case, &case.folder.join("outside"), &machine.outside)?;
        if case.chroot && !case.disks.is_empty() {
            // The program looks for partitions there, and sees no mount of ours.
            for name in BORROWED {
                let point = machine.root.join(name);
                make_folder(&point)?;
                run(
                    "mount",
                    &["--bind".as_ref(), &Path::new("/").join(name), &point],
                )?;
            }
        }
        if let Some(line) = &case.kernel_line {
            let file = work.join("cmdline");
            fs::write(&file, line)?;
            run(
                "mount",
                &["--bind".as_ref(), &file, "/proc/cmdline".as_ref()],
            )?;
        }
        rustix::system::sethostname(KERNEL_NAME.as_bytes())?;
        Ok(machine)
    }

    /// Puts an os.conf in its place, as ECS does.
    pub(crate) fn put_conf(&self, text: &[u8]) -> Result<()> {
        write(&self.conf, text, 0o644)
    }
}

/// What is in a file, if there is one.
pub(crate) fn read_optional(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| path.display().to_string()),
    }
}

/// The mode that git cannot keep.
fn usual_mode(path: &Path) -> u32 {
    if is_named(path, "shadow") || is_named(path, "shadow-") {
        0o640
    } else {
        0o644
    }
}

fn make_folder(path: &Path) -> Result<()> {
    if !path.is_dir() {
        if let Some(parent) = path.parent() {
            make_folder(parent)?;
        }
        fs::create_dir(path).with_context(|| path.display().to_string())?;
        fs::set_permissions(path, Permissions::from_mode(0o755))?;
    }
    Ok(())
}

fn write(path: &Path, text: &[u8], mode: u32) -> Result<()> {
    make_folder(path.parent().context("no folder")?)?;
    fs::write(path, text).with_context(|| path.display().to_string())?;
    Ok(fs::set_permissions(path, Permissions::from_mode(mode))?)
}

/// Copies the files and links below `from`, which need not be there.
fn copy(case: &Case, from: &Path, to: &Path) -> Result<()> {
    if !from.is_dir() {
        return Ok(());
    }
    for (path, entry) in crate::snapshot::take(from)? {
        let place = to.join(&path);
        match entry.kind {
            Kind::File(content) => {
                let mode = case.mode(&path).unwrap_or_else(|| usual_mode(&path));
                write(&place, &expand(&content), mode)?;
            }
            Kind::Link(target) => {
                make_folder(place.parent().context("no folder")?)?;
                symlink(target, place)?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Makes a thing below `root`, or gives what is there what git cannot keep.
pub(crate) fn put(root: &Path, path: &Path, thing: &Thing) -> Result<()> {
    let place = root.join(path);
    if thing.removed {
        return Ok(fs::remove_file(place)?);
    }
    make_folder(place.parent().context("no folder")?)?;
    if let Some(target) = &thing.link {
        symlink(target, &place)?;
    } else if let Some(other) = &thing.hard_link {
        fs::hard_link(root.join(other), &place)?;
    } else if thing.fifo {
        mknodat(CWD, &place, FileType::Fifo, Mode::from_raw_mode(0o644), 0)?;
    } else if thing.folder {
        make_folder(&place)?;
    } else if let Some(text) = &thing.text {
        write(&place, &expand(text.as_bytes()), usual_mode(path))?;
    }
    if let Some(owner) = &thing.owner {
        let (user, group) = owner.split_once(':').context("an owner is UID:GID")?;
        chown(&place, Some(user.parse()?), Some(group.parse()?))?;
    }
    for (name, value) in &thing.xattr {
        lsetxattr(&place, name.as_str(), value.as_bytes(), XattrFlags::empty())?;
    }
    if let Some(mode) = thing.mode {
        fs::set_permissions(&place, Permissions::from_mode(mode))?;
    }
    Ok(())
}

/// What would hinder the making of the machine comes last.
fn finish(place: &Path, thing: &Thing) -> Result<()> {
    match thing.mount {
        Some(Mount::Itself) => run("mount", &["--bind".as_ref(), place, place])?,
        Some(Mount::ReadOnly) => {
            run("mount", &["--bind".as_ref(), place, place])?;
            run("mount", &["-oremount,bind,ro".as_ref(), place])?;
        }
        _ => {}
    }
    if thing.immutable {
        let file = File::open(place)?;
        let flags = ioctl_getflags(&file)?;
        ioctl_setflags(&file, flags | IFlags::IMMUTABLE)?;
    }
    Ok(())
}

fn mount_overlay(work: &Path, root: &Path, in_ram: bool) -> Result<()> {
    let changes = work.join("changes");
    make_folder(&changes)?;
    if in_ram {
        run(
            "mount",
            &["-t".as_ref(), "tmpfs".as_ref(), "tmpfs".as_ref(), &changes],
        )?;
    }
    let folder = |name: &str| -> Result<String> {
        make_folder(&changes.join(name))?;
        Ok(changes.join(name).display().to_string())
    };
    let (upper, beside) = (folder("upper")?, folder("work")?);
    let lower = work.join("lower");
    let options = format!(
        "-olowerdir={},upperdir={upper},workdir={beside}",
        lower.display()
    );
    run(
        "mount",
        &[
            "-t".as_ref(),
            "overlay".as_ref(),
            options.as_ref(),
            "overlay".as_ref(),
            root,
        ],
    )
}
