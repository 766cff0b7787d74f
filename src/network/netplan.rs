//! `/etc/netplan/*.yaml`, from which netplan makes the files of systemd-networkd or
//! NetworkManager; which of them, another of its files says (netplan-yaml(5)).
//!
//! Stanzas of one name are merged, whichever files they stand in, so ours have
//! names that nobody else takes. Of two that match one NIC, networkd takes the one
//! whose name sorts first (networkd.c: `10-netplan-NAME.network`): thus the digit,
//! which beats `all-eth` of Debian's cloud images, a stanza that stays for other
//! NICs. NetworkManager would hold two connections against each other, so a stanza
//! that is about our NIC alone is taken out of its file. Where that cannot be done
//! safely no other file is touched: netplan refuses all files if one of them names
//! a stanza that is gone, as a VLAN's `link:` does.
//!
//! Every key here is one of netplan 0.99, too (parse.c), and `0.0.0.0/0` is the
//! default route to every version; `default` is since 0.103.
//!
//! netplan reads these files as a generator of systemd, before any service runs: what
//! is written later in a boot is for the next one.

use super::template::{Routes, fill, routes_on_link};
use super::{Dns, Format, Found, Look, MARK, add_file, is_ours};
use crate::change::{Action, Change, Wanted, Write};
use crate::conf::Network;
use crate::system::System;
use crate::text::assignments::list;
use crate::text::lines::{before, lines};
use crate::text::yaml::{indent_of, split_block, split_line, stands_alone, tokens};
use crate::text::{Buf, put};
use crate::value::Mac;

pub(super) const FORMAT: Format = Format {
    needs_names: false,
    looks: &[Look {
        folder: c"etc/netplan",
        prefixes: &[b""],
        suffix: b".yaml",
        judge,
    }],
    dns: Some(Dns {
        plan: |_, _, add| add_ours(add, edit_name_servers, true),
        feeds: &["resolved", "NetworkManager"],
    }),
    ..Format::new("netplan", |_, _, add| add_ours(add, edit, false))
};

/// netplan warns of a file that others can read.
fn add_ours(add: &mut dyn FnMut(Change), edit: crate::change::Edit, only_if_there: bool) {
    let write = Write {
        mode: 0o600,
        only_if_there,
        ..Write::new(edit)
    };
    add_file(add, &[b"etc/netplan/99-osconf.yaml"], Action::Write(write));
}

const HEAD: &str = "\nnetwork:\n  version: 2\n  ethernets:\n";
const BY_MAC: &str = "    0-osconf-eth%l:\n      match:\n        macaddress: \"%x\"\n";
const BY_NAME: &str = "    0-osconf-eth%l:\n      match:\n        name: %n\n";
const ADDRESS: &str = "      addresses:\n        - %i\n";
const DHCP: &str = "      dhcp4: true\n";
const NAME_SERVERS: &[u8] = b"      nameservers: {addresses: [";

const ROUTES: Routes = Routes {
    // on-link says it in the route itself.
    direct: "",
    default: "        - to: 0.0.0.0/0\n          via: %g\n",
    other: "        - to: %d\n          via: %g\n",
};

fn edit(out: &mut Buf<'_>, old: &[u8], wanted: &Wanted<'_>, _: u8) {
    let Some(network) = wanted.conf.network.value() else {
        return out.push(old);
    };
    // If os.conf says nothing of name servers, those stay that were told before.
    let mut before = lines(old).filter(|line| line.text.starts_with(NAME_SERVERS));
    let name_servers = before.next();
    out.push(MARK);
    put!(out, "{}", HEAD);
    for nic in &network.nics {
        let head = if nic.mac.is_some() { BY_MAC } else { BY_NAME };
        fill(out, head, wanted.system, nic);
        if let Some(line) = name_servers {
            out.push(line.text.trim_ascii_end());
            out.push(b"\n");
        }
        let address = if nic.is_at_rest() { DHCP } else { ADDRESS };
        fill(out, address, wanted.system, nic);
        if network.hops(nic).next().is_some() {
            put!(out, "      routes:\n");
        }
        let on_link = "          on-link: true\n";
        routes_on_link(out, &ROUTES, on_link, wanted.system, network, nic);
    }
}

/// The same name servers for each NIC, since any of them may be without a carrier.
fn edit_name_servers(out: &mut Buf<'_>, old: &[u8], wanted: &Wanted<'_>, _: u8) {
    let Some(servers) = wanted.conf.name_servers.value() else {
        return out.push(old);
    };
    for line in lines(old) {
        if line.text.starts_with(NAME_SERVERS) {
            continue;
        }
        if line.text == b"      addresses:" {
            out.push(NAME_SERVERS);
            list(out, servers, b", ");
            put!(out, "]}}\n");
        }
        out.push(line.text);
        out.push(line.end);
    }
}

fn judge(found: &Found<'_>, network: &Network, system: &System, add: &mut dyn FnMut(Change)) {
    if is_ours(found.content) {
        return;
    }
    let nics = Nics { network, system };
    let (mut is_edited, mut is_stuck) = (false, false);
    nics.without(found.content, &mut |piece| match piece {
        Piece::Kept(text) => is_stuck |= nics.are_in(text),
        Piece::Dropped => is_edited = true,
    });
    if is_stuck {
        add(found.stuck());
    } else if is_edited {
        add(found.edited(|out, old, wanted, _| {
            let Some(network) = wanted.conf.network.value() else {
                return out.push(old);
            };
            let nics = Nics {
                network,
                system: wanted.system,
            };
            nics.without(old, &mut |piece| {
                if let Piece::Kept(text) = piece {
                    out.push(text);
                }
            });
        }));
    }
}

/// A part of a file.
enum Piece<'a> {
    Kept(&'a [u8]),
    /// A stanza of one of our NICs.
    Dropped,
}

/// The NICs of os.conf, and what each is called.
struct Nics<'a> {
    network: &'a Network,
    system: &'a System,
}

impl Nics<'_> {
    /// Hands all of a file to `each`, the stanzas of our NICs as [`Piece::Dropped`].
    fn without(&self, text: &[u8], each: &mut dyn FnMut(Piece<'_>)) {
        let mut rest = text;
        while !rest.is_empty() {
            let (line, after) = split_line(rest);
            each(Piece::Kept(line));
            rest = after;
            let mut words = tokens(line);
            if words.next() != Some(b"ethernets") || words.next().is_some() {
                continue;
            }
            let (block, after) = split_block(rest, indent_of(line).unwrap_or_default());
            rest = after;
            self.without_stanzas(block, text, each);
        }
    }

    /// The same for the block of `ethernets:`, which must have something in it: for
    /// netplan a key without a value is no mapping.
    fn without_stanzas(&self, block: &[u8], file: &[u8], each: &mut dyn FnMut(Piece<'_>)) {
        let (mut has_others, mut indent) = (false, 0);
        let mut rest = block;
        while !rest.is_empty() {
            let (line, after) = split_line(rest);
            let mut piece = line;
            let mut can_go = false;
            if let Some(found) = indent_of(line) {
                indent = found;
                piece = before(rest, split_block(after, indent).1);
                can_go = self.can_go(piece, file);
                has_others |= !can_go;
            }
            (_, rest) = rest.split_at_checked(piece.len()).unwrap_or_default();
            each(if can_go {
                Piece::Dropped
            } else {
                Piece::Kept(piece)
            });
        }
        if indent > 0 && !has_others {
            for _ in 0..indent {
                each(Piece::Kept(b" "));
            }
            each(Piece::Kept(b"{}\n"));
        }
    }

    /// Whether a stanza of `file` is about one of our NICs, and can go: by its MAC
    /// address, or by its name, which is the stanza's own if it says nothing else.
    /// One that gives a NIC the name that ours has now can mean no other that is
    /// there.
    fn can_go(&self, stanza: &[u8], file: &[u8]) -> bool {
        let id = tokens(stanza).next().unwrap_or_default();
        let (mut is_about, mut has_match) = (false, false);
        let mut key: &[u8] = b"";
        for token in tokens(stanza) {
            has_match |= token == b"match";
            is_about |= matches!(key, b"name" | b"macaddress" | b"set-name") && self.has(token);
            key = token;
        }
        // Who else speaks of our NIC is noticed when all is read.
        let is_ours = self.has(id);
        (is_about || is_ours && !has_match)
            && stands_alone(stanza)
            && (is_ours || count(file, id) == count(stanza, id))
    }

    /// Whether one of our NICs is spoken of.
    fn are_in(&self, text: &[u8]) -> bool {
        tokens(text).any(|token| self.has(token))
    }

    /// Whether that is the name or the MAC address of one of our NICs.
    fn has(&self, word: &[u8]) -> bool {
        let is_named = self.system.nic_named(self.network, word).is_some();
        let mac = Mac::parse(word);
        let mut nics = self.network.nics.iter();
        is_named || mac.is_some() && nics.any(|nic| nic.mac == mac)
    }
}

/// How often a name is spoken of.
fn count(text: &[u8], name: &[u8]) -> usize {
    tokens(text).filter(|token| *token == name).count()
}
