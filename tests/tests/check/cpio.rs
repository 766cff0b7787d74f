//! Archives of an initramfs, made for a case (the kernel's
//! Documentation/driver-api/early-userspace/buffer-format.rst).

use anyhow::{Result, bail};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Deserialize;
use std::io::Write;

/// One file that the boot loader hands to the kernel.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Archive {
    /// The names in it.
    names: Vec<String>,
    /// Whether an archive with microcode comes first.
    microcode: bool,
    /// How it is packed: not at all, by gzip, or by something of which only the first
    /// bytes are real.
    packed: String,
    /// How many bytes are there; the rest is cut off.
    cut: Option<usize>,
    /// So many zeros follow within.
    zeros: usize,
}

impl Archive {
    /// Its bytes.
    pub fn bytes(&self) -> Result<Vec<u8>> {
        let mut plain = Vec::new();
        for name in &self.names {
            plain.extend(entry(name, b"content"));
        }
        plain.extend(entry("TRAILER!!!", b""));
        plain.resize(plain.len() + self.zeros, 0);
        let packed = match self.packed.as_str() {
            "" => plain,
            "gzip" => {
                let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
                gzip.write_all(&plain)?;
                gzip.finish()?
            }
            "zstd" => [b"\x28\xb5\x2f\xfd".as_slice(), &plain].concat(),
            "xz" => [b"\xfd7zXZ\0".as_slice(), &plain].concat(),
            "lz4" => [b"\x02\x21\x4c\x18".as_slice(), &plain].concat(),
            "junk" => [b"junk".as_slice(), &plain].concat(),
            other => bail!("packed by {other}?"),
        };
        let mut bytes = Vec::new();
        if self.microcode {
            bytes.extend(entry("kernel/x86/microcode/GenuineIntel.bin", &[7; 2000]));
            bytes.extend(entry("TRAILER!!!", b""));
            bytes.resize(bytes.len().next_multiple_of(512), 0);
        }
        bytes.extend(packed);
        bytes.truncate(self.cut.unwrap_or(bytes.len()));
        Ok(bytes)
    }
}

/// One file in the format `newc`.
fn entry(name: &str, content: &[u8]) -> Vec<u8> {
    let mut bytes = b"070701".to_vec();
    for number in [
        1,
        0o100_644,
        0,
        0,
        1,
        0,
        content.len(),
        0,
        0,
        0,
        0,
        name.len() + 1,
        0,
    ] {
        bytes.extend(format!("{number:08x}").bytes());
    }
    bytes.extend(name.bytes());
    bytes.push(0);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes.extend(content);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}
