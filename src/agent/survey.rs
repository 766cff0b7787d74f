//! Finding out what the root is.

use super::report;
use super::run::{REPLACED, Run, path_of_kept};
use crate::change::Change;
use crate::conf::{Conf, Network, Nic};
use crate::error::{Fault, Step};
use crate::hostname::{self, OTHERS, PLAIN, RHEL_6, UCI};
use crate::limits::FOUND_FILES;
use crate::log::Level;
use crate::network::links::{InterfaceName, Links};
use crate::network::{self, Format, Found, Look, kernel};
use crate::part::{Part, Parts};
use crate::resolver::{self, Owner};
use crate::settings;
use crate::sys::files::{File, Last};
use crate::sys::{Access, Kind, Sys};
use crate::system::{Interface, Interfaces, System};
use crate::text::{Buf, put};
use crate::value::Path;
use core::ffi::CStr;
use heapless::Vec;

/// How often it is looked whether a NIC has come, in milliseconds.
const POLL: u32 = 50;

/// How it is found out which interface each NIC is.
#[derive(Default)]
pub struct Names {
    /// All of it, if it is known.
    pub known: Interfaces,
    /// Else the kernel is asked, and those that are not there are waited for, for so
    /// many seconds.
    pub wait: u32,
}

impl Names {
    /// Nothing is known.
    pub fn after(wait: u32) -> Self {
        Self {
            wait,
            ..Self::default()
        }
    }
}

/// Looks at the root, as far as `parts` of `conf` need it, and fills `system`. Adds the
/// name servers to a network that is written anew and tells of them.
#[inline(never)]
pub fn survey<S: Sys>(
    run: &Run<'_, S>,
    conf: &Conf<'_>,
    parts: &mut Parts,
    names: Names,
    system: &mut System,
) {
    let has_network = parts.contains(Part::Network);
    let needs_network = has_network || parts.contains(Part::Dns);
    let format = format(run, needs_network);
    if has_network && format.dns.is_some() && conf.name_servers.value().is_some() {
        parts.add(Part::Dns);
    }
    let parts = *parts;
    system.network = format;
    system.has_route_only = has_network
        && !has_any(run, &[c"sbin/ip", c"bin/ip", c"usr/sbin/ip", c"usr/bin/ip"])
        && has_any(
            run,
            &[
                c"sbin/route",
                c"bin/route",
                c"usr/sbin/route",
                c"usr/bin/route",
            ],
        );
    if parts.contains(Part::Dns) {
        system.resolver = resolver(run);
    }
    find_cut_files(run, &mut system.cut);
    if parts.contains(Part::HostName) {
        find_host_name(run, system);
    }
    let network = conf.network.value().filter(|_| needs_network);
    if let Some(network) = network {
        let format = system.network;
        system.interfaces = names.known;
        if system.interfaces.is_empty() && !format.is_kernel {
            interfaces(run, network, system, names.wait);
        }
        for look in format.looks {
            look_into(run, look, network, system);
        }
    }
}

/// The program that makes `/etc/resolv.conf`. That it cannot be found is said when
/// it is to be written.
fn resolver<S: Sys>(run: &Run<'_, S>) -> Option<&'static Owner> {
    let spot = run.look_up(c"etc/resolv.conf", Last::Followed).ok()?;
    resolver::owner_of(spot.path.as_bytes())
}

fn has_any<S: Sys>(run: &Run<'_, S>, paths: &[&CStr]) -> bool {
    paths.iter().any(|path| run.has(path))
}

/// The network system, and why that one.
fn format<S: Sys>(run: &Run<'_, S>, is_needed: bool) -> &'static Format {
    if let Some(format) = run.settings.network {
        return format;
    }
    if !is_needed {
        return network::last();
    }
    let mut chosen: Option<(&'static Format, bool)> = None;
    network::detect(
        &mut |path, is_program| {
            if !is_program {
                return run.has(path);
            }
            let meta = run.meta_of(path);
            meta.is_some_and(|meta| meta.kind == Kind::File && meta.mode & 0o111 != 0)
        },
        &mut |fit| {
            let level = match chosen {
                // Two daemons would both take the interface.
                Some((_, true)) if fit.is_on => Level::Warning,
                _ => Level::Detail,
            };
            run.log.say(level, Part::Network.name(), &|out| {
                let name = fit.format.name;
                let too = if chosen.is_some() { " fits, too" } else { "" };
                put!(out, "{}{}, because of /", name, too);
                out.push(fit.because.as_bytes());
                match chosen {
                    None => put!(out, ": --network NAME chooses another"),
                    Some((first, _)) => {
                        put!(
                            out,
                            ": {} is taken: --network {} chooses this one",
                            first.name,
                            name
                        );
                    }
                }
            });
            chosen.get_or_insert((fit.format, fit.is_on));
        },
    );
    match chosen {
        Some((format, _)) => format,
        None => {
            run.log.detail(Part::Network.name(), &|out| {
                put!(
                    out,
                    "kernel, because of no network scripts: --network NAME chooses another"
                );
            });
            network::last()
        }
    }
}

/// Where the host name stands, and what it was.
fn find_host_name<S: Sys>(run: &Run<'_, S>, system: &mut System) {
    let is_file = |place: &hostname::Place| run.kind_of(place.path) == Some(Kind::File);
    // Cannot fail: there are five places.
    let mut add = |place| {
        let _ = system.host_name_places.push(place);
    };
    let has_plain = is_file(&PLAIN);
    if has_plain {
        add(&PLAIN);
    }
    let mut has_other = false;
    for place in OTHERS.iter().filter(|place| is_file(place)) {
        let is_optional = matches!(place.form, hostname::Form::OptionalKey(_));
        has_other |= !is_optional;
        match is_optional && !has_plain && !has_other {
            true => {
                has_other = true;
                add(&RHEL_6);
            }
            false => add(place),
        }
    }
    if !has_plain && !has_other {
        let has_uci = run.has(c"sbin/uci");
        add(if has_uci { &UCI } else { &PLAIN });
    }
    let mut add_name = |place: &hostname::Place, file: &Option<File<S>>| {
        if let Some(file) = file
            && let Some(name) = place.form.read(&file.content)
            && let Ok(name) = Vec::from_slice(name)
            && !system.old_names.contains(&name)
        {
            // Cannot fail: there are two names at most for each place.
            let _ = system.old_names.push(name);
        }
    };
    for place in &system.host_name_places {
        add_name(place, &run.try_read(place.path));
        // A cut run may have written the new name here, but not everywhere.
        add_name(place, &run.try_read_kept(place.path));
    }
}

/// Which interface each NIC is. Where the format goes by names, those that are not
/// there are waited for, and get a stopgap.
fn interfaces<S: Sys>(run: &Run<'_, S>, network: &Network, system: &mut System, wait: u32) {
    let needs_names = system.network.needs_names;
    let links = wait_for(run, network, if needs_names { wait } else { 0 });
    system.is_kernel_silent = links.is_none();
    for nic in &network.nics {
        let link = links.as_ref().and_then(|links| links.find(nic));
        // Without a MAC the label is the name, whether it is there or not.
        let is_there = link.is_some() || nic.mac.is_none();
        let name = match link {
            Some(link) => Some(link.name.clone()),
            None if !is_there && !needs_names => None,
            None => label_name(nic),
        };
        let Some(name) = name else {
            continue;
        };
        if !is_there {
            report::say_no_interface(run, nic, name.as_str());
        }
        // Cannot fail: there are as many places as NICs.
        let _ = system.interfaces.push(Interface {
            label: nic.label,
            name,
            is_there,
        });
    }
}

fn label_name(nic: &Nic) -> Option<InterfaceName> {
    let mut bytes = [0; 8];
    let mut name = Buf::new(&mut bytes);
    put!(name, "eth{}", nic.label);
    InterfaceName::parse(name.as_bytes())
}

/// The interfaces, once all of `network` are there with their final names, or the
/// time is up.
pub fn wait_for<S: Sys>(run: &Run<'_, S>, network: &Network, wait: u32) -> Option<Links> {
    let mut left = wait.saturating_mul(1000);
    loop {
        let links = match kernel::links(run.sys) {
            Ok(links) => links,
            Err(fault) => {
                report::say_kernel_fault(run, &fault);
                return None;
            }
        };
        let ready = network.nics.iter().all(|nic| match links.find(nic) {
            Some(link) => has_final_name(run, link.index),
            None => nic.mac.is_none(),
        });
        if ready || left == 0 {
            return Some(links);
        }
        run.sys.sleep(POLL);
        left = left.saturating_sub(POLL);
    }
}

/// Where udev runs, an interface has its final name once udev has noted it
/// (sd-device's "initialized": /run/udev/data/nINDEX).
pub fn has_final_name<S: Sys>(run: &Run<'_, S>, index: u32) -> bool {
    let Ok(udev) = run.sys.open_folder(c"/run/udev") else {
        return true;
    };
    if run.sys.meta_of(&udev, c"control").is_err() {
        return true;
    }
    let mut bytes = [0; 32];
    let mut name = Buf::new(&mut bytes);
    put!(name, "data/n{}", index);
    Path::new(&[name.as_bytes()]).is_some_and(|path| {
        run.sys
            .open_below(&udev, path.as_c_str(), Access::Look)
            .is_ok()
    })
}

/// Judges the files in a folder that may be about our NICs.
#[inline(never)]
fn look_into<S: Sys>(run: &Run<'_, S>, look: &Look, network: &Network, system: &mut System) {
    let mut changes = Vec::<_, FOUND_FILES>::new();
    let mut overflowed = false;
    each_name(run, look.folder, &mut |name| {
        if look.prefixes.iter().any(|prefix| name.starts_with(prefix))
            && name.ends_with(look.suffix)
            && let Some(path) = Path::new(&[look.folder.to_bytes(), b"/", name])
            && let Some(file) = run.try_read(path.as_c_str())
        {
            let found = Found {
                path: &path,
                name,
                content: &file.content,
            };
            (look.judge)(&found, network, system, &mut |change: Change| {
                // In the order of their names, which a folder does not keep.
                let is_behind = |other: &Change| other.path.as_bytes() > change.path.as_bytes();
                let index = changes.iter().position(is_behind);
                let index = index.unwrap_or(changes.len());
                overflowed |= changes.insert(index, change).is_err();
            });
        }
    });
    for change in &changes {
        overflowed |= system.older.push(change.clone()).is_err();
    }
    system.overflowed |= overflowed;
}

/// Files that are empty or missing although we keep a copy with content.
fn find_cut_files<S: Sys>(run: &Run<'_, S>, cut: &mut Vec<Path, FOUND_FILES>) {
    each_name(run, REPLACED, &mut |name| {
        let Some(path) = path_of_kept(name) else {
            return;
        };
        let is_cut = match run.find(path.as_c_str()) {
            Ok(spot) => spot.meta.is_none_or(|meta| meta.size == 0),
            Err(_) => false,
        };
        if is_cut && run.try_read_kept(path.as_c_str()).is_some() {
            run.log.warn("restore", &|out| {
                put!(out, "/");
                out.push(path.as_bytes());
                put!(out, ": it is empty or missing: our copy takes its place");
            });
            let _ = cut.push(path);
        }
    });
}

/// Calls `each` with every name in a folder of the root, if it is there; not with
/// hidden ones: no program reads them, and some are what a run that was cut left.
pub fn each_name<S: Sys>(run: &Run<'_, S>, folder: &CStr, each: &mut dyn FnMut(&[u8])) {
    let opened = run.sys.open_below(&run.root, folder, Access::Folder);
    let listed = opened.and_then(|folder| {
        run.sys.list(&folder, &mut |name| {
            match name.to_bytes() {
                [b'.', ..] => {}
                name => each(name),
            }
            true
        })
    });
    let listed = listed.map_err(|errno| Fault::System(Step::Read, errno));
    run.certain(folder, listed.map(Some));
}

/// How long this run waits for NICs.
pub fn wait<S: Sys>(run: &Run<'_, S>) -> u32 {
    run.settings.wait.unwrap_or(settings::WAIT)
}
