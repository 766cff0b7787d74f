//! What is told outside the program is what the program does: man pages, what shells
//! complete, and the changelog, held against `--help` and the tables of the library.

use anyhow::{Context, Result, ensure};
use osconf_tests::command::{output_of, run};
use osconf_tests::product;
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

type Words = BTreeSet<String>;

/// The commands that take options of their own.
const COMMANDS: [&str; 10] = [
    "apply",
    "plan",
    "lint",
    "locate",
    "status",
    "revert",
    "install",
    "uninstall",
    "check",
    "prepare",
];

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../targets")
        .join(name)
}

fn text(name: &str) -> Result<String> {
    fs::read_to_string(path(name)).with_context(|| name.to_owned())
}

fn words<'a>(words: impl IntoIterator<Item = &'a str>) -> Words {
    words.into_iter().map(str::to_owned).collect()
}

/// What the program prints.
fn osconf(arguments: &[&str]) -> Result<String> {
    output_of(Command::new(product::binary()?).args(arguments))
}

/// Every `--option` in a text.
fn options(text: &str) -> Words {
    let ends = |c: char| !(c.is_ascii_lowercase() || c == '-');
    let found = text.split(ends).filter_map(|word| word.strip_prefix("--"));
    words(found.filter(|word| !word.is_empty()))
}

/// Every option of a text in mdoc(7), where `--a` is `Fl -a`.
fn options_of_page(page: &str) -> Words {
    let words_of: Vec<_> = page.split_whitespace().collect();
    let pairs = words_of
        .windows(2)
        .filter(|pair| matches!(pair, [".Fl" | "Fl" | ",", _]));
    let found = pairs.filter_map(|pair| pair[1].strip_prefix('-'));
    words(found.map(|word| word.trim_end_matches(',')))
}

/// The options that the help knows under one letter each.
const SHORT: [&str; 4] = ["help", "quiet", "verbose", "version"];

fn options_of_help() -> Result<Words> {
    let mut known = options(&osconf(&["--help"])?);
    known.extend(words(SHORT));
    Ok(known)
}

#[test]
fn the_man_page_has_the_commands_and_options_of_the_help_and_no_others() -> Result<()> {
    let page = text("doc/osconf.8")?;
    assert_eq!(options_of_page(&page), options_of_help()?);
    let help = osconf(&["--help"])?;
    for command in COMMANDS {
        assert!(help.contains(&format!("\n  {command} ")), "{command}");
        assert!(page.contains(&format!("\n.It Cm {command}")), "{command}");
    }
    Ok(())
}

#[test]
fn the_man_pages_are_in_order() -> Result<()> {
    for name in ["doc/osconf.8", "doc/osconf-config.5"] {
        let path = path(name).display().to_string();
        run("mandoc", &["-Tlint", "-Wwarning", &path])?;
        let output = Command::new("groff")
            .args(["-ww", "-mdoc", "-Tutf8", "-z", &path])
            .output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success() && said.is_empty(), "{said}");
    }
    Ok(())
}

#[test]
fn the_page_of_settings_has_those_that_a_boot_job_takes() -> Result<()> {
    let page = text("doc/osconf-config.5")?;
    let lines = page.lines().filter_map(|line| line.strip_prefix(".It Cm "));
    let named = words(lines.filter_map(|line| line.split(' ').next()));
    let known = [
        "disable", "conf", "device", "network", "hash", "kernel", "wait", "log", "quiet",
        "verbose", "json",
    ];
    assert_eq!(named, words(known));
    let root = tempfile::tempdir()?;
    for key in named {
        let value = match &*key {
            "conf" | "device" => "/dev/null",
            "network" => "eni",
            "hash" => "md5",
            "log" => "kmsg",
            _ => "1",
        };
        fs::create_dir_all(root.path().join("etc/osconf"))?;
        fs::write(
            root.path().join("etc/osconf/config"),
            format!("{key}={value}\n"),
        )?;
        let output = Command::new(product::binary()?)
            .args(["status", "--root"])
            .arg(root.path())
            .output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!said.contains("settings:"), "{key}: {said}");
    }
    Ok(())
}

/// What bash completes of a line, of which the last word is not finished.
fn bash(line: &str) -> Result<Words> {
    let script = format!(
        "source {}; COMP_WORDS=({line}''); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _osconf; \
         printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        path("completions/osconf.bash").display()
    );
    let said = output_of(Command::new("bash").args(["--norc", "-c", &script]))?;
    Ok(words(said.lines().filter(|line| !line.is_empty())))
}

/// The same by fish.
fn fish(line: &str) -> Result<Words> {
    let script = format!(
        "source {}; complete -C '{line}'",
        path("completions/osconf.fish").display()
    );
    let said = output_of(Command::new("fish").args(["--no-config", "-c", &script]))?;
    Ok(words(
        said.lines().filter_map(|line| line.split('\t').next()),
    ))
}

/// What each option takes, from the program's own tables.
fn values() -> Result<Vec<(&'static str, &'static str, Words)>> {
    let items = osconf(&["prepare", "--list"])?;
    let items = words(items.lines().filter_map(|line| line.split(':').next()));
    let networks = osconf::network::FORMATS.iter().map(|format| format.name);
    let inits = osconf::install::NAMES.split([' ', ',']);
    let inits = inits.filter(|word| !matches!(*word, "" | "or"));
    Ok(vec![
        ("apply", "network", words(networks)),
        ("apply", "hash", words(["sha512", "sha256", "md5"])),
        ("plan", "log", words(["kmsg"])),
        ("install", "init", words(inits)),
        ("check", "group", words(["image", "contract", "norm"])),
        ("prepare", "profile", words(["password", "locked"])),
        ("prepare", "only", items.clone()),
        ("prepare", "skip", items),
    ])
}

#[test]
fn shells_complete_the_commands() -> Result<()> {
    let mut known = words(COMMANDS);
    known.insert("help".to_owned());
    assert_eq!(bash("osconf ")?, known);
    assert_eq!(fish("osconf ")?, known);
    Ok(())
}

#[test]
fn shells_complete_the_options_of_the_help() -> Result<()> {
    let (mut by_bash, mut by_fish) = (Words::new(), Words::new());
    for command in COMMANDS {
        by_bash.extend(options(
            &bash(&format!("osconf {command} --"))?
                .into_iter()
                .collect::<Vec<_>>()
                .join(" "),
        ));
        by_fish.extend(options(
            &fish(&format!("osconf {command} --"))?
                .into_iter()
                .collect::<Vec<_>>()
                .join(" "),
        ));
    }
    let known = options_of_help()?;
    assert_eq!(by_bash, known);
    assert_eq!(by_fish, known);
    assert_eq!(options(&text("completions/_osconf")?), known);
    run(
        "zsh",
        &["-n", &path("completions/_osconf").display().to_string()],
    )
}

#[test]
fn shells_complete_the_values_that_the_program_takes() -> Result<()> {
    let zsh = text("completions/_osconf")?;
    for (command, option, known) in values()? {
        let line = format!("osconf {command} --{option} ");
        assert_eq!(bash(&line)?, known, "bash: {line}");
        assert_eq!(fish(&line)?, known, "fish: {line}");
        let start = format!("'--{option}[");
        let start = start.replace("'--log", "\"--log");
        let line = zsh
            .lines()
            .find(|line| line.trim_start().starts_with(&start));
        let list = line
            .and_then(|line| line.rsplit_once('('))
            .context(option)?
            .1;
        let list = list.split(')').next().unwrap_or_default();
        assert_eq!(words(list.split(' ')), known, "zsh: {option}");
    }
    Ok(())
}

#[test]
fn the_changelog_tells_of_this_version() -> Result<()> {
    let changelog = text("doc/changelog.md")?;
    let newest = changelog.lines().find_map(|line| line.strip_prefix("## "));
    assert_eq!(newest, Some(env!("CARGO_PKG_VERSION")));
    Ok(())
}
