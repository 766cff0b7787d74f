//! What a binary is made of, as a bill of materials (CycloneDX 1.5): the crates that
//! are compiled into it with its features and for its target, each with its licence
//! and with the checksum of Cargo.lock, and what Rust links in of its own.
//!
//! What only runs while it is built (procedural macros, build scripts) is not in it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use xshell::{Shell, cmd};

use crate::build::Form;
use crate::target::Target;
use crate::util;

mod json;

use json::Json;

/// Cargo.lock, as far as it tells where a package comes from.
#[derive(Deserialize)]
struct Lock {
    package: Vec<Locked>,
}

#[derive(Deserialize)]
struct Locked {
    name: String,
    version: String,
    source: Option<String>,
    checksum: Option<String>,
}

/// The only source that there is (`cargo xtask deny`).
const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// One thing that a binary is made of.
struct Part {
    kind: &'static str,
    name: String,
    version: String,
    /// As SPDX writes it.
    licence: String,
    /// SHA-256: of the binary, or of the archive on crates.io.
    checksum: Option<String>,
    /// Where the archive is to be had.
    url: Option<String>,
}

impl Part {
    /// By which the others name it: a package URL (github.com/package-url/purl-spec).
    fn id(&self) -> String {
        let of = if self.kind == "library" && self.url.is_none() {
            "generic"
        } else {
            "cargo"
        };
        format!("pkg:{of}/{}@{}", self.name, self.version)
    }

    fn json(&self, more: Vec<(&'static str, Json)>) -> Json {
        let mut all = vec![
            ("type", Json::text(self.kind)),
            ("bom-ref", Json::text(self.id())),
            ("name", Json::text(&self.name)),
            ("version", Json::text(&self.version)),
        ];
        if let Some(checksum) = &self.checksum {
            let hash = vec![
                ("alg", Json::text("SHA-256")),
                ("content", Json::text(checksum)),
            ];
            all.push(("hashes", Json::List(vec![Json::Object(hash)])));
        }
        let licence = Json::Object(vec![("expression", Json::text(&self.licence))]);
        all.push(("licenses", Json::List(vec![licence])));
        all.push(("purl", Json::text(self.id())));
        if let Some(url) = &self.url {
            let place = vec![
                ("type", Json::text("distribution")),
                ("url", Json::text(url)),
            ];
            all.push(("externalReferences", Json::List(vec![Json::Object(place)])));
        }
        all.extend(more);
        Json::Object(all)
    }
}

/// Which part, by its id, uses which others.
type Uses = BTreeMap<String, BTreeSet<String>>;

/// The bill of one binary.
pub(crate) fn text(
    sh: &Shell,
    target: &Target,
    form: &Form,
    binary: &Path,
    date: &str,
) -> Result<String> {
    let lock: Lock = toml::from_str(&util::read(&util::root().join("Cargo.lock"))?)
        .context("Cargo.lock is not as cargo writes it")?;
    // `cargo metadata` mixes the features of all packages of the workspace; this does not.
    let (triple, features) = (&target.triple, form.features);
    let tree = cmd!(
        sh,
        "cargo tree --quiet --locked --package osconf {features...} --target {triple}
            --edges normal,no-proc-macro --prefix depth --no-dedupe --format"
    )
    .arg("\t{p}\t{l}")
    .quiet()
    .read()?;
    let (mut parts, mut uses) = crates(&tree, &lock)?;
    let sum = cmd!(sh, "sha256sum {binary}").quiet().read()?;
    let sum = sum.split(' ').next().unwrap_or_default();
    let own = parts
        .remove("osconf")
        .context("cargo tree does not tell of osconf")?;
    let program = Part {
        kind: "application",
        checksum: Some(sum.to_owned()),
        ..own
    };
    let runtime = runtime(sh, target)?;
    let ids = runtime.iter().map(Part::id);
    uses.entry(program.id()).or_default().extend(ids);
    for part in &runtime {
        uses.entry(part.id()).or_default();
    }

    let seconds = format!("@{date}");
    let when = cmd!(sh, "date --utc --date={seconds} +%Y-%m-%dT%H:%M:%SZ")
        .quiet()
        .read()?;
    let property = |name: &str, value: &str| {
        Json::Object(vec![
            ("name", Json::text(name)),
            ("value", Json::text(value)),
        ])
    };
    let properties = vec![
        property("osconf:target", triple),
        property("osconf:form", form.name),
    ];
    let components = parts.values().chain(&runtime);
    let bill = Json::Object(vec![
        (
            "$schema",
            Json::text("http://cyclonedx.org/schema/bom-1.5.schema.json"),
        ),
        ("bomFormat", Json::text("CycloneDX")),
        ("specVersion", Json::text("1.5")),
        ("version", Json::Number(1)),
        (
            "metadata",
            Json::Object(vec![
                ("timestamp", Json::text(when)),
                (
                    "component",
                    program.json(vec![("properties", Json::List(properties))]),
                ),
            ]),
        ),
        (
            "components",
            components.map(|part| part.json(Vec::new())).collect(),
        ),
        (
            "dependencies",
            uses.iter()
                .map(|(id, uses)| {
                    Json::Object(vec![
                        ("ref", Json::text(id)),
                        ("dependsOn", uses.iter().map(Json::text).collect()),
                    ])
                })
                .collect(),
        ),
    ]);
    Ok(bill.to_string())
}

/// The crates by name and version (the package itself by its name alone), and which of
/// them uses which, from lines of `cargo tree`: how deep, name and version, licence.
fn crates(tree: &str, lock: &Lock) -> Result<(BTreeMap<String, Part>, Uses)> {
    let mut parts = BTreeMap::new();
    let mut uses = Uses::new();
    // The way down from the package itself.
    let mut way: Vec<String> = Vec::new();
    for line in tree.lines() {
        let part = |line: &str| {
            let mut fields = line.split('\t');
            let depth: usize = fields.next()?.parse().ok()?;
            let mut package = fields.next()?.split(' ');
            let name = package.next()?.to_owned();
            let version = package.next()?.strip_prefix('v')?.to_owned();
            // Old crates write a stroke, which SPDX does not know.
            let licence = fields.next()?.replace('/', " OR ");
            Some((depth, name, version, licence))
        };
        let (depth, name, version, licence) =
            part(line).with_context(|| format!("cargo tree says `{line}`"))?;
        let locked = lock
            .package
            .iter()
            .find(|locked| locked.name == name && locked.version == version)
            .with_context(|| format!("{name} {version} is not in Cargo.lock"))?;
        let url = (locked.source.as_deref() == Some(CRATES_IO))
            .then(|| format!("https://crates.io/api/v1/crates/{name}/{version}/download"));
        ensure!(!licence.is_empty(), "{name} names no licence");
        ensure!(
            (depth == 0) == locked.checksum.is_none() && (depth == 0) == url.is_none(),
            "{name} is not from crates.io"
        );
        let key = if depth == 0 {
            name.clone()
        } else {
            format!("{name} {version}")
        };
        let part = Part {
            kind: if depth == 0 { "application" } else { "library" },
            name,
            version,
            licence,
            checksum: locked.checksum.clone(),
            url,
        };
        way.truncate(depth);
        if let Some(user) = way.last() {
            uses.entry(user.clone()).or_default().insert(part.id());
        }
        uses.entry(part.id()).or_default();
        way.push(part.id());
        parts.insert(key, part);
    }
    Ok((parts, uses))
}

/// What rustup's target brings along, and every binary has a part of.
fn runtime(sh: &Shell, target: &Target) -> Result<Vec<Part>> {
    let said = cmd!(sh, "rustc -vV").quiet().read()?;
    let field = |name: &str| {
        let value = said.lines().find_map(|line| line.strip_prefix(name));
        value.with_context(|| format!("rustc -vV does not say {name}"))
    };
    let part = |name: &str, version: &str, licence: &str| Part {
        kind: "library",
        name: name.to_owned(),
        version: version.to_owned(),
        licence: licence.to_owned(),
        checksum: None,
        url: None,
    };
    let libraries = cmd!(sh, "rustc --print sysroot").quiet().read()?;
    let libraries = Path::new(&libraries).join("lib/rustlib");
    let libc = libraries
        .join(&target.triple)
        .join("lib/self-contained/libc.a");
    let libc = fs::read(&libc).with_context(|| format!("cannot read {}", libc.display()))?;
    let musl = musl_version(&libc).context("libc.a does not say which musl it is")?;
    Ok(vec![
        // crtbegin.o and crtend.o, which Rust builds from its LLVM.
        part(
            "compiler-rt",
            field("LLVM version: ")?,
            "Apache-2.0 WITH LLVM-exception",
        ),
        // The start files, and copying and filling of memory.
        part("musl", &musl, "MIT"),
        // core and compiler_builtins.
        part("rust", field("release: ")?, "MIT OR Apache-2.0"),
    ])
}

/// musl's `__libc_version`: the only text of the library that is three numbers and
/// nothing else.
fn musl_version(libc: &[u8]) -> Option<String> {
    let texts = libc.split(|byte| !byte.is_ascii_graphic() && *byte != b' ');
    let is_version = |text: &&str| {
        let mut numbers = text.split('.');
        text.split('.').count() == 3 && numbers.all(|number| number.parse::<u16>().is_ok())
    };
    let texts = texts.filter_map(|text| core::str::from_utf8(text).ok());
    let versions: BTreeSet<&str> = texts.filter(is_version).collect();
    let [version] = Vec::from_iter(versions)[..] else {
        return None;
    };
    Some(version.to_owned())
}

#[cfg(test)]
mod tests;
