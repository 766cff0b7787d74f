//! The account of root: where its password lies, and how it is hashed.
