//! Which faults are put on a machine: every one at every call, in an order that the
//! dice choose, and then two at a time.

use crate::calls::{self, ERRORS};
use crate::shot::{Deed, Shot, Story};
use nix::errno::Errno;
use osconf_tests::dice::Dice;
use osconf_tests::figure;
use std::collections::BTreeMap;

/// All faults of one machine.
pub(crate) struct Stories {
    /// Of runs with one fault; the next one last.
    singles: Vec<Shot>,
    /// The same, to choose from.
    all: Vec<Shot>,
    /// Whether each of them must come alone.
    wants_all: bool,
    dice: Dice,
}

impl Stories {
    /// For a machine whose run has these calls.
    pub(crate) fn new(trace: &[(i64, u64)], dice: Dice, is_guest: bool) -> Self {
        let mut counts = BTreeMap::new();
        let mut all = Vec::new();
        for (number, first) in trace {
            let count: &mut u32 = counts.entry(*number).or_default();
            *count += 1;
            let Some(call) = calls::by_number(*number) else {
                continue;
            };
            let is_telling = call.name == "write" && [1, 2].contains(first);
            let shot = |deed| Shot {
                call,
                number: *count,
                deed,
            };
            let deeds = deeds(call.is_transfer && !is_telling);
            // Who is told for ever that a lock is taken waits for it, and in an emulator
            // that takes its time.
            let takes_time = |deed: &Deed| is_guest && *deed == Deed::FailOn(Errno::EACCES);
            all.extend(deeds.filter(|deed| !takes_time(deed)).map(shot));
        }
        let mut stories = Self {
            singles: all.clone(),
            all,
            // In an emulator that would take hours.
            wants_all: figure::is_soak() && !is_guest,
            dice,
        };
        // Fisher and Yates.
        for index in (1..stories.singles.len()).rev() {
            let other = stories.dice.below(index + 1);
            stories.singles.swap(index, other);
        }
        stories
    }

    /// How many different faults there are.
    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// The next one. Two faults find more, and take one run as well, so that every other
    /// run has them; but a soak has every fault alone first.
    pub(crate) fn next(&mut self) -> Story {
        let is_single = self.wants_all || self.dice.below(2) > 0;
        match self.singles.pop_if(|_| is_single) {
            Some(shot) => Story::once(&[shot]),
            None => self.pair(),
        }
    }

    /// Whether there is one that must not be left out.
    pub(crate) fn must_go_on(&self) -> bool {
        self.wants_all && !self.singles.is_empty()
    }

    /// Two faults in one run; or a run that is killed, and one after it with a fault.
    fn pair(&mut self) -> Story {
        let [first, second] = [self.any(), self.any()];
        match first.deed {
            Deed::KillBefore | Deed::KillAfter => Story(vec![vec![first], vec![second]]),
            _ => Story::once(&[first, second]),
        }
    }

    fn any(&mut self) -> Shot {
        self.all[self.dice.below(self.all.len())]
    }
}

/// All that can happen to a call. Nothing is interrupted for ever, so EINTR comes
/// once only.
fn deeds(is_transfer: bool) -> impl Iterator<Item = Deed> {
    let once = ERRORS.iter().copied().map(Deed::Fail);
    let lasting = ERRORS
        .iter()
        .copied()
        .filter(|errno| *errno != Errno::EINTR);
    let half = is_transfer.then_some(Deed::Halve);
    once.chain(lasting.map(Deed::FailOn))
        .chain([Deed::KillBefore, Deed::KillAfter])
        .chain(half)
}
