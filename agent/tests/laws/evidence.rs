//! Laws of the judgement over whatever peers may have told: nested counts and nonsense, old and new, loud and silent.

use std::time::Duration;

use breaker_agent::core::digest::{SPANS, Span, Spans, span};
use breaker_agent::core::evidence::{Bar, Judgement, Voice, judge};
use breaker_agent::core::guards::Guards;
use breaker_agent::core::policy::Rate;
use proptest::prelude::*;

/// What a voice is made of.
#[derive(Clone, Debug)]
struct Told {
    spans: Spans,
    age: Duration,
    zone: Option<&'static str>,
    rate: u32,
    standing: bool,
    in_opening: bool,
}

/// Good and failed calls between each span and the one before.
type Steps = [(u32, u32); SPANS];

fn spans_of(steps: &Steps) -> Spans {
    let mut sum = Span::default();
    steps.map(|(good, failed)| {
        sum = sum + Span { calls: good, failed: 0 } + Span { calls: failed, failed };
        sum
    })
}

fn any_steps() -> impl Strategy<Value = Steps> {
    let good = || prop_oneof![3 => Just(0), 3 => 0_u32..4, 2 => 0_u32..100];
    let failed = || prop_oneof![2 => Just(0), 3 => 0_u32..4, 2 => 0_u32..200];
    let step = move || (good(), failed());
    [step(), step(), step(), step(), step(), step(), step()]
}

fn any_spans() -> impl Strategy<Value = Spans> {
    let nonsense = || (any::<u32>(), any::<u32>()).prop_map(|(calls, failed)| Span { calls, failed });
    let nonsense = [nonsense(), nonsense(), nonsense(), nonsense(), nonsense(), nonsense(), nonsense()];
    prop_oneof![9 => any_steps().prop_map(|steps| spans_of(&steps)), 1 => nonsense]
}

fn any_rate() -> impl Strategy<Value = u32> {
    prop_oneof![4 => Just(0), 4 => 0_u32..20_000, 1 => any::<u32>()]
}

fn any_told() -> impl Strategy<Value = Told> {
    let age_ms = prop_oneof![4 => Just(0), 4 => 0_u64..1_000, 1 => 0_u64..100_000];
    let zone = prop_oneof![2 => Just(None), 2 => Just(Some("east")), 1 => Just(Some("west"))];
    let flag = || prop::bool::weighted(0.2);
    (any_spans(), age_ms, zone, any_rate(), flag(), flag()).prop_map(
        |(spans, age_ms, zone, rate, standing, in_opening)| Told {
            spans,
            age: Duration::from_millis(age_ms),
            zone,
            rate,
            standing,
            in_opening,
        },
    )
}

fn any_bar() -> impl Strategy<Value = Bar> {
    let threshold = prop_oneof![Just(50), 1_u32..=100].prop_map(Rate::percent);
    (threshold, 1_u64..60, 0..SPANS, any::<[bool; 4]>()).prop_map(|(threshold, minimum, shortest_span, on)| Bar {
        threshold,
        minimum,
        shortest_span,
        guards: Guards { quorum: on[0], margin: on[1], silence: on[2], first_hand: on[3], ..Guards::ON },
    })
}

fn with_quorum(bar: Bar) -> Bar {
    Bar { guards: Guards { quorum: true, ..bar.guards }, ..bar }
}

impl Told {
    fn voice(&self) -> Voice<'_> {
        let Self { ref spans, age, zone, rate, standing, in_opening } = *self;
        Voice { spans, age, zone, rate, standing, in_opening, myself: false }
    }
}

/// The first is ourselves.
fn voices(told: &[Told]) -> Vec<Voice<'_>> {
    let mut voices: Vec<Voice<'_>> = told.iter().map(Told::voice).collect();
    voices[0] = Voice { age: Duration::ZERO, myself: true, ..voices[0] };
    voices
}

fn judged(bar: &Bar, told: &[Told]) -> Judgement {
    judge(bar, told[0].zone, &voices(told))
}

fn crowd(most: usize) -> impl Strategy<Value = Vec<Told>> {
    prop::collection::vec(any_told(), 1..most)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn the_order_of_the_voices_does_not_matter(bar in any_bar(), (told, order) in crowd(12).prop_flat_map(|told| {
        let order = Just((0..told.len()).collect::<Vec<_>>()).prop_shuffle();
        (Just(told), order)
    })) {
        let voices = voices(&told);
        let shuffled: Vec<_> = order.iter().map(|index| voices[*index]).collect();
        prop_assert_eq!(judge(&bar, told[0].zone, &shuffled), judge(&bar, told[0].zone, &voices));
    }

    #[test]
    fn a_good_call_that_had_failed_instead_would_only_add_to_the_evidence(
        bar in any_bar(),
        crowd in prop::collection::vec((any_told(), any_steps(), 0_u32..=100), 1..10),
    ) {
        let told: Vec<Told> =
            crowd.iter().map(|(told, steps, _)| Told { spans: spans_of(steps), ..told.clone() }).collect();
        let worse: Vec<Told> = crowd.iter().map(|(told, steps, percent)| {
            let steps = steps.map(|(good, failed)| (good - good * percent / 100, failed + good * percent / 100));
            Told { spans: spans_of(&steps), ..told.clone() }
        }).collect();
        let (before, after) = (judged(&bar, &told), judged(&bar, &worse));
        prop_assert!(after.trips || !before.trips, "{before:?} {after:?}");
        prop_assert!(before.first_hand_good || !after.first_hand_good || before.span != after.span
            || before.scope != after.scope);
    }

    #[test]
    fn testimony_older_than_the_longest_span_is_as_good_as_none(bar in any_bar(), told in crowd(10), more in any_told()) {
        let old = Told { age: span(SPANS - 1), ..more };
        let silent = Told { spans: Spans::default(), standing: false, ..old };
        let with = |one: &Told| [told.clone(), vec![one.clone()]].concat();
        prop_assert_eq!(judged(&bar, &with(&old)), judged(&bar, &with(&silent)));
        let without_zone = Told { rate: 0, zone: told[0].zone, ..old };
        prop_assert_eq!(judged(&bar, &with(&without_zone)), judged(&bar, &told));
    }

    #[test]
    fn one_voice_however_loud_trips_nothing(bar in any_bar(), told in crowd(10), loud in any::<prop::sample::Index>()) {
        let mut told = told;
        let loud = loud.index(told.len());
        for (_, told) in told.iter_mut().enumerate().filter(|(index, _)| *index != loud) {
            told.spans.iter_mut().for_each(|span| span.failed = 0);
            told.standing = false;
        }
        prop_assert!(!judged(&with_quorum(bar), &told).trips);
    }

    #[test]
    fn fewer_than_three_in_ten_callers_however_loud_trip_nothing(
        bar in any_bar(),
        well in prop::collection::vec((any_steps(), any_rate()), 3..40),
        sick in prop::collection::vec((any_steps(), any::<bool>()), 1..12),
    ) {
        let fewer = (3 * well.len() - 1) / 7;
        let voice = |spans, rate, standing| Told {
            spans, age: Duration::ZERO, zone: None, rate, standing, in_opening: false,
        };
        let well = well.iter().map(|(steps, rate)| voice(spans_of(&steps.map(|(good, _)| (good, 0))), *rate, false));
        // Loud: more than once in the shortest span.
        let sick = sick.iter().take(fewer).map(|(steps, standing)| voice(spans_of(steps), 100_000, *standing));
        let told: Vec<Told> = well.chain(sick).collect();
        let judged = judged(&with_quorum(bar), &told);
        prop_assert!(!judged.trips, "{judged:?}");
    }

    #[test]
    fn where_no_call_failed_and_no_breaker_stands_nothing_trips(bar in any_bar(), told in crowd(12)) {
        let mut told = told;
        for told in &mut told {
            told.spans.iter_mut().for_each(|span| span.failed = 0);
            told.standing = false;
        }
        prop_assert!(!judged(&bar, &told).trips);
    }

    // More of the same is better known. Without a quorum no loud host is cut, and so nothing is rounded.
    #[test]
    fn many_times_the_calls_with_the_same_share_of_failures_trip_as_well(
        bar in any_bar(),
        told in prop::collection::vec(any_steps(), 1..12),
        times in 2_u32..50,
    ) {
        let crowd = |times: u32| -> Vec<Told> {
            let voice = |steps: &Steps| Told {
                spans: spans_of(&steps.map(|(good, failed)| (good * times, failed * times))),
                age: Duration::ZERO, zone: None, rate: 0, standing: false, in_opening: false,
            };
            told.iter().map(voice).collect()
        };
        let bar = Bar { guards: Guards { quorum: false, ..bar.guards }, ..bar };
        let more = Bar { minimum: bar.minimum * u64::from(times), ..bar };
        prop_assert!(judged(&more, &crowd(times)).trips || !judged(&bar, &crowd(1)).trips);
    }

    #[test]
    fn being_in_an_opening_adds_nothing_and_its_silence_says_nothing(
        bar in any_bar(),
        told in crowd(10),
        more in any_told(),
    ) {
        let fresh = Told { age: more.age.min(Duration::from_secs(1)), ..more };
        let with = |rate, in_opening| {
            let more = Told { rate, in_opening, ..fresh.clone() };
            judged(&bar, &[told.clone(), vec![more]].concat())
        };
        prop_assert_eq!(with(fresh.rate, true), with(0, false));
    }

    #[test]
    fn what_is_said_of_a_judgement_agrees_with_it(bar in any_bar(), told in crowd(12)) {
        let judged = judged(&bar, &told);
        prop_assert!(judged.failed <= judged.calls);
        if judged.trips {
            prop_assert!(judged.failing_hosts >= judged.hosts_needed, "{judged:?}");
            let by_rate = judged.calls >= bar.minimum && judged.failed >= judged.failed_needed;
            prop_assert!(by_rate || judged.standing_hosts >= judged.hosts_needed, "{judged:?}");
        }
    }
}

// The laws are only as good as what the random crowds reach.
#[test]
fn the_random_crowds_reach_every_way_to_a_judgement() {
    use breaker_agent::core::evidence::Scope;
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let strategy = (any_bar(), crowd(12));
    let (mut in_zone, mut over_all, mut standing, mut short, mut long, mut good) = (0, 0, 0, 0, 0, 0);
    for _ in 0..2_000 {
        let (bar, told) = strategy.new_tree(&mut runner).expect("a case").current();
        let judged = judged(&with_quorum(bar), &told);
        in_zone += u32::from(judged.trips && judged.scope == Scope::Zone);
        over_all += u32::from(judged.trips && judged.scope == Scope::All);
        standing += u32::from(judged.trips && judged.failed < judged.failed_needed);
        short += u32::from(judged.trips && judged.span == span(bar.shortest_span));
        long += u32::from(judged.trips && judged.span > span(bar.shortest_span));
        good += u32::from(judged.first_hand_good);
    }
    let all = [in_zone, over_all, standing, short, long, good];
    assert!(all.iter().all(|times| *times >= 50), "{all:?}");
}
