//! The machine that runs the tests: `osconf check` on it, and every call that it makes.

use osconf_tests::product;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

/// Calls that can change nothing, whatever they are given, by strace(1)'s names.
const HARMLESS: [&str; 23] = [
    "access",
    "arch_prctl",
    "brk",
    "clock_gettime",
    "close",
    "execve",
    "exit_group",
    // A first partition that nobody has mounted is looked into, see below.
    "fsconfig",
    "fsmount",
    "fsopen",
    "fstat",
    "fstatfs",
    "getdents64",
    "lseek",
    "mmap",
    "msync",
    "munmap",
    "newfstatat",
    "pread64",
    "read",
    "readlinkat",
    "set_tid_address",
    "statx",
];

/// Whether a line of strace(1) is of a call that changes nothing but standard output.
fn is_reading(line: &str) -> bool {
    let name = line.split('(').next().unwrap_or_default();
    match name {
        "open" | "openat" | "openat2" => {
            let writing = ["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "O_APPEND"];
            !writing.iter().any(|flag| line.contains(flag))
        }
        "write" => line.starts_with("write(1,") || line.starts_with("write(2,"),
        // The flags of a file, and whether this is a terminal.
        "ioctl" => line.contains("GETFLAGS") || line.contains("TCGETS"),
        _ => HARMLESS.contains(&name) || line.starts_with("+++ exited with "),
    }
}

/// Runs the check behind these words, and returns each call.
fn run(before: &[&str]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let [program, calls] = ["osconf", "calls"].map(|name| folder.path().join(name));
    fs::copy(product::binary().unwrap(), &program).unwrap();
    let words = [before, &["strace", "-qq", "-o"]].concat();
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).arg(&calls).arg(&program);
    let output = command
        .args(["check", "--all", "--json"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(
        matches!(output.status.code(), Some(0 | 1)),
        "{:?}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let items = report["check_items"].as_array().unwrap();
    assert!(items.len() > 30 && report["architecture"] != "unknown");
    let is_root = items.iter().find(|item| item["name"] == "root account");
    assert_eq!(is_root.unwrap()["result"], "OK");
    let names: Vec<String> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(names.len(), 2, "it left something: {names:?}");
    let text = fs::read_to_string(&calls).unwrap();
    text.lines().map(str::to_owned).collect()
}

fn only_reads(before: &[&str]) {
    let calls = run(before);
    assert!(calls.len() > 100, "{calls:?}");
    let others: Vec<_> = calls.iter().filter(|line| !is_reading(line)).collect();
    assert!(others.is_empty(), "not only read: {others:#?}");
    let count = |text: &str| calls.iter().filter(|line| line.contains(text)).count();
    assert!(count("fsmount(") <= count("FSCONFIG_SET_FLAG, \"ro\""));
}

#[test]
fn this_machine_is_only_read() {
    only_reads(&[]);
}

#[test]
fn this_machine_is_only_read_by_an_ordinary_user() {
    only_reads(&[
        "setpriv",
        "--reuid",
        "65534",
        "--regid",
        "65534",
        "--clear-groups",
    ]);
}

#[test]
fn what_writes_is_told_from_what_reads() {
    for line in [
        "openat(4, \"a\", O_WRONLY|O_CREAT, 0600) = 5",
        "write(5, \"x\", 1) = 1",
        "mknodat(4, \"a\", S_IFBLK|0600, makedev(0xfe, 0)) = 0",
        "ioctl(5, FS_IOC_SETFLAGS, 0x1) = 0",
        "unlinkat(4, \"a\", 0) = 0",
    ] {
        assert!(!is_reading(line), "{line}");
    }
    assert!(is_reading("openat(4, \"a\", O_RDONLY|O_CLOEXEC) = 5"));
}
