//! What waited before it was sent: in the channel from the driver, and here for the budget.

use super::*;

fn ages(sent: &[Parcel]) -> BTreeSet<(HostId, Duration)> {
    sent.iter().flat_map(read).map(|told| (told.testimony.host, told.testimony.age)).collect()
}

#[test]
fn our_own_news_and_what_it_was_judged_by_are_as_much_older_as_they_waited_for_gossip() {
    let mut me = Host::with_peers(20);
    let judged_by = vec![told_of(3, failing("pay", 9)).testimony];
    let alert = Alert { urgency: Urgency::Place, digest: open("pay", 1, 3), judged_by };
    let waited = Duration::from_millis(1_234);
    me.alerts.push(alert, waited, me.now);
    assert_eq!(ages(&me.sent_within(0)), [(host(0), waited), (host(3), waited + Duration::from_millis(3))].into());
}

#[test]
fn what_waited_for_three_seconds_in_the_channel_is_told_and_what_waited_longer_is_counted() {
    for urgency in [Urgency::Place, Urgency::Failing, Urgency::Lone] {
        for (waited, late) in [(WAIT_MAX, 0), (WAIT_MAX + Duration::from_nanos(1), 1)] {
            let mut me = Host::with_peers(20);
            let alert = Alert { urgency, digest: open("pay", 1, 3), judged_by: Vec::new() };
            me.alerts.push(alert, waited, me.now);
            assert_eq!((me.sent_within(10).is_empty(), me.counted("s_late")), (late == 1, late), "{urgency:?}");
        }
    }
}

/// The process does not run while something is gathered.
#[test]
fn what_waited_for_three_seconds_here_is_told_and_what_waited_longer_is_counted() {
    for (waited, late) in [(WAIT_MAX, 0), (WAIT_MAX + Duration::from_nanos(1), 1)] {
        let mut me = Host::with_peers(20);
        me.push(Urgency::Failing, failing("a", 1));
        me.sent_within(0);
        me.push(Urgency::Failing, failing("b", 2));
        me.hear(4, &[told_of(5, failing("b", 3))]);
        me.now = me.now + waited;
        let sent = me.alerts.send(me.now, &mut me.rng);
        assert_eq!((sent.is_empty(), me.counted("s_late")), (late == 1, 2 * late));
        assert_eq!(me.alerts.next_at(), None, "nothing waits any more");
        if late == 0 {
            let heard = Duration::from_millis(3) + waited;
            assert_eq!(ages(&sent), [(host(0), waited), (host(5), heard)].into());
        }
    }
}
