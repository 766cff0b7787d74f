//! Hashes that others made, and fields that are none.

use super::*;

/// The key of musl's self tests: control characters, bytes from 0x80, a newline.
const MUSL_KEY: &[u8] = b"Xy01@#\x01\x02\x80\x7f\xff\r\n\x81\t !";
const MUCH_LONGER: &[u8] =
    b"a very much longer text to encrypt.  This one even stretches over morethan one line.";
const ALL_SORTS: &[u8] = b"P\xc3\xa4ss: w\"o'r$d\\ ";
const LONGEST: &[u8] = &[b'x'; 256];

#[rustfmt::skip]
const VECTORS: &[(&[u8], &str)] = &[
    // Drepper, "Unix crypt using SHA-256 and SHA-512", with salts cut to 16
    // and the number of rounds that was really used.
    (b"Hello world!", "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1"),
    (b"Hello world!", "$6$rounds=10000$saltstringsaltst$OW1/O6BYHV6BcXZu8QVeXbDWra3Oeqh0sbHbbMCVNSnCM/UrjmM0Dp8vOuZeHBy/YTBmSK6H9qs/y3RnOaw5v."),
    (b"This is just a test", "$6$rounds=5000$toolongsaltstrin$lQ8jolhgVRVhY4b5pZKaysCLi0QBxGoNeKQzQ3glMhwllF7oGDZxUhx1yxdYcz/e1JSbq3y6JMxxl8audkUEm0"),
    (MUCH_LONGER, "$6$rounds=1400$anotherlongsalts$POfYwTEok97VWcjxIiSOjiykti.o/pQs.wPvMxQ6Fm7I6IoYN3CmLs66x9t0oSwbtEW7o7UmJEiDwGqd8p4ur1"),
    (b"the minimum number is still observed", "$6$rounds=1000$roundstoolow$kUMsbe306n21p9R.FRkW3IGn.S9NPN0x50YhH1xhLsPuWGsUSklZt58jaTfF4ZEQpyUNGc0dqbpBYYBaHHrsX."),
    (b"Hello world!", "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5"),
    (b"Hello world!", "$5$rounds=10000$saltstringsaltst$3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA"),
    (b"This is just a test", "$5$rounds=5000$toolongsaltstrin$Un/5jzAHMgOGZ5.mWJpuVolil07guHPvOW8mGRcvxa5"),
    (MUCH_LONGER, "$5$rounds=1400$anotherlongsalts$Rx.j8H.h8HjEDGomFU8bDkXm3XIUnzyxf12oP84Bnq1"),
    (b"the minimum number is still observed", "$5$rounds=1000$roundstoolow$yfvwcWrQ8l/K0DAWyuPMDNHpIVlTQebY9l/gL972bIC"),
    // musl's self tests: src/crypt/crypt_sha512.c, crypt_sha256.c, crypt_md5.c.
    (MUSL_KEY, "$6$rounds=1234$abc0123456789$BCpt8zLrc/RcyuXmCDOE1ALqMXB2MH6n1g891HhFj8.w7LxGv.FTkqq6Vxc/km3Y0jE0j24jY5PIv/oOu6reg1"),
    (MUSL_KEY, "$5$rounds=1234$abc0123456789$3VfDjPt05VHFn47C/ojFZ6KRPYrOjj1lLbH.dkF3bZ6"),
    (MUSL_KEY, "$1$abcd0123$9Qcg8DyviekV3tDGMZynJ1"),
    // PHP's documentation of crypt().
    (b"rasmuslerdorf", "$1$rasmusle$rISCgZzpwk3UhDidwXvin0"),
    // `openssl passwd` 3.0 and libxcrypt 4.4, which agree.
    (b"", "$6$a$Z6IPkDduHdwavesVY2NFMpOHkigshxPYdhfLg0D3A7/XFQcso9RV2E8qczyJ2su.dj6RRLaTpvgwN1rZfK0I9."),
    (ALL_SORTS, "$6$0123456789abcdef$E/0GM2uwT1bkNo4Dhll6Yucomtr90NUwIgImROiVX.57/5wyVH641SqtOsD3ixe0GuweWr0/taj16q2Yl3wvw0"),
    (LONGEST, "$6$./zZ$ytao/c5PaWMtIXvJnjIc9Oy24updokS.fdCPz8e9tiBBjX4kDFs2qjlFBd.2.BN6XKaO8b87QSDS4Fm5W/jiL0"),
    (b"", "$5$a$CZ9Csdk0HaS3TQcxgDHTwM2gwOEDCViPn83i6BpFdH."),
    (ALL_SORTS, "$5$0123456789abcdef$xUengrqRs7Zz8PU5SCU9fvvxF0iObKctzJQ5GIy22F7"),
    (LONGEST, "$5$./zZ$uaVSNMPV9QtlxhXAR/CfXIz0e0YaZ1mYf4UvUQituD5"),
    (b"", "$1$a$8CfZSfErbeskipdhZHtvu."),
    (ALL_SORTS, "$1$01234567$sbBwbTIE69yx.l/ntQnMY."),
    (LONGEST, "$1$./zZ$aHetXCRneLSUmKwQoRsW//"),
];

#[test]
#[cfg_attr(miri, ignore = "thousands of rounds, a second of Miri for each ten")]
fn hashes_that_others_made_are_verified() {
    for (password, field) in VECTORS {
        assert!(verifies(field.as_bytes(), password), "{field}");
        assert!(!verifies(field.as_bytes(), b"another"), "{field}");
    }
}

#[test]
#[cfg_attr(miri, ignore = "thousands of rounds, a second of Miri for each ten")]
fn hashes_made_here_are_those_of_other_implementations() {
    // Random bytes whose lowest six bits are the salt's digits.
    let salt = Salt::from_random([0, 64, 130, 195, 12, 37, 38, 63, 1, 11, 62, 26, 61, 34, 1, 2]);
    // libxcrypt 4.4.
    for (kind, expected) in [
        (
            HashKind::Sha512,
            "$6$..01AZaz/9yOxW/0$zgN7FF7yFwazVITXWsZ3PZDG.C3Zb2F6vlPuQD79MlGp.IdHV4f69bYLwy1TRriGCE1rWt0aF3AXd8G4flJXp0",
        ),
        (
            HashKind::Sha256,
            "$5$..01AZaz/9yOxW/0$LXWqzaS3aAXu1RCt3MS6Z693TOKWM3SmDUziwwdgwU.",
        ),
        (HashKind::Md5, "$1$..01AZaz$6956d9xCSedDEFLYXkFiT0"),
    ] {
        let made = hash(kind, b"b", salt);
        assert_eq!(core::str::from_utf8(made.expose()), Ok(expected));
        assert!(verifies(made.expose(), b"b"));
        assert_eq!(super::kind(made.expose()), Some(kind));
    }
}

#[test]
#[cfg_attr(miri, ignore = "thousands of rounds, a second of Miri for each ten")]
fn the_longest_hash_fits_and_is_as_long_as_documented() {
    let salt = Salt::from_random([63; 16]);
    assert_eq!(hash(HashKind::Sha512, LONGEST, salt).expose().len(), 106);
    assert_eq!(hash(HashKind::Sha256, LONGEST, salt).expose().len(), 63);
    assert_eq!(hash(HashKind::Md5, LONGEST, salt).expose().len(), 34);
}

#[test]
fn every_character_of_the_alphabet_can_be_in_a_salt_and_no_other() {
    for byte in 0..=u8::MAX {
        let Salt([character, ..]) = Salt::from_random([byte; 16]);
        assert!(character.is_ascii_alphanumeric() || matches!(character, b'.' | b'/'));
        assert_eq!(
            Some(usize::from(byte % 64)),
            ALPHABET.iter().position(|&c| c == character)
        );
    }
}

const DIGEST: &str =
    "svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1";

#[test]
fn what_not_every_library_verifies_is_verified_by_no_password() {
    let fields = [
        "",
        "*",
        "!",
        "x",
        "!!",
        "$",
        "$6",
        "$6$",
        "$6$saltstring",
        "$6$saltstring$",
        "!$6$saltstring$D",
        "*$6$saltstring$D",
        " $6$saltstring$D",
        "$6$saltstring$D ",
        "$6$saltstring$D$",
        "$6$$D",
        "$6$saltstring$$D",
        "$6$salt:tring$D",
        "$6$salt tring$D",
        "$6$salt#$D",
        "$6$saltstringsaltstring$D",
        "$y$saltstring$D",
        "$7$saltstring$D",
        "$2b$saltstring$D",
        "$5$saltstring$D",
        "$1$saltstring$D",
        "$66$saltstring$D",
        "$1$rounds=5000$saltstri$YMyguxXMBpd2TEZ.vS/3q1",
        "abJnggxhB/yWI",
    ];
    for field in fields {
        let field = field.replace('D', DIGEST);
        assert!(!verifies(field.as_bytes(), b"Hello world!"), "{field}");
        assert_eq!(kind(field.as_bytes()), None, "{field}");
    }
}

#[test]
fn rounds_count_from_a_thousand_to_a_million() {
    for (rounds, good) in [
        ("1000", true),
        ("1000000", true),
        ("999", false),
        ("1000001", false),
        ("9999999", false),
        ("05000", false),
        ("", false),
        ("5000x", false),
        ("+5000", false),
        ("-5000", false),
        (" 5000", false),
        ("4294968296", false),
        ("18446744073709552616", false),
    ] {
        let field = std::format!("$6$rounds={rounds}$saltstring${DIGEST}");
        assert_eq!(
            kind(field.as_bytes()),
            good.then_some(HashKind::Sha512),
            "{rounds}"
        );
    }
    assert_eq!(kind(b"$6$rounds=5000"), None);
}

#[test]
#[cfg_attr(miri, ignore = "thousands of rounds, a second of Miri for each ten")]
fn a_single_wrong_character_is_enough() {
    let good = b"$1$abcd0123$9Qcg8DyviekV3tDGMZynJ1";
    for at in 0..good.len() {
        let mut bad = *good;
        bad[at] ^= 1;
        assert!(!verifies(&bad, MUSL_KEY), "{at}");
    }
}

#[test]
fn differences_do_not_cancel_each_other() {
    for (a, b, same) in [
        (&b"ab"[..], &b"ab"[..], true),
        (b"ab", b"ba", false),
        (b"ab", b"a", false),
        (b"a", b"ab", false),
    ] {
        assert_eq!(equal(a, b), same, "{a:?} {b:?}");
    }
}
