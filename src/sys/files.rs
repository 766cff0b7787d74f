//! Files below a root: finding, reading and replacing them.
//!
//! This is the only place that changes a file, and it knows one way to do so: a
//! new one beside it, complete and durable, is renamed over it.

mod find;
mod read;
mod replace;

pub use find::{Last, Spot, make_folders, resolve};
pub use read::{Content, File, read, read_below, read_file, read_into, read_link};
pub use replace::{ABSENCE, NewFile, keep, settle, unsettle, write_in_place};

use super::Result;
use rustix::io::Errno;

/// What is not there is no failure.
///
/// # Errors
/// Every error but the one for what is not there.
pub fn optional<T>(result: Result<T>) -> Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(Errno::NOENT) => Ok(None),
        Err(errno) => Err(errno),
    }
}
