//! Every state that a power cut can leave, from what was written down.
//!
//! What was written before the last flush of a disk is durable. Of what came after
//! it, a cut leaves any part, in any order: each write is there, is not, or, if
//! longer than 4 KiB, ends at a multiple of that (a superblock torn at 512 bytes
//! makes an ext4 that nothing mounts, with or without us). With two disks, a
//! flush of one says nothing of the other: its writes stay in doubt until its own.

use crate::dice::Dice;
use crate::disk::Event;
use crate::image::{Image, PAGE};
use std::collections::HashSet;
use std::sync::Arc;

/// As many writes in doubt as all subsets are taken of.
const ALL: usize = 7;
/// How many subsets are taken of more.
const SOME: usize = 64;

/// A write in doubt.
struct Doubt {
    disk: usize,
    offset: u64,
    data: Arc<[u8]>,
}

impl Doubt {
    /// How many pieces a cut can leave of it.
    fn pieces(&self) -> usize {
        self.data.len().div_ceil(PAGE).max(1)
    }

    /// Writes the first pieces of it.
    fn apply(&self, images: &mut [Image], pieces: usize) {
        let len = self.data.len().min(pieces * PAGE);
        images[self.disk].write(self.offset, &self.data[..len]);
    }
}

/// Where a state comes from, to make it again.
pub(crate) struct Origin {
    /// After how many events.
    after: usize,
    /// How many pieces there are of each write in doubt.
    pieces: Vec<usize>,
}

impl Origin {
    /// In words.
    pub(crate) fn name(&self) -> String {
        let Self { after, pieces } = self;
        format!("after event {after}, pieces of what was in doubt: {pieces:?}")
    }
}

/// What a run wrote, cut at every place.
pub(crate) struct States<'a> {
    durable: Vec<Image>,
    doubts: Vec<Doubt>,
    seen: &'a mut HashSet<Vec<u64>>,
}

/// Hands each distinct state of the disks to `judge`, once, until it says stop.
pub(crate) fn each(
    base: &[Image],
    log: &[Event],
    dice: &mut Dice,
    seen: &mut HashSet<Vec<u64>>,
    judge: &mut dyn FnMut(&Origin, &[Image]) -> bool,
) {
    let mut states = States {
        durable: base.to_vec(),
        doubts: Vec::new(),
        seen,
    };
    let mut goes_on = states.offer(0, &[], judge);
    for (number, event) in log.iter().enumerate() {
        if !goes_on {
            return;
        }
        match event {
            Event::Write { disk, offset, data } => {
                goes_on = states.write(number, (*disk, *offset, data), dice, judge);
            }
            Event::Flush { disk } => {
                goes_on = states.subsets(number, dice, judge);
                states.flush(*disk);
            }
        }
    }
    if goes_on {
        states.subsets(log.len(), dice, judge);
    }
}

type Judge<'j> = dyn FnMut(&Origin, &[Image]) -> bool + 'j;

impl States<'_> {
    /// Makes a state, and has it judged if it is new.
    fn offer(&mut self, after: usize, pieces: &[usize], judge: &mut Judge<'_>) -> bool {
        let mut images = self.durable.clone();
        for (doubt, &pieces) in self.doubts.iter().zip(pieces) {
            doubt.apply(&mut images, pieces);
        }
        let key = images.iter().map(Image::sum).collect();
        if !self.seen.insert(key) {
            return true;
        }
        let origin = Origin {
            after,
            pieces: pieces.to_vec(),
        };
        judge(&origin, &images)
    }

    /// One more write, after which, or in the middle of which, all stops.
    fn write(
        &mut self,
        number: usize,
        (disk, offset, data): (usize, u64, &Arc<[u8]>),
        dice: &mut Dice,
        judge: &mut Judge<'_>,
    ) -> bool {
        let data = Arc::clone(data);
        self.doubts.push(Doubt { disk, offset, data });
        let mut pieces: Vec<usize> = self.doubts.iter().map(Doubt::pieces).collect();
        let last = pieces.len() - 1;
        let whole = pieces[last];
        if !self.offer(number + 1, &pieces, judge) {
            return false;
        }
        if whole == 2 {
            pieces[last] = 1;
            return self.offer(number + 1, &pieces, judge);
        }
        // Of a very long one some places are enough.
        for _ in 0..whole.min(SHORT) - 1 {
            pieces[last] = 1 + dice.roll(whole - 1);
            if !self.offer(number + 1, &pieces, judge) {
                return false;
            }
        }
        true
    }

    /// Any part of what is in doubt.
    fn subsets(&mut self, number: usize, dice: &mut Dice, judge: &mut Judge<'_>) -> bool {
        let whole: Vec<usize> = self.doubts.iter().map(Doubt::pieces).collect();
        if whole.len() <= ALL {
            return (0..1_usize << whole.len()).all(|set| {
                let has = |index: usize| set >> index & 1;
                let pieces: Vec<usize> = (0..).zip(&whole).map(|(i, n)| n * has(i)).collect();
                self.offer(number, &pieces, judge)
            });
        }
        // One disk has written all, and the other nothing.
        let disks: Vec<usize> = self.doubts.iter().map(|doubt| doubt.disk).collect();
        for disk in 0..self.durable.len() {
            let one = whole.iter().zip(&disks);
            let one: Vec<usize> = one.map(|(n, of)| n * usize::from(*of == disk)).collect();
            if !self.offer(number, &one, judge) {
                return false;
            }
        }
        (0..SOME).all(|_| {
            // Also nearly all, and nearly none: there the mistakes are.
            let odds = [1, 4, 8][dice.roll(3)];
            let mut piece = |&n: &usize| match dice.roll(9) {
                roll if roll < odds => n,
                8 => dice.roll(n),
                _ => 0,
            };
            let pieces: Vec<usize> = whole.iter().map(&mut piece).collect();
            self.offer(number, &pieces, judge)
        })
    }

    fn flush(&mut self, disk: usize) {
        let (durable, doubts) = (&mut self.durable, &mut self.doubts);
        doubts.retain(|doubt| {
            if doubt.disk == disk {
                doubt.apply(durable, doubt.pieces());
            }
            doubt.disk != disk
        });
    }
}

/// Places at which a long write is cut.
const SHORT: usize = 5;
