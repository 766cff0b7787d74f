//! Where a distribution keeps the machine's name.

use crate::text::assignments::{self, Value};
use crate::text::lines::lines;
use crate::text::{Buf, uci};
use core::ffi::CStr;

/// One place where the name may stand.
pub struct Place {
    /// The file, below the root.
    pub path: &'static CStr,
    /// Which form it has.
    pub form: Form,
}

/// How the name is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// The first line that is no comment is the name (hostname(5)).
    Plain,
    /// A shell assignment; appended where it is missing.
    Key(&'static str),
    /// The same with double quotes.
    QuotedKey(&'static str),
    /// A shell assignment; replaced where it is, and not added.
    OptionalKey(&'static str),
    /// OpenWrt's: an option of the section `system`.
    Uci,
}

/// The file that systemd, Debian, Alpine, Arch, Void and plain BusyBox systems
/// read, and that is made where there is none of the others.
pub const PLAIN: Place = Place {
    path: c"etc/hostname",
    form: Form::Plain,
};

/// Those that are written to if they are there.
pub const OTHERS: [Place; 4] = [
    UCI,
    // Slackware, and SUSE before it took etc/hostname.
    Place {
        path: c"etc/HOSTNAME",
        form: Form::Plain,
    },
    // OpenRC (Gentoo); on Alpine etc/hostname comes first, and both agree.
    Place {
        path: c"etc/conf.d/hostname",
        form: Form::QuotedKey("hostname"),
    },
    // RHEL 6 and before; from 7 on only if somebody put it there.
    Place {
        path: c"etc/sysconfig/network",
        form: Form::OptionalKey("HOSTNAME"),
    },
];

/// OpenWrt. Before its first boot the file is not there, and is made, since
/// config_generate would write another name; it leaves a file with content alone.
pub const UCI: Place = Place {
    path: c"etc/config/system",
    form: Form::Uci,
};

/// RHEL 6 and before: the only place, so the key is added.
pub const RHEL_6: Place = Place {
    path: c"etc/sysconfig/network",
    form: Form::Key("HOSTNAME"),
};

impl Form {
    /// Writes `old` with `name` in the place of the name that it had.
    ///
    /// ```
    /// use osconf::hostname::Form;
    /// use osconf::text::Buf;
    ///
    /// let mut bytes = [0; 128];
    /// let mut out = Buf::new(&mut bytes);
    /// let form = Form::Key("HOSTNAME");
    /// form.edit(&mut out, b"NETWORKING=yes\nHOSTNAME=image\n", b"web-1");
    /// assert_eq!(out.as_bytes(), b"NETWORKING=yes\nHOSTNAME=web-1\n");
    /// assert_eq!(form.read(out.as_bytes()), Some(&b"web-1"[..]));
    /// ```
    pub fn edit(self, out: &mut Buf<'_>, old: &[u8], name: &[u8]) {
        match self {
            Self::Plain => edit_plain(out, old, name),
            Self::OptionalKey(key) if assignments::get(old, key).is_none() => out.push(old),
            Self::Key(key) | Self::OptionalKey(key) => {
                assignments::set(out, old, &[(key, Value::Word(name))], &[]);
            }
            Self::QuotedKey(key) => {
                assignments::set(out, old, &[(key, Value::Quoted(name))], &[]);
            }
            Self::Uci => edit_uci(out, old, name),
        }
    }

    /// The name that `text` holds.
    #[must_use]
    pub fn read(self, text: &[u8]) -> Option<&[u8]> {
        match self {
            Self::Plain => lines(text)
                .map(|line| line.text.trim_ascii())
                .find(|line| is_name(line)),
            Self::Key(key) | Self::QuotedKey(key) | Self::OptionalKey(key) => {
                assignments::get(text, key).filter(|name| !name.is_empty())
            }
            Self::Uci => uci::find(text, &is_system)?
                .get("hostname")
                .filter(|name| !name.is_empty()),
        }
    }
}

fn is_name(line: &[u8]) -> bool {
    !matches!(line.first(), None | Some(b'#'))
}

fn edit_plain(out: &mut Buf<'_>, old: &[u8], name: &[u8]) {
    let mut written = false;
    for line in lines(old) {
        if written || !is_name(line.text.trim_ascii()) {
            out.push(line.text);
            out.push(line.end);
        } else {
            write_line(out, name);
            written = true;
        }
    }
    if !written {
        assignments::end_line(out);
        write_line(out, name);
    }
}

fn is_system(section: &uci::Section<'_>) -> bool {
    section.kind == b"system"
}

/// The first section of the kind is the one that counts (`@system[0]`).
fn edit_uci(out: &mut Buf<'_>, old: &[u8], name: &[u8]) {
    let settings = [("hostname", Value::Word(name))];
    let mut written = false;
    for section in uci::sections(old) {
        if is_system(&section) && !written {
            section.set(out, &settings, &[]);
            written = true;
        } else {
            section.copy(out);
        }
    }
    if !written {
        uci::end_section(out);
        out.push(b"config system\n");
        uci::Section::default().set(out, &settings, &[]);
    }
    if old.is_empty() {
        out.push(CLOCK);
    }
}

/// What config_generate would have added, and what has no default.
const CLOCK: &[u8] = b"
config timeserver 'ntp'
\tlist server '0.openwrt.pool.ntp.org'
\tlist server '1.openwrt.pool.ntp.org'
\tlist server '2.openwrt.pool.ntp.org'
\tlist server '3.openwrt.pool.ntp.org'
";

fn write_line(out: &mut Buf<'_>, name: &[u8]) {
    out.push(name);
    out.push(b"\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_replaced_where_it_stands() {
        for (form, old, new) in [
            (Form::Plain, "", "new\n"),
            (Form::Plain, "old\n", "new\n"),
            (Form::Plain, "old", "new\n"),
            (Form::Plain, "# by hand\n\nold\n", "# by hand\n\nnew\n"),
            (Form::Plain, "# by hand", "# by hand\nnew\n"),
            (
                Form::Key("HOSTNAME"),
                "NETWORKING=yes\n",
                "NETWORKING=yes\nHOSTNAME=new\n",
            ),
            (
                Form::Key("HOSTNAME"),
                "HOSTNAME=a.b\nX=1\n",
                "HOSTNAME=new\nX=1\n",
            ),
            (
                Form::OptionalKey("HOSTNAME"),
                "NETWORKING=yes\n",
                "NETWORKING=yes\n",
            ),
            (
                Form::OptionalKey("HOSTNAME"),
                "HOSTNAME=a\n",
                "HOSTNAME=new\n",
            ),
            (
                Form::QuotedKey("hostname"),
                "# x\nhostname='a'\n",
                "# x\nhostname=\"new\"\n",
            ),
            (
                Form::Uci,
                "config ntp\n\nconfig system\n\toption hostname \"a\" # x\n\toption k v\n",
                "config ntp\n\nconfig system\n\toption hostname 'new'\n\toption k v\n",
            ),
            (
                Form::Uci,
                "config system 's'",
                "config system 's'\n\toption hostname 'new'\n",
            ),
        ] {
            let mut bytes = [0; 256];
            let mut out = Buf::new(&mut bytes);
            form.edit(&mut out, old.as_bytes(), b"new");
            assert_eq!(out.as_bytes(), new.as_bytes(), "{form:?} {old}");
        }
        assert_eq!(Form::Plain.read(b"# x\n old \n"), Some(&b"old"[..]));
        for (form, text, name) in [
            (Form::QuotedKey("hostname"), "hostname=\"a\"", Some("a")),
            (Form::Key("HOSTNAME"), "HOSTNAME=\n", None),
            (Form::Uci, "config system\n\toption hostname a\n", Some("a")),
            (Form::Uci, "config system\n\toption hostname ''\n", None),
        ] {
            let found = form.read(text.as_bytes());
            assert_eq!(found, name.map(str::as_bytes), "{text}");
        }
    }
}
