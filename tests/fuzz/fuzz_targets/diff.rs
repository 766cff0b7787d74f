//! Holds what the fuzzer makes against the laws of `src/diff.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| osconf_fuzz::run("diff", data));
