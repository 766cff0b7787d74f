//! Folders that hand on more than they should: a group (set-group-ID), and rights of
//! others (a default ACL, acl(5)). A file that is replaced gets none of it.

use crate::judge::{self, Problems, Wrong};
use crate::machine::{ALL, Machine, base, conf, harmless, normal};
use crate::tree::Tree;
use crate::values::FIRST;
use anyhow::Result;
use libtest_mimic::Trial;
use rustix::fs::{XattrFlags, lsetxattr};
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

/// Where files are replaced, and where ours are made.
const FOLDERS: [&str; 4] = [
    "etc",
    "etc/network",
    "boot/aliyun_custom_image",
    "etc/osconf",
];
/// Somebody who is not root.
const STRANGER: u32 = 1234;

/// What a folder does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Way {
    SetGid,
    DefaultAcl,
}

/// One test for each.
pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for folder in FOLDERS {
        for way in [Way::SetGid, Way::DefaultAcl] {
            let case = move || Ok(judge::count(&one(folder, way)?));
            trials.push(crate::trial(format!("folder/{folder}/{way:?}"), case));
        }
    }
    trials
}

/// `u::rwx,u:1234:rwx,g::rwx,m::rwx,o::rwx` (linux/posix_acl_xattr.h: a version, and of
/// each entry its tag, its rights, and who it is about).
fn acl() -> Vec<u8> {
    const NOBODY: u32 = u32::MAX;
    let entries = [
        (1_u16, NOBODY),
        (2, STRANGER),
        (4, NOBODY),
        (0x10, NOBODY),
        (0x20, NOBODY),
    ];
    let mut bytes = 2_u32.to_le_bytes().to_vec();
    for (tag, who) in entries {
        bytes.extend(tag.to_le_bytes());
        bytes.extend(7_u16.to_le_bytes());
        bytes.extend(who.to_le_bytes());
    }
    bytes
}

fn change(folder: &Path, way: Way) -> Result<()> {
    match way {
        Way::SetGid => {
            chown(folder, Some(0), Some(STRANGER))?;
            fs::set_permissions(folder, Permissions::from_mode(0o2775))?;
        }
        Way::DefaultAcl => lsetxattr(
            folder,
            "system.posix_acl_default",
            &acl(),
            XattrFlags::empty(),
        )?,
    }
    Ok(())
}

fn one(folder: &str, way: Way) -> Result<Problems> {
    let old = base(FIRST)?;
    let machine = Machine::new(FIRST, &old)?;
    let path = machine.root.join(folder);
    fs::create_dir_all(&path)?;
    change(&path, way)?;
    machine.put_conf(&conf(ALL, None))?;
    let run = machine.run("apply")?;
    let after = machine.tree()?;
    let mut problems = judge::output(&run, &[&after], &[]);
    if judge::done(&run.error) != ALL || run.code != Some(0) {
        problems.push((Wrong::Lost, format!("{:?}: {}", run.code, run.error)));
    }
    // What was there is as it would be without; of what is new, a group is the folder's.
    let is_new = |path: &str| !old.contains_key(path) || path == folder;
    problems.extend(judge::trees(
        &*harmless(FIRST, ALL)?,
        &normal(&after),
        &is_new,
    ));
    problems.extend(secrets(&after));
    machine.remove()?;
    Ok(problems)
}

/// Nobody but root, and the group that shadow(5) had, may read a hash or what is ours.
fn secrets(after: &Tree) -> Problems {
    let mut problems = Problems::new();
    for (path, entry) in after {
        let is_secret = path.contains("shadow") || path.starts_with("etc/osconf/r");
        let acl = entry.attributes.contains_key("system.posix_acl_access");
        if is_secret && entry.content().is_some() && acl && entry.mode & 0o070 != 0 {
            problems.push((Wrong::Other, format!("{path}: {:o} and an ACL", entry.mode)));
        }
    }
    problems
}
