//! The root on a disk image.

use super::disk::{DiskMap, Part};
use crate::agent::disks;
use crate::agent::locate::FOLDER;
use crate::agent::mounting;
use crate::agent::run::Run;
use crate::error::{Fault, Step};
use crate::log::Level;
use crate::sys::{Access, Sys};
use crate::text::{Buf, put};
use crate::value::Path;
use core::ffi::CStr;

/// An image that can be read.
pub struct Image<S: Sys> {
    /// Its partitions.
    pub disk: DiskMap,
    /// The number of the partition that the root is on, and its folder; none, if no
    /// partition could be mounted that has one.
    pub root: Option<(u32, S::Fd)>,
    /// Whether the first partition has the folder of os.conf; none, if it could not be
    /// mounted.
    pub has_folder: Option<bool>,
}

/// What only a root has, one of each.
const ROOT: [&[&CStr]; 2] = [&[c"etc"], &[c"bin", c"sbin", c"usr"]];

/// Reads an image, and mounts what is on it, read-only; it was said why not.
pub fn open<S: Sys>(run: &Run<'_, S>, path: &CStr) -> Option<Image<S>> {
    let say = |fault: Fault, then: &str| {
        let what = &[path.to_bytes()];
        run.log.fault(Level::Error, "image", what, fault, then);
    };
    let fail = |errno| say(Fault::System(Step::Read, errno), "");
    let file = disks::open_outside(run, path, Access::Read);
    let file = file.map_err(fail).ok()?;
    let size = run.sys.meta(&file).map_err(fail).ok()?.size;
    let disk = DiskMap::read(&mut disks::reader(run, &file), size).or_else(|| {
        fail(rustix::io::Errno::IO);
        None
    })?;
    let (mut root, mut has_folder) = (None, None);
    for (index, part) in disk.parts.iter().enumerate() {
        let Some(folder) = mount(run, &file, part) else {
            continue;
        };
        let has = |path: &CStr| run.sys.open_below(&folder, path, Access::Folder).is_ok();
        if index == 0 {
            has_folder = Some(has(FOLDER));
        }
        if root.is_none() && ROOT.iter().all(|any| any.iter().any(|path| has(path))) {
            root = Some((part.entry.number, folder));
        }
    }
    if root.is_none() {
        run.log.warn("image", &|out| {
            out.push(path.to_bytes());
            put!(out, ": no file system on it that can be mounted here has a root: only the disk is judged: run the check as root, on a kernel with the loop driver and that of the file system");
        });
    }
    Some(Image {
        disk,
        root,
        has_folder,
    })
}

/// The top folder of a partition, if it can be mounted. The loop device goes with it.
fn mount<S: Sys>(run: &Run<'_, S>, file: &S::Fd, part: &Part) -> Option<S::Fd> {
    let found = part.found.as_ref()?;
    let entry = &part.entry;
    let (_device, number) = run.sys.attach(file, entry.start, entry.len).ok()?;
    let (_, minor) = disks::split(number);
    let mut bytes = [0; 24];
    let mut name = Buf::new(&mut bytes);
    put!(name, "/dev/loop{}", minor);
    let path = Path::new(&[name.as_bytes()])?;
    mounting::mount_found(run, path.as_c_str(), found, true).ok()
}
