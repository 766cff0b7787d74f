//! Files that a shell sources: what they may set, and that they do nothing else.

use anyhow::{Context, Result, ensure};
use osconf_tests::matrix::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Files that a shell sources.
pub(crate) struct Sourced {
    /// How their paths begin.
    pub(crate) start: &'static str,
    /// The variables that they may set; with a `*` at the end, those that begin so.
    pub(crate) variables: &'static [&'static str],
    /// Whether it need not be bash.
    pub(crate) posix: bool,
}

/// Prints name, index and value of each variable, and each function. What is
/// different each time is left out.
const DUMP: &str = r#"
    . "$1" || exit
    for osconf_name in $(compgen -v) $(compgen -A function); do
        case $osconf_name in
            osconf_* | _ | BASH* | RANDOM | SRANDOM | SECONDS | EPOCH* | LINENO | PIPESTATUS | FUNCNAME) continue ;;
        esac
        declare -n osconf_value=$osconf_name
        for osconf_index in "${!osconf_value[@]}"; do
            printf '%s\0%s\0' "$osconf_name[$osconf_index]" "${osconf_value[$osconf_index]}"
        done
    done
    compgen -A function | while read -r osconf_name; do
        printf 'function %s\0\0' "$osconf_name"
    done
"#;

type Variables = BTreeMap<String, String>;

/// What is wrong with the files of this kind that osconf writes.
pub(crate) fn judge(cell: &Cell, sourced: &Sourced, work: &Path) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    let after = cell.golden().join("after");
    for path in files(&after, Path::new(""))? {
        if !path.to_string_lossy().starts_with(sourced.start) {
            continue;
        }
        let file = after.join(&path);
        let mut say = |problem: String| problems.push(format!("{}: {problem}", path.display()));
        let shells: &[&str] = if sourced.posix {
            &["bash", "dash"]
        } else {
            &["bash"]
        };
        for shell in shells {
            let output = Command::new(shell)
                .arg("-n")
                .arg(&file)
                .output()
                .context(*shell)?;
            if !output.status.success() {
                say(format!(
                    "{shell} -n: {}",
                    String::from_utf8_lossy(&output.stderr)
                ));
            }
        }
        let befores = cell.before().map(|folder| folder.join(&path));
        let before = befores.iter().rev().find(|file| file.is_file());
        let nothing = PathBuf::from("/dev/null");
        let old = variables(before.unwrap_or(&nothing), work)?;
        let new = variables(&file, work)?;
        for (name, value) in &new {
            if old.get(name) == Some(value) {
                continue;
            }
            let plain = name.split('[').next().unwrap_or_default();
            let is_allowed = sourced
                .variables
                .iter()
                .any(|one| match one.strip_suffix('*') {
                    Some(start) => plain.starts_with(start),
                    None => *one == plain,
                });
            if !is_allowed {
                say(format!("it sets {name} to {value:?}"));
            }
            if sourced.posix && in_dash(&file, plain, work)? != *value {
                say(format!("{name} is not {value:?} to dash"));
            }
        }
    }
    Ok(problems)
}

/// What bash knows after it has sourced a file with nothing in its environment, no
/// program to run, and an empty folder to stand in, which stays empty.
fn variables(file: &Path, work: &Path) -> Result<Variables> {
    let text = run("bash", DUMP, file, "", work)?;
    let mut parts = text.split('\0');
    let mut all = Variables::new();
    while let (Some(name), Some(value)) = (parts.next(), parts.next()) {
        all.insert(name.to_owned(), value.to_owned());
    }
    Ok(all)
}

fn in_dash(file: &Path, variable: &str, work: &Path) -> Result<String> {
    let script = r#". "$1"; eval "printf %s \"\$$2\"""#;
    run("dash", script, file, variable, work)
}

fn run(shell: &str, script: &str, file: &Path, more: &str, work: &Path) -> Result<String> {
    let empty = work.join("empty");
    fs::create_dir_all(&empty)?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let program = std::env::split_paths(&path).map(|folder| folder.join(shell));
    let program = program.into_iter().find(|program| program.is_file());
    let output = Command::new(program.with_context(|| format!("there is no {shell}"))?)
        .args(["-c", script, shell])
        .arg(file)
        .arg(more)
        .env_clear()
        .env("PATH", &empty)
        .current_dir(&empty)
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success() && said.is_empty(),
        "{shell} cannot source {}: {said}",
        file.display()
    );
    ensure!(
        fs::read_dir(&empty)?.next().is_none(),
        "{} makes files when it is sourced",
        file.display()
    );
    Ok(String::from_utf8(output.stdout)?)
}

/// The files below a folder.
fn files(folder: &Path, below: &Path) -> Result<Vec<PathBuf>> {
    let mut all = Vec::new();
    let at = folder.join(below);
    for entry in fs::read_dir(&at).with_context(|| at.display().to_string())? {
        let entry = entry?;
        let path = below.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            all.extend(files(folder, &path)?);
        } else if entry.file_type()?.is_file() {
            all.push(path);
        }
    }
    Ok(all)
}
