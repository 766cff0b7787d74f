//! The network: what configures it, and what may shut it.

use super::look::Look;
use super::services;
use super::{Group, Item, warning};
use crate::network::detect;
use crate::value::Path;

pub(super) const MANAGER: Item = Item {
    group: Group::Image,
    number: 5,
    name: "network",
    // The English page of 2019 wants NetworkManager off; the Chinese one of 2018
    // allows it on newer systems, and RHEL 9 has nothing else. The newer rule wins:
    // what is wrong is two of them.
    comment: "One program, and only one, should configure the network. Two of them, such as NetworkManager and a network service, fight over the addresses.",
    cases: &[
        warning("switch off all but one of them, such as: systemctl disable --now NetworkManager"),
        warning("have the program that configures the network started at boot"),
    ],
    judge: |look, finding| {
        let mut first: Option<(&str, Path)> = None;
        let mut is_there = |path: &core::ffi::CStr, is_program| match is_program {
            true => look.is_program(path),
            false => super::look::is_there(look, path),
        };
        // The first that fits is in use; another daemon that is on fights it.
        detect(&mut is_there, &mut |fit| {
            let (name, because) = (fit.format.name.as_bytes(), fit.because.as_bytes());
            match &first {
                None => {
                    finding.say(0, &[name, b" by /", because]);
                    first = Some((fit.format.name, fit.because.clone()));
                }
                Some((first, path)) if fit.is_on => finding.say(
                    1,
                    &[
                        first.as_bytes(),
                        b" by /",
                        path.as_bytes(),
                        b" beside ",
                        name,
                        b" by /",
                        because,
                    ],
                ),
                Some(_) => {}
            }
        });
        if first.is_none() {
            match services::first_started(look, &["osconf"]) {
                Some(path) => finding.say(0, &[b"osconf itself, started by /", path.as_bytes()]),
                None => finding.say(2, &[b"no program that configures the network was found"]),
            }
        }
    },
};

/// Services that shut ports, by the names of their units and scripts.
const FIREWALLS: [&str; 12] = [
    "firewalld",
    "iptables",
    "ip6tables",
    "nftables",
    "ufw",
    "netfilter-persistent",
    "iptables-persistent",
    "shorewall",
    "SuSEfirewall2",
    "susefirewall2",
    "ferm",
    "firewall",
];

pub(super) const FIREWALL: Item = Item {
    group: Group::Image,
    number: 7,
    name: "firewall",
    // The page also names ipf, ipfw and pf: these are not of Linux.
    comment: "Firewalls (iptables, nftables, firewalld, ufw) should be off: security groups of ECS do their work, and an instance cannot be configured through a closed port.",
    cases: &[warning(
        "switch it off, such as: systemctl disable --now firewalld",
    )],
    judge: |look, finding| {
        let mut is_on = false;
        each_firewall(look, &mut |path| {
            is_on = true;
            finding.say(1, &[b"started by /", path]);
        });
        if !is_on {
            finding.say(0, &[b"no service that shuts ports is started"]);
        }
    },
};

/// Hands each way in which a firewall is started to `each`: the path that shows it.
pub(crate) fn each_firewall(look: &dyn Look, each: &mut dyn FnMut(&[u8])) {
    services::started(look, &FIREWALLS, &mut |path| {
        // ufw is started at every boot, and its own switch decides (ufw(8)).
        if path.ends_with(b"ufw") || path.ends_with(b"ufw.service") {
            let mut is_enabled = false;
            let _ = look.read(c"etc/ufw/ufw.conf", &mut |text| {
                let value = crate::text::assignments::get(text, "ENABLED");
                is_enabled = value.is_some_and(|value| value.eq_ignore_ascii_case(b"yes"));
            });
            if !is_enabled {
                return;
            }
        }
        each(path);
    });
}
