//! Hostile roots: every thing of `things.rs` in every place that the program reads
//! or writes.
//!
//! What the program says it has done must be done as in a root without hostility, and
//! what it has not must be untouched; and once the hostility is gone, the next run
//! does the rest.

use crate::judge::{self, Problems, Wrong};
use crate::machine::{ALL, CONF, Machine, PASSWORD, base, conf, harmless, is_housekeeping, normal};
use crate::rig::traces_of_canary;
use crate::things::{self, SECOND, Thing};
use crate::tree::{Entry, Kind, Tree, say};
use crate::values::FIRST;
use anyhow::Result;
use libtest_mimic::Trial;
use osconf_tests::matrix;

/// Places that every format has.
const COMMON: &[&str] = &[
    "etc/shadow",
    "etc/passwd",
    "etc/hostname",
    "etc/hosts",
    "etc/resolv.conf",
    "etc/osconf",
    "etc/osconf/config",
    "etc/osconf/record",
    "etc/osconf/pending",
    "etc/osconf/replaced",
    "etc/osconf/replaced/etc%2Fshadow",
    "etc/osconf/replaced/etc%2Fhosts",
    "etc/.pwd.lock",
    "etc/shadow-",
    "etc/shadow+",
    "etc/shadow.lock",
    // Under these names new files wait; whoever can write there has made them first.
    "etc/.shadow.osconf",
    "etc/.hosts.osconf",
    "etc/.hostname.osconf",
    "etc/.resolv.conf.osconf",
    "etc/.shadow-.osconf",
    "etc/osconf/.record.osconf",
    "etc/osconf/.pending.osconf",
    "etc/osconf/replaced/.etc%2Fshadow.osconf",
    "etc/osconf/replaced/.etc%2Fhosts.osconf",
    "boot/aliyun_custom_image/.os.conf.osconf",
    "boot/aliyun_custom_image/.os.conf.osconf-done",
];

/// One test for each place.
pub(crate) fn trials() -> Result<Vec<Trial>> {
    let mut trials = Vec::new();
    for format in matrix::names("formats") {
        let mut places = own_places(&format)?;
        if format == FIRST {
            places.extend(COMMON.iter().map(|&place| place.to_owned()));
        }
        for place in places {
            let (name, format) = (format!("root/{format}/{place}"), format.clone());
            trials.push(crate::trial(name, move || all(&format, &place)));
        }
    }
    Ok(trials)
}

/// What the network and the name servers make in this format, where each waits, and
/// the folders that all of it lies in.
fn own_places(format: &str) -> Result<Vec<String>> {
    let parts = if format == FIRST {
        ALL
    } else {
        ALL & !PASSWORD
    };
    let (before, after) = (harmless(format, 0)?, harmless(format, parts)?);
    let mut places = Vec::new();
    for (path, entry) in after.iter() {
        let is_new = before.get(path).is_none_or(|old| !old.is_like(entry));
        let is_common = COMMON.contains(&&**path) || path.starts_with("etc/osconf/replaced");
        if !is_new || is_common || entry.kind == Kind::Folder {
            continue;
        }
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        places.push(path.clone());
        places.push(format!("{folder}/.{name}.osconf"));
        if folder != "etc" && !places.iter().any(|place| place == folder) {
            places.push(folder.to_owned());
        }
    }
    Ok(places)
}

fn all(format: &str, place: &str) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    for (name, thing) in things::ALL {
        let found = one(format, place, thing)?;
        let texts = judge::count(&found).into_iter();
        problems.extend(texts.map(|text| format!("{name}: {text}")));
    }
    Ok(problems)
}

/// Whether a path is the place, lies in it, leads to it, is a copy of it, or becomes
/// another because of it.
fn is_about(place: &str, thing: Thing, path: &str) -> bool {
    // What is not there, or of another content, has no root and no old name in it.
    let is_unread = thing.has_other_content() || thing == Thing::LinkNowhere;
    let follows = match place {
        "etc/shadow" => "etc/passwd",
        "etc/hostname" => "etc/hosts",
        _ => "",
    };
    if is_unread && !follows.is_empty() && is_about(follows, Thing::Fifo, path) {
        return true;
    }
    if thing == Thing::LinkNowhere && path.contains("nowhere") {
        return true;
    }
    // Under this name the new file waits, and cannot.
    let (folder, name) = place.rsplit_once('/').unwrap_or(("", place));
    let waits_for = name
        .strip_prefix('.')
        .and_then(|name| name.strip_suffix(".osconf"));
    if let Some(name) = waits_for
        && is_about(&format!("{folder}/{name}"), Thing::Fifo, path)
    {
        return true;
    }
    let copy = place.replace('%', "%25").replace('/', "%2F");
    path == place
        || path.trim_end_matches('-') == SECOND
        || ["var", "var/lib"].contains(&path)
        || path.starts_with(&format!("{place}/"))
        || place.starts_with(&format!("{path}/"))
        || path.contains(&copy)
        || path == format!("{place}-")
        || (place.starts_with("etc/osconf") && path.starts_with("etc/osconf"))
}

/// Whether it is noted there that there was nothing. That is done, and folders are
/// made, before it is known whether something comes, and does no harm.
fn is_note(path: &str, tree: &Tree) -> bool {
    let entry = tree.get(path);
    let is_nothing = |entry: &Entry| entry.kind == Kind::Link("nothing".into());
    // So are the folders that it is to come into.
    let is_folder = entry.is_some_and(|entry| entry.kind == Kind::Folder);
    is_folder || path.starts_with("etc/osconf/replaced/") && entry.is_some_and(is_nothing)
}

fn one(format: &str, place: &str, thing: Thing) -> Result<Problems> {
    let all = if format == FIRST {
        ALL
    } else {
        ALL & !PASSWORD
    };
    let mut before = base(format)?;
    let machine = Machine::new(format, &before)?;
    let conf = conf(all, None);
    machine.put_conf(&conf)?;
    let old = before.get(place).cloned();
    thing.put(&machine.root, place, old.as_ref())?;
    before = machine.tree()?;
    let canary = traces_of_canary()?;

    let run = machine.run("apply")?;
    let after = machine.tree()?;
    let done = judge::done(&run.error);
    let mut problems = judge::output(&run, &[&after], &[]);
    problems.extend(exit(run.code, done == all));
    let (now, then) = (normal(&after), normal(&before));
    let wanted = harmless(format, all)?;
    let is_link = wanted.get(place).map(|entry| &entry.kind);
    if matches!(is_link, Some(Kind::Link(_)))
        && matches!(thing, Thing::Mounted | Thing::MountedReadOnly)
    {
        // Known, and said in README: a link cannot be put upon something mounted, which
        // shows only when the files of its part are published.
        thing.take_away(&machine.root, place);
        machine.remove()?;
        return Ok(problems);
    }
    problems.extend(judge::trees(&*harmless(format, done)?, &now, &|path| {
        is_about(place, thing, path) || is_note(path, &now) || is_known(format, path, done)
    }));
    let is_strange = thing.has_other_content() || old.is_none();
    problems.extend(at_place(format, place, is_strange, done, &then, &now)?);
    problems.extend(judge::exposed(&before, &after));
    problems.extend(judge::left_over(&before, &after));
    problems.extend(judge::stripped(&after, done, &run.error));
    problems.extend(judge::again(&machine, &run, &conf)?);

    // Once it is gone, the next run does the rest.
    let touched = after.get(place) != before.get(place);
    thing.take_away(&machine.root, place);
    if !touched && done != all {
        things::remove(&machine.root.join(place))?;
        if let Some(old) = &old {
            old.make(&machine.root.join(place))?;
        }
        let run = machine.run("apply")?;
        if run.code != Some(0) {
            let text = format!("{:?} once it is gone: {}", run.code, run.error);
            problems.push((Wrong::Lost, text));
        }
        let now = normal(&machine.tree()?);
        problems.extend(judge::trees(&wanted, &now, &|path| {
            is_about(place, thing, path) || path.starts_with("etc/osconf/replaced")
        }));
        if let (Some(want), Some(is)) = (wanted.get(place), now.get(place))
            && want.kind != is.kind
            && !place.starts_with("etc/osconf")
        {
            problems.push((Wrong::Lost, say(place, Some(want), Some(is))));
        }
    }
    problems.extend(judge::canary(&canary)?);
    machine.remove()?;
    let disk = rustix::fs::statvfs(crate::rig::disk())?;
    if disk.f_bavail < disk.f_blocks / 4 {
        problems.push((Wrong::Other, "the disk is nearly full".into()));
    }
    Ok(problems)
}

/// What depends on os.conf having a network, though that is refused: where the name
/// servers are told to the network system, in a file that other parts of the network
/// do not need. netifrc's is one for all, so that it then has the addresses, too.
fn is_known(format: &str, path: &str, done: u8) -> bool {
    let file = match format {
        "netifrc" => "etc/conf.d/net",
        "wicked" => "etc/sysconfig/network/config",
        _ => return false,
    };
    done & 0b100 == 0 && path.replace("%2F", "/").ends_with(file)
}

/// 0 if all was done; a system that refuses is 1.
fn exit(code: Option<i32>, is_all: bool) -> Problems {
    if matches!((code, is_all), (Some(0), true) | (Some(1), _) | (None, _)) {
        return Problems::new();
    }
    let text = format!("exit code {code:?}, and all was done: {is_all}");
    vec![(Wrong::Other, text)]
}

/// What is in the place itself: what was there, or what is to be.
fn at_place(
    format: &str,
    place: &str,
    is_strange: bool,
    done: u8,
    before: &Tree,
    now: &Tree,
) -> Result<Problems> {
    let (was, is) = (before.get(place), now.get(place));
    let is_as_it_was = match (was, is) {
        (Some(was), Some(is)) => was.is_like(is),
        (None, None) => true,
        _ => false,
    };
    let tree = harmless(format, done)?;
    let wanted = tree.get(place);
    let says = |entry: Option<&Entry>| {
        entry.is_some_and(|entry| match &entry.kind {
            Kind::Long(_) => is_strange,
            Kind::File(text) => is_strange || wanted.and_then(Entry::content) == Some(text),
            _ => wanted.is_some_and(|wanted| wanted.is_like(entry)),
        })
    };
    // A link is followed within the root; all else is replaced.
    let is_reached = says(is) || says(now.get(SECOND));
    let is_ours = place.starts_with("etc/osconf") || place.contains(".osconf") || place == CONF;
    let is_dash = place.ends_with("shadow-");
    if is_as_it_was || is_reached || is_ours || is_dash || is_housekeeping(place) {
        return Ok(Problems::new());
    }
    Ok(vec![(Wrong::Torn, say(place, wanted.or(was), is))])
}
