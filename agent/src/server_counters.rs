//! What the socket edge counts: one set of numbers, shared by the server, its sessions and the driver's status.
//!
//! Plain atomics, because the writers are sessions and the reader is the driver, and a count needs no order with
//! anything else. They only ever grow within one life of the agent. How many connections there are now is not among
//! them: the driver knows that from the mail.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts of the socket edge since the agent started.
#[derive(Debug, Default)]
pub struct ServerCounters {
    /// Connections accepted, those refused as one too many included.
    pub accepted: Count,
    /// Connections refused because there were as many as the agent allows.
    pub refused_full: Count,
    /// Times that accepting a connection failed (out of file descriptors, mostly).
    pub accept_errors: Count,
    /// Connections that did not open with the bytes of our hello.
    pub bad_hello: Count,
    /// Connections that did not finish their hello in time.
    pub hello_timeouts: Count,
    /// Connections that share no version of the protocol with us.
    pub no_common_version: Count,
    /// Connections closed for a frame that was too large or no request.
    pub malformed: Count,
    /// Connections closed because nothing was asked for too long.
    pub closed_idle: Count,
    /// Connections cut off because their client did not take its answers.
    pub cut_off_slow: Count,
    /// Requests answered `busy` because the driver was behind.
    pub busy: Count,
    /// Answers replaced by a failure because they did not fit in a frame.
    pub answers_too_large: Count,
    /// Sessions that died of a bug of ours.
    pub panicked: Count,
}

/// One number that grows.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl ServerCounters {
    /// Every count with its name, in order of name.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        [
            ("connections_accepted", &self.accepted),
            ("connections_bad_hello", &self.bad_hello),
            ("connections_closed_idle", &self.closed_idle),
            ("connections_cut_off_slow", &self.cut_off_slow),
            ("connections_hello_timeout", &self.hello_timeouts),
            ("connections_malformed", &self.malformed),
            ("connections_no_common_version", &self.no_common_version),
            ("connections_refused_full", &self.refused_full),
            ("server_accept_errors", &self.accept_errors),
            ("server_answers_busy", &self.busy),
            ("server_answers_too_large", &self.answers_too_large),
            ("server_sessions_panicked", &self.panicked),
        ]
        .into_iter()
        .map(|(name, count)| (name, count.value()))
    }
}

impl Count {
    /// Counts one.
    pub fn one(&self) {
        self.many(1);
    }

    /// Counts so many.
    pub fn many(&self, more: usize) {
        self.0.fetch_add(more as u64, Ordering::Relaxed);
    }

    /// How many so far.
    #[must_use]
    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_count_has_a_name_of_its_own_and_they_come_in_order() {
        let counters = ServerCounters::default();
        counters.busy.many(3);
        counters.busy.one();
        let listed: Vec<_> = counters.iter().collect();
        assert!(listed.windows(2).all(|pair| pair[0].0 < pair[1].0), "{listed:?}");
        assert_eq!(listed.len() * size_of::<Count>(), size_of::<ServerCounters>(), "a count is not listed");
        assert_eq!(listed.iter().find(|(name, _)| *name == "server_answers_busy"), Some(&("server_answers_busy", 4)));
    }
}
