//! Everything that can be wrong with an os.conf, in words.

use crate::limits::{NAME_SERVERS, NICS, PASSWORD_BYTES, ROUTES};
use crate::text::{Buf, put};
use crate::value::HostNameFault;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// It is applied all the same, but probably not meant.
    Warning,
    /// Its part is not applied.
    Error,
}

/// One thing that is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "each variant's text is its documentation")]
pub enum Fault {
    NotAnAssignment,
    BlankAtEquals,
    OpenQuote,
    UnquotedBlank,
    Special(u8),
    Expands(u8),
    BesideQuotes,
    Nul,
    NoAssignments,
    UnknownKey,
    NicLimit,
    Again,
    HostName(HostNameFault),
    Base64,
    PasswordEmpty,
    PasswordLong,
    PasswordNul,
    PasswordNewline,
    Address,
    NotAHost,
    EdgeOfSubnet,
    AddressTwice,
    Mask,
    MaskEmpty,
    Mac,
    MacOfNoNic,
    MacTwice,
    NoMac,
    NoAddress,
    NoMask,
    GatewayIsOwn,
    RouteWords,
    RouteDestination,
    RouteHostBits,
    RouteTwice,
    RouteElsewhere,
    RouteLimit,
    DefaultTwice,
    NoDefault,
    NameServer,
    NameServerTwice,
    NameServerLimit,
    NameServersUnread,
}

impl Fault {
    /// How bad it is.
    #[must_use]
    pub const fn severity(self) -> Severity {
        match self {
            Self::NoAssignments
            | Self::UnknownKey
            | Self::Again
            | Self::EdgeOfSubnet
            | Self::NoMac
            | Self::RouteHostBits
            | Self::RouteTwice
            | Self::RouteElsewhere
            | Self::DefaultTwice
            | Self::NoDefault
            | Self::NameServerTwice
            | Self::NameServersUnread => Severity::Warning,
            _ => Severity::Error,
        }
    }

    /// Writes what is wrong, why, and what to do.
    pub fn describe(self, out: &mut Buf<'_>) {
        match self {
            Self::Special(byte) => put!(
                out,
                "unquoted `{}`: a shell would not take it as it stands: put the value in single quotes",
                char::from(byte)
            ),
            Self::Expands(byte) => put!(
                out,
                "`{}` in double quotes: it is not expanded here, as a shell would: use single quotes",
                char::from(byte)
            ),
            Self::NicLimit => put!(
                out,
                "too many NICs: at most {} are configured, eth0 to eth{}",
                NICS,
                NICS - 1
            ),
            Self::PasswordLong => put!(
                out,
                "password too long: no login program takes more than {} bytes",
                PASSWORD_BYTES
            ),
            Self::RouteLimit => put!(out, "too many routes: the limit is {} in all", ROUTES),
            Self::NameServerLimit => {
                put!(out, "too many name servers: the limit is {}", NAME_SERVERS);
            }
            _ => out.push(self.text().as_bytes()),
        }
    }

    const fn text(self) -> &'static str {
        match self {
            Self::NotAnAssignment => {
                "not an assignment: nothing of this file is applied: write KEY=VALUE or start the line with #"
            }
            Self::BlankAtEquals => {
                "blank before `=`: nothing of this file is applied: write KEY=VALUE without blanks"
            }
            Self::OpenQuote => {
                "quote that nothing closes: what follows could belong to it, so nothing of this file is applied"
            }
            Self::UnquotedBlank => "blank in an unquoted value: put the value in quotes",
            Self::BesideQuotes => {
                "text beside the quotes: a value is one bare word or stands in quotes as a whole"
            }
            Self::Nul => "NUL byte in a value",
            Self::NoAssignments => "no assignment in this file: nothing to do",
            Self::UnknownKey => "unknown key: it is ignored",
            Self::Again => "key assigned again: the last value counts",
            Self::HostName(fault) => match fault {
                HostNameFault::TooLong => "host name too long: the kernel takes 64 bytes",
                HostNameFault::EmptyLabel => "host name with nothing before or after a dot",
                HostNameFault::LongLabel => "host name with a label of more than 63 bytes",
                HostNameFault::OuterHyphen => "host name with a hyphen at the end of a label",
                HostNameFault::Character => {
                    "host name with another character than letters, digits, hyphens and dots"
                }
            },
            Self::Base64 => "not base64 (RFC 4648, section 4)",
            Self::PasswordEmpty => "empty password: it would let everybody in",
            Self::PasswordNul => "password with a NUL byte: no login program can take it",
            Self::PasswordNewline => "password with a newline inside: no login program can take it",
            Self::Address => "not an IPv4 address: write four decimal numbers, as in 192.0.2.1",
            Self::NotAHost => "not the address of a host",
            Self::EdgeOfSubnet => {
                "the first or last address of its subnet, which belongs to no host"
            }
            Self::AddressTwice => "address of another NIC",
            Self::Mask => "not a netmask: write it dotted and without holes, as in 255.255.255.0",
            Self::MaskEmpty => "netmask of all zeros: every address would be in the subnet",
            Self::Mac => {
                "not a MAC address: write six bytes in hexadecimal, as in 00:16:3e:00:00:01"
            }
            Self::MacOfNoNic => "MAC address that no NIC can have: all zeros, or a group's",
            Self::MacTwice => "MAC address of another NIC",
            Self::NoMac => {
                "no MAC address for this NIC: its label is taken for the interface's name"
            }
            Self::NoAddress => "NIC without an address: add its _ip_addr",
            Self::NoMask => "NIC without a netmask: add its _netmask",
            Self::GatewayIsOwn => "gateway that is the NIC's own address",
            Self::RouteWords => "route that is not `DESTINATION GATEWAY`",
            Self::RouteDestination => {
                "route destination that is not a subnet: write it as in 10.0.0.0/8, or `default`"
            }
            Self::RouteHostBits => "route destination with host bits: they are cleared",
            Self::RouteTwice => "route to this destination again: the first one counts",
            Self::RouteElsewhere => {
                "route to a destination of another NIC's list: the first one counts"
            }
            Self::DefaultTwice => "second default route: it is left out",
            Self::NoDefault => "no default route: nothing outside these subnets will be reached",
            Self::NameServer => "not a name server's IPv4 address",
            Self::NameServerTwice => "name server named twice: it is asked once",
            Self::NameServersUnread => "more than three name servers: C libraries read three",
            // Written by `describe`.
            Self::Special(_)
            | Self::Expands(_)
            | Self::NicLimit
            | Self::PasswordLong
            | Self::RouteLimit
            | Self::NameServerLimit => "",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;
    use std::vec::Vec;

    #[test]
    fn every_fault_says_something_of_its_own() {
        let mut all = Vec::from([
            Fault::NotAnAssignment,
            Fault::BlankAtEquals,
            Fault::OpenQuote,
            Fault::UnquotedBlank,
            Fault::Special(b';'),
            Fault::Expands(b'$'),
            Fault::BesideQuotes,
            Fault::Nul,
            Fault::NoAssignments,
            Fault::UnknownKey,
            Fault::NicLimit,
            Fault::Again,
            Fault::Base64,
            Fault::PasswordEmpty,
            Fault::PasswordLong,
            Fault::PasswordNul,
            Fault::PasswordNewline,
            Fault::Address,
            Fault::NotAHost,
            Fault::EdgeOfSubnet,
            Fault::AddressTwice,
            Fault::Mask,
            Fault::MaskEmpty,
            Fault::Mac,
            Fault::MacOfNoNic,
            Fault::MacTwice,
            Fault::NoMac,
            Fault::NoAddress,
            Fault::NoMask,
            Fault::GatewayIsOwn,
            Fault::RouteWords,
            Fault::RouteDestination,
            Fault::RouteHostBits,
            Fault::RouteTwice,
            Fault::RouteElsewhere,
            Fault::RouteLimit,
            Fault::DefaultTwice,
            Fault::NoDefault,
            Fault::NameServer,
            Fault::NameServerTwice,
            Fault::NameServerLimit,
            Fault::NameServersUnread,
        ]);
        all.extend(
            [
                HostNameFault::TooLong,
                HostNameFault::EmptyLabel,
                HostNameFault::LongLabel,
                HostNameFault::OuterHyphen,
                HostNameFault::Character,
            ]
            .map(Fault::HostName),
        );
        let mut said = Vec::new();
        for fault in all {
            let mut bytes = [0; 256];
            let mut out = Buf::new(&mut bytes);
            fault.describe(&mut out);
            let text = String::from_utf8_lossy(out.as_bytes()).into_owned();
            assert!(text.len() > 10 && !out.overflowed(), "{fault:?}");
            assert!(!said.contains(&text), "{fault:?}");
            said.push(text);
        }
    }
}
