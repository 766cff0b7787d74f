//! `cargo xtask size`: what the bytes of each binary are, and how they have grown.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result};
use xshell::cmd;

use crate::{build, elf, target, util};

/// Sizes by commit, in the repository: the day, the four sizes, the commit before.
const HISTORY: &str = "xtask/size.tsv";

/// Functions that are named one by one.
const LARGEST: usize = 12;

/// Prints all of it; `is_recorded` adds a line to the history, if the sizes are new.
pub(crate) fn run(is_recorded: bool) -> Result<()> {
    let mut sizes = Vec::new();
    for target in target::all()? {
        for form in build::FORMS {
            let path = build::binary_of(&target, form)?;
            let bytes =
                fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            let map = util::read(&build::map(&path))?;
            let budget = (form.budget)(&target);
            println!(
                "\n-- {} {}: {} of {budget} bytes",
                target.name,
                form.name,
                bytes.len()
            );
            show(&bytes, &map)?;
            sizes.push(bytes.len().to_string());
        }
    }
    history(&sizes, is_recorded)
}

fn show(bytes: &[u8], map: &str) -> Result<()> {
    let symbols = elf::symbols(map);
    let total = symbols.iter().map(|(_, size)| size).sum::<u64>();
    println!("{total} bytes have names; the rest are words, padding and headers");
    let names = symbols.iter().map(|(name, size)| {
        let name = format!("{:#}", rustc_demangle::demangle(name));
        (name, *size)
    });
    let names: Vec<_> = names.collect();
    let (mut crates, mut modules) = (BTreeMap::new(), BTreeMap::new());
    for (name, size) in &names {
        let (owner, module) = place(name);
        *crates.entry(owner.to_owned()).or_insert(0) += size;
        if owner == "osconf" {
            *modules.entry(module).or_insert(0) += size;
        }
    }
    print("crate", crates.into_iter().collect(), 16);
    print("module", modules.into_iter().collect(), 60);
    print("section", elf::sections(bytes)?, 16);
    print("function", names, LARGEST);
    let faults = elf::panic_faults(bytes, map);
    match faults.is_empty() {
        true => println!("no text of a panic, nothing of core::fmt"),
        false => println!("{}", faults.join("\n")),
    }
    Ok(())
}

/// The crate of a symbol, and the module: two deep where it is osconf's.
fn place(name: &str) -> (&str, String) {
    // `<osconf::conf::lexer::Lexer as core::iter::Iterator>::next` is osconf's.
    let path = name.trim_start_matches(|c: char| !c.is_alphanumeric() && c != '_');
    let path = path.strip_prefix("dyn ").unwrap_or(path);
    let end = path
        .find([' ', '<', '>', '(', '[', '{', ','])
        .unwrap_or(path.len());
    let path = path.get(..end).unwrap_or_default();
    let Some((owner, rest)) = path.split_once("::") else {
        return ("musl and the compiler's own", String::new());
    };
    // What begins with a capital letter is no module.
    let is_module = |part: &&str| part.starts_with(|c: char| c.is_lowercase() || c == '_');
    let parts: Vec<_> = rest.split("::").collect();
    let modules = parts.split_last().map_or(&[][..], |(_, modules)| modules);
    let modules: Vec<_> = modules
        .iter()
        .copied()
        .take_while(is_module)
        .take(2)
        .collect();
    (owner, modules.join("::"))
}

/// Prints the largest first.
fn print(what: &str, mut rows: Vec<(String, u64)>, count: usize) {
    rows.sort_by_key(|(_, size)| core::cmp::Reverse(*size));
    println!("  bytes  {what}");
    for (name, size) in rows.iter().take(count).filter(|(_, size)| *size > 0) {
        println!("{size:>7}  {name}");
    }
}

/// Shows the last lines of the history, and adds one.
fn history(sizes: &[String], is_recorded: bool) -> Result<()> {
    let path = util::root().join(HISTORY);
    let mut text = util::read(&path)?;
    let line = sizes.join("\t");
    let is_new = text.lines().last().is_none_or(|last| !last.contains(&line));
    if is_new && is_recorded {
        let sh = util::shell()?;
        let last = cmd!(sh, "git log -1 --format=%cs%x09%s").quiet().read()?;
        let (day, subject) = last.split_once('\t').unwrap_or_default();
        text += &format!("{day}\t{line}\tafter: {subject}\n");
        util::write(&path, &text)?;
    }
    println!("\n-- {HISTORY}");
    let lines: Vec<_> = text.lines().collect();
    for line in lines
        .iter()
        .take(1)
        .chain(lines.iter().skip(1.max(lines.len().saturating_sub(8))))
    {
        println!("{line}");
    }
    if is_new && !is_recorded {
        println!("now\t{line}\t`cargo xtask size --record` adds this");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_symbol_belongs_to_the_first_crate_and_module_in_its_name() {
        for (name, wanted) in [
            ("osconf::agent::job::Job<S>::of", ("osconf", "agent::job")),
            (
                "<osconf::conf::lexer::Lexer as core::iter::Iterator>::next",
                ("osconf", "conf::lexer"),
            ),
            ("osconf::run::run", ("osconf", "run")),
            ("md5::compress::compress", ("md5", "compress")),
            ("memcpy", ("musl and the compiler's own", "")),
        ] {
            let (owner, module) = place(name);
            assert_eq!((owner, module.as_str()), wanted, "{name}");
        }
    }
}
