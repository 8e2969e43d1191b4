//! Windows against a plain list of calls: what is live is worked out anew from the list at every step.

use std::time::Duration;

use proptest::prelude::*;

use super::{Lineage, TimeWindow, Window};
use crate::core::counts::{Counts, Judged, Sample, Tally};
use crate::core::outcome::{Call, Kind, Origin, Outcome};
use crate::core::policy::{Conditions, KindCondition, Policy, WindowShape};
use crate::core::time::MonoTime;

const KINDS: [&str; 2] = ["connect", "timeout"];
const SLOW: Duration = Duration::from_millis(100);

fn policy(window: WindowShape) -> Policy {
    let kind = |word| KindCondition { kind: Kind::parse(word).unwrap(), rate: None, count: None };
    let conditions = Conditions { slow_call_duration: SLOW, kinds: KINDS.map(kind).into(), ..Conditions::default() };
    Policy { window, conditions, ..Policy::default() }
}

/// A list of all calls ever, each with when it ended and through which child it came.
struct Naive {
    shape: WindowShape,
    calls: Vec<(MonoTime, Call, u32)>,
}

impl Naive {
    fn live(&self, now: MonoTime) -> Vec<&Call> {
        let skipped = match self.shape {
            WindowShape::Count { size } => self.calls.len().saturating_sub(size),
            WindowShape::Time { .. } => 0,
        };
        let is_live = |at: MonoTime| match self.shape {
            WindowShape::Count { .. } => true,
            WindowShape::Time { bucket, buckets } => {
                let number = |at: MonoTime| u128::from(at.as_nanos()) / bucket.as_nanos();
                number(at) + buckets as u128 > number(now)
            }
        };
        self.calls.iter().skip(skipped).filter(|(at, _, _)| is_live(*at)).map(|(_, call, _)| call).collect()
    }

    fn counts(&self, now: MonoTime) -> (Counts, [u64; 2]) {
        let live = self.live(now);
        let count = |is: &dyn Fn(&Call) -> bool| live.iter().filter(|call| is(call)).count() as u64;
        let failed = |call: &Call| call.outcome != Outcome::Success;
        let kind_is = |call: &Call, word: &str| match call.outcome {
            Outcome::Success => false,
            Outcome::Timeout => word == "timeout",
            _ => call.kind.as_ref().is_some_and(|kind| kind.as_str() == word),
        };
        let counts = Counts {
            total: live.len() as u64,
            failed: count(&failed),
            slow: count(&|call| call.duration.is_some_and(|took| took > SLOW)),
            timeouts: count(&|call| call.outcome == Outcome::Timeout),
            host_faults: count(&|call| failed(call) && call.origin == Origin::Host),
            timed: count(&|call| call.duration.is_some()),
            duration_us: live.iter().filter_map(|call| call.duration).map(|took| took.as_micros() as u64).sum(),
        };
        (counts, KINDS.map(|word| count(&|call| kind_is(call, word))))
    }
}

#[derive(Clone, Debug)]
enum Step {
    Record(Call, u32),
    Forget(u32),
    Wait(u64),
    Roll,
    Clear,
}

fn any_call() -> impl Strategy<Value = Call> {
    let outcome =
        prop_oneof![Just(Outcome::Success), Just(Outcome::Failure), Just(Outcome::Timeout), Just(Outcome::Throttled)];
    let kind = prop_oneof![Just(None), prop_oneof![Just("connect"), Just("timeout"), Just("other")].prop_map(Some)];
    let duration = prop_oneof![Just(None), (0_u64..300).prop_map(Some)];
    (outcome, kind, duration, any::<bool>()).prop_map(|(outcome, kind, ms, host)| Call {
        outcome,
        duration: ms.map(Duration::from_millis),
        kind: kind.map(|word| Kind::parse(word).unwrap()),
        origin: if host { Origin::Host } else { Origin::Service },
    })
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (any_call(), 0_u32..4).prop_map(|(call, child)| Step::Record(call, child)),
        1 => (1_u32..4).prop_map(Step::Forget),
        4 => (0_u64..40).prop_map(Step::Wait),
        1 => prop_oneof![Just(9_999), Just(60 * 86_400_000)].prop_map(Step::Wait),
        1 => Just(Step::Roll),
        1 => Just(Step::Clear),
    ]
}

fn any_shape() -> impl Strategy<Value = WindowShape> {
    prop_oneof![
        (1_usize..8).prop_map(|size| WindowShape::Count { size }),
        (1_u64..30, 1_usize..6)
            .prop_map(|(ms, buckets)| WindowShape::Time { bucket: Duration::from_millis(ms), buckets }),
    ]
}

fn parts_of(window: &Tally) -> (Counts, [u64; 2]) {
    (*window.counts(), [window.of_kind(0), window.of_kind(1)])
}

fn lineage(child: u32) -> Lineage {
    [child, 0, 0]
}

fn part(shape: WindowShape) -> Option<TimeWindow> {
    match shape {
        WindowShape::Count { .. } => None,
        WindowShape::Time { bucket, buckets } => Some(TimeWindow::new(bucket, buckets, KINDS.len())),
    }
}

proptest! {
    #[test]
    fn a_window_holds_what_a_list_of_calls_holds(
        shape in any_shape(),
        start_ms in 0_u64..100,
        steps in prop::collection::vec(any_step(), 0..120),
    ) {
        let (policy, mut now) = (policy(shape), MonoTime::from_millis(start_ms));
        let mut window = Window::new(shape, KINDS.len());
        let mut naive = Naive { shape, calls: Vec::new() };
        let mut parts: Vec<_> = (0..4).map(|_| part(shape)).collect();
        for step in steps {
            match step {
                Step::Record(call, child) => {
                    let Judged::Counts(sample) = Sample::judge(&policy, &call) else { panic!("it counts") };
                    window.record(now, sample, lineage(child));
                    if let Some(part) = &mut parts[child as usize] {
                        part.record(now, sample);
                    }
                    naive.calls.push((now, call, child));
                    if let WindowShape::Count { size } = shape {
                        // What has left a count window does not come back when a child's calls leave it.
                        naive.calls.drain(..naive.calls.len().saturating_sub(size));
                    }
                }
                Step::Forget(child) => {
                    window.forget(now, child, parts[child as usize].as_ref());
                    parts[child as usize] = part(shape);
                    naive.calls.retain(|(_, _, other)| *other != child);
                }
                Step::Wait(ms) => now = now + Duration::from_millis(ms),
                Step::Roll => {
                    window.roll(now);
                    prop_assert_eq!(parts_of(window.rolled()), naive.counts(now));
                }
                Step::Clear => {
                    window.clear();
                    parts.iter_mut().for_each(|kept| *kept = part(shape));
                    naive.calls.clear();
                }
            }
            let before = window.clone();
            prop_assert_eq!(parts_of(&window.tally(now)), naive.counts(now));
            prop_assert_eq!(&window, &before, "reading changed it");
        }
    }
}

fn success_in(window: &mut TimeWindow, nanos: u64) {
    let Judged::Counts(sample) = Sample::judge(&Policy::default(), &Call::of(Outcome::Success)) else {
        panic!("a success counts")
    };
    window.record(MonoTime::from_nanos(nanos), sample);
}

// The edges of a bucket, to the nanosecond: the first of it, the last of it, and when it leaves.
#[test]
fn a_bucket_leaves_at_the_nanosecond_at_which_it_is_n_widths_old() {
    const WIDTH: u64 = 1_000_000_000;
    let mut window = TimeWindow::new(Duration::from_nanos(WIDTH), 3, 0);
    success_in(&mut window, WIDTH);
    success_in(&mut window, 2 * WIDTH - 1);
    success_in(&mut window, 2 * WIDTH);
    let total = |nanos| window.tally(MonoTime::from_nanos(nanos)).counts().total;
    assert_eq!([4 * WIDTH - 1, 4 * WIDTH, 5 * WIDTH - 1, 5 * WIDTH].map(total), [3, 1, 1, 0]);
}

// linkerd2-proxy once wedged here on a 32-bit number of steps.
#[test]
fn sixty_idle_days_with_buckets_of_a_millisecond_cost_nothing_and_lose_nothing() {
    const DAYS_60: u64 = 60 * 86_400 * 1_000_000_000;
    let mut window = TimeWindow::new(Duration::from_millis(1), 10, 0);
    success_in(&mut window, 0);
    for nanos in [DAYS_60, DAYS_60 + 1_000_000, DAYS_60 + 2_000_000] {
        success_in(&mut window, nanos);
    }
    assert_eq!(window.tally(MonoTime::from_nanos(DAYS_60 + 2_000_000)).counts().total, 3);
}

#[test]
fn the_end_of_time_is_a_time_too() {
    let mut window = TimeWindow::new(Duration::from_millis(1), 1_000, 0);
    success_in(&mut window, u64::MAX);
    assert_eq!(window.tally(MonoTime::from_nanos(u64::MAX)).counts().total, 1);
}
