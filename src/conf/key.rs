//! The keys of os.conf.

use crate::limits::NICS;
use crate::value::ipv4::decimal_byte;

/// A key that the contract knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// `hostname`
    HostName,
    /// `password`
    Password,
    /// `dns_nameserver`
    NameServer,
    /// `ethN_…`, with N.
    Nic(u8, NicKey),
    /// `ethN_…` with an N that is over the limit.
    NicOverLimit,
}

/// What follows `ethN_`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NicKey {
    /// `ip_addr`
    Address,
    /// `mac_addr`
    Mac,
    /// `netmask`
    Mask,
    /// `gateway`
    Gateway,
    /// `route`
    Routes,
}

impl NicKey {
    /// How many there are.
    pub const COUNT: usize = 5;
}

/// The keys about the machine.
static KEYS: [(&str, Key); 3] = [
    ("hostname", Key::HostName),
    ("password", Key::Password),
    ("dns_nameserver", Key::NameServer),
];

/// What may follow `ethN_`.
static NIC_KEYS: [(&str, NicKey); NicKey::COUNT] = [
    ("ip_addr", NicKey::Address),
    ("mac_addr", NicKey::Mac),
    ("netmask", NicKey::Mask),
    ("gateway", NicKey::Gateway),
    ("route", NicKey::Routes),
];

impl Key {
    /// The key that `text` spells, exactly: the samples are read by a shell, in
    /// which names are what they are.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        match KEYS.iter().find(|(name, _)| name.as_bytes() == text) {
            Some((_, key)) => Some(*key),
            None => Self::parse_nic(text.strip_prefix(b"eth")?),
        }
    }

    fn parse_nic(text: &[u8]) -> Option<Self> {
        let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (number, rest) = text.split_at_checked(digits)?;
        let rest = rest.strip_prefix(b"_")?;
        let (_, key) = *NIC_KEYS.iter().find(|(name, _)| name.as_bytes() == rest)?;
        match (number, decimal_byte(number)) {
            ([], _) => None,
            (_, Some(label)) if usize::from(label) < NICS => Some(Self::Nic(label, key)),
            ([b'0', _, ..], _) => None,
            _ => Some(Self::NicOverLimit),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_spelled_exactly() {
        for (text, key) in [
            ("hostname", Some(Key::HostName)),
            ("Hostname", None),
            ("eth0_ip_addr", Some(Key::Nic(0, NicKey::Address))),
            ("eth15_route", Some(Key::Nic(15, NicKey::Routes))),
            ("eth16_route", Some(Key::NicOverLimit)),
            ("eth4294967296_route", Some(Key::NicOverLimit)),
            ("eth00_route", None),
            ("eth_route", None),
            ("eth0_ip_addr2", None),
            ("ens5_ip_addr", None),
        ] {
            assert_eq!(Key::parse(text.as_bytes()), key, "{text}");
        }
    }
}
