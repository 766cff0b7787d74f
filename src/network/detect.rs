//! Which network system a root uses, from what is there in it.
//!
//! A manager that is switched on counts more than one that is only installed, and
//! a program more than a file: packages of other programs leave files in
//! `/etc/network`, and half of all images carry a dhcpcd that nobody starts.

use super::{FORMATS, Format};
use crate::text::lines::{lines, words};
use crate::value::Path;
use core::ffi::CStr;

/// The rules, the first that fits wins: the network's name, then what must be
/// there, all of it; the first thing is what the choice is explained with.
///
/// | written | means |
/// | --- | --- |
/// | `/PATH` | something is there |
/// | `*PATH` | an executable file is there |
/// | `@UNIT` | systemd starts this service (systemctl(1), enable) |
/// | `%LEVEL/SERVICE` | OpenRC starts it in this runlevel (rc-update(8)) |
/// | `~SERVICE` | runit starts it (void-runit, runsvdir) |
/// | `!` before one of these | it is not so |
/// | `+` before the name | a daemon that takes interfaces and is switched on, so that two of them fight |
const RULES: &str = concat!(
    // Systems that nothing else runs beside.
    "uci /etc/config/network\n",
    // OpenWrt before its first boot: config_generate has not written the file yet.
    "uci /sbin/uci\n",
    // Slackware's rc.M starts what has its x bit.
    "slackware /etc/rc.d/rc.inet1.conf !*etc/rc.d/rc.networkmanager\n",
    // netplan writes for networkd or NetworkManager, so it comes before both. A
    // Debian or an old Ubuntu may have it beside an ifupdown that does the work.
    "netplan /etc/netplan/50-cloud-init.yaml\n",
    "netplan /usr/sbin/netplan !@networking\n",
    "+networkd @systemd-networkd\n",
    "+wicked @wicked\n",
    // These two take every interface that they find, whatever else configures it,
    // so they come before files that do nothing by themselves.
    "+dhcpcd @dhcpcd\n",
    "+dhcpcd %default/dhcpcd\n",
    "+dhcpcd ~dhcpcd\n",
    // Buildroot's BusyBox init starts what is there.
    "+dhcpcd /etc/init.d/S41dhcpcd\n",
    "+connman @connman\n",
    "+connman %default/connman\n",
    "+connman ~connmand\n",
    "+connman /etc/init.d/S45connman\n",
    // OpenEmbedded's connman.bb: start 05 5 2 3.
    "+connman /etc/rc5.d/S05connman\n",
    // Before eni, since Buildroot installs its ifupdown scripts in any case.
    "+keyfile /etc/init.d/S45NetworkManager\n",
    // NetworkManager reads ifcfg files first up to RHEL 8 and Fedora 35; from
    // then on its package puts this note there (NetworkManager.spec).
    "ifcfg /etc/sysconfig/network-scripts !/etc/sysconfig/network-scripts/readme-ifcfg-rh.txt\n",
    // Debian's NetworkManager leaves alone what interfaces(5) names.
    "eni @networking\n",
    "eni %boot/networking\n",
    // ifupdown2's unit is wanted by basic.target; who installs it uses it.
    "eni /etc/network/ifupdown2\n",
    "+keyfile @NetworkManager\n",
    // Gentoo's and Alpine's spelling.
    "+keyfile %default/NetworkManager\n",
    "+keyfile %default/networkmanager\n",
    "+keyfile ~NetworkManager\n",
    "+keyfile *etc/rc.d/rc.networkmanager\n",
    // From here on: what is installed, while nothing shows that it is started.
    // The links that start these two have names that nobody can foresee.
    "netifrc /etc/init.d/net.lo\n",
    "netctl /usr/bin/netctl\n",
    "wicked /usr/sbin/wicked\n",
    "ifcfg /etc/sysconfig/network-scripts/ifup-eth\n",
    "netplan /usr/sbin/netplan\n",
    "eni /etc/network\n",
    "connman /usr/sbin/connmand\n",
    "dhcpcd /etc/dhcpcd.conf\n",
);

/// A rule that fits.
pub struct Fit {
    /// The network system.
    pub format: &'static Format,
    /// What is there that tells so.
    pub because: Path,
    /// Whether it is a daemon that is switched on.
    pub is_on: bool,
}

/// Hands every network system of which a rule fits to `found`, each once, the one
/// to choose first; nothing, if the root has none. `is_there` tells whether
/// something is at a path, or whether an executable file is.
pub fn detect(is_there: &mut dyn FnMut(&CStr, bool) -> bool, found: &mut dyn FnMut(&Fit)) {
    let mut seen = [false; FORMATS.len()];
    let mut has_folder = [None; FOLDERS.len()];
    for rule in lines(RULES.as_bytes()) {
        let mut facts = words(rule.text);
        let (is_on, name) = without(facts.next().unwrap_or_default(), b'+');
        let format = FORMATS.iter().zip(&mut seen);
        let format = format
            .filter(|(_, seen)| !**seen)
            .find(|(format, _)| format.name.as_bytes() == name);
        let Some((format, seen)) = format else {
            continue;
        };
        let mut because = None;
        let fits = facts.all(|fact| {
            let (is_not, fact) = without(fact, b'!');
            let Some(path) = path_of(fact) else {
                return false;
            };
            let mark = fact.first();
            // What is in a folder that is not there need not be looked for.
            let mut folders = FOLDERS.iter().zip(&mut has_folder);
            let has_folder = match folders.find(|(folder, _)| mark == Some(&folder.mark)) {
                Some((folder, has)) => *has.get_or_insert_with(|| is_there(folder.path, false)),
                None => true,
            };
            let is_so = has_folder && is_there(path.as_c_str(), mark == Some(&b'*'));
            because.get_or_insert(path);
            is_so != is_not
        });
        if let (true, Some(because)) = (fits, because) {
            *seen = true;
            found(&Fit {
                format,
                because,
                is_on,
            });
        }
    }
}

/// Whether `word` has `mark` at its start, and the rest of it.
fn without(word: &[u8], mark: u8) -> (bool, &[u8]) {
    match word {
        [first, rest @ ..] if *first == mark => (true, rest),
        _ => (false, word),
    }
}

/// A folder with a link for each service that is started.
struct Folder {
    mark: u8,
    path: &'static CStr,
    /// What the name of a link ends with.
    suffix: &'static [u8],
}

const FOLDERS: [Folder; 3] = [
    Folder {
        mark: b'@',
        path: c"etc/systemd/system/multi-user.target.wants/",
        suffix: b".service",
    },
    Folder {
        mark: b'%',
        path: c"etc/runlevels/",
        suffix: b"",
    },
    Folder {
        mark: b'~',
        path: c"etc/runit/runsvdir/default/",
        suffix: b"",
    },
];

/// The path that a fact is about.
fn path_of(fact: &[u8]) -> Option<Path> {
    let (mark, name) = fact.split_first()?;
    match FOLDERS.iter().find(|folder| folder.mark == *mark) {
        Some(folder) => Path::new(&[folder.path.to_bytes(), name, folder.suffix]),
        None => Path::new(&[name]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What fits a root with these paths, of which those that begin with `*` are
    /// programs: name, path, and whether it is a daemon that is switched on.
    fn fits(there: &[&str]) -> Vec<(&'static str, String, bool)> {
        let mut all = Vec::new();
        let mut is_there = |path: &CStr, is_program: bool| {
            let path = path.to_str().unwrap();
            there.iter().any(|there| match there.strip_prefix('*') {
                Some(there) => there == path,
                None => {
                    let is_below = path.ends_with('/') && there.starts_with(path);
                    (*there == path || is_below) && !is_program
                }
            })
        };
        detect(&mut is_there, &mut |fit| {
            let because = String::from_utf8_lossy(fit.because.as_bytes()).to_string();
            all.push((fit.format.name, because, fit.is_on));
        });
        all
    }

    fn names(there: &[&str]) -> Vec<&'static str> {
        fits(there).into_iter().map(|(name, ..)| name).collect()
    }

    const UNITS: &str = "etc/systemd/system/multi-user.target.wants";

    #[test]
    fn a_root_without_network_scripts_fits_no_rule() {
        assert!(fits(&[]).is_empty());
        assert!(fits(&["etc", "etc/hostname", "usr/sbin"]).is_empty());
    }

    #[test]
    fn every_rule_names_a_network_and_begins_with_what_is_there() {
        let mut with_a_rule = Vec::new();
        for rule in RULES.lines() {
            let mut all = rule.split(' ');
            let name = all.next().unwrap().trim_start_matches('+');
            let format = FORMATS.iter().find(|format| format.name == name);
            with_a_rule.push(format.unwrap().name);
            let facts: Vec<&str> = all.collect();
            assert!(!facts[0].starts_with('!'), "{rule}");
            for fact in facts {
                let fact = fact.trim_start_matches('!');
                assert!(fact.starts_with(['/', '*', '@', '%', '~']), "{rule}");
                assert!(path_of(fact.as_bytes()).is_some());
            }
        }
        for format in &FORMATS {
            assert_eq!(with_a_rule.contains(&format.name), format.name != "kernel");
        }
    }

    #[test]
    fn each_network_is_found_once_and_the_earliest_rule_of_it_counts() {
        let dhcpcd = ["etc/dhcpcd.conf", "etc/runlevels/default/dhcpcd"];
        assert_eq!(
            fits(&dhcpcd),
            [("dhcpcd", "etc/runlevels/default/dhcpcd".into(), true)]
        );
        assert_eq!(
            fits(&dhcpcd[..1]),
            [("dhcpcd", "etc/dhcpcd.conf".into(), false)]
        );
    }

    #[test]
    fn what_is_switched_on_comes_before_what_is_installed() {
        let manager = format!("{UNITS}/NetworkManager.service");
        assert_eq!(
            names(&["usr/sbin/wicked", "etc/init.d/net.lo", &manager]),
            ["keyfile", "netifrc", "wicked"]
        );
        assert_eq!(names(&["etc/network", &manager]), ["keyfile", "eni"]);
    }

    #[test]
    fn debian_with_both_is_ifupdowns_and_nothing_to_warn_of() {
        let both = ["NetworkManager", "networking"].map(|unit| format!("{UNITS}/{unit}.service"));
        let found = fits(&both.each_ref().map(String::as_str));
        assert_eq!(found[0].0, "eni");
        assert!(!found[0].2);
        assert_eq!(found[1].0, "keyfile");
    }

    #[test]
    fn two_daemons_that_are_switched_on_are_both_marked() {
        let both =
            ["NetworkManager", "systemd-networkd"].map(|unit| format!("{UNITS}/{unit}.service"));
        let found = fits(&both.each_ref().map(String::as_str));
        assert_eq!([found[0].0, found[1].0], ["networkd", "keyfile"]);
        assert!(found[0].2 && found[1].2);
    }

    #[test]
    fn what_must_not_be_there_rules_out() {
        let folder = "etc/sysconfig/network-scripts";
        let note = "etc/sysconfig/network-scripts/readme-ifcfg-rh.txt";
        assert_eq!(names(&[folder]), ["ifcfg"]);
        assert!(names(&[folder, note]).is_empty());
    }

    #[test]
    fn slackware_starts_networkmanager_by_its_x_bit() {
        let conf = "etc/rc.d/rc.inet1.conf";
        assert_eq!(names(&[conf, "etc/rc.d/rc.networkmanager"]), ["slackware"]);
        assert_eq!(names(&[conf, "*etc/rc.d/rc.networkmanager"]), ["keyfile"]);
    }

    #[test]
    fn an_empty_netplan_gives_way_to_an_ifupdown_that_works() {
        let networking = format!("{UNITS}/networking.service");
        let netplan = "usr/sbin/netplan";
        assert_eq!(names(&[netplan]), ["netplan"]);
        assert_eq!(names(&[netplan, &networking]), ["eni", "netplan"]);
        let cloud = "etc/netplan/50-cloud-init.yaml";
        assert_eq!(names(&[netplan, &networking, cloud]), ["netplan", "eni"]);
    }

    #[test]
    fn if_all_is_there_the_order_is_that_of_the_table() {
        let mut all = Vec::new();
        detect(&mut |_, _| true, &mut |fit| all.push(fit.format.name));
        assert_eq!(
            all,
            [
                "uci", "netplan", "networkd", "wicked", "dhcpcd", "connman", "keyfile", "eni",
                "netifrc", "netctl", "ifcfg"
            ]
        );
    }
}
