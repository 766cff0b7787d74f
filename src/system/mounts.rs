//! `/proc/self/mountinfo` (proc_pid_mountinfo(5)).

use crate::limits::PATH_BYTES;
use crate::text::lines::{lines, words};
use crate::text::split::{split, split_once};
use crate::value::Path;
use crate::value::ipv4::decimal;
use heapless::Vec;

/// One mounted file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mount<'a> {
    /// Major and minor number of the device.
    pub device: (u32, u32),
    /// Which folder of the file system is mounted, escaped.
    pub root: &'a [u8],
    /// Where, escaped.
    pub point: &'a [u8],
    /// How it is mounted there: `rw,nosuid`.
    pub flags: &'a [u8],
    /// The type of the file system.
    pub kind: &'a [u8],
    /// The device's name or what stands for it, escaped.
    pub source: &'a [u8],
    /// Options of the file system.
    pub options: &'a [u8],
}

/// The mounts that `text` tells of, in the order in which they were made. A line
/// of another form is passed over.
pub fn mounts(text: &[u8]) -> impl Iterator<Item = Mount<'_>> + Clone {
    lines(text).filter_map(|line| mount(line.text))
}

fn mount(line: &[u8]) -> Option<Mount<'_>> {
    let mut fields = words(line).skip(2);
    let (major, minor) = split_once(fields.next()?, b':')?;
    let device = (decimal(major)?, decimal(minor)?);
    let (root, point, flags) = (fields.next()?, fields.next()?, fields.next()?);
    // Optional fields, up to a hyphen.
    let mut fields = fields.skip_while(|&field| field != b"-").skip(1);
    Some(Mount {
        device,
        root,
        point,
        flags,
        kind: fields.next()?,
        source: fields.next()?,
        options: fields.next().unwrap_or_default(),
    })
}

impl Mount<'_> {
    /// The mount point.
    #[must_use]
    pub fn point(&self) -> Option<Path> {
        let path = unescape(self.point)?;
        Path::new(&[path.get(..path.len() - 1)?])
    }

    /// Whether nothing can be written there.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        let is_so = |options| split(options, b',').any(|option| option == b"ro");
        is_so(self.flags) || is_so(self.options)
    }

    /// The folder that the writes of an overlay go to, with its final NUL.
    #[must_use]
    pub fn upper_folder(&self) -> Option<Vec<u8, PATH_BYTES>> {
        split(self.options, b',')
            .find_map(|option| option.strip_prefix(b"upperdir="))
            .and_then(unescape)
    }
}

/// Blanks, newlines and backslashes stand as `\` and three octal digits.
fn unescape(text: &[u8]) -> Option<Vec<u8, PATH_BYTES>> {
    let mut path = Vec::new();
    let mut rest = text;
    while let [first, after @ ..] = rest {
        let (byte, after) = match rest {
            [
                b'\\',
                a @ b'0'..=b'3',
                b @ b'0'..=b'7',
                c @ b'0'..=b'7',
                after @ ..,
            ] => ((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'), after),
            _ => (*first, after),
        };
        path.push(byte).ok()?;
        rest = after;
    }
    path.push(0).ok()?;
    Some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_are_read_with_and_without_optional_fields() {
        let text = b"25 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw\n\
            30 25 254:2 / /mnt/a\\040b rw - vfat /dev/vda2 rw,umask=0022\n\
            junk\n\
            31 25 0:20 / /x rw - overlay none rw,lowerdir=/a,upperdir=/b\\054c,workdir=/w\n";
        let found: std::vec::Vec<_> = mounts(text).collect();
        assert_eq!(found.len(), 3);
        assert_eq!(
            (found[0].device, found[0].kind, found[0].source),
            ((254, 1), &b"ext4"[..], &b"/dev/vda1"[..])
        );
        assert_eq!(found[1].point().unwrap().as_bytes(), b"/mnt/a b");
        assert_eq!(found[2].upper_folder().unwrap(), b"/b,c\0");
        assert_eq!(found[0].upper_folder(), None);
    }
}
