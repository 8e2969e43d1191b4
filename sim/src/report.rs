//! What a run came to: one JSON document, or a page of at most 80 columns.
//!
//! Nothing here depends on the process: the same run prints the same bytes.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

/// What a run came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// The scenario's name.
    pub scenario: &'static str,
    /// How many hosts.
    pub hosts: usize,
    /// Where all chance came from.
    pub seed: u64,
    /// Stands for everything that happened: 16 hex digits.
    pub trace_hash: String,
    /// How many things the trace holds.
    pub trace_events: u64,
    /// How long it was, in simulated seconds.
    pub sim_seconds: f64,
    /// What was measured.
    pub metrics: SpreadMetrics,
    /// What all agents counted themselves, by name, summed.
    pub agent_counters: BTreeMap<String, u64>,
}

/// How news of a failing service spread.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SpreadMetrics {
    /// The host for which the service failed.
    pub failing_host: String,
    /// Calls of that host that failed until its breaker opened.
    pub failed_calls: u64,
    /// From the first start until every agent knew all others.
    pub joined_ms: u64,
    /// From the beginning until the breaker opened.
    pub tripped_ms: u64,
    /// From the trip until the agents of the other hosts showed it.
    pub spread_ms: Percentiles,
    /// The same for each of them.
    pub shown_after_ms: BTreeMap<String, u64>,
    /// Bytes an agent sends in a second at rest, without the overhead of UDP and IP.
    pub gossip_bytes_per_host_s: u64,
    /// Datagrams an agent sends in a second at rest.
    pub datagrams_per_host_s: f64,
    /// Datagrams sent in the whole run.
    pub datagrams_sent: u64,
    /// Of these, received.
    pub datagrams_received: u64,
    /// Of these, dropped on purpose.
    pub datagrams_lost: u64,
}

/// A distribution in three numbers. Percentiles are by nearest rank, so each is a value that occurred.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Percentiles {
    /// Half are not above it.
    pub p50: u64,
    /// 99 of a hundred are not above it.
    pub p99: u64,
    /// The largest.
    pub max: u64,
}

impl Percentiles {
    /// Of some values; all zero of none.
    #[must_use]
    pub fn of(values: impl IntoIterator<Item = u64>) -> Self {
        let mut sorted: Vec<_> = values.into_iter().collect();
        sorted.sort_unstable();
        let rank = |percent: usize| {
            let rank = (sorted.len() * percent).div_ceil(100).max(1);
            sorted.get(rank - 1).copied().unwrap_or_default()
        };
        Self { p50: rank(50), p99: rank(99), max: rank(100) }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let metrics = &self.metrics;
        writeln!(f, "{}, {} hosts, seed {}\n", self.scenario, self.hosts, self.seed)?;
        writeln!(f, "joined            all agents knew each other after {} ms", metrics.joined_ms)?;
        writeln!(
            f,
            "tripped           {} at {} ms, after {} failed calls",
            metrics.failing_host, metrics.tripped_ms, metrics.failed_calls
        )?;
        let Percentiles { p50, p99, max } = metrics.spread_ms;
        writeln!(f, "shown by others   p50 {p50} ms, p99 {p99} ms, max {max} ms after the trip")?;
        writeln!(
            f,
            "gossip at rest    {} bytes and {} datagrams per host and second",
            metrics.gossip_bytes_per_host_s, metrics.datagrams_per_host_s
        )?;
        writeln!(
            f,
            "datagrams         {} sent, {} received, {} lost on purpose\n",
            metrics.datagrams_sent, metrics.datagrams_received, metrics.datagrams_lost
        )?;
        let mut shown: Vec<_> = metrics.shown_after_ms.iter().collect();
        shown.sort_by_key(|(host, _)| (host.len(), *host));
        let cells: Vec<_> = shown.iter().map(|(host, ms)| format!("{host:<4}{ms:>6} ms")).collect();
        for line in cells.chunks(CELLS_A_LINE) {
            writeln!(f, "{}", line.join("    "))?;
        }
        writeln!(
            f,
            "\ntrace_hash {}  ({} events in {} simulated seconds)",
            self.trace_hash, self.trace_events, self.sim_seconds
        )
    }
}

/// 13 columns each and 4 between them fit in 80.
const CELLS_A_LINE: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_occurred() {
        assert_eq!(Percentiles::of([]), Percentiles::default());
        assert_eq!(Percentiles::of([7]), Percentiles { p50: 7, p99: 7, max: 7 });
        assert_eq!(Percentiles::of([3, 1, 2]), Percentiles { p50: 2, p99: 3, max: 3 });
        assert_eq!(Percentiles::of(1..=100), Percentiles { p50: 50, p99: 99, max: 100 });
        assert_eq!(Percentiles::of(1..=101), Percentiles { p50: 51, p99: 100, max: 101 });
    }

    #[test]
    fn the_page_fits_in_80_columns_with_the_largest_numbers_there_can_be() {
        let largest = 120_000_u64;
        let report = Report {
            scenario: "spread",
            hosts: 50,
            seed: u64::MAX,
            trace_hash: "0".repeat(16),
            trace_events: 10_000_000,
            sim_seconds: 119.999,
            metrics: SpreadMetrics {
                failing_host: "h49".to_owned(),
                failed_calls: 100,
                joined_ms: largest,
                tripped_ms: largest,
                spread_ms: Percentiles { p50: largest, p99: largest, max: largest },
                shown_after_ms: (0..50).map(|host| (format!("h{host}"), largest)).collect(),
                gossip_bytes_per_host_s: 10_000_000,
                datagrams_per_host_s: 10_000.1,
                datagrams_sent: 5_000_000,
                datagrams_received: 5_000_000,
                datagrams_lost: 5_000_000,
            },
            agent_counters: BTreeMap::new(),
        };
        let page = report.to_string();
        assert!(page.lines().all(|line| line.chars().count() <= 80), "{page}");
        let at = |host: &str| page.find(host).unwrap();
        assert!(at("h2 ") < at("h10 ") && at("h10 ") < at("h20 "), "hosts are in order of number: {page}");
    }
}
