//! The kernel that runs: its host name and its network.

use super::run::Run;
use super::{report, survey};
use crate::conf::{Conf, Findings, Network, Wish, parse};
use crate::error::Fault;
use crate::hostname::PLAIN;
use crate::limits::CONF_BYTES;
use crate::log::Level;
use crate::network::{KEPT_NETWORK, kernel};
use crate::part::Part;
use crate::sys::Sys;
use crate::value::HostName;

/// Gives the kernel its host name.
pub fn set_host_name<S: Sys>(run: &Run<'_, S>, name: HostName<'_>) -> bool {
    let result = run.sys.set_host_name(name.as_bytes());
    if let Err(errno) = result {
        let what = b"the kernel does not take it";
        run.log.fault(
            Level::Error,
            Part::HostName.name(),
            &[what],
            Fault::Kernel(errno),
            "",
        );
    }
    result.is_ok()
}

/// Gives the kernel the addresses and routes of `network`. Waits for its NICs.
pub fn set_network<S: Sys>(run: &Run<'_, S>, network: &Network) -> bool {
    let Some(links) = survey::wait_for(run, network, survey::wait(run)) else {
        return false;
    };
    let applied = kernel::apply(run.sys, network, &links, &mut |fault| {
        report::say_kernel_fault(run, &fault);
    });
    for nic in network
        .nics
        .iter()
        .filter(|nic| applied.missing.contains(&nic.label))
    {
        report::say_no_interface(run, nic, "");
    }
    applied.is_complete()
}

/// What this program sets up by itself at every boot, where no other does:
/// addresses and routes from our own file, and the host name.
pub fn boot<S: Sys>(run: &Run<'_, S>) -> bool {
    let Some(file) = run.try_read(KEPT_NETWORK) else {
        return true;
    };
    let text = &*file.content;
    if text.len() > CONF_BYTES {
        return true;
    }
    // Its warnings were given when it was written.
    let conf: Conf<'_> = parse(text, &mut Findings::default());
    let mut is_done = match &conf.network {
        Wish::Value(network) => set_network(run, network),
        _ => true,
    };
    if run.settings.is_running_root()
        && let Some(file) = run.try_read(PLAIN.path)
        && let Some(name) = PLAIN
            .form
            .read(&file.content)
            .and_then(|name| HostName::parse(name).ok())
    {
        is_done &= set_host_name(run, name);
    }
    is_done
}
