//! Which services an init starts, from the links and files by which it knows them.

use super::look::Look;
use crate::value::Path;
use core::ffi::CStr;

/// Where a service that is switched on has its name: the folder, then what stands
/// before and after the name; a `?` is any byte.
///
/// | folder | init |
/// | --- | --- |
/// | `etc/systemd/system/*.wants` | systemd (systemctl(1), enable; systemd.unit(5)) |
/// | `etc/runlevels/LEVEL` | OpenRC (rc-update(8)) |
/// | `etc/rcN.d`, `etc/rc.d/rcN.d` | sysvinit (Debian's update-rc.d(8); chkconfig(8)) |
/// | `etc/init.d` | BusyBox as Buildroot has it (its rcS runs `S??*`) |
/// | `etc/rc.d` | procd (base-files' rc.common, enable), Slackware (rc.M, by the x bit) |
/// | `…/runsvdir/default`, `var/service`, `etc/service` | runit (runsvdir(8)) |
const PLACES: &[(&CStr, &[u8], &[u8])] = &[
    (
        c"etc/systemd/system/multi-user.target.wants",
        b"",
        b".service",
    ),
    (c"etc/systemd/system/sysinit.target.wants", b"", b".service"),
    (c"etc/systemd/system/basic.target.wants", b"", b".service"),
    (c"etc/systemd/system/network.target.wants", b"", b".service"),
    (
        c"etc/systemd/system/network-online.target.wants",
        b"",
        b".service",
    ),
    (
        c"etc/systemd/system/network-pre.target.wants",
        b"",
        b".service",
    ),
    (
        c"etc/systemd/system/graphical.target.wants",
        b"",
        b".service",
    ),
    (
        c"etc/systemd/system/cloud-init.target.wants",
        b"",
        b".service",
    ),
    (c"etc/systemd/system/sockets.target.wants", b"", b".socket"),
    (c"etc/runlevels/sysinit", b"", b""),
    (c"etc/runlevels/boot", b"", b""),
    (c"etc/runlevels/default", b"", b""),
    (c"etc/rcS.d", b"S??", b""),
    (c"etc/rc2.d", b"S??", b""),
    (c"etc/rc3.d", b"S??", b""),
    (c"etc/rc5.d", b"S??", b""),
    (c"etc/rc.d/rc3.d", b"S??", b""),
    (c"etc/rc.d/rc5.d", b"S??", b""),
    (c"etc/init.d", b"S??", b""),
    (c"etc/rc.d", b"S??", b""),
    (c"etc/runit/runsvdir/default", b"", b""),
    (c"var/service", b"", b""),
    (c"etc/service", b"", b""),
];

/// Hands each way in which one of `names` is started to `each`: the path that shows
/// it. A unit that is masked is none.
pub(super) fn started(look: &dyn Look, names: &[&str], each: &mut dyn FnMut(&[u8])) {
    for (folder, before, after) in PLACES {
        let _ = look.list(folder, &mut |entry| {
            let name = inner(entry.to_bytes(), before, after);
            if name.is_some_and(|name| names.iter().any(|known| known.as_bytes() == name))
                && let Some(path) = Path::new(&[folder.to_bytes(), b"/", entry.to_bytes()])
                && !is_masked(look, entry)
            {
                each(path.as_bytes());
            }
            true
        });
    }
    // Slackware: what can be executed is started.
    for name in names {
        if let Some(path) = Path::new(&[b"etc/rc.d/rc.", name.as_bytes()])
            && look.is_program(path.as_c_str())
        {
            each(path.as_bytes());
        }
    }
}

/// Whether one of `names` is started, and the path that shows it.
pub(super) fn first_started(look: &dyn Look, names: &[&str]) -> Option<Path> {
    let mut first = None;
    started(look, names, &mut |path| {
        if first.is_none() {
            first = Path::new(&[path]);
        }
    });
    first
}

/// What is left of `text` without what is around it.
fn inner<'t>(text: &'t [u8], before: &[u8], after: &[u8]) -> Option<&'t [u8]> {
    let (head, rest) = text.split_at_checked(before.len())?;
    let is_it = |(have, want): (&u8, &u8)| *want == b'?' || have == want;
    if !head.iter().zip(before).all(is_it) {
        return None;
    }
    rest.strip_suffix(after)
}

/// Whether systemd is told not to start this unit at all (systemctl(1), mask).
fn is_masked(look: &dyn Look, unit: &CStr) -> bool {
    let mut is_null = false;
    if let Some(path) = Path::new(&[b"etc/systemd/system/", unit.to_bytes()]) {
        let _ = look.link(path.as_c_str(), &mut |text| is_null = text == b"/dev/null");
    }
    is_null
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_has_its_service_inside() {
        assert_eq!(inner(b"S40sshd", b"S??", b""), Some(&b"sshd"[..]));
        assert_eq!(inner(b"K40sshd", b"S??", b""), None);
        assert_eq!(inner(b"S4", b"S??", b""), None);
        assert_eq!(inner(b"sshd.service", b"", b".service"), Some(&b"sshd"[..]));
        assert_eq!(inner(b"sshd.socket", b"", b".service"), None);
    }
}
