//! What else is read from outside: settings, the kernel's command line, mountinfo,
//! our own record, names of devices, and single values. Whatever is taken prints and
//! is taken again as the same; JSON is JSON.

use super::{show, written};
use core::ffi::CStr;
use osconf::cli;
use osconf::network::{detect, links::InterfaceName};
use osconf::partition::Spec;
use osconf::record::{self, Record};
use osconf::settings::{self, Settings};
use osconf::system::mounts;
use osconf::text::{Buf, json};
use osconf::value::{HashKind, HostName, Ipv4, Mac, Mask, Path};
use ufmt::uwrite;

/// Any text.
pub fn law(data: &[u8]) {
    line(data);
    mountinfo(data);
    remembered(data);
    words(data);
    string(data);
    let mut sum = 0_u8;
    detect(
        &mut |path, is_program| {
            sum = sum
                .wrapping_mul(31)
                .wrapping_add(path.to_bytes().len() as u8);
            let byte = data.get(usize::from(sum) % data.len().max(1));
            byte.is_some_and(|byte| byte & 1 == 0) != is_program
        },
        &mut |fit| assert!(!fit.because.as_bytes().is_empty()),
    );
}

/// Settings, from the kernel's line and from ours.
fn line(data: &[u8]) {
    let mut settings = Settings::default();
    for (key, value) in settings::on_kernel_line(data) {
        assert!(!key.contains(&b' ') && !value.contains(&b' '));
        let _ = settings.set(key, value);
    }
    let words: Vec<&CStr> = data
        .split_inclusive(|byte| *byte == 0)
        .filter_map(|word| CStr::from_bytes_with_nul(word).ok())
        .collect();
    if let Ok(line) = cli::parse(None, words.iter().copied(), &mut settings) {
        assert_eq!(line.file.is_some(), line.command == cli::Command::Lint);
    }
}

fn mountinfo(data: &[u8]) {
    for mount in mounts(data) {
        assert!(!mount.kind.is_empty() && !mount.source.is_empty());
        let _ = (mount.upper_folder(), mount.is_read_only());
        if let Some(point) = mount.point() {
            assert!(!point.as_bytes().contains(&0));
            assert!(point.as_bytes().len() <= mount.point.len());
        }
    }
}

/// A record that was read is the same when it is written and read again.
fn remembered(data: &[u8]) {
    let record = Record::parse(data);
    let text = written(|out| record.write(out));
    assert_eq!(Record::parse(&text), record, "{}", show(&text));
    for file in record::files(data) {
        assert!(file.line.ends_with(file.path));
        assert!(!file.path.contains(&b'\n'));
        // Else it is none of ours, and nobody takes it for one.
        if Path::new(&[file.path]).is_none() {
            continue;
        }
        let again = written(|out| record::write_file(out, file.how, b"x", file.path));
        let again = record::files(&again).next().expect("the same file");
        assert!(again.is(b"x") && again.how == file.how && again.path == file.path);
    }
}

fn words(data: &[u8]) {
    for word in data.split(u8::is_ascii_whitespace) {
        value(word);
        match Spec::parse(word) {
            Spec::Path(path) => assert_eq!(path, word),
            Spec::Uuid(text) | Spec::Label(text) | Spec::PartUuid(text) | Spec::PartLabel(text) => {
                assert!(text.len() < word.len());
            }
        }
        let _ = Spec::parse(word).is(None, word, word);
        if let Some(name) = InterfaceName::parse(word) {
            assert_eq!(name.as_str().as_bytes(), word);
            assert!(word.len() <= 15 && is_harmless(word), "{}", show(word));
        }
        if let Ok(name) = HostName::parse(word) {
            assert_eq!(name.as_bytes(), word);
            assert!(word.len() <= 64 && is_harmless(word), "{}", show(word));
        }
        if let Some(path) = Path::new(&[word]) {
            assert_eq!(path.as_bytes(), word);
            assert!(!word.iter().any(u8::is_ascii_control), "{}", show(word));
            let (folder, name) = (path.folder(), path.name());
            assert!(!name.to_bytes().contains(&b'/') && !folder.as_bytes().is_empty());
        }
        if let Some(kind) = HashKind::parse(word) {
            assert!(kind <= HashKind::Sha512);
        }
    }
}

/// Nothing but letters, digits, and three kinds of punctuation.
fn is_harmless(word: &[u8]) -> bool {
    let good = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
    word.iter().all(good) && !b".-".contains(&word[0])
}

/// A value that is taken is what another program makes of the word.
fn value(word: &[u8]) {
    let text = core::str::from_utf8(word).ok();
    let other: Option<core::net::Ipv4Addr> = text.and_then(|text| text.parse().ok());
    let address = Ipv4::parse(word);
    assert_eq!(address.map(Ipv4::octets), other.map(|other| other.octets()));
    if let Some(address) = address {
        let print = |out: &mut Buf<'_>| uwrite!(out, "{}", address).expect("no error");
        assert_eq!(written(print), word);
        if let Some(mask) = Mask::from_address(address) {
            assert_eq!(mask.address(), address);
            assert_eq!(u32::from(mask.length()), address.number().count_ones());
        }
    }
    if let Some(mac) = Mac::parse(word) {
        let print = |out: &mut Buf<'_>| uwrite!(out, "{}", mac).expect("no error");
        let printed = written(print);
        let lower = word.to_ascii_lowercase();
        let colons: Vec<u8> = lower
            .iter()
            .map(|&byte| if byte == b'-' { b':' } else { byte })
            .collect();
        assert_eq!(printed, colons);
    }
}

/// A text as JSON is what another reader of JSON makes of it.
fn string(data: &[u8]) {
    let text = written(|out| json::string(out, data));
    let text = core::str::from_utf8(&text).expect("JSON is UTF-8");
    let inner = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    let mut read = String::new();
    let mut rest = inner.expect("quotes").chars();
    while let Some(first) = rest.next() {
        assert!(first >= ' ' && first != '"' && first != '\x7f', "{text}");
        match (first, rest.clone().next()) {
            ('\\', Some('u')) => {
                rest.next();
                let digits: String = rest.by_ref().take(4).collect();
                let number = u32::from_str_radix(&digits, 16).expect("four digits");
                read.push(char::from_u32(number).expect("a character"));
            }
            ('\\', Some(next @ ('"' | '\\'))) => {
                rest.next();
                read.push(next);
            }
            ('\\', _) => panic!("{text}"),
            _ => read.push(first),
        }
    }
    assert_eq!(read, String::from_utf8_lossy(data));
}
