//! Which services an init starts, from the links and files by which it knows them.

use super::look::Look;
use crate::value::Path;
use core::ffi::CStr;

/// Where a service that is switched on has its name: the folder, then what stands
/// before the name; a `?` is any byte. Of systemd, see [`UNITS`].
///
/// | folder | init |
/// | --- | --- |
/// | `etc/runlevels/LEVEL` | OpenRC (rc-update(8)) |
/// | `etc/rcN.d`, `etc/rc.d/rcN.d` | sysvinit (Debian's update-rc.d(8); chkconfig(8)) |
/// | `etc/init.d` | BusyBox as Buildroot has it (its rcS runs `S??*`) |
/// | `etc/rc.d` | procd (base-files' rc.common, enable), Slackware (rc.M, by the x bit) |
/// | `…/runsvdir/default`, `var/service`, `etc/service` | runit (runsvdir(8)) |
const PLACES: &[(&CStr, &[u8])] = &[
    (c"etc/runlevels/sysinit", b""),
    (c"etc/runlevels/boot", b""),
    (c"etc/runlevels/default", b""),
    (c"etc/rcS.d", b"S??"),
    (c"etc/rc2.d", b"S??"),
    (c"etc/rc3.d", b"S??"),
    (c"etc/rc5.d", b"S??"),
    (c"etc/rc.d/rc3.d", b"S??"),
    (c"etc/rc.d/rc5.d", b"S??"),
    (c"etc/init.d", b"S??"),
    (c"etc/rc.d", b"S??"),
    (c"etc/runit/runsvdir/default", b""),
    (c"var/service", b""),
    (c"etc/service", b""),
];

/// Where systemd has units, and the folders of what they pull in: the administrator's
/// first, then the distribution's (systemd.unit(5), unit file load path).
const UNITS: [&CStr; 3] = [
    c"etc/systemd/system",
    c"usr/lib/systemd/system",
    c"lib/systemd/system",
];

/// Targets of a system that does not come up (systemd.special(7)): what they pull in
/// is not started by a boot.
const REPAIRS: [&[u8]; 2] = [b"rescue.", b"emergency."];

/// Hands each way in which one of `names` is started to `each`: the path that shows
/// it. A unit that is masked is none.
pub(super) fn started(look: &dyn Look, names: &[&str], each: &mut dyn FnMut(&[u8])) {
    let is_one = |name: &[u8]| names.iter().any(|known| known.as_bytes() == name);
    for units in UNITS {
        // Where `/lib` is a link, both are the same.
        if units == c"lib/systemd/system" && look.link(c"lib", &mut |_| {}).is_ok() {
            continue;
        }
        let _ = look.list(units, &mut |wants| {
            pulled_in(look, units.to_bytes(), wants.to_bytes(), &is_one, each);
            true
        });
    }
    for (folder, before) in PLACES {
        let _ = look.list(folder, &mut |entry| {
            if inner(entry.to_bytes(), before).is_some_and(is_one)
                && let Some(path) = Path::new(&[folder.to_bytes(), b"/", entry.to_bytes()])
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

/// What one folder of links makes systemd start, whatever unit it belongs to.
fn pulled_in(
    look: &dyn Look,
    units: &[u8],
    wants: &[u8],
    is_one: &dyn Fn(&[u8]) -> bool,
    each: &mut dyn FnMut(&[u8]),
) {
    if ![&b".wants"[..], b".requires"]
        .iter()
        .any(|end| wants.ends_with(end))
        || REPAIRS.iter().any(|target| wants.starts_with(target))
    {
        return;
    }
    let Some(folder) = Path::new(&[units, b"/", wants]) else {
        return;
    };
    let _ = look.list(folder.as_c_str(), &mut |entry| {
        let entry = entry.to_bytes();
        let service = entry.strip_suffix(b".service");
        let service = service.or_else(|| entry.strip_suffix(b".socket"));
        if service.is_some_and(is_one)
            && let Some(path) = Path::new(&[folder.as_bytes(), b"/", entry])
            && !is_masked(look, &[entry, b"", b""])
            && !is_masked(look, &[wants, b"/", entry])
        {
            each(path.as_bytes());
        }
        true
    });
}

/// Whether one of `names` is started, and the path that shows it: of several the one
/// that sorts first, since a folder has no order.
pub(super) fn first_started(look: &dyn Look, names: &[&str]) -> Option<Path> {
    let mut first: Option<Path> = None;
    started(look, names, &mut |path| {
        if first.as_ref().is_none_or(|first| path < first.as_bytes()) {
            first = Path::new(&[path]);
        }
    });
    first
}

/// What is left of `text` without what is before it.
fn inner<'t>(text: &'t [u8], before: &[u8]) -> Option<&'t [u8]> {
    let (head, rest) = text.split_at_checked(before.len())?;
    let is_it = |(have, want): (&u8, &u8)| *want == b'?' || have == want;
    head.iter().zip(before).all(is_it).then_some(rest)
}

/// Whether systemd is told by the administrator to forget this unit (systemctl(1),
/// mask) or this link to one (load-dropin.c: a link to /dev/null takes the place of
/// the distribution's).
fn is_masked(look: &dyn Look, name: &[&[u8]; 3]) -> bool {
    let mut is_null = false;
    let path = Path::new(&[b"etc/systemd/system/", name[0], name[1], name[2]]);
    if let Some(path) = path {
        let _ = look.link(path.as_c_str(), &mut |text| is_null = text == b"/dev/null");
    }
    is_null
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_has_its_service_inside() {
        assert_eq!(inner(b"S40sshd", b"S??"), Some(&b"sshd"[..]));
        assert_eq!(inner(b"K40sshd", b"S??"), None);
        assert_eq!(inner(b"S4", b"S??"), None);
        assert_eq!(inner(b"sshd", b""), Some(&b"sshd"[..]));
    }
}
