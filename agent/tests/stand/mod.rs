//! A registry with all it needs around it: a clock that is stepped by hand, seeded chance, policies by name.
//!
//! Every test crate that plays whole sequences of calls uses this one; each uses its part of it.
#![allow(dead_code, reason = "each test crate uses its part")]

pub(crate) mod dice;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use breaker_agent::core::breaker::Refusal;
use breaker_agent::core::counts::Counts;
use breaker_agent::core::outcome::{Call, Outcome};
use breaker_agent::core::permits::{Holder, PermitId};
use breaker_agent::core::policy::{Admission, Backoff, HalfOpen, Jitter, Policy, Ruling, Verdict, WindowShape};
use breaker_agent::core::registry::{Answer, Ask, Effects, OpenEnds, Registry, Settings, Told, Turn, UnknownPermit};
use breaker_agent::core::service::ServiceName;
use breaker_agent::core::state::{Action, Hold, Notice, StateKind, Transition};
use breaker_agent::core::time::MonoTime;

use dice::Dice;

/// See the file's head.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stand {
    pub(crate) registry: Registry,
    pub(crate) notices: Vec<(ServiceName, Notice)>,
    pub(crate) effects: Effects,
    pub(crate) now: MonoTime,
    rng: Dice,
    default: Arc<Policy>,
    policies: BTreeMap<String, Arc<Policy>>,
}

/// The service of tests that need only one.
pub(crate) const S: &str = "payments";

/// The connection of tests that need only one.
pub(crate) const CLIENT: Holder = Holder::Connection(1);

impl Stand {
    /// With room for all, and Open ending only on an acquire.
    pub(crate) fn new(policy: Policy) -> Self {
        Self::with(policy, Settings { services_max: 10_000, permits_max: 10_000, ..SETTINGS })
    }

    pub(crate) fn with(policy: Policy, settings: Settings) -> Self {
        Self {
            registry: Registry::new(settings),
            notices: Vec::new(),
            effects: Effects::default(),
            now: MonoTime::START,
            rng: Dice::new(7),
            default: Arc::new(policy),
            policies: BTreeMap::new(),
        }
    }

    /// Gives one service a policy of its own.
    pub(crate) fn policy_for(mut self, service: &str, policy: Policy) -> Self {
        self.policies.insert(service.into(), Arc::new(policy));
        self
    }

    /// Does something with the registry, in a turn at the present time.
    pub(crate) fn turn<T>(
        &mut self,
        act: impl FnOnce(&mut Registry, &mut Turn<'_, Dice>, &dyn Fn(&ServiceName) -> Ruling) -> T,
    ) -> T {
        let (default, policies) = (&self.default, &self.policies);
        let ruling_on = |name: &ServiceName| admitted(policies.get(name.as_str()).unwrap_or(default));
        let mut turn =
            Turn { now: self.now, rng: &mut self.rng, notices: &mut self.notices, effects: &mut self.effects };
        act(&mut self.registry, &mut turn, &ruling_on)
    }

    /// Time goes on to so many milliseconds after the start; nothing is done yet.
    pub(crate) fn at_ms(&mut self, ms: u64) -> &mut Self {
        self.now = MonoTime::from_millis(ms);
        self
    }

    /// Time goes on by so many milliseconds; nothing is done yet.
    pub(crate) fn wait_ms(&mut self, ms: u64) -> &mut Self {
        self.now = self.now + Duration::from_millis(ms);
        self
    }

    pub(crate) fn advance(&mut self) -> &mut Self {
        self.turn(|registry, turn, _| registry.advance(turn));
        self
    }

    pub(crate) fn ask(&mut self, service: &str) -> Answer {
        self.ask_as(service, CLIENT, None)
    }

    pub(crate) fn ask_as(&mut self, service: &str, holder: Holder, timeout: Option<Duration>) -> Answer {
        self.turn(|registry, turn, ruling_on| registry.acquire(turn, Ask { service, holder, timeout }, ruling_on))
            .expect("every name is served")
    }

    /// Asks for a call that must be permitted.
    pub(crate) fn permit(&mut self, service: &str) -> PermitId {
        match self.ask(service) {
            Answer::Granted(granted) => granted.permit,
            other => panic!("{service} at {:?} should have been granted: {other:?}", self.now),
        }
    }

    /// Asks for a call that must be refused.
    pub(crate) fn refused(&mut self, service: &str) -> Refusal {
        match self.ask(service) {
            Answer::Rejected(rejected) => rejected.refusal,
            other => panic!("{service} at {:?} should have been refused: {other:?}", self.now),
        }
    }

    pub(crate) fn report(&mut self, permit: PermitId, outcome: Outcome) -> Result<Told, UnknownPermit> {
        self.report_call(permit, &Call::of(outcome))
    }

    pub(crate) fn report_call(&mut self, permit: PermitId, call: &Call) -> Result<Told, UnknownPermit> {
        self.turn(|registry, turn, _| registry.report(turn, permit, call))
    }

    pub(crate) fn report_unasked(&mut self, service: &str, outcome: Outcome) -> Told {
        self.turn(|registry, turn, ruling_on| registry.report_unasked(turn, service, &Call::of(outcome), ruling_on))
            .expect("every name is served")
    }

    /// Asks and, if the call is permitted, reports at once. Returns whether it was.
    pub(crate) fn call(&mut self, service: &str, outcome: Outcome) -> bool {
        self.call_of(service, &Call::of(outcome))
    }

    pub(crate) fn call_of(&mut self, service: &str, call: &Call) -> bool {
        match self.ask(service) {
            Answer::Granted(granted) => {
                self.report_call(granted.permit, call).expect("a fresh permit is known");
                true
            }
            Answer::Untracked => true,
            Answer::Rejected(_) => false,
        }
    }

    pub(crate) fn calls(&mut self, service: &str, outcome: Outcome, times: u64) -> &mut Self {
        for _ in 0..times {
            self.call(service, outcome);
        }
        self
    }

    pub(crate) fn lose(&mut self, holder: Holder) -> &mut Self {
        self.turn(|registry, turn, _| registry.lose(turn, holder));
        self
    }

    pub(crate) fn operate(&mut self, service: &str, action: Action) -> &mut Self {
        self.turn(|registry, turn, ruling_on| registry.operate(turn, service, action, ruling_on)).expect("served");
        self
    }

    pub(crate) fn open(&mut self, service: &str) -> &mut Self {
        self.turn(|registry, turn, ruling_on| registry.open(turn, service, None, ruling_on)).expect("served");
        self
    }

    pub(crate) fn half_open(&mut self, service: &str) -> &mut Self {
        self.turn(|registry, turn, ruling_on| registry.half_open(turn, service, ruling_on)).expect("served");
        self
    }

    /// The state, without any side effect; a service nobody has asked for is Closed.
    pub(crate) fn state(&self, service: &str) -> StateKind {
        self.registry.view(service).map_or(StateKind::Closed, |view| view.breaker().state().kind())
    }

    pub(crate) fn counts(&self, service: &str) -> Counts {
        self.registry.view(service).map_or(Counts::default(), |view| *view.breaker().tally(self.now).counts())
    }

    /// Whether a query says that a call would be let through.
    pub(crate) fn would_allow(&self, service: &str) -> bool {
        let ruling_on = |_: &ServiceName| admitted(&self.default);
        self.registry.query(self.now, service, &ruling_on).expect("served").is_ok()
    }

    /// The changes of state so far, in order.
    pub(crate) fn changes(&self) -> Vec<&Transition> {
        let changed = |notice| match notice {
            &(_, Notice::Changed(ref change)) => Some(change),
            (_, Notice::Exceeded(_) | Notice::Cluster(_)) => None,
        };
        self.notices.iter().filter_map(changed).collect()
    }

    /// From which state to which, in order.
    pub(crate) fn path_of_states(&self) -> Vec<(StateKind, StateKind)> {
        self.changes().iter().map(|change| (change.from, change.to)).collect()
    }
}

/// Three failures in a row trip, Open lasts a second without jitter or growth, one success closes; no rates.
pub(crate) fn three_in_a_row() -> Policy {
    let mut policy = Policy::default();
    policy.conditions.failure_threshold = Some(3);
    policy.conditions.error_rate = None;
    policy.recovery_timeout = Duration::from_secs(1);
    policy.backoff = Backoff { multiplier_milli: 1_000, max: Duration::from_secs(4), jitter: Jitter::None };
    policy.half_open = HalfOpen { verdict: Verdict::Successes(1), ..policy.half_open };
    policy
}

/// As [`three_in_a_row`], with this verdict of HalfOpen.
pub(crate) fn probed(verdict: Verdict) -> Policy {
    let mut policy = three_in_a_row();
    policy.half_open.verdict = verdict;
    policy
}

/// Half of the last `size` calls failing trips, from `minimum` calls on; no other condition.
pub(crate) fn half_of(size: usize, minimum: u64) -> Policy {
    let mut policy = three_in_a_row();
    policy.window = WindowShape::Count { size };
    policy.minimum_throughput = minimum;
    policy.conditions.failure_threshold = None;
    policy.conditions.error_rate = Some(breaker_agent::core::policy::DEFAULT_ERROR_RATE);
    policy
}

/// An operator's word, for so long.
pub(crate) fn hold(until: Option<MonoTime>) -> Hold {
    Hold { uid: 1_000, reason: Some("maintenance".into()), until }
}

/// Small enough for a test to stand on.
pub(crate) const SETTINGS: Settings =
    Settings { services_max: 4, permits_max: 8, open_ends: OpenEnds::OnAcquire, index_seed: 1, cluster: None };

fn admitted(policy: &Arc<Policy>) -> Ruling {
    Ruling { policy: policy.clone(), admission: Admission::Admitted }
}
