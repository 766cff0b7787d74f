//! How each init starts the program at boot: which files, where, and by what a
//! root with that init is known. What does the work is the agent's part.
//!
//! The files themselves lie in `targets/init` and are part of the binary, so that
//! the one file is the whole product.

use crate::text::Buf;
use crate::text::lines::{lines, words};
use crate::text::split::split_once;
use core::ffi::CStr;

/// Where the binary goes; every start file names it.
pub const BINARY: &[u8] = b"usr/sbin/osconf";

/// The list of dependencies that startpar(8) goes by instead of the links' numbers.
/// What is not in it is not started (`filter_files` in its makeboot.c); insserv(8)
/// writes it anew from the headers whenever a package is installed.
pub const DEPENDENCIES: &CStr = c"etc/init.d/.depend.boot";

/// What `--init` takes.
pub const NAMES: &str = "systemd, procd, s6-rc, runit, openrc, sysvinit, busybox or none";

/// Each init: its name and what it is known by, then its files.
///
/// | written | means |
/// | --- | --- |
/// | `NAME /PATH` | it is this init if something is there |
/// | `NAME >WORD` | … if the link `/sbin/init` has this in it |
/// | `NAME ?WORD` | … if `/etc/init.d/rcS` has this in it |
/// | `-PATH N` | a file with the content that has this number |
/// | `*PATH N` | … that can be executed |
/// | `@PATH TEXT` | a symbolic link |
const INITS: &str = concat!(
    // systemd.special(7): network-pre.target is for what must be done before any
    // network is configured; bootup(7): local-fs.target comes before sysinit.target.
    // systemctl(1), enable, makes this link.
    "systemd >systemd\n",
    "-etc/systemd/system/osconf.service 0\n",
    "@etc/systemd/system/sysinit.target.wants/osconf.service /etc/systemd/system/osconf.service\n",
    // base-files of OpenWrt: boot has START=10, network START=20; rc.common's
    // `enable` makes this link.
    "procd /sbin/procd\n",
    "*etc/init.d/osconf 1\n",
    "@etc/rc.d/S15osconf ../init.d/osconf\n",
    // s6-rc-compile: a service waits for those in its dependencies.d, and there is
    // no word for the other direction. Where the sources lie is everybody's own
    // choice; the second place is Artix' for an administrator's.
    "s6-rc /etc/s6-rc/source\n",
    "-etc/s6-rc/source/osconf/type 2\n",
    "-etc/s6-rc/source/osconf/up 3\n",
    "s6-rc /etc/s6/adminsv\n",
    "-etc/s6/adminsv/osconf/type 2\n",
    "-etc/s6/adminsv/osconf/up 3\n",
    // void-runit: /etc/runit/1 sources these in the order of their names;
    // 03-filesystems.sh mounts, 05-misc.sh sets the host name.
    "runit /etc/runit/core-services\n",
    "-etc/runit/core-services/04-osconf.sh 4\n",
    // openrc-run(8); rc-update(8) makes this link.
    "openrc /etc/init.d/localmount\n",
    "*etc/init.d/osconf 5\n",
    "@etc/runlevels/boot/osconf /etc/init.d/osconf\n",
    // Debian's has the scripts of sysvinit, all of rcS.d in this runlevel, and never
    // enters `boot` (its /etc/init.d/rcS and rc). Of their headers it does not read
    // X-Start-Before (its lsb2rcconf).
    "openrc /etc/runlevels/sysinit\n",
    "*etc/init.d/osconf 5\n",
    "@etc/runlevels/sysinit/osconf /etc/init.d/osconf\n",
    // Debian and Devuan, with runit as well, whose /etc/runit/1 runs these links; and
    // OpenEmbedded, where mountall.sh has 03, hostname.sh 39, and networking is not
    // in this level.
    "sysvinit /etc/rcS.d\n",
    "*etc/init.d/osconf 6\n",
    "@etc/rcS.d/S40osconf ../init.d/osconf\n",
    // CentOS 6: rc.sysinit mounts, then the links of the level are run; network
    // has 10 there (initscripts, `chkconfig: 2345 10 90`).
    "sysvinit /etc/rc.d/rc.sysinit\n",
    "*etc/rc.d/init.d/osconf 6\n",
    "@etc/rc.d/rc2.d/S05osconf ../init.d/osconf\n",
    "@etc/rc.d/rc3.d/S05osconf ../init.d/osconf\n",
    "@etc/rc.d/rc4.d/S05osconf ../init.d/osconf\n",
    "@etc/rc.d/rc5.d/S05osconf ../init.d/osconf\n",
    // Slackware: rc.S has rc.sysvinit run the links of `S`, which init(8) calls the level
    // then, when it has mounted; rc.M runs rc.inet1 after it (sysvinit-scripts).
    "sysvinit /etc/rc.d/rc.sysvinit\n",
    "*etc/rc.d/rcS.d/S40osconf 6\n",
    // Buildroot: rcS runs /etc/init.d/S??*; S10mdev, S10udev and S11modules bring
    // drivers, S40network the network.
    "busybox ?/S??*\n",
    "*etc/init.d/S39osconf 7\n",
    // Only if it is asked for: nothing has an empty word in it.
    "none ?\n",
);

/// What the files have in them, by their number in [`INITS`].
const CONTENTS: [&str; 8] = [
    include_str!("../targets/init/systemd/osconf.service"),
    include_str!("../targets/init/procd/osconf"),
    include_str!("../targets/init/s6-rc/type"),
    include_str!("../targets/init/s6-rc/up"),
    include_str!("../targets/init/runit/04-osconf.sh"),
    include_str!("../targets/init/openrc/osconf"),
    include_str!("../targets/init/sysvinit/osconf"),
    include_str!("../targets/init/busybox/S39osconf"),
];

/// What is left to do by hand, for inits of which that is so.
const THEN: [(&[u8], &str); 2] = [
    (
        b"s6-rc",
        "let the service that starts the network depend on osconf, and compile the database anew",
    ),
    (
        b"none",
        "have each boot run this before the network starts: /usr/sbin/osconf apply --log kmsg",
    ),
];

/// One way of being started at boot.
#[derive(Clone, Copy)]
pub struct Init {
    /// What `--init` calls it.
    pub name: &'static [u8],
    /// Its files, and all that follow in the table.
    files: &'static [u8],
}

impl Init {
    /// Hands each of its files to `each`.
    pub fn files(&self, each: &mut dyn FnMut(&StartFile)) {
        for line in lines(self.files) {
            let Some(file) = StartFile::read(line.text) else {
                break;
            };
            each(&file);
        }
    }

    /// What is left to do by hand.
    #[must_use]
    pub fn then(&self) -> Option<&'static str> {
        let known = THEN.iter().find(|(name, _)| *name == self.name);
        known.map(|(_, then)| *then)
    }
}

/// A file, or a link, that starts the program.
pub struct StartFile {
    /// Where it goes, below the root.
    pub path: &'static [u8],
    /// Its mode, if it is a file.
    pub mode: Option<u32>,
    /// Its content, or the text of the link.
    pub content: &'static [u8],
}

impl StartFile {
    fn read(line: &'static [u8]) -> Option<Self> {
        let (path, content) = split_once(line, b' ')?;
        let (kind, path) = path.split_first()?;
        let mode = match kind {
            b'-' => Some(0o644),
            b'*' => Some(0o755),
            b'@' => None,
            _ => return None,
        };
        let number = usize::from(content.first()?.wrapping_sub(b'0'));
        Some(Self {
            path,
            mode,
            content: match mode {
                Some(_) => CONTENTS.get(number)?.as_bytes(),
                None => content,
            },
        })
    }
}

/// Hands each file of all inits to `each`.
pub fn all_files(each: &mut dyn FnMut(&StartFile)) {
    for line in lines(INITS.as_bytes()) {
        if let Some(file) = StartFile::read(line.text) {
            each(&file);
        }
    }
}

/// The init of a root: of those that are called `name`, if that is said, the one
/// that fits, or else the first; otherwise the first that fits. `is_so` tells
/// whether a fact is true: a mark and what stands behind it.
pub fn find(name: Option<&[u8]>, is_so: &mut dyn FnMut(u8, &[u8]) -> bool) -> Option<Init> {
    let mut called = None;
    let mut all = lines(INITS.as_bytes());
    while let Some(line) = all.next() {
        let Some((known @ [b'a'..=b'z', ..], [mark, rest @ ..])) = split_once(line.text, b' ')
        else {
            continue;
        };
        let init = Init {
            name: known,
            files: all.rest,
        };
        if name.is_some_and(|name| name != known) {
            continue;
        }
        if is_so(*mark, rest) {
            return Some(init);
        }
        if name.is_some() {
            called = called.or(Some(init));
        }
    }
    called
}

/// What `--binary` and a program of the root must have in common: the class, the
/// byte order and the machine (elf(5)). None, if it is no ELF file.
#[must_use]
pub fn machine(program: &[u8]) -> Option<[u8; 4]> {
    match program {
        [0x7f, b'E', b'L', b'F', class, order, rest @ ..] => {
            Some([*class, *order, *rest.get(12)?, *rest.get(13)?])
        }
        _ => None,
    }
}

/// Edits [`DEPENDENCIES`]: whether the program is to be in it, after the local file
/// systems (`$local_fs` of Debian's insserv.conf) and before the network.
pub fn edit_dependencies(out: &mut Buf<'_>, old: &[u8], is_in: bool) {
    for line in lines(old) {
        let mut all = words(line.text);
        let first = all.next().unwrap_or_default();
        if first == b"osconf:" {
            continue;
        }
        out.push(first);
        for word in all {
            if word != b"osconf" {
                out.push(b" ");
                out.push(word);
            }
        }
        let is_list = first == b"TARGETS";
        if is_in && (is_list || first == b"networking:") {
            out.push(b" osconf");
        }
        out.push(line.end);
        if is_in && is_list {
            out.push(b"osconf: udev mountall.sh mountall-bootclean.sh\n");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_is_an_init_or_a_file_of_it() {
        let mut used = [false; CONTENTS.len()];
        for line in lines(INITS.as_bytes()) {
            let Some(file) = StartFile::read(line.text) else {
                assert!(matches!(line.text, [b'a'..=b'z', ..]));
                continue;
            };
            assert!(!file.path.starts_with(b"/"));
            let own = CONTENTS
                .iter()
                .position(|own| own.as_bytes() == file.content);
            assert_eq!(own.is_some(), file.mode.is_some());
            if let Some(own) = own {
                used[own] = true;
            }
        }
        assert!(used.iter().all(|used| *used));
    }

    #[test]
    fn an_init_that_is_named_is_taken_by_what_fits_or_else_the_first() {
        let path_of = |name: Option<&[u8]>, there: &[u8]| {
            let init = find(name, &mut |mark, text| mark == b'/' && text == there)?;
            let mut first = None;
            init.files(&mut |file| first = first.or(Some(file.path)));
            first
        };
        let centos = b"etc/rc.d/init.d/osconf";
        assert_eq!(path_of(None, b"etc/rc.d/rc.sysinit").unwrap(), centos);
        let name = Some(&b"sysvinit"[..]);
        assert_eq!(path_of(name, b"etc/rc.d/rc.sysinit").unwrap(), centos);
        assert_eq!(path_of(name, b"").unwrap(), b"etc/init.d/osconf");
        assert!(path_of(None, b"etc").is_none());
        assert!(find(Some(b"upstart"), &mut |_, _| true).is_none());
    }

    #[test]
    fn the_list_of_startpar_may_lack_the_network() {
        let mut bytes = [0; 256];
        let mut out = Buf::new(&mut bytes);
        edit_dependencies(&mut out, b"TARGETS = udev\nudev:\n", true);
        let new = b"TARGETS = udev osconf\nosconf: udev mountall.sh mountall-bootclean.sh\nudev:\n";
        assert_eq!(out.as_bytes(), new);
    }
}
