//! The breaker, through the registry, against the model.

use std::time::Duration;

use breaker_agent::core::breaker::Granted as How;
use breaker_agent::core::outcome::Outcome;
use breaker_agent::core::permits::Holder;
use breaker_agent::core::policy::{Policy, Rate};
use breaker_agent::core::registry::{Answer, OpenEnds, Settings, Told, UnknownPermit};
use breaker_agent::core::state::{Action, Notice, State, StateKind};
use proptest::prelude::*;

use crate::model::{Fate, Model};
use crate::stand::{S, SETTINGS, Stand, hold};
use crate::steps::{Step, any_policy, any_step, call_of};

struct Pair {
    real: Stand,
    model: Model,
}

impl Pair {
    fn new(policy: Policy, open_ends: OpenEnds) -> Self {
        let settings = Settings { services_max: 1, permits_max: 10_000, open_ends, ..SETTINGS };
        Self { real: Stand::with(policy.clone(), settings), model: Model::new(policy, open_ends) }
    }

    fn ask(&mut self, holder: u64, timeout: Option<Duration>) -> Result<bool, TestCaseError> {
        let now = self.real.now;
        let expected = self.model.ask(now);
        let answer = self.real.ask_as(S, Holder::Connection(holder), timeout);
        match (answer, expected) {
            (Answer::Granted(granted), Some(how)) => {
                prop_assert_eq!(granted.how, how);
                self.model.granted(now, granted.permit, holder, how, timeout);
                Ok(true)
            }
            (Answer::Rejected(rejected), None) => {
                prop_assert_eq!(rejected.refusal.state, self.model.state);
                let timed = matches!(self.model.state, StateKind::Open | StateKind::ForcedOpen);
                let retry_after = self.model.until.filter(|_| timed).map(|until| until.since(now));
                prop_assert_eq!(rejected.refusal.retry_after, retry_after);
                Ok(false)
            }
            (answer, expected) => Err(TestCaseError::fail(format!("{answer:?}, not {expected:?}"))),
        }
    }

    fn report(&mut self, at: usize, done: crate::conditions::Done) -> Result<(), TestCaseError> {
        let expected = match self.model.report(self.real.now, at, done) {
            Fate::Counted => Ok(Told::Counted),
            Fate::Dropped => Ok(Told::Dropped),
            Fate::Unknown => Err(UnknownPermit),
        };
        prop_assert_eq!(self.real.report_call(self.model.permits[at].id, &call_of(done)), expected);
        Ok(())
    }

    fn step(&mut self, step: &Step) -> Result<(), TestCaseError> {
        let now = self.real.now;
        match step {
            Step::Ask { holder, timeout_ms } => {
                self.ask(*holder, timeout_ms.map(Duration::from_millis))?;
            }
            Step::Call(done) => {
                if self.ask(0, None)? {
                    self.report(self.model.permits.len() - 1, *done)?;
                }
            }
            Step::Report(_, _) if self.model.permits.is_empty() => {}
            Step::Report(at, done) => self.report(at.index(self.model.permits.len()), *done)?,
            Step::Unasked(done) => {
                let fate = self.model.report_unasked(now, *done);
                let call = call_of(*done);
                let told =
                    self.real.turn(|registry, turn, ruling_on| registry.report_unasked(turn, S, &call, ruling_on));
                prop_assert_eq!(told == Ok(Told::Dropped), fate == Fate::Dropped);
            }
            Step::Lose(holder) => {
                self.model.lose(now, *holder);
                self.real.lose(Holder::Connection(*holder));
            }
            Step::Wait(ms) => {
                self.real.wait_ms(*ms).advance();
                self.model.advance(self.real.now);
            }
            Step::Hold(..) | Step::ForceClose | Step::Reset | Step::Open(_) | Step::HalfOpen => self.operate(step),
        }
        Ok(())
    }

    fn operate(&mut self, step: &Step) {
        let now = self.real.now;
        self.model.advance(now);
        match step {
            Step::Hold(state, for_ms) => {
                let until = for_ms.map(|ms| now + Duration::from_millis(ms));
                self.model.force(now, *state, until);
                let action = match state {
                    StateKind::ForcedOpen => Action::ForceOpen(hold(until)),
                    StateKind::Disabled => Action::Disable(hold(until)),
                    _ => Action::MetricsOnly(hold(until)),
                };
                self.real.operate(S, action);
            }
            Step::ForceClose | Step::Reset => {
                let reset = matches!(step, Step::Reset);
                self.model.force_close(now, reset);
                self.real.operate(S, if reset { Action::Reset(None) } else { Action::ForceClose(None) });
            }
            Step::HalfOpen => {
                let due = self.model.state == StateKind::Open && self.model.until.is_some_and(|until| now >= until);
                self.model.half_open(now, if due { "recovery_timeout_over" } else { "operator" });
                self.real.half_open(S);
            }
            Step::Open(ms) => {
                let wait = ms.map(Duration::from_millis);
                self.model.open(now, wait, "operator");
                let opened = self.real.turn(|registry, turn, ruling_on| registry.open(turn, S, wait, ruling_on));
                assert!(opened.is_ok());
            }
            _ => unreachable!("not an operator's step"),
        }
    }

    fn compare(&self, policy: &Policy) -> Result<(), TestCaseError> {
        let (now, model) = (self.real.now, &self.model);
        prop_assert_eq!(self.real.state(S), model.state);
        let Some(view) = self.real.registry.view(S) else { return Ok(()) };
        let until = match view.breaker().state() {
            State::Open { until } => Some(*until),
            State::HalfOpen { deadline, out, .. } => {
                prop_assert_eq!(*out, model.out());
                Some(*deadline)
            }
            state => state.hold().and_then(|hold| hold.until),
        };
        prop_assert_eq!(until, model.until);
        let (counts, live) = (self.real.counts(S), model.live(now));
        let count = |is: &dyn Fn(&crate::conditions::Done) -> bool| live.iter().filter(|done| is(done)).count() as u64;
        prop_assert_eq!(counts.total, live.len() as u64);
        prop_assert_eq!(counts.failed, count(&|done| done.outcome != Outcome::Success));
        prop_assert_eq!(counts.slow, count(&|done| done.is_slow(policy)));
        let changes: Vec<_> =
            self.real.changes().iter().map(|one| (one.at, one.from, one.to, one.reason.code())).collect();
        prop_assert_eq!(changes, model.changes.clone());
        let exceeded = self.real.notices.iter().filter_map(|(_, notice)| match notice {
            Notice::Exceeded(reason) => Some(reason.code()),
            Notice::Changed(_) | Notice::Cluster(_) => None,
        });
        prop_assert_eq!(exceeded.collect::<Vec<_>>(), model.exceeded.clone());
        Ok(())
    }
}

fn any_ends() -> impl Strategy<Value = OpenEnds> {
    prop_oneof![Just(OpenEnds::OnAcquire), Just(OpenEnds::InTime)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn it_answers_counts_and_changes_as_forty_obvious_lines_do(
        policy in any_policy(),
        open_ends in any_ends(),
        start_ms in prop_oneof![Just(0), 0_u64..5_000],
        steps in prop::collection::vec(any_step(), 0..100),
    ) {
        let mut pair = Pair::new(policy.clone(), open_ends);
        pair.real.at_ms(start_ms);
        for step in &steps {
            pair.step(step)?;
            pair.compare(&policy)?;
        }
    }

    #[test]
    fn of_n_refusals_exactly_the_share_is_enforced_rounded_down(ppm in 0_u32..=1_000_000, refusals in 1_u64..500) {
        let share = Rate::from_ppm(ppm).expect("at most all");
        let mut stand = Stand::new(Policy { enforce: share, ..Policy::default() });
        stand.operate(S, Action::ForceOpen(hold(None)));
        let mut enforced = 0;
        for n in 1..=refusals {
            let would_allow = stand.would_allow(S);
            match stand.ask(S) {
                Answer::Rejected(_) => enforced += 1,
                Answer::Granted(granted) => prop_assert_eq!(granted.how, How::WouldRefuse),
                Answer::Untracked => panic!("there is room"),
            }
            prop_assert_eq!(enforced, n * u64::from(ppm) / 1_000_000);
            prop_assert_eq!(would_allow, enforced == (n - 1) * u64::from(ppm) / 1_000_000);
        }
        let totals = stand.registry.view(S).expect("tracked").totals();
        prop_assert_eq!((totals.rejected, totals.would_refuse), (enforced, refusals - enforced));
    }
}

// The model is only as good as what the sequences reach.
#[test]
fn the_random_sequences_reach_every_state_and_every_reason() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let strategy = (any_policy(), any_ends(), prop::collection::vec(any_step(), 100));
    let mut reasons = std::collections::BTreeSet::new();
    let mut moves = std::collections::BTreeSet::new();
    for _ in 0..1_000 {
        let (policy, open_ends, steps) = strategy.new_tree(&mut runner).expect("a case").current();
        let mut pair = Pair::new(policy, open_ends);
        for step in &steps {
            pair.step(step).expect("they agree");
        }
        for (_, from, to, reason) in pair.model.changes {
            reasons.insert(reason);
            moves.insert((from, to));
        }
    }
    assert_eq!(reasons.len(), 15, "{reasons:?}");
    assert_eq!(moves.len(), 30, "each of six states to each other: {moves:?}");
}
