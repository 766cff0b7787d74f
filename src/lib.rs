//! osconf applies Alibaba Cloud's `aliyun_custom_image/os.conf` at boot.
//!
//! A value travels one way:
//!
//! 1. [`cli`] and [`settings`] say what is wanted of this run;
//! 2. [`agent`] finds os.conf and leads through all that follows;
//! 3. [`conf`] makes a typed [`conf::Conf`] of its text;
//! 4. [`system`] is what was found out about the root;
//! 5. [`plan`] makes of both a list of [`change`]s, each a file and the pure
//!    function that makes its new content: [`account`], [`hostname`], [`hosts`],
//!    [`resolver`] and [`network`] have these;
//! 6. [`sys`] is the only way to the kernel, and [`sys::files`] the only way to
//!    replace a file.
//!
//! `check` judges a whole image in the same way: facts in, findings out. `prepare`
//! makes one as it should be: facts in, changes out, which go the way of the others.
//!
//! The functions in the middle are pure, and can be tried without a machine:
//!
//! ```
//! use osconf::account::{Salt, hash, shadow};
//! use osconf::conf::{self, Findings};
//! use osconf::text::Buf;
//! use osconf::value::HashKind;
//!
//! let mut findings = Findings::default();
//! let conf = conf::parse(b"password=YWJjMTIz\nhostname=iZ23r29djmjZ\n", &mut findings);
//! assert!(!findings.has_errors());
//!
//! let password = conf.password.value().expect("it is there").expose();
//! let salt = Salt::from_random(*b"sixteen at least");
//! let hash = hash(HashKind::Sha512, password, salt);
//!
//! let mut bytes = [0; 1024];
//! let mut out = Buf::new(&mut bytes);
//! let old = b"root:*:19000:0:99999:7:::\nbin:*:19000:0:99999:7:::\n";
//! shadow::edit(&mut out, old, hash.expose(), Some(20_778));
//! assert!(out.as_bytes().starts_with(b"root:$6$"));
//! assert!(out.as_bytes().ends_with(b":20778:0:99999:7:::\nbin:*:19000:0:99999:7:::\n"));
//! ```
//!
//! Beside this, [`partition`] reads what is written on disks, among which os.conf
//! is found, and [`install`] is what puts the program itself into a root.
//!
//! The rest is used by all: [`value`]s that are right once they exist, [`text`]
//! without a heap, [`limits`] in one list, [`error`]s that a message is made of.
//!
//! What the library never does: it has no heap, starts no process, and follows no
//! link out of the root that it configures.

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
pub mod agent;
pub mod change;
#[cfg(feature = "check")]
pub mod check;
pub mod cli;
pub mod conf;
pub mod error;
pub mod hostname;
pub mod hosts;
#[cfg(feature = "install")]
pub mod install;
pub mod limits;
pub mod log;
pub mod network;
pub mod part;
pub mod partition;
pub mod plan;
#[cfg(feature = "prepare")]
pub mod prepare;
pub mod record;
pub mod resolver;
mod run;
pub mod settings;
pub mod sys;
pub mod system;
pub mod text;
pub mod value;

pub use run::run;
