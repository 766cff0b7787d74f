//! Alibaba's time servers, told to whichever program sets the clock.

use super::lists::{self, Each};
use super::{Item, Wishes, is_there};
use crate::check::Look;
use crate::text::assignments::{self, Value, end_line};
use crate::text::lines::{lines, words};
use crate::text::{Buf, uci};
use core::ffi::CStr;

pub(super) const ITEM: Item = Item {
    name: "ntp",
    wants: "chrony, ntpd, timesyncd, OpenNTPD, BusyBox or OpenWrt ask Alibaba's 20 time servers",
    plan: |look, _, wishes| {
        plan_chrony(look, wishes);
        plan_ntp(look, wishes);
        if TIMESYNCD.iter().any(|path| is_there(look, path))
            || look.link(TIMESYNCD_ON, &mut |_| {}).is_ok()
        {
            let path = c"etc/systemd/timesyncd.conf.d/99-osconf.conf";
            wishes.write(path, |out, _, _, _| timesyncd(out), 0);
        }
        wishes.mend(b"etc/config/system", |out, old, _, _| openwrt(out, old), 0);
        wishes.mend(b"etc/conf.d/ntpd", |out, old, _, _| alpine(out, old), 0);
    },
};

/// The servers, without their domain, in chrony's order of the norm; the list for ntpd
/// begins with the second.
const SERVERS: &[u8] = b"ntp.cloud ntp ntp1 ntp1.cloud ntp10.cloud ntp11.cloud ntp12.cloud \
    ntp2 ntp2.cloud ntp3 ntp3.cloud ntp4 ntp4.cloud ntp5 ntp5.cloud ntp6 ntp6.cloud \
    ntp7.cloud ntp8.cloud ntp9.cloud";

/// Hands a line for each server to `each`.
#[inline(never)]
fn each_server(each: &mut Each<'_>, is_chrony: bool, start: &[u8], end: &[u8]) {
    let mut servers = words(SERVERS);
    let mut put = |name: &[u8]| {
        let mut bytes = [0; 96];
        let mut line = Buf::new(&mut bytes);
        line.push(start);
        line.push(name);
        line.push(match name.ends_with(b".cloud") {
            true => b".aliyuncs.com",
            false => b".aliyun.com",
        });
        line.push(end);
        each(line.as_bytes());
    };
    if !is_chrony && let (Some(first), Some(second)) = (servers.next(), servers.next()) {
        put(second);
        put(first);
    }
    servers.for_each(put);
}

const TIMESYNCD: [&CStr; 2] = [
    c"usr/lib/systemd/systemd-timesyncd",
    c"lib/systemd/systemd-timesyncd",
];
const TIMESYNCD_ON: &CStr = c"etc/systemd/system/sysinit.target.wants/systemd-timesyncd.service";

fn plan_chrony(look: &dyn Look, wishes: &mut Wishes) {
    let [debian, other] = [c"etc/chrony/chrony.conf", c"etc/chrony.conf"];
    let is_installed = || {
        [c"usr/sbin/chronyd", c"usr/bin/chronyd"]
            .iter()
            .any(|path| is_there(look, path))
    };
    let path = match () {
        () if is_there(look, debian) => debian,
        () if is_there(look, other) => other,
        () if !is_installed() => return,
        () if is_there(look, c"etc/chrony") => debian,
        () => other,
    };
    wishes.write(path, |out, old, _, _| chrony(out, old), 0);
}

/// OpenNTPD's program has the same name as ntpd's; its file tells it.
fn plan_ntp(look: &dyn Look, wishes: &mut Wishes) {
    let mut is_told = false;
    for path in [
        c"etc/ntpd.conf",
        c"etc/openntpd/ntpd.conf",
        c"etc/openntpd.conf",
    ] {
        if is_there(look, path) {
            is_told = true;
            wishes.write(path, |out, old, _, _| openntpd(out, old), 0);
        }
    }
    for path in [c"etc/ntp.conf", c"etc/ntpsec/ntp.conf"] {
        if is_there(look, path) {
            is_told = true;
            wishes.write(path, |out, old, _, _| ntp(out, old), 0);
        }
    }
    if !is_told && is_there(look, c"usr/sbin/ntpd") {
        wishes.write(c"etc/ntp.conf", |out, old, _, _| ntp(out, old), 0);
    }
}

/// Whether the first word of a line is one of these, in whatever case.
fn begins(line: &[u8], names: &[&str]) -> bool {
    let first = words(line).next().unwrap_or_default();
    names
        .iter()
        .any(|name| name.as_bytes().eq_ignore_ascii_case(first))
}

/// Hands those of `defaults` to `each` of which the file has no line.
fn each_default(each: &mut Each<'_>, old: &[u8], defaults: &[(&str, &str)]) {
    for (name, line) in defaults {
        if !lines(old).any(|old| begins(old.text, &[name])) {
            each(line.as_bytes());
        }
    }
}

/// chrony.conf(5): of most directives the last one counts. Where it keeps its files
/// is the distribution's own matter.
fn chrony(out: &mut Buf<'_>, old: &[u8]) {
    let wanted = |each: &mut Each<'_>| {
        each_server(each, true, b"server ", b" minpoll 4 maxpoll 10 iburst");
        lines(CHRONY).for_each(|line| each(line.text));
        let defaults = [
            ("driftfile", "driftfile /var/lib/chrony/drift"),
            ("logdir", "logdir /var/log/chrony"),
        ];
        each_default(each, old, &defaults);
    };
    let names = [
        "server",
        "pool",
        "peer",
        "stratumweight",
        "rtcsync",
        "makestep",
        "bindcmdaddress",
        "noclientlog",
        "logchange",
    ];
    lists::set(out, old, &wanted, &|line| begins(line, &names));
}

const CHRONY: &[u8] = b"\
stratumweight 0.05
rtcsync
makestep 10 3
bindcmdaddress 127.0.0.1
bindcmdaddress ::1
noclientlog
logchange 0.5
";

/// ntp.conf(5), which BusyBox reads for its `server` lines.
fn ntp(out: &mut Buf<'_>, old: &[u8]) {
    let wanted = |each: &mut Each<'_>| {
        let defaults = [
            ("driftfile", "driftfile /var/lib/ntp/drift"),
            ("pidfile", "pidfile /var/run/ntpd.pid"),
            ("logfile", "logfile /var/log/ntp.log"),
        ];
        each_default(each, old, &defaults);
        lines(NTP).for_each(|line| each(line.text));
        each_server(
            each,
            false,
            b"restrict ",
            b" nomodify notrap nopeer noquery",
        );
        each_server(each, false, b"server ", b" iburst minpoll 4 maxpoll 10");
    };
    lists::set(out, old, &wanted, &|line| {
        begins(line, &["server", "pool", "peer", "fudge"]) || is_default_restriction(line)
    });
}

const NTP: &[u8] = b"\
restrict default kod nomodify notrap nopeer noquery
restrict -6 default kod nomodify notrap nopeer noquery
restrict 127.0.0.1
restrict 192.168.0.0 mask 255.255.0.0 nomodify notrap nopeer noquery
restrict 172.16.0.0 mask 255.240.0.0 nomodify notrap nopeer noquery
restrict 100.64.0.0 mask 255.192.0.0 nomodify notrap nopeer noquery
restrict 10.0.0.0 mask 255.0.0.0 nomodify notrap nopeer noquery
server 127.127.1.0
fudge 127.127.1.0 stratum 10
";

/// `restrict default`, `restrict -4 default`, `restrict -6 default`.
fn is_default_restriction(line: &[u8]) -> bool {
    let mut all = words(line);
    let is_restrict = all.next() == Some(b"restrict");
    let next = all.find(|word| !word.starts_with(b"-"));
    is_restrict && next == Some(b"default")
}

/// ntpd.conf(5) of OpenNTPD knows neither intervals nor bursts.
fn openntpd(out: &mut Buf<'_>, old: &[u8]) {
    let wanted = |each: &mut Each<'_>| each_server(each, false, b"server ", b"");
    lists::set(out, old, &wanted, &|line| {
        begins(line, &["server", "servers"])
    });
}

/// timesyncd.conf(5): an empty value forgets what other files said.
fn timesyncd(out: &mut Buf<'_>) {
    out.push(b"[Time]\nNTP=\nNTP=");
    put_servers(out, b"", b" ");
}

/// All servers on one line.
fn put_servers(out: &mut Buf<'_>, start: &[u8], between: &[u8]) {
    let mut is_first = true;
    each_server(
        &mut |server| {
            if !is_first {
                out.push(between);
            }
            is_first = false;
            out.push(server);
        },
        false,
        start,
        b"",
    );
    out.push(b"\n");
}

/// BusyBox' ntpd as Alpine starts it; Gentoo's file of that name has no servers.
fn alpine(out: &mut Buf<'_>, old: &[u8]) {
    let key = "NTPD_OPTS";
    let has_servers = assignments::get(old, key)
        .is_some_and(|value| words(value).any(|word| word.starts_with(b"-p")));
    if !has_servers {
        return out.push(old);
    }
    let mut bytes = [0; 1024];
    let mut value = Buf::new(&mut bytes);
    value.push(b"-N ");
    put_servers(&mut value, b"-p ", b" ");
    let value = value.as_bytes().trim_ascii_end();
    assignments::set(out, old, &[(key, Value::Quoted(value))], &[]);
}

/// OpenWrt's sysntpd.
fn openwrt(out: &mut Buf<'_>, old: &[u8]) {
    for section in uci::sections(old) {
        let is_it = section.kind == b"timeserver";
        // Whether the list is ours, word for word, and nothing behind it.
        let mut found = 0;
        let mut is_so = true;
        section.each_word("server", &mut |word| {
            let mut number = 0;
            let mut is_ours = false;
            each_server(
                &mut |server| {
                    is_ours |= number == found && server == word;
                    number += 1;
                },
                false,
                b"",
                b"",
            );
            is_so &= is_ours;
            found += 1;
        });
        if !is_it || (is_so && found == words(SERVERS).count()) {
            section.copy(out);
            continue;
        }
        section.without(out, &["server"], &|_| true);
        end_line(out);
        let put = &mut |line: &[u8]| out.push(line);
        each_server(put, false, b"\tlist server '", b"'\n");
    }
}
