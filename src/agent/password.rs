//! root's new password: read once, hashed once.

use super::run::Run;
use crate::account::{self, Place, Salt};
use crate::change::NewPassword;
use crate::conf::Conf;
use crate::error::Fault;
use crate::log::Level;
use crate::part::Part;
use crate::sys::Sys;
use crate::sys::files::File;
use crate::text::put;
use crate::value::HashKind;
use core::ffi::CStr;

/// musl, where distributions have it: the dynamic loader is the library.
const MUSL: [&CStr; 8] = [
    c"lib/ld-musl-x86_64.so.1",
    c"lib/ld-musl-aarch64.so.1",
    c"lib/ld-musl-i386.so.1",
    c"lib/ld-musl-armhf.so.1",
    c"usr/lib/ld-musl-x86_64.so.1",
    c"usr/lib/ld-musl-aarch64.so.1",
    c"lib/libc.so",
    c"usr/lib/libc.so",
];

/// When this binary was built, in seconds since 1970: a clock that is before is
/// wrong. Zero, if nobody said.
const BUILT: &str = match option_env!("SOURCE_DATE_EPOCH") {
    Some(seconds) => seconds,
    None => "0",
};

/// The password field that the account files are to have.
///
/// # Errors
/// There is none; it was said why.
pub fn prepare<S: Sys>(run: &Run<'_, S>, conf: &Conf<'_>) -> Result<Option<NewPassword>, ()> {
    let Some(secret) = conf.password.value() else {
        return Ok(None);
    };
    let read = |path: &CStr| {
        let read = run.read(path).and_then(|file| run.or_copy(file, path));
        read.map(|(file, _)| file).map_err(|fault| {
            let what = &[b"/", path.to_bytes()];
            run.log
                .fault(Level::Error, Part::Password.name(), what, fault, "");
        })
    };
    let shadow = read(c"etc/shadow")?;
    let passwd = read(c"etc/passwd")?;
    let shadow = shadow.as_ref().map(|file: &File<S>| &*file.content);
    let passwd = passwd.as_ref().map(|file: &File<S>| &*file.content);
    let place = account::place(shadow, passwd);
    let file = match place {
        Place::Shadow => shadow,
        Place::Passwd => passwd,
        Place::NoRoot => {
            run.log.error(Part::Password.name(), &|out| {
                put!(
                    out,
                    "no account root in /etc/shadow or /etc/passwd: add its line"
                );
            });
            return Err(());
        }
    };
    let file = file.unwrap_or_default();
    let kind = hash_kind(run);
    let now = run.sys.now();
    let day = account::last_change_day(now, built());
    // What verifies the password already stays, so that twice is once.
    let known = account::verified(file, secret.expose(), kind)
        .and_then(|field| NewPassword::new(field, day, place));
    if known.is_some() {
        return Ok(known);
    }
    let mut random = [0; 16];
    run.sys.random(&mut random).map_err(|errno| {
        let what = b"no random bytes for a salt";
        run.log.fault(
            Level::Error,
            Part::Password.name(),
            &[what],
            Fault::Kernel(errno),
            "",
        );
    })?;
    let hash = account::hash(kind, secret.expose(), Salt::from_random(random));
    Ok(NewPassword::new(hash.expose(), day, place))
}

/// `--hash`, or the best that the root's C library verifies.
fn hash_kind<S: Sys>(run: &Run<'_, S>) -> HashKind {
    if let Some(kind) = run.settings.hash {
        return kind;
    }
    let kind = MUSL
        .into_iter()
        .find_map(|path| run.try_read(path))
        .and_then(|library| account::strongest(&library.content))
        .unwrap_or(HashKind::Sha512);
    if kind == HashKind::Md5 {
        run.log.warn(Part::Password.name(), &|out| {
            put!(out, "this C library verifies nothing better than MD5, which is easily broken: log in by key and lock the password");
        });
    }
    kind
}

fn built() -> i64 {
    crate::value::ipv4::decimal_long(BUILT.as_bytes()).unwrap_or(0)
}
