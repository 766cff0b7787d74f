//! Whether a machine that was booted is as os.conf says, and as it was prepared.

use super::Init;
use crate::boot::scenario::Sample;
use crate::boot::{Facts, check, judge_network};

/// What the record has a word on.
const PARTS: [&str; 4] = ["password", "hostname", "network", "dns"];

/// Everything that is wrong with a machine; nothing if it is as the sample demands.
pub(super) fn judge(sample: &Sample, init: &Init, facts: &Facts) -> Vec<String> {
    let mut faults = Vec::new();
    if facts.lines("end").is_empty() && facts.lines("files").is_empty() {
        faults.push("the facts were not printed".to_owned());
        return faults;
    }
    judge_network(&mut faults, facts, sample);
    let mut compare = |what: &str, wanted: String, found: String| {
        if wanted != found {
            faults.push(format!("{what}: expected {wanted}, found {found}"));
        }
    };
    let open = init.open.as_deref();
    compare(
        "hostname",
        sample.hostname.clone(),
        facts.lines("hostname").join("\n"),
    );
    // Whatever else speaks on the console may come in between, and before.
    let left = facts.lines("first-partition").iter();
    let left = left.filter_map(|line| line.get(line.find("/run/first")?..));
    let left: Vec<_> = left.collect();
    compare(
        "the first partition",
        match open {
            Some(_) => {
                "/run/first /run/first/aliyun_custom_image /run/first/aliyun_custom_image/os.conf"
            }
            None => "/run/first /run/first/aliyun_custom_image",
        }
        .to_owned(),
        left.join(" "),
    );
    let failed = facts.lines("failed-units").iter();
    // UNIT LOAD ACTIVE SUB; a login prompt may come before it.
    let failed = failed.filter_map(|line| {
        let words: Vec<_> = line.split_whitespace().collect();
        let active = words.iter().position(|word| *word == "failed")?;
        words.get(active.checked_sub(2)?).copied()
    });
    compare(
        "failed units",
        open.map_or("", |_| "osconf.service").to_owned(),
        failed.collect::<Vec<_>>().join(" "),
    );
    let record = facts.lines("record").iter();
    let record = record.filter(|line| PARTS.contains(&line.split('=').next().unwrap_or("")));
    compare(
        "the record",
        PARTS
            .map(|part| {
                format!(
                    "{part}={}",
                    if open == Some(part) { "open" } else { "done" }
                )
            })
            .join(" "),
        record.map(String::as_str).collect::<Vec<_>>().join(" "),
    );
    check::judge_debian(&mut faults, facts);
    // By the password of os.conf, over SSH.
    let login = facts.lines("login").join(" ");
    let is_as_prepared = match init.profile.as_deref() {
        None => true,
        Some("password") => login.ends_with("root came in"),
        Some(_) => ["Permission denied", "No auth methods"]
            .iter()
            .any(|refusal| login.contains(refusal)),
    };
    if !is_as_prepared {
        faults.push(format!("the login: {login}"));
    }
    faults
}
