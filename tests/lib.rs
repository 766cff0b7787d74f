//! What several tests of this package share; the rigs that serve only one lie
//! beside it.

pub mod case;
pub mod command;
pub mod dice;
pub mod disk;
pub mod figure;
pub mod generate;
pub mod kernel;
pub mod matrix;
pub mod namespace;
pub mod processor;
pub mod product;
// By the registers of this machine.
#[cfg(target_arch = "x86_64")]
pub mod traced;
