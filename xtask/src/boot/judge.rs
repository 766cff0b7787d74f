//! Compares what a machine says of itself with what the sample demands.

use std::collections::{BTreeMap, BTreeSet};

use super::scenario::{Agent, FileSystem, Sample, Scenario, Table};

/// What `facts.sh` printed: lines by head line.
#[derive(Debug, Default)]
pub(crate) struct Facts(BTreeMap<String, Vec<String>>);

impl Facts {
    /// Takes the console's text apart.
    pub(crate) fn parse(text: &str) -> Self {
        let mut facts = Self::default();
        let mut head = String::new();
        for line in text.lines() {
            match line.strip_prefix("== ") {
                Some(name) => name.clone_into(&mut head),
                None => facts
                    .0
                    .entry(head.clone())
                    .or_default()
                    .push(line.trim_end().to_owned()),
            }
        }
        facts
    }

    /// Adds a fact that the rig saw itself.
    pub(crate) fn add(&mut self, name: &str, text: &str) {
        self.0
            .insert(name.to_owned(), text.lines().map(str::to_owned).collect());
    }

    /// The lines of one fact; none where it is missing.
    pub(crate) fn lines(&self, name: &str) -> &[String] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }

    fn text(&self, name: &str) -> String {
        self.lines(name).join("\n")
    }

    /// The name that the kernel gave to each network card, by name.
    fn macs(&self) -> BTreeMap<&str, &str> {
        let mut macs = BTreeMap::new();
        for line in self.lines("links") {
            let words: Vec<_> = line.split_whitespace().collect();
            if let (Some(name), Some(mac)) = (words.get(1), after(&words, "link/ether")) {
                macs.insert(name.trim_end_matches(':'), mac);
            }
        }
        macs
    }

    /// Pairs of a network card's MAC and its address.
    pub(crate) fn addresses(&self) -> BTreeSet<(String, String)> {
        let macs = self.macs();
        let mut found = BTreeSet::new();
        for line in self.lines("addresses") {
            let words: Vec<_> = line.split_whitespace().collect();
            if let (Some(name), Some(address)) = (words.get(1), after(&words, "inet"))
                && *name != "lo"
            {
                found.insert((
                    macs.get(name).unwrap_or(name).to_string(),
                    address.to_owned(),
                ));
            }
        }
        found
    }

    /// Pairs of a network card's MAC and a route with a gateway.
    pub(crate) fn routes(&self) -> BTreeSet<(String, String)> {
        let macs = self.macs();
        let mut found = BTreeSet::new();
        for line in self
            .lines("routes")
            .iter()
            .filter(|line| line.contains(" via "))
        {
            let words: Vec<_> = line.split_whitespace().collect();
            let name = after(&words, "dev").unwrap_or("?");
            let route = words.iter().take(3).copied().collect::<Vec<_>>().join(" ");
            found.insert(((*macs.get(name).unwrap_or(&name)).to_owned(), route));
        }
        found
    }

    /// What `osconf check` said of an item: its verdict and why. One line has one.
    fn item(&self, name: &str) -> String {
        let start = format!("{{\"name\":\"{name}\",\"result\":\"");
        let mut lines = self.lines("check").iter();
        let line = lines.find_map(|line| line.strip_prefix(&start));
        let verdict = line.and_then(|line| line.split('"').next());
        let reason = line.and_then(|line| line.split("\"description\":\"").nth(1));
        let reason = reason.and_then(|reason| reason.split('"').next());
        format!(
            "{}: {}",
            verdict.unwrap_or_default(),
            reason.unwrap_or_default()
        )
    }

    /// The servers that nslookup asked, in its order.
    fn servers_asked(&self) -> Vec<String> {
        let mut asked: Vec<String> = Vec::new();
        for line in self.lines("nslookup") {
            if let Some(server) = line
                .split('\'')
                .nth(1)
                .filter(|server| asked.iter().all(|one| one != server))
            {
                asked.push(server.to_owned());
            }
        }
        asked
    }
}

fn after<'a>(words: &[&'a str], word: &str) -> Option<&'a str> {
    words.iter().skip_while(|one| **one != word).nth(1).copied()
}

/// Says in one line what is not as it must be.
fn compare<T: PartialEq + core::fmt::Debug>(
    faults: &mut Vec<String>,
    what: &str,
    wanted: &T,
    found: &T,
) {
    if wanted != found {
        faults.push(format!("{what}: expected {wanted:?}, found {found:?}"));
    }
}

/// Everything that is wrong with a machine; nothing if it is as the sample demands.
pub(crate) fn judge(facts: &Facts, scenario: &Scenario, sample: &Sample) -> Vec<String> {
    let mut faults = Vec::new();
    let f = &mut faults;
    compare(
        f,
        "the user that login let in",
        &"0".to_owned(),
        &facts.text("user"),
    );
    if facts.text("wrong-password").contains("let in")
        || !facts.text("wrong-password").contains("incorrect")
    {
        f.push(format!(
            "su did not refuse a wrong password: {:?}",
            facts.text("wrong-password")
        ));
    }
    compare(
        f,
        "/etc/shadow's mode and owner",
        &"600 0:0".to_owned(),
        &facts.text("shadow"),
    );
    compare(f, "`hostname`", &sample.hostname, &facts.text("hostname"));
    compare(
        f,
        "/etc/hostname",
        &sample.hostname,
        &facts.text("etc-hostname"),
    );
    judge_network(f, facts, sample);
    judge_names(f, facts, sample);
    if scenario.agent != Agent::Initramfs {
        judge_check(f, facts, scenario);
    }

    let folder = if scenario.has_boot_partition() {
        "/boot/aliyun_custom_image"
    } else {
        "/aliyun_custom_image"
    };
    // One that the guest does not see is looked at from outside.
    if !scenario.is_hidden() && !facts.lines("conf-folder").iter().any(|line| line == folder) {
        f.push(format!(
            "{folder} is gone, where ECS writes the next os.conf"
        ));
    }
    compare(
        f,
        "os.conf and temporary files left over",
        &String::new(),
        &facts.text("leftovers"),
    );
    compare(
        f,
        "/etc/osconf's mode and owner",
        &"700 0:0".to_owned(),
        &facts.text("kept-folder"),
    );
    for place in ["console", "kernel-log", "kept"] {
        let text = facts.text(place);
        if [sample.password.as_str(), "$6$", "$5$", "$1$"]
            .iter()
            .any(|secret| text.contains(secret))
        {
            f.push(format!(
                "{place}: the password or its hash can be read there"
            ));
        }
    }
    faults
}

fn judge_network(faults: &mut Vec<String>, facts: &Facts, sample: &Sample) {
    let mut addresses = BTreeSet::new();
    let mut routes = BTreeSet::new();
    for nic in &sample.nic {
        addresses.insert((nic.mac.clone(), nic.address.clone()));
        routes.extend(
            nic.routes
                .iter()
                .map(|route| (nic.mac.clone(), route.clone())),
        );
    }
    compare(faults, "`ip addr`", &addresses, &facts.addresses());
    compare(faults, "`ip route`", &routes, &facts.routes());
}

/// DNS and /etc/hosts, with the lines of the stock image that must survive.
fn judge_names(faults: &mut Vec<String>, facts: &Facts, sample: &Sample) {
    compare(
        faults,
        "the servers that nslookup asks",
        &sample.nameservers,
        &facts.servers_asked(),
    );
    let resolv = facts.lines("resolv-conf");
    let servers: Vec<_> = resolv
        .iter()
        .filter_map(|line| line.strip_prefix("nameserver ").map(str::to_owned))
        .collect();
    compare(
        faults,
        "/etc/resolv.conf's servers",
        &sample.nameservers,
        &servers,
    );
    if !resolv.iter().any(|line| line == "search example.org") {
        faults.push("/etc/resolv.conf lost its line `search example.org`".to_owned());
    }
    let names = |address: &str| {
        let line = facts
            .lines("hosts")
            .iter()
            .find(|line| line.split_whitespace().next() == Some(address));
        line.map_or(vec![], |line| {
            line.split_whitespace()
                .skip(1)
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
    };
    compare(
        faults,
        "/etc/hosts, 127.0.0.1",
        &vec!["localhost".to_owned()],
        &names("127.0.0.1"),
    );
    if !names("127.0.1.1").contains(&sample.hostname)
        || names("127.0.1.1").contains(&"stock".to_owned())
    {
        faults.push(format!(
            "/etc/hosts, 127.0.1.1: expected {}, found {:?}",
            sample.hostname,
            names("127.0.1.1")
        ));
    }
}

/// What `osconf check` finds in the machine, which has two faults: `xtask/root` asks
/// for SELinux, and for a device that is not there.
fn judge_check(faults: &mut Vec<String>, facts: &Facts, scenario: &Scenario) {
    let root = match scenario.has_boot_partition() {
        true => FileSystem::Ext4,
        false => scenario.first,
    };
    // FAT32 is called otherwise by mount(8).
    let name = |kind: FileSystem| match kind {
        FileSystem::Fat32 => "FAT32",
        other => other.name(),
    };
    let table = match scenario.table {
        Table::Mbr => "MBR",
        Table::Gpt => "GPT",
    };
    let device = "/etc/fstab:4: UUID=00000000-dead-4000-8000-000000000000";
    let drivers = ["virtio_pci", "virtio_blk", "virtio_net"];
    let drivers = drivers.map(|name| format!("{name} is in the kernel that runs"));
    let mut expected = vec![
        ("driver", format!("OK: Pass: {}.", drivers.join("; "))),
        (
            "security",
            "FAILED: Failed: /etc/selinux/config:2: SELINUX=enforcing.".to_owned(),
        ),
        (
            "root account",
            "OK: Pass: /etc/passwd:1: root is there, with the shell /bin/sh.".to_owned(),
        ),
        // rcS is one of our own.
        (
            "agent",
            "UNKNOWN: Unknown: which init this root has is not known.".to_owned(),
        ),
    ];
    match scenario.agent {
        Agent::Ram => expected.extend([
            (
                "device id",
                format!("UNKNOWN: Unknown: {device} cannot be looked for."),
            ),
            (
                "partition table",
                "UNKNOWN: Unknown: the disk of the root cannot be read.".to_owned(),
            ),
            (
                "filesystem",
                "WARNING: Warning: the root is rootfs.".to_owned(),
            ),
        ]),
        _ => expected.extend([
            (
                "device id",
                format!("WARNING: Warning: {device} is not there."),
            ),
            ("partition table", format!("OK: Pass: {table}.")),
            (
                "first partition",
                format!("OK: Pass: the first partition is {}.", name(scenario.first)),
            ),
            (
                "os.conf directory",
                "OK: Pass: aliyun_custom_image is there.".to_owned(),
            ),
            (
                "filesystem",
                format!(
                    "WARNING: Warning: the root is {} with the feature 64bit.",
                    name(root)
                ),
            ),
        ]),
    }
    for (item, wanted) in expected {
        compare(faults, item, &wanted, &facts.item(item));
    }
    let end: Vec<_> = facts.lines("check").iter().rev().take(2).collect();
    compare(
        faults,
        "the end of the check",
        &vec!["exit 1", "]}"],
        &end.iter().map(|line| line.as_str()).collect(),
    );
}

/// What the second boot of a disk changed, which must be nothing.
pub(crate) fn changes(first: &Facts, second: &Facts) -> Vec<String> {
    let mut faults = Vec::new();
    let (before, after) = (first.lines("files"), second.lines("files"));
    for line in after.iter().filter(|line| !before.contains(line)) {
        faults.push(format!("the second boot made this: {line}"));
    }
    for line in before.iter().filter(|line| !after.contains(line)) {
        faults.push(format!("after the second boot this is no more: {line}"));
    }
    if before.is_empty() {
        faults.push("the first boot listed no files".to_owned());
    }
    faults
}

/// Files that a rewritten os.conf left beside those of the first one.
pub(crate) fn added(first: &Facts, second: &Facts) -> Vec<String> {
    let before = first.lines("files");
    let after = second.lines("files").iter();
    after
        .filter(|line| line.starts_with('/') && !line.contains(' ') && !before.contains(line))
        .map(|line| format!("the rewritten os.conf left one more file: {line}"))
        .collect()
}

#[cfg(test)]
mod tests;
