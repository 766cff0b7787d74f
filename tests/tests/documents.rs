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

/// The options that the help of some commands shows.
fn options_of_help(commands: &[&str]) -> Result<Words> {
    let mut known = Words::new();
    for command in commands {
        known.extend(options(&osconf(&[command, "--help"])?));
    }
    Ok(known)
}

#[test]
fn the_version_comes_with_the_machine_and_the_commands() -> Result<()> {
    let (version, machine) = (env!("CARGO_PKG_VERSION"), std::env::consts::ARCH);
    let commands = COMMANDS.join(" ");
    let wanted = format!("osconf {version} for {machine}: {commands}\n");
    assert_eq!(osconf(&["-V"])?, wanted);
    let boot = output_of(Command::new(product::boot_binary()?).arg("--version"))?;
    assert_eq!(
        boot,
        format!("osconf {version} for {machine}: apply plan locate\n")
    );
    Ok(())
}

#[test]
fn the_help_of_each_command_fits_a_console_and_its_example_is_right() -> Result<()> {
    let overview = osconf(&["help"])?;
    assert_eq!(overview, osconf(&["--help"])?);
    for command in COMMANDS {
        let help = osconf(&[command, "--help"])?;
        assert_eq!(help, osconf(&["help", command])?);
        let line = format!("\n  {command} ");
        assert!(overview.contains(&line) && help.contains(&line), "{help}");
        assert!(help.lines().count() <= 24, "{help}");
        assert!(help.lines().all(|line| line.len() <= 79), "{help}");
        let mut lines = help.lines();
        let example = lines.find_map(|line| line.strip_prefix("  osconf "));
        let example = example.unwrap_or(command);
        assert!(example.starts_with(command), "{example}");
        let known = options(&help);
        assert!(options(example).is_subset(&known), "{example}");
    }
    Ok(())
}

#[test]
fn the_man_page_has_the_commands_and_options_of_the_help_and_no_others() -> Result<()> {
    let page = text("doc/osconf.8")?;
    assert_eq!(options_of_page(&page), options_of_help(&COMMANDS)?);
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
fn shells_complete_the_options_that_the_help_of_the_command_has() -> Result<()> {
    for command in COMMANDS {
        let known = options_of_help(&[command])?;
        let line = format!("osconf {command} --");
        let found = |all: Words| words(all.iter().filter_map(|word| word.strip_prefix("--")));
        assert_eq!(found(bash(&line)?), known, "bash: {line}");
        assert_eq!(found(fish(&line)?), known, "fish: {line}");
    }
    let all = options_of_help(&COMMANDS)?;
    assert_eq!(options(&text("completions/_osconf")?), all);
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

/// What the program said in any test of `trees/`, and all of its texts.
fn sayings() -> Result<(Vec<String>, String)> {
    let (mut said, mut texts) = (Vec::new(), String::new());
    let tests = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    for tree in fs::read_dir(tests.join("trees"))? {
        let stderr = fs::read_to_string(tree?.path().join("stderr")).unwrap_or_default();
        said.extend(stderr.lines().map(str::to_owned));
    }
    let mut folders = vec![tests.join("../src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            match path.is_dir() {
                true => folders.push(path),
                false => texts.push_str(&fs::read_to_string(path)?),
            }
        }
    }
    Ok((said, texts))
}

/// Whether a line is as the pattern says, in which `…` is anything.
fn fits(pattern: &str, line: &str) -> bool {
    let mut pieces = pattern.split('…');
    let Some(mut rest) = pieces.next().and_then(|start| line.strip_prefix(start)) else {
        return false;
    };
    for piece in pieces {
        let Some(place) = rest.rfind(piece) else {
            return false;
        };
        rest = &rest[place + piece.len()..];
    }
    rest.is_empty() || pattern.ends_with('…')
}

#[test]
fn each_line_that_troubleshooting_leads_with_is_one_that_the_program_prints() -> Result<()> {
    let (said, texts) = sayings()?;
    let page = text("doc/troubleshooting.md")?;
    let quoted: Vec<_> = page
        .lines()
        .filter(|line| line.starts_with("osconf: "))
        .collect();
    assert!(quoted.len() > 20, "{}", quoted.len());
    for pattern in quoted {
        if said.iter().any(|line| fits(pattern, line)) {
            continue;
        }
        // What no test of `trees/` comes to: its words, as they stand in the source.
        let what = pattern.splitn(3, ": ").nth(2).unwrap_or_default();
        let words = what.split('…').filter(|words| words.len() > 3);
        for words in words {
            assert!(texts.contains(words), "nothing prints: {pattern}");
        }
    }
    Ok(())
}

#[test]
fn what_troubleshooting_says_to_run_are_commands_and_options() -> Result<()> {
    let page = text("doc/troubleshooting.md")?;
    let known = options_of_help(&COMMANDS)?;
    for code in page.split('`').skip(1).step_by(2) {
        let Some(line) = code.strip_prefix("osconf ") else {
            continue;
        };
        let line = line.replace('\n', " ");
        let command = line.split(' ').next().unwrap_or_default();
        assert!(COMMANDS.contains(&command), "{line}");
        assert!(options(&line).is_subset(&known), "{line}");
    }
    Ok(())
}

/// A root with an os.conf beside it.
fn root() -> Result<(tempfile::TempDir, String, String)> {
    let folder = tempfile::tempdir()?;
    let (root, conf) = (folder.path().join("root"), folder.path().join("os.conf"));
    fs::create_dir_all(root.join("etc"))?;
    fs::write(&conf, "hostname=told\n")?;
    let (root, conf) = (root.display().to_string(), conf.display().to_string());
    Ok((folder, root, conf))
}

#[test]
fn the_status_for_programs_says_what_is_done_and_when() -> Result<()> {
    let (_folder, root, conf) = root()?;
    let status = || osconf(&["status", "--json", "--root", &root]);
    let parts = r#""network":"nothing","dns":"nothing""#;
    assert_eq!(
        status()?,
        format!(
            r#"{{"password":"nothing","hostname":"nothing",{parts},"applied":null,"prepared":null,"is_kept":false}}"#
        ) + "\n"
    );
    osconf(&["apply", "--root", &root, "--conf", &conf])?;
    let said = status()?;
    let start = format!(r#"{{"password":"nothing","hostname":"done",{parts},"applied":"#);
    let rest = said.strip_prefix(&start).with_context(|| said.clone())?;
    let (seconds, rest) = rest.split_once(',').context("no more")?;
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed()?.as_secs();
    assert!(now.abs_diff(seconds.parse()?) < 60, "{said}");
    assert_eq!(rest, "\"prepared\":null,\"is_kept\":false}\n");
    Ok(())
}

#[test]
fn a_diff_has_colours_on_a_terminal_only_and_not_where_nobody_wants_them() -> Result<()> {
    let (_folder, root, conf) = root()?;
    let words = ["plan", "--root", &root, "--conf", &conf];
    let plain = osconf(&words)?;
    assert!(
        plain.contains("\n+told\n") && !plain.contains('\x1b'),
        "{plain}"
    );
    let line = format!("{} {}", product::binary()?.display(), words.join(" "));
    // script(1) runs it on a terminal of its own, which ends lines by CR LF.
    let script = |variable: &str| {
        let mut command = Command::new("script");
        command
            .args(["-qec", &line, "/dev/null"])
            .env_remove("NO_COLOR");
        if !variable.is_empty() {
            command.env("NO_COLOR", variable);
        }
        Ok::<_, anyhow::Error>(output_of(&mut command)?.replace("\r\n", "\n"))
    };
    let coloured = script("")?;
    assert!(coloured.contains("\x1b[32m+told\x1b[m\n"), "{coloured:?}");
    assert_eq!(script("1")?, plain);
    Ok(())
}
