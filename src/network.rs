//! Network configuration: one file per format, one table over them, and the
//! running kernel.

mod eni;
mod ifcfg;
mod keep;
pub mod kernel;
pub mod links;
pub mod rtnetlink;

pub use keep::PATH as KEPT_NETWORK;

use crate::change::Change;
use crate::conf::Network;
use crate::system::System;
use core::ffi::CStr;

/// A network system: what tells that a root uses it, and what is written for it.
pub struct Format {
    /// The name for `--network`.
    pub name: &'static str,
    /// Paths below the root; if one of them is there, the root uses this system.
    pub evidence: &'static [&'static CStr],
    /// How it is written; none, if that is not done yet.
    pub writer: Option<Writer>,
}

/// How a format is written.
pub struct Writer {
    /// Calls `add` with each change that makes the root have this network.
    pub plan: fn(network: &Network, system: &System, add: &mut dyn FnMut(Change)),
    /// Whether the files go by the interfaces' names, so that these must be known.
    pub needs_names: bool,
    /// Whether the running kernel is configured by this program at every boot.
    pub is_kernel: bool,
    /// Where files about single NICs lie.
    pub per_nic: Option<PerNic>,
}

/// Files about single NICs, among which those of ours are looked for that os.conf
/// no longer names.
pub struct PerNic {
    /// The folder.
    pub folder: &'static CStr,
    /// How their names begin.
    pub prefixes: &'static [&'static [u8]],
    /// Whether a file of this content is ours.
    pub is_ours: fn(&[u8]) -> bool,
}

/// Every network system, in the order in which they are looked for: first those
/// that exclude all others, then managers that are switched on, then files that
/// a manager may have left behind; last the one that needs nothing.
pub static FORMATS: [Format; 13] = [
    later("uci", &[c"etc/config/network", c"sbin/uci"]),
    later("slackware", &[c"etc/rc.d/rc.inet1.conf"]),
    later("netplan", &[c"usr/sbin/netplan"]),
    later(
        "networkd",
        &[
            c"etc/systemd/system/multi-user.target.wants/systemd-networkd.service",
            c"etc/systemd/system/dbus-org.freedesktop.network1.service",
        ],
    ),
    later("wicked", &[c"usr/sbin/wicked"]),
    Format {
        name: "ifcfg",
        evidence: &[c"etc/sysconfig/network-scripts"],
        writer: Some(ifcfg::WRITER),
    },
    later(
        "keyfile",
        &[
            c"etc/systemd/system/multi-user.target.wants/NetworkManager.service",
            c"etc/runlevels/default/networkmanager",
        ],
    ),
    later("netctl", &[c"usr/bin/netctl"]),
    later("netifrc", &[c"etc/init.d/net.lo"]),
    Format {
        name: "eni",
        evidence: &[c"etc/network/interfaces", c"etc/network"],
        writer: Some(eni::WRITER),
    },
    later("connman", &[c"usr/sbin/connmand"]),
    later("dhcpcd", &[c"etc/dhcpcd.conf"]),
    Format {
        name: "kernel",
        evidence: &[],
        writer: Some(keep::WRITER),
    },
];

/// A system that is known but not written yet.
const fn later(name: &'static str, evidence: &'static [&'static CStr]) -> Format {
    Format {
        name,
        evidence,
        writer: None,
    }
}

/// The format of this name.
#[must_use]
pub fn by_name(name: &[u8]) -> Option<&'static Format> {
    FORMATS.iter().find(|format| format.name.as_bytes() == name)
}

/// The format that a root uses, by what is there in it.
pub fn detect(mut is_there: impl FnMut(&'static CStr) -> bool) -> &'static Format {
    let [others @ .., last] = &FORMATS;
    others
        .iter()
        .find(|format| format.evidence.iter().any(|path| is_there(path)))
        .unwrap_or(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_with_no_network_scripts_is_left_to_the_kernel() {
        assert_eq!(detect(|_| false).name, "kernel");
        assert_eq!(detect(|path| path == c"etc/network/interfaces").name, "eni");
        assert_eq!(detect(|_| true).name, "uci");
    }

    #[test]
    fn every_format_is_found_by_its_name() {
        for format in &FORMATS {
            assert!(core::ptr::eq(
                by_name(format.name.as_bytes()).unwrap(),
                format
            ));
        }
        assert!(by_name(b"other").is_none());
    }
}
