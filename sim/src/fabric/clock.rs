//! What time it is in a simulation.
//!
//! Hosts have clocks of their own (tokio's, one per runtime), which stop with a paused host; this is the one time all of
//! them are looked at from outside. The fabric moves it, once a step; everybody else may only read it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Simulated time since the beginning. Clones show the same.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    nanos: Arc<AtomicU64>,
}

impl Clock {
    /// The time now.
    #[must_use]
    pub fn now(&self) -> Duration {
        Duration::from_nanos(self.nanos.load(Ordering::Relaxed))
    }

    /// The same as a closure, for whoever does not know fabrics.
    #[must_use]
    pub fn reader(&self) -> Arc<dyn Fn() -> Duration + Send + Sync> {
        let clock = self.clone();
        Arc::new(move || clock.now())
    }

    pub(super) fn set(&self, now: Duration) {
        // 584 years are more than any simulation takes.
        self.nanos.store(u64::try_from(now.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}
