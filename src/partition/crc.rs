//! The two sums of 32 bits that disks carry.

/// The polynomial of GPT (UEFI specification, 5.3.2), reflected: CRC-32.
pub(super) const GPT: u32 = 0xedb8_8320;
/// The polynomial of ext4's metadata_csum (fs/ext4/super.c), reflected: CRC-32C.
pub(super) const EXT4: u32 = 0x82f6_3b78;

/// Goes on with a sum, begun with all ones. Bit by bit: a few kilobytes at most are
/// summed, and a table would be larger than all else here.
#[inline(never)]
pub(super) fn update(polynomial: u32, sum: u32, bytes: &[u8]) -> u32 {
    let mut sum = sum;
    for &byte in bytes {
        sum ^= u32::from(byte);
        for _ in 0..8 {
            let carry = sum & 1 != 0;
            sum >>= 1;
            if carry {
                sum ^= polynomial;
            }
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_values_of_both_sums() {
        // The catalogue of CRC algorithms gives these for "123456789".
        assert_eq!(!update(GPT, !0, b"123456789"), 0xcbf4_3926);
        assert_eq!(!update(EXT4, !0, b"123456789"), 0xe306_9283);
    }
}
