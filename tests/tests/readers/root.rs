//! The Debian root that a reader runs in, with the files of a case over it.

use crate::programs::Reader;
use anyhow::{Context, Result, ensure};
use osconf_tests::matrix::Cell;
use osconf_tests::product::binary;
use std::env;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Devices that daemons open; those of the machine are none of their business.
const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];

/// The folder of the release that the readers are of.
pub(crate) fn debian() -> Result<PathBuf> {
    let absolute = |name| {
        env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let home = || absolute("HOME").unwrap_or_default().join(".cache");
    let cache = || absolute("XDG_CACHE_HOME").unwrap_or_else(home);
    let folder =
        absolute("OSCONF_READERS").unwrap_or_else(|| cache().join("osconf/readers/bookworm"));
    ensure!(
        folder.join("root/etc").is_dir(),
        "there is no Debian with the programs that read network files in {}: \
         run `cargo xtask readers`, which fetches it",
        folder.display()
    );
    Ok(folder)
}

/// Mounts the root below `work`, in a mount namespace that ends with this process, with
/// what lies in folders beside it over it.
pub(crate) fn mount_all(debian: &Path, packages: &[&str], work: &Path) -> Result<PathBuf> {
    mount(&["-t", "proc", "proc"], Path::new("/proc"))?;
    mount(&["-t", "tmpfs", "tmpfs"], work)?;
    let [upper, beside, root] = ["upper", "beside", "root"].map(|name| work.join(name));
    for folder in [&upper, &beside, &root] {
        fs::create_dir(folder)?;
    }
    let mut lower = debian.join("root").display().to_string();
    for package in packages {
        lower = format!("{}:{lower}", debian.join(package).display());
    }
    let options = format!(
        "lowerdir={lower},upperdir={},workdir={}",
        upper.display(),
        beside.display()
    );
    mount(&["-t", "overlay", "-o", &options, "overlay"], &root)?;
    mount(&["-t", "proc", "proc"], &root.join("proc"))?;
    // A /sys that can be written to makes daemons wait for udev.
    mount(&["-t", "sysfs", "-o", "ro", "sysfs"], &root.join("sys"))?;
    for name in ["dev", "run", "tmp"] {
        mount(&["-t", "tmpfs", "tmpfs"], &root.join(name))?;
    }
    for name in DEVICES {
        let place = root.join("dev").join(name);
        fs::write(&place, "")?;
        let device = Path::new("/dev").join(name);
        mount(&["--bind", &device.display().to_string()], &place)?;
    }
    Ok(root)
}

/// Makes the root below `work`, for a reader on a case.
pub(crate) fn make(debian: &Path, reader: &Reader, cell: &Cell, work: &Path) -> Result<PathBuf> {
    let root = mount_all(debian, reader.package.as_slice(), work)?;
    // Without one there is no identifier for DHCPv6, and networkd gives a NIC up.
    fs::write(
        root.join("etc/machine-id"),
        "0123456789abcdef0123456789abcdef\n",
    )?;
    for folder in cell.before().iter().chain([&cell.golden().join("after")]) {
        lay(cell, folder, Path::new(""), &root)?;
    }
    if reader.name == "osconf" {
        fs::copy(binary()?, root.join("osconf"))?;
    }
    for path in cell.removed()? {
        fs::remove_file(root.join(&path)).with_context(|| path.display().to_string())?;
    }
    Ok(root)
}

fn mount(arguments: &[&str], point: &Path) -> Result<()> {
    let mut command = Command::new("mount");
    let output = command
        .args(arguments)
        .arg(point)
        .output()
        .context("mount")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?}: {}", said.trim());
    Ok(())
}

/// Copies what is configuration. Programs of a `before` are only there to be found.
fn lay(cell: &Cell, folder: &Path, below: &Path, root: &Path) -> Result<()> {
    let from = folder.join(below);
    if !from.is_dir() {
        return Ok(());
    }
    for entry in fs::read_dir(&from)? {
        let entry = entry?;
        let path = below.join(entry.file_name());
        if !["etc", "var"].iter().any(|top| path.starts_with(top)) {
            continue;
        }
        let place = root.join(&path);
        let kind = entry.file_type()?;
        if kind.is_dir() {
            fs::create_dir_all(&place)?;
            lay(cell, folder, &path, root)?;
            continue;
        }
        if place.is_symlink() || place.exists() {
            fs::remove_file(&place).with_context(|| place.display().to_string())?;
        }
        if kind.is_symlink() {
            symlink(fs::read_link(entry.path())?, &place)?;
        } else {
            fs::write(&place, fs::read(entry.path())?)?;
            let mode = cell.mode(&path).unwrap_or(0o644);
            fs::set_permissions(&place, Permissions::from_mode(mode))?;
        }
    }
    Ok(())
}

/// The name servers that programs in the root would ask, as far as somebody says so.
pub(crate) fn name_servers(root: &Path, reader: &Reader) -> Result<Vec<String>> {
    let usual = root.join("etc/resolv.conf");
    let usual = match fs::read_link(&usual) {
        Ok(target) if target.is_absolute() => root.join(target.strip_prefix("/")?),
        _ => usual,
    };
    let other = root.join(reader.name_servers);
    let files = if usual.is_file() {
        vec![usual]
    } else if other.is_dir() && !reader.name_servers.is_empty() {
        let mut files: Vec<_> = fs::read_dir(other)?
            .flatten()
            .map(|entry| entry.path())
            .collect();
        files.sort_unstable();
        files
    } else {
        vec![other]
    };
    let mut found: Vec<String> = Vec::new();
    for file in files.iter().filter(|file| file.is_file()) {
        for line in fs::read_to_string(file)?.lines() {
            let servers = line
                .strip_prefix("nameserver ")
                .or_else(|| line.strip_prefix("DNS="));
            for server in servers.unwrap_or_default().split_whitespace() {
                if !found.iter().any(|one| one == server) {
                    found.push(server.to_owned());
                }
            }
        }
    }
    Ok(found)
}
