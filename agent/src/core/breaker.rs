//! The breaker of one service: a value that is asked before a call and told afterwards.
//!
//! Asking has two halves, because a call needs a grant from the breakers of a whole path or from none:
//! [`Breaker::admission`] answers without changing anything, [`Breaker::grant`] then reserves. Telling is one:
//! [`Breaker::settle`]. Every grant carries the generation of the state it was given in; what comes back with an older
//! one is not counted (resilience4j, Polly and Sentinel let late outcomes of Closed decide HalfOpen). Permits in HalfOpen
//! are reserved at the grant and given back by exactly one settlement, so their number never rises above the limit.
//! Open lasts from its transition, and nothing but time ends it. Reading never changes anything.
//!
//! **Invariant:** `generation` changes with every change of state and with nothing else.

mod change;
mod read;

use std::sync::Arc;
use std::time::Duration;

use rand_core::Rng;

use super::backoff::Backoff;
use super::conditions;
use super::counts::{Judged, RunEffect, Sample, Tally};
use super::policy::{Policy, Rate, Verdict};
use super::reason::Reason;
use super::share::Share;
use super::state::{Exceeded, Notice, State, StateKind};
use super::sustained::Holding;
use super::time::MonoTime;
use super::window::{Lineage, Window};

/// The breaker of one service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breaker {
    policy: Arc<Policy>,
    state: State,
    generation: u64,
    since: MonoTime,
    /// Why it is in this state; `None` until the first transition.
    reason: Option<Reason>,
    window: Window,
    run: Run,
    holding: Holding,
    backoff: Backoff,
    /// What is owed to enforcement: a refusal is enforced whenever this passes a whole.
    enforce_debt: u32,
}

/// The failures in a row, and which row it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Run {
    /// Changes whenever the row ends.
    pub serial: u64,
    /// Failures in it.
    pub failures: u64,
    /// Changes whenever the window is emptied.
    pub window_serial: u64,
}

/// The receipt for one permitted call: in which generation the state let it through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant(u64);

impl Grant {
    /// The receipt for a call that the state refuses and that is let through all the same: it counts nowhere.
    pub const UNENFORCED: Self = Self(u64::MAX);

    /// The receipt for a probe of an opening, by a number that no other probe of this agent's life has. Generations
    /// count changes of state and never get as far as these.
    #[must_use]
    pub fn probe(serial: u64) -> Self {
        Self(PROBES_FROM | serial & (PROBES_FROM - 1))
    }

    /// The number of the probe, if it is one.
    #[must_use]
    pub fn as_probe(self) -> Option<u64> {
        (self != Self::UNENFORCED && self.0 >= PROBES_FROM).then_some(self.0 & (PROBES_FROM - 1))
    }
}

/// Half of all numbers are for generations, half for probes.
const PROBES_FROM: u64 = 1 << 63;

/// How a call was let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Granted {
    /// By the state.
    Allowed,
    /// The state refused, but the policy is enforced for part of the calls only.
    WouldRefuse,
}

/// Why a call may not go ahead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The state that refuses.
    pub state: StateKind,
    /// Why it is in this state.
    pub reason: Reason,
    /// How long until calls may be tried again, where that is a matter of time.
    pub retry_after: Option<Duration>,
}

/// What became of an outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// What it did to the counts.
    pub fate: Fate,
    /// What follows from it.
    pub notice: Option<Notice>,
}

/// What an outcome did to the counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is in the window.
    InWindow(Sample),
    /// It is among the probes of HalfOpen.
    Probe(Sample),
    /// It counts nowhere, as it should: ignored, cancelled, not enforced, or of a disabled breaker.
    Nowhere,
    /// It was dropped: its permit is of an earlier state, or it has none and the state takes none without.
    Dropped,
}

impl Breaker {
    /// A closed breaker.
    #[must_use]
    pub fn new(policy: Arc<Policy>, now: MonoTime) -> Self {
        Self {
            state: State::Closed,
            generation: 0,
            since: now,
            reason: None,
            window: Window::new(policy.window, policy.conditions.kinds.len()),
            run: Run::default(),
            holding: Holding::default(),
            backoff: Backoff::default(),
            enforce_debt: 0,
            policy,
        }
    }

    /// Whether a call at `now` would be let through by the state. Changes nothing.
    ///
    /// # Errors
    /// The refusal.
    pub fn admission(&self, now: MonoTime) -> Result<(), Refusal> {
        match &self.state {
            State::Closed | State::Disabled(_) | State::MetricsOnly { .. } => Ok(()),
            State::Open { until } if now >= *until => Ok(()),
            State::HalfOpen { out, probes, .. } if self.free_permits(*out, probes) > 0 => Ok(()),
            State::HalfOpen { out, .. } => Err(self.refusal(now, Reason::ProbesOut { out: *out })),
            State::Open { .. } | State::ForcedOpen(_) => {
                Err(self.refusal(now, self.reason.clone().unwrap_or(Reason::Operator(None))))
            }
        }
    }

    /// Whether the next refusal would be enforced. Changes nothing.
    #[must_use]
    pub fn would_enforce(&self) -> bool {
        self.enforce_debt + self.policy.enforce.ppm() >= Rate::ALL.ppm()
    }

    /// Decides about one refusal: whether it is enforced. Of n refusals exactly floor(n x share) are.
    pub fn enforce(&mut self) -> bool {
        let enforced = self.would_enforce();
        self.enforce_debt += self.policy.enforce.ppm();
        if enforced {
            self.enforce_debt -= Rate::ALL.ppm();
        }
        enforced
    }

    /// Reserves for a call that [`Breaker::admission`] lets through. In an Open that is over, this begins HalfOpen.
    pub fn grant(&mut self, now: MonoTime) -> (Grant, Option<Notice>) {
        let notice = matches!(self.state, State::Open { until } if now >= until).then(|| self.half_open(now));
        if let State::HalfOpen { out, .. } = &mut self.state {
            *out += 1;
        }
        (Grant(self.generation), notice.flatten())
    }

    /// Takes in how a permitted call went.
    pub fn settle(
        &mut self,
        now: MonoTime,
        grant: Grant,
        call: Judged,
        lineage: Lineage,
        rng: &mut impl Rng,
    ) -> Settled {
        if grant == Grant::UNENFORCED {
            return Settled::quietly(Fate::Nowhere);
        }
        if grant.0 != self.generation {
            return Settled::uncounted(call);
        }
        match &mut self.state {
            State::HalfOpen { out, .. } => {
                *out -= 1;
                self.settle_probe(now, call, Reason::ProbeFailed, rng)
            }
            State::Closed | State::MetricsOnly { .. } => self.settle_in_window(now, call, lineage, rng),
            State::Open { .. } | State::ForcedOpen(_) | State::Disabled(_) => Settled::quietly(Fate::Nowhere),
        }
    }

    /// Takes in how a call went that was made without asking.
    pub fn settle_unasked(&mut self, now: MonoTime, call: Judged, lineage: Lineage, rng: &mut impl Rng) -> Settled {
        match self.state {
            State::Closed | State::MetricsOnly { .. } => self.settle_in_window(now, call, lineage, rng),
            State::Open { .. } | State::HalfOpen { .. } | State::ForcedOpen(_) | State::Disabled(_) => {
                Settled::uncounted(call)
            }
        }
    }

    /// A permit's lease ran out: a failure in the HalfOpen it was given in, nothing elsewhere.
    pub fn lease_over(&mut self, now: MonoTime, grant: Grant, rng: &mut impl Rng) -> Settled {
        match &mut self.state {
            State::HalfOpen { out, .. } if grant.0 == self.generation => {
                *out -= 1;
                self.settle_probe(now, Judged::Counts(Sample::lease_over()), Reason::ProbeLeaseOver, rng)
            }
            _ => Settled::quietly(Fate::Nowhere),
        }
    }

    /// Takes away the outcomes that came through a child.
    pub fn forget(&mut self, now: MonoTime, child: u32, share: &Share) {
        if share.window_serial() == self.run.window_serial {
            self.window.forget(now, child, share.window());
        }
        if share.run_serial() == self.run.serial {
            self.run.failures = self.run.failures.saturating_sub(share.run_failures());
        }
    }

    fn settle_in_window(&mut self, now: MonoTime, call: Judged, lineage: Lineage, rng: &mut impl Rng) -> Settled {
        let Judged::Counts(sample) = call else { return Settled::quietly(Fate::Nowhere) };
        let told = matches!(self.state, State::MetricsOnly { exceeded: Exceeded::Told, .. });
        if told || !self.holding.is_idle() {
            self.look_before(now);
        }
        self.window.record(now, sample, lineage);
        match sample.run() {
            RunEffect::Grows => self.run.failures += 1,
            RunEffect::Ends => self.run.end(),
            RunEffect::Leaves => {}
        }
        Settled { fate: Fate::InWindow(sample), notice: self.look(now, rng) }
    }

    /// A condition that time alone has ended starts anew with this outcome. None can be due to trip, or its deadline
    /// would have come first.
    fn look_before(&mut self, now: MonoTime) {
        self.window.roll(now);
        let reason = self.holding.look(now, &self.policy, self.window.rolled(), self.run.failures);
        if let (State::MetricsOnly { exceeded, .. }, None) = (&mut self.state, reason) {
            *exceeded = Exceeded::No;
        }
    }

    /// Asks the conditions, and does what follows.
    fn look(&mut self, now: MonoTime, rng: &mut impl Rng) -> Option<Notice> {
        let reason = self.holding.look(now, &self.policy, self.window.rolled(), self.run.failures);
        match (&mut self.state, reason) {
            (State::MetricsOnly { exceeded, .. }, None) => {
                *exceeded = Exceeded::No;
                None
            }
            (State::MetricsOnly { exceeded: Exceeded::Told, .. }, Some(_)) => None,
            (State::MetricsOnly { exceeded, .. }, Some(reason)) => {
                *exceeded = Exceeded::Told;
                Some(Notice::Exceeded(reason))
            }
            (State::Closed, Some(reason)) => self.trip(now, reason, rng),
            (State::Closed | State::Open { .. } | State::HalfOpen { .. }, _)
            | (State::ForcedOpen(_) | State::Disabled(_), _) => None,
        }
    }

    fn settle_probe(&mut self, now: MonoTime, call: Judged, if_failed: Reason, rng: &mut impl Rng) -> Settled {
        let (State::HalfOpen { probes, .. }, Judged::Counts(sample)) = (&mut self.state, call) else {
            return Settled::quietly(Fate::Nowhere);
        };
        probes.add(sample);
        let counts = *probes.counts();
        let (over, against) = match self.policy.half_open.verdict {
            Verdict::Successes(k) => (counts.total >= k, sample.is_failure().then_some(if_failed)),
            Verdict::Permits(n) if counts.total >= n => (true, conditions::first_for_probes(&self.policy, probes)),
            Verdict::Permits(_) => (false, None),
        };
        let notice = match against {
            Some(reason) => self.trip(now, reason, rng),
            None if over => self.close(now, Reason::ProbesSucceeded { probes: counts.total }),
            None => None,
        };
        Settled { fate: Fate::Probe(sample), notice }
    }

    fn free_permits(&self, out: u64, probes: &Tally) -> u64 {
        let (Verdict::Permits(limit) | Verdict::Successes(limit)) = self.policy.half_open.verdict;
        limit.saturating_sub(out + probes.counts().total)
    }

    fn refusal(&self, now: MonoTime, reason: Reason) -> Refusal {
        let retry_after = self.state.refuses_until().map(|until| until.since(now));
        Refusal { state: self.state.kind(), reason, retry_after }
    }
}

impl Run {
    fn end(&mut self) {
        if self.failures > 0 {
            self.failures = 0;
            self.serial += 1;
        }
    }
}

impl Settled {
    /// What is not taken in is dropped, unless it would have counted nowhere anyhow.
    fn uncounted(call: Judged) -> Self {
        Self::quietly(match call {
            Judged::Counts(_) => Fate::Dropped,
            Judged::Nowhere => Fate::Nowhere,
        })
    }

    fn quietly(fate: Fate) -> Self {
        Self { fate, notice: None }
    }
}
