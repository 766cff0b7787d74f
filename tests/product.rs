//! What is tested: the program as it is shipped, for this machine.

use anyhow::{Result, ensure};
use std::env;
use std::path::{Path, PathBuf};

/// `$OSCONF_HOST`, or else what `cargo xtask build` made.
///
/// # Errors
/// There is none; it says what to do.
pub fn binary() -> Result<PathBuf> {
    find("OSCONF_HOST", "../target")
}

/// The one for boots only: `$OSCONF_HOST_BOOT`, or else what `cargo xtask build` made.
///
/// # Errors
/// There is none; it says what to do.
pub fn boot_binary() -> Result<PathBuf> {
    find("OSCONF_HOST_BOOT", "../target/boot-only")
}

fn find(variable: &str, folder: &str) -> Result<PathBuf> {
    let built = || {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join(folder)
            .join(format!("{}-unknown-linux-musl", env::consts::ARCH))
            .join("release/osconf")
    };
    let path = env::var_os(variable).map_or_else(built, PathBuf::from);
    ensure!(
        path.is_file(),
        "there is no {}: run `cargo xtask build`, or name another binary in {variable}",
        path.display()
    );
    Ok(path.canonicalize()?)
}
