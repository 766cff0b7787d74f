//! What all cases share: namespaces, a file system, and the binary.

use anyhow::{Context, Result, ensure};
pub(crate) use osconf_tests::command::output_of;
use osconf_tests::product::binary;
use std::env;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use tempfile::TempDir;

/// Set in the process that has mounts of its own: the folder of this run.
const INSIDE: &str = "OSCONF_TREES_INSIDE";
/// Set in the process that runs one case: the folder that it works in.
const CASE: &str = "OSCONF_TREES_CASE";
/// Where all cases work, below the folder of this run.
const DISK: &str = "disk";
/// Bytes of the file system that all roots lie on, with room for the largest files.
const DISK_BYTES: u64 = 512 << 20;

/// The programs that make machines and judge them, and where Debian has them.
const TOOLS: [(&str, &str); 12] = [
    ("chroot", "coreutils"),
    ("date", "coreutils"),
    ("grep", "grep"),
    ("ip", "iproute2"),
    ("losetup", "mount"),
    ("mkfs.ext4", "e2fsprogs"),
    ("mount", "mount"),
    ("partx", "util-linux"),
    ("patch", "patch"),
    ("perl", "perl-base"),
    ("sfdisk", "fdisk"),
    ("sha256sum", "coreutils"),
];

/// The folder of the one case that this process is for.
pub(crate) fn case_folder() -> Option<PathBuf> {
    env::var_os(CASE).map(PathBuf::from)
}

/// The name of the case whose folder to work in is `work`.
pub(crate) fn case_name(work: &Path) -> String {
    let disk = own_folder().unwrap_or_default().join(DISK);
    let name = work.strip_prefix(disk).unwrap_or(work);
    name.display().to_string()
}

/// The folder of this run, if mounts that are made here end with this process.
pub(crate) fn own_folder() -> Option<PathBuf> {
    env::var_os(INSIDE).map(PathBuf::from)
}

/// Starts this program again below unshare(1): a thread cannot enter a new user
/// namespace (unshare(2), EINVAL), and this needs no `unsafe`. The folder of the
/// run is made and removed out here, where nothing is mounted in it.
pub(crate) fn enter_namespaces() -> ExitCode {
    let status = || -> Result<_> {
        let folder = TempDir::new()?;
        let mut command = unshare(&["--mount"])?;
        command
            .args(env::args_os().skip(1))
            .env(INSIDE, folder.path());
        command
            .status()
            .context("cannot run unshare (package util-linux)")
    };
    match status() {
        Ok(status) => match status.code().and_then(|code| u8::try_from(code).ok()) {
            Some(code) => ExitCode::from(code),
            None => ExitCode::FAILURE,
        },
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// This program in new namespaces, as root at least in there.
fn unshare(kinds: &[&str]) -> Result<Command> {
    let is_root = fs::metadata("/proc/self")?.uid() == 0;
    let user: &[&str] = if is_root {
        &[]
    } else {
        &["--user", "--map-root-user"]
    };
    let mut command = Command::new("unshare");
    command.args(user).args(kinds).arg(env::current_exe()?);
    Ok(command)
}

/// The folder `tests/` of this repository.
pub(crate) fn tests() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The file system that the cases' roots lie on. It is gone with this process.
pub(crate) struct Rig {
    disk: PathBuf,
}

impl Rig {
    /// Looks for all that is needed, and makes the file system in `folder`.
    pub(crate) fn new(folder: &Path) -> Result<Self> {
        binary()?;
        let missing: Vec<_> = TOOLS
            .into_iter()
            .filter(|(tool, _)| !is_installed(tool))
            .map(|(tool, package)| format!("{tool} (package {package})"))
            .collect();
        ensure!(
            missing.is_empty(),
            "missing programs: {}",
            missing.join(", ")
        );
        let disk = folder.join(DISK);
        fs::create_dir(&disk)?;
        // Without root there is no loop device, and the cases lie where they lie.
        if is_real_root()? {
            mount_disk(folder, &disk)?;
        }
        let magic = rustix::fs::statfs(&disk)?.f_type;
        ensure!(
            !MEMORY.contains(&magic),
            "{} is in memory or an overlay, which osconf treats in another way: \
             name a folder of a disk in TMPDIR, or run as root",
            disk.display()
        );
        Ok(Self { disk })
    }

    /// The names of all cases.
    pub(crate) fn cases(&self) -> Vec<String> {
        let folders = fs::read_dir(tests().join("trees"))
            .into_iter()
            .flatten()
            .flatten();
        let mut names: Vec<_> = folders
            .filter(|folder| folder.file_type().is_ok_and(|kind| kind.is_dir()))
            .map(|folder| folder.file_name().to_string_lossy().into_owned())
            .chain(osconf_tests::matrix::tests())
            .collect();
        names.sort_unstable();
        names
    }

    /// What runs the case `name`.
    pub(crate) fn command(&self, name: &str) -> CaseCommand {
        CaseCommand {
            work: self.disk.join(name),
        }
    }
}

/// `TMPFS_MAGIC`, `RAMFS_MAGIC`, `OVERLAYFS_SUPER_MAGIC` of linux/magic.h.
const MEMORY: [rustix::fs::FsWord; 3] = [0x0102_1994, 0x8584_58f6, 0x794c_7630];

/// Whether root here is root everywhere, not only in a user namespace.
pub(crate) fn is_real_root() -> Result<bool> {
    let map = fs::read_to_string("/proc/self/uid_map")?;
    Ok(map.split_whitespace().eq(["0", "0", "4294967295"]))
}

/// An ext4 in memory: syncs are quick, and yet it is no RAM disk to the program.
fn mount_disk(folder: &Path, disk: &Path) -> Result<()> {
    let ram = folder.join("ram");
    fs::create_dir(&ram)?;
    run(
        "mount",
        &[
            Path::new("-t"),
            Path::new("tmpfs"),
            Path::new("tmpfs"),
            &ram,
        ],
    )?;
    let image = ram.join("disk.img");
    fs::File::create(&image)?.set_len(DISK_BYTES)?;
    run("mkfs.ext4", &[Path::new("-q"), &image])?;
    run("mount", &[Path::new("-o"), Path::new("loop"), &image, disk])
}

fn is_installed(tool: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| folder.join(tool).is_file())
}

/// Runs a program that must succeed.
pub(crate) fn run(program: &str, arguments: &[&Path]) -> Result<()> {
    output_of(Command::new(program).args(arguments)).map(drop)
}

/// One case as a process in namespaces of its own.
pub(crate) struct CaseCommand {
    work: PathBuf,
}

impl CaseCommand {
    /// Runs it; if it fails, what there is to say about it.
    pub(crate) fn run(&self) -> core::result::Result<(), String> {
        let output = fs::create_dir_all(&self.work)
            .map_err(anyhow::Error::from)
            .and_then(|()| unshare(&["--mount", "--net", "--uts"]))
            .and_then(|mut command| Ok(command.env(CASE, &self.work).output()?))
            .map_err(|error| format!("{error:#}"))?;
        if output.status.success() {
            return Ok(());
        }
        let text = [output.stdout, output.stderr].concat();
        Err(String::from_utf8_lossy(&text).into_owned())
    }
}
