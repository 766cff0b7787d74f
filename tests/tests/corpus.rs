//! The inputs that a fuzzer found and that are kept, and the samples and golden files
//! of the other tests, held against the laws of `tests/fuzz/` by the ordinary
//! compiler. A law that does not hold names the file.

#[path = "../fuzz/src/lib.rs"]
mod fuzz;

use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus")
}

/// Every file below a folder, in the order of their names.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() && !path.is_symlink() {
            all.extend(files(&path));
        } else if path.is_file() {
            all.push(path);
        }
    }
    all
}

/// Holds a file, behind `head`, against the laws of a target.
fn hold(target: &str, head: &[u8], path: &Path) {
    let text = fs::read(path).expect("a file that can be read");
    let data = [head, &text].concat();
    let outcome = catch_unwind(|| fuzz::run(target, &data));
    assert!(outcome.is_ok(), "{target}: {}: see above", path.display());
}

#[test]
fn every_input_that_is_kept_obeys_the_laws_of_its_target() {
    for (target, _) in fuzz::TARGETS {
        let all = files(&folder().join(target));
        assert!(all.len() > 10, "{target}: too few inputs are kept");
        for path in all {
            hold(target, b"", &path);
        }
    }
}

#[test]
fn every_os_conf_of_the_other_tests_obeys_the_laws() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let samples = files(&tests.join("samples"));
    let others = files(&tests.join("networks/cases"));
    let others = others.into_iter().filter(|path| path.ends_with("os.conf"));
    let all: Vec<PathBuf> = samples.into_iter().chain(others).collect();
    assert!(all.len() > 10);
    for path in all {
        hold("conf", b"", &path);
    }
}

#[test]
fn every_golden_network_file_is_an_old_file_that_obeys_the_laws() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let all = files(&tests.join("networks/formats"));
    assert!(all.len() > 100);
    for (number, path) in all.iter().enumerate() {
        let number = (number % 240) as u8;
        // Not always its own format: what is foreign must do no harm, either.
        for format in [number % 13, (number + 5) % 13] {
            let head = [
                format,
                number & 0xfe,
                number,
                0,
                0,
                0,
                0,
                0,
                0,
                0,
                0,
                0,
                0,
                0,
                0,
                0,
            ];
            hold("network", &head, path);
        }
        for editor in [number % 12, (number + 7) % 12] {
            hold("editors", &[editor], path);
        }
    }
}

#[test]
fn an_editor_that_forgets_the_final_newline_is_caught() {
    let caught = files(&folder().join("editors")).iter().any(|path| {
        let data = fs::read(path).expect("a file that can be read");
        catch_unwind(|| fuzz::broken_editor(&data)).is_err()
    });
    assert!(caught, "the negative control");
}
