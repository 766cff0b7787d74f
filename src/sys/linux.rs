//! The real kernel, by rustix' own system calls: no libc in between.

mod image;
mod mount;
mod walk;

use super::memory::Map;
use super::{Access, FileSystem, Kind, Meta, Result, Stream, Sys, Usage};
use core::cell::Cell;
use core::ffi::{CStr, c_int, c_long};
use core::mem::MaybeUninit;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{AtFlags, FileType, FlockOperation, Mode, OFlags, RawDir, ResolveFlags, Stat};
use rustix::io::{Errno, retry_on_intr};
use rustix::rand::GetRandomFlags;
use rustix::{fs, io, net, rand, system, termios, thread};

/// `RAMFS_MAGIC`, `TMPFS_MAGIC`, `MSDOS_SUPER_MAGIC`, `EXFAT_SUPER_MAGIC` and
/// `OVERLAYFS_SUPER_MAGIC` of linux/magic.h, by which statfs(2) tells file systems.
const RAMFS: u64 = 0x8584_58f6;
const TMPFS: u64 = 0x0102_1994;
const MSDOS: u64 = 0x4d44;
const EXFAT: u64 = 0x2011_bab0;
const OVERLAYFS: u64 = 0x794c_7630;

/// rustix asks for the time by a reader of the vDSO, whose tables are checked at
/// length: 2.7 KiB. The number is that of asm-generic/unistd.h, but for older
/// architectures, which have a table of their own.
const CLOCK_GETTIME: c_long = cfg_select! {
    target_arch = "x86_64" => { 228 }
    _ => { 113 }
};
const CLOCK_REALTIME: c_int = 0;

unsafe extern "C" {
    /// syscall(2), of every C library.
    fn syscall(number: c_long, ...) -> c_long;
}

/// The running kernel.
#[derive(Default)]
pub struct Linux {
    /// Set once openat2(2) is known to be missing (before Linux 5.6, or hidden by
    /// a filter), so that the strict walk is used without asking each time.
    no_openat2: Cell<bool>,
}

/// Opens one name without following it.
fn open_name(folder: BorrowedFd<'_>, name: &CStr, access: Access) -> Result<OwnedFd> {
    let flags = flags(access) | OFlags::NOFOLLOW;
    retry_on_intr(|| fs::openat(folder, name, flags, mode(access)))
}

fn flags(access: Access) -> OFlags {
    OFlags::CLOEXEC
        | match access {
            Access::Folder => OFlags::RDONLY | OFlags::DIRECTORY,
            Access::Look => OFlags::PATH,
            // NONBLOCK: opening a FIFO must not wait for a writer.
            Access::Read => OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY,
            Access::ReadItself => flags(Access::Read) | OFlags::NOFOLLOW,
            Access::Write => OFlags::RDWR | OFlags::NONBLOCK | OFlags::NOCTTY,
            Access::Create(_) => OFlags::RDWR | OFlags::CREATE | OFlags::EXCL,
        }
}

fn mode(access: Access) -> Mode {
    match access {
        Access::Create(mode) => Mode::from_raw_mode(mode),
        _ => Mode::empty(),
    }
}

// The fields' types differ between architectures and C libraries.
#[allow(clippy::useless_conversion, clippy::unnecessary_cast)]
fn meta(stat: &Stat) -> Meta {
    Meta {
        kind: match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Kind::File,
            FileType::Directory => Kind::Folder,
            FileType::Symlink => Kind::Link,
            _ => Kind::Other,
        },
        mode: stat.st_mode & 0o7777,
        uid: stat.st_uid,
        gid: stat.st_gid,
        size: stat.st_size as u64,
        links: u64::from(stat.st_nlink),
        inode: stat.st_ino,
        device: stat.st_dev,
        special: stat.st_rdev,
        modified: stat.st_mtime as i64,
    }
}

// What is called from one place only is inlined there; all else is not, which is
// smaller.
impl Sys for Linux {
    type Fd = OwnedFd;
    type Map = Map;

    #[inline(never)]
    fn open_folder(&self, path: &CStr) -> Result<OwnedFd> {
        let flags = flags(Access::Folder);
        retry_on_intr(|| fs::openat(fs::CWD, path, flags, Mode::empty()))
    }

    #[inline(never)]
    fn open_file(&self, path: &CStr) -> Result<OwnedFd> {
        let flags = flags(Access::Read);
        retry_on_intr(|| fs::openat(fs::CWD, path, flags, Mode::empty()))
    }

    #[inline(never)]
    fn open_below(&self, root: &OwnedFd, path: &CStr, access: Access) -> Result<OwnedFd> {
        if !self.no_openat2.get() {
            let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
            let opened =
                retry_on_intr(|| fs::openat2(root, path, flags(access), mode(access), resolve));
            match opened {
                // A filter that does not know the call answers EPERM; then the
                // walk gives the real reason, if there is one.
                Err(Errno::NOSYS | Errno::PERM) => self.no_openat2.set(true),
                // A component was renamed meanwhile (openat2(2), EAGAIN).
                Err(Errno::AGAIN) => {}
                other => return other,
            }
        }
        walk::open(root.as_fd(), path, access)
    }

    #[inline(never)]
    fn open(&self, folder: &OwnedFd, name: &CStr, access: Access) -> Result<OwnedFd> {
        open_name(folder.as_fd(), name, access)
    }

    #[inline(never)]
    fn meta(&self, fd: &OwnedFd) -> Result<Meta> {
        fs::fstat(fd).map(|stat| meta(&stat))
    }

    #[inline(never)]
    fn meta_of(&self, folder: &OwnedFd, name: &CStr) -> Result<Meta> {
        fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW).map(|stat| meta(&stat))
    }

    #[allow(clippy::cast_sign_loss)]
    #[inline(never)]
    fn file_system(&self, fd: &OwnedFd) -> Result<FileSystem> {
        Ok(match fs::fstatfs(fd)?.f_type as u64 {
            RAMFS | TMPFS => FileSystem::Ram,
            MSDOS | EXFAT => FileSystem::Fat,
            OVERLAYFS => FileSystem::Overlay,
            _ => FileSystem::Disk,
        })
    }

    fn usage(&self, fd: &OwnedFd) -> Result<Usage> {
        let all = fs::fstatvfs(fd)?;
        // What is kept for root is no room for what is installed, but is not used.
        let size = |blocks: u64| blocks.saturating_mul(all.f_frsize);
        Ok(Usage {
            bytes: (size(all.f_blocks), size(all.f_bfree)),
            inodes: (all.f_files, all.f_ffree),
        })
    }

    fn flags(&self, fd: &OwnedFd) -> Result<u32> {
        fs::ioctl_getflags(fd).map(|flags| flags.bits())
    }

    #[inline(never)]
    fn read_at(&self, fd: &OwnedFd, bytes: &mut [u8], offset: u64) -> Result<usize> {
        retry_on_intr(|| io::pread(fd, &mut *bytes, offset))
    }

    #[inline(never)]
    fn write_at(&self, fd: &OwnedFd, bytes: &[u8], offset: u64) -> Result<usize> {
        retry_on_intr(|| io::pwrite(fd, bytes, offset))
    }

    fn set_len(&self, fd: &OwnedFd, len: u64) -> Result<()> {
        retry_on_intr(|| fs::ftruncate(fd, len))
    }

    #[inline(never)]
    fn set_mode(&self, fd: &OwnedFd, mode: u32) -> Result<()> {
        fs::fchmod(fd, Mode::from_raw_mode(mode))
    }

    #[inline(never)]
    fn set_owner(&self, fd: &OwnedFd, uid: u32, gid: u32) -> Result<()> {
        fs::fchown(
            fd,
            Some(fs::Uid::from_raw(uid)),
            Some(fs::Gid::from_raw(gid)),
        )
    }

    fn list_attributes(&self, fd: &OwnedFd, names: &mut [u8]) -> Result<usize> {
        fs::flistxattr(fd, names)
    }

    #[inline(never)]
    fn attribute(&self, fd: &OwnedFd, name: &CStr, value: &mut [u8]) -> Result<usize> {
        fs::fgetxattr(fd, name, value)
    }

    #[inline(never)]
    fn set_attribute(&self, fd: &OwnedFd, name: &CStr, value: &[u8]) -> Result<()> {
        fs::fsetxattr(fd, name, value, fs::XattrFlags::empty())
    }

    #[inline(never)]
    fn sync(&self, fd: &OwnedFd) -> Result<()> {
        retry_on_intr(|| fs::fsync(fd))
    }

    #[inline(never)]
    fn sync_file_system(&self, fd: &OwnedFd) -> Result<()> {
        fs::syncfs(fd)
    }

    #[inline(never)]
    fn lock(&self, fd: &OwnedFd) -> Result<()> {
        fs::fcntl_lock(fd, FlockOperation::NonBlockingLockExclusive)
    }

    #[inline(never)]
    fn link(&self, from: &OwnedFd, name: &CStr, to: &OwnedFd, second: &CStr) -> Result<()> {
        fs::linkat(from, name, to, second, AtFlags::empty())
    }

    #[inline(never)]
    fn symlink(&self, target: &CStr, folder: &OwnedFd, name: &CStr) -> Result<()> {
        fs::symlinkat(target, folder, name)
    }

    #[inline(never)]
    fn rename(&self, from: &OwnedFd, name: &CStr, to: &OwnedFd, new: &CStr) -> Result<()> {
        fs::renameat(from, name, to, new)
    }

    #[inline(never)]
    fn unlink(&self, folder: &OwnedFd, name: &CStr) -> Result<()> {
        fs::unlinkat(folder, name, AtFlags::empty())
    }

    fn remove_folder(&self, folder: &OwnedFd, name: &CStr) -> Result<()> {
        fs::unlinkat(folder, name, AtFlags::REMOVEDIR)
    }

    fn make_folder(&self, folder: &OwnedFd, name: &CStr, mode: u32) -> Result<()> {
        fs::mkdirat(folder, name, Mode::from_raw_mode(mode))
    }

    fn read_link(&self, folder: &OwnedFd, name: &CStr, target: &mut [u8]) -> Result<usize> {
        fs::readlinkat_raw(folder, name, target)
    }

    #[inline(never)]
    fn list(&self, folder: &OwnedFd, each: &mut dyn FnMut(&CStr) -> bool) -> Result<()> {
        // A new open file: reading moves the folder's own position.
        let folder = open_name(folder.as_fd(), c".", Access::Folder)?;
        let mut space = [MaybeUninit::uninit(); 2048];
        let mut entries = RawDir::new(folder, &mut space);
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let name = entry.file_name();
            if name != c"." && name != c".." && !each(name) {
                break;
            }
        }
        Ok(())
    }

    fn make_node(&self, folder: &OwnedFd, name: &CStr, device: u64) -> Result<()> {
        let mode = Mode::from_raw_mode(0o600);
        fs::mknodat(folder, name, FileType::BlockDevice, mode, device)
    }

    fn mount(
        &self,
        device: &CStr,
        kind: &CStr,
        is_read_only: bool,
        options: &[(&CStr, &CStr)],
    ) -> Result<OwnedFd> {
        mount::private(device, kind, is_read_only, options)
    }

    fn attach(&self, file: &OwnedFd, offset: u64, len: u64) -> Result<(OwnedFd, u64)> {
        let device = image::attach(file, offset, len)?;
        let number = fs::fstat(&device)?.st_rdev;
        Ok((device, number))
    }

    #[inline(never)]
    fn remount(&self, point: &CStr, is_read_only: bool, options: &[u8]) -> Result<()> {
        mount::again(point, is_read_only, options)
    }

    #[inline(never)]
    fn map(&self, len: usize) -> Result<Map> {
        Map::new(len)
    }

    #[inline(never)]
    fn random(&self, bytes: &mut [u8]) -> Result<()> {
        // Early in a boot the pool may not be ready: a salt must be unique, not
        // secret, so the kernel's best is good enough. GRND_INSECURE is Linux 5.6.
        for flags in [GetRandomFlags::NONBLOCK, GetRandomFlags::INSECURE] {
            if rand::getrandom(&mut *bytes, flags) == Ok(bytes.len()) {
                return Ok(());
            }
        }
        let device = self.open_file(c"/dev/urandom")?;
        match retry_on_intr(|| io::read(&device, &mut *bytes))? {
            count if count == bytes.len() => Ok(()),
            _ => Err(Errno::IO),
        }
    }

    #[inline(never)]
    fn now(&self) -> i64 {
        let mut time = [0_i64; 2];
        // SAFETY: clock_gettime(2) writes one `struct timespec`, two of these on every
        // 64-bit architecture, to where it is told, which lasts longer than the call.
        let asked = unsafe { syscall(CLOCK_GETTIME, CLOCK_REALTIME, time.as_mut_ptr()) };
        if asked == 0 { time[0] } else { 0 }
    }

    #[inline(never)]
    fn sleep(&self, milliseconds: u32) {
        // A signal that cuts it short does no harm: whoever waits looks again.
        let _ = thread::nanosleep(&thread::Timespec {
            tv_sec: i64::from(milliseconds / 1000),
            tv_nsec: i64::from(milliseconds % 1000 * 1_000_000),
        });
    }

    #[inline(never)]
    fn set_host_name(&self, name: &[u8]) -> Result<()> {
        system::sethostname(name)
    }

    #[inline(never)]
    fn route_socket(&self) -> Result<OwnedFd> {
        // Protocol 0 of the family is NETLINK_ROUTE (linux/netlink.h).
        let socket = net::socket_with(
            net::AddressFamily::NETLINK,
            net::SocketType::RAW,
            net::SocketFlags::CLOEXEC,
            None,
        )?;
        let second = Some(core::time::Duration::from_secs(1));
        net::sockopt::set_socket_timeout(&socket, net::sockopt::Timeout::Recv, second)?;
        Ok(socket)
    }

    fn send(&self, socket: &OwnedFd, bytes: &[u8]) -> Result<()> {
        // An unbound netlink socket sends to the kernel (netlink(7)).
        match retry_on_intr(|| net::send(socket, bytes, net::SendFlags::empty()))? {
            count if count == bytes.len() => Ok(()),
            _ => Err(Errno::IO),
        }
    }

    fn receive(&self, socket: &OwnedFd, bytes: &mut [u8]) -> Result<usize> {
        // With TRUNC the length is the datagram's own: a cut one is an error.
        let space = bytes.len();
        let (_, len) = retry_on_intr(|| net::recv(socket, &mut *bytes, net::RecvFlags::TRUNC))?;
        if len <= space {
            Ok(len)
        } else {
            Err(Errno::MSGSIZE)
        }
    }

    fn is_terminal(&self) -> bool {
        // SAFETY: as in `say`.
        let output = unsafe { BorrowedFd::borrow_raw(rustix::stdio::raw_stdout()) };
        termios::isatty(output)
    }

    #[inline(never)]
    fn say(&self, stream: Stream, mut bytes: &[u8]) {
        let number = match stream {
            Stream::Output => rustix::stdio::raw_stdout(),
            Stream::Error => rustix::stdio::raw_stderr(),
        };
        // SAFETY: the kernel starts init and its children with 0, 1 and 2 open or
        // closed; nothing in this program closes or takes them, and a closed one
        // makes write(2) fail, which is all that this borrow is used for.
        let fd = unsafe { BorrowedFd::borrow_raw(number) };
        while !bytes.is_empty() {
            match retry_on_intr(|| io::write(fd, bytes)) {
                Ok(count @ 1..) => bytes = bytes.get(count..).unwrap_or_default(),
                _ => break,
            }
        }
    }
}
