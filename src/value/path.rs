//! Paths below a root.

use crate::limits::PATH_BYTES;
use core::ffi::CStr;
use heapless::Vec;

/// A path below the root, without a leading slash, with the kernel's final NUL.
#[derive(Clone, PartialEq, Eq)]
pub struct Path(Vec<u8, PATH_BYTES>);

impl Path {
    /// The path that is these pieces joined; none, if it is too long or holds a NUL.
    #[must_use]
    pub fn new(pieces: &[&[u8]]) -> Option<Self> {
        let mut bytes = Vec::new();
        for piece in pieces {
            if piece.contains(&0) {
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
        CStr::from_bytes_with_nul(&self.0).unwrap_or_default()
    }

    /// Without the final NUL.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.as_c_str().to_bytes()
    }

    /// The folder, and the name in it.
    #[must_use]
    pub fn split(&self) -> (Self, Self) {
        let bytes = self.as_bytes();
        let (folder, name) = match bytes.iter().rposition(|&byte| byte == b'/') {
            Some(0) => (Some(&b"/"[..]), bytes.get(1..)),
            Some(index) => (bytes.get(..index), bytes.get(index + 1..)),
            None => (Some(&b"."[..]), Some(bytes)),
        };
        // Cannot fail: a part of a path is shorter than the path, but for `.`,
        // which fits always.
        let part = |bytes: Option<&[u8]>| Self::new(&[bytes.unwrap_or(b".")]);
        let empty = || Self(Vec::new());
        (part(folder).unwrap_or_else(empty), part(name).unwrap_or_else(empty))
    }
}

impl From<&CStr> for Path {
    /// For paths that stand in this program, all of which are short enough.
    fn from(path: &CStr) -> Self {
        Self(Vec::from_slice(path.to_bytes_with_nul()).unwrap_or_default())
    }
}
