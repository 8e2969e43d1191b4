//! What a client counts: how calls were let through, and what was lost on the way to the agent.
//!
//! Losing a report must never cost the application a call, so losses are silent; these counts are where they show. They
//! are plain atomics, shared by all handles of one client and its background task, because several threads may ask at
//! once and nothing may wait for a number.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts since the client was made; they only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Calls the agent let through.
    pub granted: u64,
    /// Calls the agent refused.
    pub rejected: u64,
    /// Calls let through without the agent's word, for whatever reason (fail open).
    pub unguarded: u64,
    /// Of these, because the deadline passed.
    pub late: u64,
    /// Grants that came after their asker had gone, given back at once.
    pub given_back: u64,
    /// Calls whose outcome was not sent: the queue was full, or their connection had ended.
    pub reports_lost: u64,
    /// Calls whose outcome the agent did not take in, or did not say.
    pub reports_failed: u64,
    /// Connections that were welcomed.
    pub connections: u64,
    /// Attempts to connect that failed.
    pub connects_failed: u64,
    /// Connections ended because of bytes that are no answer.
    pub protocol_errors: u64,
}

/// The live counts.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) granted: Count,
    pub(crate) rejected: Count,
    pub(crate) unguarded: Count,
    pub(crate) late: Count,
    pub(crate) given_back: Count,
    pub(crate) reports_lost: Count,
    pub(crate) reports_failed: Count,
    pub(crate) connections: Count,
    pub(crate) connects_failed: Count,
    pub(crate) protocol_errors: Count,
}

/// One count. Relaxed: the counts are read by people, nothing is ordered by them.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Tally {
    pub(crate) fn read(&self) -> Counters {
        Counters {
            granted: self.granted.read(),
            rejected: self.rejected.read(),
            unguarded: self.unguarded.read(),
            late: self.late.read(),
            given_back: self.given_back.read(),
            reports_lost: self.reports_lost.read(),
            reports_failed: self.reports_failed.read(),
            connections: self.connections.read(),
            connects_failed: self.connects_failed.read(),
            protocol_errors: self.protocol_errors.read(),
        }
    }
}

impl Count {
    pub(crate) fn one(&self) {
        self.add(1);
    }

    pub(crate) fn add(&self, calls: u64) {
        self.0.fetch_add(calls, Ordering::Relaxed);
    }

    fn read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
