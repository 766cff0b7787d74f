//! Rigs that the tests share.
