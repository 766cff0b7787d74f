//! Holds what the fuzzer makes against the laws of `src/editors.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| osconf_fuzz::run("editors", data));
