//! What os.conf asks for, in the plainest of types, and the machine that it is for.

use core::net::Ipv4Addr;
use osconf::change::{NewPassword, Wanted};
use osconf::conf::Conf;
use osconf::network::links::InterfaceName;
use osconf::network::{FORMATS, Format};
use osconf::system::{Interface, System};
use osconf::{account, hostname};
use std::collections::BTreeSet;

/// An address, the bits of its mask, and its NIC.
pub type Address = (u8, Ipv4Addr, u8);
/// A destination, the bits of its mask, the gateway, and its NIC, which some
/// formats do not say.
pub type Route = (Option<u8>, Ipv4Addr, u8, Ipv4Addr);

/// A network, as os.conf asks for it or as a reader has found it.
#[derive(Debug, Default, PartialEq, Eq, Clone)]
pub struct Network {
    pub addresses: BTreeSet<Address>,
    pub routes: BTreeSet<Route>,
    /// Gateways that are reached directly, in no subnet.
    pub direct: BTreeSet<(u8, Ipv4Addr)>,
}

/// A NIC: its number in os.conf, its name, and its MAC address.
#[derive(Debug, Clone)]
pub struct Nic {
    pub label: u8,
    pub name: String,
    pub mac: Option<String>,
}

/// The machine that is configured.
pub struct Machine {
    pub format: &'static Format,
    pub nics: Vec<Nic>,
    pub has_route_only: bool,
}

impl Machine {
    /// One for this os.conf; `choice` chooses all that may be chosen.
    pub fn of(conf: &Conf<'_>, choice: usize) -> Self {
        let kinds = ["eth", "ens", "enp0s", "wan.", "lan-"];
        let kind = kinds[choice / FORMATS.len() % kinds.len()];
        let nics = conf
            .network
            .value()
            .map_or(&[][..], |network| &network.nics);
        let nics = nics.iter().map(|nic| Nic {
            label: nic.label,
            name: format!("{kind}{}", nic.label),
            mac: nic.mac.map(|mac| {
                let bytes = mac.bytes().map(|byte| format!("{byte:02x}"));
                bytes.join(":")
            }),
        });
        Self {
            format: &FORMATS[choice % FORMATS.len()],
            nics: nics.collect(),
            has_route_only: choice / 64 % 4 == 3,
        }
    }

    /// The number in os.conf of the NIC that has this name or MAC address.
    pub fn label(&self, text: &str) -> Option<u8> {
        let text = text.to_ascii_lowercase();
        let is_it = |nic: &&Nic| nic.name == text || nic.mac.as_ref() == Some(&text);
        self.nics.iter().find(is_it).map(|nic| nic.label)
    }

    /// As the program has it.
    pub fn system(&self) -> System {
        let mut system = System {
            has_route_only: self.has_route_only,
            ..System::of(self.format)
        };
        for nic in &self.nics {
            let name = InterfaceName::parse(nic.name.as_bytes()).expect("a harmless name");
            let interface = Interface {
                label: nic.label,
                name,
                is_there: true,
            };
            assert!(system.interfaces.push(interface).is_ok());
        }
        for place in core::iter::once(&hostname::PLAIN).chain(&hostname::OTHERS) {
            let _ = system.host_name_places.push(place);
        }
        for name in [&b"oldname"[..], b"old.example.org"] {
            let mut old = osconf::system::OldName::new();
            assert!(old.extend_from_slice(name).is_ok());
            assert!(system.old_names.push(old).is_ok());
        }
        system
    }
}

/// A hash that stands for root's new password.
pub const FIELD: &[u8] = b"$6$0123456789abcdef$abcdefghijklmnopqrstuvwxyz";

/// Does something with all that the making of a file may depend on.
pub fn with_wanted<T>(
    conf: &Conf<'_>,
    machine: &Machine,
    then: impl FnOnce(&Wanted<'_>) -> T,
) -> T {
    let system = machine.system();
    let password = NewPassword::new(FIELD, Some(20_000), account::Place::Shadow);
    then(&Wanted {
        conf,
        system: &system,
        password: password.as_ref(),
        back: &[],
    })
}

fn ipv4(address: osconf::value::Ipv4) -> Ipv4Addr {
    address.octets().into()
}

/// What os.conf asks for.
pub fn network_of(conf: &Conf<'_>) -> Network {
    let mut asked = Network::default();
    let Some(network) = conf.network.value() else {
        return asked;
    };
    for nic in &network.nics {
        let address = (nic.label, ipv4(nic.address), nic.mask.length());
        asked.addresses.insert(address);
    }
    for route in network.default_route.iter().chain(&network.routes) {
        let gateway = ipv4(route.gateway);
        let (destination, mask) = (route.destination.address(), route.destination.mask());
        let route = (Some(route.label), ipv4(destination), mask.length(), gateway);
        asked.routes.insert(route);
    }
    asked.direct = direct(&asked);
    asked
}

/// The gateways of all routes that are in no subnet of their NIC.
pub fn direct(network: &Network) -> BTreeSet<(u8, Ipv4Addr)> {
    let gateways = network.routes.iter().map(|route| (route.0, route.3));
    let is_far = |(nic, gateway): &(u8, Ipv4Addr)| {
        let mut addresses = network.addresses.iter();
        let (_, address, bits) = addresses
            .find(|address| address.0 == *nic)
            .expect("its NIC");
        subnet(*gateway, *bits) != subnet(*address, *bits)
    };
    let gateways = gateways.filter_map(|(nic, gateway)| Some((nic?, gateway)));
    gateways.filter(is_far).collect()
}

/// An address without its host bits.
pub fn subnet(address: Ipv4Addr, bits: u8) -> Ipv4Addr {
    let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
    (u32::from(address) & mask).into()
}

/// A mask as an address.
pub fn mask(bits: u8) -> Ipv4Addr {
    subnet(Ipv4Addr::BROADCAST, bits)
}

/// The name servers that os.conf asks for.
pub fn servers_of(conf: &Conf<'_>) -> Option<Vec<Ipv4Addr>> {
    let servers = conf.name_servers.value()?;
    Some(servers.iter().map(|server| ipv4(*server)).collect())
}

/// What os.conf says, as plain assignments.
pub fn print(conf: &Conf<'_>) -> String {
    let mut text = String::from("# printed\n");
    if let Some(name) = conf.host_name.value() {
        text += &format!("hostname={}\n", String::from_utf8_lossy(name.as_bytes()));
    }
    if let Some(password) = conf.password.value() {
        text += &format!("password=\"{}\"\n", to_base64(password.expose()));
    }
    if let Some(network) = conf.network.value() {
        for nic in &network.nics {
            let key = format!("eth{}", nic.label);
            text += &format!("{key}_ip_addr='{}'\n", ipv4(nic.address));
            text += &format!("{key}_netmask={}\n", mask(nic.mask.length()));
            if let Some(mac) = nic.mac {
                let mac = mac.bytes().map(|byte| format!("{byte:02X}")).join(":");
                text += &format!("{key}_mac_addr={mac}\n");
            }
            let routes = network.default_route.iter().chain(&network.routes);
            let routes = routes
                .filter(|route| route.label == nic.label)
                .map(|route| {
                    let (address, mask) = (route.destination.address(), route.destination.mask());
                    format!(
                        "{}/{} {}",
                        ipv4(address),
                        mask.length(),
                        ipv4(route.gateway)
                    )
                });
            let routes: Vec<String> = routes.collect();
            if !routes.is_empty() {
                text += &format!("export {key}_route=\"{}\"\n", routes.join(";"));
            }
        }
    }
    if let Some(servers) = servers_of(conf) {
        let servers: Vec<String> = servers.iter().map(Ipv4Addr::to_string).collect();
        text += &format!("dns_nameserver='{}'\n", servers.join(" "));
    }
    text
}

/// RFC 4648, 4.
const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn to_base64(bytes: &[u8]) -> String {
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let mut padded = [0; 4];
        padded[1..=three.len()].copy_from_slice(three);
        let number = u32::from_be_bytes(padded);
        for digit in 0..4 {
            text.push(match digit <= three.len() {
                true => DIGITS[(number >> (18 - 6 * digit)) as usize & 63].into(),
                false => '=',
            });
        }
    }
    text
}

/// Decodes base64 in which blanks mean nothing and padding may be missing; none, if
/// it is none, or has bits that stand for nothing.
pub fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let text: Vec<u8> = text
        .iter()
        .copied()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    let len = text
        .iter()
        .position(|byte| *byte == b'=')
        .unwrap_or(text.len());
    let (digits, padding) = text.split_at(len);
    if padding.len() > 2 || padding.iter().any(|byte| *byte != b'=') || digits.len() % 4 == 1 {
        return None;
    }
    let (mut bits, mut count) = (0_u32, 0);
    let mut bytes = Vec::new();
    for digit in digits {
        let value = DIGITS.iter().position(|other| other == digit)?;
        bits = (bits << 6 | value as u32) & 0xff_ffff;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    (bits == 0).then_some(bytes)
}
