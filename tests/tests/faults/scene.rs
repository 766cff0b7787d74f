//! One machine, with all that may become of it, and the judgement of what did.

use crate::layout::{End, Layout};
use crate::repair::repair;
use crate::tree::{self, Entry, Tree, differing, shown};
use osconf::part::Part;
use osconf::record::{Digest, Order, Record, State, States};
use osconf::text::Buf;
use osconf_tests::kernel::faults::{Call, Fault};
use osconf_tests::kernel::world::{Body, Fnv, Node, TOP, World};
use osconf_tests::kernel::{Kernel, Left, Lie};
use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;
use std::rc::Rc;

/// A kind of damage.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Damage {
    /// Something is gone, or was said to be done and is not.
    Lost,
    /// Something is neither the old nor the new one.
    Torn,
    Panic,
    Hang,
}

/// What is wrong.
pub(crate) type Problem = (Damage, String);

/// A machine before a run.
pub(crate) struct Scene<'l> {
    pub(crate) layout: &'l Layout,
    pub(crate) before: World,
    before_tree: Tree,
    /// What an undisturbed run makes of it.
    pub(crate) trace: Vec<Call>,
    pub(crate) exit: u8,
    after: Tree,
    /// What a run makes of it that does only some parts, by the bits of these.
    variants: Vec<Tree>,
    /// The password in os.conf, as it stands there.
    secret: Option<Vec<u8>>,
    /// What was judged already.
    known: HashMap<(u64, u64), Option<Problem>>,
    repaired: HashMap<u64, Option<Problem>>,
}

/// Our own folder, below the root.
pub(crate) const OWN: &str = "etc/osconf";

impl<'l> Scene<'l> {
    /// The machine as it is described.
    pub(crate) fn new(layout: &'l Layout) -> Self {
        let before = layout.world.clone();
        let kernel = Kernel::new(before.clone()).with_trace();
        let end = layout.run(&kernel);
        let left = kernel.leave();
        let End::Exit(exit) = end else {
            panic!("{}: undisturbed, it ends with {end:?}", layout.name);
        };
        let before_tree = tree::take(&before);
        let conf = before_tree.get(&layout.conf).and_then(Entry::text);
        // Where the kernel cannot be asked for NICs, it is as if there were none.
        let mut silent = before.clone();
        silent.net.nics = Rc::default();
        let worlds = [&before, &silent].into_iter();
        let variants =
            worlds.flat_map(|world| (0..16).map(move |parts| variant(layout, world, conf, parts)));
        Self {
            variants: variants.collect(),
            secret: conf.and_then(secret),
            trace: left.trace,
            exit,
            after: tree::take(&left.world),
            layout,
            before_tree,
            before,
            known: HashMap::new(),
            repaired: HashMap::new(),
        }
    }

    /// Runs the program once, with these faults.
    pub(crate) fn disturbed(&self, faults: [Option<Fault>; 2], lie: Option<Lie>) -> (End, Left) {
        self.disturbed_from(self.before.clone(), faults, lie)
    }

    /// The same, on a machine that keeps a log of what it does.
    pub(crate) fn disturbed_from(
        &self,
        world: World,
        faults: [Option<Fault>; 2],
        lie: Option<Lie>,
    ) -> (End, Left) {
        let kernel = Kernel::new(world).with_faults(faults).with_lie(lie);
        let end = self.layout.run(&kernel);
        (end, kernel.leave())
    }

    /// What is wrong with what a run left, if anything; and with what the next one
    /// makes of that.
    pub(crate) fn judge(&mut self, end: &End, left: &Left) -> Option<Problem> {
        match end {
            End::Panics(text) => return Some((Damage::Panic, text.clone())),
            End::Hangs => return Some((Damage::Hang, "it makes calls without end".into())),
            _ => {}
        }
        let print = left.world.fingerprint();
        let mut said = Fnv::default();
        said.eat(&left.said);
        said.eat(format!("{end:?}").as_bytes());
        let key = (print, said.0);
        if let Some(known) = self.known.get(&key) {
            return known.clone();
        }
        let now = tree::take(&left.world);
        let problem = self
            .files(&now)
            .or_else(|| self.conf(&now))
            .or_else(|| self.words(end, &left.said, &now))
            .or_else(|| match self.repaired.entry(print) {
                Slot::Occupied(known) => known.get().clone(),
                Slot::Vacant(slot) => {
                    let problem = repair(self.layout, &left.world, &self.before_tree, &self.after);
                    slot.insert(problem).clone()
                }
            });
        self.known.insert(key, problem.clone());
        problem
    }

    /// What is wrong with what a power cut left; each file must be the old or the new
    /// one only where the file system promises as much.
    pub(crate) fn judge_cut(&mut self, world: &World, is_strict: bool) -> Option<Problem> {
        let print = world.fingerprint();
        let key = (print, u64::from(is_strict));
        if let Some(known) = self.known.get(&key) {
            return known.clone();
        }
        let now = tree::take(world);
        let files = match is_strict {
            true => self.files(&now),
            false => None,
        };
        let problem = files
            .or_else(|| self.conf(&now))
            .or_else(|| repair(self.layout, world, &self.before_tree, &self.after));
        self.known.insert(key, problem.clone());
        problem
    }

    fn own(&self) -> String {
        format!("{}/{OWN}", self.layout.root)
    }

    /// What a path may be: as before, or as a run makes it.
    fn may_be<'s>(&'s self, path: &'s str) -> impl Iterator<Item = Option<&'s Entry>> {
        let trees = [&self.before_tree, &self.after].into_iter();
        trees.chain(&self.variants).map(|tree| tree.get(path))
    }

    /// Each file is the old or the new one, whole.
    fn files(&self, now: &Tree) -> Option<Problem> {
        let gone = self
            .before_tree
            .keys()
            .filter(|path| !now.contains_key(*path));
        for path in now.keys().chain(gone) {
            let found = now.get(path);
            if self.is_conf(path) || self.may_be(path).any(|may| may == found) {
                continue;
            }
            let problem = match found {
                None => Some("it is gone".to_owned()),
                Some(found) => self.odd(now, path, found),
            };
            if let Some(what) = problem {
                let damage = match found {
                    None => Damage::Lost,
                    Some(_) => Damage::Torn,
                };
                let text = format!(
                    "{path}: {what}\n  before {}\n  now    {}\n  after  {}",
                    shown(&self.before_tree, path),
                    shown(now, path),
                    shown(&self.after, path)
                );
                return Some((damage, text));
            }
        }
        None
    }

    /// What is wrong with something that is neither the old nor the new one.
    fn odd(&self, now: &Tree, path: &str, found: &Entry) -> Option<String> {
        let (folder, name) = path.rsplit_once('/')?;
        let own = self.own();
        if let Some(name) = name
            .strip_prefix('.')
            .and_then(|name| name.strip_suffix(".osconf"))
        {
            let target = format!("{folder}/{name}");
            let is_secret = found.mode & 0o177 == 0 || matches!(found.body, Body::Link(_));
            let is_right = self
                .may_be(&target)
                .chain(self.kept(folder, name))
                .flatten()
                .any(|may| !found.is_wider_than(may));
            return (!is_secret && !is_right).then(|| "more people can read it".into());
        }
        if let Some(base) = name.strip_suffix('-') {
            let base = format!("{folder}/{base}");
            let is_old = self.before_tree.get(&base) == Some(found);
            return (!is_old).then(|| "it is no copy".into());
        }
        let is_plain = |entry: &Entry, mode| entry.mode == mode && entry.owner == (0, 0);
        let is_folder = matches!(found.body, Body::Folder(_));
        let is_good = if path == own || path == format!("{own}/replaced") {
            is_folder && is_plain(found, 0o700)
        } else if path == format!("{own}/record") {
            let text = found.text().unwrap_or_default();
            is_plain(found, 0o600)
                && text.starts_with(b"# osconf: ")
                && text.ends_with(b"\n")
                && text.windows(5).any(|word| word == b"\ndns=")
        } else if path == format!("{own}/pending") {
            let text = found.text().unwrap_or_default();
            is_plain(found, 0o600) && text.ends_with(b"\n")
        } else if folder == format!("{own}/replaced") {
            self.kept(folder, name).any(|may| may == Some(found))
        } else {
            // What cannot be replaced is emptied before it is written, and where the disk
            // fails in between it stays so; the next run knows by the list what to do.
            let is_empty = found.text().is_some_and(<[u8]>::is_empty);
            is_empty && now.contains_key(&format!("{own}/pending"))
        };
        (!is_good).then(|| "it is neither the old nor the new one".into())
    }

    /// What a copy of this name may be.
    fn kept<'s>(&'s self, folder: &str, name: &str) -> impl Iterator<Item = Option<&'s Entry>> {
        let name = name.strip_suffix("%removed").unwrap_or(name);
        let path = name.replace("%2F", "/").replace("%25", "%");
        let path = format!("{}/{path}", self.layout.root);
        let is_kept = folder.ends_with("/replaced");
        let place = self.before.walk(TOP, path.as_bytes(), true).ok();
        let ino = place.and_then(|place| place.ino).filter(|_| is_kept);
        let mut entries: Vec<_> = self.before_tree.values().filter(|_| is_kept).collect();
        // What is kept is what a name leads to: there it is by another name.
        let node = ino.map(|ino| self.before.node(ino).clone());
        entries.retain(|entry| node.as_ref().is_some_and(|node| is_it(entry, node)));
        entries.into_iter().map(Some)
    }

    fn is_conf(&self, path: &str) -> bool {
        path == self.layout.conf || path == self.doomed()
    }

    fn doomed(&self) -> String {
        let (folder, name) = self.layout.conf.rsplit_once('/').unwrap_or_default();
        format!("{folder}/.{name}.osconf-done")
    }

    /// os.conf is whole, or all the work is done.
    fn conf(&self, now: &Tree) -> Option<Problem> {
        let conf = self.layout.conf.as_str();
        let old = self.before_tree.get(conf)?;
        let Some(found) = now.get(conf) else {
            if self.after.contains_key(conf) {
                return Some((Damage::Lost, "os.conf is gone, and should be kept".into()));
            }
            let undone = self.undone(now)?;
            return Some((
                Damage::Lost,
                format!("os.conf is gone, but not all is done: {undone}"),
            ));
        };
        if found == old || self.may_be(conf).any(|may| may == Some(found)) {
            return None;
        }
        let (Some(was), Some(is)) = (old.text(), found.text()) else {
            return Some((Damage::Torn, "os.conf is something else".into()));
        };
        // For root only; or as it was, where that mode is refused, as on FAT.
        let is_closed = [0o600, old.mode].contains(&found.mode);
        let is_stripped = self
            .secret
            .as_ref()
            .is_some_and(|secret| is_part(is, was) && !contains(is, secret) && is_closed);
        if !is_stripped {
            let text = format!("os.conf is torn: {}", found.shown());
            return Some((Damage::Torn, text));
        }
        self.part_undone(now, Part::Password).map(|what| {
            (
                Damage::Lost,
                format!("the password is taken out of os.conf: {what}"),
            )
        })
    }

    /// The first thing that is not as an undisturbed run makes it.
    fn undone(&self, now: &Tree) -> Option<String> {
        let own = self.own();
        let path = differing(now, &self.after).find(|path| {
            let is_ours = path.starts_with(&own) && !path.ends_with("/network");
            let is_lock = path.ends_with("/etc/.pwd.lock");
            !(is_ours || is_lock || path.ends_with('-') || is_waiting(path) || self.is_conf(path))
        })?;
        Some(format!(
            "{path}\n  now    {}\n  after  {}",
            shown(now, path),
            shown(&self.after, path)
        ))
    }

    /// The first file of a part that is not new.
    fn part_undone(&self, now: &Tree, part: Part) -> Option<String> {
        let bit = 1 << part as usize;
        let alone = &self.variants[bit];
        let own = self.own();
        let path = differing(&self.before_tree, alone).find(|path| {
            let is_ours = path.starts_with(&own) || path.ends_with('-') || self.is_conf(path);
            let with = (0..32).filter(|parts| parts & bit != 0);
            let mut with = with.map(|parts| &self.variants[parts]);
            !is_ours
                && !path.ends_with("/.pwd.lock")
                && !with.any(|tree| tree.get(*path) == now.get(*path))
        })?;
        Some(format!("{path} is not new: {}", shown(now, path)))
    }

    /// Exit code and messages are true.
    fn words(&self, end: &End, said: &[u8], now: &Tree) -> Option<Problem> {
        let text = String::from_utf8_lossy(said);
        let lost = |what: String| Some((Damage::Lost, format!("{what}\n{text}")));
        if let Some(secret) = &self.secret
            && (contains(said, secret) || contains(said, b"$6$") || contains(said, b"$1$"))
        {
            return lost("a secret is said".into());
        }
        let mut has_error = false;
        for line in text.lines() {
            let Some((part, rest)) = line
                .strip_prefix("osconf: ")
                .and_then(|line| line.split_once(": "))
            else {
                return lost(format!("a line of another form: {line:?}"));
            };
            let is_done = rest.starts_with("done: ");
            has_error |= !is_done && !rest.starts_with("warning: ");
            if is_done
                && let Some(part) = Part::ALL.into_iter().find(|known| known.name() == part)
                && let Some(what) = self.part_undone(now, part)
            {
                return lost(format!("{} is said to be done: {what}", part.name()));
            }
        }
        let End::Exit(exit) = *end else { return None };
        if exit != 0 && !has_error {
            return lost(format!("exit code {exit}, and no word why"));
        }
        match exit {
            0 if self.exit != 0 => lost("exit code 0, and not all can be done".into()),
            0 if now.contains_key(&self.layout.conf)
                != self.after.contains_key(&self.layout.conf) =>
            {
                lost("exit code 0, and os.conf is still there".into())
            }
            0 => self
                .undone(now)
                .and_then(|what| lost(format!("exit code 0: {what}"))),
            1 => None,
            other if other == self.exit => None,
            other => lost(format!("exit code {other}")),
        }
    }
}

/// Whether an entry of a tree is what this node shows.
fn is_it(entry: &Entry, node: &Node) -> bool {
    entry.body == node.body
        && entry.mode == node.mode
        && entry.owner == node.owner
        && entry.attributes == node.attributes
}

fn is_waiting(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    name.starts_with('.') && name.ends_with(".osconf")
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    !word.is_empty() && text.windows(word.len()).any(|part| part == word)
}

/// Whether `text` is `whole` without one piece.
fn is_part(text: &[u8], whole: &[u8]) -> bool {
    let same = |(a, b): &(&u8, &u8)| a == b;
    let start = text.iter().zip(whole).take_while(same).count();
    let end = text
        .iter()
        .rev()
        .zip(whole.iter().rev())
        .take_while(same)
        .count();
    text.len() < whole.len() && start + end >= text.len()
}

/// The password of an os.conf, as it stands there.
fn secret(conf: &[u8]) -> Option<Vec<u8>> {
    let text = String::from_utf8_lossy(conf);
    let (_, rest) = text.split_once("password=")?;
    let rest = rest.trim_start_matches(['"', '\'']);
    let end = rest
        .find(['"', '\'', '\n', '\r', ' '])
        .unwrap_or(rest.len());
    Some(rest.as_bytes()[..end].to_vec()).filter(|secret| secret.len() > 3)
}

/// What a run makes that has only these parts to do: the others, says the record,
/// are done. Name servers go with a new network, unless os.conf has none.
fn variant(layout: &Layout, before: &World, conf: Option<&[u8]>, parts: usize) -> Tree {
    const NETWORK: usize = 1 << Part::Network as usize;
    const DNS: usize = 1 << Part::Dns as usize;
    let mut world = before.clone();
    let place = before.walk(TOP, layout.conf.as_bytes(), false);
    if let (Some(conf), Some(ino)) = (conf, place.ok().and_then(|place| place.ino)) {
        let mut conf = conf.to_vec();
        if parts & (NETWORK | DNS) == NETWORK {
            let key = b"dns_nameserver";
            while let Some(at) = conf.windows(key.len()).position(|word| word == key) {
                conf[at] = b'x';
            }
            world.change(ino, |node| node.body = Body::File(conf[..].into()));
        }
        let mut states = States::default();
        for part in Part::ALL {
            if parts & (1 << part as usize) == 0 {
                states.set(part, State::Done);
            }
        }
        let meta = before.meta(ino);
        let order = Order {
            digest: Digest::of(&conf),
            modified: meta.modified,
            inode: (!before.is_fat(ino)).then_some(meta.inode),
        };
        let record = Record {
            time: 0,
            states,
            order: Some(order),
        };
        let mut bytes = [0; 4096];
        let mut out = Buf::new(&mut bytes);
        record.write(&mut out);
        put_record(layout, &mut world, out.as_bytes());
    }
    let kernel = Kernel::new(world);
    layout.run(&kernel);
    let mut tree = tree::take(&kernel.leave().world);
    tree.remove(&layout.conf);
    tree
}

fn put_record(layout: &Layout, world: &mut World, text: &[u8]) {
    let mut folder = match world.walk(TOP, format!("{}/etc", layout.root).as_bytes(), true) {
        Ok(place) => match place.ino {
            Some(ino) => ino,
            None => return,
        },
        Err(_) => return,
    };
    if world.names(folder).is_err() {
        return;
    }
    let device = world.node(folder).device;
    let mut add = |folder, name: &[u8], body, mode| {
        let mut node = Node::new(body, mode);
        node.device = device;
        let ino = world.add(node);
        world.set_entry(folder, name, Some(ino));
        ino
    };
    let found = layout.world.entry(folder, b"osconf").ok().flatten();
    if found.is_some_and(|ino| layout.world.names(ino).is_err()) {
        return;
    }
    folder = found.unwrap_or_else(|| add(folder, b"osconf", Body::Folder(Vec::new()), 0o700));
    add(folder, b"record", Body::File(text.into()), 0o600);
}
