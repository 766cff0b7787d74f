//! Bytes in hexadecimal, two digits each.

use ufmt::{Formatter, uWrite};

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// A byte that is written as two digits.
pub(crate) struct Byte(pub(crate) u8);

impl ufmt::uDisplay for Byte {
    fn fmt<W: uWrite + ?Sized>(&self, f: &mut Formatter<'_, W>) -> Result<(), W::Error> {
        write(f, self.0)
    }
}

/// Writes `byte` in lower case.
pub(crate) fn write<W: uWrite + ?Sized>(
    f: &mut Formatter<'_, W>,
    byte: u8,
) -> Result<(), W::Error> {
    for digit in [byte >> 4, byte & 15] {
        let digit = DIGITS.get(usize::from(digit)).copied().unwrap_or_default();
        f.write_char(char::from(digit))?;
    }
    Ok(())
}

/// The byte that `text` spells, in any case.
pub(crate) fn parse(text: &[u8]) -> Option<u8> {
    let mut byte = 0;
    for digit in text {
        let digit = digit.to_ascii_lowercase();
        byte = byte << 4 | DIGITS.iter().position(|&other| other == digit)?;
    }
    (text.len() == 2).then_some(byte as u8)
}
