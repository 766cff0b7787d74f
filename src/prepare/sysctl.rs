//! Settings of the kernel.
//!
//! procps, BusyBox and OpenRC read `/etc/sysctl.conf` last; systemd reads only
//! `sysctl.d` (sysctl.d(5)), where a link of Debian's may lead back to that file. A
//! file that comes later wins, so other values are mended wherever they stand.

use super::{Item, each_file, has_systemd};
use crate::text::Buf;
use crate::text::assignments::end_line;
use crate::text::lines::lines;
use crate::text::split::split_once;

pub(super) const ITEM: Item = Item {
    name: "sysctl",
    wants: "the kernel has the 13 settings of the norm, in /etc/sysctl.conf or sysctl.d",
    plan: |look, _, wishes| {
        let ours = c"etc/sysctl.d/99-osconf.conf";
        let is_linked = look
            .link(c"etc/sysctl.d/99-sysctl.conf", &mut |_| {})
            .is_ok();
        let main = match has_systemd(look) && !is_linked {
            true => ours,
            false => c"etc/sysctl.conf",
        };
        each_file(look, c"etc/sysctl.d", (b"", b".conf"), &mut |path| {
            let path = path.as_bytes();
            if path != main.to_bytes() && look_is_file(look, path) {
                wishes.mend(path, |out, old, _, _| edit(out, old, false), 0);
            }
        });
        if main == ours {
            wishes.mend(
                b"etc/sysctl.conf",
                |out, old, _, _| edit(out, old, false),
                0,
            );
        }
        wishes.write(main, |out, old, _, _| edit(out, old, true), 0);
    },
};

/// Whether it is no link, which leads to a file that has its own change, or to one
/// of the vendor's.
fn look_is_file(look: &dyn crate::check::Look, path: &[u8]) -> bool {
    crate::value::Path::new(&[path])
        .is_some_and(|path| look.link(path.as_c_str(), &mut |_| {}).is_err())
}

const SETTINGS: &[u8] = b"\
vm.swappiness = 0
kernel.sysrq = 1
net.ipv4.neigh.default.gc_stale_time = 120
net.ipv4.conf.all.rp_filter = 0
net.ipv4.conf.default.rp_filter = 0
net.ipv4.conf.default.arp_announce = 2
net.ipv4.conf.lo.arp_announce = 2
net.ipv4.conf.all.arp_announce = 2
net.ipv4.tcp_max_tw_buckets = 5000
net.ipv4.tcp_syncookies = 1
net.ipv4.tcp_max_syn_backlog = 1024
net.ipv4.tcp_synack_retries = 2
net.ipv4.tcp_slow_start_after_idle = 0
";

/// The key and the value of a line of sysctl.conf(5). A `-` in front says that a
/// failure does not matter.
fn parse(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let (key, value) = split_once(line, b'=')?;
    let key = key.trim_ascii();
    let key = key.strip_prefix(b"-").unwrap_or(key).trim_ascii();
    Some((key, value.trim_ascii()))
}

/// Whether both lines are about the same key, in which slashes may stand for dots,
/// and whether they have the same value.
#[inline(never)]
fn compare(ours: &[u8], theirs: &[u8]) -> (bool, bool) {
    let (Some(ours), Some(theirs)) = (parse(ours), parse(theirs)) else {
        return (false, false);
    };
    let is_same = |(one, other): (&u8, &u8)| one == other || (*one == b'.' && *other == b'/');
    let is_key = ours.0.len() == theirs.0.len() && ours.0.iter().zip(theirs.0).all(is_same);
    (is_key, ours.1 == theirs.1)
}

/// Mends each value, and adds those that are missing, where the file is ours to fill.
fn edit(out: &mut Buf<'_>, old: &[u8], is_main: bool) {
    for line in lines(old) {
        let mut all = lines(SETTINGS);
        let setting = all.find(|setting| compare(setting.text, line.text).0);
        match setting {
            Some(setting) if !compare(setting.text, line.text).1 => {
                out.push(setting.text);
                out.push(setting.end);
            }
            _ => {
                out.push(line.text);
                out.push(line.end);
            }
        }
    }
    for setting in lines(SETTINGS) {
        let is_there = || lines(old).any(|line| compare(setting.text, line.text).0);
        if is_main && !is_there() {
            end_line(out);
            out.push(setting.text);
            out.push(setting.end);
        }
    }
}
