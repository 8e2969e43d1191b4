//! A breaker in obvious lines: lists instead of counters, recomputed at every question.
//!
//! It has no jitter (the backoff has laws of its own) and one service. What it must agree with is the registry: answers,
//! states, reasons, counts, and when each change happened.

use std::time::Duration;

use breaker_agent::core::breaker::Granted as How;
use breaker_agent::core::outcome::Outcome;
use breaker_agent::core::permits::PermitId;
use breaker_agent::core::policy::{AfterMaxWait, Policy, Rate, Verdict, WindowShape};
use breaker_agent::core::registry::OpenEnds;
use breaker_agent::core::state::StateKind;
use breaker_agent::core::time::MonoTime;

use crate::conditions::{Done, conditions};

#[derive(Clone, Debug)]
pub(crate) struct Out {
    pub(crate) id: PermitId,
    pub(crate) holder: u64,
    generation: u64,
    until: MonoTime,
    how: How,
    probe: bool,
    used: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Model {
    policy: Policy,
    open_ends: OpenEnds,
    pub(crate) state: StateKind,
    /// Of Open, HalfOpen or an operator's state.
    pub(crate) until: Option<MonoTime>,
    /// Open was over and nobody wanted it.
    missed: bool,
    told: bool,
    generation: u64,
    calls: Vec<(MonoTime, Done)>,
    probes: Vec<Done>,
    run: u64,
    /// For each condition, since when it holds.
    since: Vec<Option<MonoTime>>,
    openings: u32,
    healthy_since: Option<MonoTime>,
    last_wait: Option<Duration>,
    refusals: u64,
    asked: Option<MonoTime>,
    pub(crate) permits: Vec<Out>,
    pub(crate) changes: Vec<(MonoTime, StateKind, StateKind, &'static str)>,
    pub(crate) exceeded: Vec<&'static str>,
}

/// What became of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Counted,
    Dropped,
    Unknown,
}

impl Model {
    pub(crate) fn new(policy: Policy, open_ends: OpenEnds) -> Self {
        Self {
            policy,
            open_ends,
            state: StateKind::Closed,
            until: None,
            missed: false,
            told: false,
            generation: 0,
            calls: Vec::new(),
            probes: Vec::new(),
            run: 0,
            since: vec![None; 8],
            openings: 0,
            healthy_since: None,
            last_wait: None,
            refusals: 0,
            asked: None,
            permits: Vec::new(),
            changes: Vec::new(),
            exceeded: Vec::new(),
        }
    }

    pub(crate) fn live(&self, now: MonoTime) -> Vec<Done> {
        let in_time = |at: MonoTime| match self.policy.window {
            WindowShape::Count { .. } => true,
            WindowShape::Time { bucket, buckets } => {
                let number = |at: MonoTime| u128::from(at.as_nanos()) / bucket.as_nanos();
                number(at) + buckets as u128 > number(now)
            }
        };
        let mut live: Vec<Done> = self.calls.iter().filter(|(at, _)| in_time(*at)).map(|(_, call)| *call).collect();
        if let WindowShape::Count { size } = self.policy.window {
            live.drain(..live.len().saturating_sub(size));
        }
        if self.state == StateKind::HalfOpen { self.probes.clone() } else { live }
    }

    pub(crate) fn out(&self) -> u64 {
        let mine = |permit: &&Out| permit.probe && !permit.used && permit.generation == self.generation;
        self.permits.iter().filter(mine).filter(|permit| permit.how == How::Allowed).count() as u64
    }

    fn free(&self) -> u64 {
        let (Verdict::Permits(limit) | Verdict::Successes(limit)) = self.policy.half_open.verdict;
        limit.saturating_sub(self.out() + self.probes.len() as u64)
    }

    /// The first condition that has held for long enough.
    fn look(&mut self, now: MonoTime) -> Option<&'static str> {
        let error_rate = self.policy.conditions.error_rate;
        let minimum = self.policy.minimum_throughput;
        let hold = conditions(&self.policy, &self.live(now), self.run, minimum, error_rate);
        let asked = self.policy.conditions.sustained.unwrap_or_default();
        for (since, holds) in self.since.iter_mut().zip(&hold) {
            *since = holds.map(|_| since.unwrap_or(now));
        }
        let long = self.since.iter().map(|since| since.is_some_and(|since| now.since(since) >= asked));
        hold.iter().zip(long).find_map(|(holds, long)| holds.filter(|_| long))
    }

    fn enter(&mut self, now: MonoTime, to: StateKind, until: Option<MonoTime>, why: &'static str) {
        let from = self.state;
        let leaves_closed = from == StateKind::Closed && to != from;
        if let Some(since) = self.healthy_since.take_if(|_| leaves_closed) {
            let healthy = now.since(since).as_millis() / self.policy.recovery_timeout.as_millis();
            self.openings = self.openings.saturating_sub(healthy as u32);
        }
        (self.state, self.until) = (to, until);
        if from != to {
            self.generation += 1;
            self.since = vec![None; 8];
            (self.missed, self.told) = (false, false);
            self.probes.clear();
            self.changes.push((now, from, to, why));
            if to == StateKind::Closed {
                self.healthy_since = Some(now);
            }
        }
    }

    fn empty(&mut self) {
        self.calls.clear();
        self.run = 0;
        self.since = vec![None; 8];
    }

    fn close(&mut self, now: MonoTime, why: &'static str) {
        self.empty();
        self.enter(now, StateKind::Closed, None, why);
    }

    pub(crate) fn open(&mut self, now: MonoTime, wait: Option<Duration>, why: &'static str) {
        if self.state == StateKind::Open {
            return;
        }
        self.enter(now, StateKind::Open, None, why);
        let mut formula = self.policy.recovery_timeout;
        self.openings += 1;
        let mut steps = 1;
        while steps < self.openings && formula < self.policy.backoff.max {
            formula = (formula * self.policy.backoff.multiplier_milli / 1_000).min(self.policy.backoff.max);
            steps += 1;
        }
        self.openings = steps;
        let wait = wait.unwrap_or(formula);
        self.last_wait = Some(wait);
        self.until = Some(now + wait);
    }

    pub(crate) fn half_open(&mut self, now: MonoTime, why: &'static str) {
        if self.state != StateKind::HalfOpen {
            self.enter(now, StateKind::HalfOpen, Some(now + self.policy.half_open.max_wait), why);
        }
    }

    pub(crate) fn force(&mut self, now: MonoTime, state: StateKind, until: Option<MonoTime>) {
        if state == StateKind::MetricsOnly && self.state != state {
            self.empty();
        }
        self.enter(now, state, until, "operator");
    }

    pub(crate) fn force_close(&mut self, now: MonoTime, reset: bool) {
        self.close(now, "operator");
        if reset {
            (self.openings, self.healthy_since, self.last_wait) = (0, None, None);
        }
    }

    /// When something happens by itself.
    fn deadline(&self) -> Option<MonoTime> {
        let sustained = self.since.iter().flatten().min().zip(self.policy.conditions.sustained);
        let sustained = sustained.map(|(since, asked)| *since + asked);
        match self.state {
            StateKind::Closed => sustained,
            StateKind::MetricsOnly if !self.told => [self.until, sustained].into_iter().flatten().min(),
            StateKind::Open if self.missed || self.open_ends == OpenEnds::OnAcquire => None,
            _ => self.until,
        }
    }

    pub(crate) fn advance(&mut self, now: MonoTime) {
        loop {
            let overdue = |permit: &&Out| permit.probe && !permit.used && permit.until <= now;
            let lease = self.permits.iter().filter(overdue).map(|permit| permit.until).min();
            let own = self.deadline().filter(|at| *at <= now);
            match (lease, own) {
                (None, None) => return,
                (Some(at), own) if own.is_none_or(|own| at <= own) => self.lease_over(at),
                (_, Some(at)) => self.expire(at),
                (Some(_), None) => panic!("a lease is due and nothing comes before it"),
            }
        }
    }

    fn lease_over(&mut self, at: MonoTime) {
        let due = |permit: &&mut Out| permit.probe && !permit.used && permit.until == at;
        let permit = self.permits.iter_mut().find(due).expect("the caller found one");
        permit.used = true;
        if permit.how == How::Allowed && permit.generation == self.generation {
            self.probed(at, Done { outcome: Outcome::Failure, ms: None, special: false }, "probe_lease_over");
        }
    }

    fn expire(&mut self, at: MonoTime) {
        let over = self.until.is_some_and(|until| at >= until);
        match self.state {
            StateKind::Open => {
                let wanted = self.asked.is_some_and(|asked| at.since(asked) < Duration::from_secs(10));
                if wanted { self.half_open(at, "recovery_timeout_over") } else { self.missed = true }
            }
            StateKind::HalfOpen if self.policy.half_open.after_max_wait == AfterMaxWait::Closed => {
                self.close(at, "max_wait_over");
            }
            StateKind::HalfOpen => {
                let wait = self.last_wait.unwrap_or(self.policy.recovery_timeout);
                self.last_wait = Some(wait);
                self.enter(at, StateKind::Open, Some(at + wait), "max_wait_over");
            }
            StateKind::ForcedOpen => {
                self.empty();
                self.half_open(at, "operator_hold_over");
            }
            StateKind::Disabled => self.close(at, "operator_hold_over"),
            StateKind::MetricsOnly if over => self.close(at, "operator_hold_over"),
            StateKind::Closed | StateKind::MetricsOnly => self.judge(at),
        }
    }

    fn judge(&mut self, now: MonoTime) {
        let reason = self.look(now);
        match (self.state, reason) {
            (StateKind::Closed, Some(reason)) => self.open(now, None, reason),
            (StateKind::MetricsOnly, Some(reason)) if !self.told => {
                self.told = true;
                self.exceeded.push(reason);
            }
            (StateKind::MetricsOnly, None) => self.told = false,
            _ => {}
        }
    }

    /// Asks for a call; how it is let through, if it is.
    pub(crate) fn ask(&mut self, now: MonoTime) -> Option<How> {
        self.advance(now);
        self.asked = Some(now);
        let open_over = self.state == StateKind::Open && self.until.is_some_and(|until| now >= until);
        let refused = match self.state {
            StateKind::Open => !open_over,
            StateKind::HalfOpen => self.free() == 0,
            StateKind::ForcedOpen => true,
            StateKind::Closed | StateKind::Disabled | StateKind::MetricsOnly => false,
        };
        if refused {
            let enforced = |refusals: u64| refusals * u64::from(self.policy.enforce.ppm()) / 1_000_000;
            self.refusals += 1;
            return (enforced(self.refusals) == enforced(self.refusals - 1)).then_some(How::WouldRefuse);
        }
        if open_over {
            self.half_open(now, "recovery_timeout_over");
        }
        Some(How::Allowed)
    }

    /// Notes the permit for a call that was let through.
    pub(crate) fn granted(&mut self, now: MonoTime, id: PermitId, holder: u64, how: How, timeout: Option<Duration>) {
        let until = now + self.policy.half_open.permit_lease.max(timeout.unwrap_or_default());
        let probe = how == How::Allowed && self.state == StateKind::HalfOpen;
        self.permits.push(Out { id, holder, generation: self.generation, until, how, probe, used: false });
    }

    pub(crate) fn report(&mut self, now: MonoTime, at: usize, call: Done) -> Fate {
        self.advance(now);
        let permit = &mut self.permits[at];
        if permit.used || permit.until <= now {
            return Fate::Unknown;
        }
        permit.used = true;
        match permit.how {
            How::WouldRefuse => Fate::Counted,
            How::Allowed if permit.generation == self.generation => self.take_in(now, call),
            How::Allowed => late(call),
        }
    }

    pub(crate) fn report_unasked(&mut self, now: MonoTime, call: Done) -> Fate {
        self.advance(now);
        match self.state {
            StateKind::Closed | StateKind::MetricsOnly => self.take_in(now, call),
            _ => late(call),
        }
    }

    pub(crate) fn lose(&mut self, now: MonoTime, holder: u64) {
        self.advance(now);
        for permit in self.permits.iter_mut().filter(|permit| permit.holder == holder) {
            permit.used = true;
        }
    }

    fn take_in(&mut self, now: MonoTime, call: Done) -> Fate {
        let counts = !matches!(call.outcome, Outcome::Ignored | Outcome::Cancelled);
        match self.state {
            StateKind::HalfOpen if counts => self.probed(now, call, "probe_failed"),
            StateKind::Closed | StateKind::MetricsOnly if counts => self.record(now, call),
            _ => {}
        }
        Fate::Counted
    }

    fn record(&mut self, now: MonoTime, call: Done) {
        if self.look(now).is_none() {
            self.told = false;
        }
        self.calls.push((now, call));
        match call.outcome {
            Outcome::Failure | Outcome::Timeout => self.run += 1,
            Outcome::Success => self.run = 0,
            Outcome::Throttled | Outcome::Ignored | Outcome::Cancelled => {}
        }
        self.judge(now);
    }

    fn probed(&mut self, now: MonoTime, call: Done, if_failed: &'static str) {
        self.probes.push(call);
        let (probes, error_rate) = (self.probes.clone(), self.policy.conditions.error_rate);
        let against = match self.policy.half_open.verdict {
            Verdict::Successes(_) => (call.outcome != Outcome::Success).then_some(if_failed),
            Verdict::Permits(n) if (probes.len() as u64) < n => None,
            Verdict::Permits(_) => {
                let hold = conditions(&self.policy, &probes, 0, 1, error_rate.or(Some(Rate::percent(50))));
                hold.into_iter().flatten().find(|name| !name.ends_with("count"))
            }
        };
        let (Verdict::Permits(enough) | Verdict::Successes(enough)) = self.policy.half_open.verdict;
        match against {
            Some(reason) => self.open(now, None, reason),
            None if probes.len() as u64 >= enough => self.close(now, "probes_succeeded"),
            None => {}
        }
    }
}

fn late(call: Done) -> Fate {
    match call.outcome {
        Outcome::Ignored | Outcome::Cancelled => Fate::Counted,
        _ => Fate::Dropped,
    }
}
