//! What must hold once the faults have stopped.

use super::*;

/// A service that dies at 10 s for 10 hosts, and so many calls of theirs that fail.
fn dying(failed: usize) -> Stand {
    let stand = stand(10, vec![fault(10, 20, down()), fault(10, 20, What::Loss { share: 0.3 })]);
    stand.until(10_000).fault(0, Turn::Begins);
    for call in 0..failed {
        stand.call(call % 10, "a", Fate::Failed);
    }
    stand
}

fn protected(failed: usize) -> Vec<String> {
    let stand = dying(failed);
    stand.until(10_200);
    for host in 0..10 {
        stand.enters(host, "a", started(1));
    }
    stand.broken()
}

#[test]
fn l1_an_outage_costs_few_calls() {
    assert_eq!(protected(60), [""; 0]);
    assert_eq!(protected(61), ["L1"]);
}

#[test]
fn l1_an_outage_nobody_refuses_costs_too_many_in_the_end() {
    for (failed, expected) in [(60, false), (61, true)] {
        let stand = dying(failed);
        stand.until(20_000).fault(0, Turn::Ends);
        assert_eq!(breaks(&stand, "L1"), expected);
    }
}

#[test]
fn l1_judges_no_outage_that_something_else_clouds() {
    let clouds: [fn(&Stand) -> &Stand; 3] = [
        |stand| stand.fault(1, Turn::Begins),
        |stand| stand.lives(9, Lives::Crashed),
        |stand| stand.lives(9, Lives::Paused),
    ];
    for cloud in clouds {
        let stand = dying(100);
        cloud(&stand).until(20_000).fault(0, Turn::Ends);
        assert_eq!(stand.broken(), [""; 0]);
    }
}

#[test]
fn l2_what_is_well_closes() {
    let stand = opened(10, vec![fault(10, 20, down())]);
    stand.fault(0, Turn::Begins).until(20_000).fault(0, Turn::Ends).until(30_000);
    assert_eq!(stand.broken(), [""; 0]);
    for host in 0..9 {
        stand.closes(host, "a");
    }
    assert_eq!(stand.until(40_000).broken(), ["L2"]);
}

#[test]
fn l2_nothing_is_asked_while_a_fault_is_in_force_or_nobody_calls() {
    let stand = opened(10, vec![fault(10, 20, down())]);
    stand.fault(0, Turn::Begins).until(300_000);
    assert_eq!(stand.broken(), [""; 0]);

    let mut seldom = run(10, &["a"], vec![]);
    seldom.scenario.callers[0].rate = 1.0 / 60.0;
    let stand = Stand::of(&seldom);
    stand.until(10_000).call(0, "a", Fate::Failed).changes(0, "a", StateKind::Open).until(300_000);
    assert!(!breaks(&stand, "L2"));
}

#[test]
fn l2_a_reopening_takes_its_time_only_if_a_call_had_failed() {
    for (failed, expected) in [(1, false), (0, true)] {
        let stand = opened(10, vec![]);
        for host in 1..10 {
            stand.closes(host, "a");
        }
        for round in 1..10 {
            stand.until(10_000 + round * 4_000);
            for _ in 0..failed {
                stand.call(1, "a", Fate::Failed);
            }
            stand.changes(0, "a", StateKind::HalfOpen).changes(0, "a", StateKind::Open);
        }
        assert_eq!(breaks(&stand, "L2"), expected);
    }
}

/// An opening that follows the one before at once, without a call that failed, is the echo of that one.
#[test]
fn l2_to_close_and_open_again_is_not_to_close() {
    for (apart, expected) in [(0, true), (11_000, false)] {
        let stand = opened(4, vec![]);
        for number in 2..8 {
            stand.until(stand.now().as_millis() as u64 + 3_000);
            for host in 0..4 {
                stand.closes(host, "a");
            }
            stand.until(stand.now().as_millis() as u64 + apart);
            for host in 0..4 {
                stand.enters(host, "a", adopted(number));
            }
        }
        assert_eq!(breaks(&stand, "L2"), expected);
    }
}

/// All hosts HalfOpen from 12 s to 18 s without a probe, while so many calls come in each bin.
fn half_open(calls: usize) -> Vec<String> {
    let stand = opened(10, vec![]);
    stand.until(12_000);
    for host in 0..10 {
        stand.half_opens(host, "a");
    }
    for bin in 121..=180 {
        stand.until(bin * 100);
        for _ in 0..calls {
            stand.asks(1, "a");
        }
    }
    stand.broken()
}

#[test]
fn l3_where_calls_arrive_probes_go() {
    assert_eq!(half_open(1), ["L3"]);
    assert_eq!(half_open(0), [""; 0]);
}

#[test]
fn l5_after_a_heal_there_is_one_number() {
    let stand = stand(10, vec![fault(10, 20, partition(0..5, 5..10))]);
    stand.until(10_000).fault(0, Turn::Begins);
    for host in 5..10 {
        stand.call(host, "a", Fate::Failed).enters(host, "a", started(if host < 8 { 1 } else { 2 }));
    }
    stand.until(20_000).fault(0, Turn::Ends).until(60_000);
    assert!(breaks(&stand, "L5"), "{:?}", stand.broken());
}

#[test]
fn l5_hosts_on_their_way_to_one_number_have_the_time_they_need() {
    let stand = opened(10, vec![]);
    stand.enters(0, "a", started(2)).until(14_000);
    for host in 1..10 {
        stand.enters(host, "a", adopted(2));
    }
    assert_eq!(stand.until(15_000).broken(), [""; 0]);
}

/// One of ten restarts while the others are in an opening; what happens then is up to the test.
fn restarted(then: impl Fn(&Stand)) -> Vec<String> {
    let stand = opened(10, vec![fault(5, 100, down())]);
    stand.fault(0, Turn::Begins).lives(0, Lives::Crashed).until(11_000).lives(0, Lives::Started).asks(0, "a");
    then(&stand);
    stand.until(16_300).broken()
}

#[test]
fn l6_who_restarts_adopts_where_most_are() {
    assert_eq!(restarted(|_| ()), ["L6"]);
    let adopts = |stand: &Stand| drop(stand.until(14_000).enters(0, "a", adopted(1)).broken());
    assert_eq!(restarted(adopts), [""; 0]);
}

#[test]
fn l6_good_calls_the_cap_and_the_others_leaving_excuse_it() {
    assert_eq!(restarted(|stand| drop(stand.call(0, "a", Fate::Good).broken())), [""; 0]);
    let capped = Notice::Cluster(ClusterNotice::Capped { number: 1, refused: 3, used: 4 });
    assert_eq!(restarted(|stand| drop(stand.notice(0, "a", &capped).broken())), [""; 0]);
    let most_leave = |stand: &Stand| {
        for host in 1..6 {
            stand.closes(host, "a");
        }
    };
    assert_eq!(restarted(most_leave), [""; 0]);
}

/// One of ten is stopped for 30 s, while the others move on to another opening; when it follows, if ever.
fn stopped(follows_at: Option<u64>) -> Vec<String> {
    let stand = opened(10, vec![fault(5, 100, down())]);
    stand.fault(0, Turn::Begins).lives(0, Lives::Paused).until(40_000);
    for host in 1..10 {
        stand.enters(host, "a", adopted(2));
    }
    stand.lives(0, Lives::Resumed);
    if let Some(at) = follows_at {
        stand.until(at).enters(0, "a", adopted(2));
    }
    stand.until(45_300).broken()
}

#[test]
fn l7_who_was_stopped_takes_the_place_of_the_others() {
    assert_eq!(stopped(Some(43_500)), [""; 0]);
    assert_eq!(stopped(None), ["L7"]);
}

/// One of twenty is sick from 20 s on; when it is told, if ever.
fn sick(told_at: Option<u64>) -> Vec<String> {
    let stand = stand(20, vec![fault(20, 60, What::SickHost { hosts: vec![3], fails: 1.0 })]);
    stand.until(20_000).fault(0, Turn::Begins);
    if let Some(at) = told_at {
        stand.until(at).say(3, HostNotice::Sick(true));
    }
    stand.until(40_000).broken()
}

#[test]
fn l8_a_sick_host_is_told_within_ten_seconds() {
    assert_eq!(sick(Some(30_000)), [""; 0]);
    assert_eq!(sick(Some(30_700)), ["L8"]);
    assert_eq!(sick(None), ["L8"]);
}

#[test]
fn l8_a_cured_host_closes() {
    for (closes_at, expected) in [(42_000, &[] as &[&str]), (100_000, &["L8"])] {
        let stand = stand(20, vec![fault(20, 40, What::SickHost { hosts: vec![3], fails: 1.0 })]);
        stand.until(20_000).fault(0, Turn::Begins).until(21_000).say(3, HostNotice::Sick(true));
        stand.changes(3, "a", StateKind::Open).until(40_000).fault(0, Turn::Ends);
        stand.until(closes_at).changes(3, "a", StateKind::HalfOpen).changes(3, "a", StateKind::Closed);
        assert_eq!(stand.broken(), expected);
    }
}

#[test]
fn l8_expects_nothing_of_a_host_that_calls_little() {
    let mut run = run(20, &["a", "b", "c"], vec![fault(20, 60, What::SickHost { hosts: vec![3], fails: 1.0 })]);
    run.scenario.callers[0] = Callers { rate: 4.9, ..run.scenario.callers[0].clone() };
    let stand = Stand::of(&run);
    stand.until(20_000).fault(0, Turn::Begins).until(40_000);
    assert_eq!(stand.broken(), [""; 0]);
}
