//! A second opinion: what cloud-init's own writer makes of the same network.
//!
//! `net-convert` (`cloudinit/cmd/devel/net_convert.py`) gets what the case says the
//! machine must come to have, as a network configuration of version 2, and nothing of
//! osconf's. Each assignment and each route of the two is then compared. What differs
//! for a reason stands in `Writer::differences`, with the reason; the rest fails.
//!
//! A NIC that is absent is not in the case's list, so there is no opinion about it.

use anyhow::{Context, Result, ensure};
use core::net::Ipv4Addr;
use osconf_tests::matrix::Cell;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

/// How cloud-init writes a format.
pub(crate) struct Writer {
    /// The distribution that it writes for.
    pub(crate) distribution: &'static str,
    /// The folder of the files, below which each NIC has an `ifcfg-NIC`.
    pub(crate) folder: &'static str,
    /// What the file with the routes of a NIC is called, before the NIC's name.
    pub(crate) routes: &'static str,
    /// Whether it writes routes; if it never does, it has no opinion about ours.
    pub(crate) writes_routes: bool,
    /// A file and a variable that hold our name servers, if not `/etc/resolv.conf`.
    pub(crate) name_servers: Option<(&'static str, &'static str)>,
    /// What may differ, and why.
    pub(crate) differences: &'static [Difference],
}

/// An assignment that may differ between cloud-init's file and ours.
pub(crate) struct Difference {
    /// The variable.
    pub(crate) key: &'static str,
    /// What cloud-init writes: nothing, one value, or whatever it likes (`*`).
    pub(crate) theirs: Option<&'static str>,
    /// What osconf writes, in the same way.
    pub(crate) ours: Option<&'static str>,
    /// Why both are right; it is shown where it applies and a test fails.
    pub(crate) reason: &'static str,
}

/// The resolver of the C library asks no more (`MAXNS`, resolv.conf(5)). Older
/// versions of cloud-init write no more into resolv.conf; all have `DNS1` to `DNS3`.
const MOST_NAME_SERVERS: usize = 3;

/// Newer versions of python3-requests read the certificates that their package would
/// put together when it is configured, as soon as they are imported.
const CONVERT: &str = "cat /usr/share/ca-certificates/*/*.crt > /etc/ssl/certs/ca-certificates.crt
    exec python3 -B -m cloudinit.cmd.main devel net-convert \"$@\"";

type Assignments = BTreeMap<String, String>;

/// What is different in the files of `root`, where those of the case lie.
pub(crate) fn judge(cell: &Cell, writer: &Writer, root: &Path) -> Result<Vec<String>> {
    let after = cell.golden().join("after").join(writer.folder);
    let ours = root.join(writer.folder);
    let file = |nic: &str| format!("ifcfg-{nic}");
    // A NIC that os.conf does not name keeps the file with the address that it has.
    let is_foreign = |nic: &str| -> Result<bool> {
        let before = text_before(cell, writer, &file(nic))?;
        let lines = cell.network.addresses.iter();
        let mut own = lines.filter(|line| line.ends_with(&format!(" dev {nic}")));
        let is_written = after.join(file(nic)).is_file();
        Ok(!is_written && own.all(|line| before.contains(line.split('/').next().unwrap_or(line))))
    };
    let mut nics = Vec::new();
    for nic in &cell.network.nics {
        let (name, mac) = nic.split_once(' ').context("no NAME MAC")?;
        if !is_foreign(name)? {
            nics.push((name, mac));
        }
    }
    ensure!(!nics.is_empty(), "no NIC of this case is osconf's");

    let out = root.join("tmp/theirs");
    let said = convert(cell, writer, &nics, root)?;
    let theirs = out.join(writer.folder);
    let mut problems = Vec::new();
    for (nic, _) in &nics {
        let mut say = |problem: String| problems.push(format!("{nic}: {problem}"));
        let context = || format!("cloud-init said: {said}");
        let their = assignments(&fs::read_to_string(theirs.join(file(nic))).with_context(context)?);
        let Ok(text) = fs::read_to_string(ours.join(file(nic))) else {
            say("osconf has no file for it".to_owned());
            continue;
        };
        let our = assignments(&text);
        let before = text_before(cell, writer, &file(nic))?;
        compare(writer, &their, &our, &assignments(&before), &mut say);

        let name = format!("{}{nic}", writer.routes);
        let before = text_before(cell, writer, &name)?;
        let mut our_routes = routes(&text_of(&ours.join(&name))?, nic, &before)?;
        let their_text = text_of(&theirs.join(&name))?;
        if !writer.writes_routes {
            ensure!(
                their_text.is_empty(),
                "cloud-init has routes, now: compare them"
            );
            continue;
        }
        let mut their_routes = routes_in(&assignments(&their_text))?;
        for (all, routes) in [(&our, &mut our_routes), (&their, &mut their_routes)] {
            if let Some(gateway) = all.get("GATEWAY") {
                routes.insert(format!("0.0.0.0/0 via {gateway}"));
            }
        }
        // cloud-init gives a gateway in no subnet no route of its own, without which
        // a kernel has no way to it. What these are, own-ifcfg compares.
        our_routes.retain(|route| route.contains(" via "));
        for route in their_routes.difference(&our_routes) {
            say(format!("only cloud-init has the route {route}"));
        }
        for route in our_routes.difference(&their_routes) {
            say(format!("only osconf has the route {route}"));
        }
    }
    problems.extend(name_servers(cell, writer, root, &out)?);
    if !problems.is_empty() {
        println!("cloud-init says:\n{said}");
    }
    Ok(problems)
}

/// Has cloud-init write the files into `/tmp/theirs` of the root.
fn convert(cell: &Cell, writer: &Writer, nics: &[(&str, &str)], root: &Path) -> Result<String> {
    // JSON is YAML.
    fs::write(root.join("tmp/network"), network(cell, nics)?.to_string())?;
    let mut command = Command::new("chroot");
    command.arg(root).args(["sh", "-ec", CONVERT, "sh"]);
    command.args(["-p", "/tmp/network", "-k", "yaml", "-O", "sysconfig"]);
    command.args(["-D", writer.distribution, "-d", "/tmp/theirs"]);
    for (name, mac) in nics {
        command.args(["-m", &format!("{name},{mac}")]);
    }
    let output = command
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .output()
        .context("chroot")?;
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    ensure!(output.status.success(), "net-convert: {said}");
    Ok(said)
}

/// The case's network in cloud-init's words. Name servers it has for a NIC; we give
/// them to that of the default route.
fn network(cell: &Cell, nics: &[(&str, &str)]) -> Result<Value> {
    let of_nic = |line: &'_ str, nic: &str| -> Option<String> {
        Some(line.strip_suffix(&format!(" dev {nic}"))?.to_owned())
    };
    let mut all = serde_json::Map::new();
    for (name, mac) in nics {
        let addresses = cell.network.addresses.iter();
        let addresses: Vec<_> = addresses.filter_map(|line| of_nic(line, name)).collect();
        let mut routes = Vec::new();
        let mut servers: &[String] = &[];
        for line in &cell.network.routes {
            let Some(line) = of_nic(line, name) else {
                continue;
            };
            let (to, via) = line.split_once(" via ").context("a route without `via`")?;
            if to == "default" {
                servers = &cell.network.name_servers;
            }
            routes.push(json!({ "to": destination(to), "via": via }));
        }
        let mut nic = json!({
            "match": { "macaddress": mac },
            "set-name": name,
            "addresses": addresses,
            "routes": routes,
        });
        if let (false, Some(nic)) = (servers.is_empty(), nic.as_object_mut()) {
            nic.insert("nameservers".into(), json!({ "addresses": servers }));
        }
        all.insert((*name).to_owned(), nic);
    }
    Ok(json!({ "version": 2, "ethernets": all }))
}

/// Compares assignment by assignment.
fn compare(
    writer: &Writer,
    theirs: &Assignments,
    ours: &Assignments,
    before: &Assignments,
    say: &mut dyn FnMut(String),
) {
    let fits = |wanted: Option<&str>, value: Option<&String>| match (wanted, value) {
        (None, None) | (Some("*"), Some(_)) => true,
        (wanted, value) => wanted == value.map(String::as_str),
    };
    let keys: BTreeSet<_> = theirs.keys().chain(ours.keys()).collect();
    for key in keys {
        let (their, our) = (theirs.get(key), ours.get(key));
        // What osconf leaves as the image has it, and cloud-init has no word about.
        let is_kept = their.is_none() && our.is_some() && before.get(key) == our;
        if their == our || is_kept {
            continue;
        }
        let known = writer.differences.iter().find(|known| known.key == *key);
        if known.is_some_and(|known| fits(known.theirs, their) && fits(known.ours, our)) {
            continue;
        }
        let word = |value: Option<&String>| match value {
            Some(value) => format!("{value:?}"),
            None => "nothing".to_owned(),
        };
        let mut text = format!(
            "{key} is {} in ours, {} in cloud-init's",
            word(our),
            word(their)
        );
        if let Some(known) = known {
            text.push_str(&format!(", and not as known ({})", known.reason));
        }
        say(text);
    }
}

/// Whether the name servers agree, as many as cloud-init writes.
fn name_servers(cell: &Cell, writer: &Writer, root: &Path, out: &Path) -> Result<Vec<String>> {
    let resolver = |root: &Path| -> Result<Vec<String>> {
        let text = text_of(&root.join("etc/resolv.conf"))?;
        let servers = text
            .lines()
            .filter_map(|line| line.strip_prefix("nameserver "));
        Ok(servers.map(str::to_owned).collect())
    };
    let ours = match writer.name_servers {
        None => resolver(root)?,
        Some((file, key)) => {
            let all = assignments(&text_of(&root.join(file))?);
            let servers = all.get(key).map_or("", String::as_str);
            servers.split_whitespace().map(str::to_owned).collect()
        }
    };
    let theirs = resolver(out)?;
    let mut routes = cell.network.routes.iter();
    // Without a default route no NIC has them in what cloud-init is asked.
    let is_asked = routes.any(|route| route.starts_with("default "));
    let most = ours.get(..MOST_NAME_SERVERS).unwrap_or(&ours);
    if is_asked && theirs != most && theirs != ours {
        return Ok(vec![format!(
            "name servers: {ours:?}, but cloud-init has {theirs:?}"
        )]);
    }
    Ok(Vec::new())
}

/// A file that need not be there.
fn text_of(file: &Path) -> Result<String> {
    match fs::read_to_string(file) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        text => text.with_context(|| file.display().to_string()),
    }
}

/// What the image had in a file of the folder.
fn text_before(cell: &Cell, writer: &Writer, name: &str) -> Result<String> {
    let befores = cell.before().map(|one| one.join(writer.folder).join(name));
    let mut befores = befores.iter().rev();
    match befores.find(|file| file.is_file()) {
        Some(file) => text_of(file),
        None => Ok(String::new()),
    }
}

/// `KEY=value` of each line, without quotes. MAC addresses are the same in both cases.
fn assignments(text: &str) -> Assignments {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let pairs = lines.filter_map(|line| line.split_once('='));
    pairs
        .map(|(key, value)| {
            let value = value.trim_matches(['"', '\'']).to_lowercase();
            (key.to_owned(), value)
        })
        .collect()
}

/// The routes in our words: `TO via GATEWAY dev NIC` or `TO dev NIC` of
/// `route-NIC` (ip-route(8)), `TO GATEWAY MASK NIC` of ifroute-NIC(5). What
/// the image had already is not ours.
fn routes(text: &str, nic: &str, before: &str) -> Result<BTreeSet<String>> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let mut all = BTreeSet::new();
    for line in lines.filter(|line| !before.lines().any(|old| old == *line)) {
        let words: Vec<_> = line.split_whitespace().collect();
        let route = match words.as_slice() {
            [to, "via", gateway, "dev", dev] | [to, gateway, "-", dev] if *dev == nic => {
                (*to, *gateway)
            }
            [to, "dev", dev] if *dev == nic => (*to, "-"),
            _ => anyhow::bail!("a line that no route is written as: {line}"),
        };
        all.insert(match route {
            (to, "-") => destination(to),
            (to, gateway) => format!("{} via {gateway}", destination(to)),
        });
    }
    Ok(all)
}

/// The routes in cloud-init's words for initscripts: `ADDRESS0`, `NETMASK0`, `GATEWAY0`.
fn routes_in(all: &Assignments) -> Result<BTreeSet<String>> {
    let mut routes = BTreeSet::new();
    for (key, address) in all {
        let Some(number) = key.strip_prefix("ADDRESS") else {
            continue;
        };
        let value = |name: &str| all.get(&format!("{name}{number}")).context(key.clone());
        let mask: Ipv4Addr = value("NETMASK")?.parse()?;
        let prefix = mask.to_bits().count_ones();
        routes.insert(format!("{address}/{prefix} via {}", value("GATEWAY")?));
    }
    Ok(routes)
}

/// A destination with its prefix, as a text.
fn destination(to: &str) -> String {
    match to {
        "default" => "0.0.0.0/0".to_owned(),
        to if to.contains('/') => to.to_owned(),
        to => format!("{to}/32"),
    }
}
