//! The machines: those of `tests/trees` and of the table of networks, in memory.

use anyhow::{Context, Result, ensure};
use core::panic::AssertUnwindSafe;
use osconf::agent::{self, Exit, Run};
use osconf::cli;
use osconf::error::Fault;
use osconf::log::{Level, Log};
use osconf::settings::Settings;
use osconf::sys::{FileSystem, Sys};
use osconf_tests::case::{Case, Mount, Thing, nics_of};
use osconf_tests::generate::expand;
use osconf_tests::kernel::net::Nic;
use osconf_tests::kernel::world::{Body, Device, Ino, Node, TOP, World};
use osconf_tests::kernel::{Cut, Kernel};
use std::ffi::CString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// When all of it happens, in seconds since 1970: a day on which the clock is right.
pub(crate) const NOW: i64 = 1_795_000_000;
/// When os.conf was written.
const WRITTEN: i64 = NOW - 1000;

/// A machine, and what is done with it.
pub(crate) struct Layout {
    pub(crate) name: String,
    pub(crate) case: Case,
    pub(crate) world: World,
    /// The words of the command line.
    pub(crate) words: Vec<CString>,
    settings: Settings,
    /// Whether its settings lie in its files, so that all of the program must run.
    is_whole: bool,
    /// The root and os.conf, as paths of the machine.
    pub(crate) root: String,
    pub(crate) conf: String,
}

/// How a run ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum End {
    Exit(u8),
    Killed,
    Hangs,
    Panics(String),
}

impl Layout {
    /// Makes the machine of a case; none, if it is one that this kernel has no words
    /// for.
    pub(crate) fn new(name: &str) -> Result<Option<Self>> {
        let trees = Path::new(env!("CARGO_MANIFEST_DIR")).join("trees");
        let mut case = Case::read(&trees, name)?;
        if !case.is_apply() || !case.disks.is_empty() || !case.late_nics.is_empty() {
            return Ok(None);
        }
        if !case.args.iter().any(|word| word == "--hash") {
            // The one that is made in a hundredth of the time: what is hashed how is
            // others' business.
            case.args.extend(["--hash".into(), "md5".into()]);
        }
        let conf = match fs::read(&case.conf_from) {
            Ok(text) => Some(expand(&text)),
            Err(_) => None,
        };
        let root = if case.chroot { "" } else { "/work/root" };
        let mut maker = Maker {
            world: World::new(NOW),
            root: root.into(),
        };
        maker.machine(&case)?;
        maker.nics(
            &case
                .nics
                .clone()
                .unwrap_or_else(|| nics_of(conf.as_deref().unwrap_or_default())),
        )?;
        let conf_path = format!("{root}/{}", case.conf_at.display());
        let mut layout = Self {
            name: name.to_owned(),
            words: words(&case.args, root, &conf_path),
            settings: Settings::default(),
            is_whole: case.kernel_line.is_some(),
            root: root.into(),
            conf: conf_path,
            world: World::new(NOW),
            case,
        };
        let now = core::mem::take(&mut layout.case.first);
        for first in &now {
            let Some(name) = &first.conf else {
                return Ok(None);
            };
            let text = expand(&layout.case.first_conf(name)?);
            maker.nics(&first.nics.clone().unwrap_or_else(|| nics_of(&text)))?;
            maker.file(&layout.conf, &text, 0o644)?;
            layout.world = maker.world;
            layout.words = words(&first.args, root, &layout.conf);
            layout.read_settings();
            let kernel = Kernel::new(layout.world.clone());
            let end = layout.run(&kernel);
            let left = kernel.leave();
            ensure!(
                end == End::Exit(first.exit as u8),
                "{name}: {end:?}: {}",
                String::from_utf8_lossy(&left.said)
            );
            maker = Maker {
                world: left.world,
                root: root.into(),
            };
            for (path, thing) in &first.then {
                maker.put(path, thing)?;
            }
            maker.nics(
                &layout
                    .case
                    .nics
                    .clone()
                    .unwrap_or_else(|| nics_of(conf.as_deref().unwrap_or_default())),
            )?;
        }
        if let Some(text) = &conf {
            maker.file(&layout.conf, text, 0o644)?;
        }
        maker.finish(&layout.case)?;
        layout.world = maker.world;
        layout.words = words(&layout.case.args, root, &layout.conf);
        layout.is_whole |= layout.at("etc/osconf/config").is_some();
        layout.read_settings();
        layout.world.clock = NOW;
        Ok(Some(layout))
    }

    fn read_settings(&mut self) {
        self.settings = Settings::default();
        let words = self.words.iter().skip(1).map(CString::as_c_str);
        // What is wrong with them shows when they are used.
        let _ = cli::parse(None, words, &mut self.settings);
    }

    /// What is at a path below the root.
    pub(crate) fn at(&self, path: &str) -> Option<Ino> {
        let path = format!("{}/{path}", self.root);
        self.world.walk(TOP, path.as_bytes(), false).ok()?.ino
    }

    /// Runs the program.
    pub(crate) fn run(&self, kernel: &Kernel) -> End {
        let run = AssertUnwindSafe(|| self.apply(kernel));
        match std::panic::catch_unwind(run) {
            Ok(exit) => End::Exit(exit),
            Err(thrown) => match thrown.downcast_ref::<Cut>() {
                Some(Cut::Killed) => End::Killed,
                Some(Cut::Hangs) => End::Hangs,
                None => End::Panics(
                    thrown
                        .downcast_ref::<String>()
                        .cloned()
                        .or_else(|| thrown.downcast_ref::<&str>().map(|text| (*text).into()))
                        .unwrap_or_default(),
                ),
            },
        }
    }

    /// As `osconf::run` does it, but for the stack that is wiped at the end, which
    /// takes longer than all the rest.
    fn apply(&self, kernel: &Kernel) -> u8 {
        if self.is_whole {
            return osconf::run(kernel, self.words.iter().map(CString::as_c_str));
        }
        let settings = &self.settings;
        let log = Log::new(kernel, settings.level, settings.log_kernel);
        let root = match kernel.open_folder(settings.root.as_c_str()) {
            Ok(root) => root,
            Err(errno) => {
                log.fault(Level::Error, "root", &[], Fault::Kernel(errno), "");
                return Exit::Refused as u8;
            }
        };
        agent::apply(&Run::new(kernel, settings, &log, root)) as u8
    }
}

fn words(args: &[String], root: &str, conf: &str) -> Vec<CString> {
    let root = if root.is_empty() { "/" } else { root };
    let words = args
        .iter()
        .map(|word| word.replace("{root}", root).replace("{conf}", conf));
    core::iter::once("osconf".to_owned())
        .chain(words)
        .map(|word| CString::new(word).unwrap_or_default())
        .collect()
}

/// Makes a machine.
struct Maker {
    world: World,
    root: String,
}

impl Maker {
    fn machine(&mut self, case: &Case) -> Result<()> {
        self.folder("/proc/self")?;
        let line = case.kernel_line.as_deref().unwrap_or("quiet\n");
        self.file("/proc/cmdline", line.as_bytes(), 0o444)?;
        self.folder("/work/outside")?;
        let root = self.root.clone();
        self.folder(&root)?;
        for (path, thing) in &case.before {
            if thing.mount == Some(Mount::Tmpfs) {
                self.folder(&self.below(path))?;
            }
        }
        for folder in &case.before_from {
            self.copy(case, folder, &root)?;
        }
        for (path, thing) in &case.before {
            self.put(path, thing)?;
        }
        let conf = self.below(&case.conf_at);
        let folder = conf.rsplit_once('/').map_or("", |(folder, _)| folder);
        if case.args.iter().any(|word| word.contains("{conf}")) {
            self.folder(folder)?;
        }
        self.copy(case, &case.folder.join("outside"), "/work/outside")?;
        let mut mounts = String::from("25 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw\n");
        for (path, thing) in &case.before {
            let path = self.below(path);
            let path = path.trim_end_matches("/.");
            match thing.mount {
                Some(Mount::Tmpfs) => self.mount(path, FileSystem::Ram)?,
                Some(Mount::OverlayInRam | Mount::OverlayOnDisk) => {
                    self.folder("/changes/upper")?;
                    if thing.mount == Some(Mount::OverlayInRam) {
                        self.mount("/changes", FileSystem::Ram)?;
                    }
                    self.mount(path, FileSystem::Overlay)?;
                    let minor = self.world.devices.len();
                    mounts += &format!(
                        "30 25 0:{minor} / {path} rw - overlay overlay rw,lowerdir=/l,upperdir=/changes/upper,workdir=/w\n"
                    );
                }
                _ => {}
            }
        }
        self.file("/proc/self/mountinfo", mounts.as_bytes(), 0o444)
    }

    /// What would hinder the making of the machine comes last.
    fn finish(&mut self, case: &Case) -> Result<()> {
        for (path, thing) in &case.before {
            let place = self.below(path);
            if thing.immutable {
                let ino = self.at(&place)?;
                self.world.change(ino, |node| node.immutable = true);
            }
            match thing.mount {
                Some(Mount::Itself) => {
                    let ino = self.at(&place)?;
                    Rc::make_mut(&mut self.world.mounts).push((ino, ino));
                }
                Some(Mount::ReadOnly) => {
                    self.mount(&place, FileSystem::Disk)?;
                    if let Some(last) = Rc::make_mut(&mut self.world.devices).last_mut() {
                        last.is_read_only = true;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn below(&self, path: &Path) -> String {
        format!("{}/{}", self.root, path.display())
    }

    fn at(&self, path: &str) -> Result<Ino> {
        let place = self.world.walk(TOP, path.as_bytes(), false);
        let place = place.ok().and_then(|place| place.ino);
        place.with_context(|| format!("nothing is at {path}"))
    }

    /// Makes a file system of its own of all that is below a path.
    fn mount(&mut self, path: &str, kind: FileSystem) -> Result<()> {
        let top = self.at(path)?;
        let mut devices = self.world.devices.to_vec();
        let number = devices.len() as u64 + 1;
        devices.push(Device {
            number: if kind == FileSystem::Disk {
                0xfe00 + number
            } else {
                number
            },
            kind,
            is_read_only: false,
            top,
        });
        let device = devices.len() - 1;
        self.world.devices = Rc::new(devices);
        let mut open = vec![top];
        while let Some(ino) = open.pop() {
            self.world.change(ino, |node| node.device = device);
            if let Body::Folder(names) = &self.world.node(ino).body {
                open.extend(names.iter().map(|(_, ino)| *ino));
            }
        }
        Ok(())
    }

    fn nics(&mut self, nics: &[String]) -> Result<()> {
        let mut all = vec![Nic {
            name: "lo".into(),
            mac: None,
            is_up: true,
        }];
        for nic in nics {
            let (name, mac) = nic.split_once(' ').context("a NIC is `NAME MAC`")?;
            let bytes: Vec<u8> = mac
                .split(':')
                .map(|byte| u8::from_str_radix(byte, 16))
                .collect::<core::result::Result<_, _>>()?;
            all.push(Nic {
                name: name.into(),
                mac: bytes.try_into().ok(),
                is_up: false,
            });
        }
        self.world.net.nics = Rc::new(all);
        Ok(())
    }

    fn folder(&mut self, path: &str) -> Result<()> {
        let mut folder = TOP;
        for name in path.split('/').filter(|name| !matches!(*name, "" | ".")) {
            folder = match self.world.entry(folder, name.as_bytes()) {
                Ok(Some(ino)) => match &self.world.node(ino).body {
                    Body::Link(_) => self.at(path)?,
                    _ => ino,
                },
                _ => self.add(folder, name.as_bytes(), Body::Folder(Vec::new()), 0o755),
            };
        }
        Ok(())
    }

    fn add(&mut self, folder: Ino, name: &[u8], body: Body, mode: u32) -> Ino {
        let mut node = Node::new(body, mode);
        node.device = self.world.node(folder).device;
        node.modified = WRITTEN;
        let ino = self.world.add(node);
        self.world.set_entry(folder, name, Some(ino));
        ino
    }

    fn make(&mut self, path: &str, body: Body, mode: u32) -> Result<()> {
        let (folder, name) = path.rsplit_once('/').context("no folder")?;
        self.folder(folder)?;
        let folder = self.world.walk(TOP, folder.as_bytes(), true).ok();
        let folder = folder.and_then(|place| place.ino).context("no folder")?;
        self.add(folder, name.as_bytes(), body, mode);
        Ok(())
    }

    fn file(&mut self, path: &str, text: &[u8], mode: u32) -> Result<()> {
        self.make(path, Body::File(text.into()), mode)
    }

    fn copy(&mut self, case: &Case, from: &Path, to: &str) -> Result<()> {
        let mut open = vec![PathBuf::new()];
        while let Some(path) = open.pop() {
            let Ok(entries) = fs::read_dir(from.join(&path)) else {
                continue;
            };
            let mut entries: Vec<_> = entries.flatten().collect();
            entries.sort_by_key(fs::DirEntry::file_name);
            for entry in entries {
                let path = path.join(entry.file_name());
                let kind = entry.file_type()?;
                let place = format!("{to}/{}", path.display());
                if kind.is_dir() {
                    open.push(path);
                } else if kind.is_symlink() {
                    let text = fs::read_link(entry.path())?;
                    self.make(
                        &place,
                        Body::Link(text.as_os_str().as_bytes().into()),
                        0o777,
                    )?;
                } else {
                    let mode = case.mode(&path).unwrap_or_else(|| usual_mode(&path));
                    self.file(&place, &expand(&fs::read(entry.path())?), mode)?;
                }
            }
        }
        Ok(())
    }

    fn put(&mut self, path: &Path, thing: &Thing) -> Result<()> {
        let place = self.below(path);
        if thing.removed {
            let (folder, name) = place.rsplit_once('/').context("no folder")?;
            let folder = self.at(folder)?;
            self.world.set_entry(folder, name.as_bytes(), None);
            return Ok(());
        }
        if let Some(target) = &thing.link {
            let text = target.as_os_str().as_bytes().into();
            self.make(&place, Body::Link(text), 0o777)?;
        } else if let Some(other) = &thing.hard_link {
            let ino = self.at(&self.below(other))?;
            let (folder, name) = place.rsplit_once('/').context("no folder")?;
            self.folder(folder)?;
            let folder = self.at(folder)?;
            self.world.set_entry(folder, name.as_bytes(), Some(ino));
        } else if thing.fifo {
            self.make(&place, Body::Fifo, 0o644)?;
        } else if thing.folder {
            self.folder(&place)?;
        } else if let Some(text) = &thing.text {
            self.file(&place, &expand(text.as_bytes()), usual_mode(path))?;
        }
        let Ok(ino) = self.at(&place) else {
            return Ok(());
        };
        let owner = thing.owner.as_ref().and_then(|owner| owner.split_once(':'));
        if let Some((user, group)) = owner {
            let owner = (user.parse()?, group.parse()?);
            self.world.change(ino, |node| node.owner = owner);
        }
        for (name, value) in &thing.xattr {
            self.world.change(ino, |node| {
                node.attributes
                    .insert(name.as_bytes().into(), value.as_bytes().into());
            });
        }
        if let Some(mode) = thing.mode {
            self.world.change(ino, |node| node.mode = mode);
        }
        Ok(())
    }
}

/// The mode that git cannot keep.
fn usual_mode(path: &Path) -> u32 {
    match path.file_name().map(OsStrExt::as_bytes) {
        Some(b"shadow" | b"shadow-") => 0o640,
        _ => 0o644,
    }
}
