//! Nothing: cargo wants a library in a package, and the rigs of these tests lie
//! beside the tests that they serve.
