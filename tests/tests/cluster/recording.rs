//! Somebody records what two agents say to each other during an outage, on both planes, and says it again: in the same
//! life, changed, and in the next.

use std::path::Path;
use std::time::Duration;

use breaker_client::wire::{Presence, State};
use breaker_tests::abuse::Picture;
use breaker_tests::stage::{Agent, Folder, INTERVAL, Plan, Relay, Spoken, free_address, keyring, policy, wait_for};

/// The agents by their numbers at the relay.
const FIRST: usize = 0;
const SECOND: usize = 1;

/// An agent that is really at `listen`, and as far as anybody knows where the relay says.
fn behind(relay: &Relay, agent: usize, ring: &Path, seeds: &str) -> Plan {
    let (listen, advertise) = (free_address(), relay.address(agent));
    relay.lead(agent, listen);
    let (interval, ring) = (INTERVAL.as_millis(), ring.display());
    let node = if agent == FIRST { "a" } else { "b" };
    let gossip = format!(
        "gossip: {{listen: \"{listen}\", advertise: \"{advertise}\", interval: {interval}ms, keyring: {ring}, seeds: [{seeds}]}}"
    );
    Plan::new(node, &format!("{gossip}\n{}", policy("failure_threshold: 1, recovery_timeout: 10m")))
}

fn presence_of_b(agent: &Agent) -> Option<Presence> {
    let members = agent.members();
    members.iter().find(|member| member.node == "b").map(|member| member.presence)
}

/// Says datagrams to the first agent and waits until it has got all of them; how much each of its counters grew.
fn say_all(agent: &Agent, relay: &Relay, datagrams: &[Spoken]) -> impl Fn(&str) -> u64 + use<> {
    let counters = || agent.connect().status().agent.counters;
    let before = counters();
    let grown = move |now: &[breaker_client::wire::Counter], name: &str| {
        let of = |counters: &[breaker_client::wire::Counter]| {
            counters.iter().find(|counter| counter.name == name).map(|counter| counter.count).expect("it is counted")
        };
        of(now) - of(&before)
    };
    // The agent's socket holds some hundred datagrams; more at once would be lost on the way.
    for (said, some) in (1_u64..).zip(datagrams.chunks(50)) {
        some.iter().for_each(|datagram| relay.say(datagram));
        let all = (said - 1) * 50 + some.len() as u64;
        wait_for("the agent to get them", || (grown(&counters(), "seal_received") >= all).then_some(()));
    }
    let after = counters();
    move |name| grown(&after, name)
}

#[test]
fn a_recording_said_again_does_nothing_whole_changed_or_to_the_next_life() {
    let folder = Folder::new();
    let ring = keyring(&folder, "ring");
    let relay = Relay::between(2);
    let mut first = behind(&relay, FIRST, &ring, "").start();
    let seed = format!("\"{}\"", relay.address(FIRST));
    let mut second = behind(&relay, SECOND, &ring, &seed).start();
    wait_for("them to see each other", || {
        (presence_of_b(&first) == Some(Presence::Live) && second.members().len() == 2).then_some(())
    });
    for service in ["shop", "cart"] {
        assert_eq!(second.ctl(&["run", service, "--", "false"]).code, 1);
    }
    wait_for("the first to hear of it", || {
        first.service("cart").peers.first().filter(|heard| heard.state == State::Open).map(drop)
    });
    assert!(first.counter("gossip_alerts_received") > 0, "the recording has both planes");
    wait_for("some more to record", || (relay.recorded(FIRST).len() >= 30).then_some(()));
    assert_eq!(presence_of_b(&first), Some(Presence::Live));
    second.kill();
    relay.isolate(FIRST);
    let recorded = relay.recorded(FIRST);
    let count = recorded.len() as u64;
    // What was on its way when the relay was cut has arrived once all that was recorded was received.
    wait_for("the last of it to arrive", || (first.counter("seal_received") >= count).then_some(()));
    assert_eq!(first.counter("seal_received"), count);

    let grown = say_all(&first, &relay, &recorded);
    assert_eq!((grown("seal_replayed"), grown("seal_accepted"), grown("seal_hellos_sent")), (count, 0, 0));

    let changed = |change: fn(usize, &[u8]) -> Vec<u8>| -> Vec<Spoken> {
        let changed =
            |(number, spoken): (usize, &Spoken)| Spoken { datagram: change(number, &spoken.datagram), ..*spoken };
        recorded.iter().enumerate().map(changed).collect()
    };
    let shorter = changed(|_, whole| whole[..whole.len() - 1].to_vec());
    let shortest = changed(|_, whole| whole[..whole.len().min(40)].to_vec());
    let longer = changed(|_, whole| [whole, &[0_u8; 1_500][..]].concat());
    let flipped = changed(flip);
    for (changed, counter) in
        [(shorter, "seal_forged"), (shortest, "seal_truncated"), (longer, "seal_oversized"), (flipped, "seal_forged")]
    {
        let grown = say_all(&first, &relay, &changed);
        assert_eq!((grown(counter), grown("seal_accepted"), grown("seal_hellos_sent")), (count, 0, 0), "{counter}");
    }

    wait_for("the second to be missed, whoever speaks in its name", || {
        assert_eq!(say_all(&first, &relay, &recorded)("seal_accepted"), 0);
        (presence_of_b(&first) == Some(Presence::Silent)).then_some(())
    });
    let before = Picture::of(&first);
    assert_eq!(say_all(&first, &relay, &recorded)("seal_replayed"), count);
    assert_eq!(Picture::of(&first), before, "nor does it change what the second has said");

    first.kill();
    first.start_again();
    let grown = say_all(&first, &relay, &recorded);
    assert_eq!((grown("seal_accepted"), grown("gossip_beyond_limits")), (0, 0));
    assert_eq!(grown("seal_stale_boot"), count, "meant for another life");
    assert_eq!(grown("seal_sent"), grown("seal_hellos_sent"), "nobody is told more than which life this is");
    assert_eq!(presence_of_b(&first), None, "nobody was heard");
    assert!(first.service("cart").peers.is_empty());
    let mut client = first.connect();
    assert!((0..50).map(|_| client.call("demo")).max() < Some(Duration::from_millis(500)));
}

/// One bit changed behind the first byte and the key's id, another one each time.
fn flip(number: usize, whole: &[u8]) -> Vec<u8> {
    let mut changed = whole.to_vec();
    let at = 5 + number * 7 % (whole.len() - 5);
    changed[at] ^= 1 << (number % 8);
    changed
}
