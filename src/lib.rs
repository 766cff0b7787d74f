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
pub mod conf;
pub mod limits;
pub mod network;
pub mod text;
pub mod value;
