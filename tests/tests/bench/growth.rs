//! How the time grows with the work.

use crate::measure;
use crate::programs::Program;
use crate::root::{Root, SAMPLE, Work};
use anyhow::Result;

/// Times for growing work.
pub(crate) struct Curve {
    pub(crate) what: &'static str,
    /// How much, and milliseconds.
    pub(crate) points: Vec<(usize, f64)>,
}

/// What grows, how it is set, and the amounts.
type Kind = (&'static str, fn(usize) -> Work, &'static [usize]);

const KINDS: [Kind; 3] = [
    (
        "NICs",
        |nics| Work { nics, ..SAMPLE },
        &[1, 2, 4, 6, 8, 10, 12, 14, 16],
    ),
    (
        "routes",
        |routes| Work { routes, ..SAMPLE },
        &[1, 125, 250, 375, 500, 625, 750, 875, 1000],
    ),
    (
        "lines of /etc/shadow",
        |accounts| Work { accounts, ..SAMPLE },
        &[
            10, 12_500, 25_000, 37_500, 50_000, 62_500, 75_000, 87_500, 100_000,
        ],
    ),
];

/// Measures and prints each.
pub(crate) fn all(root: &Root) -> Result<Vec<Curve>> {
    let agent = Program::agent(root)?;
    let mut curves = Vec::new();
    println!("\nHow the time grows, on tmpfs:\n");
    for (what, work, amounts) in KINDS {
        let works: Vec<_> = amounts.iter().map(|&amount| work(amount)).collect();
        let times = measure::times_of(root, &agent, &works, 41)?;
        let times = times.iter().map(|time| time.as_secs_f64() * 1e3);
        let points: Vec<_> = amounts.iter().copied().zip(times).collect();
        let shown: Vec<_> = points
            .iter()
            .map(|(amount, time)| format!("{amount}: {time:.2}"))
            .collect();
        println!("- {what}, milliseconds: {}", shown.join(", "));
        curves.push(Curve { what, points });
    }
    Ok(curves)
}
