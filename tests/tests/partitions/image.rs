//! Images made by mke2fs(8), mkfs.vfat(8), makefs(8) and sfdisk(8), and what the
//! tools of util-linux tell about them.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// Numbers that look like chance and are the same each time (xorshift64*).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        random.below(2);
        random
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(high).unwrap_or_default() % end
    }

    fn of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len())]
    }

    fn uuid(&mut self) -> String {
        let hex: Vec<String> = [8, 4, 4, 4, 12]
            .map(|len| (0..len).map(|_| format!("{:x}", self.below(16))).collect())
            .to_vec();
        hex.join("-")
    }
}

/// The seed of image `number`.
pub(crate) fn seed(number: u64) -> u64 {
    let from = |name| {
        std::env::var(name)
            .ok()
            .map(|text| text.parse::<u64>().unwrap())
    };
    let first = from("OSCONF_SEED").or_else(|| from("OSCONF_ROUND").map(|round| round * 10_000));
    first.unwrap_or(1) + number
}

/// A disk in a file.
pub(crate) struct Image {
    file: tempfile::NamedTempFile,
    /// The command that made it.
    pub(crate) made_by: String,
}

impl Image {
    fn new(mebibytes: u64) -> Self {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(mebibytes << 20).unwrap();
        Self {
            file,
            made_by: String::new(),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.file.path()
    }

    fn run(&mut self, program: &str, arguments: &[String], input: &str) {
        self.made_by = format!("{program} {} <<< {input:?}", arguments.join(" "));
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{program}: {error}"));
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(input.as_bytes()).unwrap();
        drop(stdin);
        let output = child.wait_with_output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {error}", self.made_by);
    }

    /// With a file system that fills it.
    pub(crate) fn file_system(random: &mut Random) -> Self {
        match random.below(8) {
            0..4 => Self::ext(random),
            4..7 => Self::fat(random),
            _ => Self::ufs(random),
        }
    }

    fn ext(random: &mut Random) -> Self {
        let mut image = Self::new([4, 16, 64][random.below(3)]);
        let mut arguments = vec!["-q".to_owned(), "-F".into()];
        let mut add = |words: &[&str]| arguments.extend(words.iter().map(|&word| word.to_owned()));
        add(&["-t", random.of(&["ext2", "ext3", "ext4"])]);
        add(&["-b", random.of(&["1024", "2048", "4096"])]);
        if random.below(2) == 0 {
            add(&[
                "-L",
                random.of(&["root", "sixteen-letters-", "a b", "\u{e4}\u{f6}", "x "]),
            ]);
        }
        if random.below(3) == 0 {
            add(&[
                "-O",
                random.of(&[
                    "^metadata_csum",
                    "^64bit",
                    "^has_journal",
                    "^extent,^64bit",
                    "meta_bg,^resize_inode",
                ]),
            ]);
        }
        if random.below(8) == 0 {
            add(&["-r", "0"]);
        }
        add(&["-U", &random.uuid()]);
        arguments.push(image.path().display().to_string());
        image.run("mke2fs", &arguments, "");
        image
    }

    fn fat(random: &mut Random) -> Self {
        let (bits, mebibytes) = [("12", 4), ("16", 32), ("32", 64), ("32", 300)][random.below(4)];
        let mut image = Self::new(mebibytes);
        let mut arguments = vec!["-F".to_owned(), bits.into()];
        if random.below(2) == 0 {
            let label = random.of(&["ESP", "ELEVENCHARS", "A B", "NO NAME"]);
            arguments.extend(["-n".to_owned(), label.into()]);
        }
        if random.below(2) == 0 {
            arguments.extend(["-i".to_owned(), format!("{:08x}", random.below(1 << 31))]);
        }
        if random.below(3) == 0 {
            arguments.extend(["-S".to_owned(), random.of(&["512", "1024"]).into()]);
        }
        arguments.push(image.path().display().to_string());
        image.run("mkfs.vfat", &arguments, "");
        image
    }

    fn ufs(random: &mut Random) -> Self {
        let mut image = Self::new(1);
        let folder = tempfile::tempdir().unwrap();
        File::create(folder.path().join("file")).unwrap();
        let version = 1 + random.below(2);
        let options = format!("version={version}");
        let arguments = [
            "-t",
            "ffs",
            "-B",
            random.of(&["le", "be"]),
            "-o",
            &options,
            "-s",
            "8m",
            &image.path().display().to_string(),
            &folder.path().display().to_string(),
        ]
        .map(str::to_owned);
        image.run("makefs", &arguments, "");
        if version == 2 && random.below(2) == 0 {
            // tunefs(8) of FreeBSD, which writes the label, is not to be had: it lies
            // here in the superblock (sys/ufs/ffs/fs.h).
            let label = random.of(&["root", "thirty-two-letters-are-in-here-x"]);
            let file = File::options().write(true).open(image.path()).unwrap();
            file.write_all_at(label.as_bytes(), 65_536 + 680).unwrap();
        }
        image
    }

    /// With a partition table, and nothing in the partitions.
    pub(crate) fn partitions(random: &mut Random) -> Self {
        let mut image = Self::new(32);
        let count = 1 + random.below(4);
        let is_gpt = random.below(2) == 0;
        let mut script = String::from(if is_gpt {
            "label: gpt\n"
        } else {
            "label: dos\n"
        });
        if is_gpt {
            script += &format!("label-id: {}\n", random.uuid());
            for number in 0..count {
                let number = number * (1 + random.below(3)) + 1;
                let name = random.of(&["boot", "root", "", "\u{e4}\u{20ac}", "a b"]);
                script += &format!(
                    "{number}: size={}M, type={}, uuid={}, name=\"{name}\"\n",
                    1 + random.below(4),
                    random.of(&["L", "U"]),
                    random.uuid()
                );
            }
        } else {
            script += &format!("label-id: 0x{:08x}\n", 1 + random.below(1 << 31));
            for _ in 0..count.min(3) {
                script += &format!(
                    "size={}M, type={}\n",
                    1 + random.below(4),
                    random.of(&["83", "ef", "c"])
                );
            }
            if random.below(2) == 0 {
                script += &format!("size=12M, type={}\n", random.of(&["5", "f", "85"]));
                for _ in 0..=random.below(3) {
                    script += "size=2M, type=83\n";
                }
            }
        }
        let path = image.path().display().to_string();
        image.run("sfdisk", &["-q".into(), path], &deduplicated(&script));
        image
    }
}

/// Without a second line for the same partition number.
fn deduplicated(script: &str) -> String {
    let mut seen = Vec::new();
    let is_new = |line: &&str| {
        let number = line
            .split_once(": size")
            .map(|(number, _)| number.to_owned());
        let is_new = number.as_ref().is_none_or(|number| !seen.contains(number));
        seen.extend(number);
        is_new
    };
    let lines: Vec<&str> = script.lines().filter(is_new).collect();
    lines.join("\n") + "\n"
}

fn answer(program: &str, arguments: &[&str], path: &Path) -> String {
    let output = Command::new(program)
        .args(arguments)
        .arg(path)
        .env("LC_ALL", "C.UTF-8")
        .output();
    String::from_utf8(output.unwrap().stdout).unwrap()
}

/// Type, UUID and label, as blkid tells them.
pub(crate) fn blkid(path: &Path) -> Option<(String, String, String)> {
    let value = |name: &str| {
        let text = answer("blkid", &["-p", "-o", "value", "-s", name], path);
        text.trim_end_matches('\n').to_owned()
    };
    let kind = value("TYPE");
    (!kind.is_empty()).then(|| (kind, value("UUID"), value("LABEL")))
}

/// Number, start, bytes, PARTUUID and PARTLABEL of each partition, as partx tells
/// them. Those of an extended partition are told; blocks have 512 bytes.
pub(crate) fn partx(path: &Path) -> Vec<String> {
    let arguments = [
        "--bytes",
        "--noheadings",
        "--pairs",
        "-o",
        "NR,START,SECTORS,UUID,NAME",
    ];
    let text = answer("partx", &arguments, path);
    let line = |line: &str| {
        let field = |name: &str| {
            let start = line.find(&format!("{name}=\"")).unwrap() + name.len() + 2;
            plain(line[start..].split('"').next().unwrap())
        };
        let blocks = |name: &str| field(name).parse::<u64>().unwrap() * 512;
        format!(
            "{} {} {} {} {}",
            field("NR"),
            blocks("START"),
            blocks("SECTORS"),
            field("UUID"),
            field("NAME")
        )
    };
    text.lines().map(line).collect()
}

/// Without the `\xNN` that bytes are shown as which are no ASCII.
fn plain(text: &str) -> String {
    let mut pieces = text.split("\\x");
    let mut bytes = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        bytes.push(u8::from_str_radix(&piece[..2], 16).unwrap());
        bytes.extend(&piece.as_bytes()[2..]);
    }
    String::from_utf8(bytes).unwrap()
}
