//! Laws of the registry as a whole, over a small tree of services and with limits that are met all the time.

use std::time::Duration;

use breaker_agent::core::breaker::Granted as How;
use breaker_agent::core::permits::{Holder, PermitId};
use breaker_agent::core::policy::{Jitter, Policy, Verdict};
use breaker_agent::core::registry::{Answer, OpenEnds, Settings};
use breaker_agent::core::service::ServiceName;
use breaker_agent::core::state::{Action, State, StateKind};
use breaker_agent::core::time::MonoTime;
use proptest::prelude::*;

use crate::stand::{SETTINGS, Stand, hold};
use crate::steps::{Step, any_policy, any_step, call_of};

pub(crate) const NAMES: [&str; 6] = ["a", "a/b", "a/b/c", "a/d", "e", "e/f"];

pub(crate) type Steps = Vec<(usize, Step)>;

pub(crate) fn any_steps() -> impl Strategy<Value = Steps> {
    prop::collection::vec((0..NAMES.len(), any_step()), 0..80)
}

fn any_settings() -> impl Strategy<Value = Settings> {
    let ends = prop_oneof![Just(OpenEnds::OnAcquire), Just(OpenEnds::InTime)];
    (1_usize..8, 1_usize..10, ends).prop_map(|(services_max, permits_max, open_ends)| Settings {
        services_max,
        permits_max,
        open_ends,
        index_seed: 3,
        cluster: None,
    })
}

fn jittered(mut policy: Policy) -> Policy {
    policy.backoff.jitter = Jitter::Equal;
    policy
}

/// A run: a stand, the permits given out so far, and all answers.
#[derive(Clone, PartialEq)]
pub(crate) struct Run {
    pub(crate) stand: Stand,
    pub(crate) answers: Vec<Answer>,
    permits: Vec<PermitId>,
}

impl Run {
    pub(crate) fn new(policy: Policy, settings: Settings) -> Self {
        Self { stand: Stand::with(jittered(policy), settings), answers: Vec::new(), permits: Vec::new() }
    }

    fn ask(&mut self, name: &str, holder: u64, timeout_ms: Option<u64>) -> Answer {
        let timeout = timeout_ms.map(Duration::from_millis);
        let answer = self.stand.ask_as(name, Holder::Connection(holder), timeout);
        if let Answer::Granted(granted) = &answer {
            self.permits.push(granted.permit);
        }
        self.answers.push(answer.clone());
        answer
    }

    pub(crate) fn step(&mut self, name: &str, step: &Step) {
        let now = self.stand.now;
        match step {
            Step::Ask { holder, timeout_ms } => drop(self.ask(name, *holder, *timeout_ms)),
            Step::Call(done) => drop(self.stand.call_of(name, &call_of(*done))),
            Step::Report(_, _) if self.permits.is_empty() => {}
            Step::Report(at, done) => {
                let permit = self.permits[at.index(self.permits.len())];
                let known = self.stand.registry.holder(permit).is_some();
                let told = self.stand.report_call(permit, &call_of(*done));
                assert!(known || told.is_err(), "a permit that is not out was taken");
            }
            Step::Unasked(done) => drop(self.stand.report_unasked(name, done.outcome)),
            Step::Lose(holder) => drop(self.stand.lose(Holder::Connection(*holder))),
            Step::Wait(ms) => drop(self.stand.wait_ms(*ms)),
            Step::Hold(state, ms) => {
                let hold = hold(ms.map(|ms| now + Duration::from_millis(ms)));
                let action = match state {
                    StateKind::ForcedOpen => Action::ForceOpen(hold),
                    StateKind::Disabled => Action::Disable(hold),
                    _ => Action::MetricsOnly(hold),
                };
                self.stand.operate(name, action);
            }
            Step::ForceClose => drop(self.stand.operate(name, Action::ForceClose(None))),
            Step::Reset => drop(self.stand.operate(name, Action::Reset(None))),
            Step::Open(_) => drop(self.stand.open(name)),
            Step::HalfOpen => drop(self.stand.half_open(name)),
        }
    }
}

/// State, probes out, and permits out for itself, of every service.
fn reserved(stand: &Stand) -> Vec<(String, StateKind, u64, u64)> {
    let out = |state: &State| match state {
        State::HalfOpen { out, .. } => *out,
        _ => 0,
    };
    let views = stand.registry.views_after(None);
    views
        .map(|view| {
            let state = view.breaker().state();
            (view.name().to_string(), state.kind(), out(state), view.in_flight())
        })
        .collect()
}

fn check(stand: &Stand, settings: &Settings) -> Result<(), TestCaseError> {
    prop_assert!(stand.registry.services() <= settings.services_max);
    prop_assert!(stand.registry.permits() <= settings.permits_max);
    let in_flight: u64 = stand.registry.views_after(None).map(|view| view.in_flight()).sum();
    prop_assert_eq!(in_flight, stand.registry.permits() as u64);
    for view in stand.registry.views_after(None) {
        if let Some(parent) = view.name().parent() {
            prop_assert!(stand.registry.view(parent.as_str()).is_some(), "{} has no parent", view.name());
        }
        let (Verdict::Permits(limit) | Verdict::Successes(limit)) = view.breaker().policy().half_open.verdict;
        if let State::HalfOpen { out, probes, .. } = view.breaker().state() {
            prop_assert!(out + probes.counts().total <= limit);
        }
    }
    Ok(())
}

/// The services that are held shut, or otherwise not Closed.
fn not_closed(stand: &Stand) -> Vec<String> {
    reserved(stand).into_iter().filter(|(_, state, _, _)| *state != StateKind::Closed).map(|(name, ..)| name).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn limits_hold_and_what_is_not_closed_stays(
        policy in any_policy(),
        settings in any_settings(),
        steps in any_steps(),
    ) {
        let mut run = Run::new(policy, settings.clone());
        for (at, step) in &steps {
            // What is due by now may close by itself; what is held shut after that stays.
            run.stand.advance();
            let held = not_closed(&run.stand);
            run.step(NAMES[*at], step);
            check(&run.stand, &settings)?;
            for name in held {
                prop_assert!(run.stand.registry.view(&name).is_some(), "{} was evicted", name);
            }
        }
    }

    #[test]
    fn an_acquire_reserves_on_every_level_or_on_none(
        policy in any_policy(),
        settings in any_settings(),
        steps in any_steps(),
    ) {
        let mut run = Run::new(policy, settings);
        for (at, step) in &steps {
            run.step(NAMES[*at], step);
            run.stand.advance();
            let asked = NAMES[usize::from(*at == 0) + 1];
            let mut twin = run.clone();
            let before = reserved(&twin.stand);
            let answer = twin.ask(asked, 0, None);
            let on_path = |name: &str| asked == name || asked.starts_with(&format!("{name}/"));
            let unenforced = matches!(&answer, Answer::Granted(granted) if granted.how == How::WouldRefuse);
            let allowed = matches!(&answer, Answer::Granted(granted) if granted.how == How::Allowed);
            for (name, state, out, _) in reserved(&twin.stand) {
                // One that is new had none out; one that was there may at most have begun HalfOpen by this acquire.
                let known = before.iter().find(|(known, ..)| *known == name);
                let out_before = known.map_or(0, |(_, _, out, _)| *out);
                let reserves = allowed && on_path(&name) && state == StateKind::HalfOpen;
                prop_assert!(unenforced || out == out_before + u64::from(reserves), "{}: {:?}", name, answer);
            }
        }
    }

    #[test]
    fn a_query_says_what_the_next_acquire_will_and_changes_nothing(
        policy in any_policy(),
        permits_max in 1_usize..10,
        steps in any_steps(),
    ) {
        let settings = Settings { services_max: 6, permits_max, ..SETTINGS };
        let mut run = Run::new(policy, settings);
        for (at, step) in &steps {
            run.step(NAMES[*at], step);
            run.stand.advance();
            let before = run.clone();
            for name in NAMES {
                let would_allow = run.stand.would_allow(name);
                prop_assert!(run == before, "looking changed something");
                let mut twin = run.clone();
                let answer = twin.ask(name, 0, None);
                // An acquire takes stale permits back, so that it may find room where the query saw none.
                let room = run.stand.registry.permits() < permits_max;
                prop_assert!(!room || would_allow == !matches!(answer, Answer::Rejected(_)), "{}: {:?}", name, answer);
            }
        }
    }

    #[test]
    fn looking_changes_nothing(policy in any_policy(), settings in any_settings(), steps in any_steps()) {
        let mut run = Run::new(policy, settings);
        for (at, step) in &steps {
            run.step(NAMES[*at], step);
            let before = run.clone();
            let (registry, now) = (&run.stand.registry, run.stand.now);
            let seen: usize = registry.views_after(None).map(|view| view.breaker().tally(now).counts().total as usize).sum();
            let name = ServiceName::parse(NAMES[*at]).expect("a name");
            let later = registry.views_after(Some(&name)).count();
            prop_assert!(seen + later < usize::MAX && registry.deadline().is_none_or(|at| at >= MonoTime::START));
            prop_assert!(run == before);
        }
    }

    #[test]
    fn digests_do_not_change_by_being_asked_for_and_tell_of_every_service_in_trouble(
        policy in any_policy(),
        settings in any_settings(),
        steps in any_steps(),
    ) {
        let mut run = Run::new(policy, settings);
        for (at, step) in &steps {
            run.step(NAMES[*at], step);
            let now = run.stand.now;
            let told = run.stand.registry.digests(now, 100);
            prop_assert_eq!(&run.stand.registry.digests(now, 100), &told);
            let in_trouble = |state| matches!(state, StateKind::Open | StateKind::HalfOpen);
            for (name, state, ..) in reserved(&run.stand) {
                let failed = state == StateKind::Closed && run.stand.counts(&name).failed > 0;
                let is_told = told.iter().any(|digest| digest.service.as_str() == name);
                prop_assert_eq!(is_told, failed || in_trouble(state), "{}", name);
            }
            prop_assert_eq!(run.stand.registry.digests(now, 1), told.get(..1).unwrap_or(&told));
        }
    }

    #[test]
    fn advancing_early_twice_or_in_many_steps_is_the_same_as_once(
        policy in any_policy(),
        settings in any_settings(),
        steps in any_steps(),
        cuts in prop::collection::vec(0_u64..3_000, 1..6),
    ) {
        let mut at_once = Run::new(policy, settings);
        let mut often = at_once.clone();
        for (at, step) in &steps {
            if let Step::Wait(ms) = step {
                let start = often.stand.now;
                let mut sorted: Vec<u64> = cuts.iter().map(|cut| *cut.min(ms)).collect();
                sorted.sort_unstable();
                for cut in sorted {
                    often.stand.now = start + Duration::from_millis(cut);
                    often.stand.advance().advance();
                }
                often.stand.now = start;
            }
            at_once.step(NAMES[*at], step);
            often.step(NAMES[*at], step);
            at_once.stand.advance();
            often.stand.advance().advance();
            prop_assert!(at_once == often);
        }
    }

    #[test]
    fn the_same_steps_with_the_same_seed_end_in_the_same_registry(
        policy in any_policy(),
        settings in any_settings(),
        steps in any_steps(),
    ) {
        let play = || {
            let mut run = Run::new(policy.clone(), settings.clone());
            for (at, step) in &steps {
                run.step(NAMES[*at], step);
            }
            run
        };
        prop_assert!(play() == play());
    }

    #[test]
    fn nothing_is_due_after_an_advance(policy in any_policy(), settings in any_settings(), steps in any_steps()) {
        let mut run = Run::new(policy, settings);
        for (at, step) in &steps {
            run.step(NAMES[*at], step);
            run.stand.advance();
            let now = run.stand.now;
            prop_assert!(run.stand.registry.deadline().is_none_or(|at| at > now));
        }
    }
}
