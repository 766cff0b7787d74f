//! `cargo xtask build`
use crate::target::Target;
use crate::util;
use anyhow::Result;
use std::path::PathBuf;
pub(crate) fn run(t: &[Target]) -> Result<Vec<PathBuf>> {
    t.iter().map(binary).collect()
}
pub(crate) fn binary(t: &Target) -> Result<PathBuf> {
    Ok(util::target_dir().join(&t.triple).join("release/osconf"))
}
