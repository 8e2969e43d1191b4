//! What is known of peers, and what it may do: the fold over their newest words, and that hearsay adds nothing to it.

use std::time::Duration;

use breaker_agent::core::digest::{Phase, Probes, Span, Spans, StateKind, Stay, Testimony};
use breaker_agent::core::outcome::Outcome;
use breaker_agent::core::peers::Way;
use breaker_agent::core::policy::Policy;
use breaker_agent::core::registry::Hearing;
use proptest::prelude::*;

use super::words::{any_digest, any_stay, any_testimonies, busy, service};
use super::world::{id, registry_settings, settings};
use crate::stand::{S, Stand};

const ME: usize = 50;

fn host() -> Stand {
    Stand::with(Policy::default(), registry_settings(Some(settings(ME))))
}

fn hear(stand: &mut Stand, testimony: &Testimony) {
    stand.turn(|registry, turn, _| registry.hear(turn, testimony, Way::State));
}

/// Tells a host at `at`, when so much time has passed since they were made.
fn tell(stand: &mut Stand, told: &[(u64, &(u64, Testimony))]) {
    for (at, (made, testimony)) in told {
        stand.at_ms(*at);
        let age = Duration::from_millis(at - made);
        hear(stand, &Testimony { age, ..testimony.clone() });
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn order_repetition_and_delay_of_words_end_in_the_same_knowledge_and_the_same_place(
        told in any_testimonies(4),
        arrivals in prop::collection::vec((any::<prop::sample::Index>(), 0_u64..3_000), 0..60),
    ) {
        let mut on_time = host();
        tell(&mut on_time, &told.iter().map(|one| (one.0, one)).collect::<Vec<_>>());
        let mut muddled = host();
        let repeats = arrivals.iter().map(|(index, delay)| (&told[index.index(told.len())], *delay));
        let all = told.iter().map(|one| (one, 77)).chain(repeats);
        let mut all: Vec<_> = all.map(|(one, delay)| ((one.0 + delay).min(3_100), one)).collect();
        all.sort_by_key(|(at, _)| *at);
        tell(&mut muddled, &all);
        for stand in [&mut on_time, &mut muddled] {
            stand.at_ms(3_200);
        }
        prop_assert_eq!(on_time.registry.cluster_view(on_time.now, S), muddled.registry.cluster_view(muddled.now, S));
        prop_assert_eq!(on_time.ask(S), muddled.ask(S));
        let place = |stand: &Stand| stand.registry.cluster_place(stand.now, S);
        prop_assert_eq!(place(&on_time), place(&muddled));
    }

    // Without promises, so that being in an opening does not excuse a host's silence either.
    #[test]
    fn being_in_an_opening_adds_nothing_to_the_evidence(
        told in any_testimonies(6),
        stays in prop::collection::vec(prop::option::of(any_stay()), 30),
    ) {
        let [mut without, mut with] = [host(), host()];
        for ((made, testimony), stay) in told.iter().zip(stays.iter().cycle()) {
            let mut bare = testimony.clone();
            bare.digest.stay = None;
            let told = Testimony { digest: breaker_agent::core::digest::FailureDigest { stay: *stay, ..bare.digest.clone() }, ..bare.clone() };
            without.at_ms(*made);
            with.at_ms(*made);
            hear(&mut without, &bare);
            hear(&mut with, &told);
        }
        let judged = |stand: &Stand| stand.registry.cluster_view(stand.now, S).expect("spoken of").judgement;
        prop_assert_eq!(judged(&without).trips, judged(&with).trips);
        prop_assert_eq!(judged(&without).failed, judged(&with).failed);
    }

    #[test]
    fn one_host_however_loud_opens_nothing_where_calls_go_well(
        told in prop::collection::vec((1_u64..400, any_digest()), 1..40),
        others in 0_usize..5,
        rate in prop_oneof![Just(0_u32), Just(10_000), Just(1_000_000)],
    ) {
        let mut stand = host();
        for (sequence, (wait, digest)) in told.into_iter().enumerate() {
            stand.wait_ms(wait);
            for other in 1..=others {
                stand.turn(|registry, turn, _| registry.host_said(turn, &id(other), 1, busy(10_000)));
                let alive = Testimony { host: id(other), incarnation: 1, age: Duration::ZERO, digest: quiet(sequence) };
                hear(&mut stand, &alive);
            }
            stand.turn(|registry, turn, _| registry.host_said(turn, &id(0), 1, busy(rate)));
            let digest = breaker_agent::core::digest::FailureDigest { sequence: sequence as u64, ..digest };
            hear(&mut stand, &Testimony { host: id(0), incarnation: 1, age: Duration::ZERO, digest });
            prop_assert!(stand.call(S, Outcome::Success), "refused: {:?}", stand.notices);
        }
        prop_assert!(stand.notices.is_empty(), "{:?}", stand.notices);
    }

    #[test]
    fn a_deaf_host_enters_nothing_whatever_it_hears(
        told in any_testimonies(6),
        outcomes in prop::collection::vec(any::<bool>(), 30),
    ) {
        let mut stand = host();
        stand.turn(|registry, turn, _| registry.hearing_is(turn, Hearing::Dead));
        for ((made, testimony), good) in told.iter().zip(outcomes.iter().cycle()) {
            stand.at_ms(*made);
            hear(&mut stand, testimony);
            stand.call(S, if *good { Outcome::Success } else { Outcome::Failure });
            prop_assert_eq!(stand.registry.cluster_place(stand.now, S), None);
        }
    }

    #[test]
    fn nothing_a_peer_says_alters_what_this_host_testifies(
        told in any_testimonies(3),
        outcomes in prop::collection::vec(any::<bool>(), 30),
    ) {
        let [mut alone, mut among] = [host(), host()];
        for ((made, testimony), good) in told.iter().zip(outcomes.iter().cycle()) {
            for stand in [&mut alone, &mut among] {
                stand.at_ms(*made);
            }
            hear(&mut among, testimony);
            // Once in an opening it makes no calls, and begins anew when it leaves it.
            if among.ask(S) != alone.ask(S) || !among.notices.is_empty() {
                break;
            }
            let outcome = if *good { Outcome::Success } else { Outcome::Failure };
            alone.report_unasked(S, outcome);
            among.report_unasked(S, outcome);
            let spans = |stand: &mut Stand| stand.registry.digests(stand.now, 9).first().map(|digest| digest.spans);
            if among.notices.is_empty() {
                prop_assert_eq!(spans(&mut alone), spans(&mut among));
            }
        }
    }
}

fn quiet(sequence: usize) -> breaker_agent::core::digest::FailureDigest {
    let digest = breaker_agent::core::digest::FailureDigest::of(service(), StateKind::Closed);
    breaker_agent::core::digest::FailureDigest { sequence: sequence as u64, ..digest }
}

fn failing(host: usize, sequence: u64, stay: Option<Stay>) -> Testimony {
    let spans: Spans = [Span { calls: 100, failed: 100 }; 7];
    let digest = breaker_agent::core::digest::FailureDigest { spans, stay, ..quiet(sequence as usize) };
    Testimony { host: id(host), incarnation: 1, age: Duration::ZERO, digest }
}

// What waited while the host was away is of unknown age: the counts go, the places stay.
#[test]
fn after_a_pause_counts_heard_before_and_just_after_are_dropped_and_places_stay() {
    let mut stand = host();
    let stay = Stay { number: 4, phase: Phase::Open, age: Duration::ZERO, probes: Probes::default() };
    hear(&mut stand, &failing(1, 1, Some(stay)));
    stand.at_ms(31_000);
    stand.turn(|registry, turn, _| registry.hearing_is(turn, Hearing::WasAway(Duration::from_secs(30))));
    hear(&mut stand, &failing(2, 1, None));
    stand.at_ms(31_249);
    hear(&mut stand, &failing(3, 1, None));
    stand.at_ms(31_250);
    hear(&mut stand, &failing(4, 1, None));
    let seen = stand.registry.cluster_view(stand.now, S).expect("spoken of").peers;
    let failed: Vec<u32> = seen.iter().map(|told| told.digest.spans[6].failed).collect();
    assert_eq!(failed, [0, 0, 0, 100]);
    assert_eq!(seen[0].digest.stay, Some(stay));
    assert!(stand.registry.host_state().deaf);
    stand.at_ms(34_000).advance();
    assert!(!stand.registry.host_state().deaf);
}

#[test]
fn what_is_said_about_oneself_is_dropped() {
    let mut stand = host();
    hear(&mut stand, &failing(ME, 9, None));
    stand.turn(|registry, turn, _| registry.host_said(turn, &id(ME), 9, busy(5)));
    assert_eq!(stand.registry.cluster_view(stand.now, S), None);
}

#[test]
fn a_service_nobody_asked_for_here_is_known_and_judged_on_its_first_ask() {
    let mut stand = host();
    for peer in 1..=3 {
        hear(&mut stand, &failing(peer, 1, None));
    }
    assert!(stand.registry.view(S).is_none());
    assert!(stand.registry.cluster_view(stand.now, S).expect("spoken of").judgement.trips);
    assert_eq!(stand.registry.services_heard_after(None).collect::<Vec<_>>(), [&service()]);
    let refusal = stand.refused(S);
    assert_eq!((refusal.state, refusal.reason.code()), (StateKind::Open, "cluster_opened"));
    let place = stand.registry.cluster_place(stand.now, S).expect("in an opening");
    assert!(place.on_hearsay);
}

// An agent that was stopped finds alarms that are long due: none of them may judge by what it knew before.
#[test]
fn what_was_due_during_a_pause_is_not_judged_by_what_was_known_before_it() {
    let mut stand = host();
    stand.at_ms(1_000).calls(S, Outcome::Success, 4);
    stand.at_ms(1_200);
    hear(&mut stand, &failing(1, 1, None));
    hear(&mut stand, &failing(2, 1, None));
    assert_eq!(stand.registry.cluster_place(stand.now, S), None, "its own calls go well");
    // A tenth of a second later they are out of the judged span: it joins, unless it was away.
    let mut there = stand.clone();
    there.at_ms(3_200).advance();
    assert!(there.registry.cluster_place(there.now, S).is_some());
    let away = Hearing::WasAway(Duration::from_millis(1_900));
    stand.at_ms(3_200).turn(|registry, turn, _| registry.hearing_is(turn, away));
    stand.at_ms(6_500).advance();
    assert_eq!(stand.registry.cluster_place(stand.now, S), None);
}

// Where thousands of places end at once, some hosts hear of the beginning after the end.
#[test]
fn what_one_peer_has_closed_is_not_adopted_any_more_and_another_opening_is() {
    let in_it = |number, phase| Some(Stay { number, phase, age: Duration::ZERO, probes: Probes::default() });
    let tell = |stand: &mut Stand, peer, number, phase| {
        let mut told = failing(peer, 1, in_it(number, phase));
        told.digest.spans = Spans::default();
        hear(stand, &told);
    };
    let mut stand = host();
    stand.call(S, Outcome::Success);
    tell(&mut stand, 1, 4, Phase::Closed);
    (2..=5).for_each(|peer| tell(&mut stand, peer, 4, Phase::Open));
    assert_eq!(stand.registry.cluster_place(stand.now, S), None);
    (6..=15).for_each(|peer| tell(&mut stand, peer, 5, Phase::Open));
    assert_eq!(stand.registry.cluster_place(stand.now, S).map(|place| place.stay.number), Some(5));
}
