//! Hashes of passwords: found in files, and verified by the C library's crypt(3).

use anyhow::{Context, Result, ensure};
use std::io::Write;
use std::process::{Command, Stdio};

/// How each kind of hash begins, and what it is called in `{sha512 of PASSWORD}`.
const KINDS: [(&str, &str); 3] = [("sha512", "$6$"), ("sha256", "$5$"), ("md5", "$1$")];

/// The hashes in `text`, wherever they stand.
pub(crate) fn hashes(text: &[u8]) -> Vec<Vec<u8>> {
    text.split(|byte| matches!(byte, b':' | b'\n' | b'\r' | b' ' | b'!' | b'"' | b'\'' | 0))
        .filter(|word| {
            KINDS
                .iter()
                .any(|(_, prefix)| word.starts_with(prefix.as_bytes()))
        })
        // A prefix alone, or a setting in a library, opens no door.
        .filter(|word| word.len() > 20)
        .map(<[u8]>::to_vec)
        .collect()
}

/// `text` in which every hash that is not in `old` stands as
/// `{sha512 of PASSWORD}`, if it verifies one of `passwords`.
pub(crate) fn name_hashes(text: &[u8], old: &[Vec<u8>], passwords: &[String]) -> Result<Vec<u8>> {
    let mut text = text.to_vec();
    for hash in hashes(&text) {
        if old.contains(&hash) {
            continue;
        }
        for password in passwords {
            if let Some(name) = name(&hash, password)? {
                text = replace(&text, &hash, name.as_bytes());
            }
        }
    }
    Ok(text)
}

/// `{sha512 of PASSWORD}`, if that is what `hash` is, of the form that is agreed:
/// the longest salt, and no rounds spelled.
fn name(hash: &[u8], password: &str) -> Result<Option<String>> {
    let hash = core::str::from_utf8(hash)?;
    let Some((kind, prefix)) = KINDS.iter().find(|(_, prefix)| hash.starts_with(prefix)) else {
        return Ok(None);
    };
    let salt = hash[prefix.len()..].split('$').next().unwrap_or_default();
    let longest = if *kind == "md5" { 8 } else { 16 };
    let good = salt.len() == longest && crypt(password, hash)? == hash;
    Ok(good.then(|| format!("{{{kind} of {password}}}")))
}

/// crypt(3) of the C library, the one that login programs ask.
fn crypt(password: &str, setting: &str) -> Result<String> {
    let mut perl = Command::new("perl")
        .args(["-e", "local $/; print crypt(<STDIN>, $ARGV[0])", setting])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("perl")?;
    // The pipe is closed at the end of the statement.
    perl.stdin
        .take()
        .context("no pipe")?
        .write_all(password.as_bytes())?;
    let output = perl.wait_with_output()?;
    ensure!(output.status.success(), "perl failed");
    Ok(String::from_utf8(output.stdout)?)
}

/// `text` with each `from` replaced.
pub(crate) fn replace(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    if from.is_empty() {
        return text.to_vec();
    }
    let mut out = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix(from) {
            out.extend(to);
            rest = after;
        } else {
            out.push(rest[0]);
            rest = &rest[1..];
        }
    }
    out
}

/// Whether `text` holds `part`.
pub(crate) fn contains(text: &[u8], part: &[u8]) -> bool {
    !part.is_empty() && text.windows(part.len()).any(|window| window == part)
}

/// A passwd or shadow file as `plan` may show it: this repeats, in other words,
/// what src/account/mask.rs promises.
pub(crate) fn masked(text: &[u8]) -> Vec<u8> {
    text.split_inclusive(|&byte| byte == b'\n')
        .flat_map(masked_line)
        .collect()
}

fn masked_line(line: &[u8]) -> Vec<u8> {
    let text = line.strip_suffix(b"\n").unwrap_or(line);
    let text = text
        .strip_suffix(b"\r")
        .filter(|_| line.ends_with(b"\n"))
        .unwrap_or(text);
    let end = &line[text.len()..];
    let hide = |part: &[u8]| {
        if part.contains(&b'$') {
            b"(hidden)".to_vec()
        } else {
            part.to_vec()
        }
    };
    let mut parts = text.splitn(3, |&byte| byte == b':');
    let mut fields = vec![hide(parts.next().unwrap_or_default())];
    if let Some(field) = parts.next() {
        let locks = field.iter().take_while(|&&byte| byte == b'!').count();
        let (lock, rest) = field.split_at(locks);
        let shown = match rest {
            b"" | b"x" | b"*" => rest,
            [b'$', ..] => b"(hash)",
            _ => b"(hidden)",
        };
        fields.push([lock, shown].concat());
    }
    fields.extend(parts.next().map(hide));
    [fields.join(&b':'), end.to_vec()].concat()
}
