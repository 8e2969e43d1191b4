//! How fast, at what price: links of 1 to 3 ms, one datagram in twenty lost.

use std::time::Duration;

use super::super::*;
use super::cluster::{Cluster, Links};
use super::{failing, open};

const LOSSY: Links = Links { lost_permille: 50, twice_permille: 0 };

/// Milliseconds until 99 % of the others know, and datagrams and bytes per host.
fn spread(hosts: u16, seed: u64, news: &FailureDigest, before: impl Fn(&mut Cluster)) -> (Duration, f64, u64) {
    let mut cluster = Cluster::new(hosts, LOSSY, seed);
    before(&mut cluster);
    let (sent, bytes, pushed) = (cluster.datagrams.iter().sum::<u64>(), cluster.bytes, cluster.now);
    cluster.push(0, Urgency::Place, news.clone());
    cluster.run(Duration::from_secs(5));
    let mut known: Vec<_> =
        cluster.heard.iter().filter(|((_, _, service), _)| service.as_str() == "pay").map(|(_, at)| *at).collect();
    known.sort_unstable();
    let needed = usize::from(hosts) * 99 / 100 - 1;
    assert!(known.len() >= needed, "seed {seed}: only {} of {hosts} know", known.len());
    let datagrams = (cluster.datagrams.iter().sum::<u64>() - sent) as f64 / f64::from(hosts);
    (known[needed - 1].since(pushed), datagrams, (cluster.bytes - bytes) / u64::from(hosts))
}

#[allow(clippy::print_stderr, reason = "a figure for whoever runs the test by itself")]
fn slowest(hosts: u16, seeds: u64, news: &FailureDigest, before: impl Fn(&mut Cluster)) -> Duration {
    let mut times: Vec<_> = (0..seeds).map(|seed| spread(hosts, seed, news, &before)).collect();
    times.sort_by_key(|(time, ..)| *time);
    let (median, datagrams, bytes) = times[times.len() / 2];
    let (slowest, ..) = times[times.len() - 1];
    eprintln!(
        "{hosts} hosts: 99 % know after {median:.1?}, at worst {slowest:.1?}; {datagrams:.1} datagrams, {bytes} bytes a host"
    );
    slowest
}

#[test]
fn of_a_hundred_hosts_99_know_within_ten_milliseconds() {
    assert!(slowest(100, 40, &open("pay", 9, 3), |_| {}) <= Duration::from_millis(10));
}

/// Nobody is in an opening yet, but it is more than one more failure.
#[test]
fn one_hosts_own_trip_is_known_as_fast() {
    let mut tripped = failing("pay", 9);
    tripped.flags.standing = true;
    assert!(slowest(100, 40, &tripped, |_| {}) <= Duration::from_millis(10));
}

#[test]
fn of_a_thousand_hosts_990_know_within_fifteen_milliseconds() {
    assert!(slowest(1_000, 3, &open("pay", 9, 3), |_| {}) <= Duration::from_millis(15));
}

/// Every host saw failures of its own just before: the place comes into a busy network, and does not wait for it.
#[test]
fn it_is_as_fast_while_everybody_testifies() {
    let busy = |cluster: &mut Cluster| {
        for host in 0..30 {
            cluster.push(host, Urgency::Failing, failing("other", 1));
            cluster.run(Duration::from_millis(1));
        }
    };
    assert!(slowest(100, 20, &open("pay", 9, 3), busy) <= Duration::from_millis(10));
}

/// What four peers are enough for: on average over what hosts happen to draw, for one testimony may fare worse.
#[test]
fn of_a_hundred_hosts_98_hear_testimony_within_twenty_milliseconds() {
    let hear = |seed| {
        let mut cluster = Cluster::new(100, LOSSY, seed);
        cluster.push(0, Urgency::Failing, failing("pay", 9));
        cluster.run(Duration::from_millis(20));
        cluster.heard.keys().filter(|(_, _, service)| service.as_str() == "pay").count() + 1
    };
    let all: Vec<_> = (0..40).map(hear).collect();
    assert!(all.iter().sum::<usize>() >= 98 * all.len(), "{all:?}");
}
