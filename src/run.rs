//! One run of the program, from its arguments to its exit code.

use crate::agent::{self, Exit, Run};
use crate::cli::{self, Command, Fault, help};
use crate::conf::{Item, Lexer};
use crate::limits::SETTINGS_BYTES;
use crate::log::{Level, Log};
use crate::settings::{SettingFault, Settings, on_kernel_line};
use crate::sys::files::read_into;
use crate::sys::{Access, Stream, Sys, is_mapped};
use crate::text::{Buf, put};
use core::ffi::CStr;

/// Runs the program and returns its exit code. The first argument is its name.
pub fn run<'a, S: Sys>(sys: &S, arguments: impl Iterator<Item = &'a CStr> + Clone) -> u8 {
    let (exit, has_secrets) = run_with_secrets(sys, arguments);
    if has_secrets {
        wipe_stack();
    }
    exit as u8
}

/// How deep the stack usually is, in bytes: an apply goes 195 KiB deep on x86_64.
const USUAL_DEPTH: usize = 208 * 1024;

/// How deep it may be: a prepare goes 290 KiB deep, and half as much again is for other
/// targets. tests/tests/secrets measures it.
const DEPTH: usize = 432 * 1024;

/// Overwrites what the stack held of secrets below this frame. The kernel lets it grow
/// to the page that is touched (`expand_downwards` in mm/mmap.c): what is not mapped
/// was never used.
#[inline(never)]
fn wipe_stack() {
    let here = 0_u8;
    let here = core::ptr::from_ref(&here).addr();
    match is_mapped(here.wrapping_sub(USUAL_DEPTH)) {
        true => overwrite::<DEPTH>(),
        false => overwrite::<USUAL_DEPTH>(),
    }
}

#[inline(never)]
fn overwrite<const LEN: usize>() {
    let space = [0_u8; LEN];
    zeroize::optimization_barrier(&space);
}

/// Does it; and tells whether it may have left something secret on the stack.
#[inline(never)]
fn run_with_secrets<'a, S: Sys>(
    sys: &S,
    arguments: impl Iterator<Item = &'a CStr> + Clone,
) -> (Exit, bool) {
    let mut words = arguments;
    let mut settings = Settings::default();
    let name = command_of_name(words.next(), &mut settings);
    // Read twice: the root, which only the command line names, has more settings,
    // and the command line beats those.
    let line = match cli::parse(name, words.clone(), &mut settings) {
        Ok(line) => line,
        Err(fault) => return (usage(sys, fault), false),
    };
    match line.command {
        Command::Help => {
            help::show(sys, line.about);
            return (Exit::Done, false);
        }
        Command::Version => {
            sys.say(Stream::Output, VERSION.as_bytes());
            return (Exit::Done, false);
        }
        _ => {}
    }
    let root = match sys.open_folder(settings.root.as_c_str()) {
        Ok(root) => root,
        Err(errno) => {
            let what = &[settings.root.as_bytes(), b" cannot be opened"];
            let log = Log::new(sys, Level::Error, false);
            log.fault(
                Level::Error,
                "root",
                what,
                crate::error::Fault::Kernel(errno),
                "",
            );
            return (Exit::Refused, false);
        }
    };
    // What a root says about its boot job is not meant for what is done by hand.
    let is_job = !matches!(
        line.command,
        Command::Lint
            | Command::Revert
            | Command::Install
            | Command::Uninstall
            | Command::Check
            | Command::Prepare
    );
    #[cfg(feature = "prepare")]
    {
        settings.prepare.is_it = line.command == Command::Prepare;
    }
    if is_job {
        read_settings(sys, &root, &mut settings);
        // It was in order a moment ago.
        let _ = cli::parse(name, words, &mut settings);
    }
    // The root that is in the image is none that runs.
    #[cfg(feature = "check")]
    if let Some(image) = &settings.check.image {
        settings.root = image.clone();
    }
    let log = Log::new(sys, settings.level, settings.log_kernel);
    let run = Run::new(sys, &settings, &log, root);
    let exit = match (line.command, line.file) {
        (Command::Apply, _) => agent::apply(&run),
        (Command::Plan, _) => agent::plan(&run),
        #[cfg(feature = "lint")]
        (Command::Lint, Some(file)) => agent::lint(&run, file),
        (Command::Locate, _) => agent::locate(&run),
        #[cfg(feature = "status")]
        (Command::Status, _) => agent::status(&run),
        #[cfg(feature = "revert")]
        (Command::Revert, _) => agent::revert(&run),
        #[cfg(feature = "install")]
        (Command::Install, _) => agent::install(&run),
        #[cfg(feature = "install")]
        (Command::Uninstall, _) => agent::uninstall(&run),
        #[cfg(feature = "check")]
        (Command::Check, _) => agent::check(&run),
        #[cfg(feature = "prepare")]
        (Command::Prepare, _) => agent::prepare(&run),
        _ => Exit::Usage,
    };
    (exit, run.has_secrets.get())
}

/// What the program's own name says: a link that is called `image_check` does what
/// that program does, and writes its reports beside the link.
#[cfg(feature = "check")]
fn command_of_name(name: Option<&CStr>, settings: &mut Settings) -> Option<Command> {
    let path = crate::value::Path::new(&[name?.to_bytes()])?;
    if path.name() != c"image_check" {
        return None;
    }
    settings.check.report = Some(path.folder());
    Some(Command::Check)
}

/// No name says a command.
#[cfg(not(feature = "check"))]
fn command_of_name(_: Option<&CStr>, _: &mut Settings) -> Option<Command> {
    None
}

/// Takes the settings of the root, and over them those of the kernel's line.
fn read_settings<S: Sys>(sys: &S, root: &S::Fd, settings: &mut Settings) {
    let mut space = [0; SETTINGS_BYTES];
    let file = sys.open_below(root, c"etc/osconf/config", Access::Read);
    let source = read_into(sys, file, &mut space);
    for item in Lexer::new(source) {
        match item {
            Item::Assignment {
                key,
                value,
                fault: None,
            } => {
                take(
                    sys,
                    settings,
                    "/etc/osconf/config",
                    key.text(source),
                    value.text(source),
                );
            }
            Item::Assignment { key, .. } => {
                refuse(sys, "/etc/osconf/config", key.text(source));
            }
            Item::Broken(_, span) => refuse(sys, "/etc/osconf/config", span.text(source)),
        }
    }
    let line = read_into(sys, sys.open_file(c"/proc/cmdline"), &mut space);
    settings.read_kernel_line(line);
    for (key, value) in on_kernel_line(line) {
        take(sys, settings, "the kernel's command line", key, value);
    }
}

#[inline(never)]
fn take<S: Sys>(sys: &S, settings: &mut Settings, source: &str, key: &[u8], value: &[u8]) {
    // The root is what these were read from.
    let result = match key {
        b"root" => Err(SettingFault::Unknown),
        _ => settings.set(key, value),
    };
    if result.is_err() {
        refuse(sys, source, key);
    }
}

/// A boot job goes on without a setting that it does not understand.
fn refuse<S: Sys>(sys: &S, source: &str, key: &[u8]) {
    Log::new(sys, Level::Warning, false).warn("settings", &|out| {
        put!(out, "{}: `", source);
        out.push(key);
        put!(
            out,
            "` is not a setting, or cannot have this value: it is ignored"
        );
    });
}

/// What `-V` says: the version, the machine, and the commands that it was built with.
const VERSION: &str = concat!(
    "osconf ",
    env!("CARGO_PKG_VERSION"),
    " for ",
    cfg_select! {
        target_arch = "x86_64" => { "x86_64" }
        target_arch = "aarch64" => { "aarch64" }
        _ => { "another machine" }
    },
    ": apply plan",
    cfg_select! { feature = "lint" => { " lint" } _ => { "" } },
    " locate",
    cfg_select! { feature = "status" => { " status" } _ => { "" } },
    cfg_select! { feature = "revert" => { " revert" } _ => { "" } },
    cfg_select! { feature = "install" => { " install uninstall" } _ => { "" } },
    cfg_select! { feature = "check" => { " check" } _ => { "" } },
    cfg_select! { feature = "prepare" => { " prepare" } _ => { "" } },
    "\n"
);

#[inline(never)]
fn usage<S: Sys>(sys: &S, fault: Fault<'_>) -> Exit {
    let (what, word): (&str, &[u8]) = match fault {
        Fault::NoCommand => ("say what to do", b""),
        Fault::Command(word) => ("no such command: ", word),
        Fault::Absent(word) => ("this build has no command ", word),
        Fault::Option(word) => ("no such option: ", word),
        Fault::NoValue(word) => ("this option needs a value: ", word),
        Fault::Value(word) => ("this option does not have that value: ", word),
        Fault::NoFile => ("say which file: osconf lint FILE", b""),
        Fault::Extra(word) => ("one word too many: ", word),
    };
    Log::new(sys, Level::Error, false).error("usage", &|out: &mut Buf<'_>| {
        put!(out, "{}", what);
        out.push(word);
        #[cfg(feature = "guide")]
        if let Fault::Command(typed) = fault
            && let Some(meant) = cli::meant(typed)
        {
            put!(out, ": did you mean ");
            out.push(meant);
            put!(out, "?");
        }
        put!(out, ": osconf --help shows how");
    });
    Exit::Usage
}
