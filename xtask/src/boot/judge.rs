//! Compares what a machine says of itself with what the sample demands.

pub(crate) mod check;

use std::collections::{BTreeMap, BTreeSet};

use super::scenario::{Agent, Sample, Scenario};

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
        check::judge(f, facts, scenario);
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

/// Addresses and routes.
pub(crate) fn judge_network(faults: &mut Vec<String>, facts: &Facts, sample: &Sample) {
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
