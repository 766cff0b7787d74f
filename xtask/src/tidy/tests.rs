//! Each rule must be able to say no, and must leave what is right alone.

use super::*;

fn breaches(path: &str, text: &str) -> usize {
    let found = breaches_of(path, text);
    assert!(found.iter().all(|one| one.starts_with(path)), "{found:?}");
    found.len()
}

#[test]
fn a_rust_file_opens_with_what_it_is_for() {
    assert_eq!(breaches("src/a.rs", "//! Docs.\n"), 0);
    assert_eq!(breaches("src/a.rs", "fn a() {}\n"), 1);
}

#[test]
fn lines_end_without_blanks_and_files_with_one_newline() {
    assert_eq!(breaches("a.md", "a \nb\t\nc\n"), 2);
    assert_eq!(breaches("a.md", "a"), 1);
    assert_eq!(breaches("a.md", "a\n\n"), 1);
    assert_eq!(breaches("tests/samples/a.conf", "a \r"), 0);
}

#[test]
fn unsafe_code_lies_in_one_folder_and_has_a_reason() {
    let with = |before: &str| format!("//! Docs.\n{before}let a = {} {{ b() }};\n", "unsafe");
    assert_eq!(breaches("src/a.rs", &with("// SAFETY: sound.\n")), 1);
    assert_eq!(breaches("src/sys/a.rs", &with("// SAFETY: sound.\n")), 0);
    assert_eq!(
        breaches(
            "src/sys/a.rs",
            &with("// SAFETY: sound,\n// and long.\nlet c =\n")
        ),
        0
    );
    assert_eq!(breaches("src/sys/a.rs", &with("")), 1);
    assert_eq!(breaches("src/sys/a.rs", &with("// Sound.\n")), 1);
    assert_eq!(
        breaches(
            "src/sys/a.rs",
            &with("// SAFETY: of another.\nlet c = 1;\n")
        ),
        1
    );
    assert_eq!(
        breaches("src/a.rs", "//! All unsafe { } is elsewhere.\n"),
        0
    );
}

#[test]
fn the_product_has_no_heap_and_no_std_outside_its_tests() {
    assert_eq!(
        breaches("src/a.rs", "//! Docs.\nuse std::fs;\nextern crate alloc;\n"),
        2
    );
    assert_eq!(
        breaches(
            "src/a.rs",
            "//! Docs.\nuse alloc::vec;\nuse core::alloc::Layout;\n"
        ),
        1
    );
    assert_eq!(
        breaches(
            "src/a.rs",
            "//! Docs.\n#[cfg(test)]\nmod tests { use std::fs; }\n"
        ),
        0
    );
    assert_eq!(breaches("xtask/src/a.rs", "//! Docs.\nuse std::fs;\n"), 0);
}

#[test]
fn a_long_file_is_a_breach() {
    assert_eq!(breaches("tests/a.rs", &"//! Docs.\n".repeat(500)), 0);
    assert_eq!(breaches("tests/a.rs", &"//! Docs.\n".repeat(501)), 1);
}

#[test]
fn each_dependency_says_what_it_is_for() {
    let text = "[dependencies]\n# For this.\na = \"1\"\nb = \"1\"\n[dev-dependencies]\nc = \"1\"\n[features]\nd = []\n";
    assert_eq!(breaches("Cargo.toml", text), 2);
}

#[test]
fn the_top_level_is_fixed() {
    assert_eq!(top_level("Makefile").iter().count(), 1);
    for name in ["src", "LICENSE-MIT", ".cargo", "README.md"] {
        assert_eq!(top_level(name), None);
    }
}
