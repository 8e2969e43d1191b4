//! What a run looked like over time, for plots: calls of each service in bins, the state of each host as it changed.
//!
//! Filled by whoever keeps the run's books, drawn by `html`. It is no part of the JSON result, which stays small.

use std::collections::BTreeMap;
use std::time::Duration;

/// How long a bin is: short enough to show an overload that lasts one timeout.
pub const BIN: Duration = Duration::from_millis(100);

/// What a run looked like over time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    /// When each bin begins. All series of a service have one value for each.
    pub times: Vec<Duration>,
    /// Each service, by name.
    pub services: BTreeMap<String, ServiceSeries>,
    /// Each host, by number: since when it is in a state, and the state's letter. Of its breakers the one furthest from
    /// Closed counts. C closed, R ramping, H half-open, O open, D deaf, P paused, X its agent does not run.
    pub hosts: Vec<Vec<(Duration, char)>>,
}

/// A service over time. Rates are in calls a second.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServiceSeries {
    /// Calls that reached it, retries included.
    pub offered: Vec<f64>,
    /// Calls it could serve.
    pub capacity: Vec<f64>,
    /// Calls it served before their callers gave up.
    pub goodput: Vec<f64>,
    /// How long a call that came in the bin waited, at most, in milliseconds.
    pub queue_delay: Vec<f64>,
}
