//! Ends runs that do not end by themselves.

use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};
use core::time::Duration;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::sync::{Arc, LazyLock};
use std::time::Instant;

/// No run takes as long as this many milliseconds: waiting takes none.
const LONGEST: u64 = 20_000;

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

fn now() -> u64 {
    u64::try_from(START.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// The run that is on its way, and since when.
#[derive(Default)]
pub(crate) struct Watch {
    pid: AtomicI32,
    since: AtomicU64,
    is_hang: AtomicBool,
}

impl Watch {
    /// One that looks on for as long as somebody else has it.
    pub(crate) fn new() -> Arc<Self> {
        let watch = Arc::new(Self::default());
        let own = Arc::clone(&watch);
        std::thread::spawn(move || {
            while Arc::strong_count(&own) > 1 {
                std::thread::sleep(Duration::from_millis(250));
                own.look();
            }
        });
        watch
    }

    fn look(&self) {
        let pid = self.pid.load(Ordering::SeqCst);
        if pid != 0 && now().saturating_sub(self.since.load(Ordering::SeqCst)) > LONGEST {
            self.is_hang.store(true, Ordering::SeqCst);
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }

    /// A run begins.
    pub(crate) fn begin(&self, pid: Pid) {
        self.since.store(now(), Ordering::SeqCst);
        self.pid.store(pid.as_raw(), Ordering::SeqCst);
    }

    /// A run is over; whether it was ended from here.
    pub(crate) fn end(&self) -> bool {
        self.pid.store(0, Ordering::SeqCst);
        self.is_hang.swap(false, Ordering::SeqCst)
    }
}
