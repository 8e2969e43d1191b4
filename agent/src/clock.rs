//! The one place that makes the time the core is given: the runtime's monotonic time, as nanoseconds since the agent started.
//!
//! It is tokio's, so that paused and simulated time are the agent's time too, and monotonic, so that a wall clock that
//! steps changes nothing.

use tokio::time::Instant;

use crate::core::time::MonoTime;

/// The time since the agent started.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// A clock that starts now.
    #[must_use]
    pub fn start() -> Self {
        Self { start: Instant::now() }
    }

    /// The time now.
    #[must_use]
    pub fn now(self) -> MonoTime {
        let elapsed = Instant::now().saturating_duration_since(self.start);
        MonoTime::START + elapsed
    }

    /// When the runtime's time will be this.
    #[must_use]
    pub fn instant(self, time: MonoTime) -> Instant {
        self.start + time.since(MonoTime::START)
    }
}
