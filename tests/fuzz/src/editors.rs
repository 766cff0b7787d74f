//! The editors of text that files are made with: twice is once, what was asked for
//! is there, and lines that it was not about are there, too.

use super::{assert_in_order, is_broken, lines_of, show, written};
use osconf::hostname::Form;
use osconf::text::assignments::{self, Value};
use osconf::text::{Buf, block, ini, lines, uci, yaml};
use osconf::value::Ipv4;
use osconf::{hosts, install};

/// The first byte chooses an editor, the rest is a file.
pub fn law(data: &[u8]) {
    let Some((choice, old)) = data.split_first() else {
        return;
    };
    pieces(old);
    match choice % 12 {
        0 => ini_law(old),
        1 => hosts_law(old),
        3..=8 if is_broken(old) => {}
        2 => host_name(old, Form::Plain),
        3 => host_name(old, Form::Key("HOSTNAME")),
        4 => host_name(old, Form::QuotedKey("hostname")),
        5 => host_name(old, Form::OptionalKey("HOSTNAME")),
        6 => host_name(old, Form::Uci),
        7 => assignments_law(old),
        8 => uci_law(old),
        9 => yaml_law(old),
        10 => dependencies(old),
        _ => lines_law(data, |out, old| {
            lines::lines(old).for_each(|line| {
                out.push(line.text);
                out.push(line.end);
            });
        }),
    }
}

/// An editor that has nothing to change changes nothing.
pub fn lines_law(data: &[u8], edit: impl Fn(&mut Buf<'_>, &[u8])) {
    let new = written(|out| edit(out, data));
    assert_eq!(show(&new), show(data), "nothing was to be changed");
}

/// What `edit` makes, which it makes no more of when it is asked again.
fn once(old: &[u8], edit: &dyn Fn(&mut Buf<'_>, &[u8])) -> Vec<u8> {
    let new = written(|out| edit(out, old));
    let again = written(|out| edit(out, &new));
    assert!(
        again == new,
        "twice is not once: `{}` becomes `{}` becomes `{}`",
        show(old),
        show(&new),
        show(&again)
    );
    new
}

/// What takes a text apart leaves nothing out.
fn pieces(text: &[u8]) {
    let mut joined = Vec::new();
    block::pieces(text, &mut |piece, _| joined.extend_from_slice(piece));
    let is_mark = |line: &&[u8]| [block::BEGIN, block::END].contains(&line.trim_ascii_end());
    let is_other = |line: &&[u8]| !is_mark(line);
    let rest = |text: &[u8]| lines_of(text).filter(is_other).collect::<Vec<_>>().concat();
    assert_eq!(show(&rest(&joined)), show(&rest(text)));
    let joined = written(|out| uci::sections(text).for_each(|section| section.copy(out)));
    assert_eq!(show(&joined), show(text));
    let all = written(|out| assignments::copy(out, text, &mut |_| true));
    assert_eq!(show(&all), show(text));
}

fn ini_law(old: &[u8]) {
    let new = once(old, &|out, old| {
        ini::set(out, old, "Section", "Key", &|out| out.push(b"value"));
    });
    assert_eq!(ini::get(&new, "Section", "Key"), Some(&b"value"[..]));
    let is_about = |line: &[u8]| {
        let key = line.split(|byte| *byte == b'=').next().unwrap_or_default();
        key.trim_ascii() == b"Key" && line.contains(&b'=')
    };
    let others: Vec<&[u8]> = lines_of(old).filter(|line| !is_about(line)).collect();
    assert_in_order(&others, &new);
    assert!(lines_of(&new).count() <= lines_of(old).count() + 4);
}

fn hosts_law(old: &[u8]) {
    let is_old = |name: &[u8]| name == b"oldname";
    let new = once(old, &|out, old| hosts::edit(out, old, &is_old, b"newname"));
    let (mut before, mut after) = (lines_of(old), lines_of(&new));
    assert_eq!(lines_of(old).count(), lines_of(&new).count());
    while let (Some(line), Some(new)) = (before.next(), after.next()) {
        let first = line
            .split(u8::is_ascii_whitespace)
            .find(|word| !word.is_empty());
        let first = first.unwrap_or_default();
        if first == b"::1" || first.starts_with(b"127.") {
            let text = String::from_utf8_lossy(new).replace("newname", "oldname");
            let line = String::from_utf8_lossy(line).replace("newname", "oldname");
            assert_eq!(text, line);
        } else {
            assert_eq!(line, new);
        }
    }
}

fn host_name(old: &[u8], form: Form) {
    let new = once(old, &|out, old| form.edit(out, old, b"new-name"));
    match form {
        Form::OptionalKey(_) if form.read(old).is_none() => {}
        _ => assert_eq!(form.read(&new), Some(&b"new-name"[..]), "{}", show(&new)),
    }
    let is_comment = |line: &&[u8]| line.trim_ascii().first() == Some(&b'#');
    if form == Form::Plain {
        let comments: Vec<&[u8]> = lines_of(old).filter(is_comment).collect();
        assert_in_order(&comments, &new);
    }
}

fn assignments_law(old: &[u8]) {
    let servers = [Ipv4::new(0x0707_0707), Ipv4::new(0x0808_0808)];
    let settings = [
        ("ONE", Value::Word(b"word")),
        ("TWO", Value::Addresses(&servers)),
        ("THREE", Value::Gone),
    ];
    let new = once(old, &|out, old| {
        assignments::set(out, old, &settings, &["IPADDR*", "GATEWAY"]);
    });
    assert_eq!(
        assignments::get(&new, "ONE"),
        Some(&b"word"[..]),
        "{}",
        show(&new)
    );
    assert_eq!(assignments::get(&new, "TWO"), Some(&b"7.7.7.7 8.8.8.8"[..]));
    assert_eq!(assignments::get(&new, "THREE"), None);
    assert_eq!(assignments::get(&new, "IPADDR1"), None);
    // What has no word of ours in it, and no quote around it, is a stranger's.
    let is_ours = |line: &&[u8]| {
        let has = |word: &str| line.windows(word.len()).any(|part| part == word.as_bytes());
        ["ONE", "TWO", "THREE", "IPADDR", "GATEWAY"]
            .into_iter()
            .any(has)
    };
    if !old.iter().any(|byte| b"\"'\\".contains(byte)) {
        let others: Vec<&[u8]> = lines_of(old).filter(|line| !is_ours(line)).collect();
        assert_in_order(&others, &new);
    }
}

fn uci_law(old: &[u8]) {
    let edit = |out: &mut Buf<'_>, old: &[u8]| {
        for section in uci::sections(old) {
            if section.kind == b"interface" {
                section.set(out, &[("proto", Value::Word(b"static"))], &["metric"]);
            } else if section.kind == b"route" {
                section.remove(out);
            } else if section.kind == b"device" {
                section.without(out, &["ports"], &|port| port == b"eth0");
            } else {
                section.copy(out);
            }
        }
    };
    let new = once(old, &edit);
    for section in uci::sections(&new) {
        if section.kind == b"interface" {
            assert!(section.has("proto", b"static"), "{}", show(&new));
            assert_eq!(section.get("metric"), None);
        }
        assert_ne!(section.kind, b"route");
        let mut has_port = false;
        section.each_word("ports", &mut |port| has_port |= port == b"eth0");
        assert!(!has_port || section.kind != b"device");
    }
}

fn yaml_law(old: &[u8]) {
    let mut rest = old;
    let mut joined = Vec::new();
    while !rest.is_empty() {
        let (line, after) = yaml::split_line(rest);
        joined.extend_from_slice(line);
        if let Some(indent) = yaml::indent_of(line) {
            let (block, behind) = yaml::split_block(after, indent);
            assert_eq!([block, behind].concat(), after);
            for line in lines_of(block) {
                assert!(yaml::indent_of(line).is_none_or(|inner| inner > indent));
            }
            if yaml::stands_alone(block) {
                assert!(!block.contains(&b'\t'));
            }
        }
        rest = after;
    }
    assert_eq!(joined, old);
    for token in yaml::tokens(old) {
        assert!(!token.is_empty() && !token.iter().any(u8::is_ascii_whitespace));
    }
}

fn dependencies(old: &[u8]) {
    let with = once(old, &|out, old| install::edit_dependencies(out, old, true));
    let without = once(&with, &|out, old| {
        install::edit_dependencies(out, old, false);
    });
    assert!(without.len() <= with.len());
}
