//! Host names.

use crate::limits::{HOST_LABEL_BYTES, HOST_NAME_BYTES};
use crate::text::split::split;

/// A host name as RFC 1123, 2.1 has it: labels of letters, digits and inner
/// hyphens, joined by dots; and short enough for the kernel.
///
/// No text of this shape means anything to a shell, starts an option, or leaves
/// a folder, so it can be written into any file as it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HostName<'a>(&'a [u8]);

impl<'a> HostName<'a> {
    /// Reads a host name.
    ///
    /// # Errors
    /// Says which rule `bytes` breaks.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, HostNameFault> {
        if bytes.len() > HOST_NAME_BYTES {
            return Err(HostNameFault::TooLong);
        }
        for label in split(bytes, b'.') {
            match label {
                [] => return Err(HostNameFault::EmptyLabel),
                [b'-', ..] | [.., b'-'] => return Err(HostNameFault::OuterHyphen),
                _ if label.len() > HOST_LABEL_BYTES => return Err(HostNameFault::LongLabel),
                _ if !label
                    .iter()
                    .all(|&b| b.is_ascii_alphanumeric() || b == b'-') =>
                {
                    return Err(HostNameFault::Character);
                }
                _ => {}
            }
        }
        Ok(Self(bytes))
    }

    /// The name, which is ASCII.
    #[must_use]
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.0
    }
}

/// Which rule a host name breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostNameFault {
    /// More than 64 bytes.
    TooLong,
    /// Nothing before, between or after dots.
    EmptyLabel,
    /// A label of more than 63 bytes.
    LongLabel,
    /// A label begins or ends with a hyphen.
    OuterHyphen,
    /// Something other than letters, digits, hyphens and dots.
    Character,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_rfc_1123_names_are_host_names() {
        for good in ["iZ23r29djmjZ", "a", "3com", "a-b.c", "eth1", "localhost"] {
            assert!(HostName::parse(good.as_bytes()).is_ok(), "{good}");
        }
        for (bad, fault) in [
            ("", HostNameFault::EmptyLabel),
            ("../x", HostNameFault::EmptyLabel),
            ("a.", HostNameFault::EmptyLabel),
            ("-x", HostNameFault::OuterHyphen),
            ("a_b", HostNameFault::Character),
            ("a b", HostNameFault::Character),
            ("$(id)", HostNameFault::Character),
            ("\u{e4}", HostNameFault::Character),
        ] {
            assert_eq!(HostName::parse(bad.as_bytes()), Err(fault), "{bad}");
        }
        let long = "a".repeat(64);
        assert_eq!(
            HostName::parse(long.as_bytes()),
            Err(HostNameFault::LongLabel)
        );
        let label = "a".repeat(63);
        assert!(HostName::parse(label.as_bytes()).is_ok());
        let longest = "a".repeat(31) + "." + &"b".repeat(32);
        assert_eq!(longest.len(), 64);
        assert!(HostName::parse(longest.as_bytes()).is_ok());
        let longer = "a.".repeat(32) + "a";
        assert_eq!(
            HostName::parse(longer.as_bytes()),
            Err(HostNameFault::TooLong)
        );
    }
}
