//! `cargo xtask tidy`: the rules of this repository that a program can check.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::util;

/// Where the rules stand for people.
const README: &str = "README.md, \"Rules of this repository\"";
/// A Rust file that is longer is more than one idea.
const LONGEST_FILE: usize = 500;

/// Looks at every file and prints each breach of a rule.
pub(crate) fn run() -> Result<()> {
    let mut breaches = Vec::new();
    let mut count = 0;
    for entry in fs::read_dir(util::root())? {
        breaches.extend(top_level(&entry?.file_name().to_string_lossy()));
    }
    visit(util::root(), "", &mut |path, text| {
        count += 1;
        breaches.extend(breaches_of(path, text));
    })?;
    if !breaches.is_empty() {
        bail!(
            "{} breaches of rules, see {README}\n  {}",
            breaches.len(),
            breaches.join("\n  ")
        );
    }
    println!("tidy: {count} files keep the rules");
    Ok(())
}

/// Hands every text file of the repository to `look`, with its path.
fn visit(folder: &Path, prefix: &str, look: &mut dyn FnMut(&str, &str)) -> Result<()> {
    for entry in
        fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?
    {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        if entry.file_type()?.is_dir() {
            // What git and cargo keep is not ours; golden trees hold machines with any kind of file.
            if !matches!(name.as_str(), ".git" | "target") && path != "tests/trees" {
                visit(&entry.path(), &format!("{path}/"), look)?;
            }
        } else if entry.file_type()?.is_file()
            && let Ok(text) = String::from_utf8(fs::read(entry.path())?)
        {
            look(&path, &text);
        }
    }
    Ok(())
}

/// Every breach in one file, each as one line.
fn breaches_of(path: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let is = |extension| path.ends_with(extension);
    if is(".rs") || is(".toml") || is(".md") || path.starts_with("targets/") {
        blanks(path, text, &mut found);
    }
    if is(".rs") {
        rust(path, text, &mut found);
    }
    if path.starts_with("src/") {
        product(path, text, &mut found);
    }
    if is("Cargo.toml") {
        dependencies(path, text, &mut found);
    }
    found
}

/// The top level has what the README's map shows and nothing else.
fn top_level(name: &str) -> Option<String> {
    let known = [
        "Cargo.toml",
        "Cargo.lock",
        "src",
        "targets",
        "target",
        "xtask",
        "tests",
        "README.md",
        "rust-toolchain.toml",
        "CHANGELOG.md",
    ];
    let fine = known.contains(&name) || name.starts_with("LICENSE") || name.starts_with('.');
    (!fine).then(|| format!("{name}: does not belong to the top level"))
}

fn blanks(path: &str, text: &str, found: &mut Vec<String>) {
    for (number, line) in text.lines().enumerate() {
        if line.ends_with([' ', '\t']) {
            found.push(format!(
                "{path}:{}: blanks at the end of the line",
                number + 1
            ));
        }
    }
    if !text.is_empty() && !text.ends_with('\n') {
        found.push(format!("{path}: no newline at the end"));
    }
    if text.ends_with("\n\n") {
        found.push(format!("{path}: empty lines at the end"));
    }
}

fn rust(path: &str, text: &str, found: &mut Vec<String>) {
    if !text.starts_with("//!") {
        found.push(format!(
            "{path}: does not open with `//!` and what the file is for"
        ));
    }
    let length = text.lines().count();
    if length > LONGEST_FILE {
        found.push(format!(
            "{path}: {length} lines, more than {LONGEST_FILE}: is it one idea?"
        ));
    }
    let lines: Vec<_> = text.lines().collect();
    for (number, line) in lines.iter().enumerate() {
        if !has_unsafe(line) {
            continue;
        }
        if !path.starts_with("src/sys/") {
            found.push(format!("{path}:{}: unsafe outside src/sys/", number + 1));
        } else if line.contains("unsafe {") && !has_reason(lines.get(..number).unwrap_or_default())
        {
            found.push(format!(
                "{path}:{}: unsafe without `// SAFETY:` before it",
                number + 1
            ));
        }
    }
}

/// Whether a line has unsafe code, as a word of code and not of a comment or text.
fn has_unsafe(line: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default();
    ["{", "fn ", "impl ", "extern ", "trait "]
        .iter()
        .any(|next| {
            // Written in two parts, so that this file keeps its own rule.
            let wanted = format!("{} {next}", "unsafe");
            code.find(&wanted)
                .is_some_and(|place| !code.get(..place).unwrap_or_default().contains('"'))
        })
}

/// Whether the comment right before the statement gives a reason.
fn has_reason(before: &[&str]) -> bool {
    let mut in_comment = false;
    for line in before.iter().rev().map(|line| line.trim()) {
        if line.starts_with("//") {
            in_comment = true;
            if line.starts_with("// SAFETY:") {
                return true;
            }
        } else if in_comment || line.is_empty() || line.ends_with([';', '{', '}']) {
            return false;
        }
    }
    false
}

/// The product has neither heap nor standard library; its unit tests may.
fn product(path: &str, text: &str, found: &mut Vec<String>) {
    if path.ends_with("/tests.rs") || path.contains("/tests/") {
        return;
    }
    let code = text
        .lines()
        .enumerate()
        .take_while(|(_, line)| !matches!(line.trim(), "#[cfg(test)]" | "#![cfg(test)]"));
    for (number, line) in code {
        let line = line.split("//").next().unwrap_or_default();
        for wrong in ["extern crate alloc", "alloc::", "std::"] {
            let word = line.find(wrong).is_some_and(|place| {
                let before = line.get(..place).unwrap_or_default();
                !before.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':')
            });
            if word {
                found.push(format!("{path}:{}: `{wrong}` in the product", number + 1));
            }
        }
    }
}

/// Each dependency has a comment before it that says what it is for.
fn dependencies(path: &str, text: &str, found: &mut Vec<String>) {
    let mut in_table = false;
    let mut before = "";
    for line in text.lines() {
        if line.starts_with('[') {
            in_table = line.trim_end_matches(']').ends_with("dependencies");
        } else if in_table
            && line.contains('=')
            && !before.starts_with('#')
            && !line.starts_with([' ', '#'])
        {
            let name = line.split('=').next().unwrap_or_default().trim();
            found.push(format!(
                "{path}: no comment before {name} says what it is for"
            ));
        }
        before = line;
    }
}

#[cfg(test)]
mod tests;
