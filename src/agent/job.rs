//! What one os.conf wants of this root, with all that must be known to make it.

use super::password;
use super::run::Run;
use super::survey;
use crate::change::{NewPassword, Wanted};
use crate::conf::{Conf, Wish};
use crate::network::FORMATS;
use crate::part::{Part, Parts};
use crate::record::{State, States};
use crate::sys::Sys;
use crate::system::System;
use crate::text::put;

/// The work of one run.
pub struct Job<'a> {
    conf: &'a Conf<'a>,
    /// What the root is.
    pub system: System,
    password: Option<NewPassword>,
    /// The parts that can be tried.
    pub parts: Parts,
    /// The parts that are tried, but will be tried again: a NIC is missing.
    pub unfinished: Parts,
}

impl<'a> Job<'a> {
    /// Looks at the root for `parts` of `conf`. Those that cannot be done here are
    /// left out, and it is said why.
    pub fn new<S: Sys>(run: &Run<'_, S>, conf: &'a Conf<'a>, parts: Parts, wait: u32) -> Self {
        let system = survey::survey(run, conf, parts, wait);
        let mut refused = Parts::default();
        let password = if parts.contains(Part::Password) {
            password::prepare(run, conf).unwrap_or_else(|()| {
                refused.add(Part::Password);
                None
            })
        } else {
            None
        };
        if parts.contains(Part::Network) && system.network.writer.is_none() {
            refused.add(Part::Network);
            refuse_network(run, &system);
        }
        let mut unfinished = Parts::default();
        if !system.has_all_interfaces() {
            unfinished.add(Part::Network);
        }
        Self { conf, system, password, parts: parts.without(refused), unfinished }
    }

    /// What the files are made from.
    pub fn wanted(&self) -> Wanted<'_> {
        Wanted { conf: self.conf, system: &self.system, password: self.password.as_ref() }
    }
}

fn refuse_network<S: Sys>(run: &Run<'_, S>, system: &System) {
    run.log.error(Part::Network.name(), &|out| {
        put!(out, "this system's network is {}, which cannot be written yet: --network chooses", system.network.name);
        for format in FORMATS.iter().filter(|format| format.writer.is_some()) {
            put!(out, " {}", format.name);
        }
        put!(out, ": os.conf is kept");
    });
}

/// How each part stands before the work: what is wished for is open, unless a run
/// before has done it for this same os.conf.
pub fn first_states(conf: &Conf<'_>, before: Option<&States>) -> States {
    let mut states = States::default();
    let wishes = [
        (Part::Password, state_of(&conf.password)),
        (Part::HostName, state_of(&conf.host_name)),
        (Part::Network, state_of(&conf.network)),
        (Part::Dns, state_of(&conf.name_servers)),
    ];
    for (part, state) in wishes {
        let is_done = before.is_some_and(|before| before.get(part) == State::Done);
        // A password that was done is no longer in the copy that was kept.
        let is_done = is_done && state != State::Invalid;
        states.set(part, if is_done { State::Done } else { state });
    }
    states
}

fn state_of<T>(wish: &Wish<T>) -> State {
    match wish {
        Wish::Nothing => State::Nothing,
        Wish::Invalid => State::Invalid,
        Wish::Value(_) => State::Open,
    }
}
