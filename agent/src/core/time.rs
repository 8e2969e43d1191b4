//! Time as the core knows it: nanoseconds since this agent started.
//!
//! A number of our own, not a clock's instant: tests write `MonoTime::from_millis(1_500)`, simulations start at zero,
//! and a wall clock that steps cannot reach it. It never leaves the machine; messages carry ages.
//! Arithmetic saturates: 64 bits of nanoseconds last 584 years, and a policy cannot ask for more than a year.

use std::time::Duration;

/// Nanoseconds since the agent started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct MonoTime(u64);

impl MonoTime {
    /// The agent's start.
    pub const START: Self = Self(0);

    /// So many nanoseconds after the start.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// So many milliseconds after the start.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// Nanoseconds since the start.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// How long ago `earlier` was; zero if it was not.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// A moment that may lie before the agent's start: when somebody else did something that we hear of later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(i64);

impl Moment {
    /// So long before `now`.
    #[must_use]
    pub fn before(now: MonoTime, age: Duration) -> Self {
        let age = i64::try_from(age.as_nanos()).unwrap_or(i64::MAX);
        Self(i64::try_from(now.0).unwrap_or(i64::MAX).saturating_sub(age))
    }

    /// How long ago that was at `now`; zero if it is still to come.
    #[must_use]
    pub fn age(self, now: MonoTime) -> Duration {
        let age = i64::try_from(now.0).unwrap_or(i64::MAX).saturating_sub(self.0);
        Duration::from_nanos(u64::try_from(age).unwrap_or(0))
    }

    /// When it is so long ago; the start, if that was before.
    #[must_use]
    pub fn after(self, wait: Duration) -> MonoTime {
        let wait = i64::try_from(wait.as_nanos()).unwrap_or(i64::MAX);
        MonoTime(u64::try_from(self.0.saturating_add(wait)).unwrap_or(0))
    }
}

impl std::ops::Add<Duration> for MonoTime {
    type Output = Self;

    fn add(self, wait: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX)))
    }
}

#[cfg(test)]
mod tests;
