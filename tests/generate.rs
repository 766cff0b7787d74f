//! Content that is too long, or too odd, to lie in git: written in a file of a
//! case as `{1000 times x}`, `{1000 routes via 10.0.0.1}` or `{byte 00}`.

/// The longest text between braces that can mean something.
const LONGEST: usize = 48;
/// How many equal bytes are written in a short way.
const RUN: usize = 2000;

/// `text` with everything generated that it asks for. Braces around anything
/// else are nothing but braces.
#[must_use]
pub fn expand(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some((&first, after)) = rest.split_first() {
        let inner =
            (first == b'{').then(|| after.iter().take(LONGEST).position(|&byte| byte == b'}'));
        if let Some(Some(end)) = inner
            && let Some(made) = core::str::from_utf8(&after[..end]).ok().and_then(make)
        {
            out.extend(made);
            rest = &after[end + 1..];
        } else {
            out.push(first);
            rest = after;
        }
    }
    out
}

fn make(order: &str) -> Option<Vec<u8>> {
    if let Some(byte) = order.strip_prefix("byte ") {
        return Some(vec![u8::from_str_radix(byte, 16).ok()?]);
    }
    let (count, what) = order.split_once(' ')?;
    let count: usize = count.parse().ok()?;
    if let Some(text) = what.strip_prefix("times ") {
        return Some(text.repeat(count).into_bytes());
    }
    let gateway = what.strip_prefix("routes via ")?;
    let routes: Vec<_> = (0..count)
        .map(|n| format!("100.{}.{}.0/24 {gateway}", 64 + n / 256, n % 256))
        .collect();
    Some(routes.join(";").into_bytes())
}

/// The short way for long rows of one byte.
#[must_use]
pub fn shorten(text: &[u8]) -> Vec<u8> {
    let pieces = text.chunk_by(|a, b| a == b);
    pieces
        .flat_map(|piece| match piece {
            [0, ..] => b"{byte 00}".repeat(piece.len()),
            [byte, ..] if piece.len() >= RUN => {
                format!("{{{} times {}}}", piece.len(), char::from(*byte)).into_bytes()
            }
            _ => piece.to_vec(),
        })
        .collect()
}
