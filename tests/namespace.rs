//! A test in namespaces of its own.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::Command;

/// Set in the process that has namespaces of its own.
const INSIDE: &str = "OSCONF_TEST_INSIDE_NAMESPACE";

/// Whether this process is root, at least in its user namespace.
#[must_use]
pub fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

/// Runs `body`, which belongs to the test `name`, in new namespaces, given as
/// options of unshare(1).
///
/// The test starts itself again below unshare: a process that has threads, as a
/// test runner has, cannot enter a new user namespace (unshare(2), EINVAL).
///
/// # Panics
/// The test fails, or cannot be started.
pub fn enter(options: &[&str], name: &str, body: fn()) {
    if std::env::var_os(INSIDE).is_some() {
        return body();
    }
    let user: &[&str] = if is_root() {
        &[]
    } else {
        &["--user", "--map-root-user"]
    };
    let own = std::env::current_exe().expect("the path of this test");
    let output = Command::new("unshare")
        .args(user)
        .args(options)
        .arg(own)
        .args(["--exact", name])
        .env(INSIDE, "1")
        .output()
        .expect("unshare(1), of util-linux");
    let text = String::from_utf8_lossy(&output.stdout);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}{error}"
    );
}
