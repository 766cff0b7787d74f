//! Holds what the fuzzer makes against the laws of `src/network.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| osconf_fuzz::run("network", data));
