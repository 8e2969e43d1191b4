//! S1 of a host's own calls: when good ones forbid an opening, and to the millisecond where they do not.

use super::*;

/// Two hosts have failed calls, which is reason enough; host 0 has made so many good ones since. All at 10 s.
fn good_calls(count: usize) -> Stand {
    let stand = stand(10, vec![]);
    stand.until(10_000).call(1, "a", Fate::Failed).call(2, "a", Fate::Failed);
    calls_well(&stand, 0, ("a", count));
    stand
}

fn calls_well(stand: &Stand, host: usize, (service, count): (&str, usize)) {
    for _ in 0..count {
        stand.call(host, service, Fate::Good);
    }
}

#[test]
fn s1_three_good_calls_of_its_own_keep_a_host_out_however_it_enters() {
    for entered in [started(1), adopted(1)] {
        for (count, expected) in [(2, false), (3, true)] {
            let stand = good_calls(count);
            stand.until(10_100).enters(0, "a", entered);
            assert_eq!(breaks(&stand, "S1"), expected, "{count} good calls");
        }
    }
}

#[test]
fn s1_good_calls_count_from_when_the_agent_was_told_to_the_end_of_the_whole_buckets() {
    for (at, expected) in [(10_009, false), (10_010, true), (10_192, true), (10_193, false)] {
        let stand = good_calls(3);
        stand.until(at).enters(0, "a", started(1));
        assert_eq!(breaks(&stand, "S1"), expected, "at {at} ms");
    }
}

#[test]
fn s1_a_failed_call_of_its_own_is_a_reason_until_it_is_forgotten() {
    for (at, expected) in [(10_330, false), (10_331, true)] {
        let stand = good_calls(0);
        stand.call(0, "a", Fate::Failed).until(10_250);
        calls_well(&stand, 0, ("a", 3));
        stand.until(at).enters(0, "a", started(1));
        assert_eq!(breaks(&stand, "S1"), expected, "at {at} ms");
    }
}

#[test]
fn s1_what_a_host_saw_before_it_closed_or_started_is_forgotten() {
    for (since, expected) in [(9_770, true), (9_771, false)] {
        for closes in [true, false] {
            let stand = stand(10, vec![]);
            stand.until(9_000).enters(0, "a", adopted(1)).lives(1, Lives::Crashed).until(since);
            stand.closes(0, "a").lives(1, Lives::Started).until(10_000);
            let host = usize::from(!closes);
            calls_well(&stand, host, ("a", 3));
            stand.until(10_100).enters(host, "a", adopted(2));
            assert_eq!(breaks(&stand, "S1"), expected, "host {host} since {since} ms");
        }
    }
}

#[test]
fn s1_of_more_good_calls_than_are_remembered_the_oldest_are_forgotten() {
    for (count, expected) in [(13, true), (14, false)] {
        let stand = good_calls(3);
        stand.until(10_100);
        // The agent has not been told of these.
        calls_well(&stand, 0, ("a", count));
        stand.enters(0, "a", started(1));
        assert_eq!(breaks(&stand, "S1"), expected, "{count} more");
    }
}

#[test]
fn s1_a_member_moves_whatever_its_probes_say() {
    let stand = stand(10, vec![]);
    stand.until(5_000).enters(0, "a", adopted(1)).until(10_000);
    calls_well(&stand, 0, ("a", 3));
    stand.until(10_100).enters(0, "a", adopted(2));
    assert!(!breaks(&stand, "S1"));
}

#[test]
fn s1_of_what_has_children_nothing_is_promised() {
    let stand = Stand::of(&run(3, &["a/x"], vec![]));
    stand.until(10_000);
    calls_well(&stand, 0, ("a/x", 3));
    stand.until(10_100).enters(0, "a", adopted(1));
    assert!(!breaks(&stand, "S1"));
    stand.enters(0, "a/x", adopted(1));
    assert!(breaks(&stand, "S1"));
}

#[test]
fn s1_what_a_sick_host_sees_counts_nowhere() {
    for (sick, expected) in [(true, false), (false, true)] {
        let stand = good_calls(3);
        stand.say(0, HostNotice::Sick(true)).say(0, HostNotice::Sick(sick)).until(10_100).enters(0, "a", started(1));
        assert_eq!(breaks(&stand, "S1"), expected);
    }
}
