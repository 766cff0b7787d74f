//! Points in time, as people read them.

use super::{Buf, put};

/// Writes `seconds` since 1970 as `2026-11-21 03:10:00 UTC`.
pub fn write(out: &mut Buf<'_>, seconds: i64) {
    write_with(out, seconds, [" ", ":"]);
    put!(out, " UTC");
}

/// The same as a part of a file's name: `2026-11-21_03-10-00`.
pub fn write_for_names(out: &mut Buf<'_>, seconds: i64) {
    write_with(out, seconds, ["_", "-"]);
}

/// The algorithm is that of Howard Hinnant's "chrono-Compatible Low-Level Date
/// Algorithms".
fn write_with(out: &mut Buf<'_>, seconds: i64, [day_end, colon]: [&str; 2]) {
    let days = seconds.div_euclid(86_400);
    let second = seconds.rem_euclid(86_400);
    // Days since 0000-03-01, so that the leap day ends a year.
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    put!(out, "{}", year);
    for (separator, number) in [
        ("-", month),
        ("-", day),
        (day_end, second / 3600),
        (colon, second / 60 % 60),
        (colon, second % 60),
    ] {
        put!(
            out,
            "{}{}{}",
            separator,
            if number < 10 { "0" } else { "" },
            number
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        for (seconds, text) in [
            (0, "1970-01-01 00:00:00 UTC"),
            (951_782_400, "2000-02-29 00:00:00 UTC"),
            (1_795_230_601, "2026-11-21 03:10:01 UTC"),
            (946_684_799, "1999-12-31 23:59:59 UTC"),
            (951_699_723, "2000-02-28 01:02:03 UTC"),
            (951_868_800, "2000-03-01 00:00:00 UTC"),
            (983_361_600, "2001-02-28 12:00:00 UTC"),
            (4_102_358_400, "2099-12-31 00:00:00 UTC"),
            (4_107_456_000, "2100-02-28 00:00:00 UTC"),
            (4_107_542_400, "2100-03-01 00:00:00 UTC"),
            (13_569_379_200, "2399-12-31 00:00:00 UTC"),
            (13_574_563_200, "2400-02-29 00:00:00 UTC"),
            (13_574_649_600, "2400-03-01 00:00:00 UTC"),
            (5_097_600, "1970-03-01 00:00:00 UTC"),
            (-26_524_800, "1969-02-28 00:00:00 UTC"),
            (-1, "1969-12-31 23:59:59 UTC"),
        ] {
            let mut bytes = [0; 32];
            let mut out = Buf::new(&mut bytes);
            write(&mut out, seconds);
            assert_eq!(out.as_bytes(), text.as_bytes());
        }
        let mut bytes = [0; 32];
        let mut out = Buf::new(&mut bytes);
        write_for_names(&mut out, 1_795_230_601);
        assert_eq!(out.as_bytes(), b"2026-11-21_03-10-01");
    }
}
