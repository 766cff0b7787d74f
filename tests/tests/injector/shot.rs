//! What is done to a run: faults at chosen calls, as text that repeats them.

use crate::calls::{self, Call};
use anyhow::{Context, Result, bail};
use core::fmt;
use core::str::FromStr;
use nix::errno::Errno;

/// What happens to a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Deed {
    /// It fails, and does nothing.
    Fail(Errno),
    /// It fails, and so does every call after it.
    FailOn(Errno),
    /// It moves half of the bytes that were asked for.
    Halve,
    /// The process is killed before the call.
    KillBefore,
    /// The process is killed when the kernel has done the call.
    KillAfter,
}

impl Deed {
    /// Whether it goes on.
    pub(crate) fn lasts(self) -> bool {
        matches!(self, Self::FailOn(_))
    }
}

/// A fault: the call of this name that comes as number so and so, and what happens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shot {
    pub(crate) call: &'static Call,
    /// From 1.
    pub(crate) number: u32,
    pub(crate) deed: Deed,
}

/// One run after the other, each with its faults; then one without any.
#[derive(Clone, Debug)]
pub(crate) struct Story(pub(crate) Vec<Vec<Shot>>);

impl Story {
    /// A run with these faults.
    pub(crate) fn once(shots: &[Shot]) -> Self {
        Self(vec![shots.to_vec()])
    }
}

impl fmt::Display for Deed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fail(errno) => write!(f, "{errno:?}"),
            Self::FailOn(errno) => write!(f, "{errno:?}+"),
            Self::Halve => f.write_str("half"),
            Self::KillBefore => f.write_str("kill-before"),
            Self::KillAfter => f.write_str("kill-after"),
        }
    }
}

impl fmt::Display for Shot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.call.name, self.number, self.deed)
    }
}

impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, run) in self.0.iter().enumerate() {
            let shots: Vec<String> = run.iter().map(ToString::to_string).collect();
            let between = if index == 0 { "" } else { "/" };
            write!(f, "{between}{}", shots.join(","))?;
        }
        Ok(())
    }
}

impl FromStr for Story {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let runs = text
            .split('/')
            .map(|run| run.split(',').map(str::parse).collect());
        runs.collect::<Result<_>>().map(Self)
    }
}

impl FromStr for Shot {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let parts: Vec<&str> = text.split(':').collect();
        let [name, number, deed] = parts.as_slice() else {
            bail!("a fault is CALL:NUMBER:WHAT, not {text}");
        };
        let error = |name: &str| {
            let mut known = calls::ERRORS.iter().copied();
            known
                .find(|errno| format!("{errno:?}") == name)
                .with_context(|| format!("no error of ours: {name}"))
        };
        Ok(Self {
            call: calls::by_name(name).with_context(|| format!("no call of ours: {name}"))?,
            number: number.parse()?,
            deed: match (*deed, deed.strip_suffix('+')) {
                ("half", _) => Deed::Halve,
                ("kill-before", _) => Deed::KillBefore,
                ("kill-after", _) => Deed::KillAfter,
                (_, Some(name)) => Deed::FailOn(error(name)?),
                (name, None) => Deed::Fail(error(name)?),
            },
        })
    }
}
