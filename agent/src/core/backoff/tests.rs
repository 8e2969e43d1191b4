//! Laws of the backoff, for any policy and any history, and the examples they are easily checked by.

use std::time::Duration;

use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::{Backoff, grown};
use crate::core::policy::{Backoff as Growth, Jitter, Policy};
use crate::core::time::MonoTime;

const SECOND: Duration = Duration::from_secs(1);

fn policy(multiplier_milli: u32, max: Duration, jitter: Jitter) -> Policy {
    let backoff = Growth { multiplier_milli, max, jitter };
    Policy { recovery_timeout: SECOND, backoff, ..Policy::default() }
}

#[derive(Clone, Copy, Debug)]
enum Event {
    Open,
    OpenFor(u64),
    Repeat,
    HealthyFor(u64),
}

fn any_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => Just(Event::Open),
        1 => (1_u64..5_000).prop_map(Event::OpenFor),
        1 => Just(Event::Repeat),
        2 => (0_u64..5_000).prop_map(Event::HealthyFor),
    ]
}

fn any_jitter() -> impl Strategy<Value = Jitter> {
    prop_oneof![Just(Jitter::None), Just(Jitter::Equal), Just(Jitter::Full)]
}

/// The n-th wait by the formula, each step from the one before.
fn formula(multiplier_milli: u32, max: Duration, n: u32) -> Duration {
    let mut wait = SECOND.min(max);
    for _ in 1..n {
        wait = (wait * multiplier_milli / 1_000).min(max);
    }
    wait
}

proptest! {
    #[test]
    fn waits_stay_within_their_step_and_their_jitter_and_repeat_with_their_seed(
        multiplier in 1_000_u32..4_000,
        max_s in 1_u64..60,
        jitter in any_jitter(),
        seed in any::<u64>(),
        events in prop::collection::vec(any_event(), 1..60),
    ) {
        let (max, mut now) = (Duration::from_secs(max_s), MonoTime::START);
        let policy = policy(multiplier, max, jitter);
        let mut twins = [(); 2].map(|()| (Backoff::default(), StdRng::seed_from_u64(seed)));
        // The naive count: one more with each opening until the cap is reached, one less per healthy interval.
        let cap = (1..).find(|n| formula(multiplier, max, *n) == max || multiplier == 1_000).unwrap();
        let (mut n, mut last) = (0_u32, None);
        for event in events {
            let [one, other] = &mut twins;
            let mut each = |act: &dyn Fn(&mut Backoff, &mut StdRng) -> Option<Duration>| {
                (act(&mut one.0, &mut one.1), act(&mut other.0, &mut other.1))
            };
            let (wait, same) = match event {
                Event::Open => {
                    n = (n + 1).min(cap);
                    each(&|backoff, rng| Some(backoff.open(now, &policy, rng)))
                }
                Event::OpenFor(ms) => {
                    n = (n + 1).min(cap);
                    each(&|backoff, _| Some(backoff.open_for(now, &policy, Duration::from_millis(ms))))
                }
                Event::Repeat => each(&|backoff, rng| Some(backoff.repeat(&policy, rng))),
                Event::HealthyFor(ms) => {
                    let closed_at = now;
                    now = now + Duration::from_millis(ms);
                    n = n.saturating_sub((ms / 1_000) as u32);
                    each(&|backoff, _| {
                        backoff.closed(closed_at);
                        backoff.leave_closed(now, &policy);
                        None
                    })
                }
            };
            prop_assert_eq!(wait, same);
            let Some(wait) = wait else { continue };
            let step = formula(multiplier, max, n.max(1));
            match (event, last) {
                (Event::OpenFor(ms), _) => prop_assert_eq!(wait, Duration::from_millis(ms)),
                (Event::Repeat, Some(last)) => prop_assert_eq!(wait, last),
                (Event::Open | Event::Repeat | Event::HealthyFor(_), _) => {
                    let least = match jitter {
                        Jitter::None => step,
                        Jitter::Equal => step / 2,
                        Jitter::Full => Duration::ZERO,
                    };
                    prop_assert!(least <= wait && wait <= step, "{:?} {:?} {:?}", least, wait, step);
                }
            }
            last = Some(wait);
        }
    }
}

#[test]
fn a_healthy_interval_counts_from_its_last_nanosecond_on() {
    let policy = policy(2_000, SECOND * 60, Jitter::None);
    let mut rng = StdRng::seed_from_u64(1);
    for (healthy, expected_s) in [(SECOND - Duration::from_nanos(1), 8), (SECOND, 4), (SECOND * 2, 2), (SECOND * 9, 1)]
    {
        let mut backoff = Backoff::default();
        for _ in 0..3 {
            backoff.open(MonoTime::START, &policy, &mut rng);
        }
        backoff.closed(MonoTime::START);
        let wait = backoff.open(MonoTime::START + healthy, &policy, &mut rng);
        assert_eq!(wait, Duration::from_secs(expected_s), "after {healthy:?}");
    }
}

#[test]
fn a_million_openings_stand_no_higher_than_the_first_that_reached_the_cap() {
    let policy = policy(2_000, SECOND * 4, Jitter::None);
    assert_eq!(grown(&policy, 1_000_000), (SECOND * 4, 3));
}

#[test]
fn growth_without_growth_stays_at_the_first_step() {
    let policy = policy(1_000, SECOND * 4, Jitter::None);
    assert_eq!(grown(&policy, u32::MAX), (SECOND, 1));
}

// Hosts that trip together must not probe together: the draws fill the span, to both ends.
#[test]
fn equal_jitter_uses_the_whole_upper_half_and_full_jitter_the_whole() {
    for (jitter, least_ms) in [(Jitter::Equal, 500), (Jitter::Full, 0)] {
        let policy = policy(1_000, SECOND, jitter);
        let mut rng = StdRng::seed_from_u64(3);
        let draws: Vec<u128> =
            (0..1_000).map(|_| Backoff::default().open(MonoTime::START, &policy, &mut rng).as_millis()).collect();
        let span = (1_000 - least_ms) / 20;
        assert!(draws.iter().all(|ms| (least_ms..=1_000).contains(ms)));
        assert!(draws.iter().any(|ms| *ms < least_ms + span) && draws.iter().any(|ms| *ms > 1_000 - span));
    }
}
