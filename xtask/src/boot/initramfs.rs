//! Packs the recipe of `targets/initramfs/cpio`, as its comment tells a user to.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::parts::Parts;
use crate::util;

/// A cpio archive in the "newc" form, the one that the kernel unpacks.
#[derive(Default)]
struct Cpio {
    bytes: Vec<u8>,
    inode: u32,
}

const FOLDER: u32 = 0o040_755;
const PROGRAM: u32 = 0o100_755;
const DATA: u32 = 0o100_644;

impl Cpio {
    fn add(&mut self, name: &str, mode: u32, data: &[u8]) -> Result<()> {
        self.inode += 1;
        let size = u32::try_from(data.len())
            .with_context(|| format!("{name} is too big for a cpio archive"))?;
        let length = u32::try_from(name.len() + 1)?;
        // inode, mode, owner, group, links, time, size, four device numbers, length of the name, checksum
        let fields = [self.inode, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, length, 0];
        self.bytes.extend_from_slice(b"070701");
        for field in fields {
            self.bytes
                .extend_from_slice(format!("{field:08X}").as_bytes());
        }
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend_from_slice(data);
        self.pad();
        Ok(())
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }

    fn finish(mut self) -> Result<Vec<u8>> {
        self.add("TRAILER!!!", 0, &[])?;
        Ok(self.bytes)
    }
}

/// The initramfs, with osconf in it where one is given.
pub(crate) fn pack(parts: &Parts, osconf: Option<&Path>) -> Result<Vec<u8>> {
    let recipe = util::root().join("targets/initramfs/cpio");
    let read =
        |path: &Path| fs::read(path).with_context(|| format!("cannot read {}", path.display()));
    let mut cpio = Cpio::default();
    cpio.add("init", PROGRAM, &read(&recipe.join("init"))?)?;
    cpio.add("bin", FOLDER, &[])?;
    cpio.add("bin/busybox", PROGRAM, &read(&parts.busybox)?)?;
    if let Some(osconf) = osconf {
        cpio.add("bin/osconf", PROGRAM, &read(osconf)?)?;
    }
    cpio.add("modules", FOLDER, &[])?;
    cpio.add("modules/order", DATA, &read(&recipe.join("modules"))?)?;
    for module in fs::read_dir(&parts.modules)? {
        let path = module?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        cpio.add(&format!("modules/{name}"), DATA, &read(&path)?)?;
    }
    cpio.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_header_and_every_file_begins_at_a_multiple_of_four() -> Result<()> {
        let mut cpio = Cpio::default();
        cpio.add("a", DATA, b"12345")?;
        let bytes = cpio.finish()?;
        let header = 110;
        assert_eq!(bytes.get(..6), Some(&b"070701"[..]));
        assert_eq!(bytes.get(header..header + 7), Some(&b"a\x0012345"[..]));
        assert_eq!(bytes.get(header + 10..header + 16), Some(&b"070701"[..]));
        assert_eq!(bytes.len() % 4, 0);
        Ok(())
    }
}
