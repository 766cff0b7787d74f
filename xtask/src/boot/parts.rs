//! Kernel, modules and BusyBox of an architecture, kept in the user's cache.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use xshell::cmd;

use crate::apt::PrivateApt;
use crate::target::Target;
use crate::util;

/// Paths of what a machine is made of.
#[derive(Clone, Debug)]
pub(crate) struct Parts {
    /// The kernel's image.
    pub(crate) kernel: PathBuf,
    /// A static BusyBox.
    pub(crate) busybox: PathBuf,
    /// The modules of the recipe, decompressed; those that the kernel has built in are missing.
    pub(crate) modules: PathBuf,
}

impl Parts {
    fn in_folder(folder: &Path) -> Self {
        Self {
            kernel: folder.join("kernel"),
            busybox: folder.join("busybox"),
            modules: folder.join("modules"),
        }
    }
}

/// The names in the initramfs recipe's list, in load order.
pub(crate) fn module_names() -> Result<Vec<String>> {
    let list = util::read(&util::root().join("targets/initramfs/cpio/modules"))?;
    let names = list
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    Ok(names.map(str::to_owned).collect())
}

/// Fetches the parts, or finds them in the cache: of the release of Debian that the
/// machine has sources for; with the kernel of another one, if that is named.
pub(crate) fn get(target: &Target, release: Option<&str>) -> Result<Parts> {
    let own = match release {
        Some(_) => Some(get(target, None)?.busybox),
        None => None,
    };
    let name = match release {
        Some(release) => format!("{}-{release}", target.name),
        None => target.name.clone(),
    };
    // With other modules or another kernel it is stale.
    let made_for = format!("{} {}\n", target.debian.kernel, module_names()?.join(" "));
    let folder = util::cached("boot", &name, &made_for, |folder| {
        fetch(target, release, own, &Parts::in_folder(folder))
            .with_context(|| format!("cannot fetch what a machine of {} is made of", target.name))
    })?;
    Ok(Parts::in_folder(&folder))
}

/// `busybox` is that of the machine's own release, where the kernel is of another.
fn fetch(
    target: &Target,
    release: Option<&str>,
    busybox: Option<PathBuf>,
    parts: &Parts,
) -> Result<()> {
    let architecture = &target.debian.architecture;
    let work = tempfile::tempdir()?;
    let apt = match release {
        Some(release) => PrivateApt::of_release(work.path(), architecture, release)?,
        None => PrivateApt::new(work.path(), architecture)?,
    };
    let mut packages = apt.kernel_packages(&target.debian.kernel)?;
    if release.is_none() {
        packages.push("busybox-static".to_owned());
    }
    let unpacked = work.path().join("unpacked");
    apt.unpack(&packages, &unpacked)?;

    let kernel = find(&unpacked.join("boot"), &|name| name.starts_with("vmlinuz-"))?;
    copy(kernel.first(), "a kernel (boot/vmlinuz-*)", &parts.kernel)?;
    let busybox = busybox.or_else(|| {
        let found = ["bin/busybox", "usr/bin/busybox"].map(|path| unpacked.join(path));
        found.into_iter().find(|path| path.is_file())
    });
    copy(busybox.as_ref(), "BusyBox (bin/busybox)", &parts.busybox)?;
    copy_modules(&unpacked, parts, release.is_some())
}

/// Copies the modules of the recipe; each must be a file or built in. In other releases
/// one may be a part of another module: Linux 5.12 made `virtio_pci_modern_dev` of a part
/// of `virtio_pci`.
fn copy_modules(unpacked: &Path, parts: &Parts, is_other: bool) -> Result<()> {
    let sh = util::shell()?;
    let files = find(unpacked, &|name| {
        name.ends_with(".ko") || name.ends_with(".ko.xz")
    })?;
    let lists = find(unpacked, &|name| name == "modules.builtin")?;
    let built_in = lists
        .first()
        .map_or_else(|| Ok(String::new()), |list| util::read(list))?;
    fs::create_dir_all(&parts.modules)?;
    for name in module_names()? {
        let plain = format!("{name}.ko");
        let packed = format!("{name}.ko.xz");
        let named = |path: &&PathBuf| path.ends_with(&plain) || path.ends_with(&packed);
        if let Some(file) = files.iter().find(named) {
            let to = parts.modules.join(&plain);
            if file.ends_with(&packed) {
                let bytes = cmd!(sh, "xz --decompress --stdout {file}")
                    .quiet()
                    .output()?
                    .stdout;
                util::write(&to, bytes)?;
            } else {
                copy(Some(file), &name, &to)?;
            }
        } else if !is_other
            && !built_in
                .lines()
                .any(|line| line.ends_with(&format!("/{plain}")))
        {
            bail!("the kernel has no module {name}: mend targets/initramfs/cpio/modules");
        }
    }
    Ok(())
}

fn copy(from: Option<&PathBuf>, what: &str, to: &Path) -> Result<()> {
    let Some(from) = from else {
        bail!("Debian's packages have no {what}");
    };
    util::write(
        to,
        fs::read(from).with_context(|| format!("cannot read {}", from.display()))?,
    )
}

/// Every file below a folder whose name is wanted.
fn find(folder: &Path, wanted: &dyn Fn(&str) -> bool) -> Result<Vec<PathBuf>> {
    let mut found = util::files(folder)?;
    found.retain(|path| {
        let name = path.file_name().unwrap_or_default();
        wanted(&name.to_string_lossy())
    });
    Ok(found)
}
