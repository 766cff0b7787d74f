//! An image whose network rests, and what an os.conf makes of it.

use anyhow::{Result, ensure};
use osconf_tests::{matrix, product};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, str};

/// Machines that the network of an os.conf is compared on.
const CASES: [&str; 3] = ["vpc", "classic", "stale"];

/// Makes NICs, each given as `NAME MAC` on a line of its own, and runs what follows.
const NICS: &str = r#"
echo "$1" | while read -r name mac; do ip link add "$name" address "$mac" type veth; done
shift
exec "$@"
"#;

fn shell(command: &mut Command) -> Result<()> {
    let output = command.output()?;
    ensure!(
        matches!(output.status.code(), Some(0 | 1)),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

/// Formats in which a key that is there keeps its place in the file.
const WITHOUT_ORDER: [&str; 3] = ["ifcfg", "uci", "wicked"];

/// In every network format: an os.conf makes the same of a root that was prepared as of
/// one that was not, byte for byte.
pub fn an_os_conf_takes_the_place_of_the_rest() -> Result<()> {
    let mut count = 0;
    for format in matrix::names("formats") {
        for case in CASES {
            let (plain, rested) = (tempfile::tempdir()?, tempfile::tempdir()?);
            let osconf = |command: &str, root: &Path| -> Result<Command> {
                let mut osconf = Command::new(product::binary()?);
                osconf.arg(command).arg("-q").arg("--root").arg(root);
                Ok(osconf)
            };
            let cell = matrix::Cell::read(&format, case)?;
            for root in [plain.path(), rested.path()] {
                for folder in cell.before().iter().filter(|folder| folder.exists()) {
                    shell(Command::new("cp").arg("-a").arg(folder.join(".")).arg(root))?;
                }
            }
            let before = files(rested.path())?;
            shell(osconf("prepare", rested.path())?.args(["--only", "dhcp"]))?;
            let is_changed = files(rested.path())? != before;
            ensure!(is_changed || format == "kernel", "{format}: it is no rest");
            for root in [plain.path(), rested.path()] {
                let conf = root.join("os.conf");
                fs::copy(cell.conf(), &conf)?;
                let mut apply = Command::new("unshare");
                apply.args(["--net", "sh", "-ec", NICS, "sh"]);
                apply.arg(cell.network.nics.join("\n"));
                apply.args([&product::binary()?, Path::new("apply")]);
                apply.args(["-q", "--wait", "0", "--root"]).arg(root);
                shell(apply.arg("--conf").arg(&conf))?;
            }
            let (plain, rested) = (files(plain.path())?, files(rested.path())?);
            for path in plain.keys().chain(rested.keys()) {
                let show = |tree: &Files| -> Option<String> {
                    let text = str::from_utf8(tree.get(path)?).ok()?;
                    let mut lines: Vec<_> = text.split_inclusive('\n').collect();
                    if WITHOUT_ORDER.contains(&format.as_str()) {
                        lines.sort_unstable();
                    }
                    Some(lines.concat())
                };
                let (found, wanted) = (show(&rested), show(&plain));
                ensure!(
                    found == wanted,
                    "{format}/{case}: {}:\n{}\nwithout `prepare`:\n{}",
                    path.display(),
                    found.unwrap_or_default(),
                    wanted.unwrap_or_default()
                );
            }
            count += 1;
        }
    }
    ensure!(count >= 40, "only {count} roots");
    Ok(())
}

/// What is in each place.
type Files = BTreeMap<PathBuf, Vec<u8>>;

fn files(root: &Path) -> Result<Files> {
    let all = crate::case::take(root)?.into_iter();
    let all = all.map(|(path, entry)| (PathBuf::from(path), entry.content));
    Ok(all.collect())
}
