//! The reports as files, and the name `image_check`.

use crate::root::{self, Root};
use anyhow::{Context, Result, ensure};
use osconf_tests::product;
use serde::Deserialize;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

/// The fields of the original's JSON, all of them texts; and behind them ours.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Report {
    platform: String,
    os_big_version: String,
    os_small_version: String,
    architecture: String,
    system_disk_size: String,
    version: String,
    time: String,
    check_items: Vec<Item>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Item {
    name: String,
    result: String,
    error_code: String,
    description: String,
    comment: String,
    remedy: String,
    group: String,
}

fn check(program: &Path, root: &Root, options: &[&str]) -> Result<String> {
    let output = Command::new(program)
        .args(options)
        .arg("--root")
        .arg(root.path())
        .output()?;
    ensure!(
        output.status.code() == Some(0) && output.stderr.is_empty(),
        "{output:?}"
    );
    Ok(String::from_utf8(output.stdout)?)
}

/// The one text report in a folder: its name and its content.
fn text_report(folder: &Path) -> Result<(String, String)> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.ends_with(".txt") {
            return Ok((name.clone().into_owned(), fs::read_to_string(&path)?));
        }
    }
    anyhow::bail!("no text report")
}

/// `2018-05-14_19-18-10`, and nothing else.
fn is_time(text: &str) -> bool {
    let shape: String = text
        .chars()
        .map(|letter| if letter.is_ascii_digit() { '0' } else { letter })
        .collect();
    shape == "0000-00-00_00-00-00"
}

/// Every field is there, is a text, and has what it should.
pub fn the_json_is_as_the_original_has_it() -> Result<()> {
    let root = Root::new("debian")?;
    let report: Report = serde_json::from_str(&root.check(&["--json"])?)?;
    ensure!(report.platform == "Debian" && report.architecture == "x86_64");
    ensure!(report.os_big_version == "12" && report.os_small_version.is_empty());
    ensure!(report.system_disk_size == "0" && report.version == "0.1.0");
    ensure!(is_time(&report.time), "{}", report.time);
    ensure!(report.check_items.len() == 16);
    for item in &report.check_items {
        ensure!(["OK", "WARNING", "FAILED", "UNKNOWN"].contains(&item.result.as_str()));
        let code: u32 = item.error_code.parse().context("a code")?;
        ensure!((code == 0) == (item.result == "OK"), "{}", item.name);
        ensure!((item.remedy.is_empty()) == (code == 0), "{}", item.name);
        ensure!(item.group == "image" && !item.comment.is_empty());
        ensure!(item.description.ends_with('.'), "{}", item.description);
    }
    Ok(())
}

/// Both files, in the folder that was named; a link there is not followed.
pub fn the_reports_are_new_files() -> Result<()> {
    let root = Root::new("debian")?;
    let folder = tempfile::tempdir()?;
    let outside = folder.path().join("outside");
    fs::write(&outside, "mine")?;
    let reports = folder.path().join("reports");
    fs::create_dir(&reports)?;
    symlink(&outside, reports.join("image_check_report.json"))?;
    let name = reports.to_string_lossy().into_owned();
    let screen = check(&product::binary()?, &root, &["check", "-p", &name])?;
    ensure!(
        fs::read_to_string(&outside)? == "mine",
        "a link was followed"
    );
    let json = fs::read_to_string(reports.join("image_check_report.json"))?;
    let report: Report = serde_json::from_str(&json)?;
    let (text_name, text) = text_report(&reports)?;
    ensure!(text_name == format!("image_check_report_{}.txt", report.time));
    ensure!(fs::read_dir(&reports)?.count() == 2, "there is more");
    ensure!(
        screen.starts_with("Begin check your system......\nThe report is generating.\n-----"),
        "{screen}"
    );
    let end = format!(
        "The report is generated: {name}/{text_name}\nPlease read the report to check the details.\n"
    );
    ensure!(screen.ends_with(&end), "{screen}");
    let golden = root::data().join("report.txt");
    if std::env::var_os("UPDATE").is_some() {
        return Ok(fs::write(&golden, text)?);
    }
    let wanted = fs::read_to_string(&golden)?;
    let diff = similar::TextDiff::from_lines(&wanted, &text);
    ensure!(text == wanted, "{}", diff.unified_diff());
    Ok(())
}

/// A link of that name does what the original does.
pub fn a_link_called_image_check_writes_beside_itself() -> Result<()> {
    let root = Root::new("debian")?;
    let folder = tempfile::tempdir()?;
    let link = folder.path().join("image_check");
    symlink(product::binary()?, &link)?;
    check(&link, &root, &[])?;
    ensure!(text_report(folder.path()).is_ok());
    // Found by its name alone, which has no folder in it.
    let found = tempfile::tempdir()?;
    symlink(product::binary()?, found.path().join("image_check"))?;
    let output = Command::new("image_check")
        .env("PATH", found.path())
        .current_dir("/")
        .arg("--root")
        .arg(root.path())
        .output()?;
    ensure!(output.stderr.is_empty(), "{output:?}");
    ensure!(text_report(found.path()).is_ok());
    let other = tempfile::tempdir()?;
    let name = other.path().to_string_lossy().into_owned();
    check(&link, &root, &["-p", &name])?;
    ensure!(text_report(other.path()).is_ok());
    ensure!(fs::read_dir(folder.path())?.count() == 3);
    Ok(())
}

/// Exit codes for a build: a warning counts if that is asked for.
pub fn a_warning_fails_only_where_that_is_asked_for() -> Result<()> {
    let run = |root: &str, options: &[&str]| -> Result<Option<i32>> {
        let root = Root::new(root)?;
        let status = Command::new(product::binary()?)
            .arg("check")
            .arg("--root")
            .arg(root.path())
            .args(options)
            .output()?
            .status;
        Ok(status.code())
    };
    ensure!(run("debian", &[])? == Some(0));
    ensure!(run("debian", &["--strict"])? == Some(1));
    ensure!(run("debian", &["--group", "contract"])? == Some(1));
    ensure!(run("debian", &["--group", "other"])? == Some(2));
    Ok(())
}

/// Compares the screen of a root as it is with the golden one.
pub fn judge_report(name: &str) -> Result<()> {
    let screen = Root::new(name)?.check(&["--all"])?;
    let path = root::data().join("roots").join(format!("{name}.report"));
    if std::env::var_os("UPDATE").is_some() {
        return Ok(fs::write(&path, screen)?);
    }
    let wanted = fs::read_to_string(&path).with_context(|| format!("no {}", path.display()))?;
    let diff = similar::TextDiff::from_lines(&wanted, &screen);
    ensure!(screen == wanted, "{}", diff.unified_diff());
    Ok(())
}
