//! What one service has put into the windows of its ancestors, and takes along when it opens, against plain lists.

use std::collections::BTreeMap;
use std::time::Duration;

use breaker_agent::core::outcome::Outcome::{Failure, Success, Throttled};
use breaker_agent::core::outcome::{Call, Outcome};
use breaker_agent::core::policy::{Policy, WindowShape};
use breaker_agent::core::state::{Action, Notice, StateKind};
use breaker_agent::core::time::MonoTime;
use proptest::prelude::*;

use crate::stand::{Stand, three_in_a_row};

const NAMES: [&str; 7] = ["a", "a/b", "a/b/c", "a/b/c/d", "a/b/e", "a/f", "g"];

#[derive(Clone, Debug)]
enum Step {
    Told(usize, Outcome),
    Wait(u64),
    Open(usize),
    ForceClose(usize),
}

fn any_step() -> impl Strategy<Value = Step> {
    let name = || 0..NAMES.len();
    prop_oneof![
        20 => (name(), prop_oneof![3 => Just(Success), 3 => Just(Failure), 1 => Just(Throttled)])
            .prop_map(|(at, outcome)| Step::Told(at, outcome)),
        4 => (0_u64..700).prop_map(Step::Wait),
        2 => name().prop_map(Step::Open),
        3 => name().prop_map(Step::ForceClose),
    ]
}

/// What a service has in its window and its run: each call with its time, and the path it came by.
#[derive(Default)]
struct Lists {
    calls: Vec<(MonoTime, &'static str, Outcome)>,
    run: Vec<&'static str>,
}

fn is_below(name: &str, above: &str) -> bool {
    name == above || name.strip_prefix(above).is_some_and(|rest| rest.starts_with('/'))
}

fn path_of(name: &'static str) -> Vec<&'static str> {
    let mut path: Vec<_> = NAMES.into_iter().filter(|above| is_below(name, above)).collect();
    path.sort_by_key(|above| std::cmp::Reverse(above.len()));
    path
}

struct Model {
    policy: Policy,
    lists: BTreeMap<&'static str, Lists>,
}

impl Model {
    /// Takes in a call at every level that is Closed, up to the first that opens by it; the registry says which do.
    fn told(&mut self, now: MonoTime, name: &'static str, outcome: Outcome, closed: &[&str], opened: &[&'static str]) {
        for level in path_of(name).into_iter().filter(|level| closed.contains(level)) {
            let list = self.lists.entry(level).or_default();
            list.calls.push((now, name, outcome));
            if let WindowShape::Count { size } = self.policy.window {
                list.calls.drain(..list.calls.len().saturating_sub(size));
            }
            match outcome {
                Success => list.run.clear(),
                Failure => list.run.push(name),
                _ => {}
            }
            if opened.contains(&level) {
                return;
            }
        }
    }

    fn opened(&mut self, name: &str) {
        for (above, list) in self.lists.iter_mut().filter(|(above, _)| **above != name && is_below(name, above)) {
            assert_ne!(*above, name);
            list.calls.retain(|(_, path, _)| !is_below(path, name));
            list.run.retain(|path| !is_below(path, name));
        }
    }

    fn counts(&self, name: &str, now: MonoTime) -> (u64, u64, u64) {
        let Some(list) = self.lists.get(name) else { return (0, 0, 0) };
        let live = |at: MonoTime| match self.policy.window {
            WindowShape::Count { .. } => true,
            WindowShape::Time { bucket, buckets } => {
                let number = |at: MonoTime| u128::from(at.as_nanos()) / bucket.as_nanos();
                number(at) + buckets as u128 > number(now)
            }
        };
        let calls: Vec<_> = list.calls.iter().filter(|(at, _, _)| live(*at)).collect();
        let failed = calls.iter().filter(|(_, _, outcome)| *outcome != Success).count();
        (calls.len() as u64, failed as u64, list.run.len() as u64)
    }
}

fn any_policies() -> impl Strategy<Value = (WindowShape, [u64; 4])> {
    let window = prop_oneof![
        (1_usize..12).prop_map(|size| WindowShape::Count { size }),
        (1_usize..5).prop_map(|buckets| WindowShape::Time { bucket: Duration::from_millis(500), buckets }),
    ];
    (window, [2_u64..9, 2_u64..9, 2_u64..9, 2_u64..9])
}

fn seen(stand: &Stand, name: &str) -> (u64, u64, u64) {
    let counts = stand.counts(name);
    (counts.total, counts.failed, stand.registry.view(name).map_or(0, |view| view.breaker().run().failures))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn one_that_opens_takes_exactly_its_outcomes_out_of_every_ancestor(
        (window, thresholds) in any_policies(),
        steps in prop::collection::vec(any_step(), 0..150),
    ) {
        let policy = |depth: usize| {
            let mut policy = Policy { window, ..three_in_a_row() };
            policy.conditions.failure_threshold = Some(thresholds[depth]);
            policy.conditions.failure_count = Some(thresholds[3 - depth] + 3);
            policy
        };
        let mut stand = Stand::new(policy(0));
        for name in NAMES {
            stand = stand.policy_for(name, policy(path_of(name).len() - 1));
        }
        let mut model = Model { policy: policy(0), lists: BTreeMap::new() };
        for step in steps {
            let closed: Vec<_> = NAMES.into_iter().filter(|name| stand.state(name) == StateKind::Closed).collect();
            let noticed = stand.notices.len();
            let told = match step {
                Step::Told(at, outcome) => {
                    stand.report_unasked(NAMES[at], outcome);
                    Some((NAMES[at], outcome))
                }
                Step::Wait(ms) => {
                    stand.wait_ms(ms);
                    None
                }
                Step::Open(at) => {
                    stand.open(NAMES[at]);
                    None
                }
                Step::ForceClose(at) => {
                    stand.operate(NAMES[at], Action::ForceClose(None));
                    model.lists.remove(NAMES[at]);
                    None
                }
            };
            let opened: Vec<_> = stand.notices[noticed..]
                .iter()
                .filter(|(_, notice)| matches!(notice, Notice::Changed(change) if change.to == StateKind::Open))
                .map(|(name, _)| NAMES.into_iter().find(|known| *known == name.as_str()).expect("known"))
                .collect();
            prop_assert!(opened.len() <= 1, "one outcome opens one service at most: {:?}", opened);
            if let Some((name, outcome)) = told {
                model.told(stand.now, name, outcome, &closed, &opened);
            }
            opened.iter().for_each(|name| model.opened(name));
            for name in NAMES {
                prop_assert_eq!(seen(&stand, name), model.counts(name, stand.now), "{}", name);
            }
        }
    }
}

// A service between has already taken the child's outcomes out within its own part; the child, opening later, must not
// take them out a second time.
#[test]
fn what_was_taken_out_with_a_parent_is_not_taken_out_again_with_its_child() {
    for window in [WindowShape::Count { size: 100 }, three_in_a_row().window] {
        let policy = |threshold| {
            let mut policy = Policy { window, ..three_in_a_row() };
            policy.conditions.failure_threshold = Some(threshold);
            policy
        };
        let mut stand = Stand::new(policy(100)).policy_for("a/b", policy(3)).policy_for("a/b/c", policy(4));
        for _ in 0..2 {
            stand.report_unasked("a/f", Failure);
        }
        for _ in 0..3 {
            stand.report_unasked("a/b/c", Failure);
        }
        assert_eq!((stand.state("a/b"), seen(&stand, "a")), (StateKind::Open, (2, 2, 2)));
        stand.report_unasked("a/b/c", Failure);
        assert_eq!((stand.state("a/b/c"), seen(&stand, "a")), (StateKind::Open, (2, 2, 2)));
    }
}

// Its failures do not even touch the ancestors by the outcome that opens it.
#[test]
fn the_outcome_that_opens_a_service_is_not_seen_above_it() {
    let mut top = three_in_a_row();
    top.conditions.failure_threshold = Some(3);
    let mut stand = Stand::new(top);
    stand.calls("a/b", Failure, 3);
    assert_eq!(stand.path_of_states(), [(StateKind::Closed, StateKind::Open)]);
    assert_eq!((stand.state("a"), seen(&stand, "a")), (StateKind::Closed, (0, 0, 0)));
    assert!(stand.call_of("a", &Call::of(Failure)));
    assert_eq!(seen(&stand, "a"), (1, 1, 1));
}
