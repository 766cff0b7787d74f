//! Every hostile value of `values.toml` for every key of os.conf.

use crate::judge::{self, Problems, Wrong};
use crate::machine::{ALL, Machine, NAME, PARTS, PASSWORD, base, conf, harmless, hashes, normal};
use crate::rig::traces_of_canary;
use crate::tree::{Kind, Tree};
use anyhow::Result;
use base64ct::{Base64, Encoding};
use libtest_mimic::Trial;
use osconf_tests::figure::scale;
use osconf_tests::generate::expand;
use osconf_tests::matrix;
use serde::Deserialize;
use std::process::Command;
use std::sync::Arc;

/// The format in which also what has nothing to do with formats is tried, and in
/// which os.conf has a password.
pub(crate) const FIRST: &str = "eni";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    value: Vec<Value>,
}

/// One value: see `values.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Value {
    name: String,
    text: String,
    #[serde(default)]
    also: Vec<Spelling>,
    #[serde(default)]
    everywhere: bool,
    #[serde(default)]
    keys: Vec<String>,
    #[serde(default)]
    right: Vec<String>,
    /// The same for a value without quotes, and for one between single quotes.
    #[serde(default)]
    right_bare: Vec<String>,
    #[serde(default)]
    right_single: Vec<String>,
    means: Option<String>,
    #[serde(default)]
    breaks: Vec<Spelling>,
}

/// How a value stands in os.conf.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "kebab-case")]
enum Spelling {
    Bare,
    Single,
    Double,
    /// As the base64 of a password.
    #[serde(skip)]
    Encoded,
}

/// What must come of a value.
enum Fate {
    /// Its part is done, with this value.
    Right(Vec<u8>),
    /// Its part is not done.
    Wrong,
    /// Nothing is done.
    Broken,
}

/// One test for each value and format.
pub(crate) fn trials() -> Result<Vec<Trial>> {
    let table: Table = toml::from_str(include_str!("values.toml"))?;
    let mut trials = Vec::new();
    let is_soak = scale(0, 1) > 0;
    for (row, value) in table.value.into_iter().map(Arc::new).enumerate() {
        for (column, format) in matrix::names("formats").into_iter().enumerate() {
            // A test has each value in every other format, by turns; the soak in all.
            let is_meant = value.everywhere && (is_soak || (row + column) % 2 == 0);
            if !is_meant && format != FIRST {
                continue;
            }
            let (name, value) = (format!("value/{}/{format}", value.name), value.clone());
            trials.push(crate::trial(name, move || value.all(&format)));
        }
    }
    Ok(trials)
}

impl Value {
    /// Tries it for each key, in each spelling.
    fn all(&self, format: &str) -> Result<Vec<String>> {
        let mut problems = Vec::new();
        for (part, (_, keys)) in PARTS.iter().enumerate() {
            for (key, _) in *keys {
                let is_meant = self.keys.is_empty() || self.keys.iter().any(|meant| meant == key);
                if !is_meant || (*key == "password" && format != FIRST) {
                    continue;
                }
                let mut spellings = vec![Spelling::Single];
                if format == FIRST {
                    spellings.extend(&self.also);
                }
                if *key == "password" {
                    spellings.push(Spelling::Encoded);
                }
                for spelling in spellings {
                    let found = self.one(format, 1 << part, key, spelling)?;
                    problems.extend(
                        judge::count(&found)
                            .into_iter()
                            .map(|text| format!("{key} {spelling:?}: {text}")),
                    );
                }
            }
        }
        Ok(problems)
    }

    fn fate(&self, key: &str, spelling: Spelling) -> Fate {
        let is_in = |keys: &[String]| keys.iter().any(|right| right == key);
        let is_right = match spelling {
            Spelling::Bare => is_in(&self.right_bare),
            Spelling::Single => is_in(&self.right_single),
            _ => false,
        } || is_in(&self.right);
        let text = expand(self.text.as_bytes());
        if spelling == Spelling::Encoded {
            let password = without_ends(&text);
            let is_good = !password.is_empty()
                && password.len() <= 256
                && !password.iter().any(|byte| matches!(byte, 0 | b'\n'));
            return if is_good {
                Fate::Right(text)
            } else {
                Fate::Wrong
            };
        }
        if self.breaks.contains(&spelling) {
            Fate::Broken
        } else if is_right {
            let means = self.means.as_ref().map(|text| expand(text.as_bytes()));
            Fate::Right(means.unwrap_or(text))
        } else {
            Fate::Wrong
        }
    }

    fn one(&self, format: &str, part: u8, key: &str, spelling: Spelling) -> Result<Problems> {
        let text = expand(self.text.as_bytes());
        let spelled = match spelling {
            Spelling::Bare => text.clone(),
            Spelling::Single => [b"'", &*text, b"'"].concat(),
            Spelling::Double => [b"\"", &*text, b"\""].concat(),
            Spelling::Encoded => Base64::encode_string(&text).into_bytes(),
        };
        // Hashing takes longer than all the rest.
        let all = if format == FIRST && part != 0b100 {
            ALL
        } else {
            ALL & !PASSWORD
        };
        let conf = conf(all, Some((key, &spelled)));
        let fate = self.fate(key, spelling);
        let (done, wanted) = match &fate {
            Fate::Right(_) if part == PASSWORD => (all, harmless(format, all)?),
            Fate::Right(value) if key == "hostname" => {
                (all, Arc::new(named(&*harmless(format, all)?, value)))
            }
            Fate::Right(value) => (all, Arc::new(meant(format, all, key, value)?)),
            Fate::Wrong => (all & !part, harmless(format, all & !part)?),
            Fate::Broken => (0, harmless(format, 0)?),
        };
        let secrets: &[&[u8]] = match key {
            "password" if text.len() > 8 => &[&*text, &*spelled],
            _ => &[],
        };
        let mut problems = try_one(format, &conf, done, &wanted, secrets)?;
        if spelling == Spelling::Encoded
            && let Fate::Right(text) = &fate
        {
            problems.extend(is_password(format, &conf, text)?);
        }
        Ok(problems)
    }
}

/// Applies an os.conf of which these parts must be done, so that the root is as
/// `wanted`.
pub(crate) fn try_one(
    format: &str,
    conf: &[u8],
    done: u8,
    wanted: &Tree,
    secrets: &[&[u8]],
) -> Result<Problems> {
    let before = base(format)?;
    let canary = traces_of_canary()?;
    let machine = Machine::new(format, &before)?;
    machine.put_conf(conf)?;
    let run = machine.run("apply")?;
    let after = machine.tree()?;
    let mut problems = judge::output(&run, &[&after], secrets);
    if judge::done(&run.error) != done {
        let text = format!("{done:04b} was to be done: {}", run.error);
        problems.push((Wrong::Lost, text));
    }
    let is_all = run.code == Some(0);
    let is_there = after.contains_key(crate::machine::CONF);
    if is_all == is_there {
        problems.push((Wrong::Lost, "os.conf is not there, or still is".into()));
    }
    problems.extend(judge::stripped(&after, done, &run.error));
    problems.extend(judge::trees(wanted, &normal(&after), &|_| false));
    problems.extend(judge::exposed(&before, &after));
    problems.extend(judge::left_over(&before, &after));
    problems.extend(judge::again(&machine, &run, conf)?);
    problems.extend(judge::canary(&canary)?);
    machine.remove()?;
    Ok(problems)
}

/// A final line end is no part of a password.
fn without_ends(mut text: &[u8]) -> &[u8] {
    while let [rest @ .., b'\n' | b'\r'] = text {
        text = rest;
    }
    text
}

/// The hash that comes of an os.conf verifies this password, for the C library.
fn is_password(format: &str, conf: &[u8], password: &[u8]) -> Result<Problems> {
    let machine = Machine::new(format, &base(format)?)?;
    machine.put_conf(conf)?;
    machine.run("apply")?;
    let hashes = hashes(&machine.tree()?);
    machine.remove()?;
    let password = without_ends(password);
    for hash in &hashes {
        let perl = "print crypt(pack('H*', $ARGV[0]), $ARGV[1]) eq $ARGV[1] ? 'yes' : 'no'";
        let hex: String = password.iter().map(|byte| format!("{byte:02x}")).collect();
        let output = Command::new("perl")
            .args(["-e", perl, &hex, hash])
            .output()?;
        if output.stdout != b"yes" {
            return Ok(vec![(Wrong::Lost, "it is another password".into())]);
        }
    }
    let is_one = hashes.len() == 1;
    Ok(if is_one {
        Problems::new()
    } else {
        vec![(Wrong::Lost, "no hash".into())]
    })
}

/// A root in which the machine has another name.
fn named(tree: &Tree, name: &[u8]) -> Tree {
    let mut tree = tree.clone();
    for entry in tree.values_mut() {
        if let Kind::File(text) = &mut entry.kind {
            *text = replace(text, NAME.as_bytes(), name);
        }
    }
    tree
}

fn replace(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some((&first, after)) = rest.split_first() {
        if let Some(after) = rest.strip_prefix(from) {
            out.extend(to);
            rest = after;
        } else {
            out.push(first);
            rest = after;
        }
    }
    out
}

/// What a plain spelling of the same value makes.
fn meant(format: &str, parts: u8, key: &str, value: &[u8]) -> Result<Tree> {
    let machine = Machine::new(format, &base(format)?)?;
    machine.put_conf(&conf(parts, Some((key, value))))?;
    machine.run("apply")?;
    let tree = normal(&machine.tree()?);
    machine.remove()?;
    Ok(tree)
}
