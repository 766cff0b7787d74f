//! What one os.conf wants of this root, with all that must be known to make it.

use super::locate::Place;
use super::memory::{self, Memory};
use super::order::Paper;
use super::run::Run;
use super::survey::{self, Names};
use super::{Exit, password, report};
use crate::change::{NewPassword, Wanted};
use crate::conf::{Conf, Findings, Wish, parse};
use crate::network;
use crate::part::{Part, Parts};
use crate::record::{State, States};
use crate::sys::Sys;
use crate::system::System;
use crate::text::put;

/// The work of one run.
pub struct Job<'a, S: Sys> {
    /// What os.conf says.
    pub conf: Conf<'a>,
    /// What was done before.
    pub memory: Memory<S>,
    /// Whether it was done for this same os.conf.
    pub is_same: bool,
    /// Whether this goes on with it: it is the same os.conf, or the one of then was never
    /// finished. What is kept for `revert` is of before all of it.
    pub goes_on: bool,
    /// How each part stands.
    pub states: States,
    /// What the root is.
    pub system: System,
    password: Option<NewPassword>,
    /// The parts that can be tried.
    pub parts: Parts,
    /// The parts that are tried, but will be tried again: a NIC is missing.
    pub unfinished: Parts,
}

impl<'a, S: Sys> Job<'a, S> {
    /// Reads os.conf, for what is still open of it.
    #[inline(never)]
    pub fn new(run: &Run<'_, S>, place: &Place<S>, paper: &'a Paper<S>) -> Self {
        let source = &paper.file.content;
        let mut findings = Findings::default();
        let conf = parse(source, &mut findings);
        report::say_findings(run, place, source, &findings);
        let memory = memory::load(run);
        let is_same = memory
            .record
            .order
            .is_some_and(|order| order.is(&paper.order));
        let states = first_states(&conf, is_same.then_some(&memory.record.states));
        Self::of(conf, memory, is_same, states)
    }

    /// The same of what is known already. Nothing is known of the root yet.
    pub fn of(conf: Conf<'a>, memory: Memory<S>, is_same: bool, states: States) -> Self {
        Self {
            is_same,
            goes_on: is_same || Exit::of(&memory.record.states) != Exit::Done,
            conf,
            memory,
            states,
            system: System::of(network::last()),
            password: None,
            parts: states.all(State::Open),
            unfinished: Parts::default(),
        }
    }

    /// Looks at the root for what is open of it. Parts that cannot be done here are
    /// left out, and it is said why.
    #[inline(never)]
    pub fn look(&mut self, run: &Run<'_, S>, names: Names) {
        survey::survey(run, &self.conf, &mut self.parts, names, &mut self.system);
        self.states.set_all(self.parts, State::Open);
        if self.parts.contains(Part::Password) {
            match password::prepare(run, &self.conf) {
                Ok(new) => self.password = new,
                Err(()) => self.parts.remove(Part::Password),
            }
        }
        if run.is_in_doubt.get() {
            self.parts = Parts::default();
        }
        // Whoever mends one reason must not meet the next one at the next boot.
        let mut is_unfinished = !self.system.has_all_interfaces();
        if self.parts.contains(Part::Network) {
            is_unfinished |= is_lacking(run, &self.conf, &self.system);
            is_unfinished |= is_in_the_way(run, &self.system);
        }
        if is_unfinished {
            self.unfinished.add(Part::Network);
        }
    }

    /// What the files are made from.
    pub fn wanted(&self) -> Wanted<'_> {
        Wanted {
            conf: &self.conf,
            system: &self.system,
            password: self.password.as_ref(),
            back: &[],
        }
    }
}

/// Whether the network system has no words for all of this network; it is said
/// for what.
fn is_lacking<S: Sys>(run: &Run<'_, S>, conf: &Conf<'_>, system: &System) -> bool {
    let mut is_lacking = false;
    if let Some(network) = conf.network.value() {
        (system.network.lacks)(network, &mut |what| {
            is_lacking = true;
            run.log.error(Part::Network.name(), &|out| {
                put!(out, "{} {}", system.network.name, what);
            });
        });
    }
    is_lacking
}

/// Whether older configuration stays that fights this one; it is said which.
fn is_in_the_way<S: Sys>(run: &Run<'_, S>, system: &System) -> bool {
    let mut is_in_the_way = false;
    for path in system.in_the_way() {
        is_in_the_way = true;
        run.log.error(Part::Network.name(), &|out| {
            put!(out, "/");
            out.push(path.as_bytes());
            put!(out, ": it is about a NIC of os.conf, too, in a way that cannot be edited safely: take that NIC out of it");
        });
    }
    is_in_the_way
}

/// How each part stands before the work: what is wished for is open, unless a run
/// before has done it for this same os.conf.
fn first_states(conf: &Conf<'_>, before: Option<&States>) -> States {
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
