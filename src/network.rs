//! Network configuration: one file per format, one table over them, and the
//! running kernel.

mod detect;
mod eni;
mod ifcfg;
mod keep;
pub mod kernel;
pub mod links;
pub mod rtnetlink;

pub use detect::{Fit, detect};
pub use keep::PATH as KEPT_NETWORK;

use crate::change::Change;
use crate::conf::Network;
use crate::system::System;
use core::ffi::CStr;

/// A network system, and what is written for it.
pub struct Format {
    /// The name for `--network`.
    pub name: &'static str,
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

/// Every network system; last the one that needs nothing in the root.
pub static FORMATS: [Format; 13] = [
    later("uci"),
    later("slackware"),
    later("netplan"),
    later("networkd"),
    later("wicked"),
    Format {
        name: "ifcfg",
        writer: Some(ifcfg::WRITER),
    },
    later("keyfile"),
    later("netctl"),
    later("netifrc"),
    Format {
        name: "eni",
        writer: Some(eni::WRITER),
    },
    later("connman"),
    later("dhcpcd"),
    Format {
        name: "kernel",
        writer: Some(keep::WRITER),
    },
];

/// A system that is known but not written yet.
const fn later(name: &'static str) -> Format {
    Format { name, writer: None }
}

/// The format of this name.
#[must_use]
pub fn by_name(name: &[u8]) -> Option<&'static Format> {
    FORMATS.iter().find(|format| format.name.as_bytes() == name)
}

/// The format of a root that has no network system at all.
#[must_use]
pub fn last() -> &'static Format {
    let [.., last] = &FORMATS;
    last
}

#[cfg(test)]
mod tests {
    use super::*;

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
