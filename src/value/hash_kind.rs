//! The password hashes that this program can make.

/// A scheme of crypt(3), named as `--hash` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HashKind {
    /// `$1$`, MD5: broken, but the only one that some old OpenWrt releases verify.
    Md5,
    /// `$5$`, SHA-256.
    Sha256,
    /// `$6$`, SHA-512: every other C library verifies it.
    Sha512,
}

impl HashKind {
    /// The kind that `name` means on the command line.
    #[must_use]
    pub fn parse(name: &[u8]) -> Option<Self> {
        match name {
            b"md5" => Some(Self::Md5),
            b"sha256" => Some(Self::Sha256),
            b"sha512" => Some(Self::Sha512),
            _ => None,
        }
    }

    /// The name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_named_as_the_command_line_names_it() {
        for (name, kind) in [
            ("md5", HashKind::Md5),
            ("sha256", HashKind::Sha256),
            ("sha512", HashKind::Sha512),
        ] {
            assert_eq!(HashKind::parse(name.as_bytes()), Some(kind));
            assert_eq!(kind.name(), name);
        }
        assert_eq!(HashKind::parse(b"SHA512"), None);
    }
}
