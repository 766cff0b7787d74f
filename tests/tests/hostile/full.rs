//! A file system that is full: of the last kibibytes and inodes each is taken away in
//! its turn, on real file systems of their own. What is said to be done is done, all
//! else is as it was, and the next run does the rest when there is room.

use crate::judge::{self, Problems, Wrong};
use crate::machine::{ALL, CONF, Machine, base, conf, harmless, normal};
use crate::rig::{disk, run, text};
use crate::tree::Tree;
use crate::values::FIRST;
use anyhow::{Result, bail};
use libtest_mimic::Trial;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Each with blocks of a kibibyte, and none of them kept for root.
const SYSTEMS: [&str; 2] = ["ext2", "ext4"];
/// As much is left at most: enough for all.
const KIBIBYTES: u64 = 48;
const INODES: u64 = 24;
/// What takes up all the room, below the folder that everything of it lies in.
const FILLER: &str = "var/filler";

/// One test for each kind of file system, and of room.
pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for system in SYSTEMS {
        for (name, most, is_inodes) in [("kibibytes", KIBIBYTES, false), ("inodes", INODES, true)] {
            let case = move || all(system, most, is_inodes);
            trials.push(crate::trial(format!("full/{system}/{name}"), case));
        }
    }
    trials
}

/// Every number of them that may be left.
fn all(system: &str, most: u64, is_inodes: bool) -> Result<Vec<String>> {
    let mut said = Vec::new();
    let mut least = ALL;
    for left in 0..=most {
        let (done, problems) = one(system, left, is_inodes)?;
        let texts = judge::count(&problems).into_iter();
        said.extend(texts.map(|text| format!("{left} left: {text}")));
        least = least.min(done);
        if left == most && done != ALL {
            said.push(format!("{left} left: not even then all is done"));
        }
    }
    if least == ALL {
        said.push("it was never full".into());
    }
    Ok(said)
}

/// An image that is mounted at a machine's root.
struct Mounted {
    root: PathBuf,
    image: PathBuf,
}

impl Mounted {
    fn new(system: &str, root: &Path) -> Result<Self> {
        let name = root.to_string_lossy().replace('/', "-");
        let image = disk().with_file_name("ram").join(format!("full{name}"));
        File::create(&image)?.set_len(2 << 20)?;
        let options = ["-q", "-t", system, "-b", "1024", "-m", "0", "-N", "256"];
        run("mke2fs", &[&options[..], &[&text(&image)]].concat())?;
        run("mount", &["-o", "loop", &text(&image), &text(root)])?;
        fs::remove_dir(root.join("lost+found"))?;
        Ok(Self {
            root: root.to_owned(),
            image,
        })
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // A program that another thread starts has our open files for a moment.
        let mut tries = 0..500;
        while run("umount", &[&text(&self.root)]).is_err() && tries.next().is_some() {
            std::thread::sleep(core::time::Duration::from_millis(10));
        }
        let _ = fs::remove_file(&self.image);
    }
}

/// Takes all blocks but so many.
fn fill_blocks(folder: &Path, left: u64) -> Result<()> {
    let mut file = File::create(folder.join("blocks"))?;
    let mut size: u64 = 0;
    loop {
        match file.write(&[b'x'; 1024]) {
            Ok(count) => size += count as u64,
            Err(error) if error.kind() == ErrorKind::StorageFull => break,
            Err(error) => bail!("filling: {error}"),
        }
    }
    file.sync_all()?;
    Ok(file.set_len(size.saturating_sub(left * 1024))?)
}

/// Takes all inodes but so many.
fn fill_inodes(folder: &Path, left: u64) -> Result<()> {
    for number in 0_u64.. {
        match File::create(folder.join(number.to_string())) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::StorageFull => {
                for number in number.saturating_sub(left)..number {
                    fs::remove_file(folder.join(number.to_string()))?;
                }
                return Ok(());
            }
            Err(error) => bail!("filling: {error}"),
        }
    }
    Ok(())
}

fn one(system: &str, left: u64, is_inodes: bool) -> Result<(u8, Problems)> {
    let machine = Machine::new(FIRST, &Tree::new())?;
    let mounted = Mounted::new(system, &machine.root)?;
    machine.put(&base(FIRST)?)?;
    machine.put_conf(&conf(ALL, None))?;
    let filler = machine.root.join(FILLER);
    fs::create_dir_all(&filler)?;
    match is_inodes {
        true => fill_inodes(&filler, left)?,
        false => fill_blocks(&filler, left)?,
    }
    let before = machine.tree()?;

    let run = machine.run("apply")?;
    let after = machine.tree()?;
    let done = judge::done(&run.error);
    let mut problems = judge::output(&run, &[&after], &[]);
    let is_there = after.contains_key(CONF);
    if (done == ALL) != (run.code == Some(0)) || (done == ALL) == is_there {
        let text = format!(
            "{:?}, os.conf is there: {is_there}: {}",
            run.code, run.error
        );
        problems.push((Wrong::Lost, text));
    }
    let is_filler = |path: &str| path.starts_with("var");
    // A copy is kept before it is known whether all others can be.
    let is_extra = |path: &str| is_filler(path) || path.starts_with("etc/osconf/replaced/");
    problems.extend(judge::trees(
        &*harmless(FIRST, done)?,
        &normal(&after),
        &is_extra,
    ));
    problems.extend(judge::exposed(&before, &after));
    problems.extend(judge::stripped(&after, done, &run.error));

    fs::remove_dir_all(&filler)?;
    let run = machine.run("apply")?;
    let after = machine.tree()?;
    if run.code != Some(0) || after.contains_key(CONF) {
        let text = format!("{:?} when there is room: {}", run.code, run.error);
        problems.push((Wrong::Lost, text));
    }
    problems.extend(judge::trees(
        &*harmless(FIRST, ALL)?,
        &normal(&after),
        &is_extra,
    ));
    problems.extend(judge::left_over(&before, &after));
    drop(mounted);
    machine.remove()?;
    Ok((done, problems))
}
