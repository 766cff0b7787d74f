//! The negative controls: kernels that lie, so that the program is as wrong as if it
//! had left the step out. Each must be noticed, or else the rig notices nothing.

use crate::cuts::{Disks, cut};
use crate::layout::Layout;
use crate::scene::Scene;
use anyhow::{Result, ensure};
use osconf_tests::kernel::Lie;
use osconf_tests::kernel::cut::Dice;
use osconf_tests::kernel::faults::Fault;

/// Each lie, where it must be noticed: by a run that ends, or is killed; or by a
/// power cut on such disks.
const CONTROLS: [(Lie, &str, Option<Disks>); 7] = [
    (Lie::NoNewline, "networks/eni/classic", None),
    (Lie::NoMode, "networks/keyfile/classic", None),
    (Lie::ConfFirst, "networks/eni/classic", None),
    (
        Lie::FollowsLinks,
        "a-link-in-the-place-of-a-temporary-file-is-not-followed",
        None,
    ),
    (Lie::NoSync, "networks/eni/classic", Some(Disks::Journal)),
    (
        Lie::NoFileSystemSync,
        "networks/eni/classic",
        Some(Disks::Ext2),
    ),
    (Lie::NoCopy, "networks/eni/classic", Some(Disks::Ext2)),
];

/// How often a cut is tried at each call.
const ROUNDS: u32 = 16;

/// Tells every lie.
pub(crate) fn all(seed: u64) -> Result<()> {
    for (lie, name, disks) in CONTROLS {
        let Some(layout) = Layout::new(name)? else {
            anyhow::bail!("{name} is no layout");
        };
        let mut scene = Scene::new(&layout);
        let mut dice = Dice(seed);
        let calls = scene.trace.len() as u32 + 20;
        let mut is_noticed = false;
        for at in (0..calls).rev() {
            is_noticed |= match disks {
                Some(disks) => {
                    (0..ROUNDS).any(|_| cut(&mut scene, disks, at, Some(lie), &mut dice).is_some())
                }
                None => {
                    let (end, left) = scene.disturbed([Some(Fault::kill(at)), None], Some(lie));
                    scene.judge(&end, &left).is_some()
                }
            };
        }
        ensure!(is_noticed, "{lie:?} is not noticed in {name}");
    }
    Ok(())
}
