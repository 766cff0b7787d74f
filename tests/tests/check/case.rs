//! The cases of an item.

use crate::root::{self, Root, Tree};
use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use std::fs;

/// All cases of one item, as they stand in a file that is called as the item is.
#[derive(Clone)]
pub struct Item {
    name: String,
    file: File,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// The name of the item.
    item: String,
    case: Vec<Written>,
}

/// A case as it is written.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    /// What it is about.
    name: String,
    /// The root that it changes.
    root: String,
    /// What it changes.
    #[serde(default)]
    tree: Tree,
    /// `OK`, `WARNING`, `FAILED` or `UNKNOWN`.
    verdict: String,
    code: String,
    /// What is said, without the word in front and the full stop.
    evidence: String,
}

/// One case in one root.
#[derive(Clone)]
pub struct Case {
    pub name: String,
    pub root: String,
    written: Written,
}

/// Reads all files of cases.
pub fn items() -> Result<Vec<Item>> {
    let folder = root::data().join("items");
    let mut items = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("no {}", folder.display()))? {
        let path = entry?.path();
        let text = fs::read_to_string(&path)?;
        let file: File = toml::from_str(&text).with_context(|| path.display().to_string())?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        items.push(Item {
            name: name.into_owned(),
            file,
        });
    }
    items.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(items)
}

impl Item {
    /// What its file is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its cases.
    pub fn cases(&self) -> Vec<Case> {
        let case = |written: &Written| Case {
            name: written.name.clone(),
            root: written.root.clone(),
            written: written.clone(),
        };
        self.file.case.iter().map(case).collect()
    }
}

impl Case {
    /// Makes the root, and compares what is found in it.
    pub fn judge(&self, item: &Item) -> Result<()> {
        let mut root = Root::new(&self.root)?;
        root.change(&self.written.tree)?;
        let json: serde_json::Value = serde_json::from_str(&root.check(&["--all", "--json"])?)?;
        let found = json["check_items"]
            .as_array()
            .and_then(|items| items.iter().find(|found| found["name"] == *item.file.item))
            .with_context(|| format!("no item `{}`", item.file.item))?;
        let text = |key: &str| found[key].as_str().unwrap_or_default().to_owned();
        let said = text("description");
        let (_, evidence) = said.split_once(": ").context("no word in front")?;
        let evidence = evidence.trim_end_matches('.');
        ensure!(
            (text("result"), text("error_code"))
                == (self.written.verdict.clone(), self.written.code.clone()),
            "it is {} {}: {evidence}",
            text("result"),
            text("error_code")
        );
        ensure!(
            evidence == self.written.evidence,
            "it says: {evidence}\n  wanted: {}",
            self.written.evidence
        );
        ensure!(
            (text("remedy").is_empty()) == (self.written.verdict == "OK"),
            "a remedy where there is nothing to mend, or none"
        );
        Ok(())
    }
}
