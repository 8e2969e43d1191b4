//! What must hold at every event.

use std::time::Duration;

use breaker_agent::core::reason::Reason;

use super::*;
use crate::world::NetworkFacts;

#[test]
fn s1_an_opening_needs_as_many_failing_hosts_as_it_says() {
    let stand = stand(10, vec![]);
    stand.until(80_000).call(0, "a", Fate::Failed).until(81_000).enters(0, "a", started(1));
    assert!(breaks(&stand, "S1"));
}

#[test]
fn s1_failures_count_for_the_span_the_three_quarters_it_is_heard_late_and_three_seconds() {
    for (at, expected) in [(13_448, false), (13_449, true)] {
        let stand = stand(10, vec![]);
        stand.until(10_000).call(0, "a", Fate::Failed).call(1, "a", Fate::Failed).until(at);
        stand.enters(2, "a", started(1));
        assert_eq!(breaks(&stand, "S1"), expected, "at {at} ms");
    }
}

#[test]
fn s1_who_stands_open_by_itself_is_failing_and_who_joined_is_not() {
    for joined in [false, true] {
        let stand = stand(10, vec![]);
        stand.until(10_000);
        if joined {
            stand.enters(0, "a", adopted(1)).enters(1, "a", adopted(1));
        } else {
            stand.changes(0, "a", StateKind::Open).changes(1, "a", StateKind::Open);
        }
        stand.until(20_000).enters(2, "a", started(2));
        assert_eq!(breaks(&stand, "S1"), joined);
    }
}

#[test]
fn s2_nobody_else_trips_for_a_few_sick_hosts() {
    let sick = |hosts: usize| vec![fault(5, 60, What::SickHost { hosts: (0..hosts).collect(), fails: 1.0 })];
    for (count, expected) in [(2, true), (3, false)] {
        let stand = stand(10, sick(count));
        stand.until(5_000).fault(0, Turn::Begins).until(10_000).changes(0, "a", StateKind::Open);
        assert!(!breaks(&stand, "S2"), "the sick host itself may");
        stand.changes(9, "a", StateKind::Open);
        assert_eq!(breaks(&stand, "S2"), expected, "{count} of 10 hosts sick");
    }
}

#[test]
fn s2_liars_count_as_the_sick_do_but_only_of_their_service() {
    for (service, expected) in [("a", false), ("b", true)] {
        let what = What::Liar { hosts: vec![0, 1, 2], service: service.to_owned() };
        let stand = stand(10, vec![fault(5, 60, what)]);
        stand.until(5_000).fault(0, Turn::Begins).until(10_000).changes(9, "a", StateKind::Open);
        assert_eq!(breaks(&stand, "S2"), expected);
    }
}

#[test]
fn s2_a_zone_has_a_quorum_of_its_own() {
    let mut run = run(12, &["a"], vec![fault(5, 60, What::SickHost { hosts: vec![0, 1], fails: 1.0 })]);
    let zone = |name: &str, hosts| Zone { name: Some(name.to_owned()), hosts };
    run.scenario.zones = vec![zone("east", 4), zone("west", 8)];
    for (host, expected) in [(3, false), (4, true)] {
        let stand = Stand::of(&run);
        stand.until(5_000).fault(0, Turn::Begins).until(10_000).changes(host, "a", StateKind::Open);
        assert_eq!(breaks(&stand, "S2"), expected, "host {host}");
    }
}

#[test]
fn s2_whatever_was_wrong_explains_a_trip_for_as_long_as_it_is_remembered() {
    for (at, expected) in [(89_999, false), (90_000, true)] {
        let stand = stand(10, vec![fault(10, 20, down())]);
        stand.until(10_000).fault(0, Turn::Begins).until(20_000).fault(0, Turn::Ends);
        stand.until(at).changes(0, "a", StateKind::Open);
        assert_eq!(breaks(&stand, "S2"), expected, "at {at} ms");
    }
}

#[test]
fn s4_a_life_accepts_no_more_than_reached_it() {
    for (accepted, expected) in [(1_000, true), (1_001, false)] {
        let stand = stand(2, vec![]);
        let life = LifeFacts { delivered_distinct: 1_000, accepted, ..LifeFacts::default() };
        let network = NetworkFacts { lives: vec![life], ..NetworkFacts::default() };
        let findings = stand.world.finish(stand.now(), &network);
        assert_eq!(findings.invariants.iter().all(|it| it.held), expected);
    }
}

#[test]
fn s5_open_permits_nothing_on_any_level() {
    let stand = Stand::of(&run(3, &["a/x", "a/y"], vec![]));
    stand.until(80_000);
    for host in 0..3 {
        stand.call(host, "a/x", Fate::Failed).enters(host, "a", started(1));
    }
    stand.call(0, "a/y", Fate::Good);
    assert!(breaks(&stand, "S5"));
}

#[test]
fn s5_a_change_between_question_and_answer_excuses_the_answer() {
    let stand = opened(3, vec![]);
    let path = stand.path("a");
    let asked = stand.world.ask(0, path);
    stand.closes(0, "a").enters(0, "a", started(2));
    drop(stand.world.grant(&asked, Some(&breaker_client::Standing::Allowed)));
    assert!(!breaks(&stand, "S5"));
}

#[test]
fn s5_half_open_permits_what_was_claimed() {
    let stand = opened(3, vec![]);
    stand.until(12_000).half_opens(0, "a").probes(0, "a", 1).call(0, "a", Fate::Good);
    assert_eq!(stand.broken(), [""; 0]);
    stand.call(0, "a", Fate::Good);
    assert_eq!(stand.broken(), ["S5"]);
}

#[test]
fn s6_probes_have_a_budget_for_the_minute() {
    let stand = opened(3, vec![]);
    stand.until(12_000);
    for probe in 0..75 {
        stand.probes(0, "a", probe);
    }
    assert_eq!(stand.broken(), [""; 0]);
    stand.probes(1, "a", 75);
    assert_eq!(stand.broken(), ["S6"]);
}

#[test]
fn s6_a_success_makes_the_pace_five_times_as_fast() {
    let stand = opened(3, vec![]);
    let probed = Notice::Cluster(ClusterNotice::Probed { number: 1, probe: 0, good: true });
    stand.until(12_000).notice(0, "a", &probed).until(22_000);
    for probe in 0..125 {
        stand.probes(0, "a", probe);
    }
    assert!(!breaks(&stand, "S6"));
    stand.probes(0, "a", 125);
    assert!(breaks(&stand, "S6"));
}

#[test]
fn s6_groups_that_cannot_hear_each_other_have_a_budget_each() {
    let stand = opened(6, vec![fault(11, 100, partition(0..3, 3..6))]);
    stand.until(11_000).fault(0, Turn::Begins).until(12_000);
    for probe in 0..75 {
        stand.probes(0, "a", probe).probes(3, "a", probe);
    }
    assert!(!breaks(&stand, "S6"));
    stand.probes(4, "a", 75);
    assert!(breaks(&stand, "S6"));
}

#[test]
fn s8_a_number_is_entered_once_and_started_above_all_heard() {
    let stand = opened(3, vec![]);
    stand.closes(0, "a").enters(0, "a", adopted(1));
    assert_eq!(stand.broken(), ["S8"]);

    let stand = opened(3, vec![]);
    stand.hears(0, 1, ("a", 7)).closes(0, "a").enters(0, "a", adopted(5));
    assert_eq!(stand.broken(), [""; 0], "the others may be in a lower one than was heard of");
    stand.closes(0, "a").enters(0, "a", started(7));
    assert_eq!(stand.broken(), ["S8"]);
}

#[test]
fn s8_a_new_life_may_enter_what_the_former_one_left() {
    let stand = opened(3, vec![]);
    stand.lives(0, Lives::Crashed).lives(0, Lives::Started).enters(0, "a", adopted(1));
    assert_eq!(stand.broken(), [""; 0]);
}

#[test]
fn s9_who_says_it_is_deaf_does_nothing() {
    let stand = opened(3, vec![]);
    stand.say(0, HostNotice::Deaf(true)).until(11_000).enters(0, "a", adopted(2)).until(11_100);
    assert_eq!(stand.broken(), ["S9"]);

    let stand = opened(3, vec![]);
    stand.say(0, HostNotice::Deaf(true)).until(11_000).enters(0, "a", adopted(2)).say(0, HostNotice::Deaf(false));
    assert_eq!(stand.until(11_100).broken(), [""; 0], "in the same moment it heard again");
}

#[test]
fn s9_who_is_cut_off_from_most_is_deaf_whatever_it_says() {
    for (host, at, expected) in [(0, 35_500, false), (7, 34_900, false), (7, 35_100, true), (7, 86_000, false)] {
        let stand = opened(10, vec![fault(30, 120, partition(0..7, 7..10))]);
        stand.until(30_000).fault(0, Turn::Begins).until(at).enters(host, "a", adopted(2));
        assert_eq!(breaks(stand.until(at + 100), "S9"), expected, "host {host} at {at} ms");
    }
    let stand = opened(10, vec![fault(30, 40, partition(0..7, 7..10))]);
    stand.until(30_000).fault(0, Turn::Begins).until(40_000).fault(0, Turn::Ends).until(50_000).enters(
        7,
        "a",
        adopted(2),
    );
    assert!(!breaks(stand.until(51_000), "S9"), "it is healed");
}

#[test]
fn s9_who_is_cut_off_may_probe_for_itself() {
    let stand = opened(10, vec![fault(30, 120, partition(0..7, 7..10))]);
    stand.until(30_000).fault(0, Turn::Begins).until(40_000).say(7, HostNotice::Deaf(true));
    assert!(!breaks(stand.until(41_000).probes(7, "a", 1).until(41_100), "S9"));
}

#[test]
fn s9_a_way_round_is_a_way() {
    let one_way = What::OneWay { from: vec![Place::Host(0)], to: vec![Place::Host(1)] };
    let stand = opened(4, vec![fault(30, 120, one_way)]);
    stand.until(30_000).fault(0, Turn::Begins).until(40_000).probes(1, "a", 1);
    assert!(!breaks(&stand, "S9"));
}

#[test]
fn s9_who_was_stopped_does_nothing_for_three_seconds() {
    for (at, expected) in [(22_899, true), (22_900, false)] {
        let stand = opened(4, vec![]);
        stand.lives(0, Lives::Paused).until(20_000).lives(0, Lives::Resumed).until(at).probes(0, "a", 1);
        assert_eq!(breaks(&stand, "S9"), expected, "at {at} ms");
    }
}

#[test]
fn s10_three_or_half_may_be_refused_on_hearsay() {
    let names: Vec<String> = (0..10).map(|at| format!("s{at}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    for (used, most) in [(1, 3), (7, 3), (8, 4), (10, 5)] {
        let stand = Stand::of(&run(3, &names, vec![]));
        for name in &names[..used] {
            stand.asks(0, name);
        }
        for (count, name) in names[..=most].iter().enumerate() {
            assert!(!breaks(&stand, "S10"), "{count} of {used}");
            stand.enters(0, name, adopted(1));
        }
        assert!(breaks(&stand, "S10"), "{} of {used}", most + 1);
    }
}

#[test]
fn s10_what_failed_the_host_itself_is_no_hearsay() {
    let stand = stand(3, vec![]);
    for name in ["a", "b", "c", "d"] {
        stand.call(0, name, Fate::Failed).enters(0, name, adopted(1));
    }
    assert!(!breaks(&stand, "S10"));
}

#[test]
fn s12_without_calls_no_number_rises() {
    for (after, expected) in [(72_000, false), (72_100, true)] {
        let stand = opened(3, vec![]);
        stand.until(10_000 + after).enters(0, "a", adopted(2));
        assert_eq!(breaks(&stand, "S12"), expected, "after {after} ms");
    }
}

#[test]
fn s12_a_number_others_are_in_may_be_entered_late() {
    let stand = opened(3, vec![]);
    stand.closes(0, "a").enters(1, "a", adopted(2)).until(100_000).enters(0, "a", adopted(2));
    assert!(!breaks(&stand, "S12"));
}

#[test]
fn s13_alerts_keep_to_their_budget_which_at_rest_is_none() {
    for (fails, alerts_sent, expected) in [(1, 3_300, true), (1, 3_301, false), (0, 0, true), (0, 1, false)] {
        let stand = stand(2, vec![]);
        for _ in 0..fails {
            stand.call(0, "a", Fate::Failed);
        }
        let life = LifeFacts { lived: Duration::from_secs(10), alerts_sent, ..LifeFacts::default() };
        let network = NetworkFacts { lives: vec![life], ..NetworkFacts::default() };
        let findings = stand.world.finish(stand.now(), &network);
        assert_eq!(findings.invariants.iter().all(|it| it.held), expected, "{alerts_sent} sent");
    }
}

#[test]
fn l9_alone_no_cluster_breaker_takes_a_step() {
    let step = Notice::Cluster(ClusterNotice::Left { number: 1, reason: Reason::ProbeFailed });
    let off = Run { mode: Mode::Local, ..run(5, &["a"], vec![]) };
    let mut one_caller = run(5, &["a"], vec![]);
    one_caller.scenario.callers[0].hosts = vec![3];
    let one_host = run(1, &["a"], vec![]);
    for run in [off, one_caller, one_host] {
        assert_eq!(Stand::of(&run).notice(0, "a", &step).broken(), ["L9"]);
    }
    let mut two_callers = run(5, &["a"], vec![]);
    two_callers.scenario.callers[0].hosts = vec![3, 4];
    assert_eq!(Stand::of(&two_callers).notice(0, "a", &step).broken(), [""; 0]);
}
