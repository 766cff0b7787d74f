//! The command line.

use crate::settings::{SettingFault, Settings};
#[cfg(feature = "guide")]
use crate::text::nearest::is_near;
use crate::text::split::split_once;
use core::ffi::CStr;

pub mod help;

/// What to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Command {
    /// The boot job.
    Apply,
    /// The same without writing.
    Plan,
    /// Judging a file.
    Lint,
    /// Saying which partition is used.
    Locate,
    /// Saying what was applied.
    Status,
    /// Putting back what was replaced.
    Revert,
    /// Putting the program into a root.
    Install,
    /// Taking it out again.
    Uninstall,
    /// Judging an image.
    Check,
    /// Making an image meet the norm.
    Prepare,
    /// Showing how to use it.
    Help,
    /// Showing which one it is.
    Version,
}

/// A command line that is in order.
pub struct Line<'a> {
    /// What to do.
    pub command: Command,
    /// The file that it is done with: for [`Command::Lint`] only.
    pub file: Option<&'a CStr>,
    /// The command that help is wanted with: for [`Command::Help`] only.
    pub about: Option<Command>,
}

impl Line<'_> {
    const fn only(command: Command, about: Option<Command>) -> Self {
        Self {
            command,
            file: None,
            about,
        }
    }
}

/// Why a command line is not in order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault<'a> {
    /// Nothing was said.
    NoCommand,
    /// There is no such command.
    Command(&'a [u8]),
    /// The program was built without this command.
    Absent(&'a [u8]),
    /// There is no such option.
    Option(&'a [u8]),
    /// The option needs a value.
    NoValue(&'a [u8]),
    /// The option does not have this value.
    Value(&'a [u8]),
    /// `lint` without a file.
    NoFile,
    /// One word too many.
    Extra(&'a [u8]),
}

/// Every command, and whether the program was built with it.
const COMMANDS: [(&[u8], Command, bool); 11] = [
    (b"apply", Command::Apply, true),
    (b"plan", Command::Plan, true),
    (b"lint", Command::Lint, cfg!(feature = "lint")),
    (b"locate", Command::Locate, true),
    (b"status", Command::Status, cfg!(feature = "status")),
    (b"revert", Command::Revert, cfg!(feature = "revert")),
    (b"install", Command::Install, cfg!(feature = "install")),
    (b"uninstall", Command::Uninstall, cfg!(feature = "install")),
    (b"check", Command::Check, cfg!(feature = "check")),
    (b"prepare", Command::Prepare, cfg!(feature = "prepare")),
    (b"help", Command::Help, true),
];

/// The command that was probably meant by one that nobody knows.
#[cfg(feature = "guide")]
#[must_use]
pub fn meant(typed: &[u8]) -> Option<&'static [u8]> {
    let known = COMMANDS.iter().find(|(name, ..)| is_near(typed, name));
    known.map(|(name, ..)| *name)
}

/// Options of one letter, and what they are short for.
const LETTERS: [(&[u8], &[u8]); 5] = [
    (b"-h", b"help"),
    (b"-V", b"version"),
    (b"-p", b"report"),
    (b"-q", b"quiet"),
    (b"-v", b"verbose"),
];

/// Options that stand alone.
const SWITCHES: &[&[u8]] = &[
    b"kernel",
    b"quiet",
    b"verbose",
    b"dry-run",
    b"force",
    b"json",
    b"all",
    b"strict",
    #[cfg(feature = "prepare")]
    b"list",
    #[cfg(feature = "prepare")]
    b"yes",
];

/// Reads the words after the program's name, and puts options into `settings`. The
/// name may say the command already.
///
/// # Errors
/// The first word that is not in order.
#[inline(never)]
pub fn parse<'a>(
    name: Option<Command>,
    words: impl Iterator<Item = &'a CStr>,
    settings: &mut Settings,
) -> Result<Line<'a>, Fault<'a>> {
    let mut words = words;
    let mut command = name;
    let mut file = None;
    while let Some(word) = words.next() {
        let text = word.to_bytes();
        let key = match text {
            [b'-', b'-', key @ ..] => Some(key),
            [b'-', _, ..] => {
                let known = LETTERS.iter().find(|(letter, _)| *letter == text);
                Some(known.ok_or(Fault::Option(text))?.1)
            }
            _ => None,
        };
        match key {
            Some(b"help") => return Ok(Line::only(Command::Help, command)),
            Some(b"version") => return Ok(Line::only(Command::Version, None)),
            Some(key) => {
                let (key, value) = match split_once(key, b'=') {
                    Some((key, value)) => (key, Some(value)),
                    None if SWITCHES.contains(&key) => (key, Some(&b"1"[..])),
                    None => (key, words.next().map(CStr::to_bytes)),
                };
                option(key, text, value, settings)?;
            }
            None if matches!(command, None | Some(Command::Help)) => {
                let known = COMMANDS.iter().find(|(name, ..)| *name == text);
                let (_, named, is_here) = known.ok_or(Fault::Command(text))?;
                if !is_here {
                    return Err(Fault::Absent(text));
                }
                if command.is_some() {
                    return Ok(Line::only(Command::Help, Some(*named)));
                }
                command = Some(*named);
            }
            None if command == Some(Command::Lint) && file.is_none() => file = Some(word),
            None => return Err(Fault::Extra(text)),
        }
    }
    match (command, file) {
        (None, _) => Err(Fault::NoCommand),
        (Some(Command::Lint), None) => Err(Fault::NoFile),
        (Some(command), file) => Ok(Line {
            command,
            file,
            about: None,
        }),
    }
}

fn option<'a>(
    key: &'a [u8],
    word: &'a [u8],
    value: Option<&'a [u8]>,
    settings: &mut Settings,
) -> Result<(), Fault<'a>> {
    // For the kernel's command line only: whoever types can also not type.
    if key == b"disable" {
        return Err(Fault::Option(word));
    }
    // No setting takes an empty value.
    settings
        .set(key, value.unwrap_or_default())
        .map_err(|fault| match (fault, value) {
            (SettingFault::Unknown, _) => Fault::Option(word),
            (SettingFault::Value, None) => Fault::NoValue(word),
            (SettingFault::Value, Some(_)) => Fault::Value(word),
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CString;
    use std::vec::Vec;

    fn read(line: &str) -> (std::string::String, Settings) {
        let words: Vec<CString> = line
            .split_whitespace()
            .map(|word| CString::new(word).unwrap())
            .collect();
        let mut settings = Settings::default();
        let result = parse(None, words.iter().map(CString::as_c_str), &mut settings);
        let text = match result {
            Ok(line) => match line.about {
                Some(about) => std::format!("{:?} about {about:?}", line.command),
                None => std::format!("{:?} {:?}", line.command, line.file),
            },
            Err(
                Fault::Option(word)
                | Fault::Command(word)
                | Fault::Extra(word)
                | Fault::NoValue(word)
                | Fault::Value(word),
            ) => {
                std::format!("bad {}", std::string::String::from_utf8_lossy(word))
            }
            Err(fault) => std::format!("{fault:?}"),
        };
        (text, settings)
    }

    #[test]
    fn options_stand_before_and_behind_the_command() {
        let (line, settings) = read("--root /mnt apply --network=eni --wait 3 --kernel -v");
        assert_eq!(line, "Apply None");
        assert_eq!(settings.root.as_bytes(), b"/mnt");
        assert_eq!(settings.network.unwrap().name, "eni");
        assert_eq!(settings.wait, Some(3));
        assert!(settings.kernel);
        assert_eq!(read("lint a").0, "Lint Some(\"a\")");
        assert_eq!(read("apply --help").0, "Help about Apply");
        assert_eq!(read("help apply").0, "Help about Apply");
        assert_eq!(read("-h").0, "Help None");
        let (line, settings) = read("install --dry-run --init systemd --binary a");
        assert_eq!(line, "Install None");
        assert!(
            settings.dry_run
                && settings.install.init.is_some()
                && settings.install.binary.is_some()
        );
    }

    #[cfg(feature = "guide")]
    #[test]
    fn what_was_probably_meant_is_told() {
        for (typed, word) in [("aply", "apply"), ("insatll", "install"), ("deploy", "")] {
            let meant = meant(typed.as_bytes()).unwrap_or_default();
            assert_eq!(meant, word.as_bytes(), "{typed}");
        }
    }

    #[test]
    fn what_is_not_in_order_is_named() {
        for (line, fault) in [
            ("", "NoCommand"),
            ("aply", "bad aply"),
            ("apply --rot /mnt", "bad --rot"),
            ("apply --network", "bad --network"),
            ("apply --network=x", "bad --network=x"),
            ("apply --disable", "bad --disable"),
            ("apply -x", "bad -x"),
            ("apply more", "bad more"),
            ("install --init upstart", "bad --init"),
            ("lint", "NoFile"),
            ("lint a b", "bad b"),
        ] {
            assert_eq!(read(line).0, fault, "{line}");
        }
    }
}
