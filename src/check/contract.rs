//! The contract of "Customized Linux": what ECS counts on in an image for which it
//! writes os.conf and does nothing else, and what it demands of its safety.

use super::look::{Look, Unseen, is_there};
use super::services;
use super::{AS_ROOT, Finding, Group, Item, ON_IMAGE, failed, unknown, warning};
use crate::install;
use crate::partition::Kind;
use crate::text::lines::lines;
use crate::text::split::split;
use crate::text::{contains, put};
use crate::value::Path;
use core::ffi::CStr;

pub(super) const PARTITION: Item = Item {
    group: Group::Contract,
    number: 21,
    name: "first partition",
    comment: "ECS writes os.conf to the first partition: it must be FAT32, ext2, ext3, ext4 or UFS, and be writable.",
    cases: &[
        failed("make the first partition FAT32, ext2, ext3 or ext4"),
        warning(
            "make the first partition FAT32, ext2, ext3 or ext4: Linux cannot write to UFS, so os.conf, with the password, stays",
        ),
        unknown(ON_IMAGE),
    ],
    judge: |look, finding| match look.disk() {
        Ok(disk) if let Some(kind) = disk.first => {
            let case = match kind {
                Kind::Fat32 | Kind::Ext2 | Kind::Ext3 | Kind::Ext4 => 0,
                Kind::Ufs1 | Kind::Ufs2 => 2,
                _ => 1,
            };
            finding.note(case, &|out| {
                put!(
                    out,
                    "the first partition is {}",
                    match kind {
                        Kind::Fat12 => "FAT12",
                        Kind::Fat16 => "FAT16",
                        Kind::Fat32 => "FAT32",
                        other => other.name(),
                    }
                );
            });
        }
        Ok(disk) if disk.scheme.is_some() => {
            finding.say(1, &[b"the first partition has none of the file systems"]);
        }
        _ => finding.say(3, &[b"the first partition is not known"]),
    },
};

pub(super) const FOLDER: Item = Item {
    group: Group::Contract,
    number: 22,
    name: "os.conf directory",
    comment: "The folder aliyun_custom_image at the top of the first partition tells ECS that the image takes os.conf.",
    cases: &[
        failed("make it: mkdir /aliyun_custom_image on the first partition, or osconf install"),
        unknown("look for it where the first partition is mounted: osconf locate"),
    ],
    judge: |look, finding| match look.has_folder() {
        Ok(true) => finding.say(0, &[b"aliyun_custom_image is there"]),
        Ok(false) => finding.say(
            1,
            &[b"the first partition has no folder aliyun_custom_image"],
        ),
        Err(_) => finding.say(2, &[b"the first partition is not mounted here"]),
    },
};

pub(super) const AGENT: Item = Item {
    group: Group::Contract,
    number: 23,
    name: "agent",
    comment: "A program of the image must carry out os.conf at every boot, before the network starts.",
    cases: &[
        failed("install it: osconf install --root DIR"),
        failed("install it anew, for the init that is there: osconf install --root DIR"),
        unknown("have each boot run osconf apply before the network starts"),
    ],
    judge: |look, finding| {
        let binary = Path::new(&[install::BINARY]);
        if !binary.is_some_and(|path| look.is_program(path.as_c_str())) {
            return finding.say(1, &[b"there is no /", install::BINARY]);
        }
        let Some(init) = find_init(look) else {
            return finding.say(3, &[b"which init this root has is not known"]);
        };
        init.files(&mut |file| {
            let Some(path) = numbered(look, file.path) else {
                return;
            };
            let is_link = look.link(path.as_c_str(), &mut |_| {}).is_ok();
            let is_there = is_link || is_there(look, path.as_c_str());
            let case = if is_there { 0 } else { 2 };
            let what: &[u8] = if is_there {
                b" is there"
            } else {
                b" is missing"
            };
            finding.say(case, &[b"/", path.as_bytes(), what]);
        });
    },
};

/// The path of a start file. One that is run in the order of its number may have any:
/// insserv(8) gives it another.
fn numbered(look: &dyn Look, path: &[u8]) -> Option<Path> {
    let path = Path::new(&[path])?;
    let mut found = None;
    if let [b'S', _, _, name @ ..] = path.name().to_bytes() {
        let folder = path.folder();
        let _ = look.list(folder.as_c_str(), &mut |entry| {
            let entry = entry.to_bytes();
            if matches!(entry, [b'S', _, _, rest @ ..] if rest == name) {
                found = Path::new(&[folder.as_bytes(), b"/", entry]);
            }
            found.is_none()
        });
    }
    found.or(Some(path))
}

/// The init of the root, by the facts of the table of start files.
fn find_init(look: &dyn Look) -> Option<install::Init> {
    install::find(None, &mut |mark, text| {
        let mut is_so = false;
        let mut says = |content: &[u8]| is_so = contains(content, text);
        match mark {
            b'/' => is_so = Path::new(&[text]).is_some_and(|path| is_there(look, path.as_c_str())),
            b'>' => is_so = look.link(c"sbin/init", &mut says).is_ok() && is_so,
            _ => is_so = look.read(c"etc/init.d/rcS", &mut says).is_ok() && is_so,
        }
        is_so
    })
}

pub(super) const DEFAULT_PASSWORD: Item = Item {
    group: Group::Contract,
    number: 24,
    name: "default password",
    comment: "An image must not have a password that everybody knows: root has none until ECS sets one, or must change it at the first login.",
    cases: &[
        failed("lock it: passwd -l root"),
        warning("lock it: passwd -l root; or have it changed at the first login: chage -d 0 root"),
        unknown(AS_ROOT),
    ],
    judge: |look, finding| {
        for path in [c"etc/shadow", c"etc/passwd"] {
            let seen = look.read(path, &mut |text| default_password(finding, path, text));
            if seen == Err(Unseen::Hidden) {
                finding.say(3, &[b"/", path.to_bytes(), b" cannot be read"]);
            }
        }
        finding.say(0, &[b"no account has a password of the image"]);
    },
};

/// Judges every line of shadow(5) or passwd(5): nobody but the owner of the image
/// knows which of the accounts can log in.
fn default_password(finding: &mut Finding<'_>, path: &CStr, text: &[u8]) {
    let is_shadow = path == c"etc/shadow";
    for (number, line) in (1_u32..).zip(lines(text)) {
        let mut fields = split(line.text, b':');
        let (Some(name), Some(hash), day) = (fields.next(), fields.next(), fields.next()) else {
            continue;
        };
        // `*` and `!` are locked; `x` in passwd is told by shadow. Only a hash of
        // crypt(5), or nothing at all, lets somebody in.
        // Comments, and what NIS adds (nsswitch.conf(5), compat), are no accounts.
        if let [] | [b'+' | b'-' | b'#', ..] = name {
            continue;
        }
        let case = match hash {
            b"" => 1,
            b"x" | [b'*' | b'!', ..] => continue,
            _ if is_shadow && day == Some(b"0") => continue,
            _ => 2,
        };
        finding.note(case, &|out| {
            put!(out, "/");
            out.push(path.to_bytes());
            put!(out, ":{}: ", number);
            out.push(name);
            put!(
                out,
                "{}",
                if case == 1 {
                    " needs no password"
                } else {
                    " has a password"
                }
            );
        });
    }
}

/// What a machine makes for itself, and every instance would share: the folder, what
/// a name there begins and ends with.
const OWN_FILES: [(&CStr, &[u8], &[u8]); 3] = [
    (c"etc/ssh", b"ssh_host_", b"_key"),
    (c"etc/dropbear", b"dropbear_", b"_host_key"),
    (c"etc/openssh", b"ssh_host_", b"_key"),
];

pub(super) const HOST_KEYS: Item = Item {
    group: Group::Contract,
    number: 25,
    name: "host keys",
    comment: "Host keys of SSH in an image are the same in every instance, and known to all who have the image.",
    cases: &[
        warning("remove them, and have them made at the first boot: rm /etc/ssh/ssh_host_*_key*"),
        unknown(AS_ROOT),
    ],
    judge: |look, finding| {
        for (folder, before, after) in OWN_FILES {
            let seen = look.list(folder, &mut |name| {
                let name = name.to_bytes();
                if name.starts_with(before) && name.ends_with(after) {
                    finding.say(1, &[b"/", folder.to_bytes(), b"/", name]);
                }
                true
            });
            if seen == Err(Unseen::Hidden) {
                finding.say(2, &[b"/", folder.to_bytes(), b" cannot be listed"]);
            }
        }
        finding.say(0, &[b"there are none"]);
    },
};

/// Notes a file that has anything in it.
fn must_be_empty(look: &dyn Look, finding: &mut Finding<'_>, path: &CStr, hidden: u8) {
    let mut is_empty = true;
    let seen = look.read(path, &mut |text| is_empty = text.trim_ascii().is_empty());
    match seen {
        Ok(()) if !is_empty => finding.say(1, &[b"/", path.to_bytes(), b" is not empty"]),
        Err(Unseen::Hidden) => finding.say(hidden, &[b"/", path.to_bytes(), b" cannot be read"]),
        _ => {}
    }
}

pub(super) const AUTHORIZED_KEYS: Item = Item {
    group: Group::Contract,
    number: 26,
    name: "authorized keys",
    comment: "An image must not let in who has a key pair of its maker's.",
    cases: &[warning("remove the file"), unknown(AS_ROOT)],
    judge: |look, finding| {
        for path in [
            c"root/.ssh/authorized_keys",
            c"root/.ssh/authorized_keys2",
            c"etc/dropbear/authorized_keys",
        ] {
            must_be_empty(look, finding, path, 2);
        }
        finding.say(0, &[b"root has none"]);
    },
};

pub(super) const MACHINE_ID: Item = Item {
    group: Group::Contract,
    number: 27,
    name: "machine id",
    comment: "What tells one machine from another must not be the same in every instance (machine-id(5)).",
    cases: &[
        warning("empty it: truncate -s 0 /etc/machine-id; rm -f /var/lib/dbus/machine-id"),
        unknown(AS_ROOT),
    ],
    judge: |look, finding| {
        let mut is_set = false;
        let _ = look.read(c"etc/machine-id", &mut |text| {
            let text = text.trim_ascii();
            is_set = !text.is_empty() && text != b"uninitialized";
        });
        if is_set {
            finding.say(1, &[b"/etc/machine-id is set"]);
        }
        // Where it is a link to the other, it is judged with that.
        if look.link(c"var/lib/dbus/machine-id", &mut |_| {}).is_err() {
            must_be_empty(look, finding, c"var/lib/dbus/machine-id", 2);
        }
        finding.say(0, &[b"it is not set"]);
    },
};

/// What was typed and logged while the image was made.
const TRACES: [&CStr; 12] = [
    c"root/.bash_history",
    c"root/.ash_history",
    c"root/.history",
    c"root/.zsh_history",
    c"var/log/messages",
    c"var/log/syslog",
    c"var/log/auth.log",
    c"var/log/secure",
    c"var/log/wtmp",
    c"var/log/btmp",
    c"var/log/lastlog",
    c"var/log/cloud-init.log",
];

pub(super) const LOGS: Item = Item {
    group: Group::Contract,
    number: 28,
    name: "logs and histories",
    comment: "An image should not tell how it was made: logs and histories of shells may hold secrets.",
    cases: &[
        warning("empty them: osconf prepare --only clean"),
        unknown(AS_ROOT),
    ],
    judge: |look, finding| {
        for path in TRACES {
            must_be_empty(look, finding, path, 2);
        }
        finding.say(0, &[b"there are none"]);
    },
};

/// What this program keeps of one machine.
const LEFT: [&CStr; 3] = [
    c"etc/osconf/replaced",
    c"etc/osconf/record",
    c"etc/osconf/network",
];

pub(super) const LEFT_OVERS: Item = Item {
    group: Group::Contract,
    number: 29,
    name: "osconf's own files",
    comment: "What osconf kept on the machine that the image was made from, such as hashes of passwords under /etc/osconf/replaced, must not be in the image.",
    cases: &[
        warning("remove them: rm -rf /etc/osconf/replaced /etc/osconf/record /etc/osconf/network"),
        unknown(AS_ROOT),
    ],
    judge: |look, finding| {
        for path in LEFT {
            match look.kind(path) {
                Ok(_) => finding.say(1, &[b"/", path.to_bytes(), b" is there"]),
                Err(Unseen::Hidden) => {
                    finding.say(2, &[b"/", path.to_bytes(), b" cannot be looked at"]);
                }
                Err(Unseen::Nothing) => {}
            }
        }
        finding.say(0, &[b"there are none"]);
    },
};

pub(super) const TWO_AGENTS: Item = Item {
    group: Group::Contract,
    number: 30,
    name: "cloud-init",
    comment: "cloud-init and os.conf both set host name, password and network: only one of them may be started.",
    cases: &[warning(
        "switch one of them off: touch /etc/cloud/cloud-init.disabled, or osconf uninstall",
    )],
    judge: |look, finding| {
        // What systemd's generator of cloud-init goes by (ds-identify(8)).
        if is_there(look, c"etc/cloud/cloud-init.disabled") {
            return finding.say(0, &[b"/etc/cloud/cloud-init.disabled is there"]);
        }
        let names = [
            "cloud-init",
            "cloud-init-local",
            "cloud-config",
            "cloud-init-main",
        ];
        match services::first_started(look, &names) {
            Some(path) => finding.say(1, &[b"started by /", path.as_bytes()]),
            None => finding.say(0, &[b"cloud-init is not started"]),
        }
    },
};
