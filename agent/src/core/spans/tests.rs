//! Own spans against a plain list of calls, and aged testimony against what the list says later.

use std::time::Duration;

use proptest::prelude::*;

use super::{OwnSpans, SPAN_MICROS, SpanCall, aged};
use crate::core::digest::{SPANS, Span, Spans, span};
use crate::core::time::MonoTime;

/// Calls at milliseconds.
#[derive(Clone, Debug, Default)]
struct Naive(Vec<(u64, SpanCall)>);

impl Naive {
    /// Those since `from` ms, as of `now` ms.
    fn since(&self, from: u64, now: u64) -> Span {
        let live = self.0.iter().filter(|(at, _)| (from..=now).contains(at));
        live.fold(Span::default(), |sum, (_, call)| {
            sum + Span { calls: 1, failed: u32::from(*call == SpanCall::Failed) }
        })
    }
}

fn spans_of(naive: &Naive) -> OwnSpans {
    let mut own = OwnSpans::default();
    for (at, call) in &naive.0 {
        own.record(MonoTime::from_millis(*at), *call);
    }
    own
}

/// Calls with waits that fit every span, in order.
fn any_calls() -> impl Strategy<Value = Naive> {
    let wait = prop_oneof![0_u64..3, 0_u64..100, 0_u64..3_000, 0_u64..100_000];
    let call = prop_oneof![Just(SpanCall::Good), Just(SpanCall::Failed)];
    (0_u64..100_000, prop::collection::vec((wait, call), 0..60)).prop_map(|(start, steps)| {
        let mut at = start;
        Naive(
            steps
                .into_iter()
                .map(|(wait, call)| {
                    at += wait;
                    (at, call)
                })
                .collect(),
        )
    })
}

fn end_of(naive: &Naive) -> u64 {
    naive.0.last().map_or(0, |(at, _)| *at)
}

fn is_nested(spans: &Spans) -> bool {
    spans.windows(2).all(|pair| pair[0].calls <= pair[1].calls && pair[0].failed <= pair[1].failed)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn they_count_what_a_list_of_all_calls_does_within_the_bucket_they_are_leaving(
        calls in any_calls(),
        wait in prop_oneof![Just(0), 0_u64..100, 0_u64..100_000],
    ) {
        let now = end_of(&calls) + wait;
        let own = spans_of(&calls);
        let counted = own.counted(MonoTime::from_millis(now));
        for (index, counted) in counted.iter().enumerate() {
            let width = 4_u64 << (2 * index);
            let newest = now / width;
            let surely = calls.since(newest.saturating_sub(3) * width, now);
            let at_most = calls.since(newest.saturating_sub(4) * width, now);
            prop_assert!((surely.calls..=at_most.calls).contains(&counted.calls), "{index}: {counted:?}");
            prop_assert!((surely.failed..=at_most.failed).contains(&counted.failed), "{index}: {counted:?}");
            prop_assert!(counted.failed <= counted.calls);
        }
        prop_assert!(is_nested(&counted));
    }

    #[test]
    fn reading_in_between_changes_nothing(calls in any_calls(), wait in 0_u64..100_000) {
        let now = MonoTime::from_millis(end_of(&calls) + wait);
        let own = spans_of(&calls);
        let before = own.clone();
        prop_assert_eq!(own.counted(now), own.counted(now));
        let _ = own.rate(now);
        prop_assert_eq!(own, before);
    }

    #[test]
    fn what_a_child_withdraws_leaves_what_its_siblings_put_in(
        calls in any_calls(),
        whose in prop::collection::vec(any::<bool>(), 60),
        wait in 0_u64..50_000,
    ) {
        let now = MonoTime::from_millis(end_of(&calls) + wait);
        let of = |child| {
            let mine = calls.0.iter().zip(&whose).filter(|(_, whose)| **whose == child);
            spans_of(&Naive(mine.map(|(call, _)| *call).collect()))
        };
        let mut parent = spans_of(&calls);
        parent.withdraw(now, &of(true));
        let (left, siblings) = (parent.counted(now), of(false).counted(now));
        // Bucket by bucket, so even the part of the oldest one is the same.
        prop_assert_eq!(left, siblings);
    }

    // It was cleared after the child had put something in: more is withdrawn than there is.
    #[test]
    fn what_was_never_put_in_can_be_withdrawn_without_harm(mine in any_calls(), other in any_calls()) {
        let now = MonoTime::from_millis(end_of(&mine).max(end_of(&other)));
        let mut own = spans_of(&mine);
        let before = own.counted(now);
        own.withdraw(now, &spans_of(&other));
        let counted = own.counted(now);
        prop_assert!(is_nested(&counted));
        for (counted, before) in counted.iter().zip(&before) {
            prop_assert!(counted.calls <= before.calls && counted.failed <= counted.calls);
        }
    }

    #[test]
    fn aged_testimony_stays_nested_loses_weight_with_age_and_says_nothing_after_the_longest_span(
        calls in any_calls(),
        ages in prop::collection::vec(0_u64..70_000, 2),
    ) {
        let told = spans_of(&calls).counted(MonoTime::from_millis(end_of(&calls)));
        let sooner = aged(&told, Duration::from_millis(ages[0].min(ages[1])));
        let later = aged(&told, Duration::from_millis(ages[0].max(ages[1])));
        prop_assert!(is_nested(&sooner));
        for (index, (sooner, later)) in sooner.iter().zip(&later).enumerate() {
            prop_assert!(later.calls <= sooner.calls && sooner.calls <= told[index].calls);
            prop_assert!(later.failed <= sooner.failed && sooner.failed <= sooner.calls);
        }
        prop_assert_eq!(aged(&told, Duration::ZERO), told);
        prop_assert_eq!(aged(&told, span(SPANS - 1)), Spans::default());
    }
}

// One call, told at once, is known to be the newest: it counts for exactly as long as each span is.
#[test]
fn a_call_told_at_once_counts_until_each_span_is_over() {
    let mut own = OwnSpans::default();
    own.record(MonoTime::from_millis(1_000_000), SpanCall::Failed);
    let told = own.counted(MonoTime::from_millis(1_000_000));
    assert_eq!(told, [Span { calls: 1, failed: 1 }; SPANS]);
    for index in 0..SPANS {
        let until = span(index);
        assert_eq!(aged(&told, until.saturating_sub(Duration::from_millis(16)))[index], told[index]);
        assert_eq!(aged(&told, until)[index], Span::default());
    }
}

#[test]
fn between_two_told_spans_calls_are_taken_to_be_spread_evenly() {
    let mut told = [Span::default(); SPANS];
    told[1] = Span { calls: 100, failed: 10 };
    told[2..].fill(Span { calls: 400, failed: 130 });
    let after = |ms| aged(&told, Duration::from_millis(ms))[2];
    assert_eq!(after(48), Span { calls: 325, failed: 100 });
    assert_eq!(after(96), Span { calls: 250, failed: 70 });
    assert_eq!(after(97), Span { calls: 248, failed: 69 });
    assert_eq!(after(192), Span { calls: 100, failed: 10 });
}

// 2^32 calls cannot be in a bucket, but nothing depends on it.
#[test]
fn counts_stop_at_their_end() {
    let full = Span { calls: u32::MAX, failed: u32::MAX };
    let mut own = OwnSpans { pending: full, ..OwnSpans::default() };
    own.record(MonoTime::START, SpanCall::Failed);
    own.record(MonoTime::from_millis(4), SpanCall::Failed);
    assert_eq!(own.counted(MonoTime::from_millis(4)), [full; SPANS]);
    assert_eq!(own.rate(MonoTime::from_millis(4)), u32::MAX >> 28 << 28);
}

#[test]
fn time_that_goes_back_counts_into_the_newest_tick() {
    let mut own = OwnSpans::default();
    own.record(MonoTime::from_millis(10_000), SpanCall::Good);
    own.record(MonoTime::from_millis(5), SpanCall::Failed);
    assert_eq!(own.counted(MonoTime::from_millis(5)), [Span { calls: 2, failed: 1 }; SPANS]);
    own.record(MonoTime::from_nanos(u64::MAX), SpanCall::Good);
    assert_eq!(own.counted(MonoTime::from_nanos(u64::MAX)), [Span { calls: 1, failed: 0 }; SPANS]);
}

#[test]
fn nothing_is_left_after_a_clearing() {
    let mut own = OwnSpans::default();
    own.record(MonoTime::from_millis(70_000), SpanCall::Failed);
    own.clear();
    assert_eq!(own, OwnSpans::default());
    assert_eq!(own.counted(MonoTime::from_millis(70_000)), Spans::default());
}

/// The rate after calls every `every_ms`, `after_ms` from the first one.
fn rate_of(every_ms: u64, after_ms: u64) -> u32 {
    let start = 1_000_000;
    let mut own = OwnSpans::default();
    for at in (0..=after_ms).step_by(usize::try_from(every_ms).unwrap()) {
        own.record(MonoTime::from_millis(start + at), SpanCall::Good);
    }
    own.rate(MonoTime::from_millis(start + after_ms))
}

#[test]
fn a_rate_is_told_in_calls_per_thousand_seconds_with_four_bits() {
    assert_eq!(rate_of(60_000, 0), 15, "once a minute: 1 in 65.536 s");
    assert_eq!(rate_of(60_000, 200_000), 15);
    assert_eq!(rate_of(1_000, 200_000), 1_024);
    assert_eq!(rate_of(100, 200_000), 10_240);
    assert_eq!(OwnSpans::default().rate(MonoTime::from_millis(9)), 0);
}

#[test]
fn an_agent_that_has_just_started_does_not_seem_idle_for_a_minute() {
    for after_ms in [2_000, 5_000, 10_000, 20_000, 40_000] {
        let rate = rate_of(100, after_ms);
        assert!((5_000..=12_288).contains(&rate), "{rate} after {after_ms} ms at 10,000");
    }
}

#[test]
fn a_burst_shorter_than_a_second_promises_no_more_than_itself_each_second() {
    assert!(rate_of(1, 20) <= 16_384);
}

#[test]
fn it_stays_as_small_as_its_head_says() {
    assert_eq!(size_of::<OwnSpans>(), 296);
}

#[test]
fn the_spans_in_microseconds_are_the_spans() {
    assert_eq!(std::array::from_fn(|index| Duration::from_micros(SPAN_MICROS[index])), [0, 1, 2, 3, 4, 5, 6].map(span));
}
