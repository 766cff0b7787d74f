//! `install` and `uninstall`: the program, what starts it at boot, and the folder
//! for os.conf, put into a root and taken out again.

use super::locate::FOLDER;
use super::run::Run;
use super::{Exit, report};
use crate::error::{Fault, Step};
use crate::install::{self, BINARY, DEPENDENCIES, Init, NAMES};
use crate::limits::PATH_BYTES;
use crate::log::Level;
use crate::sys::files::{self, Content, Last, NewFile};
use crate::sys::{Access, Kind, Sys};
use crate::text::{Buf, contains, put};
use crate::value::Path;
use core::ffi::CStr;
use rustix::io::Errno;

/// Programs that every root has one of; the machine of the first is the root's.
pub const PROGRAMS: [&CStr; 3] = [c"sbin/init", c"bin/sh", c"usr/lib/systemd/systemd"];

/// Where the first partition may be mounted: the root first.
pub const PLACES: [&CStr; 3] = [c".", c"boot", c"boot/efi"];

/// The folder of links that are started in the order of their names.
const LINKS: &CStr = c"etc/rcS.d";

/// One run of either command.
struct Work<'r, 'a, S: Sys> {
    run: &'r Run<'a, S>,
    /// What it is called in messages.
    name: &'static str,
    /// Whether things are put there, or taken away.
    is_in: bool,
    changes: u32,
    failures: u32,
}

/// Puts the program into the root, and has it started at every boot.
#[inline(never)]
pub fn install<S: Sys>(run: &Run<'_, S>) -> Exit {
    let mut work = Work::new(run, "install", true);
    let Some(init) = find_init(run) else {
        work.say(
            Level::Error,
            &[],
            "which init this root has is not known: name it with --init NAME: ",
            NAMES,
        );
        return Exit::Refused;
    };
    work.say(
        Level::Notice,
        &[b"start files for ", init.name],
        ": --init NAME chooses others",
        "",
    );
    let Some(binary) = work.binary() else {
        return Exit::Refused;
    };
    if !work.is_for_this_root(&binary) {
        return Exit::Refused;
    }
    work.put(BINARY, Some(0o755), &binary);
    init.files(&mut |file| {
        work.put(file.path, file.mode, file.content);
    });
    work.folders();
    if work.changes == 0 && work.failures == 0 {
        work.say(Level::Notice, &[], "it is so already", "");
    }
    if let Some(then) = init.then() {
        work.say(Level::Notice, &[], "to do: ", then);
    }
    work.exit()
}

/// Takes away what [`install()`] put there, for whatever init.
#[inline(never)]
pub fn uninstall<S: Sys>(run: &Run<'_, S>) -> Exit {
    let mut work = Work::new(run, "uninstall", false);
    let Some(binary) = work.binary() else {
        return Exit::Refused;
    };
    // Several inits have a script of this name.
    let mut others: &[u8] = b"";
    install::all_files(&mut |file| {
        if others != file.path && !work.put(file.path, file.mode, file.content) {
            others = file.path;
        }
    });
    work.folders();
    work.put(BINARY, Some(0o755), &binary);
    work.exit()
}

/// The init of the root, or the one that was asked for.
#[inline(never)]
fn find_init<S: Sys>(run: &Run<'_, S>) -> Option<Init> {
    let name = run.settings.install.init.as_ref().map(Path::as_bytes);
    install::find(name, &mut |mark, text| {
        let (path, last) = match mark {
            b'/' => {
                let path = Path::new(&[text]);
                return path.is_some_and(|path| run.kind_of(path.as_c_str()).is_some());
            }
            b'>' => (c"sbin/init", Last::Itself),
            _ => (c"etc/init.d/rcS", Last::Followed),
        };
        let spot = run.look_up(path, last);
        let file = spot.and_then(|spot| run.read_spot(&spot));
        matches!(file, Ok(Some(file)) if contains(&file.content, text))
    })
}

impl<'r, 'a, S: Sys> Work<'r, 'a, S> {
    fn new(run: &'r Run<'a, S>, name: &'static str, is_in: bool) -> Self {
        Self {
            run,
            name,
            is_in,
            changes: 0,
            failures: 0,
        }
    }

    fn exit(&self) -> Exit {
        match self.failures {
            0 => Exit::Done,
            _ => Exit::Refused,
        }
    }

    /// Says something of what is named in pieces.
    #[inline(never)]
    fn say(&self, level: Level, what: &[&[u8]], then: &str, more: &str) {
        self.run
            .log
            .say(level, self.name, &|out| put_all(out, what, then, more));
    }

    /// Something could not be done with what is at `path`.
    #[inline(never)]
    fn fail(&mut self, path: &[u8], fault: Fault) {
        self.failures += 1;
        self.run
            .log
            .fault(Level::Error, self.name, &[b"/", path], fault, "");
    }

    /// Says what is done, or would be, and whether it is to be done.
    #[inline(never)]
    fn begin(&mut self, path: &[u8], deed: &str) -> bool {
        self.changes += 1;
        let what: &[&[u8]] = &[b"/", path];
        if self.run.settings.dry_run {
            self.run
                .print(&|out| put_all(out, what, ": would be ", deed));
            return false;
        }
        self.say(Level::Notice, what, ": ", deed);
        true
    }

    /// The binary that is to be installed.
    #[inline(never)]
    fn binary(&mut self) -> Option<Content<S>> {
        if report::refuse_run(self.run).is_some() {
            return None;
        }
        let sys = self.run.sys;
        let mut own = [0; PATH_BYTES];
        let path = match &self.run.settings.install.binary {
            Some(path) => path.clone(),
            None => {
                let folder = sys.open_folder(c"/proc/self");
                let len = folder.and_then(|folder| sys.read_link(&folder, c"exe", &mut own));
                // Without one, what is said is about a file of no name.
                Path::new(&[own.get(..len.unwrap_or(0))?])?
            }
        };
        let fail = |errno| Fault::System(Step::Read, errno);
        let folder = sys.open_folder(path.folder().as_c_str()).map_err(fail);
        match folder.and_then(|folder| files::read_file(sys, &folder, path.name())) {
            Ok(file) => Some(file.content),
            Err(fault) => {
                let then = "name the binary with --binary FILE";
                let log = self.run.log;
                log.fault(Level::Error, self.name, &[path.as_bytes()], fault, then);
                None
            }
        }
    }

    /// Whether the root's own programs are for the machine that `binary` is for.
    #[inline(never)]
    fn is_for_this_root(&self, binary: &[u8]) -> bool {
        let run = self.run;
        let ours = install::machine(binary);
        for path in &PROGRAMS {
            let mut head = [0; 20];
            let file = run.sys.open_below(&run.root, path, Access::Read);
            let theirs = install::machine(files::read_into(run.sys, file, &mut head));
            if theirs.is_some() {
                if theirs != ours {
                    self.say(
                        Level::Error,
                        &[b"/", path.to_bytes()],
                        " is for another machine than the binary",
                        ": name one for that with --binary FILE",
                    );
                }
                return theirs == ours;
            }
        }
        self.say(
            Level::Warning,
            &[],
            "no program of the root tells its architecture",
            "",
        );
        true
    }

    /// The link among [`LINKS`]: the one that is there, under whatever number
    /// insserv(8) gave it; or one before that of `networking`.
    #[inline(never)]
    fn link(&self) -> Option<Path> {
        let run = self.run;
        let folder = run.sys.open_below(&run.root, LINKS, Access::Folder).ok()?;
        let mut place = None;
        let _ = run.sys.list(&folder, &mut |name| {
            let Some((&[b'S', ten, one], name)) = name.to_bytes().split_first_chunk() else {
                return true;
            };
            let is_last = name == b"osconf";
            if is_last || name == b"networking" {
                place = Some(match (is_last, one) {
                    (true, _) => [ten, one],
                    (false, b'0') => [ten.saturating_sub(1), b'9'],
                    (false, _) => [ten, one - 1],
                });
            }
            !is_last
        });
        Path::new(&[LINKS.to_bytes(), b"/S", &place?, b"osconf"])
    }

    /// Edits what startpar(8) goes by, where it is in use.
    #[inline(never)]
    fn dependencies(&mut self) {
        let run = self.run;
        let Some(old) = run.try_read(DEPENDENCIES) else {
            return;
        };
        let is_in = self.is_in;
        let path = Path::from(DEPENDENCIES);
        let new = run.text(old.content.len() + 256, &|out| {
            install::edit_dependencies(out, &old.content, is_in);
        });
        let done = new.and_then(|new| {
            if *new != *old.content && self.begin(path.as_bytes(), "edited") {
                self.write(&path, Some(old.meta.mode), &new)?;
            }
            Ok(())
        });
        if let Err(fault) = done {
            self.fail(path.as_bytes(), fault);
        }
    }

    /// Has this file or link there, or not. Whether there is nothing of somebody
    /// else there.
    #[inline(never)]
    fn put(&mut self, path: &[u8], mode: Option<u32>, content: &[u8]) -> bool {
        let Some(mut place) = Path::new(&[path]) else {
            return true;
        };
        if path.starts_with(LINKS.to_bytes()) {
            self.dependencies();
            place = self.link().unwrap_or(place);
        }
        self.try_put(&place, mode, content).unwrap_or_else(|fault| {
            self.fail(place.as_bytes(), fault);
            true
        })
    }

    #[inline(never)]
    fn try_put(&mut self, path: &Path, mode: Option<u32>, content: &[u8]) -> Result<bool, Fault> {
        let run = self.run;
        let shown = path.as_bytes();
        let spot = run.look_up(path.as_c_str(), Last::Itself)?;
        let old = run.read_spot(&spot)?;
        let is = |mode: Option<u32>, content: &[u8]| {
            old.as_ref().is_some_and(|old| {
                (old.meta.kind == Kind::Link) == mode.is_none() && *old.content == *content
            })
        };
        if self.is_in {
            let is_mode = |mode| old.as_ref().is_some_and(|old| old.meta.mode == mode);
            let is_so = is(mode, content) && mode.is_none_or(is_mode);
            if !is_so && self.begin(shown, "written") {
                self.write(path, mode, content)?;
            }
        } else if let (Some(folder), Some(_)) = (&spot.folder, &old) {
            let mut is_ours = is(mode, content);
            install::all_files(&mut |file| {
                is_ours |= file.path == shown && is(file.mode, file.content);
            });
            if !is_ours {
                self.failures += 1;
                let then = ": not what this osconf installs: kept: remove it by hand, or with the one that did";
                self.say(Level::Error, &[b"/", shown], then, "");
                return Ok(false);
            }
            if self.begin(shown, "removed") {
                self.remove(folder, &spot.path)
                    .map_err(|errno| Fault::System(Step::Remove, errno))?;
            }
        }
        Ok(true)
    }

    #[inline(never)]
    fn write(&self, path: &Path, mode: Option<u32>, content: &[u8]) -> Result<(), Fault> {
        let Run { sys, root, .. } = self.run;
        let folder = files::make_folders(*sys, root, path.folder().as_c_str(), 0o755)?;
        let new = match mode {
            Some(mode) => NewFile::write(*sys, &folder, path.name(), content, None, mode)?,
            None => NewFile::link(*sys, &folder, path.name(), content)?,
        };
        let published = new.publish(*sys, &folder, path.name());
        if published.is_err() {
            let _ = new.discard(*sys, &folder, path.name());
        }
        published
            .and_then(|()| sys.sync(&folder))
            .and_then(|()| new.sync(*sys))
            .map_err(|errno| Fault::System(Step::Publish, errno))
    }

    /// Removes a file, and its folder, if that is nobody else's and empty.
    #[inline(never)]
    fn remove(&self, folder: &S::Fd, path: &Path) -> crate::sys::Result<()> {
        let Run { sys, root, .. } = self.run;
        sys.unlink(folder, path.name())?;
        let upper = path.folder();
        let is_ours = [&b"/osconf"[..], b".wants", b"/rc.d/rcS.d"];
        if is_ours.iter().any(|end| upper.as_bytes().ends_with(end))
            && let Ok(above) = sys.open_below(root, upper.folder().as_c_str(), Access::Folder)
        {
            let _ = sys.remove_folder(&above, upper.name());
        }
        sys.sync(folder)
    }

    /// The folders for os.conf: on the partition that was named; or at the top of the
    /// root, and of what is mounted where a first partition usually is. Which one is
    /// the first cannot be told from here, and a folder too many does no harm.
    #[inline(never)]
    fn folders(&mut self) {
        let run = self.run;
        if let Some(path) = &run.settings.install.partition {
            return self.folder(run.sys.open_folder(path.as_c_str()), path.as_bytes());
        }
        let mut device = None;
        for path in &PLACES {
            let opened = run.sys.open_below(&run.root, path, Access::Folder);
            let found = opened.and_then(|folder| {
                let here = run.sys.meta(&folder)?.device;
                Ok((folder, here))
            });
            match found {
                Ok((folder, here)) if device != Some(here) => {
                    self.folder(Ok(folder), path.to_bytes());
                    device = device.or(Some(here));
                }
                Ok(_) | Err(Errno::NOENT | Errno::NOTDIR) => {}
                Err(errno) => self.fail(path.to_bytes(), Fault::System(Step::Folder, errno)),
            }
        }
    }

    /// Has the folder for os.conf in this one, or not, if nothing is in it.
    #[inline(never)]
    fn folder(&mut self, parent: crate::sys::Result<S::Fd>, shown: &[u8]) {
        let sys = self.run.sys;
        let shown = shown.strip_prefix(b"/").unwrap_or(shown);
        let Some(name) = Path::new(&[shown, b"/", FOLDER.to_bytes()]) else {
            return;
        };
        let name = name.as_bytes();
        let name = name.strip_prefix(b"./").unwrap_or(name);
        let there = parent.as_ref().map_err(|errno| *errno);
        let there = there.and_then(|parent| sys.meta_of(parent, FOLDER));
        let done = match (self.is_in, parent, there) {
            (true, Ok(parent), Err(Errno::NOENT)) => {
                if !self.begin(name, "made") {
                    return;
                }
                let made = sys.make_folder(&parent, FOLDER, 0o755);
                made.and_then(|()| sys.sync(&parent))
            }
            (true, Err(errno), _) | (true, _, Err(errno)) => Err(errno),
            (false, Ok(parent), Ok(_)) => {
                if !self.run.settings.dry_run
                    && let Err(errno) = sys.remove_folder(&parent, FOLDER)
                {
                    Err(errno)
                } else {
                    self.begin(name, "removed, being empty");
                    sys.sync(&parent)
                }
            }
            _ => return,
        };
        match done {
            Ok(()) => {}
            Err(Errno::NOTEMPTY) => {
                self.say(Level::Notice, &[b"/", name], ": kept, not being empty", "");
            }
            Err(errno) => self.fail(name, Fault::System(Step::Folder, errno)),
        }
    }
}

fn put_all(out: &mut Buf<'_>, what: &[&[u8]], then: &str, more: &str) {
    what.iter().for_each(|piece| out.push(piece));
    put!(out, "{}{}", then, more);
}
