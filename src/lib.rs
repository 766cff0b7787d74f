//! osconf applies Alibaba Cloud's `aliyun_custom_image/os.conf` at boot.

#![cfg_attr(not(test), no_std)]
#![deny(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::unreachable,
        clippy::indexing_slicing
    )
)]

pub mod account;
pub mod change;
pub mod conf;
pub mod error;
pub mod hostname;
pub mod hosts;
pub mod limits;
pub mod network;
pub mod part;
pub mod plan;
pub mod record;
pub mod resolver;
pub mod sys;
pub mod system;
pub mod text;
pub mod value;

/// Runs the program.
pub fn run<'a, S: sys::Sys>(sys: &S, arguments: impl Iterator<Item = &'a core::ffi::CStr>) -> u8 {
    let _ = (sys, arguments.count());
    0
}
