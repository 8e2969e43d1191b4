//! What the callers of a service have seen together, and whether that is a trip: a pure function of what each of them
//! has told, how old that is, and what it would take.
//!
//! **The rule.** On the shortest span whose pooled calls reach the minimum, the service fails if there are
//! `threshold x calls + 1.5 x sqrt(calls)` failures, found by enough hosts. The root is three standard deviations of
//! what chance adds at a threshold of one half; without it a service with 30 % errors opens many times a day. At high
//! thresholds calls cannot fail that often: there the margin is three quarters of what is left.
//!
//! **Enough hosts** are two, and 30 % of the callers expected in that span, and hosts that stand for 30 % of all callers.
//! Two shares, because in a short span few callers of a quiet service have a call at all: they are compared with those
//! who would have had one. But where a few busy hosts are all who would, they must not decide for the many quiet
//! ones: so of all callers each stands for itself, and only who calls less than once in the span for more. Hosts whose
//! own breaker stands open on the service suffice by themselves if they are 30 % of all.
//!
//! **Judged twice**, either suffices: over the callers of one's own zone; and over all, but then it must fail too if any
//! one zone is left out, or one large zone's trouble would open the service everywhere.
//!
//! There is no floating point, so all hosts that heard the same come to the same. `pool` adds up what is judged here.

mod pool;

use std::time::Duration;

use super::digest::{Spans, span};
use super::guards::Guards;
use super::policy::Rate;
use pool::{Callers, Quorum, Within};

/// What a judgement rests on: the pooled calls of one span, against what would trip.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Judgement {
    /// Whether it trips.
    pub trips: bool,
    /// Over whom it was judged.
    pub scope: Scope,
    /// The judged span; the longest if the calls of none were enough.
    pub span: Duration,
    /// Pooled calls, silent callers included.
    pub calls: u64,
    /// Failed ones.
    pub failed: u64,
    /// Failures that would be needed.
    pub failed_needed: u64,
    /// Hosts that find the service failing.
    pub failing_hosts: u32,
    /// Of these, by their own breaker.
    pub standing_hosts: u32,
    /// Hosts that would be needed.
    pub hosts_needed: u32,
    /// Callers heard, ourselves included.
    pub callers: u32,
    /// Whether our own calls go well.
    pub first_hand_good: bool,
}

/// Over whom a judgement was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// The callers of this host's zone.
    #[default]
    Zone,
    /// All callers.
    All,
}

/// One caller of the service, as it is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Voice<'a> {
    /// Its own calls, as it told them. More failures than calls, or more calls in a shorter span, do no harm.
    pub spans: &'a Spans,
    /// How long ago that was.
    pub age: Duration,
    /// The zone it is in.
    pub zone: Option<&'a str>,
    /// How often it calls, in calls per 1,000 s; 0 if it does not say.
    pub rate: u32,
    /// Its own breaker is Open, by the service's failures.
    pub standing: bool,
    /// It is in an opening and makes no calls: its silence says nothing.
    pub in_opening: bool,
    /// It is this host: what it has not counted was not called.
    pub myself: bool,
}

/// What it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bar {
    /// The share of calls that has to fail.
    pub threshold: Rate,
    /// Fewest pooled calls a rate is taken of.
    pub minimum: u64,
    /// The shortest span judged: an index into the spans.
    pub shortest_span: usize,
    /// Which protections are on.
    pub guards: Guards,
}

/// Judges, on a host of this zone, over the zone and over all. The judgement that trips, else the zone's; where all are
/// of one zone, there is only the one over all.
#[must_use]
pub fn judge(bar: &Bar, zone: Option<&str>, voices: &[Voice<'_>]) -> Judgement {
    let all = Callers { bar, voices, within: Within::All };
    if voices.iter().all(|voice| voice.zone == zone) {
        // It is all, and no other zone has to agree.
        return Judgement { scope: Scope::All, ..judge_over(&all, Scope::Zone) };
    }
    let own = judge_over(&Callers { within: Within::Zone(zone), ..all }, Scope::Zone);
    if own.trips {
        return own;
    }
    let all = judge_over(&all, Scope::All);
    if all.trips { all } else { own }
}

fn judge_over(callers: &Callers<'_>, scope: Scope) -> Judgement {
    let bar = callers.bar;
    let (index, pool) = callers.judged();
    let failed_needed = bar.failed_needed(pool.calls);
    let by_rate = pool.calls >= bar.minimum && pool.failed >= failed_needed && pool.quorum.is_reached();
    let among_all = if by_rate { callers.stood_for(index) } else { pool.quorum };
    let standing = Quorum { hosts: pool.standing, ..callers.of_all() };
    // Judged over one zone, it does not matter how others fare.
    let of_one_zone = scope == Scope::Zone;
    let by_rate = by_rate && among_all.is_reached() && (of_one_zone || callers.fail_without_any_zone(index));
    let by_standing = standing.is_reached() && (of_one_zone || callers.stand_in_two_zones());
    let quorum = match (by_rate, by_standing) {
        (true, _) => pool.quorum,
        (false, true) => standing,
        (false, false) => among_all,
    };
    Judgement {
        trips: by_rate || by_standing,
        scope,
        span: span(index),
        calls: pool.calls,
        failed: pool.failed,
        failed_needed,
        failing_hosts: quorum.hosts,
        standing_hosts: pool.standing,
        hosts_needed: quorum.needed,
        callers: callers.of_all().hosts,
        first_hand_good: bar.guards.first_hand && callers.first_hand_good(index),
    }
}

impl Bar {
    /// How many of so many calls must fail.
    fn failed_needed(&self, calls: u64) -> u64 {
        let at_threshold = u64::from(self.threshold.ppm()).saturating_mul(calls);
        let left = calls.saturating_mul(MILLION).saturating_sub(at_threshold);
        // 1.5 x sqrt(calls), in thousandths.
        let root = calls.saturating_mul(2_250_000).isqrt();
        let margin = if self.guards.margin { root.saturating_mul(1_000).min(left / 4 * 3) } else { 0 };
        at_threshold.saturating_add(margin).div_ceil(MILLION)
    }
}

/// Counts are compared in millionths.
const MILLION: u64 = 1_000_000;

#[cfg(test)]
mod tests;
