//! IPv4 addresses, masks and prefixes.

use crate::text::split::split;
use ufmt::{Formatter, uDisplay, uWrite, uwrite};

/// An IPv4 address, in host byte order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Ipv4(u32);

impl Ipv4 {
    /// The address with this number.
    #[must_use]
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// Reads a dotted quad of decimal numbers.
    ///
    /// A leading zero is refused: inet_aton(3) would read the number as octal.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let mut number: u32 = 0;
        let mut parts = 0;
        for part in split(text, b'.') {
            number = number << 8 | u32::from(decimal_byte(part)?);
            parts += 1;
        }
        (parts == 4).then_some(Self(number))
    }

    /// The address as a number.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }

    /// The four bytes, as they stand in a packet.
    #[must_use]
    pub const fn octets(self) -> [u8; 4] {
        self.0.to_be_bytes()
    }

    /// Whether a host can have this address: not `0.0.0.0/8`, loopback,
    /// multicast, reserved or broadcast.
    #[must_use]
    pub const fn is_host(self) -> bool {
        let [first, ..] = self.octets();
        first != 0 && first != 127 && first < 224
    }
}

impl uDisplay for Ipv4 {
    fn fmt<W: uWrite + ?Sized>(&self, f: &mut Formatter<'_, W>) -> Result<(), W::Error> {
        let [a, b, c, d] = self.octets();
        uwrite!(f, "{}.{}.{}.{}", a, b, c, d)
    }
}

/// The length of a subnet's prefix, 0 to 32, which in dotted form is its mask.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mask(u8);

impl Mask {
    /// The mask of a single host.
    pub const HOST: Self = Self(32);
    /// The mask of everything.
    pub const DEFAULT: Self = Self(0);

    /// The mask whose first `length` bits are one.
    #[must_use]
    pub const fn from_length(length: u8) -> Option<Self> {
        if length <= 32 {
            Some(Self(length))
        } else {
            None
        }
    }

    /// The mask that `address` spells, unless it has holes.
    ///
    /// ```
    /// use osconf::value::{Ipv4, Mask};
    ///
    /// let length = |text| Mask::from_address(Ipv4::parse(text)?).map(Mask::length);
    /// assert_eq!(length(b"255.255.240.0"), Some(20));
    /// assert_eq!(length(b"255.0.255.0"), None);
    /// ```
    #[must_use]
    #[inline(never)]
    pub const fn from_address(address: Ipv4) -> Option<Self> {
        let ones = address.0.leading_ones() as u8;
        if address.0.count_ones() == ones as u32 {
            Some(Self(ones))
        } else {
            None
        }
    }

    /// How many bits are one.
    #[must_use]
    pub const fn length(self) -> u8 {
        self.0
    }

    /// The mask as an address.
    #[must_use]
    pub const fn address(self) -> Ipv4 {
        match u32::MAX.checked_shl(32 - self.0 as u32) {
            Some(bits) => Ipv4(bits),
            None => Ipv4(0),
        }
    }
}

/// A subnet: an address without host bits, and its mask.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Prefix {
    address: Ipv4,
    mask: Mask,
}

impl Prefix {
    /// Where every packet goes that no other route takes.
    pub const DEFAULT: Self = Self {
        address: Ipv4(0),
        mask: Mask::DEFAULT,
    };

    /// The subnet that `address` is in; its host bits are cleared.
    #[must_use]
    pub const fn of(address: Ipv4, mask: Mask) -> Self {
        Self {
            address: Ipv4(address.0 & mask.address().0),
            mask,
        }
    }

    /// The lowest address.
    #[must_use]
    pub const fn address(self) -> Ipv4 {
        self.address
    }

    /// The mask.
    #[must_use]
    pub const fn mask(self) -> Mask {
        self.mask
    }

    /// Whether `address` is in this subnet.
    #[must_use]
    pub const fn contains(self, address: Ipv4) -> bool {
        address.0 & self.mask.address().0 == self.address.0
    }

    /// Whether this is everything.
    #[must_use]
    pub const fn is_default(self) -> bool {
        self.mask.0 == 0
    }

    /// The highest address, to which a broadcast goes.
    #[must_use]
    pub const fn broadcast(self) -> Ipv4 {
        Ipv4(self.address.0 | !self.mask.address().0)
    }
}

/// As `ip route` writes it: `10.0.0.0/8`.
impl uDisplay for Prefix {
    fn fmt<W: uWrite + ?Sized>(&self, f: &mut Formatter<'_, W>) -> Result<(), W::Error> {
        uwrite!(f, "{}/{}", self.address, self.mask.0)
    }
}

/// Reads 0 to 255 in decimal, without leading zeros.
pub(crate) fn decimal_byte(text: &[u8]) -> Option<u8> {
    if text.len() > 1 && text.first() == Some(&b'0') {
        return None;
    }
    decimal(text).and_then(|number| u8::try_from(number).ok())
}

/// Reads a decimal number of at most eighteen digits.
pub(crate) fn decimal_long(text: &[u8]) -> Option<i64> {
    let (high, low) = text.split_at_checked(text.len().saturating_sub(9))?;
    let high = if high.is_empty() { 0 } else { decimal(high)? };
    Some(i64::from(high) * 1_000_000_000 + i64::from(decimal(low)?))
}

/// Reads a decimal number of at most nine digits.
pub(crate) fn decimal(text: &[u8]) -> Option<u32> {
    if text.is_empty() || text.len() > 9 || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(
        text.iter()
            .fold(0, |number, &digit| number * 10 + u32::from(digit - b'0')),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::{Buf, put};

    fn show(prefix: Prefix) -> std::string::String {
        let mut bytes = [0; 32];
        let mut buf = Buf::new(&mut bytes);
        put!(buf, "{}", prefix);
        std::string::String::from_utf8_lossy(buf.as_bytes()).into_owned()
    }

    #[test]
    fn an_address_is_four_decimal_numbers() {
        assert_eq!(
            Ipv4::parse(b"10.171.254.123").map(Ipv4::octets),
            Some([10, 171, 254, 123])
        );
        let number = Ipv4::parse(b"1.2.3.4").map(Ipv4::number);
        assert_eq!(number, Some(0x0102_0304));
        for bad in [
            "",
            "1.2.3",
            "1.2.3.4.5",
            "1.2.3.256",
            "01.2.3.4",
            "1..2.3",
            "a.b.c.d",
            " 1.2.3.4",
            "1.2.3.4/8",
            "1.2.3.-4",
        ] {
            assert_eq!(Ipv4::parse(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn a_mask_has_no_holes() {
        for length in 0..=32 {
            let mask = Mask::from_length(length).unwrap();
            assert_eq!(Mask::from_address(mask.address()), Some(mask));
        }
        assert_eq!(
            Mask::from_address(Ipv4::parse(b"255.0.255.0").unwrap()),
            None
        );
        assert_eq!(Mask::from_address(Ipv4::parse(b"0.0.0.1").unwrap()), None);
        assert_eq!(Mask::from_length(33), None);
    }

    #[test]
    fn a_prefix_clears_host_bits_and_knows_its_hosts() {
        let prefix = Prefix::of(
            Ipv4::parse(b"10.171.254.123").unwrap(),
            Mask::from_length(24).unwrap(),
        );
        assert_eq!(show(prefix), "10.171.254.0/24");
        assert!(prefix.contains(Ipv4::parse(b"10.171.254.1").unwrap()));
        assert!(!prefix.contains(Ipv4::parse(b"10.171.253.1").unwrap()));
        assert_eq!(prefix.broadcast(), Ipv4::parse(b"10.171.254.255").unwrap());
        assert!(Prefix::DEFAULT.contains(Ipv4::parse(b"8.8.8.8").unwrap()));
    }
}
