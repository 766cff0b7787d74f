//! What must be true of a linked osconf, read from its ELF file and from the linker's map.

use anyhow::{Context, Result, bail};
use object::elf::{DT_NEEDED, FileHeader64, PT_INTERP};
use object::read::elf::{Dyn, ElfFile64, FileHeader, ProgramHeader};
use object::{Endianness, Object, ObjectSection, ObjectSymbol};

/// Everything in the file that the product must not have; `machine` is the `e_machine` that it must have.
pub(crate) fn faults(file: &[u8], machine: u16) -> Result<Vec<String>> {
    let elf = ElfFile64::<Endianness>::parse(file).context("not a 64-bit ELF file")?;
    let header: &FileHeader64<Endianness> = elf.elf_header();
    let endian = elf.endian();
    let mut faults = Vec::new();

    let found = header.e_machine(endian).0;
    if found != machine {
        faults.push(format!("made for ELF machine {found}, not {machine}"));
    }
    for segment in elf.elf_program_headers() {
        if segment.p_type(endian) == PT_INTERP {
            faults.push("wants an interpreter (PT_INTERP): it is not static".to_owned());
        }
        for entry in segment.dynamic(endian, file)?.unwrap_or_default() {
            if entry.tag(endian) == DT_NEEDED {
                faults.push("wants a shared library (DT_NEEDED): it is not static".to_owned());
            }
        }
    }
    for symbol in elf.dynamic_symbols().filter(|symbol| symbol.is_undefined()) {
        let name = symbol.name().unwrap_or("?");
        if !name.is_empty() {
            faults.push(format!("wants the symbol {name} from a shared library"));
        }
    }
    Ok(faults)
}

/// Parts of names that only Rust's allocator interface and crate `alloc` have.
///
/// `_5alloc` is how the newer mangling writes a path that begins with the
/// crate; `core::alloc`, which only describes layouts, is `4core5alloc`.
const HEAP_PARTS: &[&str] = &[
    "__rust_alloc",
    "__rust_dealloc",
    "__rust_realloc",
    "__rust_no_alloc_shim",
    "__rdl_alloc",
    "__rg_alloc",
    "_5alloc",
    "_ZN5alloc",
];
/// The heap of a C library.
const HEAP_NAMES: &[&str] = &[
    "malloc",
    "calloc",
    "realloc",
    "free",
    "aligned_alloc",
    "posix_memalign",
    "__libc_malloc",
    "__libc_malloc_impl",
    "__libc_free",
    "__libc_realloc",
    "brk",
    "sbrk",
];

/// The symbols of a heap in a map of lld, made with `--no-demangle`.
///
/// A stripped file names no symbols, so they are looked for in what the linker
/// says of the very file that it wrote.
pub(crate) fn heap_symbols(map: &str) -> Result<Vec<String>> {
    let symbols = symbols(map);
    if !symbols.iter().any(|(name, _)| *name == "main") {
        bail!("the linker's map does not even name `main`: its form has changed");
    }
    let is_heap = |name: &str| {
        HEAP_NAMES.contains(&name) || HEAP_PARTS.iter().any(|part| name.contains(part))
    };
    Ok(symbols
        .into_iter()
        .map(|(name, _)| name)
        .filter(|name| is_heap(name))
        .map(str::to_owned)
        .collect())
}

/// What only a program has that can format a panic: code of `core::fmt`, and the
/// places in the source that a panic would name.
pub(crate) fn panic_faults(file: &[u8], map: &str) -> Vec<String> {
    // Both manglings write `core::fmt` so.
    let is_text = |name: &str| name.contains("4core3fmt");
    let symbols = symbols(map);
    let formats = symbols.iter().filter(|(name, _)| is_text(name));
    let formats = formats.map(|(name, _)| format!("formats by core::fmt: {name}"));
    let places = [&b".rs\0"[..], b"/rustc/", b"library/core", b"src/agent"];
    let places = places
        .iter()
        .filter(|text| file.windows(text.len()).any(|part| part == **text));
    let places = places.map(|text| {
        let text = String::from_utf8_lossy(text);
        format!("names a place in the source, as a panic does: {text:?}")
    });
    formats.chain(places).collect()
}

/// The sections that are in the file, each with its bytes.
pub(crate) fn sections(file: &[u8]) -> Result<Vec<(String, u64)>> {
    let elf = ElfFile64::<Endianness>::parse(file).context("not a 64-bit ELF file")?;
    let sections = elf.sections().filter_map(|section| {
        let (_, bytes) = section.file_range()?;
        Some((section.name().ok()?.to_owned(), bytes))
    });
    Ok(sections.collect())
}

/// The largest symbols of a map, each with its size: where to begin when the budget is exceeded.
pub(crate) fn largest(map: &str, count: usize) -> Vec<(&str, u64)> {
    let mut symbols = symbols(map);
    symbols.sort_by_key(|&(_, size)| core::cmp::Reverse(size));
    symbols.truncate(count);
    symbols
}

/// Name and size of each symbol. A line has four columns of numbers before the
/// name; output and input sections stand in the same lines but are no names.
pub(crate) fn symbols(map: &str) -> Vec<(&str, u64)> {
    let lines = map.lines().filter_map(|line| {
        let mut words = line.split_whitespace().skip(2);
        let size = u64::from_str_radix(words.next()?, 16).ok()?;
        Some((words.nth(1)?, size))
    });
    lines
        .filter(|(name, _)| !name.contains(['/', ':']) && !name.starts_with('.'))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_with_shared_libraries_is_not_static() -> Result<()> {
        // This test itself is one.
        let faults = faults(&std::fs::read("/proc/self/exe")?, 0)?.join("\n");
        for fault in [
            "ELF machine",
            "PT_INTERP",
            "DT_NEEDED",
            "from a shared library",
        ] {
            assert!(faults.contains(fault), "{fault} is missing in:\n{faults}");
        }
        Ok(())
    }

    #[test]
    fn a_text_is_no_program() {
        assert!(faults(b"#!/bin/sh\n", 62).is_err());
    }

    #[test]
    fn a_heap_is_seen_in_the_map_by_any_of_its_names() -> Result<()> {
        let map = |name: &str| {
            format!(
                "     VMA      LMA     Size Align Out     In      Symbol\n\
                 \x20   1470     1470      809    16 .text\n\
                 \x20   1470     1470       16     1         /lib/crt1.o:(.text.malloc)\n\
                 \x20   1470     1470        0     1                 main\n\
                 \x20   1486     1486       10     1                 {name}\n"
            )
        };
        let heap = [
            "malloc",
            "_RNvCs5fkp4g5r5xQ_7___rustc12___rust_alloc",
            "_RNvMs_NtCsbmNqQUJIY6D_5alloc7raw_vecNtB4_11RawVecInner",
            "_ZN5alloc7raw_vec19RawVec$LT$T$GT$4grow17h0123456789abcdefE",
        ];
        for name in heap {
            assert_eq!(heap_symbols(&map(name))?, [name]);
        }
        for name in [
            "_RNvNtNtCsgzhNqQUJIY6_4core5alloc6layout",
            "memcpy",
            "freedom",
        ] {
            assert_eq!(heap_symbols(&map(name))?, Vec::<String>::new());
        }
        Ok(())
    }

    #[test]
    fn a_program_that_can_format_a_panic_is_known() -> Result<()> {
        let map = " 1 1 9 1   _ZN4core3fmt5write17h0123456789abcdefE\n \
                   1 1 9 1   _RNvNtCsgzhNqQUJIY6_4core3fmt5write\n";
        assert_eq!(panic_faults(b"", map).len(), 2);
        let own = panic_faults(&std::fs::read("/proc/self/exe")?, "");
        assert!(own.iter().any(|fault| fault.contains("/rustc/")), "{own:?}");
        let map = " 1 1 9 1   _RNvNtCs7BliBxkEZsN_4core9panicking9panic_fmt\n";
        assert_eq!(panic_faults(b"", map), Vec::<String>::new());
        Ok(())
    }

    #[test]
    fn the_largest_symbol_comes_first() {
        let map = " 1 1 10 1   small\n 2 2 a0 1   large\n 3 3 ff 16 .text\n";
        assert_eq!(largest(map, 1), [("large", 0xa0)]);
    }

    #[test]
    fn a_map_without_symbols_is_an_error_and_no_clean_bill() {
        assert!(heap_symbols("").is_err());
    }
}
