//! Disks: whatever is on them, the looking ends soon, and nothing is taken for a
//! file system or a table that has not its magic.
//!
//! An input writes onto one of several sound disks; checksums are mended behind it
//! if it says so, or else nothing would ever get beyond them.

use arbitrary::{Result, Unstructured};
use osconf::partition::{Kind, Scheme, file_system, partitions};

/// Blocks of 512 bytes on a disk: so many that the last place of a superblock is on
/// it, or, as most are, so few that it is made quickly.
const BLOCKS: [usize; 2] = [640, 140];
/// More reads than any sound disk needs: a table of 1,024 entries of 4 KiB.
const READS: u32 = 200_000;

/// A disk, and what is written on it.
pub fn law(data: &[u8]) {
    // An input that is too short is padded with zeros, so none is refused.
    if let Ok(disk) = disk(&mut Unstructured::new(data)) {
        look(&disk, 512);
        look(&disk, 4096);
    }
}

fn disk(input: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let base: u8 = input.arbitrary()?;
    let mut disk = vec![0; BLOCKS[usize::from(base & 0x60 != 0)] * 512];
    let is_mended = base & 0x80 == 0;
    match base % 6 {
        0 => ext(&mut disk),
        1 => fat(&mut disk),
        2 => ufs(&mut disk),
        3 => mbr(&mut disk),
        4 => gpt(&mut disk),
        _ => {}
    }
    for _ in 0..input.int_in_range(0..=24)? {
        // Most of it near where something is looked for.
        let place = [
            0,
            440,
            512,
            1024,
            1072,
            1116,
            8192,
            65_536,
            262_144,
            disk.len() - 512,
        ];
        let at = *input.choose(&place)? + usize::from(input.arbitrary::<u8>()?) * 2;
        let bytes: [u8; 4] = input.arbitrary()?;
        let len = input.int_in_range(1..=4)?;
        if let Some(there) = disk.get_mut(at..at + len) {
            there.copy_from_slice(&bytes[..len]);
        }
    }
    if is_mended {
        mend(&mut disk);
    }
    Ok(disk)
}

fn put(disk: &mut [u8], at: usize, bytes: &[u8]) {
    disk[at..at + bytes.len()].copy_from_slice(bytes);
}

fn number(disk: &[u8], at: usize, len: usize) -> u64 {
    let bytes = disk.get(at..at + len).unwrap_or_default();
    bytes
        .iter()
        .rev()
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn ext(disk: &mut [u8]) {
    put(disk, 1024 + 0x38, &[0x53, 0xef]);
    // has_journal; filetype and extents; metadata_csum.
    put(disk, 1024 + 0x5c, &[4, 0, 0, 0, 0x42, 0, 0, 0, 0, 4, 0, 0]);
    put(disk, 1024 + 0x68, b"0123456789abcdefroot");
}

fn fat(disk: &mut [u8]) {
    put(disk, 11, &[0, 2, 1, 2, 0, 1, 0, 0, 0, 0, 0xf8, 0, 0]);
    put(
        disk,
        32,
        &[0x80, 2, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0],
    );
    put(disk, 510, &[0x55, 0xaa]);
    put(disk, 10 * 512, b"BOOT       \x08");
}

fn ufs(disk: &mut [u8]) {
    put(disk, 65_536 + 1372, &0x1954_0119_u32.to_le_bytes());
    put(disk, 65_536 + 0x90, b"12345678");
    put(disk, 65_536 + 680, b"root");
}

fn mbr(disk: &mut [u8]) {
    put(disk, 440, b"\x01\x02\x03\x04");
    put(
        disk,
        446,
        &[0x80, 0, 0, 0, 0x83, 0, 0, 0, 8, 0, 0, 0, 8, 0, 0, 0],
    );
    put(
        disk,
        462,
        &[0, 0, 0, 0, 5, 0, 0, 0, 1, 0, 0, 0, 64, 0, 0, 0],
    );
    put(disk, 510, &[0x55, 0xaa]);
    // The first logical one leads back to itself.
    put(
        disk,
        512 + 446,
        &[0, 0, 0, 0, 0x83, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0],
    );
    put(
        disk,
        512 + 462,
        &[0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0],
    );
    put(disk, 512 + 510, &[0x55, 0xaa]);
}

fn gpt(disk: &mut [u8]) {
    put(
        disk,
        446,
        &[0, 0, 0, 0, 0xee, 0, 0, 0, 1, 0, 0, 0, 255, 255, 255, 255],
    );
    put(disk, 510, &[0x55, 0xaa]);
    put(disk, 512, b"EFI PART\0\0\x01\0\x5c\0\0\0");
    put(disk, 512 + 24, &1_u64.to_le_bytes());
    put(disk, 512 + 72, &2_u64.to_le_bytes());
    put(disk, 512 + 80, &[4, 0, 0, 0, 128, 0, 0, 0]);
    put(disk, 1024, b"kindkindkindkindguidguidguidguid");
    put(disk, 1056, &34_u64.to_le_bytes());
    put(disk, 1064, &600_u64.to_le_bytes());
    put(disk, 1080, b"r\0o\0o\0t\0");
}

/// The sum of CRC-32, or of CRC-32C, bit by bit.
fn crc(polynomial: u32, start: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(start, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            sum >> 1 ^ if sum & 1 == 1 { polynomial } else { 0 }
        })
    })
}

fn mend(disk: &mut [u8]) {
    if disk[512..].starts_with(b"EFI PART") {
        let (count, size) = (number(disk, 592, 4), number(disk, 596, 4));
        let start = number(disk, 584, 8).saturating_mul(512) as usize;
        let len = (count.saturating_mul(size) as usize).min(16 * 1024);
        if let Some(entries) = start.checked_add(len).and_then(|end| disk.get(start..end)) {
            let sum = !crc(0xedb8_8320, !0, entries);
            put(disk, 512 + 88, &sum.to_le_bytes());
        }
        put(disk, 512 + 16, &[0; 4]);
        let sum = !crc(0xedb8_8320, !0, &disk[512..512 + 92]);
        put(disk, 512 + 16, &sum.to_le_bytes());
    }
    if number(disk, 1024 + 0x38, 2) == 0xef53 {
        let sum = crc(0x82f6_3b78, !0, &disk[1024..1024 + 0x3fc]);
        put(disk, 1024 + 0x3fc, &sum.to_le_bytes());
    }
}

fn look(disk: &[u8], block: u64) {
    let mut reads = 0;
    let mut read = |at: u64, bytes: &mut [u8]| {
        reads += 1;
        assert!(reads < READS, "the looking does not end");
        let start = usize::try_from(at).ok();
        let end = start.and_then(|start| start.checked_add(bytes.len()));
        match start.zip(end).and_then(|(start, end)| disk.get(start..end)) {
            Some(there) => {
                bytes.copy_from_slice(there);
                true
            }
            None => false,
        }
    };
    if let Some(found) = file_system(&mut read) {
        let has_magic = match found.kind {
            Kind::Ext2 | Kind::Ext3 | Kind::Ext4 => number(disk, 1080, 2) == 0xef53,
            Kind::Fat12 | Kind::Fat16 | Kind::Fat32 => number(disk, 510, 2) == 0xaa55,
            Kind::Ufs1 => has_ufs(disk, 0x0001_1954),
            Kind::Ufs2 => has_ufs(disk, 0x1954_0119),
            Kind::Xfs => disk.starts_with(b"XFSB"),
            Kind::Btrfs => disk.get(0x10040..0x10048) == Some(b"_BHRfS_M"),
            Kind::Swap => disk.get(4086..4096) == Some(b"SWAPSPACE2"),
        };
        assert!(has_magic, "{found:?}");
        let is_digit = |byte: &u8| byte.is_ascii_hexdigit() || *byte == b'-';
        assert!(found.uuid.iter().all(is_digit), "{found:?}");
    }
    let mut numbers = Vec::new();
    let mut each = |entry: &osconf::partition::Entry| {
        numbers.push(entry.number);
        assert!(
            entry
                .uuid
                .iter()
                .all(|byte| byte.is_ascii_hexdigit() || *byte == b'-')
        );
        assert!(core::str::from_utf8(&entry.label).is_ok());
    };
    let scheme = partitions(&mut read, disk.len() as u64, block, &mut each);
    let has_gpt = |at: usize| {
        disk.get(at..)
            .is_some_and(|disk| disk.starts_with(b"EFI PART"))
    };
    let first = block as usize;
    match scheme {
        Scheme::Whole => assert!(numbers.is_empty()),
        Scheme::Mbr => assert_eq!(number(disk, 510, 2), 0xaa55),
        Scheme::Gpt => assert!(has_gpt(first) || has_gpt(disk.len() - first)),
    }
    assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
    assert!(numbers.len() <= 1024);
}

fn has_ufs(disk: &[u8], magic: u32) -> bool {
    [0, 8192, 65_536, 262_144].iter().any(|place| {
        let found = number(disk, place + 1372, 4) as u32;
        found == magic || found.swap_bytes() == magic
    })
}
