//! The binary: where the C start files enter, and nothing that could be tested.

#![no_std]
#![no_main]

#[path = "sys/start.rs"]
mod start;
