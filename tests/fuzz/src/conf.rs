//! os.conf: what is found stands in the file; what is accepted prints as plain
//! assignments and is the same when it is read again; passwords are those of a
//! base64 decoder of our own; and what a network format makes of it has nothing in
//! it that os.conf did not ask for.

use super::model::{self, Machine};
use super::{network, show, written};
use osconf::conf::{self, Conf, Findings, Item, Lexer, Position, Severity, Wish};
use osconf::part::Part;

/// An os.conf.
pub fn law(data: &[u8]) {
    if data.len() > osconf::limits::CONF_BYTES {
        return;
    }
    let is_broken = items(data);
    let mut findings = Findings::default();
    let conf = conf::parse(data, &mut findings);
    spoils(data, &conf, &findings, is_broken);
    passwords(data, &conf, &findings);
    if !findings.has_errors() {
        again(data, &conf);
    }
    if conf.network.value().is_some() {
        // Any format will do, and all of them in turn.
        let sum = data
            .iter()
            .fold(0_usize, |sum, byte| sum * 31 % 65_521 + usize::from(*byte));
        network::hold(&conf, &Machine::of(&conf, sum), b"");
    }
}

/// Whether something in the file is no assignment. What is told of stands in the
/// file, and one behind the other.
fn items(data: &[u8]) -> bool {
    let mut end = 0;
    let mut is_broken = false;
    for item in Lexer::new(data) {
        let (first, last) = match item {
            Item::Assignment { key, value, .. } => {
                assert!(key.end < value.start, "{item:?}");
                assert!(!key.text(data).is_empty());
                (key, value)
            }
            Item::Broken(_, span) => {
                is_broken = true;
                (span, span)
            }
        };
        assert!(first.start >= end && first.start <= first.end, "{item:?}");
        assert!(last.start <= last.end && last.end <= data.len(), "{item:?}");
        end = last.end;
    }
    is_broken
}

/// An error spoils its part, and one that is of no part spoils all of them.
fn spoils(data: &[u8], conf: &Conf<'_>, findings: &Findings, is_broken: bool) {
    let mut has_errors = false;
    let invalid = |part| match part {
        Part::Password => matches!(conf.password, Wish::Invalid),
        Part::HostName => matches!(conf.host_name, Wish::Invalid),
        Part::Network => matches!(conf.network, Wish::Invalid),
        Part::Dns => matches!(conf.name_servers, Wish::Invalid),
    };
    for finding in findings.iter() {
        let place = Position::of(finding.span.start, data);
        assert!(place.line_start <= data.len() && place.column >= 1);
        assert!(finding.span.end <= data.len());
        let text = written(|out| finding.fault.describe(out));
        assert!(!text.is_empty() && !text.contains(&b'\n'));
        if finding.fault.severity() == Severity::Error {
            has_errors = true;
            for part in Part::ALL {
                let is_spoiled = finding.part.is_none() || finding.part == Some(part);
                assert!(!is_spoiled || invalid(part), "{finding:?} spoils {part:?}");
            }
        }
    }
    assert!(has_errors || !findings.has_errors() || findings.left_out() > 0);
    assert_eq!(Part::ALL.into_iter().any(invalid), findings.has_errors());
    assert!(!is_broken || Part::ALL.into_iter().all(invalid));
}

/// A password is that of the last assignment, by a decoder that shares nothing
/// with the program's.
fn passwords(data: &[u8], conf: &Conf<'_>, findings: &Findings) {
    let is_key = |span: conf::Span| span.text(data) == b"password";
    let value = Lexer::new(data).filter_map(|item| match item {
        Item::Assignment { key, value, fault } if is_key(key) => Some((value, fault)),
        _ => None,
    });
    let Some((value, None)) = value.last() else {
        return;
    };
    let decoded = model::base64(value.text(data));
    let is_fine = |password: &[u8]| {
        !password.is_empty()
            && password.len() <= osconf::limits::PASSWORD_BYTES
            && !password.contains(&0)
            && !password.contains(&b'\n')
    };
    let mut password = decoded.clone().unwrap_or_default();
    while let Some(b'\n' | b'\r') = password.last() {
        password.pop();
    }
    match &conf.password {
        Wish::Value(secret) => {
            assert!(decoded.is_some(), "no base64: {}", show(value.text(data)));
            assert_eq!(secret.expose(), password);
            assert!(is_fine(&password));
        }
        Wish::Nothing => assert!(value.text(data).is_empty()),
        Wish::Invalid => {
            let is_spoiled = findings.left_out() > 0
                || findings.iter().any(|finding| {
                    finding.part.is_none() && finding.fault.severity() == Severity::Error
                });
            let is_first = Lexer::new(data)
                .all(|item| !matches!(item, Item::Assignment { fault: Some(_), .. }));
            let is_long = decoded.is_some_and(|decoded| decoded.len() > 264);
            assert!(
                is_spoiled || !is_first || is_long || !is_fine(&password),
                "refused: {}",
                show(value.text(data))
            );
        }
    }
}

/// What was accepted is the same when it is written down and read again.
fn again(data: &[u8], conf: &Conf<'_>) {
    let text = model::print(conf);
    let mut findings = Findings::default();
    let same = conf::parse(text.as_bytes(), &mut findings);
    assert!(!findings.has_errors(), "`{text}` of `{}`", show(data));
    assert_eq!(
        conf.host_name.value(),
        same.host_name.value(),
        "{}",
        show(data)
    );
    assert_eq!(
        conf.password.value().map(|secret| secret.expose()),
        same.password.value().map(|secret| secret.expose())
    );
    assert_eq!(conf.network.value(), same.network.value(), "{text}");
    assert_eq!(conf.name_servers.value(), same.name_servers.value());
}
