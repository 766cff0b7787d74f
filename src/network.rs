//! Network configuration: one file per format, and the running kernel.
