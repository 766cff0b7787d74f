//! The power is cut: what was not synced is there or not, as the dice fall. os.conf
//! gone must mean that all is done; os.conf there, that the next run does it.

use crate::layout::End;
use crate::scene::{Damage, Problem, Scene};
use osconf_tests::kernel::Lie;
use osconf_tests::kernel::cut::{Dice, Log, Promise};
use osconf_tests::kernel::faults::Fault;

/// What the disks are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Disks {
    Journal,
    Ext2,
}

impl Disks {
    pub(crate) const ALL: [Self; 2] = [Self::Journal, Self::Ext2];

    const fn promise(self) -> Promise {
        match self {
            Self::Journal => Promise::Journal,
            Self::Ext2 => Promise::Ext2,
        }
    }
}

/// A cut at call number `at`, and what is wrong with what it leaves.
pub(crate) fn cut(
    scene: &mut Scene<'_>,
    disks: Disks,
    at: u32,
    lie: Option<Lie>,
    dice: &mut Dice,
) -> Option<Problem> {
    let mut world = scene.before.clone();
    world.log = Some(Log::new(&world, disks.promise()));
    let (end, left) = scene.disturbed_from(world, [Some(Fault::kill(at)), None], lie);
    match end {
        End::Killed | End::Exit(_) => {}
        end => return Some((Damage::Panic, format!("{end:?}"))),
    }
    let world = left.world.after_cut(dice);
    scene.judge_cut(&world, disks == Disks::Journal)
}
