//! Waiting for conditions, never for time.
//!
//! A condition is looked at every few milliseconds until it holds or its deadline has passed. The look is cheap beside
//! what is waited for (a process, a datagram, a timeout of the agent's), and polling needs no hook in what is observed.

use std::future::Future;
use std::thread;
use std::time::{Duration, Instant};

/// Waits until `look` finds something, for [`PATIENCE`] at most.
///
/// # Panics
/// If it does not, with `what` was waited for.
pub fn wait_for<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    wait_until(what, PATIENCE, look)
}

/// The same with a deadline that is part of what is tested.
///
/// # Panics
/// If the deadline passes.
pub fn wait_until<T>(what: &str, within: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < within, "waited {within:?} in vain: {what}");
        thread::sleep(BETWEEN_LOOKS);
    }
}

/// The same where other tasks of the test must go on meanwhile.
///
/// # Panics
/// If [`PATIENCE`] ends first.
pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "waited {PATIENCE:?} in vain: {what}");
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
}

/// How long a condition may take that is not about time: many times what it takes on a busy machine with two cores, and
/// short enough for a person who waits for the failure.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Between two looks: short beside every time the tests measure.
const BETWEEN_LOOKS: Duration = Duration::from_millis(5);
