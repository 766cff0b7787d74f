//! `osconf check`: whether an image is fit for ECS.
//!
//! Alibaba's `image_check` is closed, runs on x86_64 only, and is not meant for
//! images of the type "Customized Linux"; the check on their side leaves these out
//! as well. Its 16 items are known by their names and by a page about them
//! (`image-compliance-tool.md` of Alibaba's ECS documents, 2019); what each looks at
//! is said there in a sentence or two. Here each is judged by what it is for,
//! from files and from what the kernel tells, never from a program's output.
//!
//! An [`Item`] is a row of a table: a name, the text about it, and a function that
//! [`Look`]s at the root and notes what it found, by a number. The table says
//! what each number comes to, and what mends it.

mod accounts;
mod boot;
mod contract;
mod drivers;
mod files;
mod initramfs;
mod look;
mod network;
mod norm;
pub mod report;
mod services;
mod size;
mod ssh;

#[cfg(feature = "prepare")]
pub(crate) use network::each_firewall;
#[cfg(feature = "prepare")]
pub(crate) use ssh::key_and_value as ssh_option;

pub use look::{Disk, Look, Mounted, Seen, Unseen, each_file};

pub use crate::settings::Group;

use crate::text::Buf;

/// Bytes of what is said about one item. What does not fit ends with dots.
pub const EVIDENCE_BYTES: usize = 1024;

/// What an item comes to, the worst last.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// It could not be judged. In the totals that is a warning.
    Unknown,
    /// An instance starts, but ECS, or its owner, cannot do with it as they should.
    Warning,
    /// An instance does not start, or is not to be got at.
    Failed,
}

/// One thing that an item may find.
pub struct Case {
    /// What it comes to.
    pub verdict: Verdict,
    /// What mends it, with the command.
    pub remedy: &'static str,
}

/// One thing that is checked.
pub struct Item {
    /// The list.
    pub group: Group,
    /// By what its codes begin; never used again for another item.
    pub number: u16,
    /// As `image_check` calls it.
    pub name: &'static str,
    /// What is wanted, and why.
    pub comment: &'static str,
    /// What it may find: the first has the number 1.
    pub cases: &'static [Case],
    /// Looks, and notes what it finds.
    pub judge: fn(&dyn Look, &mut Finding<'_>),
}

/// What helps where something was hidden: a file, or the disk.
const AS_ROOT: &str = "run the check as root";
const ON_IMAGE: &str = "run the check as root, or on the image: osconf check --image FILE";

/// The number of the case that any item may come to: what decides it was hidden.
const BLIND: u8 = 99;

static BLIND_CASE: Case = unknown(ON_IMAGE);

impl Item {
    fn case(&self, number: u8) -> Option<&'static Case> {
        match number {
            BLIND => Some(&BLIND_CASE),
            _ => self.cases.get(usize::from(number).checked_sub(1)?),
        }
    }
}

/// Shorthand for the tables.
const fn warning(remedy: &'static str) -> Case {
    Case {
        verdict: Verdict::Warning,
        remedy,
    }
}

const fn failed(remedy: &'static str) -> Case {
    Case {
        verdict: Verdict::Failed,
        remedy,
    }
}

const fn unknown(remedy: &'static str) -> Case {
    Case {
        verdict: Verdict::Unknown,
        remedy,
    }
}

/// All items; those of `image_check` in its order.
pub const ITEMS: &[&Item] = &[
    &drivers::VIRTIO,
    &accounts::SHADOW,
    &files::SELINUX,
    &files::GUEST_AGENT,
    &network::MANAGER,
    &ssh::SERVER,
    &network::FIREWALL,
    &size::FILE_SYSTEM,
    &boot::DEVICE_IDS,
    &accounts::ROOT,
    &accounts::PASSWD,
    &size::PARTITION_TABLE,
    &files::LIBRARIES,
    &size::DISK,
    &size::BLOCKS_USED,
    &size::INODES_USED,
    &contract::PARTITION,
    &contract::FOLDER,
    &contract::AGENT,
    &contract::DEFAULT_PASSWORD,
    &contract::HOST_KEYS,
    &contract::AUTHORIZED_KEYS,
    &contract::MACHINE_ID,
    &contract::LOGS,
    &contract::LEFT_OVERS,
    &contract::TWO_AGENTS,
    &drivers::NVME,
    &norm::FSTAB,
    &norm::LOADER,
    &norm::ROOT_LAST,
    &norm::SWAP,
    &norm::LVM,
    &norm::BOOT_MODE,
    &norm::FIRMWARE,
    &norm::CLOCK,
    &norm::TIME,
    &norm::CONSOLE,
    &norm::ASSISTANT,
    &norm::SECURITY,
];

/// What one item came to.
#[derive(Clone, Copy)]
pub struct Outcome<'e> {
    /// The item.
    pub item: &'static Item,
    /// The number of its worst case; 0, if all is well.
    pub case: u8,
    /// What was seen, where: a sentence, or several with `; ` between.
    pub evidence: &'e [u8],
}

impl Outcome<'_> {
    /// What the item comes to.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let case = self.item.case(self.case);
        case.map_or(Verdict::Ok, |case| case.verdict)
    }

    /// What mends the worst of it.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        self.item.case(self.case).map_or("", |case| case.remedy)
    }

    /// The code, which stays the same for ever; 0 is OK.
    #[must_use]
    pub fn code(&self) -> u16 {
        match self.case {
            0 => 0,
            case => self.item.number * 100 + u16::from(case),
        }
    }
}

/// What an item notes while it looks: the worst of it, and the evidence for all.
pub struct Finding<'a> {
    item: &'static Item,
    case: u8,
    evidence: Buf<'a>,
}

impl<'a> Finding<'a> {
    /// Nothing found yet.
    #[must_use]
    pub fn new(item: &'static Item, space: &'a mut [u8]) -> Self {
        Self {
            item,
            case: 0,
            evidence: Buf::new(space),
        }
    }

    /// What it comes to.
    #[must_use]
    pub fn outcome(&self) -> Outcome<'_> {
        Outcome {
            item: self.item,
            case: self.case,
            evidence: self.evidence.as_bytes(),
        }
    }

    /// Notes that something was hidden that may have decided otherwise.
    pub fn blind(&mut self) {
        self.evidence.clear();
        self.case = BLIND;
        self.evidence
            .push(b"not all of what decides it can be looked at");
    }

    /// What it came to, when all is noted.
    #[must_use]
    pub fn end(mut self) -> Outcome<'a> {
        self.evidence.end_message();
        Outcome {
            item: self.item,
            case: self.case,
            evidence: self.evidence.into_bytes().trim_ascii_end(),
        }
    }

    /// Whether nothing was noted yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.evidence.is_empty()
    }

    /// Notes that the case of this number is so. 0 is good news.
    #[inline(never)]
    pub fn note(&mut self, case: u8, write: &dyn Fn(&mut Buf<'_>)) {
        let verdict = self
            .item
            .case(case)
            .map_or(Verdict::Ok, |case| case.verdict);
        let worst = self.outcome().verdict();
        // What is well need not be told beside what is not.
        if verdict == Verdict::Ok && worst != Verdict::Ok {
            return;
        }
        if verdict > worst {
            if worst == Verdict::Ok {
                self.evidence.clear();
            }
            self.case = case;
        }
        if !self.evidence.is_empty() {
            self.evidence.push(b"; ");
        }
        write(&mut self.evidence);
    }

    /// The same for what is in pieces.
    #[inline(never)]
    pub fn say(&mut self, case: u8, pieces: &[&[u8]]) {
        self.note(case, &|out| pieces.iter().for_each(|piece| out.push(piece)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_sixteen_are_those_of_image_check() {
        let names: Vec<_> = ITEMS
            .iter()
            .filter(|item| item.group == Group::Image)
            .map(|item| item.name)
            .collect();
        assert_eq!(
            names,
            [
                "driver",
                "shadow file authority",
                "security",
                "qemu-ga",
                "network",
                "ssh",
                "firewall",
                "filesystem",
                "device id",
                "root account",
                "password",
                "partition table",
                "lib",
                "disk size",
                "disk use rate",
                "inode use rate"
            ]
        );
    }

    #[test]
    fn no_two_items_have_a_number() {
        for (index, item) in ITEMS.iter().enumerate() {
            assert!(item.number > 0 && item.cases.len() < 100);
            assert!(
                ITEMS[..index]
                    .iter()
                    .all(|other| other.number != item.number)
            );
        }
    }

    #[test]
    fn the_worst_counts_and_all_of_it_is_told() {
        static ITEM: Item = Item {
            group: Group::Image,
            number: 7,
            name: "x",
            comment: "",
            cases: &[warning("w"), failed("f"), unknown("u")],
            judge: |_, _| {},
        };
        let mut space = [0; 64];
        let mut finding = Finding::new(&ITEM, &mut space);
        assert_eq!(finding.outcome().verdict(), Verdict::Ok);
        finding.say(0, &[b"well"]);
        finding.say(3, &[b"dark"]);
        finding.say(1, &[b"odd"]);
        finding.say(2, &[b"bad"]);
        finding.say(0, &[b"fine"]);
        finding.say(1, &[b"odd too"]);
        let outcome = finding.outcome();
        assert_eq!(outcome.verdict(), Verdict::Failed);
        assert_eq!(outcome.evidence, b"dark; odd; bad; odd too");
        assert_eq!((outcome.remedy(), outcome.code()), ("f", 702));
    }
}
