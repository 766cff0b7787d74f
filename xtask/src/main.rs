//! `cargo xtask`: builds, tests and boots osconf.

fn main() {}
