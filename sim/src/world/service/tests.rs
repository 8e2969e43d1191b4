//! The queue against what the theory of queues says of it, and its edges.

use super::*;
use crate::plan::Warmup;

fn spec(capacity: f64, queue: usize) -> Service {
    Service { capacity, latency: Duration::from_millis(20), queue, warmup: None }
}

fn call(id: u64, ms: u64) -> Call {
    Call { id, from: "192.168.0.1:9000".parse().unwrap(), at: Duration::from_millis(ms) }
}

/// Runs it until nothing is left to do; every answer with the time it was due.
fn drain(queue: &mut Queue) -> Vec<(Duration, Answer)> {
    let mut all = Vec::new();
    while let Some(next) = queue.next() {
        queue.advance(next);
        all.extend(queue.due(next).into_iter().map(|answer| (next, answer)));
    }
    all
}

fn down(mode: Down) -> Condition {
    Condition { down: Some(mode), ..Condition::WELL }
}

#[test]
fn beyond_its_limit_a_call_is_refused_at_once() {
    let mut queue = Queue::new(spec(1.0, 3), 1);
    // One is served, three wait.
    for id in 0..4 {
        assert!(!queue.arrive(call(id, 0)).contains(&Note::Full), "{id}");
    }
    assert_eq!(queue.arrive(call(4, 0)), [Note::Full]);
    assert_eq!(queue.due(Duration::ZERO), [Answer { id: 4, to: call(4, 0).from, verdict: Verdict::Refused }]);
    let good = drain(&mut queue).into_iter().filter(|(_, answer)| answer.verdict == Verdict::Good).count();
    assert_eq!(good, 4);
}

#[test]
fn without_room_to_wait_it_serves_one_at_a_time() {
    let mut queue = Queue::new(spec(1.0, 0), 1);
    assert_eq!(queue.arrive(call(0, 0)).len(), 1);
    assert_eq!(queue.arrive(call(1, 0)), [Note::Full]);
}

/// Turns are kept in nanoseconds: rounded to timers a capacity of 700/s would become 500/s or 1,000/s.
#[test]
fn its_throughput_is_its_capacity_whatever_the_timers() {
    for (seed, capacity) in [(1, 700.0), (2, 240.0), (3, 3_000.0)] {
        let mut queue = Queue::new(spec(capacity, usize::MAX), seed);
        (0..20_000).for_each(|id| drop(queue.arrive(call(id, 0))));
        let mut last = Duration::ZERO;
        for ms in 0..200_000 {
            if queue.advance(Duration::from_millis(ms)).is_empty() && queue.served.is_none() {
                break;
            }
            last = Duration::from_millis(ms);
        }
        let rate = 20_000.0 / last.as_secs_f64();
        assert!((rate / capacity - 1.0).abs() < 0.01, "seed {seed}: {rate} of {capacity}");
    }
}

#[test]
fn a_call_whose_caller_has_given_up_still_takes_its_turn() {
    let mut queue = Queue::new(spec(10.0, 100), 1);
    (0..50).for_each(|id| drop(queue.arrive(call(id, 0))));
    // All of them gave up long before the last one comes, which waits behind them all the same.
    let notes = queue.arrive(call(50, 1_000));
    assert!(notes.iter().all(|note| matches!(note, Note::Waited { came, .. } if came.is_zero())));
    let answers = drain(&mut queue);
    let (at, last) = answers.iter().max_by_key(|(_, answer)| answer.id).unwrap();
    assert_eq!(last.id, 50);
    assert!(*at > Duration::from_millis(4_000), "{at:?}");
}

#[test]
fn calls_are_served_in_the_order_they_came() {
    let mut queue = Queue::new(Service { latency: Duration::ZERO, ..spec(100.0, 1_000) }, 7);
    (0..500).for_each(|id| drop(queue.arrive(call(id, id / 10))));
    let order: Vec<u64> = drain(&mut queue).into_iter().map(|(_, answer)| answer.id).collect();
    assert_eq!(order, (0..500).collect::<Vec<_>>());
}

#[test]
fn latency_has_its_median_and_occupies_nobody() {
    let mut queue = Queue::new(spec(1e6, usize::MAX), 3);
    (0..10_001).for_each(|id| drop(queue.arrive(call(id, 0))));
    let mut times: Vec<Duration> = drain(&mut queue).into_iter().map(|(at, _)| at).collect();
    times.sort_unstable();
    let median = times[5_000].as_secs_f64();
    assert!((0.024..0.028).contains(&median), "20 ms beside the median wait of 5 ms: {median}");
    assert!(times[9_900] < Duration::from_millis(80));
}

#[test]
fn while_down_it_refuses_or_hangs_and_loses_what_waits() {
    for (mode, answers) in [(Down::Refuse, 4), (Down::Hang, 0)] {
        let mut queue = Queue::new(spec(1.0, 10), 1);
        (0..3).for_each(|id| drop(queue.arrive(call(id, 0))));
        queue.set(Duration::from_millis(1), down(mode));
        queue.arrive(call(3, 2));
        assert_eq!(queue.capacity(), 0.0);
        let said = drain(&mut queue);
        assert_eq!(said.len(), answers, "{mode:?}");
        assert!(said.iter().all(|(_, answer)| answer.verdict == Verdict::Refused));
        assert_eq!(queue.bites.down, 4);
    }
}

#[test]
fn it_comes_back_empty_and_cold_and_warms_up_by_its_good_calls() {
    let warmup = Some(Warmup { from: 60.0, work: 100.0 });
    let mut queue = Queue::new(Service { warmup, ..spec(240.0, 1_000) }, 1);
    assert_eq!(queue.capacity(), 240.0, "it starts warm");
    queue.set(Duration::from_secs(1), down(Down::Hang));
    queue.set(Duration::from_secs(2), Condition { errors: 1.0, ..Condition::WELL });
    assert_eq!(queue.capacity(), 60.0);
    (0..50).for_each(|id| drop(queue.arrive(call(id, 2_000))));
    drain(&mut queue);
    assert_eq!(queue.capacity(), 60.0, "failed calls warm nothing");
    queue.set(Duration::from_secs(10), Condition::WELL);
    (0..50).for_each(|id| drop(queue.arrive(call(id, 10_000))));
    drain(&mut queue);
    assert_eq!(queue.capacity(), 150.0);
    (0..60).for_each(|id| drop(queue.arrive(call(id, 20_000))));
    drain(&mut queue);
    assert_eq!(queue.capacity(), 240.0);
}

#[test]
fn errors_slowness_and_less_capacity_are_each_counted() {
    let mut queue = Queue::new(spec(100.0, 10_000), 5);
    let slow = Duration::from_millis(300);
    queue.set(Duration::ZERO, Condition { down: None, errors: 0.2, slow, capacity: 0.5 });
    assert_eq!(queue.capacity(), 50.0);
    (0..1_000).for_each(|id| drop(queue.arrive(call(id, 0))));
    let answers = drain(&mut queue);
    let failed = answers.iter().filter(|(_, answer)| answer.verdict == Verdict::Error).count();
    assert!((150..250).contains(&failed), "{failed}");
    assert_eq!(queue.bites, Bites { down: 0, errors: failed as u64, slow: 1_000, capacity: 1_000 });
    let last = answers.last().unwrap().0.as_secs_f64();
    assert!((19.0..21.5).contains(&last), "{last}");
}

#[test]
fn without_any_capacity_calls_wait_until_there_is_some() {
    let mut queue = Queue::new(spec(100.0, 10), 1);
    queue.set(Duration::ZERO, Condition { capacity: 0.0, ..Condition::WELL });
    assert!(queue.arrive(call(0, 0)).is_empty());
    assert_eq!(queue.next(), None);
    let notes = queue.set(Duration::from_secs(5), Condition::WELL);
    assert_eq!(notes, [Note::Waited { came: Duration::ZERO, wait: Duration::from_secs(5) }]);
    assert_eq!(drain(&mut queue).len(), 1);
}

#[test]
fn what_travels_comes_back_as_it_was_and_garbage_is_nothing() {
    for verdict in [Verdict::Good, Verdict::Error, Verdict::Refused] {
        let answer = Answer { id: u64::MAX - 1, to: call(0, 0).from, verdict };
        assert_eq!(Answer::read(&answer.bytes()), Some((u64::MAX - 1, verdict)));
    }
    assert_eq!(asked(&question(77)), Some(77));
    let good = Answer { id: 1, to: call(0, 0).from, verdict: Verdict::Good }.bytes();
    for length in 0..=ANSWER_BYTES {
        let cut = &good[..length];
        assert_eq!(Answer::read(cut).is_some(), length == ANSWER_BYTES);
        assert_eq!(asked(cut).is_some(), length == ANSWER_BYTES - 1);
    }
    assert_eq!(Answer::read(&[1, 0, 0, 0, 0, 0, 0, 0, 3]), None);
    assert_eq!(Answer::read(&[0; ANSWER_BYTES + 1]), None);
}
