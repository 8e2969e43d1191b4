//! How a breaker changes its state: by time, by an operator, by a verdict. All changes go through one function.
//!
//! **Invariant:** whoever is in a state got there by [`Breaker::enter`], so a new generation, a new reason and the end of
//! whatever was holding always come together; but for the sleep of a breaker while the cluster decides, which is nobody's
//! news.

use std::time::Duration;

use rand_core::Rng;

use super::Breaker;
use crate::core::backoff::Backoff;
use crate::core::counts::Tally;
use crate::core::policy::AfterMaxWait;
use crate::core::reason::Reason;
use crate::core::state::{Action, Exceeded, Notice, State, StateKind, Transition};
use crate::core::time::MonoTime;

impl Breaker {
    /// When something happens by itself: HalfOpen has waited enough, an operator's time is over, a condition has held
    /// long enough. The end of Open is not among these: see [`Breaker::half_open_due`].
    #[must_use]
    pub fn deadline(&self) -> Option<MonoTime> {
        match &self.state {
            State::Closed => self.holding.deadline(&self.policy),
            State::HalfOpen { deadline, .. } => Some(*deadline),
            State::Open { .. } => None,
            State::MetricsOnly { hold, exceeded: Exceeded::No } => {
                [hold.until, self.holding.deadline(&self.policy)].into_iter().flatten().min()
            }
            State::MetricsOnly { hold, exceeded: Exceeded::Told } | State::ForcedOpen(hold) | State::Disabled(hold) => {
                hold.until
            }
        }
    }

    /// When probes may go, if it is Open.
    #[must_use]
    pub fn half_open_due(&self) -> Option<MonoTime> {
        match self.state {
            State::Open { until } => Some(until),
            _ => None,
        }
    }

    /// Does what is due by itself at `now`; nothing if nothing is. To be called at each [`Breaker::deadline`].
    pub fn expire(&mut self, now: MonoTime, rng: &mut impl Rng) -> Option<Notice> {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return None;
        }
        let hold_over = self.state.hold().is_some_and(|hold| hold.until.is_some_and(|until| now >= until));
        match (&self.state, hold_over) {
            (State::ForcedOpen(_), true) => {
                self.empty();
                self.enter_half_open(now, Reason::OperatorHoldOver)
            }
            (State::Disabled(_) | State::MetricsOnly { .. }, true) => self.close(now, Reason::OperatorHoldOver),
            (State::HalfOpen { .. }, _) => match self.policy.half_open.after_max_wait {
                AfterMaxWait::Closed => self.close(now, Reason::MaxWaitOver),
                AfterMaxWait::Open => {
                    let wait = self.backoff.repeat(&self.policy, rng);
                    self.enter(now, State::Open { until: now + wait }, Reason::MaxWaitOver)
                }
            },
            (State::Closed | State::MetricsOnly { .. }, _) => {
                self.window.roll(now);
                self.look(now, rng)
            }
            (State::Open { .. } | State::ForcedOpen(_) | State::Disabled(_), _) => None,
        }
    }

    /// Begins HalfOpen, from wherever it is: because its time in Open is over, or else because an operator says so.
    pub fn half_open(&mut self, now: MonoTime) -> Option<Notice> {
        let due = matches!(self.state, State::Open { until } if now >= until);
        self.enter_half_open(now, if due { Reason::RecoveryTimeoutOver } else { Reason::Operator(None) })
    }

    /// Opens, for the time the backoff says or the given one. Counts for the backoff.
    pub fn open(&mut self, now: MonoTime, wait: Option<Duration>, rng: &mut impl Rng) -> Option<Notice> {
        if self.state.kind() == StateKind::Open {
            return None;
        }
        let wait = match wait {
            Some(wait) => self.backoff.open_for(now, &self.policy, wait),
            None => self.backoff.open(now, &self.policy, rng),
        };
        self.enter(now, State::Open { until: now + wait }, Reason::Operator(None))
    }

    /// Carries out an operator's action. One that changes no state still replaces who, why and until when.
    pub fn operate(&mut self, now: MonoTime, action: Action) -> Option<Notice> {
        match action {
            Action::ForceOpen(hold) => {
                let reason = Reason::Operator(Some(hold.word()));
                self.enter(now, State::ForcedOpen(hold), reason)
            }
            Action::Disable(hold) => {
                let reason = Reason::Operator(Some(hold.word()));
                self.enter(now, State::Disabled(hold), reason)
            }
            Action::MetricsOnly(hold) => {
                let mut exceeded = Exceeded::No;
                if let State::MetricsOnly { exceeded: present, .. } = self.state {
                    exceeded = present;
                } else {
                    self.empty();
                }
                let reason = Reason::Operator(Some(hold.word()));
                self.enter(now, State::MetricsOnly { hold, exceeded }, reason)
            }
            Action::ForceClose(word) => self.close(now, Reason::Operator(word)),
            Action::Reset(word) => {
                let notice = self.close(now, Reason::Operator(word));
                self.backoff = Backoff::default();
                notice
            }
        }
    }

    /// Trips, if it is Closed, though none of its own conditions holds.
    pub fn hasten(&mut self, now: MonoTime, reason: Reason, rng: &mut impl Rng) -> Option<Notice> {
        (self.state.kind() == StateKind::Closed).then(|| self.trip(now, reason, rng)).flatten()
    }

    /// Empties itself and waits, Closed, while something else decides. What is out comes back too late.
    pub fn sleep(&mut self, now: MonoTime) {
        if self.state.kind() == StateKind::Closed {
            self.backoff.leave_closed(now, &self.policy);
        }
        self.restart(now);
    }

    /// Decides again, Closed and empty.
    pub fn wake(&mut self, now: MonoTime, reason: Reason) {
        self.restart(now);
        self.reason = Some(reason);
        self.backoff.closed(now);
    }

    /// Closed and empty, without a word to anybody.
    fn restart(&mut self, now: MonoTime) {
        self.empty();
        self.state = State::Closed;
        self.generation += 1;
        self.since = now;
        self.reason = None;
    }

    pub(super) fn trip(&mut self, now: MonoTime, reason: Reason, rng: &mut impl Rng) -> Option<Notice> {
        let wait = self.backoff.open(now, &self.policy, rng);
        self.enter(now, State::Open { until: now + wait }, reason)
    }

    pub(super) fn close(&mut self, now: MonoTime, reason: Reason) -> Option<Notice> {
        self.empty();
        let notice = self.enter(now, State::Closed, reason);
        if notice.is_some() {
            self.backoff.closed(now);
        }
        notice
    }

    fn enter_half_open(&mut self, now: MonoTime, reason: Reason) -> Option<Notice> {
        if self.state.kind() == StateKind::HalfOpen {
            return None;
        }
        let deadline = now + self.policy.half_open.max_wait;
        let probes = Tally::new(self.policy.conditions.kinds.len());
        self.enter(now, State::HalfOpen { deadline, out: 0, probes }, reason)
    }

    /// The one place where the state changes. Entering the state it is in tells nobody and keeps the generation.
    fn enter(&mut self, now: MonoTime, state: State, reason: Reason) -> Option<Notice> {
        let (from, to) = (self.state.kind(), state.kind());
        if from == StateKind::Closed && to != from {
            self.backoff.leave_closed(now, &self.policy);
        }
        self.state = state;
        if from == to {
            if self.state.hold().is_some() {
                self.reason = Some(reason);
            }
            return None;
        }
        self.generation += 1;
        self.since = now;
        self.holding.clear();
        self.reason = Some(reason.clone());
        let retry_after = self.state.refuses_until().map(|until| until.since(now));
        Some(Notice::Changed(Transition { at: now, from, to, reason, retry_after }))
    }

    fn empty(&mut self) {
        self.window.clear();
        self.run.end();
        self.run.window_serial += 1;
        self.holding.clear();
    }
}
