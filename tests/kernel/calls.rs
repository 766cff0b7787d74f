//! The system calls, one by one, as their manual pages have them.

use super::faults::{Call, Deed};
use super::world::{Body, Node, Result, TOP};
use super::{Fd, Kernel, Lie, Map};
use core::ffi::CStr;
use osconf::sys::{Access, FileSystem, Meta, Stream, Sys, Usage};
use rustix::io::Errno;
use std::rc::Rc;

impl Sys for Kernel {
    type Fd = Fd;
    type Map = Map;

    fn open_folder(&self, path: &CStr) -> Result<Fd> {
        self.enter(Call::OpenFolder)?;
        let found = self.world.borrow().walk(TOP, path.to_bytes(), true)?;
        self.open_at(found.ino.ok_or(Errno::NOENT)?, Access::Folder)
    }

    fn open_file(&self, path: &CStr) -> Result<Fd> {
        self.enter(Call::OpenRead)?;
        let found = self.world.borrow().walk(TOP, path.to_bytes(), true)?;
        self.open_at(found.ino.ok_or(Errno::NOENT)?, Access::Read)
    }

    fn open_below(&self, root: &Fd, path: &CStr, access: Access) -> Result<Fd> {
        self.enter(call_of(access))?;
        let follows = !matches!(access, Access::Create(_) | Access::ReadItself);
        let found = self
            .world
            .borrow()
            .walk(root.ino, path.to_bytes(), follows)?;
        match (found.ino, access) {
            (Some(ino), _) => self.open_at(ino, access),
            (None, Access::Create(mode)) => {
                let node = Node::new(Body::File(Rc::default()), mode);
                self.create(found.folder, &found.name, node).map(Fd::new)
            }
            (None, _) => Err(Errno::NOENT),
        }
    }

    fn open(&self, folder: &Fd, name: &CStr, access: Access) -> Result<Fd> {
        self.enter(call_of(access))?;
        let name = name.to_bytes();
        if let Access::Create(mode) = access {
            if self.is_lying(Lie::FollowsLinks) {
                let found = self.world.borrow().walk(folder.ino, name, true)?;
                if let Some(ino) = found.ino {
                    self.edit(ino, Vec::clear)?;
                    return Ok(Fd::new(ino));
                }
            }
            let node = Node::new(Body::File(Rc::default()), mode);
            return self.create(folder.ino, name, node).map(Fd::new);
        }
        let (_, ino) = self.named(folder.ino, name)?;
        self.open_at(ino, access)
    }

    fn meta(&self, fd: &Fd) -> Result<Meta> {
        self.enter(Call::Meta)?;
        Ok(self.world.borrow().meta(fd.ino))
    }

    fn meta_of(&self, folder: &Fd, name: &CStr) -> Result<Meta> {
        self.enter(Call::Meta)?;
        let (_, ino) = self.named(folder.ino, name.to_bytes())?;
        Ok(self.world.borrow().meta(ino))
    }

    fn file_system(&self, fd: &Fd) -> Result<FileSystem> {
        self.enter(Call::FileSystem)?;
        Ok(self.world.borrow().device(fd.ino).kind)
    }

    fn usage(&self, _: &Fd) -> Result<Usage> {
        self.enter(Call::FileSystem)?;
        Ok(Usage {
            bytes: (1 << 30, 1 << 29),
            inodes: (1 << 16, 1 << 15),
        })
    }

    fn flags(&self, fd: &Fd) -> Result<u32> {
        self.enter(Call::FileSystem)?;
        // FS_IMMUTABLE_FL of linux/fs.h.
        Ok(u32::from(self.world.borrow().node(fd.ino).immutable) << 4)
    }

    fn read_at(&self, fd: &Fd, bytes: &mut [u8], offset: u64) -> Result<usize> {
        let deed = self.enter(Call::Read)?;
        let world = self.world.borrow();
        let text = match &world.node(fd.ino).body {
            Body::File(text) => text,
            Body::Folder(_) => return Err(Errno::ISDIR),
            _ => return Err(Errno::AGAIN),
        };
        let rest = text.get(offset as usize..).unwrap_or_default();
        let len = match deed {
            Some(Deed::Nothing) => 0,
            Some(Deed::Half) => rest.len().min(bytes.len()).div_ceil(2),
            _ => rest.len().min(bytes.len()),
        };
        bytes[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    }

    fn write_at(&self, fd: &Fd, bytes: &[u8], offset: u64) -> Result<usize> {
        let deed = self.enter(Call::Write)?;
        let count = match deed {
            Some(Deed::Nothing) => return Ok(0),
            Some(Deed::Half) => bytes.len().div_ceil(2),
            _ => bytes.len(),
        };
        let mut written = &bytes[..count];
        if self.is_lying(Lie::NoNewline) {
            written = written.strip_suffix(b"\n").unwrap_or(written);
        }
        let (start, end) = (offset as usize, offset as usize + written.len());
        self.edit(fd.ino, |text| {
            text.resize(text.len().max(end), 0);
            text[start..end].copy_from_slice(written);
        })?;
        Ok(count)
    }

    fn set_len(&self, fd: &Fd, len: u64) -> Result<()> {
        self.enter(Call::SetLen)?;
        self.edit(fd.ino, |text| text.resize(len as usize, 0))
    }

    fn set_mode(&self, fd: &Fd, mode: u32) -> Result<()> {
        self.enter(Call::SetMode)?;
        self.may_set(fd.ino)?;
        let mut world = self.world.borrow_mut();
        if world.is_fat(fd.ino) {
            // fat_sanitize_mode in fs/fat/file.c, with the usual umask.
            return if matches!(mode, 0o755 | 0o555) {
                world.change(fd.ino, |node| node.mode = mode);
                Ok(())
            } else {
                Err(Errno::PERM)
            };
        }
        if !self.is_lying(Lie::NoMode) {
            world.change(fd.ino, |node| node.mode = mode);
        }
        Ok(())
    }

    fn set_owner(&self, fd: &Fd, uid: u32, gid: u32) -> Result<()> {
        self.enter(Call::SetOwner)?;
        self.may_set(fd.ino)?;
        let mut world = self.world.borrow_mut();
        if world.is_fat(fd.ino) && (uid, gid) != (0, 0) {
            return Err(Errno::PERM);
        }
        world.change(fd.ino, |node| {
            node.owner = (uid, gid);
            // chown(2) takes them away.
            node.mode &= !0o6000;
        });
        Ok(())
    }

    fn list_attributes(&self, fd: &Fd, names: &mut [u8]) -> Result<usize> {
        self.enter(Call::ListAttributes)?;
        let world = self.world.borrow();
        let mut text = Vec::new();
        for name in world.node(fd.ino).attributes.keys() {
            text.extend_from_slice(name);
            text.push(0);
        }
        fill(names, &text)
    }

    fn attribute(&self, fd: &Fd, name: &CStr, value: &mut [u8]) -> Result<usize> {
        self.enter(Call::Attribute)?;
        let world = self.world.borrow();
        if world.is_fat(fd.ino) {
            return Err(Errno::OPNOTSUPP);
        }
        let found = world.node(fd.ino).attributes.get(name.to_bytes());
        fill(value, found.ok_or(Errno::NODATA)?)
    }

    fn set_attribute(&self, fd: &Fd, name: &CStr, value: &[u8]) -> Result<()> {
        self.enter(Call::SetAttribute)?;
        self.may_set(fd.ino)?;
        let mut world = self.world.borrow_mut();
        if world.is_fat(fd.ino) {
            return Err(Errno::OPNOTSUPP);
        }
        // An ACL without names is the mode alone (posix_acl_equiv_mode of the kernel).
        let is_plain = name == c"system.posix_acl_access" && value.len() == 28;
        world.change(fd.ino, |node| match is_plain {
            true => drop(node.attributes.remove(name.to_bytes())),
            false => drop(node.attributes.insert(name.to_bytes().into(), value.into())),
        });
        Ok(())
    }

    fn sync(&self, fd: &Fd) -> Result<()> {
        self.enter(Call::Sync)?;
        let mut world = self.world.borrow_mut();
        if self.is_lying(Lie::NoSync) {
            return Ok(());
        }
        world.sync(fd.ino);
        Ok(())
    }

    fn sync_file_system(&self, fd: &Fd) -> Result<()> {
        self.enter(Call::SyncFileSystem)?;
        if !matches!(self.lie, Some(Lie::NoSync | Lie::NoFileSystemSync)) {
            self.world.borrow_mut().sync_device(fd.ino);
        }
        Ok(())
    }

    fn lock(&self, _: &Fd) -> Result<()> {
        self.enter(Call::Lock)?;
        Ok(())
    }

    fn link(&self, from: &Fd, name: &CStr, to: &Fd, second: &CStr) -> Result<()> {
        self.enter(Call::Link)?;
        let (ino, _) = self.named(from.ino, name.to_bytes())?;
        let mut world = self.world.borrow_mut();
        if self.is_lying(Lie::NoCopy) {
            return Ok(());
        }
        if world.entry(to.ino, second.to_bytes())?.is_some() {
            return Err(Errno::EXIST);
        }
        world.may_change(to.ino)?;
        let node = world.node(ino);
        if world.is_mount_point(ino) || node.device != world.node(to.ino).device {
            return Err(Errno::XDEV);
        }
        if node.immutable || matches!(node.body, Body::Folder(_)) || world.is_fat(ino) {
            return Err(Errno::PERM);
        }
        world.set_entry(to.ino, second.to_bytes(), Some(ino));
        Ok(())
    }

    fn symlink(&self, target: &CStr, folder: &Fd, name: &CStr) -> Result<()> {
        self.enter(Call::Symlink)?;
        let node = Node::new(Body::Link(target.to_bytes().into()), 0o777);
        self.create(folder.ino, name.to_bytes(), node).map(|_| ())
    }

    fn rename(&self, from: &Fd, name: &CStr, to: &Fd, new: &CStr) -> Result<()> {
        self.enter(Call::Rename)?;
        let found = self.named(from.ino, name.to_bytes());
        if self.is_lying(Lie::NoCopy) && found.is_err() {
            return Ok(());
        }
        let (ino, _) = found?;
        let old = self.world.borrow().entry(to.ino, new.to_bytes())?;
        self.world.borrow().may_change(from.ino)?;
        self.world.borrow().may_change(to.ino)?;
        self.may_go(ino)?;
        if let Some(old) = old {
            self.may_go(old)?;
        }
        let mut world = self.world.borrow_mut();
        if world.node(from.ino).device != world.node(to.ino).device {
            return Err(Errno::XDEV);
        }
        match old {
            // Two names of one file both stay (rename(2)).
            Some(old) if old == ino => return Ok(()),
            Some(old) if matches!(world.node(old).body, Body::Folder(_)) => {
                return Err(Errno::ISDIR);
            }
            _ => {}
        }
        let is_fat = world.is_fat(ino);
        world.set_entry(from.ino, name.to_bytes(), None);
        world.set_entry(to.ino, new.to_bytes(), Some(ino));
        if let Some(log) = &mut world.log {
            log.join(2, is_fat);
        }
        if is_fat {
            world.forget_size(ino);
        }
        if self.is_lying(Lie::ConfFirst) {
            world.take_conf();
        }
        Ok(())
    }

    fn unlink(&self, folder: &Fd, name: &CStr) -> Result<()> {
        self.enter(Call::Unlink)?;
        let (ino, _) = self.named(folder.ino, name.to_bytes())?;
        self.world.borrow().may_change(folder.ino)?;
        self.may_go(ino)?;
        let mut world = self.world.borrow_mut();
        if matches!(world.node(ino).body, Body::Folder(_)) {
            return Err(Errno::ISDIR);
        }
        world.set_entry(folder.ino, name.to_bytes(), None);
        Ok(())
    }

    fn remove_folder(&self, folder: &Fd, name: &CStr) -> Result<()> {
        self.enter(Call::RemoveFolder)?;
        let (ino, _) = self.named(folder.ino, name.to_bytes())?;
        self.world.borrow().may_change(folder.ino)?;
        self.may_go(ino)?;
        let mut world = self.world.borrow_mut();
        if !world.names(ino)?.is_empty() {
            return Err(Errno::NOTEMPTY);
        }
        world.set_entry(folder.ino, name.to_bytes(), None);
        Ok(())
    }

    fn make_folder(&self, folder: &Fd, name: &CStr, mode: u32) -> Result<()> {
        self.enter(Call::MakeFolder)?;
        let node = Node::new(Body::Folder(Vec::new()), mode);
        self.create(folder.ino, name.to_bytes(), node).map(|_| ())
    }

    fn read_link(&self, folder: &Fd, name: &CStr, target: &mut [u8]) -> Result<usize> {
        self.enter(Call::ReadLink)?;
        let (_, ino) = self.named(folder.ino, name.to_bytes())?;
        match &self.world.borrow().node(ino).body {
            // readlink(2) cuts off what does not fit.
            Body::Link(text) => {
                let len = text.len().min(target.len());
                fill(target, &text[..len])
            }
            _ => Err(Errno::INVAL),
        }
    }

    fn list(&self, folder: &Fd, each: &mut dyn FnMut(&CStr) -> bool) -> Result<()> {
        self.enter(Call::List)?;
        let names = self.world.borrow().names(folder.ino)?.to_vec();
        for (name, _) in names {
            let name = [&*name, b"\0"].concat();
            let name = CStr::from_bytes_with_nul(&name).unwrap_or_default();
            if !each(name) {
                break;
            }
        }
        Ok(())
    }

    fn attach(&self, _: &Fd, _: u64, _: u64) -> Result<(Fd, u64)> {
        self.enter(Call::Mount)?;
        // There are no loop devices here.
        Err(Errno::NXIO)
    }

    fn make_node(&self, folder: &Fd, name: &CStr, device: u64) -> Result<()> {
        self.enter(Call::MakeNode)?;
        let node = Node::new(Body::Block(device), 0o600);
        self.create(folder.ino, name.to_bytes(), node).map(|_| ())
    }

    fn mount(&self, device: &CStr, _: &CStr, _: bool, _: &[(&CStr, &CStr)]) -> Result<Fd> {
        self.enter(Call::Mount)?;
        let world = self.world.borrow();
        let found = world.walk(TOP, device.to_bytes(), true)?;
        let Body::Block(number) = world.node(found.ino.ok_or(Errno::NOENT)?).body else {
            return Err(Errno::NOTBLK);
        };
        let mut devices = world.devices.iter();
        let device = devices.find(|device| device.number == number);
        Ok(Fd::new(device.ok_or(Errno::NXIO)?.top))
    }

    fn remount(&self, _: &CStr, _: bool, _: &[u8]) -> Result<()> {
        self.enter(Call::Remount)?;
        Err(Errno::ROFS)
    }

    fn map(&self, len: usize) -> Result<Map> {
        self.enter(Call::Map)?;
        Ok(Map(vec![0; len.max(1)]))
    }

    fn random(&self, bytes: &mut [u8]) -> Result<()> {
        self.enter(Call::Random)?;
        // The same each time, so that two runs can be compared.
        for (byte, number) in bytes.iter_mut().zip(17_u8..) {
            *byte = number.wrapping_mul(37);
        }
        Ok(())
    }

    fn now(&self) -> i64 {
        self.world.borrow().clock
    }

    fn sleep(&self, _: u32) {}

    fn set_host_name(&self, name: &[u8]) -> Result<()> {
        self.enter(Call::SetHostName)?;
        self.world.borrow_mut().host_name = name.into();
        Ok(())
    }

    fn route_socket(&self) -> Result<Fd> {
        self.enter(Call::RouteSocket)?;
        Ok(Fd::new(TOP))
    }

    fn send(&self, socket: &Fd, bytes: &[u8]) -> Result<()> {
        self.enter(Call::Send)?;
        let answer = self.world.borrow_mut().net.answer(bytes);
        socket.answers.borrow_mut().push(answer);
        Ok(())
    }

    fn receive(&self, socket: &Fd, bytes: &mut [u8]) -> Result<usize> {
        self.enter(Call::Receive)?;
        let mut answers = socket.answers.borrow_mut();
        if answers.is_empty() {
            return Err(Errno::AGAIN);
        }
        fill(bytes, &answers.remove(0))
    }

    fn is_terminal(&self) -> bool {
        false
    }

    fn say(&self, _: Stream, bytes: &[u8]) {
        self.said.borrow_mut().extend_from_slice(bytes);
    }
}

const fn call_of(access: Access) -> Call {
    match access {
        Access::Folder => Call::OpenFolder,
        Access::Look => Call::Look,
        Access::Read | Access::ReadItself => Call::OpenRead,
        Access::Write => Call::OpenWrite,
        Access::Create(_) => Call::Create,
    }
}

fn fill(space: &mut [u8], text: &[u8]) -> Result<usize> {
    let len = text.len();
    space
        .get_mut(..len)
        .ok_or(Errno::RANGE)?
        .copy_from_slice(text);
    Ok(len)
}
