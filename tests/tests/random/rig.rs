//! A folder that is a machine's root, and the binary run on it.

use crate::machine::Machine;
use osconf_tests::product::binary;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Files by their path below the root, with mode and content; links by their text.
pub(crate) type Snapshot = BTreeMap<String, String>;

/// A root, which vanishes with its value.
pub(crate) struct Root {
    folder: tempfile::TempDir,
}

/// What a run said, and how it ended.
pub(crate) struct Run {
    /// The exit code.
    pub(crate) code: i32,
    /// Standard output.
    pub(crate) output: String,
    /// Standard error.
    pub(crate) error: String,
}

impl Run {
    /// Holds that no secret was said.
    pub(crate) fn tells_no_secret(&self, machine: &Machine) {
        for secret in machine.secrets() {
            assert!(
                !self.output.contains(secret) && !self.error.contains(secret),
                "{secret}"
            );
        }
    }
}

/// Makes the root of `machine` in `folder`.
pub(crate) fn root(folder: &Path, machine: &Machine) -> Root {
    let root = Root {
        folder: tempfile::tempdir_in(folder).expect("a temporary folder"),
    };
    for (path, text) in &machine.files {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().expect("a file lies in a folder")).expect("folders");
        fs::write(&path, text).expect("a file");
        if path.ends_with("shadow") {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("a mode");
        }
    }
    root.put_os_conf(machine);
    root
}

impl Root {
    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    fn os_conf_path(&self) -> PathBuf {
        self.path().join("boot/aliyun_custom_image/os.conf")
    }

    /// Writes os.conf, as ECS would.
    pub(crate) fn put_os_conf(&self, machine: &Machine) {
        let path = self.os_conf_path();
        fs::create_dir_all(path.parent().expect("a file lies in a folder")).expect("folders");
        fs::write(path, &machine.os_conf).expect("os.conf");
    }

    /// os.conf, if it is there.
    pub(crate) fn os_conf(&self) -> Option<String> {
        fs::read_to_string(self.os_conf_path()).ok()
    }

    /// The names in the folder of os.conf.
    pub(crate) fn os_conf_folder(&self) -> Vec<String> {
        let folder = self.os_conf_path().with_file_name("");
        let entries = fs::read_dir(folder).expect("the folder of os.conf stays");
        entries
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect()
    }

    /// Runs a command on this root.
    pub(crate) fn run(&self, command: &str, machine: &Machine) -> Run {
        let output = Command::new(binary().expect("the binary"))
            .args([command, "--wait=0", "--root"])
            .arg(self.path())
            .arg("--conf")
            .arg(self.os_conf_path())
            .args(&machine.options)
            .output()
            .expect("the binary runs");
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        let run = Run {
            code: output.status.code().unwrap_or(-1),
            output: text(&output.stdout),
            error: text(&output.stderr),
        };
        assert!([0, 1, 3].contains(&run.code), "{}: {}", run.code, run.error);
        run
    }

    /// Everything below /etc and /var.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let mut snapshot = Snapshot::new();
        for folder in ["etc", "var"] {
            if self.path().join(folder).is_dir() {
                self.visit(Path::new(folder), &mut snapshot);
            }
        }
        snapshot
    }

    fn visit(&self, folder: &Path, snapshot: &mut Snapshot) {
        for entry in fs::read_dir(self.path().join(folder))
            .expect("a folder")
            .flatten()
        {
            let name = folder.join(entry.file_name());
            let meta = entry.metadata().expect("what it is");
            let text = if meta.is_dir() {
                self.visit(&name, snapshot);
                String::from("folder")
            } else if meta.is_symlink() {
                fs::read_link(entry.path())
                    .expect("a link")
                    .display()
                    .to_string()
            } else {
                String::from_utf8_lossy(&fs::read(entry.path()).expect("a file")).into_owned()
            };
            snapshot.insert(name.display().to_string(), text);
        }
    }
}

/// The names that are not the same in both.
pub(crate) fn changes(before: &Snapshot, after: &Snapshot) -> Vec<String> {
    let mut names: Vec<String> = before.keys().chain(after.keys()).cloned().collect();
    names.sort();
    names.dedup();
    names.retain(|name| before.get(name) != after.get(name));
    names
}
