//! What one machine makes for itself, and what was typed and logged while the image
//! was made: every instance would have it, and everybody who has the image.
//!
//! It is not kept, on purpose; so it is no change of a plan, and nothing puts it back.

use super::Item;
use core::ffi::CStr;

pub(super) const ITEM: Item = Item {
    name: "clean",
    wants: "no host keys, machine id, keys of root's, logs, histories, leases, seeds, nor what osconf kept: for good",
    plan: |_, _, wishes| {
        wishes.cleans = true;
        wishes.note("revert has nothing left to put back");
    },
};

/// Files that are removed: the folder, and what a name there begins and ends with.
///
/// The copies of account files that shadow(5) tools leave have hashes in them; the
/// rest is as its owners' documents say (sshd(8), dropbear(8), machine-id(5),
/// systemd-random-seed(8), seedrng(8), dhclient.leases(5)).
pub const REMOVED: &[(&CStr, &str, &str)] = &[
    (c"etc/ssh", "ssh_host_", "_key"),
    (c"etc/ssh", "ssh_host_", "_key.pub"),
    (c"etc/openssh", "ssh_host_", "_key"),
    (c"etc/openssh", "ssh_host_", "_key.pub"),
    (c"etc/dropbear", "dropbear_", "_host_key"),
    (c"etc/dropbear", "authorized_keys", ""),
    (c"root/.ssh", "authorized_keys", ""),
    (c"root/.ssh", "known_hosts", ""),
    (c"root", ".", "history"),
    (c"root", ".lesshst", ""),
    (c"root", ".viminfo", ""),
    (c"etc", "passwd", "-"),
    (c"etc", "shadow", "-"),
    (c"etc", "group", "-"),
    (c"etc", "gshadow", "-"),
    (c"etc", "random-seed", ""),
    (c"var/lib", "random-seed", ""),
    (c"var/lib/systemd", "random-seed", ""),
    (c"var/lib/systemd", "credential.secret", ""),
    (c"var/lib/urandom", "random-seed", ""),
    (c"var/lib/misc", "random-seed", ""),
    (c"var/lib/seedrng", "seed.", ""),
    (c"var/lib/dbus", "machine-id", ""),
    (c"var/lib/dhcp", "", ".leases"),
    (c"var/lib/dhclient", "", ".leases"),
    (c"var/lib/dhcpcd", "", ".lease"),
    (c"var/lib/NetworkManager", "", ".lease"),
    (c"var/lib/NetworkManager", "secret_key", ""),
    (c"var/cache/apt/archives", "", ".deb"),
    (c"var/cache/apk", "", ".apk"),
    (c"var/cache/xbps", "", ".xbps"),
    (c"etc/udev/rules.d", "70-persistent-", ".rules"),
    (KEPT, "", ""),
    (c"etc/osconf", "record", ""),
    (c"etc/osconf", "network", ""),
];

/// What osconf kept: the one folder that is removed as well.
pub const KEPT: &CStr = c"etc/osconf/replaced";

/// The file that is emptied, and not removed: without it, systemd takes the first
/// boot for none (machine-id(5)).
pub const MACHINE_ID: &CStr = c"etc/machine-id";

/// The folder whose files are emptied, with all that is in it: a log that is not
/// there is not always made anew (utmp(5)).
pub const LOGS: &CStr = c"var/log";

/// Whether a log is an old one, that is gone for good: packed, numbered, or a
/// journal's, which its reader makes anew.
#[must_use]
pub fn is_old(name: &[u8]) -> bool {
    [
        &b".gz"[..],
        b".xz",
        b".bz2",
        b".zst",
        b".old",
        b".journal",
        b".journal~",
    ]
    .iter()
    .any(|end| name.ends_with(end))
        || matches!(name, [.., b'.' | b'-', b'0'..=b'9'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_log_is_known_by_its_name() {
        for name in ["syslog.1", "syslog.2.gz", "system.journal", "a.old"] {
            assert!(is_old(name.as_bytes()), "{name}");
        }
        for name in ["syslog", "wtmp", "Xorg.log", "x2", ""] {
            assert!(!is_old(name.as_bytes()), "{name}");
        }
    }
}
