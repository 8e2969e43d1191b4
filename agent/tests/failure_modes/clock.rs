//! F24 and F25: clocks that jump, and clocks that are not asked.
//!
//! The core has no clock. Time is a number that the agent counts from its own start, handed in with every turn; a wall
//! clock that steps is not an input, so it cannot be tested here that it does nothing, only that time is a difference
//! and nothing else: the same calls an hour later have the same fate. That no file of the core names a clock is tested
//! where the layering is.

use std::time::Duration;

use breaker_agent::core::outcome::Outcome::{Failure, Success};
use breaker_agent::core::policy::Policy;
use breaker_agent::core::state::StateKind;
use breaker_agent::core::time::MonoTime;

use crate::stand::{S, Stand, half_of, three_in_a_row};

fn play(mut stand: Stand, from: MonoTime) -> Vec<(bool, StateKind, u64, u64)> {
    let steps = [(0, Failure), (1, Success), (400, Failure), (700, Failure), (700, Failure), (1_701, Failure)];
    let later = [(2_500, Success), (5_000, Success), (9_999, Failure), (10_000, Success), (60_000, Failure)];
    let one = |(ms, outcome)| {
        stand.now = from + Duration::from_millis(ms);
        let allowed = stand.call(S, outcome);
        let counts = stand.counts(S);
        (allowed, stand.state(S), counts.total, counts.failed)
    };
    steps.into_iter().chain(later).map(one).collect()
}

// A step of the wall clock left breakers open or spoiled their windows: hoglet#25, fabfuel/circuitbreaker#31,
// zio-openfeature#263; resilience4j waits by the system's UTC clock (source).
#[test]
fn f24_the_same_calls_an_hour_or_a_year_later_have_the_same_fate() {
    for policy in [three_in_a_row(), half_of(5, 2), Policy { minimum_throughput: 2, ..Policy::default() }] {
        let first = play(Stand::new(policy.clone()), MonoTime::START);
        for hours in [1, 24 * 365] {
            let later = MonoTime::START + Duration::from_secs(3_600) * hours;
            assert_eq!(play(Stand::new(policy.clone()), later), first);
        }
    }
}

#[test]
fn f24_time_that_stands_still_or_seems_to_go_back_spoils_no_count() {
    let mut stand = Stand::new(Policy { minimum_throughput: 1_000, ..Policy::default() });
    stand.at_ms(3_600_000).calls(S, Failure, 3);
    stand.at_ms(0).calls(S, Success, 3);
    stand.at_ms(3_600_000).call(S, Failure);
    assert_eq!((stand.counts(S).total, stand.counts(S).failed), (7, 4));
    stand.at_ms(3_610_000);
    assert_eq!(stand.counts(S).total, 0);
}

// Parts of the breaker asked the system's clock although one had been given to them: resilience4j#734, #2234, and its
// lock-free time window (source).
#[test]
fn f25_sixty_days_pass_in_one_step_for_window_open_lease_and_decay_alike() {
    const DAYS_60: u64 = 60 * 86_400_000;
    let mut stand = Stand::new(three_in_a_row());
    let forgotten = stand.permit(S);
    stand.calls(S, Failure, 3).at_ms(DAYS_60);
    assert!(stand.report(forgotten, Success).is_err(), "its lease is long over");
    assert_eq!(stand.state(S), StateKind::Open, "nobody asked");
    assert_eq!(stand.counts(S).total, 0, "the window has emptied by itself");
    assert!(stand.call(S, Success));
    assert_eq!(stand.state(S), StateKind::Closed);
}

#[test]
fn f25_the_same_turns_with_the_same_seed_end_in_the_same_registry() {
    let run = || {
        let mut stand = Stand::new(Policy { minimum_throughput: 2, ..Policy::default() });
        for ms in (0..200_000).step_by(777) {
            stand.at_ms(ms).call("payments/a", if ms % 5 < 3 { Failure } else { Success });
        }
        stand
    };
    assert_eq!(run(), run());
}
