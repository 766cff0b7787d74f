//! Disks made at random by the real programs, told by osconf as blkid(8) and
//! partx(8) tell them; and disks that are broken, of which nothing is told.
//!
//! `OSCONF_SEED` names the first disk, and `OSCONF_ROUND` takes others; a failure
//! prints its own.

mod image;

use image::{Image, Random, blkid, partx, seed};
use osconf::partition::{self, ReadAt, Scheme};
use std::fs::{self, File};
use std::os::unix::fs::FileExt;

/// What there is to tell about a file system: type, UUID and label.
type Told = Option<(String, String, String)>;

fn told(read: &mut ReadAt<'_>) -> Told {
    let found = partition::file_system(read)?;
    let label = String::from_utf8_lossy(&found.label).into_owned();
    let uuid = String::from_utf8_lossy(&found.uuid).into_owned();
    Some((found.kind.name().to_owned(), uuid, label))
}

fn reader(bytes: &[u8]) -> impl FnMut(u64, &mut [u8]) -> bool {
    move |offset, into| {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let end = start.saturating_add(into.len());
        bytes.get(start..end).is_some_and(|from| {
            into.copy_from_slice(from);
            true
        })
    }
}

fn reader_of(image: &Image) -> impl FnMut(u64, &mut [u8]) -> bool {
    let file = File::open(image.path()).unwrap();
    move |offset, into| file.read_exact_at(into, offset).is_ok()
}

/// Each partition: number, start, bytes, PARTUUID and PARTLABEL.
fn divided(read: &mut ReadAt<'_>, size: usize, block: u64) -> (Scheme, Vec<String>) {
    let mut all = Vec::new();
    let scheme = partition::partitions(read, size as u64, block, &mut |entry| {
        all.push(format!(
            "{} {} {} {} {}",
            entry.number,
            entry.start,
            entry.len,
            String::from_utf8_lossy(&entry.uuid),
            String::from_utf8_lossy(&entry.label)
        ));
    });
    (scheme, all)
}

#[test]
fn file_systems_of_the_real_programs_are_told_as_blkid_tells_them() {
    for number in 0..120 {
        let seed = seed(number);
        let image = Image::file_system(&mut Random::new(seed));
        assert_eq!(
            told(&mut reader_of(&image)),
            blkid(image.path()),
            "OSCONF_SEED={seed}: {}",
            image.made_by
        );
    }
}

#[test]
fn partition_tables_of_the_real_program_are_told_as_partx_tells_them() {
    for number in 0..40 {
        let seed = seed(number);
        let image = Image::partitions(&mut Random::new(seed));
        let bytes = fs::read(image.path()).unwrap();
        let (scheme, found) = divided(&mut reader(&bytes), bytes.len(), 512);
        assert_ne!(scheme, Scheme::Whole);
        assert_eq!(
            found,
            partx(image.path()),
            "OSCONF_SEED={seed}: {}",
            image.made_by
        );
        if scheme == Scheme::Gpt {
            // The first copy is lost, the second one is at the end.
            let mut broken = bytes.clone();
            broken[512..1024].fill(0);
            assert_eq!(
                divided(&mut reader(&broken), broken.len(), 512),
                (scheme, found),
                "OSCONF_SEED={seed}"
            );
            // Of a table whose sum is wrong nothing is told.
            broken[1024 + 40] ^= 1;
            let end = broken.len() - 512;
            broken[end + 40] ^= 1;
            assert_eq!(
                divided(&mut reader(&broken), broken.len(), 512).1.len(),
                1,
                "the protective one"
            );
        }
    }
}

#[test]
fn a_file_system_on_a_whole_disk_is_no_partition_table() {
    for number in 0..30 {
        let seed = seed(number);
        let image = Image::file_system(&mut Random::new(seed));
        let (scheme, found) = divided(&mut reader_of(&image), 64 << 20, 512);
        assert_eq!(
            (scheme, found.len()),
            (Scheme::Whole, 0),
            "OSCONF_SEED={seed}: {}",
            image.made_by
        );
    }
}

/// Nothing that is read may panic or go on for ever; an ext4 with sums, and a GPT,
/// must not be believed with a wrong byte in what the sum covers.
#[test]
fn broken_disks_are_told_as_nothing_and_never_crash() {
    for number in 0..24 {
        let seed = seed(number);
        let mut random = Random::new(seed);
        let image = if number % 2 == 0 {
            Image::file_system(&mut random)
        } else {
            Image::partitions(&mut random)
        };
        let bytes = fs::read(image.path()).unwrap();
        let head = bytes.len().min(300 * 1024);
        for _ in 0..100 {
            let mut broken = bytes[..head].to_vec();
            for _ in 0..=random.below(4) {
                let at = random.below(2048.min(broken.len()));
                broken[at] = random.below(256) as u8;
            }
            let len = random.below(broken.len());
            if random.below(2) == 0 {
                broken.truncate(len);
            }
            drop(told(&mut reader(&broken)));
            drop(divided(&mut reader(&broken), broken.len(), 512));
            drop(divided(&mut reader(&broken), broken.len(), 4096));
        }
        let noise: Vec<u8> = (0..70_000).map(|_| random.below(256) as u8).collect();
        assert_eq!(told(&mut reader(&noise)), None, "OSCONF_SEED={seed}");
        assert_eq!(
            divided(&mut reader(&noise), noise.len(), 512).1.len(),
            0,
            "OSCONF_SEED={seed}"
        );
    }
}

/// A superblock that is not there as a whole is none.
#[test]
fn the_first_bytes_alone_are_told_as_nothing() {
    for number in 0..24 {
        let image = Image::file_system(&mut Random::new(seed(number)));
        for len in [0, 1, 511, 1024, 2047] {
            let mut bytes = vec![0; len];
            File::open(image.path())
                .and_then(|file| file.read_exact_at(&mut bytes, 0))
                .unwrap();
            // What FAT needs is in its first 512 bytes; the label is further on.
            let found = told(&mut reader(&bytes));
            assert!(found.is_none_or(|(kind, _, label)| kind == "vfat" && label.is_empty()));
        }
    }
}
