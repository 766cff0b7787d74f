//! MAC addresses.

use super::hex;
use crate::text::split::split;
use ufmt::{Formatter, uDisplay, uWrite};

/// The hardware address of one Ethernet NIC.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mac([u8; 6]);

impl Mac {
    /// Reads six bytes in hexadecimal, joined by colons or by hyphens.
    #[must_use]
    #[inline(never)]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let separator = *text.get(2)?;
        if !matches!(separator, b':' | b'-') {
            return None;
        }
        let mut mac = [0; 6];
        let mut parts = split(text, separator);
        for byte in &mut mac {
            *byte = hex::parse(parts.next()?)?;
        }
        parts.next().is_none().then_some(Self(mac))
    }

    /// The address as the kernel keeps it.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 6]) -> Self {
        Self(bytes)
    }

    /// The address as the kernel keeps it.
    #[must_use]
    pub const fn bytes(self) -> [u8; 6] {
        self.0
    }

    /// Whether a NIC can have this address: not all zeros, and not a group's
    /// (IEEE 802, the lowest bit of the first byte).
    #[must_use]
    pub fn is_nic(self) -> bool {
        self.0[0] & 1 == 0 && self.0 != [0; 6]
    }
}

/// In lower case with colons, as the kernel and `ip link` write it.
impl uDisplay for Mac {
    fn fmt<W: uWrite + ?Sized>(&self, f: &mut Formatter<'_, W>) -> Result<(), W::Error> {
        for (index, byte) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(":")?;
            }
            hex::write(f, *byte)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::{Buf, put};

    #[test]
    fn a_mac_address_is_read_in_any_case_and_written_in_lower_case() {
        let mac = Mac::parse(b"00:8C:fa:5E:14:23").unwrap();
        assert_eq!(Mac::parse(b"00-8c-fa-5e-14-23"), Some(mac));
        assert_eq!(mac.bytes(), [0, 0x8c, 0xfa, 0x5e, 0x14, 0x23]);
        assert_eq!(Mac::from_bytes(mac.bytes()), mac);
        let mut bytes = [0; 17];
        let mut buf = Buf::new(&mut bytes);
        put!(buf, "{}", mac);
        assert_eq!(buf.as_bytes(), b"00:8c:fa:5e:14:23");
    }

    #[test]
    fn what_is_not_six_bytes_is_no_mac_address() {
        for bad in [
            "",
            "00:8c:fa:5e:14",
            "00:8c:fa:5e:14:23:",
            "00:8c:fa:5e:14:2g",
            "008cfa5e1423aaaaa",
            "00:8c-fa:5e:14:23",
            "00.8c.fa.5e.14.23",
            "00:8c:fa:5e:14:023",
        ] {
            assert_eq!(Mac::parse(bad.as_bytes()), None, "{bad}");
        }
        assert!(!Mac::parse(b"01:00:5e:00:00:01").unwrap().is_nic());
        assert!(!Mac::parse(b"00:00:00:00:00:00").unwrap().is_nic());
    }
}
