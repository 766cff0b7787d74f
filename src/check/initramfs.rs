//! What an initramfs carries: the names in its cpio archives
//! (Documentation/driver-api/early-userspace/buffer-format.rst of the kernel).

use super::boot;
use super::look::{Look, is_there};
use crate::value::Path;
use core::ffi::CStr;
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::TINFL_FLAG_HAS_MORE_INPUT;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};

/// Why the names are not all known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Cannot {
    /// It could not be read.
    Read,
    /// It is compressed in a way that is not read here.
    Compressed(&'static str),
    /// It is no archive, or ends too early.
    Broken,
}

impl Cannot {
    /// Says why.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Read => "which cannot be read",
            Self::Compressed(how) => how,
            Self::Broken => "which is broken",
        }
    }
}

/// Names that makers of an initramfs give it, for the kernel of this version: what
/// stands before and after the version.
const NAMES: [(&[u8], &[u8]); 5] = [
    (b"boot/initrd.img-", b""),
    (b"boot/initramfs-", b".img"),
    (b"boot/initrd-", b""),
    (b"boot/initramfs-", b""),
    (b"boot/initrd-", b".img"),
];

/// Names without a version.
const PLAIN_NAMES: [&CStr; 5] = [
    c"boot/initramfs-linux.img",
    c"boot/initrd.img",
    c"boot/initrd.gz",
    c"boot/initrd",
    c"boot/initramfs.img",
];

/// The initramfs of the kernel of this version: what the boot loader says, if it names
/// that kernel, is better than any custom.
pub(super) fn of_kernel(look: &dyn Look, version: &[u8]) -> Option<Path> {
    let named = boot::initramfs(look, version);
    if let Some((path, true)) = named {
        return Some(path);
    }
    // Alpine's have the flavour only, which ends the version.
    let flavour = version
        .rsplit(|&byte| byte == b'-')
        .next()
        .unwrap_or(version);
    let mut found = None;
    for name in [version, flavour] {
        for (before, after) in NAMES {
            let path = Path::new(&[before, name, after]);
            let path = path.filter(|path| is_there(look, path.as_c_str()));
            found = found.or(path);
        }
    }
    found.or(named.map(|(path, _)| path)).or_else(|| {
        let plain = PLAIN_NAMES.iter().find(|path| is_there(look, path))?;
        Some(Path::from(*plain))
    })
}

/// Bytes that are read at once.
const CHUNK: usize = 4096;
/// Bytes of all that is unpacked. An initramfs with every driver there is has 300 MB;
/// what goes on after this is meant to keep us busy.
const MOST: u64 = 512 << 20;

/// Hands every name in an initramfs to `each`. It is one archive after another, each
/// packed or not: the first one is often microcode, which is not.
pub(super) fn names(
    look: &dyn Look,
    path: &CStr,
    each: &mut dyn FnMut(&[u8]),
) -> Result<(), Cannot> {
    let mut archive = Archive::new(each);
    let mut offset = 0;
    let mut bytes = [0; CHUNK];
    loop {
        let len = look.read_at(path, &mut bytes, offset);
        let chunk = match len {
            Err(_) => return Err(Cannot::Read),
            Ok(len) => bytes.get(..len).unwrap_or_default(),
        };
        if chunk.is_empty() {
            return archive.end();
        }
        let taken = archive.feed(chunk)?;
        offset += taken as u64;
        if taken < chunk.len() {
            // What is no archive is one that is packed.
            offset = unpack(look, path, offset, &mut archive)?;
        }
    }
}

/// How compressed data begins, and what that means for us.
const COMPRESSIONS: [(&[u8], &str); 7] = [
    (b"\x28\xb5\x2f\xfd", "which is compressed by zstd"),
    (b"\xfd7zXZ", "which is compressed by xz"),
    (b"\x5d\0\0", "which is compressed by lzma"),
    (b"BZh", "which is compressed by bzip2"),
    (b"\x02\x21\x4c\x18", "which is compressed by lz4"),
    (b"\x04\x22\x4d\x18", "which is compressed by lz4"),
    (b"\x89LZO", "which is compressed by lzop"),
];

/// Unpacks what begins at `offset` into `archive`, and tells where it ends.
fn unpack(
    look: &dyn Look,
    path: &CStr,
    offset: u64,
    archive: &mut Archive<'_>,
) -> Result<u64, Cannot> {
    let mut bytes = [0; CHUNK];
    let len = look.read_at(path, &mut bytes, offset);
    let start = bytes
        .get(..len.map_err(|_| Cannot::Read)?)
        .unwrap_or_default();
    let Some(head) = gzip_head(start) else {
        let mut known = COMPRESSIONS.iter();
        let known = known.find(|(magic, _)| start.starts_with(magic));
        return Err(known.map_or(Cannot::Broken, |(_, how)| Cannot::Compressed(how)));
    };
    let end = inflate(look, path, offset + head as u64, archive)?;
    // A sum and the length (RFC 1952, 2.3.1), which say nothing that is asked here.
    archive.end()?;
    Ok(end + 8)
}

/// Bytes of the head of a gzip file (RFC 1952, 2.3); none, if it is no such file.
fn gzip_head(bytes: &[u8]) -> Option<usize> {
    let [0x1f, 0x8b, 8, flags, _, _, _, _, _, _, rest @ ..] = bytes else {
        return None;
    };
    let mut rest = rest;
    let behind_nul = |rest: &[u8]| rest.iter().position(|&byte| byte == 0).map(|at| at + 1);
    if flags & 4 != 0 {
        let (&[low, high], after) = rest.split_first_chunk::<2>()?;
        rest = after.get(usize::from(u16::from_le_bytes([low, high]))..)?;
    }
    for flag in [8, 16] {
        if flags & flag != 0 {
            rest = rest.get(behind_nul(rest)?..)?;
        }
    }
    if flags & 2 != 0 {
        rest = rest.get(2..)?;
    }
    Some(bytes.len() - rest.len())
}

/// How far back deflate refers (RFC 1951, 2).
const WINDOW: usize = 32 * 1024;

fn inflate(
    look: &dyn Look,
    path: &CStr,
    mut offset: u64,
    archive: &mut Archive<'_>,
) -> Result<u64, Cannot> {
    let mut state = DecompressorOxide::new();
    let mut window = [0; WINDOW];
    let mut at = 0;
    let mut bytes = [0; CHUNK];
    loop {
        let len = look.read_at(path, &mut bytes, offset);
        let input = bytes
            .get(..len.map_err(|_| Cannot::Read)?)
            .unwrap_or_default();
        let more = match input.is_empty() {
            true => 0,
            false => TINFL_FLAG_HAS_MORE_INPUT,
        };
        let (status, taken, made) = decompress(&mut state, input, &mut window, at, more);
        offset += taken as u64;
        let new = window.get(at..at + made).unwrap_or_default();
        if archive.feed(new)? < new.len() {
            return Err(Cannot::Broken);
        }
        at = (at + made) % WINDOW;
        match status {
            TINFLStatus::Done => return Ok(offset),
            TINFLStatus::HasMoreOutput => {}
            TINFLStatus::NeedsMoreInput if !input.is_empty() => {}
            _ => return Err(Cannot::Broken),
        }
    }
}

/// Bytes of a head in the format `newc`: a magic and 13 numbers of 8 hex digits.
const HEAD: usize = 110;
/// Bytes of a name that are looked at; a longer one is none of a driver.
const NAME: usize = 256;

/// What comes next in an archive.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    /// Zeros, and then the head of a file.
    Gap,
    /// The head, or the rest of it.
    Head,
    /// The name with its padding, or the rest of both; and how much data follows.
    Name(u64),
    /// So many bytes of data.
    Data(u64),
}

/// Reads cpio archives piece by piece.
struct Archive<'e> {
    next: Next,
    /// The head or the name, as far as it has come, and how many bytes have come.
    bytes: [u8; NAME],
    have: usize,
    /// How many bytes the name has, with its NUL and padding.
    name_len: usize,
    all: u64,
    each: &'e mut dyn FnMut(&[u8]),
}

impl<'e> Archive<'e> {
    fn new(each: &'e mut dyn FnMut(&[u8])) -> Self {
        Self {
            next: Next::Gap,
            bytes: [0; NAME],
            have: 0,
            name_len: 0,
            all: 0,
            each,
        }
    }

    /// It must not end within a file.
    fn end(&self) -> Result<(), Cannot> {
        match self.next {
            Next::Gap => Ok(()),
            _ => Err(Cannot::Broken),
        }
    }

    /// Takes what came, up to what is no archive; tells how much that is.
    fn feed(&mut self, bytes: &[u8]) -> Result<usize, Cannot> {
        self.all += bytes.len() as u64;
        if self.all > MOST {
            return Err(Cannot::Compressed("which is larger than any that boots"));
        }
        let mut rest = bytes;
        while let Some(first) = rest.first() {
            rest = match self.next {
                Next::Gap => match first {
                    0 => {
                        let zeros = rest.iter().take_while(|byte| **byte == 0).count();
                        rest.get(zeros..).unwrap_or_default()
                    }
                    b'0' => {
                        (self.next, self.have) = (Next::Head, 0);
                        rest
                    }
                    _ => return Ok(bytes.len() - rest.len()),
                },
                Next::Head => self.head(rest)?,
                Next::Name(data) => self.name(rest, data),
                Next::Data(len) => {
                    let now = usize::try_from(len).unwrap_or(usize::MAX).min(rest.len());
                    self.next = match len - now as u64 {
                        0 => Next::Gap,
                        more => Next::Data(more),
                    };
                    rest.get(now..).unwrap_or_default()
                }
            };
        }
        Ok(bytes.len())
    }

    /// Copies what comes into `bytes`, as far as there is room, until there are `want`
    /// of them; the rest of what came is returned.
    fn gather<'r>(&mut self, rest: &'r [u8], want: usize) -> &'r [u8] {
        let now = (want - self.have).min(rest.len());
        let (new, rest) = rest.split_at_checked(now).unwrap_or((rest, &[]));
        for &byte in new {
            if let Some(place) = self.bytes.get_mut(self.have) {
                *place = byte;
            }
            self.have += 1;
        }
        rest
    }

    fn head<'r>(&mut self, rest: &'r [u8]) -> Result<&'r [u8], Cannot> {
        let rest = self.gather(rest, HEAD);
        if self.have == HEAD {
            let magic = self.bytes.get(..6);
            if magic != Some(b"070701") && magic != Some(b"070702") {
                return Err(Cannot::Broken);
            }
            let (Some(size), Some(name)) = (self.number(6), self.number(11)) else {
                return Err(Cannot::Broken);
            };
            // The name is padded so that the data begins at a multiple of 4, and so is
            // the data.
            let name = usize::try_from(name).map_err(|_| Cannot::Broken)?;
            self.name_len = (HEAD + name).next_multiple_of(4) - HEAD;
            (self.next, self.have) = (Next::Name(size.next_multiple_of(4)), 0);
        }
        Ok(rest)
    }

    /// The number of this index in the head.
    fn number(&self, index: usize) -> Option<u64> {
        let digits = self.bytes.get(6 + 8 * index..)?.get(..8)?;
        let mut number = 0;
        for &digit in digits {
            number = number * 16 + u64::from(char::from(digit).to_digit(16)?);
        }
        Some(number)
    }

    fn name<'r>(&mut self, rest: &'r [u8], data: u64) -> &'r [u8] {
        let rest = self.gather(rest, self.name_len);
        if self.have == self.name_len {
            let name = self.bytes.split(|&byte| byte == 0).next();
            (self.each)(name.unwrap_or_default());
            self.next = match data {
                0 => Next::Gap,
                _ => Next::Data(data),
            };
        }
        rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::look::tests::Files;

    fn entry(name: &str, data: &[u8]) -> Vec<u8> {
        let mut bytes = format!("070701{:08x}", 1).into_bytes();
        for number in [0, 0, 0, 1, 0, data.len(), 0, 0, 0, 0, name.len() + 1, 0] {
            bytes.extend(format!("{number:08x}").bytes());
        }
        bytes.extend(name.bytes());
        bytes.push(0);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes.extend(data);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    fn archive() -> Vec<u8> {
        let mut bytes = entry("kernel", b"");
        bytes.extend(entry("kernel/virtio_blk.ko", &[b'0'; 5000]));
        bytes.extend(entry("init", b"#!/bin/sh"));
        bytes.extend(entry("TRAILER!!!", b""));
        bytes
    }

    /// Stored blocks (RFC 1951, 3.2.4) in a gzip file with a name.
    fn gzip(data: &[u8]) -> Vec<u8> {
        let mut bytes = b"\x1f\x8b\x08\x08\0\0\0\0\0\x03initrd\0".to_vec();
        let mut chunks = data.chunks(60_000).peekable();
        while let Some(chunk) = chunks.next() {
            bytes.push(u8::from(chunks.peek().is_none()));
            bytes.extend((chunk.len() as u16).to_le_bytes());
            bytes.extend((!(chunk.len() as u16)).to_le_bytes());
            bytes.extend(chunk);
        }
        bytes.extend([0; 8]);
        bytes
    }

    fn read(bytes: Vec<u8>) -> (Vec<String>, Result<(), Cannot>) {
        let files = Files::from([("boot/initrd", bytes)]);
        let mut all = Vec::new();
        let result = names(&files, c"boot/initrd", &mut |name| {
            all.push(String::from_utf8_lossy(name).into_owned());
        });
        (all, result)
    }

    const NAMES: [&str; 4] = ["kernel", "kernel/virtio_blk.ko", "init", "TRAILER!!!"];

    #[test]
    fn names_are_read_from_archives_that_are_packed_or_not() {
        assert_eq!(read(archive()), (NAMES.map(String::from).to_vec(), Ok(())));
        assert_eq!(read(gzip(&archive())).0, NAMES);
        // Microcode first, padded to the next block.
        let mut both = entry("kernel/x86/microcode/x.bin", &[7; 3000]);
        both.extend(entry("TRAILER!!!", b""));
        both.resize(both.len().next_multiple_of(512), 0);
        both.extend(gzip(&archive()));
        let (all, result) = read(both);
        assert_eq!((all.len(), result), (6, Ok(())));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        for (start, why) in COMPRESSIONS {
            let mut bytes = archive();
            bytes.extend(start);
            bytes.extend([1; 20]);
            assert_eq!(read(bytes).1, Err(Cannot::Compressed(why)));
        }
        assert_eq!(read(b"ELF".to_vec()).1, Err(Cannot::Broken));
    }

    #[test]
    #[cfg_attr(miri, ignore = "hundreds of archives")]
    fn an_archive_that_ends_too_early_is_broken() {
        for whole in [archive(), gzip(&archive())] {
            for len in (1..whole.len() - 12).step_by(7) {
                let (all, result) = read(whole[..len].to_vec());
                assert!(all.len() < 4);
                // Between two files an archive may end.
                assert!(result == Err(Cannot::Broken) || whole[0] == b'0');
            }
        }
    }
}
