//! Paths below a root.

use crate::limits::PATH_BYTES;
use core::ffi::CStr;
use heapless::Vec;

/// A path below the root, without a leading slash, with the kernel's final NUL.
#[derive(Clone, PartialEq, Eq)]
pub struct Path(Vec<u8, PATH_BYTES>);

impl Path {
    /// The path that is these pieces joined; none, if it is too long or holds a control
    /// character: a NUL ends it, and our lists have one path in a line.
    #[must_use]
    pub fn new(pieces: &[&[u8]]) -> Option<Self> {
        let mut bytes = Vec::new();
        for piece in pieces {
            if piece.iter().any(u8::is_ascii_control) {
                return None;
            }
            bytes.extend_from_slice(piece).ok()?;
        }
        bytes.push(0).ok()?;
        Some(Self(bytes))
    }

    /// As the kernel takes it.
    #[must_use]
    pub fn as_c_str(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.0).unwrap_or_default()
    }

    /// Without the final NUL.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.as_c_str().to_bytes()
    }

    /// Where the last name begins.
    fn name_start(&self) -> usize {
        let bytes = self.as_bytes();
        bytes
            .iter()
            .rposition(|&byte| byte == b'/')
            .map_or(0, |index| index + 1)
    }

    /// The last name.
    #[must_use]
    pub fn name(&self) -> &CStr {
        let name = self.0.get(self.name_start()..).unwrap_or_default();
        CStr::from_bytes_until_nul(name).unwrap_or_default()
    }

    /// The folder that the last name is in.
    #[must_use]
    pub fn folder(&self) -> Self {
        let bytes = match self.name_start() {
            0 => b".",
            1 => b"/",
            start => self.0.get(..start - 1).unwrap_or_default(),
        };
        // Cannot fail: a part of a path is shorter than the path.
        Self::new(&[bytes]).unwrap_or_else(|| Self::from(c"."))
    }
}

impl From<&CStr> for Path {
    /// For paths that stand in this program, all of which are short enough.
    fn from(path: &CStr) -> Self {
        Self(Vec::from_slice(path.to_bytes_with_nul()).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_folder_and_a_name() {
        for (path, folder, name) in [
            (c"etc/a/b", c"etc/a", c"b"),
            (c"b", c".", c"b"),
            (c"/b", c"/", c"b"),
            (c"/a/b", c"/a", c"b"),
        ] {
            let path = Path::from(path);
            assert_eq!((path.folder().as_c_str(), path.name()), (folder, name));
        }
    }

    #[test]
    fn a_path_makes_no_second_line_of_a_list() {
        for name in ["a\nfile=b", "a\r", "a\0", "a\x7f"] {
            assert!(Path::new(&[b"etc/", name.as_bytes()]).is_none());
        }
        assert!(Path::new(&[b"etc/", "a b\u{e9}".as_bytes()]).is_some());
    }
}
