//! The figures of `tests/README.md`: how often a rig tried to break the program,
//! and how often it did.
//!
//! Every rig ends with a line for each of its figures, which `cargo xtask
//! reliability` collects into the table. `OSCONF_SOAK` asks for the large number
//! of the soak, `OSCONF_SEED` for the dice of an earlier run.

use std::env;
use std::time::{SystemTime, UNIX_EPOCH};

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

/// The larger of two numbers in the soak, else the smaller.
#[must_use]
pub fn scale(test: u64, soak: u64) -> u64 {
    if env::var_os("OSCONF_SOAK").is_some() {
        soak
    } else {
        test
    }
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
