//! The bill of materials, as another reader of JSON sees it.

use std::collections::BTreeSet;

use serde_json::Value;

use super::json::Json;
use crate::build::FORMS;
use crate::{target, util};

#[test]
fn another_reader_reads_the_same_text() {
    let text: String = (0..0x180).filter_map(char::from_u32).collect();
    let text = text + "\u{2028}\u{1f980}\"\\/";
    let json = Json::Object(vec![
        ("text", Json::text(&text)),
        ("none", Json::List(Vec::new())),
        ("list", Json::List(vec![Json::Number(1), Json::text("")])),
    ]);
    let read: Value = serde_json::from_str(&json.to_string()).unwrap();
    let expected = serde_json::json!({"text": text, "none": [], "list": [1, ""]});
    assert_eq!(read, expected);
}

/// The bill of each binary, with a file of the tree in the binary's place.
fn bills() -> Vec<(String, Value)> {
    let sh = util::shell().unwrap();
    let mut bills = Vec::new();
    for target in target::all().unwrap() {
        for form in FORMS {
            let binary = util::root().join("LICENSE-MIT");
            let text = super::text(&sh, &target, form, &binary, "1700000000").unwrap();
            let name = format!("{} {}", target.name, form.name);
            bills.push((name, serde_json::from_str(&text).unwrap()));
        }
    }
    bills
}

fn texts<'a>(list: &'a Value, field: &str) -> BTreeSet<&'a str> {
    let list = list.as_array().unwrap().iter();
    list.map(|value| value[field].as_str().unwrap()).collect()
}

#[test]
fn every_crate_has_its_licence_and_checksum_and_each_dependency_is_a_component() {
    for (name, bill) in bills() {
        assert_eq!(bill["bomFormat"], "CycloneDX");
        assert_eq!(bill["metadata"]["timestamp"], "2023-11-14T22:13:20Z");
        let components = bill["components"].as_array().unwrap();
        let mut known = texts(&bill["components"], "bom-ref");
        assert_eq!(known.len(), components.len(), "{name}: one is there twice");
        for part in components {
            assert_ne!(part["licenses"][0]["expression"], "", "{name}: {part}");
            if part["purl"].as_str().unwrap().starts_with("pkg:cargo/") {
                let sum = part["hashes"][0]["content"].as_str().unwrap();
                assert!(sum.len() == 64, "{name}: {part}");
            }
        }
        known.insert(bill["metadata"]["component"]["bom-ref"].as_str().unwrap());
        assert_eq!(texts(&bill["dependencies"], "ref"), known, "{name}");
        for user in bill["dependencies"].as_array().unwrap() {
            for used in user["dependsOn"].as_array().unwrap() {
                let used = used.as_str().unwrap();
                assert!(known.contains(used), "{name}: {used} is no component");
            }
        }
    }
}

#[test]
fn a_bill_has_what_its_features_bring_and_nothing_that_only_builds() {
    for (name, bill) in bills() {
        let parts = texts(&bill["components"], "name");
        for always in [
            "sha2",
            "rustix",
            "linux-raw-sys",
            "musl",
            "rust",
            "compiler-rt",
        ] {
            assert!(parts.contains(always), "{name}: no {always}");
        }
        for never in ["ufmt-macros", "syn", "quote", "serde", "flate2", "osconf"] {
            assert!(!parts.contains(never), "{name}: {never}");
        }
        let is_whole = name.ends_with("whole");
        assert_eq!(parts.contains("miniz_oxide"), is_whole, "{name}");
    }
}

/// The comment of another compiler is no version of musl.
#[test]
fn the_version_of_musl_is_a_text_of_its_own() {
    let libc = b"\x7fELF\0GCC: (GNU) 9.4.0\0\n1.2.5\0\n127.0.0.1\0";
    assert_eq!(super::musl_version(libc).as_deref(), Some("1.2.5"));
    assert_eq!(super::musl_version(b"1.2.5\0\n1.2.6\0"), None);
}
