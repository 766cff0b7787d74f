//! The password.

use crate::limits::PASSWORD_BYTES;
use zeroize::Zeroize;

/// Bytes that nobody may see: never printed, never compared, wiped when dropped.
///
/// There is no `Debug`, `Clone` or `PartialEq` on purpose.
pub struct Secret {
    bytes: [u8; PASSWORD_BYTES],
    len: usize,
}

impl Secret {
    /// Copies `bytes`, if they are at most [`PASSWORD_BYTES`].
    #[must_use]
    pub fn new(bytes: &[u8]) -> Option<Self> {
        let mut secret = Self {
            bytes: [0; PASSWORD_BYTES],
            len: bytes.len(),
        };
        secret.bytes.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(secret)
    }

    /// The bytes, for hashing and for nothing else.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

impl Drop for Secret {
    #[inline(never)]
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}
