//! Every file that osconf writes, of every network system, over old files of any
//! content: twice is once, and nothing is written that is not the format's own word,
//! a value of os.conf, or was there before. Where the old files make sense, a reader
//! finds exactly the network that os.conf asks for, and strangers' lines are there.
//!
//! An input has 16 bytes that choose a network system and an os.conf, and then the
//! old content: as it is, or as a row of pieces (`olds.rs`).

use super::model::{self, Machine, Network};
use super::olds;
use super::readers::{self, Files};
use super::{assert_in_order, is_broken, show, written};
use core::net::Ipv4Addr;
use osconf::change::{Action, Wanted};
use osconf::conf::{self, Conf, Findings};
use osconf::network::FORMATS;
use osconf::part::Parts;
use osconf::plan::Plan;
use std::collections::BTreeSet;
use std::sync::OnceLock;

/// What chooses, and the old content.
pub fn law(data: &[u8]) {
    let Some((head, old)) = data.split_first_chunk::<16>() else {
        return;
    };
    let mut dice = Dice::new(&head[2..]);
    let choice = usize::from(head[0]) + FORMATS.len() * usize::from(head[1] >> 1);
    with_conf(&mut dice, |conf| {
        let machine = Machine::of(conf, choice);
        if head[1] & 1 == 0 {
            hold(conf, &machine, old);
        } else {
            hold_made(conf, &machine, old);
        }
    });
}

/// Where the files lie that a shell or uci reads.
const QUOTED: &[&str] = &[
    "etc/conf.d/",
    "etc/config/",
    "etc/netctl/",
    "etc/rc.d/",
    "etc/resolvconf.conf",
    "etc/sysconfig/",
];

/// Holds the laws for old files that all have this content, or none if it is empty or
/// nothing that its reader reads.
pub fn hold(conf: &Conf<'_>, machine: &Machine, old: &[u8]) {
    model::with_wanted(conf, machine, |wanted| {
        let plan = plan(wanted);
        let mut before = Files::new();
        let is_quoted = |path: &str| QUOTED.iter().any(|start| path.starts_with(start));
        let is_old = |path: &String| !(old.is_empty() || is_quoted(path) && is_broken(old));
        for path in paths(&plan).into_iter().filter(is_old) {
            before.insert(path, old.to_vec());
        }
        let after = apply(&plan, wanted, before);
        words(conf, machine, &after, old);
        if old.is_empty() {
            compare(conf, machine, &after);
        }
    });
}

/// The same for old files of pieces that make sense.
fn hold_made(conf: &Conf<'_>, machine: &Machine, choices: &[u8]) {
    model::with_wanted(conf, machine, |wanted| {
        let plan = plan(wanted);
        let (mut before, mut all) = (Files::new(), Vec::new());
        let mut foreign = Vec::new();
        for path in paths(&plan) {
            let old = olds::make(&path, machine, choices);
            if let Some((old, lines)) = old {
                all.extend_from_slice(&old);
                before.insert(path.clone(), old);
                foreign.push((path, lines));
            }
        }
        let after = apply(&plan, wanted, before);
        words(conf, machine, &after, &all);
        compare(conf, machine, &after);
        for (path, lines) in &foreign {
            let lines: Vec<&[u8]> = lines.iter().map(String::as_bytes).collect();
            let after = after.get(path).map_or(&b""[..], |text| text);
            assert_in_order(&lines, after);
        }
    });
}

/// All that is to be done, password and name servers included.
fn plan(wanted: &Wanted<'_>) -> Plan {
    let mut plan = Plan::default();
    plan.fill(wanted, Parts::ALL);
    assert!(!plan.overflowed());
    plan
}

/// The files that are written.
fn paths(plan: &Plan) -> BTreeSet<String> {
    let writes = plan.changes().iter();
    let writes = writes.filter(|change| matches!(change.action, Action::Write(_)));
    writes
        .map(|change| show(change.path.as_bytes()).to_string())
        .collect()
}

/// Does what is planned, and once more, which changes nothing.
fn apply(plan: &Plan, wanted: &Wanted<'_>, before: Files) -> Files {
    let old = before.clone();
    let once = apply_once(plan, wanted, before);
    let twice = apply_once(plan, wanted, once.clone());
    for (path, text) in &twice {
        assert!(
            once.get(path) == Some(text),
            "twice is not once: {path}: `{}` becomes {:?} becomes `{}`",
            show(old.get(path).map_or(&b""[..], |old| old)),
            once.get(path).map(|once| show(once)),
            show(text)
        );
    }
    assert_eq!(once.len(), twice.len());
    twice
}

fn apply_once(plan: &Plan, wanted: &Wanted<'_>, mut files: Files) -> Files {
    for change in plan.changes() {
        let path = show(change.path.as_bytes()).to_string();
        match change.action {
            Action::Write(write) => {
                let old = files.get(&path);
                if old.is_some() || !write.only_if_there {
                    let old = old.map_or(&b""[..], |old| old);
                    let new = written(|out| (write.edit)(out, old, wanted, write.label));
                    files.insert(path, new);
                }
            }
            Action::Link(link) => {
                let text = written(|out| (link.text)(out, b"", wanted, link.label));
                files.insert(path, text);
            }
            Action::Remove => drop(files.remove(&path)),
            // No os.conf asks for this.
            Action::Back(_) => unreachable!("a copy of {path}"),
            Action::Leave => {}
        }
    }
    files
}

/// What a reader finds is what os.conf asks for, as far as the format has words.
fn compare(conf: &Conf<'_>, machine: &Machine, files: &Files) {
    if machine.nics.is_empty() {
        return;
    }
    let seen = readers::read(files, machine);
    let mut asked = model::network_of(conf);
    match machine.format.name {
        "connman" => connman(&mut asked),
        // A gateway outside the subnet is its own affair, or the kernel's writer's.
        "dhcpcd" | "kernel" => asked.direct.clear(),
        "slackware" => slackware(&mut asked),
        _ => {}
    }
    assert_eq!(
        seen.network,
        asked,
        "{}: {}",
        machine.format.name,
        model::print(conf)
    );
    let name = machine.format.name;
    let servers = model::servers_of(conf);
    let is_told = machine.format.dns.is_some() && name != "netifrc";
    if let (true, Some(servers)) = (is_told, servers) {
        assert_eq!(seen.servers, servers, "{name}");
    }
}

/// It knows default routes alone, and a NIC without one has its broadcast address.
fn connman(asked: &mut Network) {
    asked.direct.clear();
    asked.routes.retain(|route| route.2 == 0);
    let default = asked.routes.first().and_then(|route| route.0);
    for (nic, address, bits) in &asked.addresses {
        if Some(*nic) != default {
            let broadcast = u32::from(*address) | !u32::from(model::mask(*bits));
            let gateway = Ipv4Addr::from(broadcast);
            asked
                .routes
                .insert((Some(*nic), Ipv4Addr::UNSPECIFIED, 0, gateway));
        }
    }
}

/// A default gateway in the subnet belongs to no NIC.
fn slackware(asked: &mut Network) {
    let default = asked.routes.iter().find(|route| route.2 == 0).copied();
    if let Some(route) = default
        && !asked.direct.contains(&(route.0.expect("its NIC"), route.3))
    {
        asked.routes.remove(&route);
        asked.routes.insert((None, route.1, route.2, route.3));
    }
}

/// Every word of `files` was there before, or is a value of os.conf, or stands in
/// what osconf writes for other values, too; and no other punctuation, either.
fn words(conf: &Conf<'_>, machine: &Machine, files: &Files, old: &[u8]) {
    static OWN: OnceLock<Vocabulary> = OnceLock::new();
    let mut all = Vocabulary::default();
    asked_for(conf, machine, &mut all);
    all.add(old);
    let own = OWN.get_or_init(own_words);
    // The account files have laws of their own, in `account.rs`.
    let is_account = |path: &str| ["etc/shadow", "etc/passwd"].contains(&path);
    for (path, text) in files.iter().filter(|(path, _)| !is_account(path)) {
        for word in split(text) {
            assert!(
                all.has(word, own),
                "`{}` was not asked for in {path}: `{}`",
                show(word),
                show(text)
            );
        }
        for byte in text {
            let is_there = byte.is_ascii_alphanumeric() || own.bytes[usize::from(*byte)];
            assert!(is_there || old.contains(byte), "`{}` in {path}", show(text));
        }
    }
}

/// Words, and the other bytes.
struct Vocabulary {
    words: BTreeSet<Vec<u8>>,
    bytes: [bool; 256],
}

impl Default for Vocabulary {
    fn default() -> Self {
        Self {
            words: BTreeSet::new(),
            bytes: [false; 256],
        }
    }
}

/// The words of a text: of what a name, a number or an address is made of.
fn split(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let is_inner = |byte: &u8| byte.is_ascii_alphanumeric() || b"._:/-\\".contains(byte);
    text.split(move |byte| !is_inner(byte))
        .filter(|word| !word.is_empty())
}

impl Vocabulary {
    fn add(&mut self, text: &[u8]) {
        self.words.extend(split(text).map(<[u8]>::to_vec));
        text.iter()
            .for_each(|byte| self.bytes[usize::from(*byte)] = true);
    }

    /// Whether the word is here, or one of our own but for its number. An address is
    /// never one of our own.
    fn has(&self, word: &[u8], own: &Self) -> bool {
        let text = core::str::from_utf8(word).unwrap_or_default();
        let (address, _) = text.split_once('/').unwrap_or((text, ""));
        let is_address = address.parse::<Ipv4Addr>().is_ok();
        self.words.contains(word) || !is_address && own.words.contains(&without_numbers(word))
    }
}

/// A word with each number in it made a zero.
fn without_numbers(word: &[u8]) -> Vec<u8> {
    let mut text: Vec<u8> = word.to_vec();
    text.iter_mut()
        .filter(|byte| byte.is_ascii_digit())
        .for_each(|byte| *byte = b'0');
    text.dedup_by(|a, b| *a == b'0' && *b == b'0');
    text
}

/// All forms of the values of os.conf.
fn asked_for(conf: &Conf<'_>, machine: &Machine, all: &mut Vocabulary) {
    let asked = model::network_of(conf);
    let mut text = String::from("0.0.0.0 0.0.0.0/0 127.0.0.1 255.0.0.0 255.255.255.255 ");
    for (_, address, bits) in &asked.addresses {
        let mask = model::mask(*bits);
        let broadcast = Ipv4Addr::from(u32::from(*address) | !u32::from(mask));
        text += &format!("{address} {address}/{bits} {bits} {mask} ");
        // ConnMan's values stand between slashes; without a gateway it has another.
        let gateways = asked.routes.iter().filter(|route| route.2 == 0);
        for gateway in [broadcast].into_iter().chain(gateways.map(|route| route.3)) {
            text += &format!("{address}/{mask}/{gateway} ");
        }
    }
    for (_, address, bits, gateway) in &asked.routes {
        let mask = model::mask(*bits);
        text += &format!("{address} {address}/{bits} {mask} {gateway} {gateway}/32 ");
    }
    for nic in &machine.nics {
        let mac = nic.mac.clone().unwrap_or_default();
        text += &format!("{mac} {} except:mac:{0} ", mac.to_ascii_uppercase());
    }
    for server in model::servers_of(conf).unwrap_or_default() {
        text += &format!("{server} ");
    }
    if let Some(name) = conf.host_name.value() {
        text += &String::from_utf8_lossy(name.as_bytes());
    }
    all.add(text.as_bytes());
}

/// Everything that stands in files for an os.conf of every shape, but for numbers
/// and the os.conf's own values.
fn own_words() -> Vocabulary {
    let mut own = Vocabulary::default();
    for number in 0..60 * FORMATS.len() {
        with_conf(&mut Dice::new(&number.to_le_bytes()), |conf| {
            let machine = Machine::of(conf, number);
            let mut values = Vocabulary::default();
            asked_for(conf, &machine, &mut values);
            model::with_wanted(conf, &machine, |wanted| {
                // Some files are only written where they are already.
                let plan = plan(wanted);
                let there = paths(&plan).into_iter().map(|path| (path, b"\n".to_vec()));
                let files = [Files::new(), there.collect()];
                let files = files.map(|files| apply_once(&plan, wanted, files));
                for text in files.iter().flat_map(Files::values) {
                    let ours = split(text).filter(|word| !values.words.contains(*word));
                    own.words.extend(ours.map(without_numbers));
                    text.iter()
                        .for_each(|byte| own.bytes[usize::from(*byte)] = true);
                }
            });
        });
    }
    // What is written only where a file says a certain thing.
    own.add(b"dns_servers search IPADDRS BRNICS[]=\"\" BONDNICS MAXNICS");
    own
}

/// Choices by numbers of a xorshift generator (Marsaglia, 2003).
struct Dice(u64);

impl Dice {
    fn new(bytes: &[u8]) -> Self {
        let mix = |sum: u64, byte: &u8| (sum ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
        Self(bytes.iter().fold(0xcbf2_9ce4_8422_2325, mix) | 1)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) % end
    }

    fn is_one_in(&mut self, end: u64) -> bool {
        self.below(end) == 0
    }

    fn host(&mut self) -> Ipv4Addr {
        let first = [10, 172, 192, 100, 203][self.below(5) as usize];
        let rest = self.below(0xff_ffff) as u32;
        (first << 24 | rest).into()
    }
}

/// Does something with an os.conf of any shape that is in order.
fn with_conf(dice: &mut Dice, then: impl FnOnce(&Conf<'_>)) {
    let text = os_conf(dice);
    let mut findings = Findings::default();
    let conf = conf::parse(text.as_bytes(), &mut findings);
    assert!(
        !findings.has_errors() || conf.network.value().is_none(),
        "{text}"
    );
    then(&conf);
}

fn os_conf(dice: &mut Dice) -> String {
    let mut text = format!("hostname=host-{}.example\n", dice.below(1000));
    let mut labels: Vec<u64> = (0..16).collect();
    let count = if dice.is_one_in(100) {
        16
    } else {
        1 + dice.below(3)
    };
    labels.rotate_left(if dice.is_one_in(4) {
        dice.below(12) as usize
    } else {
        0
    });
    labels.truncate(count as usize);
    let bits = [24, 24, 16, 20, 28, 30, 31, 32, 8, 25];
    let mut has_default = false;
    for label in &labels {
        let (address, bits) = (dice.host(), bits[dice.below(10) as usize]);
        let near = |dice: &mut Dice| {
            let host = dice.below(1 << (32 - u32::from(bits))) as u32;
            Ipv4Addr::from(u32::from(model::subnet(address, bits)) | host)
        };
        text += &format!("eth{label}_ip_addr={address}\n");
        text += &format!("eth{label}_netmask={}\n", model::mask(bits));
        if !dice.is_one_in(6) {
            let (a, b) = (dice.below(256), dice.below(256));
            text += &format!("eth{label}_mac_addr=00:16:3E:{a:02x}:{b:02X}:{label:02x}\n");
        }
        let mut routes = String::new();
        let mut gateway = near(dice);
        for _ in 0..dice.below(5) {
            if dice.is_one_in(2) {
                gateway = if dice.is_one_in(3) {
                    dice.host()
                } else {
                    near(dice)
                };
            }
            let bits = dice.below(33) as u8;
            let is_default = bits == 0 || !has_default && dice.is_one_in(3);
            let to = if is_default {
                Ipv4Addr::UNSPECIFIED
            } else {
                dice.host()
            };
            has_default |= is_default;
            let bits = if is_default { 0 } else { bits };
            routes += &format!("{}/{bits} {gateway};", model::subnet(to, bits));
        }
        text += &format!("eth{label}_route=\"{routes}\"\n");
        if dice.is_one_in(2) {
            text += &format!("eth{label}_gateway={gateway}\n");
        }
    }
    let servers = (0..dice.below(9)).map(|_| dice.host().to_string());
    text + &format!(
        "dns_nameserver='{}'\n",
        servers.collect::<Vec<_>>().join(" ")
    )
}
