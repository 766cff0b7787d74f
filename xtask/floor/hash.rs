//! One SHA-512-crypt hash by the product's own code, and nothing else.

#![no_std]
#![no_main]

mod start;

use osconf::account::{Salt, hash};
use osconf::value::HashKind;

/// What the C start files call.
#[unsafe(no_mangle)]
extern "C" fn main() -> i32 {
    let hash = hash(HashKind::Sha512, b"qwer1234", Salt::from_random([7; 16]));
    // So that it must be made.
    i32::from(hash.expose().last() == Some(&0))
}
