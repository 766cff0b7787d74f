//! Holds what the fuzzer makes against the laws of `src/disks.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| osconf_fuzz::run("disks", data));
