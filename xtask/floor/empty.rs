//! Nothing: what starting and ending a static program costs.

#![no_std]
#![no_main]

mod start;

/// What the C start files call.
#[unsafe(no_mangle)]
extern "C" fn main() -> i32 {
    0
}
