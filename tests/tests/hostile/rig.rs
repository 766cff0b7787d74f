//! What all cases share: namespaces, a file system, two NICs, and the binary.

use anyhow::{Context, Result, ensure};
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
pub(crate) use osconf_tests::command::run;
use osconf_tests::disk::RamDisk;
use osconf_tests::product::binary;
use rustix::mount::{UnmountFlags, unmount};
use std::collections::HashMap;
use std::env;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::{LazyLock, Mutex};
use std::time::Instant;
use tempfile::TempDir;

/// Set in the process that has namespaces of its own: the folder of this run.
const INSIDE: &str = "OSCONF_HOSTILE_INSIDE";
/// Bytes of the file system that all roots lie on.
const DISK_BYTES: u64 = 1 << 30;
/// No run may take longer; but one that waits for a lock waits for it 15 seconds.
const PATIENCE: Duration = Duration::from_secs(25);
/// The machine's NICs, as the os.conf of all cases has them.
const NICS: &str = "link add eth0 address 00:8c:fa:5e:14:23 type veth peer name peer0
link add eth1 address 00:8c:fa:5e:14:24 type veth peer name peer1
link set peer0 up
link set peer1 up
";

/// Starts this program again below unshare(1), in a folder of its own; returns
/// nothing to the one that is inside.
pub(crate) fn enter() -> Option<ExitCode> {
    if env::var_os(INSIDE).is_some() {
        return None;
    }
    let status = || -> Result<_> {
        let is_root = fs::metadata("/proc/self")?.uid() == 0;
        ensure!(is_root, "devices, mounts and immutable files need root");
        let folder = TempDir::with_prefix("h")?;
        let status = Command::new("unshare")
            .args(["--mount", "--net"])
            .arg(env::current_exe()?)
            .args(env::args_os().skip(1))
            .env(INSIDE, folder.path())
            .status()
            .context("unshare (package util-linux)")?;
        Ok(status)
    };
    Some(match status() {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    })
}

/// The folder that all cases work in.
pub(crate) fn disk() -> &'static Path {
    static DISK: LazyLock<PathBuf> =
        LazyLock::new(|| PathBuf::from(env::var_os(INSIDE).unwrap_or_default()).join("d"));
    &DISK
}

/// A file that no case may read or write.
pub(crate) fn canary() -> &'static Path {
    static CANARY: LazyLock<PathBuf> = LazyLock::new(|| disk().join("canary"));
    &CANARY
}

/// The disk that all cases work on, unmounted when it is dropped.
pub(crate) struct Ground(RamDisk);

impl Drop for Ground {
    fn drop(&mut self) {
        // Whatever a case has left on it.
        if let Err(errno) = unmount(disk(), UnmountFlags::DETACH) {
            eprintln!(
                "{}, on {}: {errno}",
                disk().display(),
                self.0.as_ref().display()
            );
        }
    }
}

/// Mounts the disk, and plugs in the NICs.
pub(crate) fn set_up() -> Result<Ground> {
    // Whoever starts us may have any: no mode may depend on it.
    rustix::process::umask(rustix::fs::Mode::empty());
    binary()?;
    let ram = disk().with_file_name("ram");
    fs::create_dir(&ram)?;
    run("mount", &["-t", "tmpfs", "tmpfs", &text(&ram)])?;
    let device = RamDisk::formatted(&ram.join("disk.img"), DISK_BYTES, "ext4")?;
    fs::create_dir(disk())?;
    // With strictatime, who reads a file leaves a trace.
    let options = "strictatime,lazytime";
    let name = text(device.as_ref());
    run("mount", &["-o", options, &name, &text(disk())])?;
    let ground = Ground(device);
    for name in ["etc/shadow", "etc/file", "folder/etc%2Fshadow"] {
        let path = canary().join(name);
        fs::create_dir_all(path.parent().context("no folder")?)?;
        fs::write(path, "root:canary:1::::::\n")?;
    }
    let batch = disk().join("nics");
    fs::write(&batch, NICS)?;
    run("ip", &["-batch", &text(&batch)])?;
    Ok(ground)
}

/// A path as an argument.
pub(crate) fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// A folder for one case, which is not there yet.
pub(crate) fn new_folder() -> PathBuf {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    disk().join(COUNT.fetch_add(1, Ordering::Relaxed).to_string())
}

/// What tells that a canary was read or written, or another file made beside it:
/// content and times of everything there. It is not opened for that.
pub(crate) fn traces_of_canary() -> Result<Vec<[i64; 8]>> {
    let mut traces = Vec::new();
    for name in [
        "",
        "etc",
        "folder",
        "etc/shadow",
        "etc/file",
        "folder/etc%2Fshadow",
    ] {
        let meta = fs::symlink_metadata(canary().join(name))?;
        traces.push([
            meta.size() as i64,
            meta.nlink() as i64,
            meta.mtime(),
            meta.mtime_nsec(),
            meta.ctime(),
            meta.ctime_nsec(),
            meta.atime(),
            meta.atime_nsec(),
        ]);
    }
    Ok(traces)
}

/// What a run said, and how it ended.
pub(crate) struct Output {
    /// The exit code; none, if a signal ended it.
    pub(crate) code: Option<i32>,
    /// Whether it took too long, and was killed.
    pub(crate) is_hung: bool,
    pub(crate) output: Vec<u8>,
    pub(crate) error: String,
}

/// The processes that run, and when each is killed.
static DEADLINES: LazyLock<Mutex<HashMap<u32, Instant>>> = LazyLock::new(|| {
    std::thread::spawn(|| {
        loop {
            std::thread::sleep(Duration::from_millis(200));
            let now = Instant::now();
            if let Ok(deadlines) = DEADLINES.lock() {
                for (&pid, _) in deadlines.iter().filter(|(_, end)| **end < now) {
                    if let Some(pid) = rustix::process::Pid::from_raw(pid as i32) {
                        let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
                    }
                }
            }
        }
    });
    Mutex::default()
});

/// Runs `command`, but not for ever.
pub(crate) fn bounded(command: &mut Command) -> Result<Output> {
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let (pid, start) = (child.id(), Instant::now());
    let lock = |_| anyhow::anyhow!("a thread died");
    DEADLINES
        .lock()
        .map_err(lock)?
        .insert(pid, start + PATIENCE);
    let output = child.wait_with_output();
    DEADLINES
        .lock()
        .map_err(|_| anyhow::anyhow!("a thread died"))?
        .remove(&pid);
    let output = output?;
    Ok(Output {
        code: output.status.code(),
        is_hung: output.status.signal() == Some(9) && start.elapsed() >= PATIENCE,
        output: output.stdout,
        error: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}
