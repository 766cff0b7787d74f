//! `/etc/osconf/network`: what the running kernel is told at every boot, where no
//! other program configures it.
//!
//! The file has the syntax of os.conf, without the password, and goes by MAC
//! address: on a clone of the machine, whose NICs have others, it does nothing.
//! Where the network's files go by names, the record keeps the same lines.

use super::{Format, add_file};
use crate::change::{Action, Change, Wanted, Write};
use crate::conf::{Key, Network};
use crate::system::System;
use crate::text::lines::lines;
use crate::text::split::split;
use crate::text::{Buf, put};
use core::ffi::CStr;

/// The file, below the root.
pub const PATH: &CStr = c"etc/osconf/network";

const HEAD: &[u8] = b"# osconf: what os.conf said, for the kernel at every boot\n";

pub(super) const FORMAT: Format = Format {
    needs_names: false,
    is_kernel: true,
    ..Format::new("kernel", plan)
};

fn plan(_: &Network, _: &System, add: &mut dyn FnMut(Change)) {
    let write = Write {
        mode: 0o600,
        ..Write::new(edit)
    };
    add_file(add, &[PATH.to_bytes()], Action::Write(write));
}

/// Each NIC's keys give way together, since os.conf is the whole list of NICs.
fn edit(out: &mut Buf<'_>, old: &[u8], wanted: &Wanted<'_>, _: u8) {
    let Some(network) = wanted.conf.network.value() else {
        return out.push(old);
    };
    if !old.starts_with(HEAD) {
        out.push(HEAD);
    }
    for line in lines(old) {
        let key = split(line.text, b'=').next().and_then(Key::parse);
        if !matches!(key, Some(Key::Nic(..))) {
            out.push(line.text);
            out.push(line.end);
        }
    }
    crate::text::assignments::end_line(out);
    write(out, network);
}

/// Writes the lines of os.conf that say this network. DHCP has none there.
pub fn write(out: &mut Buf<'_>, network: &Network) {
    for nic in network.nics.iter().filter(|nic| !nic.is_by_dhcp()) {
        let label = nic.label;
        put!(out, "eth{}_ip_addr={}\n", label, nic.address);
        if let Some(mac) = nic.mac {
            put!(out, "eth{}_mac_addr={}\n", label, mac);
        }
        put!(out, "eth{}_netmask={}\n", label, nic.mask.address());
        let mut is_first = true;
        for route in network.all_routes().filter(|route| route.label == label) {
            if is_first {
                put!(out, "eth{}_route=\"", label);
            } else {
                out.push(b";");
            }
            put!(out, "{} {}", route.destination, route.gateway);
            is_first = false;
        }
        if !is_first {
            put!(out, "\"\n");
        }
    }
}
