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
//! `0.0.0.0/0` is the default route for every version; `default` is since 0.103.
//! All of this needs netplan 0.106 at the most, and most of it 0.99: parse.c.

use super::template::{Routes, fill, hop_by};
use super::{Dns, Found, Look, MARK, Writer, add_file, is_ours};
use crate::change::{Action, Change, Wanted, Write};
use crate::conf::{Hop, Network};
use crate::system::System;
use crate::text::assignments::list;
use crate::text::lines::lines;
use crate::text::yaml::{indent_of, split_block, split_line, stands_alone, tokens, value_of};
use crate::text::{Buf, put};
use crate::value::Mac;

pub(super) const WRITER: Writer = Writer {
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
    ..Writer::new(|_, _, add| add_ours(add, edit, false))
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
const ADDRESS: &str = "      addresses:\n        - %a/%p\n";
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
            out.push(line.text);
            out.push(b"\n");
        }
        fill(out, ADDRESS, wanted.system, nic);
        let mut is_first = true;
        for hop in network.hops(nic) {
            if is_first {
                put!(out, "      routes:\n");
                is_first = false;
            }
            hop_by(out, &ROUTES, wanted.system, nic, hop);
            if matches!(hop, Hop::Via(route) if nic.is_off_subnet(route.gateway)) {
                put!(out, "          on-link: true\n");
            }
        }
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
            let (head, after) = split_line(rest);
            rest = after;
            let (Some(indent), b"ethernets:") = (indent_of(head), head.trim_ascii()) else {
                each(Piece::Kept(head));
                continue;
            };
            let (block, after) = split_block(rest, indent);
            rest = after;
            let (mut has_ours, mut has_others) = (false, false);
            self.stanzas(block, &mut |stanza, is_ours| {
                has_ours |= is_ours;
                has_others |= !is_ours && indent_of(stanza).is_some();
            });
            if has_ours && !has_others {
                // A key without a value is no mapping to netplan.
                each(Piece::Kept(head.trim_ascii_end()));
                each(Piece::Kept(b" {}\n"));
            } else {
                each(Piece::Kept(head));
            }
            self.stanzas(block, &mut |stanza, is_ours| {
                each(if is_ours {
                    Piece::Dropped
                } else {
                    Piece::Kept(stanza)
                });
            });
        }
    }

    /// Each stanza of a block, and whether it can go since it is about our NIC; and
    /// each blank line or comment between.
    fn stanzas(&self, block: &[u8], each: &mut dyn FnMut(&[u8], bool)) {
        let mut rest = block;
        while !rest.is_empty() {
            let (line, after) = split_line(rest);
            let Some(indent) = indent_of(line) else {
                rest = after;
                each(line, false);
                continue;
            };
            let (_, after) = split_block(after, indent);
            let stanza = rest.strip_suffix(after).unwrap_or(rest);
            rest = after;
            each(stanza, self.is_about_ours(stanza) && stands_alone(stanza));
        }
    }

    /// Whether a stanza is about one of our NICs and no other: by its MAC address,
    /// or by its name, which is the stanza's own if it says nothing else. One that
    /// gives a NIC the name that ours has now can mean no other that is there.
    fn is_about_ours(&self, stanza: &[u8]) -> bool {
        let has_match = tokens(stanza).any(|token| token == b"match:");
        let named = match tokens(stanza).next() {
            Some(id) if !has_match => id.strip_suffix(b":"),
            _ => value_of(stanza, "name"),
        };
        [
            named,
            value_of(stanza, "macaddress"),
            value_of(stanza, "set-name"),
        ]
        .into_iter()
        .flatten()
        .any(|word| self.has(word))
    }

    /// Whether one of our NICs is spoken of.
    fn are_in(&self, text: &[u8]) -> bool {
        tokens(text).any(|token| self.has(token.strip_suffix(b":").unwrap_or(token)))
    }

    /// Whether that is the name or the MAC address of one of our NICs.
    fn has(&self, word: &[u8]) -> bool {
        let is_named = self.system.nic_named(self.network, word).is_some();
        let mac = Mac::parse(word);
        let mut nics = self.network.nics.iter();
        is_named || mac.is_some() && nics.any(|nic| nic.mac == mac)
    }
}
