//! Each number of the rule, on it and one step past it, and what each protection is there for.

use std::time::Duration;

use super::{Bar, Judgement, Scope, Voice, judge};
use crate::core::digest::{SPANS, Span, Spans, span};
use crate::core::guards::Guards;
use crate::core::policy::Rate;

const BAR: Bar = Bar { threshold: Rate::percent(50), minimum: 20, shortest_span: 2, guards: Guards::ON };

/// As many calls in every span: all of them came just now.
const fn now(calls: u32, failed: u32) -> Spans {
    [Span { calls, failed }; SPANS]
}

const NONE: Spans = now(0, 0);

fn voice(spans: &Spans) -> Voice<'_> {
    let (age, zone) = (Duration::ZERO, None);
    Voice { spans, age, zone, rate: 0, standing: false, in_opening: false, myself: false }
}

fn judged(voices: &[Voice<'_>]) -> Judgement {
    judge(&BAR, None, voices)
}

fn without(guard: &str) -> Bar {
    let mut guards = Guards::ON;
    *guards.named(guard).unwrap() = false;
    Bar { guards, ..BAR }
}

#[test]
fn it_takes_the_threshold_and_one_and_a_half_roots_of_the_calls() {
    // 40 calls: 20 + 1.5 x 6.32 = 29.49.
    let (more, less) = (now(20, 15), now(20, 14));
    assert!(judged(&[voice(&more), voice(&more)]).trips);
    let missed = judged(&[voice(&more), voice(&less)]);
    assert!(!missed.trips);
    assert_eq!((missed.calls, missed.failed, missed.failed_needed), (40, 29, 30));
    assert!(judge(&without("margin"), None, &[voice(&now(20, 10)), voice(&now(20, 10))]).trips);
    assert!(!judge(&without("margin"), None, &[voice(&now(20, 10)), voice(&now(20, 9))]).trips);
}

#[test]
fn a_high_threshold_can_be_reached() {
    let needed = |percent, calls| Bar { threshold: Rate::percent(percent), ..BAR }.failed_needed(calls);
    assert_eq!([50, 80, 90, 95, 100].map(|percent| needed(percent, 20)), [17, 19, 20, 20, 20]);
    assert_eq!([50, 80, 90, 95, 100].map(|percent| needed(percent, 10_000)), [5_150, 8_150, 9_150, 9_650, 10_000]);
    assert_eq!((needed(50, 0), needed(1, 1)), (0, 1));
    assert!(needed(100, u64::MAX) > 0, "no count overflows it");
}

#[test]
fn the_shortest_span_with_enough_calls_is_judged_and_no_longer_one() {
    let mut spans = NONE;
    spans[3] = Span { calls: 9, failed: 9 };
    spans[4] = Span { calls: 10, failed: 10 };
    spans[5..].fill(Span { calls: 500, failed: 10 });
    let judged_at = |minimum| judge(&Bar { minimum, ..BAR }, None, &[voice(&spans), voice(&spans)]);
    assert_eq!((judged_at(18).span, judged_at(18).trips), (span(3), true));
    assert_eq!((judged_at(20).span, judged_at(20).trips), (span(4), true));
    assert_eq!((judged_at(21).span, judged_at(21).trips), (span(5), false));
    assert_eq!((judged_at(1_001).span, judged_at(1_001).trips), (span(6), false), "none has enough: the longest");
    let shorter = Bar { shortest_span: 3, ..BAR };
    assert_eq!(judge(&shorter, None, &[voice(&now(50, 50)), voice(&now(50, 50))]).span, span(3));
    let past_the_last = Bar { shortest_span: SPANS, ..BAR };
    assert_eq!(judge(&past_the_last, None, &[voice(&now(50, 50))]).span, span(6));
}

#[test]
fn it_takes_two_hosts_and_three_in_ten_of_those_expected() {
    let (bad, good) = (now(20, 20), now(1, 0));
    for (callers, needed) in [(2, 2), (6, 2), (7, 3), (10, 3), (11, 4), (100, 30)] {
        let crowd = |failing| -> Vec<Voice<'_>> {
            (0..callers).map(|host| voice(if host < failing { &bad } else { &good })).collect()
        };
        assert!(judged(&crowd(needed)).trips, "{needed} of {callers}");
        let missed = judged(&crowd(needed - 1));
        assert!(!missed.trips, "{} of {callers}", needed - 1);
        assert_eq!((missed.failing_hosts, missed.hosts_needed), (needed as u32 - 1, needed as u32));
        assert_eq!(missed.callers, callers as u32);
    }
    assert!(judge(&without("quorum"), None, &[voice(&bad), voice(&good)]).trips);
}

// Three of a hundred make nearly all calls, and fail: they are all who would call in so short a time.
#[test]
fn a_few_busy_hosts_do_not_decide_for_the_many_that_seldom_call() {
    let bad = now(100, 100);
    let busy = Voice { rate: 300_000, ..voice(&bad) };
    let mut voices = vec![Voice { rate: 15, ..voice(&NONE) }; 97];
    voices.extend([busy; 3]);
    let missed = judged(&voices);
    assert!(!missed.trips);
    assert_eq!((missed.failing_hosts, missed.hosts_needed), (3, 30));
}

// A hundred call once a minute. In 16 s some 27 of them do, all in vain; the others had no call to make.
#[test]
fn those_who_called_stand_for_those_who_would_have() {
    let mut once = now(1, 1);
    once[..5].fill(Span::default());
    let crowd = |failing| -> Vec<Voice<'_>> {
        let seldom = |spans| Voice { rate: 16, ..voice(spans) };
        (0..100).map(|host| seldom(if host < failing { &once } else { &NONE })).collect()
    };
    let found = judged(&crowd(27));
    assert_eq!((found.span, found.calls, found.failed, found.trips), (span(5), 27, 27, true));
    assert!(!judged(&crowd(20)).trips, "the silence of the others counts");
}

#[test]
fn a_loud_host_counts_for_one_share() {
    // Two are needed, so none is more than half: the loud one counts for as much as the four others together.
    let (loud, good) = (now(1_000, 1_000), now(10, 0));
    let found = judged(&[voice(&loud), voice(&good), voice(&good), voice(&good), voice(&good)]);
    assert_eq!((found.calls, found.failed, found.hosts_needed), (80, 40, 2));
    // Nor does one that is loud and well outvote the others.
    let (loud, bad) = (now(1_000, 0), now(10, 10));
    let found = judged(&[voice(&loud), voice(&bad), voice(&bad), voice(&bad), voice(&bad)]);
    assert_eq!((found.calls, found.failed), (80, 40));
}

// Who fares well says little: two of six fail, and of the others there is nothing but how often they call.
#[test]
fn the_silence_of_those_who_fare_well_outweighs_two_that_do_not() {
    let bad = now(20, 20);
    let mut voices = vec![Voice { rate: 78_125, age: Duration::MAX, ..voice(&NONE) }; 4];
    voices.extend([voice(&bad); 2]);
    let found = judged(&voices);
    assert_eq!((found.calls, found.failed, found.trips), (40 + 4 * 20 - 2, 40, false), "spare calls make up for two");
    let deaf_to_it = judge(&without("silence"), None, &voices);
    assert_eq!((deaf_to_it.calls, deaf_to_it.failed, deaf_to_it.trips), (40, 40, true));
}

#[test]
fn the_silence_of_a_host_in_an_opening_and_our_own_say_nothing() {
    let bad = now(20, 20);
    let silent = Voice { rate: 100_000, ..voice(&NONE) };
    let busy = Voice { rate: 78_125, ..voice(&bad) };
    let with = |third| judged(&[busy, busy, third]);
    assert_eq!(with(silent).calls, 40 + 25);
    assert_eq!(with(Voice { in_opening: true, ..silent }).calls, 40);
    assert_eq!(with(Voice { myself: true, ..silent }).calls, 40);
    assert_eq!(with(Voice { age: Duration::MAX, ..silent }).calls, 40 + 25);
}

#[test]
fn breakers_that_stand_open_suffice_if_they_are_three_in_ten_of_all() {
    let crowd = |standing: usize, age| -> Vec<Voice<'_>> {
        (0..10).map(|host| Voice { standing: host < standing, age, ..voice(&NONE) }).collect()
    };
    assert!(judged(&crowd(3, Duration::ZERO)).trips);
    assert!(!judged(&crowd(2, Duration::ZERO)).trips);
    let limit = span(SPANS - 1);
    assert!(judged(&crowd(3, limit.saturating_sub(Duration::from_nanos(1)))).trips);
    assert_eq!(judged(&crowd(3, limit)).callers, 0, "too old to be callers even");
}

#[test]
fn three_own_calls_in_the_judged_span_that_fail_at_under_half_the_threshold_are_good() {
    let bad = now(40, 40);
    let first_hand = |bar: &Bar, calls, failed| {
        let own = now(calls, failed);
        judge(bar, None, &[Voice { myself: true, ..voice(&own) }, voice(&bad)]).first_hand_good
    };
    assert!(first_hand(&BAR, 3, 0) && first_hand(&BAR, 5, 1));
    assert!(!first_hand(&BAR, 2, 0) && !first_hand(&BAR, 4, 1));
    assert!(!first_hand(&without("first_hand"), 3, 0));
    // The good past is in a longer span than the judged one.
    let mut own = now(2, 2);
    own[3..].fill(Span { calls: 1_000, failed: 2 });
    let found = judged(&[Voice { myself: true, ..voice(&own) }, voice(&bad), voice(&bad)]);
    assert_eq!((found.span, found.first_hand_good), (span(2), false));
}

fn zones<'a>(hosts: &[(usize, &'a str, &'a Spans)]) -> Vec<Voice<'a>> {
    let of = |(count, zone, spans): &(usize, &'a str, &'a Spans)| {
        std::iter::repeat_n(Voice { zone: Some(*zone), ..voice(spans) }, *count)
    };
    hosts.iter().flat_map(of).collect()
}

#[test]
fn a_zones_trouble_stays_there_however_large_the_zone_is() {
    let (bad, fair, unlucky) = (now(10, 10), now(10, 1), now(2, 1));
    let voices = zones(&[(14, "east", &bad), (5, "west", &fair), (1, "west", &unlucky)]);
    let (east, west) = (judge(&BAR, Some("east"), &voices), judge(&BAR, Some("west"), &voices));
    assert_eq!((east.trips, east.scope, east.callers), (true, Scope::Zone, 14));
    assert_eq!((west.trips, west.scope, west.callers), (false, Scope::Zone, 6));
}

#[test]
fn what_two_zones_find_failing_opens_in_a_third_that_does_not_call() {
    let bad = now(10, 10);
    let voices = zones(&[(3, "east", &bad), (3, "west", &bad), (3, "north", &NONE)]);
    let north = judge(&BAR, Some("north"), &voices);
    assert_eq!((north.trips, north.scope, north.callers), (true, Scope::All, 9));
    let one = zones(&[(6, "east", &bad), (3, "north", &NONE)]);
    assert!(!judge(&BAR, Some("north"), &one).trips);
}

#[test]
fn breakers_that_stand_open_in_one_zone_alone_open_nothing_elsewhere() {
    let mut voices = zones(&[(3, "east", &NONE), (3, "west", &NONE)]);
    voices.iter_mut().take(3).for_each(|voice| voice.standing = true);
    assert!(judge(&BAR, Some("east"), &voices).trips);
    assert!(!judge(&BAR, Some("west"), &voices).trips);
    voices[3].standing = true;
    voices[4].zone = Some("north");
    assert!(judge(&BAR, Some("north"), &voices).trips);
}

#[test]
fn one_zone_or_none_at_all_is_judged_once() {
    let bad = now(20, 20);
    assert_eq!(judged(&[voice(&bad), voice(&bad)]).scope, Scope::All);
    let voices = zones(&[(2, "east", &bad)]);
    assert_eq!(judge(&BAR, Some("east"), &voices).scope, Scope::All);
    assert_eq!(judge(&BAR, Some("west"), &voices).scope, Scope::Zone);
    let nobody = judge(&BAR, None, &[]);
    assert_eq!((nobody.trips, nobody.callers, nobody.calls, nobody.span), (false, 0, 0, span(6)));
}

#[test]
fn more_than_anybody_can_have_called_overflows_nothing() {
    let most = now(u32::MAX, u32::MAX);
    let loud = Voice { rate: u32::MAX, ..voice(&most) };
    let aged = Voice { age: Duration::from_millis(10), ..loud };
    assert!(judged(&vec![loud; 5_000]).trips);
    assert!(judged(&vec![aged; 5_000]).trips);
    let more_failed_than_called = now(0, u32::MAX);
    assert_eq!(judged(&[voice(&more_failed_than_called); 3]).failed, 0);
}
