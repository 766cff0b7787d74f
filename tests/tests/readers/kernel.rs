//! What the kernel has, as ip(8) shows it, and what it should have.

use crate::programs::Reader;
use anyhow::{Context, Result, ensure};
use core::net::Ipv4Addr;
use osconf_tests::matrix::Expected;
use std::process::Command;

/// The kernel's network, sorted, in the words of `case.toml`.
#[derive(PartialEq, Eq, Default)]
pub(crate) struct Kernel {
    pub(crate) addresses: Vec<String>,
    pub(crate) routes: Vec<String>,
    /// NICs as `NAME MAC`, with ` is down` where there is an address and no carrier.
    pub(crate) nics: Vec<String>,
}

impl Kernel {
    /// What it should be.
    pub(crate) fn expected(expected: &Expected) -> Self {
        Self {
            addresses: expected.addresses.clone(),
            routes: expected.routes.clone(),
            nics: expected.nics.clone(),
        }
        .sorted()
    }

    /// What it is, without what a reader adds of its own accord.
    pub(crate) fn found(expected: &Expected, reader: &Reader) -> Result<Self> {
        let addresses = addresses(&ip(&["-4", "-oneline", "address"])?);
        let text = ip(&["-4", "route", "show", "table", "all"])?;
        let mut routes = routes(&text, &addresses, &expected.routes);
        if reader.adds_routes {
            let default = expected
                .routes
                .iter()
                .find_map(|one| one.strip_prefix("default "));
            let own = |server: &String| format!("{server} {}", default.unwrap_or_default());
            let own: Vec<_> = expected.name_servers.iter().map(own).collect();
            let refused: Vec<_> = addresses.iter().filter_map(|one| broadcast(one)).collect();
            routes.retain(|route| !own.contains(route) && !refused.contains(route));
        }
        Ok(Self {
            routes,
            nics: nics(&ip(&["-oneline", "link"])?, &addresses),
            addresses,
        }
        .sorted())
    }

    fn sorted(mut self) -> Self {
        for list in [&mut self.addresses, &mut self.routes, &mut self.nics] {
            list.sort_unstable();
        }
        self
    }

    /// Each difference to what it should be, in words.
    pub(crate) fn differences(&self, wanted: &Self) -> Vec<String> {
        let pairs = [
            ("address", &self.addresses, &wanted.addresses),
            ("route", &self.routes, &wanted.routes),
            ("NIC", &self.nics, &wanted.nics),
        ];
        let mut all = Vec::new();
        for (what, found, wanted) in pairs {
            let mut rest = found.clone();
            for one in wanted {
                match rest.iter().position(|other| other == one) {
                    Some(at) => drop(rest.remove(at)),
                    None => all.push(format!("{what} missing: {one}")),
                }
            }
            all.extend(rest.iter().map(|one| format!("{what} too many: {one}")));
        }
        all
    }
}

/// What ip(8) prints.
pub(crate) fn ip(arguments: &[&str]) -> Result<String> {
    let output = Command::new("ip").args(arguments).output().context("ip")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "ip {}: {said}",
        arguments.join(" ")
    );
    Ok(String::from_utf8(output.stdout)?)
}

/// The word behind `key` in a line.
fn after<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    let mut words = line.split_whitespace();
    words.find(|word| *word == key)?;
    words.next()
}

/// `1: eth0    inet 10.0.0.2/24 brd 10.0.0.255 scope global eth0 …`
fn addresses(text: &str) -> Vec<String> {
    let all = text.lines().filter_map(|line| {
        let name = line.split_whitespace().nth(1)?;
        (name != "lo").then(|| format!("{} dev {name}", after(line, "inet").unwrap_or("?")))
    });
    // ip(8) leaves out the length of a single address.
    all.map(|address| match address.split_once(' ') {
        Some((one, rest)) if !one.contains('/') => format!("{one}/32 {rest}"),
        _ => address,
    })
    .collect()
}

/// `2: eth0@if3: <BROADCAST,UP,LOWER_UP> mtu … link/ether 00:… brd …`
fn nics(text: &str, addresses: &[String]) -> Vec<String> {
    let ethernet = text.lines().filter(|line| line.contains("link/ether"));
    let all = ethernet.map(|line| {
        let name = line.split_whitespace().nth(1).unwrap_or_default();
        let name = name.split(['@', ':']).next().unwrap_or_default();
        let mac = after(line, "link/ether").unwrap_or("?");
        let is_up =
            ["<UP", ",UP"].iter().any(|word| line.contains(word)) && line.contains("LOWER_UP");
        let has_address = addresses
            .iter()
            .any(|one| one.ends_with(&format!(" dev {name}")));
        let down = if has_address && !is_up {
            " is down"
        } else {
            ""
        };
        format!("{name} {mac}{down}")
    });
    all.collect()
}

/// Routes of all tables but `local`, without those that come with an address, and
/// without host routes to gateways in no subnet, which some formats need and some not.
fn routes(text: &str, addresses: &[String], wanted: &[String]) -> Vec<String> {
    let mut all = Vec::new();
    for line in text.lines() {
        if after(line, "table") == Some("local") {
            continue;
        }
        let target = line.split_whitespace().next().unwrap_or_default();
        let device = after(line, "dev").unwrap_or("?");
        let Some(gateway) = after(line, "via") else {
            let is_connected = addresses.iter().any(|address| {
                address.split_once(" dev ").is_some_and(|(one, name)| {
                    name == device && network(one).as_deref() == Some(target)
                })
            });
            let is_gateway = wanted
                .iter()
                .any(|route| route.ends_with(&format!(" via {target} dev {device}")));
            if !is_connected && !is_gateway {
                all.push(line.trim().to_owned());
            }
            continue;
        };
        let table = after(line, "table").map_or_else(String::new, |name| format!(" table {name}"));
        all.push(format!("{target} via {gateway} dev {device}{table}"));
    }
    all
}

/// How ip(8) shows a host route to the broadcast address of `10.0.0.2/24 dev eth0`,
/// which the kernel never takes.
fn broadcast(address: &str) -> Option<String> {
    let (address, device) = address.split_once(" dev ")?;
    let (first, length) = network(address)?
        .split_once('/')
        .and_then(|(first, length)| {
            Some((first.parse::<Ipv4Addr>().ok()?, length.parse::<u32>().ok()?))
        })?;
    let hosts = u32::MAX.checked_shr(length).unwrap_or(0);
    let last = Ipv4Addr::from(u32::from(first) | hosts);
    Some(format!("{last} dev {device} scope link"))
}

/// The network of `10.0.0.2/24`, as ip(8) writes it.
fn network(address: &str) -> Option<String> {
    let (address, length) = address.split_once('/')?;
    let length: u32 = length.parse().ok()?;
    let mask = u32::MAX.checked_shl(32 - length).unwrap_or(0);
    let network = Ipv4Addr::from(u32::from(address.parse::<Ipv4Addr>().ok()?) & mask);
    Some(format!("{network}/{length}"))
}
