//! A network namespace for each test, and a look at all that is sent.

use core::cell::{Cell, RefCell};
use core::ffi::CStr;
use osconf::conf::{Findings, Network, Wish, parse};
use osconf::network::kernel::{self, Applied, KernelFault};
use osconf::sys::{Access, FileSystem, Linux, Meta, Result, Stream, Sys, Usage};
use std::process::Command;

/// Runs `body`, which belongs to the test `name`, in a new network namespace.
pub(crate) fn namespace(name: &str, body: fn()) {
    osconf_tests::namespace::enter(&["--net"], name, body);
}

/// What `ip ARGUMENTS` prints.
pub(crate) fn ip(arguments: &str) -> String {
    let output = Command::new("ip")
        .args(arguments.split_whitespace())
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ip {arguments}: {error}");
    String::from_utf8(output.stdout).unwrap()
}

/// One `ip` command for each line.
pub(crate) fn ip_script(lines: &str) {
    for line in lines.lines() {
        ip(line);
    }
}

/// Makes NICs with these names and last bytes of the sample's MAC address, each
/// with a carrier.
pub(crate) fn nics(nics: &[(&str, u8)]) {
    for (name, byte) in nics {
        ip_script(&format!(
            "link add {name} address 00:8c:fa:5e:14:{byte:02x} type veth peer name peer-{name}
             link set peer-{name} up"
        ));
    }
}

/// The main table, sorted, without what depends on the carrier.
pub(crate) fn routes() -> String {
    let text = ip("-4 route show table main").replace(" linkdown", "");
    let mut lines: Vec<_> = text.lines().map(str::trim).collect();
    lines.sort_unstable();
    lines.join("\n")
}

/// The network part of os.conf.
pub(crate) fn network(text: &str) -> Network {
    match parse(text.as_bytes(), &mut Findings::default()).network {
        Wish::Value(network) => network,
        _ => panic!("no network in {text}"),
    }
}

/// Runs what is tested. Without links nothing else can be done.
pub(crate) fn applied(sys: &Recorder, network: &Network) -> Applied {
    let mut report = |fault| sys.faults.borrow_mut().push(fault);
    match kernel::links(sys) {
        Ok(links) => kernel::apply(sys, network, &links, &mut report),
        Err(fault) => {
            report(fault);
            Applied {
                faults: 1,
                ..Applied::default()
            }
        }
    }
}

/// The real kernel, with a record of what it was asked.
#[derive(Default)]
pub(crate) struct Recorder {
    linux: Linux,
    faults: RefCell<Vec<KernelFault>>,
    sent: RefCell<Vec<Vec<u8>>>,
    calls: Cell<usize>,
    failing: Option<usize>,
    interrupts: bool,
    overtakes: bool,
}

// Of linux/netlink.h. The bytes are looked at as on a little-endian machine.
const NLM_F_DUMP: u16 = 0x300;
const NLM_F_DUMP_INTR: u8 = 0x10;
const FLAGS: usize = 6;
const SEQUENCE: usize = 8;

impl Recorder {
    /// In which call number `call` fails, and no other.
    pub(crate) fn failing(call: usize) -> Self {
        let failing = Some(call);
        Self {
            failing,
            ..Self::default()
        }
    }

    /// In which the first try of each dump is interrupted, and every answer
    /// comes after one to somebody else.
    pub(crate) fn interrupted() -> Self {
        Self {
            interrupts: true,
            ..Self::default()
        }
    }

    /// In which each change was made already when it is asked for.
    pub(crate) fn overtaken() -> Self {
        Self {
            overtakes: true,
            ..Self::default()
        }
    }

    /// Whether there were fewer calls than the one that was to fail.
    pub(crate) fn was_spared(&self) -> bool {
        self.failing.is_none_or(|call| call >= self.calls.get())
    }

    /// What was reported.
    pub(crate) fn faults(&self) -> Vec<KernelFault> {
        self.faults.borrow().clone()
    }

    /// How many requests were not questions.
    pub(crate) fn changes(&self) -> usize {
        self.sent.borrow().len() - self.dumps()
    }

    /// How many requests asked for a dump.
    pub(crate) fn dumps(&self) -> usize {
        self.sent
            .borrow()
            .iter()
            .filter(|bytes| is_dump(bytes))
            .count()
    }

    fn call(&self) -> Result<()> {
        let call = self.calls.replace(self.calls.get() + 1);
        match self.failing {
            // Any error will do; this one needs no library to name it.
            Some(failing) if failing == call => {
                self.linux.open_folder(c"/no/such/folder").map(drop)
            }
            _ => Ok(()),
        }
    }
}

/// Whether this asks for a dump. NLM_F_REPLACE and NLM_F_EXCL are the same bits,
/// but in requests of other kinds; RTM_GET ones are 2 more than a multiple of 4.
fn is_dump(bytes: &[u8]) -> bool {
    let flags = u16::from_ne_bytes([bytes[FLAGS], bytes[FLAGS + 1]]);
    bytes[4] % 4 == 2 && flags & NLM_F_DUMP == NLM_F_DUMP
}

impl Sys for Recorder {
    type Fd = <Linux as Sys>::Fd;
    type Map = <Linux as Sys>::Map;

    fn map(&self, len: usize) -> Result<Self::Map> {
        self.call()?;
        self.linux.map(len)
    }

    fn route_socket(&self) -> Result<Self::Fd> {
        self.call()?;
        self.linux.route_socket()
    }

    fn send(&self, socket: &Self::Fd, bytes: &[u8]) -> Result<()> {
        self.call()?;
        self.sent.borrow_mut().push(bytes.to_vec());
        if self.overtakes && !is_dump(bytes) {
            self.linux.send(socket, bytes)?;
            self.linux.receive(socket, &mut [0; 256])?;
        }
        self.linux.send(socket, bytes)
    }

    fn receive(&self, socket: &Self::Fd, bytes: &mut [u8]) -> Result<usize> {
        self.call()?;
        let length = self.linux.receive(socket, bytes)?;
        let sent = self.sent.borrow();
        let kinds: Vec<_> = sent.iter().rev().map(|bytes| bytes[4]).collect();
        let is_first = kinds.first() != kinds.get(1);
        if self.interrupts && is_first && is_dump(&sent[sent.len() - 1]) {
            bytes[FLAGS] |= NLM_F_DUMP_INTR;
        }
        if self.interrupts {
            // An error for another sequence number, in front of the answer.
            let mut stranger = 20u32.to_ne_bytes().to_vec();
            stranger.extend([2, 0, 0, 0]);
            stranger.extend(&bytes[SEQUENCE..SEQUENCE + 4]);
            stranger.extend([0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]);
            stranger[SEQUENCE] ^= 0x55;
            bytes.copy_within(..length, stranger.len());
            bytes[..stranger.len()].copy_from_slice(&stranger);
            return Ok(length + stranger.len());
        }
        Ok(length)
    }

    fn usage(&self, _: &Self::Fd) -> Result<Usage> {
        unreachable!()
    }
    fn flags(&self, _: &Self::Fd) -> Result<u32> {
        unreachable!()
    }
    fn is_terminal(&self) -> bool {
        unreachable!()
    }
    fn attach(&self, _: &Self::Fd, _: u64, _: u64) -> Result<(Self::Fd, u64)> {
        unreachable!()
    }
    fn open_folder(&self, _: &CStr) -> Result<Self::Fd> {
        unreachable!()
    }
    fn open_file(&self, _: &CStr) -> Result<Self::Fd> {
        unreachable!()
    }
    fn open_below(&self, _: &Self::Fd, _: &CStr, _: Access) -> Result<Self::Fd> {
        unreachable!()
    }
    fn open(&self, _: &Self::Fd, _: &CStr, _: Access) -> Result<Self::Fd> {
        unreachable!()
    }
    fn meta(&self, _: &Self::Fd) -> Result<Meta> {
        unreachable!()
    }
    fn meta_of(&self, _: &Self::Fd, _: &CStr) -> Result<Meta> {
        unreachable!()
    }
    fn file_system(&self, _: &Self::Fd) -> Result<FileSystem> {
        unreachable!()
    }
    fn read_at(&self, _: &Self::Fd, _: &mut [u8], _: u64) -> Result<usize> {
        unreachable!()
    }
    fn write_at(&self, _: &Self::Fd, _: &[u8], _: u64) -> Result<usize> {
        unreachable!()
    }
    fn set_len(&self, _: &Self::Fd, _: u64) -> Result<()> {
        unreachable!()
    }
    fn set_mode(&self, _: &Self::Fd, _: u32) -> Result<()> {
        unreachable!()
    }
    fn set_owner(&self, _: &Self::Fd, _: u32, _: u32) -> Result<()> {
        unreachable!()
    }
    fn list_attributes(&self, _: &Self::Fd, _: &mut [u8]) -> Result<usize> {
        unreachable!()
    }
    fn attribute(&self, _: &Self::Fd, _: &CStr, _: &mut [u8]) -> Result<usize> {
        unreachable!()
    }
    fn set_attribute(&self, _: &Self::Fd, _: &CStr, _: &[u8]) -> Result<()> {
        unreachable!()
    }
    fn sync(&self, _: &Self::Fd) -> Result<()> {
        unreachable!()
    }
    fn sync_file_system(&self, _: &Self::Fd) -> Result<()> {
        unreachable!()
    }
    fn lock(&self, _: &Self::Fd) -> Result<()> {
        unreachable!()
    }
    fn link(&self, _: &Self::Fd, _: &CStr, _: &Self::Fd, _: &CStr) -> Result<()> {
        unreachable!()
    }
    fn symlink(&self, _: &CStr, _: &Self::Fd, _: &CStr) -> Result<()> {
        unreachable!()
    }
    fn rename(&self, _: &Self::Fd, _: &CStr, _: &Self::Fd, _: &CStr) -> Result<()> {
        unreachable!()
    }
    fn unlink(&self, _: &Self::Fd, _: &CStr) -> Result<()> {
        unreachable!()
    }
    fn remove_folder(&self, _: &Self::Fd, _: &CStr) -> Result<()> {
        unreachable!()
    }
    fn make_folder(&self, _: &Self::Fd, _: &CStr, _: u32) -> Result<()> {
        unreachable!()
    }
    fn read_link(&self, _: &Self::Fd, _: &CStr, _: &mut [u8]) -> Result<usize> {
        unreachable!()
    }
    fn list(&self, _: &Self::Fd, _: &mut dyn FnMut(&CStr) -> bool) -> Result<()> {
        unreachable!()
    }
    fn make_node(&self, _: &Self::Fd, _: &CStr, _: u64) -> Result<()> {
        unreachable!()
    }
    fn mount(&self, _: &CStr, _: &CStr, _: bool, _: &[(&CStr, &CStr)]) -> Result<Self::Fd> {
        unreachable!()
    }
    fn remount(&self, _: &CStr, _: bool, _: &[u8]) -> Result<()> {
        unreachable!()
    }
    fn random(&self, _: &mut [u8]) -> Result<()> {
        unreachable!()
    }
    fn now(&self) -> i64 {
        unreachable!()
    }
    fn sleep(&self, _: u32) {
        unreachable!()
    }
    fn set_host_name(&self, _: &[u8]) -> Result<()> {
        unreachable!()
    }
    fn say(&self, _: Stream, _: &[u8]) {
        unreachable!()
    }
}
