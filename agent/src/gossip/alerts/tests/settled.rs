//! What is left unsaid because calls to its service are refused already: our own failures where we are in an opening,
//! those of others once a place has been known for so long that everybody has judged.

use super::*;

/// Whether testimony of somebody else, heard so much later, is passed on.
fn passes_on(mut me: Host, later: Duration) -> bool {
    me.sent_within(later.as_millis().try_into().unwrap());
    assert_eq!(me.hear(4, &[told_of(5, failing("pay", 1))]), ["host-5 pay"], "the driver is always told");
    let (sent, suppressed) = (me.sent_within(10), me.counted("s_suppressed"));
    assert_eq!(sent.len() == FAN_OUT_TESTIMONY, suppressed == 0);
    assert_eq!(sent.is_empty(), suppressed == 1);
    suppressed == 0
}

/// Has heard of a place just now.
fn told_of_a_place() -> Host {
    let mut me = Host::with_peers(20);
    me.hear(3, &[told_of(3, open("pay", 1, 3))]);
    me
}

/// Has taken a place just now.
fn in_an_opening() -> Host {
    let mut me = Host::with_peers(20);
    me.push(Urgency::Place, open("pay", 1, 3));
    me
}

#[test]
fn our_own_failures_are_pushed_unless_our_newest_digest_says_that_we_are_in_an_opening() {
    let mut me = Host::with_peers(20);
    me.alerts.published(&[open("published", 1, 3)].into_iter().collect());
    me.push(Urgency::Place, open("pushed", 2, 3));
    me.hear(3, &[told_of(3, open("heard", 1, 3))]);
    me.sent_within(100);
    for name in ["published", "pushed"] {
        me.push(Urgency::Failing, failing(name, 3));
        assert_eq!(me.sent_within(10), [], "{name}");
    }
    for (name, urgency) in [("heard", Urgency::Failing), ("heard", Urgency::Lone)] {
        me.push(urgency, failing(name, 4));
        assert_eq!(me.sent_within(10).len(), FAN_OUT_TESTIMONY, "this host did not join, and says what it sees");
    }
    assert_eq!(me.counted("s_suppressed"), 2);
    for name in ["published", "pushed"] {
        me.push(Urgency::Failing, failing(name, 5));
        assert_eq!(me.sent_within(10).len(), FAN_OUT_TESTIMONY, "the digest before this one said it is closed: {name}");
    }
}

#[test]
fn with_what_is_published_our_own_failures_are_left_unsaid_and_told_again() {
    let mut me = Host::with_peers(20);
    for sequence in 0..3 {
        me.alerts.published(&[open("pay", 10 * sequence + 1, 3)].into_iter().collect());
        me.push(Urgency::Failing, open("pay", 10 * sequence + 2, 3));
        me.push(Urgency::Lone, open("pay", 10 * sequence + 3, 3));
        assert_eq!(me.sent_within(10), []);
        me.alerts.published(&Published::default());
        me.push(Urgency::Failing, failing("pay", 10 * sequence + 4));
        assert_eq!(me.sent_within(10).len(), FAN_OUT_TESTIMONY);
    }
    assert_eq!(me.counted("s_suppressed"), 6);
}

#[test]
fn testimony_of_others_is_passed_on_until_a_place_settled_and_again_when_it_is_no_longer_fresh() {
    for (later, expected) in [(0, true), (499, true), (500, false), (1_999, false), (2_000, true)] {
        assert_eq!(passes_on(told_of_a_place(), Duration::from_millis(later)), expected, "{later} ms later");
    }
}

#[test]
fn in_the_opening_ourselves_we_pass_on_none_after_it_settled_however_long_it_lasts() {
    for (later, expected) in [(0, true), (499, true), (500, false), (2_000, false), (3_600_000, false)] {
        assert_eq!(passes_on(in_an_opening(), Duration::from_millis(later)), expected, "{later} ms later");
    }
    let mut me = in_an_opening();
    me.alerts.published(&Published::default());
    assert!(passes_on(me, PLACE_FRESH), "we are in it no more");
}

#[test]
fn each_later_place_settles_anew_and_a_closed_one_settles_nothing() {
    let then = |phase| {
        let mut me = told_of_a_place();
        me.sent_within(1_000);
        me.hear(3, &[told_of(3, place("pay", 2, 3, phase, Probes::default()))]);
        assert_eq!(me.sent_within(0).len(), FAN_OUT);
        me
    };
    for (phase, later, expected) in [
        (Phase::HalfOpen, 499, true),
        (Phase::HalfOpen, 500, false),
        (Phase::Closed, 0, true),
        (Phase::Closed, 500, true),
    ] {
        assert_eq!(passes_on(then(phase), Duration::from_millis(later)), expected, "{phase:?} {later} ms later");
    }
}
