//! A boot without os.conf on other NICs than those that the network was written
//! for: on a clone of the machine, or after a NIC was replaced.
//!
//! Formats that go by MAC address do nothing for such a NIC. Those that go by names
//! would give it the address that another one had. So the record keeps the network
//! that was published by names ([`record::write_network`]), and what it says is
//! written anew: a NIC that is still there keeps its address, whatever its name is
//! now, and one that is there in the place of another gets DHCP.

use super::job::Job;
use super::memory::{self, Memory};
use super::run::Run;
use super::survey::{self, Names};
use crate::conf::{Conf, Findings, Network, Nic, Wish, parse};
use crate::network::links::{Link, Links};
use crate::part::Part;
use crate::record::{self, NamedNic, State, States};
use crate::sys::Sys;
use crate::system::{Interface, Interfaces};
use crate::text::put;

/// The record, if it names NICs that something was written for by name.
pub fn known<S: Sys>(run: &Run<'_, S>) -> Option<Memory<S>> {
    let memory = memory::load(run);
    let is_known = !record::nics(record::network(memory.text())).is_empty();
    is_known.then_some(memory)
}

/// What is to be done at such a boot; nothing at another one. It is one if an
/// interface has a name that was written for another NIC, and is not about to get its
/// own one from udev. What is not there says nothing: it may come late, and nobody
/// waits for it.
#[inline(never)]
pub fn job<'a, S: Sys>(run: &Run<'_, S>, memory: Memory<S>) -> Option<Job<'a, S>> {
    let text = record::network(memory.text());
    let known = record::nics(text);
    let Some(links) = survey::wait_for(run, &Network::default(), 0) else {
        run.is_in_doubt.set(true);
        return None;
    };
    let is_another = |nic: &NamedNic| {
        links
            .named(&nic.name)
            .is_some_and(|link| !link.has(nic.mac) && survey::has_final_name(run, link.index))
    };
    if !known.iter().any(is_another) {
        return None;
    }
    let mut conf = Conf {
        host_name: Wish::Nothing,
        password: Wish::Nothing,
        network: Wish::Nothing,
        name_servers: Wish::Nothing,
    };
    let mut network = match parse(text, &mut Findings::default()).network {
        Wish::Value(network) => network,
        _ => Network::default(),
    };
    let names = Names {
        known: fit(&mut network, &known, &links),
        wait: 0,
    };
    conf.network = Wish::Value(network);
    let mut states = States::default();
    states.set(Part::Network, State::Open);
    let mut job = Job::of(conf, memory, true, states);
    job.look(run, names);
    job.states = job.memory.record.states;
    job.states.set(Part::Network, State::Open);
    // What is written goes by MAC address now.
    if !job.system.network.needs_names {
        return None;
    }
    run.log.notice(Part::Network.name(), &|out| {
        put!(
            out,
            "these are not the NICs of the last os.conf, as on a clone: none gets another's address"
        );
        let mut before = ": DHCP for";
        let network = job.conf.network.value();
        for nic in network.iter().flat_map(|network| &network.nics) {
            if nic.is_by_dhcp() {
                put!(out, "{} {}", before, job.system.name_of(nic));
                before = "";
            }
        }
    });
    Some(job)
}

/// Gives the network that was written for NICs that are `known` to those that are
/// there, and tells which interface each of them is.
fn fit(network: &mut Network, known: &[NamedNic], links: &Links) -> Interfaces {
    let fixed = core::mem::take(&mut network.nics);
    let mut interfaces = Interfaces::new();
    let is_clone = !known.iter().any(|nic| links.with(nic.mac).is_some());
    for NamedNic { label, name, mac } in known {
        let (label, mac) = (*label, *mac);
        let is_new = |link: &&Link| {
            !known.iter().any(|nic| link.has(nic.mac))
                && !interfaces.iter().any(|other| other.name == link.name)
        };
        let mut named = known.iter().filter_map(|nic| links.named(&nic.name));
        let mut fixed = fixed.iter().filter(|nic| nic.label == label);
        let as_it_was = *fixed.next().unwrap_or(&Nic::by_dhcp(label, Some(mac)));
        let (nic, name) = if let Some(link) = links.with(mac) {
            (as_it_was, &link.name)
        } else if let Some(link) = named.find(is_new) {
            (Nic::by_dhcp(label, Some(link.mac)), &link.name)
        } else if is_clone || links.named(name).is_some() {
            continue;
        } else {
            (as_it_was, name)
        };
        // Cannot fail: there are as many places.
        let _ = network.nics.push(nic);
        let _ = interfaces.push(Interface {
            label,
            name: name.clone(),
            is_there: true,
        });
    }
    let nics = &network.nics;
    let stays = |label| {
        let mut nics = nics.iter();
        nics.any(|nic| nic.label == label && !nic.is_by_dhcp())
    };
    network.routes.retain(|route| stays(route.label));
    network.default_route = network.default_route.filter(|route| stays(route.label));
    interfaces
}
