//! The figures of `tests/README.md`: how often a rig tried to break the program,
//! and how often it did.
//!
//! Every rig ends with a line for each of its figures, which `cargo xtask
//! reliability` collects into the table. `OSCONF_SOAK` asks for the large number
//! of the soak, `OSCONF_SEED` for the dice of an earlier run.

use core::time::Duration;
use std::env;
use std::io::{self, IsTerminal, Write};
use std::sync::Mutex;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// How often a rig says how far it has come: on a terminal, and elsewhere.
const EACH: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(300)];

/// What was tried so far.
struct SoFar {
    /// How often, by name.
    counts: Vec<(&'static str, u64)>,
    /// When that was said last.
    said: Option<Instant>,
}

static SO_FAR: Mutex<SoFar> = Mutex::new(SoFar {
    counts: Vec::new(),
    said: None,
});

/// One row of the table.
#[derive(Debug, Default)]
pub struct Figure {
    /// What was counted, as the table has it.
    pub name: &'static str,
    /// How many.
    pub count: u64,
    /// Files, or values of os.conf, that were gone afterwards.
    pub lost: u64,
    /// Files that were neither the old nor the new one.
    pub torn: u64,
    /// Ends of the program that it did not choose itself.
    pub panics: u64,
    /// Runs that took longer than any may.
    pub hangs: u64,
}

impl Figure {
    /// A row, with nothing counted yet.
    #[must_use]
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            ..Self::default()
        }
    }

    /// Adds what was counted elsewhere.
    pub fn add(&mut self, other: &Self) {
        self.count += other.count;
        self.lost += other.lost;
        self.torn += other.torn;
        self.panics += other.panics;
        self.hangs += other.hangs;
    }

    /// Whether nothing was broken.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.lost + self.torn + self.panics + self.hangs == 0
    }

    /// Prints the row, with the seed that repeats it.
    pub fn print(&self, seed: u64) {
        println!(
            "figure: {} | {} | {} | {} | {} | {} | {seed}",
            self.name, self.count, self.lost, self.torn, self.panics, self.hangs
        );
    }
}

/// Counts what was tried just now of `total`, which is 0 where nobody knows it yet, and
/// says from time to time how far that has come: on a terminal in one line for all rigs
/// that run there, elsewhere in lines of their own.
pub fn progress(name: &'static str, more: u64, total: u64) {
    let Ok(mut so_far) = SO_FAR.lock() else {
        return;
    };
    let SoFar { counts, said } = &mut *so_far;
    let at = counts.iter().position(|(other, _)| *other == name);
    let at = at.unwrap_or_else(|| {
        counts.push((name, 0));
        counts.len() - 1
    });
    let count = &mut counts[at].1;
    *count += more;
    let now = Instant::now();
    let is_terminal = io::stderr().is_terminal();
    let each = EACH[usize::from(!is_terminal)];
    if now.duration_since(*said.get_or_insert(now)) < each {
        return;
    }
    *said = Some(now);
    let of = match total {
        0 => " so far".to_owned(),
        _ => format!(" of {total}"),
    };
    let (before, after) = match is_terminal {
        // Over what stood in the line, which goes on beside it.
        true => ("\x1b[K", "\r"),
        false => ("", "\n"),
    };
    let line = format!("{before}{name}: {count}{of}{after}");
    let _ = io::stderr().write_all(line.as_bytes());
}

/// Whether it is the soak's large number that is wanted.
#[must_use]
pub fn is_soak() -> bool {
    env::var_os("OSCONF_SOAK").is_some()
}

/// The larger of two numbers in the soak, else the smaller.
#[must_use]
pub fn scale(test: u64, soak: u64) -> u64 {
    if is_soak() { soak } else { test }
}

/// Where the dice begin: `$OSCONF_SEED`, or another number each time.
#[must_use]
pub fn seed() -> u64 {
    let given = env::var("OSCONF_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok());
    given.unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        now.map_or(0, |now| now.as_millis() as u64 % 1_000_000_000)
    })
}
