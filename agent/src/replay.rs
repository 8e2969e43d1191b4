//! A recorded or invented sequence of calls, played through one policy offline, in virtual time.
//!
//! It is how a policy is tuned before it is trusted: the registry that answers here is the one that answers in the
//! agent. Two things differ by intent. Nobody waits: time is what the trace says. And Open becomes HalfOpen only when
//! somebody asks, so that a trace alone decides what happens; leases, `max_wait` and the end of operators' states take
//! effect at their own time, before the next line.

mod error;
mod step;

use std::collections::BTreeMap;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde::Serialize;
use serde_json::{Number, Value};

use crate::config::Config;
use crate::core::outcome::{Call, Kind, Outcome};
use crate::core::permits::{Holder, PermitId};
use crate::core::policy::Rate;
use crate::core::registry::{
    Answer, Ask, Effects, OpenEnds, PERMITS_MAX, Registry, RulingOn, SERVICES_MAX, Settings, Turn,
};
use crate::core::service::ServiceName;
use crate::core::state::{Action, Hold, Notice, StateKind};
use crate::core::time::MonoTime;
use step::{Line, Op, Step};

pub use error::ReplayError;

/// What followed from one line of a trace.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outcomes {
    at_ms: u64,
    op: Op,
    /// The answer to the last ask; `null` where nothing was asked.
    allowed: Option<bool>,
    state: &'static str,
    total: u64,
    failed: u64,
    slow: u64,
    /// `null` below the minimum throughput.
    failure_rate_pct: Option<Number>,
    retry_after_ms: Option<u64>,
    reason: Option<String>,
}

/// A breaker in virtual time.
pub struct Replay<'a> {
    config: &'a Config,
    service: ServiceName,
    registry: Registry,
    rng: StdRng,
    now: MonoTime,
    /// What was asked under a name: a permit, or nothing if that was refused.
    tokens: BTreeMap<String, Option<PermitId>>,
}

impl<'a> Replay<'a> {
    /// A service's breaker at time zero.
    ///
    /// # Errors
    /// [`ReplayError::Unknown`].
    pub fn new(config: &'a Config, service: &ServiceName, seed: u64) -> Result<Self, ReplayError> {
        if !config.admits(service) {
            return Err(ReplayError::Unknown(service.to_string()));
        }
        let mut rng = StdRng::seed_from_u64(seed);
        let settings = Settings {
            services_max: SERVICES_MAX,
            permits_max: PERMITS_MAX,
            open_ends: OpenEnds::OnAcquire,
            index_seed: rng.next_u64(),
            cluster: None,
        };
        Ok(Self {
            config,
            service: service.clone(),
            registry: Registry::new(settings),
            rng,
            now: MonoTime::START,
            tokens: BTreeMap::new(),
        })
    }

    /// Plays one line, and holds it to what it expects, if it does (`expect_state`, `expect_allowed`, …).
    ///
    /// # Errors
    /// [`ReplayError`]; but for [`ReplayError::Disappointed`] nothing has changed.
    pub fn line(&mut self, text: &str) -> Result<Outcomes, ReplayError> {
        let Line { step, expectations } = Line::parse(text)?;
        let outcomes = self.step(&step)?;
        let found = serde_json::to_value(&outcomes)?;
        for (key, expected) in expectations {
            let found = found[&key].clone();
            if !same(&expected, &found) {
                return Err(ReplayError::Disappointed { key, expected, found });
            }
        }
        Ok(outcomes)
    }

    fn step(&mut self, step: &Step) -> Result<Outcomes, ReplayError> {
        let now = MonoTime::from_millis(step.at_ms);
        if now < self.now {
            let before = self.now.as_nanos() / 1_000_000;
            return Err(ReplayError::TimeWentBack { at_ms: step.at_ms, before });
        }
        let deed = self.deed(step)?;
        self.now = now;
        self.with_turn(|registry, turn, _| registry.advance(turn));
        let mut allowed = None;
        for _ in 0..step.repeat {
            allowed = self.act(&deed);
        }
        Ok(self.outcomes(step, allowed))
    }

    /// What a step asks for, checked.
    fn deed(&self, step: &Step) -> Result<Deed, ReplayError> {
        let kind = step.kind.as_deref().map(Kind::parse).transpose()?;
        let hold = |wait: Option<u64>| Hold {
            uid: 0,
            reason: None,
            until: wait.map(|ms| MonoTime::from_millis(step.at_ms) + Duration::from_millis(ms)),
        };
        let outcome = match step.op {
            Op::Ok | Op::Slow => Outcome::Success,
            Op::Fail => Outcome::Failure,
            Op::Timeout => Outcome::Timeout,
            Op::Throttled => Outcome::Throttled,
            Op::Ignored => Outcome::Ignored,
            Op::Cancel => Outcome::Cancelled,
            Op::Ask => {
                let is_new = step.token.as_ref().is_some_and(|token| !self.tokens.contains_key(token));
                if is_new && self.tokens.len() >= TOKENS_MAX {
                    return Err(ReplayError::TooManyTokens);
                }
                return Ok(Deed::Ask(step.token.clone()));
            }
            Op::Query => return Ok(Deed::Query),
            Op::State => return Ok(Deed::Nothing),
            Op::Open => return Ok(Deed::Open(step.open_ms.map(Duration::from_millis))),
            Op::HalfOpen => return Ok(Deed::HalfOpen),
            Op::Close => return Ok(Deed::Operate(Action::ForceClose(None))),
            Op::Reset => return Ok(Deed::Operate(Action::Reset(None))),
            Op::ForceOpen => return Ok(Deed::Operate(Action::ForceOpen(hold(step.for_ms)))),
            Op::Disable => return Ok(Deed::Operate(Action::Disable(hold(step.for_ms)))),
            Op::MetricsOnly => return Ok(Deed::Operate(Action::MetricsOnly(hold(step.for_ms)))),
        };
        let call = Call { kind, duration: step.duration_ms.map(Duration::from_millis), ..Call::of(outcome) };
        match &step.token {
            None => Ok(Deed::AskAndReport(call)),
            Some(token) => match self.tokens.get(token) {
                Some(permit) => Ok(Deed::Report(*permit, call)),
                None => Err(ReplayError::UnknownToken(token.clone())),
            },
        }
    }

    fn act(&mut self, deed: &Deed) -> Option<bool> {
        let service = self.service.clone();
        let name = service.as_str();
        match deed {
            Deed::Nothing => None,
            Deed::Ask(token) => {
                let (allowed, permit) = self.ask();
                if let Some(token) = token {
                    self.tokens.insert(token.clone(), permit);
                }
                Some(allowed)
            }
            Deed::AskAndReport(call) => {
                let (allowed, permit) = self.ask();
                self.report(permit, call);
                Some(allowed)
            }
            Deed::Report(permit, call) => {
                self.report(*permit, call);
                None
            }
            Deed::Query => self.with_turn(|registry, turn, ruling_on| {
                registry.query(turn.now, name, ruling_on).ok().map(|verdict| verdict.is_ok())
            }),
            Deed::Open(wait) => {
                self.with_turn(|registry, turn, ruling_on| registry.open(turn, name, *wait, ruling_on).ok().and(None))
            }
            Deed::HalfOpen => {
                self.with_turn(|registry, turn, ruling_on| registry.half_open(turn, name, ruling_on).ok().and(None))
            }
            Deed::Operate(action) => self.with_turn(|registry, turn, ruling_on| {
                registry.operate(turn, name, action.clone(), ruling_on).ok().and(None)
            }),
        }
    }

    /// Whether the call may go ahead, and its permit; at the agent's limit it may without one.
    fn ask(&mut self) -> (bool, Option<PermitId>) {
        let service = self.service.clone();
        self.with_turn(|registry, turn, ruling_on| {
            let ask = Ask { service: service.as_str(), holder: Holder::User(0), timeout: None };
            match registry.acquire(turn, ask, ruling_on) {
                Ok(Answer::Granted(granted)) => (true, Some(granted.permit)),
                Ok(Answer::Untracked) => (true, None),
                Ok(Answer::Rejected(_)) | Err(_) => (false, None),
            }
        })
    }

    fn report(&mut self, permit: Option<PermitId>, call: &Call) {
        if let Some(permit) = permit {
            // One whose lease has run out is unknown, and counts no more.
            self.with_turn(|registry, turn, _| registry.report(turn, permit, call).ok());
        }
    }

    fn with_turn<T>(&mut self, act: impl FnOnce(&mut Registry, &mut Turn<'_, StdRng>, RulingOn<'_>) -> T) -> T {
        let mut notices: Vec<(ServiceName, Notice)> = Vec::new();
        let mut effects = Effects::default();
        let mut turn = Turn { now: self.now, rng: &mut self.rng, notices: &mut notices, effects: &mut effects };
        let config = self.config;
        act(&mut self.registry, &mut turn, &|name| config.ruling(name))
    }

    fn outcomes(&self, step: &Step, allowed: Option<bool>) -> Outcomes {
        let (at_ms, op) = (step.at_ms, step.op);
        let Some(view) = self.registry.view(self.service.as_str()) else {
            let state = StateKind::Closed.as_str();
            let (failure_rate_pct, retry_after_ms, reason) = (None, None, None);
            return Outcomes {
                at_ms,
                op,
                allowed,
                state,
                total: 0,
                failed: 0,
                slow: 0,
                failure_rate_pct,
                retry_after_ms,
                reason,
            };
        };
        let breaker = view.breaker();
        let tally = breaker.tally(self.now);
        let counts = tally.counts();
        let in_half_open = breaker.state().kind() == StateKind::HalfOpen;
        let minimum = if in_half_open { 1 } else { breaker.policy().minimum_throughput };
        Outcomes {
            at_ms,
            op,
            allowed,
            state: breaker.state().kind().as_str(),
            total: counts.total,
            failed: counts.failed,
            slow: counts.slow,
            failure_rate_pct: Rate::of(counts.failed, counts.total).filter(|_| counts.total >= minimum).map(percent),
            retry_after_ms: breaker
                .state()
                .refuses_until()
                .map(|until| u64::try_from(until.since(self.now).as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)),
            reason: breaker.reason().map(ToString::to_string),
        }
    }
}

/// What a step asks for.
enum Deed {
    Nothing,
    Ask(Option<String>),
    AskAndReport(Call),
    Report(Option<PermitId>, Call),
    Query,
    Open(Option<Duration>),
    HalfOpen,
    Operate(Action),
}

/// Numbers are the same by value: `50` and `50.0`.
fn same(a: &Value, b: &Value) -> bool {
    match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => a == b,
        _ => a == b,
    }
}

/// Whole percents as whole numbers.
fn percent(rate: Rate) -> Number {
    match rate.ppm() % 10_000 {
        0 => Number::from(rate.ppm() / 10_000),
        _ => Number::from_f64(f64::from(rate.ppm()) / 10_000.0).unwrap_or_else(|| Number::from(0)),
    }
}

/// Most names of asks that are remembered, used or not: hours of a recording, and some 200 MB with names of uuids.
const TOKENS_MAX: usize = 1_000_000;

#[cfg(test)]
mod tests;
