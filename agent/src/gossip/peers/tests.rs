//! Peers seen, heard, fallen silent, restarted and gone, turn by turn.

use super::*;
use crate::core::digest::{FailureDigest, Span, StateKind};
use crate::gossip::coarse::Coarse;
use crate::gossip::entry::{BYE, HOST, digest_key, digest_value, host_value};
use crate::gossip::pulse::Stamp;
use crate::gossip::word::WORD_MAX;

struct Cluster {
    peers: Peers,
    counters: Arc<GossipCounters>,
    now: MonoTime,
    /// Of all digests told.
    ages: Vec<Duration>,
}

/// Somebody as chitchat would show it.
#[derive(Clone)]
struct Somebody {
    who: Identity,
    progress: Progress,
    values: Vec<(String, String, u64)>,
}

impl Cluster {
    /// Known to itself as "me", in its fifth life.
    fn new() -> Self {
        let counters = Arc::<GossipCounters>::default();
        let peers = Peers::new(identity("me", 5), INTERVAL, Arc::clone(&counters));
        Self { peers, counters, now: MonoTime::START, ages: Vec::new() }
    }

    /// A turn, half a second after the last; what was told of it.
    fn turn(&mut self, all: &[&Somebody]) -> Vec<String> {
        self.now = self.now + Duration::from_millis(500);
        for Somebody { who, progress, values } in all {
            let values = values.iter().map(|(key, value, version)| Value { key, value, version: *version });
            self.peers.observe(who, *progress, values, self.now);
        }
        self.peers.settle(self.now);
        self.told()
    }

    fn told(&mut self) -> Vec<String> {
        let mut told = Vec::new();
        while let Some(news) = self.peers.next_change(self.now) {
            told.push(match news {
                GossipNews::Heard { testimony: Testimony { host, incarnation, age, digest }, .. } => {
                    self.ages.push(age);
                    format!("{host}.{incarnation} {} {}", digest.service, digest.failed)
                }
                GossipNews::Said { host, incarnation, word } => {
                    format!("{host}.{incarnation} in {:?} {:?}", word.zone, word.rates)
                }
                GossipNews::Withdrawn { host, service } => format!("{host} no {service}"),
                other => panic!("{other:?} is not a change of a digest"),
            });
            self.peers.told();
        }
        told
    }

    fn standing(&self, node: &str) -> Option<(u64, Standing)> {
        let members = self.peers.members(self.now);
        members.iter().find(|member| member.node == node).map(|member| (member.incarnation, member.standing))
    }

    fn counted(&self, name: &str) -> u64 {
        self.counters.iter().find(|(known, _)| *known == name).expect("a known counter").1
    }
}

impl Somebody {
    fn new(node: &str, incarnation: u64) -> Self {
        let progress = Progress { heartbeat: 1, newest: 0, forgotten: 0 };
        Self { who: identity(node, incarnation), progress, values: Vec::new() }
    }

    fn beat(&mut self) -> &Self {
        self.progress.heartbeat += 1;
        self
    }

    fn write(&mut self, key: &str, value: String) -> &mut Self {
        self.delete(key);
        self.values.push((key.to_owned(), value, self.progress.newest));
        self
    }

    fn delete(&mut self, key: &str) -> &mut Self {
        self.progress.newest += 1;
        self.values.retain(|(written, _, _)| written != key);
        self
    }

    fn fails(&mut self, name: &str, sequence: u64, failed: u64) -> &mut Self {
        let service = ServiceName::parse(name).unwrap();
        let digest = FailureDigest { sequence, total: 100, failed, ..FailureDigest::of(service, StateKind::Open) };
        let stamp = Stamp {
            heartbeat: self.progress.heartbeat,
            beat: Duration::from_millis(50),
            held: Duration::from_millis(7),
        };
        self.write(&digest_key(&digest.service), digest_value(&digest, stamp))
    }

    fn says(&mut self, zone: &str, rates: &[(&str, u32)]) -> &mut Self {
        let rates = rates.iter().map(|(name, rate)| (ServiceName::parse(name).unwrap(), *rate)).collect();
        let word = HostWord { zone: Some(zone.into()), rates, ..HostWord::default() };
        self.write(HOST, host_value(&Coarse::of(&word)))
    }
}

fn identity(node: &str, incarnation: u64) -> Identity {
    Identity { node: node.to_owned(), incarnation, address: SocketAddr::from(([127, 0, 0, 1], 7)) }
}

#[test]
fn a_digest_is_told_when_written_and_rewritten_and_withdrawn_and_not_in_between() {
    let (mut cluster, mut b) = (Cluster::new(), Somebody::new("b", 1));
    b.says("eu", &[]).fails("pay", 1, 7);
    assert_eq!(cluster.turn(&[&b]), ["b.1 in Some(\"eu\") []", "b.1 pay 7"]);
    assert_eq!(cluster.turn(&[b.beat()]), [""; 0]);
    b.fails("pay", 2, 8).fails("mail", 3, 1);
    assert_eq!(cluster.turn(&[b.beat()]), ["b.1 mail 1", "b.1 pay 8"]);
    b.delete("d/pay");
    assert_eq!(cluster.turn(&[b.beat()]), ["b no pay"]);
    let member = cluster.peers.members(cluster.now).remove(0);
    assert_eq!((member.zone.as_deref(), member.digests), (Some("eu"), 1));
}

#[test]
fn what_a_host_says_of_itself_is_told_when_written_and_in_each_life_anew() {
    let (mut cluster, mut b) = (Cluster::new(), Somebody::new("b", 1));
    b.says("eu", &[("pay", 3)]);
    assert_eq!(cluster.turn(&[&b]), ["b.1 in Some(\"eu\") [(ServiceName(\"pay\"), 3)]"]);
    assert_eq!(cluster.turn(&[b.beat()]), [""; 0]);
    let mut b = Somebody::new("b", 2);
    assert_eq!(cluster.turn(&[&b]), [""; 0]);
    assert_eq!(cluster.peers.members(cluster.now)[0].zone, None, "what the former life said is forgotten");
    b.says("us", &[]);
    assert_eq!(cluster.turn(&[b.beat()]), ["b.2 in Some(\"us\") []"]);
}

/// A value that waited somewhere is as old as the heartbeats its writer made since, and then as we keep it.
#[test]
fn a_digest_is_told_with_its_age_as_near_as_can_be_told() {
    let (mut cluster, mut b) = (Cluster::new(), Somebody::new("b", 1));
    b.fails("pay", 1, 7);
    b.progress.heartbeat += 40;
    assert_eq!(cluster.turn(&[&b]).len(), 1);
    assert_eq!(cluster.ages, [Duration::from_millis(7 + 40 * 50)]);
    b.fails("pay", 2, 8);
    cluster.peers.observe(&b.who, b.progress, value_of(&b), cluster.now);
    cluster.now = cluster.now + Duration::from_secs(3);
    cluster.told();
    assert_eq!(cluster.ages[1], Duration::from_millis(7 + 3_000), "told late, it is older");
}

#[test]
fn the_spans_of_a_digest_are_two_intervals_older_than_they_were_written() {
    let (mut cluster, mut b) = (Cluster::new(), Somebody::new("b", 1));
    let written = std::array::from_fn(|index| Span { calls: 10 << index, failed: 1 << index });
    let digest =
        FailureDigest { spans: written, ..FailureDigest::of(ServiceName::parse("pay").unwrap(), StateKind::Open) };
    let stamp = Stamp { heartbeat: 1, beat: Duration::from_millis(50), held: Duration::ZERO };
    b.write(&digest_key(&digest.service), digest_value(&digest, stamp));
    cluster.peers.observe(&b.who, b.progress, value_of(&b), cluster.now);
    let Some(GossipNews::Heard { testimony: Testimony { age, digest, .. }, .. }) =
        cluster.peers.next_change(cluster.now)
    else {
        panic!("it is heard")
    };
    let nothing = Span::default();
    // Of the 1,024 ms only the last 24 are known of, as the next longer span tells them.
    let expected = [nothing, nothing, nothing, written[1], written[4], written[5], written[6]];
    assert_eq!((age, digest.spans), (Duration::ZERO, expected));
}

fn value_of(of: &Somebody) -> impl Iterator<Item = Value<'_>> {
    of.values.iter().map(|(key, value, version)| Value { key, value, version: *version })
}

#[test]
fn a_peer_is_live_when_its_heartbeat_moves_and_silent_when_it_has_not_for_long_enough() {
    let (mut cluster, mut b) = (Cluster::new(), Somebody::new("b", 1));
    for _ in 0..20 {
        cluster.turn(&[&b]);
        assert_eq!(cluster.standing("b"), Some((1, Standing::Silent)), "it may long be dead");
    }
    cluster.turn(&[b.beat()]);
    for turns in 0..6 {
        assert_eq!(cluster.standing("b"), Some((1, Standing::Live)));
        assert_eq!(cluster.peers.members(cluster.now)[0].heard, Duration::from_millis(500) * turns);
        cluster.turn(&[&b]);
    }
    assert_eq!(cluster.standing("b"), Some((1, Standing::Silent)));
    cluster.turn(&[]);
    assert_eq!(cluster.standing("b"), None);
}

#[test]
fn of_a_restarted_peer_only_the_new_life_is_left_in_whatever_order_they_are_seen() {
    for order in [[0, 1], [1, 0]] {
        let mut cluster = Cluster::new();
        let (mut old, mut new) = (Somebody::new("b", 1), Somebody::new("b", 2));
        old.fails("pay", 9, 7);
        assert_eq!(cluster.turn(&[old.beat()]), ["b.1 pay 7"]);
        assert_eq!(cluster.turn(&order.map(|at| [&old, &new][at])), ["b no pay"]);
        new.fails("mail", 1, 1);
        old.fails("pay", 10, 8);
        assert_eq!(cluster.turn(&order.map(|at| [&old, &new][at])), ["b.2 mail 1"]);
        new.beat();
        old.beat();
        cluster.turn(&order.map(|at| [&old, &new][at]));
        assert_eq!(cluster.standing("b"), Some((2, Standing::Live)));
        assert_eq!(cluster.peers.members(cluster.now).len(), 1);
    }
}

#[test]
fn who_says_goodbye_has_left_and_speaks_of_nothing() {
    let (mut cluster, mut b) = (Cluster::new(), Somebody::new("b", 1));
    b.fails("pay", 1, 7);
    cluster.turn(&[b.beat()]);
    b.write(BYE, "1".to_owned());
    assert_eq!(cluster.turn(&[b.beat()]), ["b no pay"]);
    b.fails("pay", 2, 8);
    for _ in 0..3 {
        assert_eq!(cluster.turn(&[b.beat()]), [""; 0]);
        assert_eq!(cluster.standing("b"), Some((1, Standing::Left)));
    }
}

#[test]
fn what_a_silent_peer_said_is_forgotten_after_a_minute_and_told_again_when_it_is_heard() {
    let (mut cluster, mut b) = (Cluster::new(), Somebody::new("b", 1));
    b.fails("pay", 1, 7);
    cluster.turn(&[&b]);
    cluster.turn(&[b.beat()]);
    let heard = cluster.now;
    while cluster.now.since(heard) < FORGOTTEN_AFTER - Duration::from_millis(500) {
        assert_eq!(cluster.turn(&[&b]), [""; 0]);
    }
    assert_eq!(cluster.turn(&[&b]), ["b no pay"]);
    assert_eq!(cluster.turn(&[&b]), [""; 0]);
    assert_eq!(cluster.turn(&[b.beat()]), ["b.1 pay 7"]);
}

#[test]
fn what_bears_our_name_is_no_peer_and_outnumbers_us_only_from_our_number_on() {
    let mut cluster = Cluster::new();
    let (me, mut former) = (Somebody::new("me", 5), Somebody::new("me", 4));
    former.fails("pay", 1, 7);
    assert_eq!(cluster.turn(&[&former, &me]), [""; 0]);
    assert_eq!(cluster.peers.outnumbered_by(), None);
    let mut same_number = Somebody::new("me", 5);
    same_number.who.address.set_port(8);
    cluster.turn(&[&me, &same_number]);
    assert_eq!(cluster.peers.outnumbered_by(), Some(5));
    cluster.turn(&[&me, &Somebody::new("me", 9), &same_number]);
    assert_eq!(cluster.peers.outnumbered_by(), Some(9));
    cluster.peers.begin_anew(10);
    cluster.turn(&[&Somebody::new("me", 9), &Somebody::new("me", 10)]);
    assert_eq!(cluster.peers.outnumbered_by(), None);
    assert!(cluster.peers.members(cluster.now).is_empty());
}

#[test]
fn older_and_malformed_values_are_counted_and_ignored() {
    let (mut cluster, mut b) = (Cluster::new(), Somebody::new("b", 1));
    b.fails("pay", 5, 7);
    assert_eq!(cluster.turn(&[&b]), ["b.1 pay 7"]);
    b.fails("pay", 4, 8);
    b.write("d/mail", "?".to_owned());
    assert_eq!(cluster.turn(&[&b]), [""; 0]);
    assert_eq!((cluster.counted("gossip_stale_values"), cluster.counted("gossip_malformed_values")), (1, 1));
    cluster.turn(&[b.beat()]);
    assert_eq!(cluster.counted("gossip_malformed_values"), 1, "each is counted once");
}

/// Chitchat sends a whole state anew, piece by piece, to whom it cannot send the missing deletions.
#[test]
fn a_state_sent_anew_is_read_anew() {
    let (mut cluster, mut b) = (Cluster::new(), Somebody::new("b", 1));
    b.fails("pay", 1, 7).fails("mail", 2, 1);
    cluster.turn(&[&b]);
    let whole = b.clone();
    b.values.truncate(1);
    b.progress = Progress { newest: 1, forgotten: 1, ..b.progress };
    assert_eq!(cluster.turn(&[&b]), ["b no mail"]);
    b.values = whole.values;
    b.progress.newest = whole.progress.newest;
    assert_eq!(cluster.turn(&[&b]), ["b.1 mail 1"]);
}

#[test]
fn a_new_life_of_gossip_begins_with_nobody() {
    let (mut cluster, mut b) = (Cluster::new(), Somebody::new("b", 1));
    b.fails("pay", 1, 7);
    cluster.turn(&[&b]);
    cluster.peers.begin_anew(6);
    assert_eq!(cluster.told(), ["b no pay"]);
    assert_eq!(cluster.turn(&[&b]), ["b.1 pay 7"]);
}

#[test]
fn as_many_peers_and_digests_are_kept_as_allowed_and_not_one_more() {
    let mut cluster = Cluster::new();
    let all: Vec<_> = (0..=PEERS_MAX).map(|number| Somebody::new(&format!("b{number}"), 1)).collect();
    cluster.turn(&all.iter().collect::<Vec<_>>());
    assert_eq!(cluster.peers.members(cluster.now).len(), PEERS_MAX);
    assert_eq!(cluster.counted("gossip_beyond_limits"), 1);

    let (mut cluster, mut b) = (Cluster::new(), Somebody::new("b", 1));
    for sequence in 0..=DIGESTS_MAX as u64 {
        b.fails(&format!("s{sequence}"), sequence, 1);
    }
    assert_eq!(cluster.turn(&[&b]).len(), DIGESTS_MAX);
    assert_eq!(cluster.counted("gossip_beyond_limits"), 1);
}

#[test]
fn a_peer_whose_name_cannot_be_printed_is_not_kept() {
    let mut cluster = Cluster::new();
    for (node, kept) in [("z".repeat(WORD_MAX), 1), ("z".repeat(WORD_MAX + 1), 1), ("\u{1b}[2J".to_owned(), 1)] {
        cluster.turn(&[&Somebody::new(&"z".repeat(WORD_MAX), 1), &Somebody::new(&node, 1)]);
        assert_eq!(cluster.peers.members(cluster.now).len(), kept);
    }
    assert_eq!(cluster.counted("gossip_beyond_limits"), 2);
}

const INTERVAL: Duration = Duration::from_millis(500);
