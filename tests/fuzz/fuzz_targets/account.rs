//! Holds what the fuzzer makes against the laws of `src/account.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| osconf_fuzz::run("account", data));
