//! Many hosts' alerts and the network between them, event by event: no tasks, no sockets, one seed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::super::*;
use super::{address, neighbour, speaker};

/// A cluster in which everybody is live.
pub(super) struct Cluster {
    pub(super) hosts: Vec<Alerts>,
    pub(super) now: MonoTime,
    /// Hosts that heard of a service of somebody, and when.
    pub(super) heard: BTreeMap<(usize, HostId, ServiceName), MonoTime>,
    /// How often a host sent a testimony, as a batch.
    pub(super) told: BTreeMap<(usize, HostId, ServiceName, u64), BTreeSet<MonoTime>>,
    pub(super) datagrams: Vec<u64>,
    pub(super) bytes: u64,
    links: Links,
    rng: StdRng,
    under_way: BTreeMap<(MonoTime, u64), (usize, SocketAddr, Vec<u8>)>,
    numbered: u64,
}

/// How links are.
#[derive(Clone, Copy)]
pub(super) struct Links {
    pub(super) lost_permille: u32,
    pub(super) twice_permille: u32,
}

impl Cluster {
    pub(super) fn new(hosts: u16, links: Links, seed: u64) -> Self {
        let counters = Arc::<GossipCounters>::default();
        let all: Vec<_> = (0..hosts).map(neighbour).collect();
        let alerts = |number: u16| {
            let mut alerts = Alerts::new(
                speaker(number),
                View::new(super::host(number), seed * 10_007 + u64::from(number)),
                Arc::clone(&counters),
            );
            let others: Vec<_> = all.iter().filter(|peer| peer.address != address(number)).cloned().collect();
            alerts.neighbours_are(&others);
            alerts
        };
        Self {
            hosts: (0..hosts).map(alerts).collect(),
            now: MonoTime::from_millis(1_000),
            heard: BTreeMap::new(),
            told: BTreeMap::new(),
            datagrams: vec![0; usize::from(hosts)],
            bytes: 0,
            links,
            rng: StdRng::seed_from_u64(seed),
            under_way: BTreeMap::new(),
            numbered: 0,
        }
    }

    pub(super) fn push(&mut self, host: usize, urgency: Urgency, digest: FailureDigest) {
        self.hosts[host].push(Alert { urgency, digest, judged_by: Vec::new() }, Duration::ZERO, self.now);
    }

    /// Lets time pass until nothing is under way, or for so long; whether all is quiet.
    pub(super) fn run(&mut self, most: Duration) -> bool {
        let end = self.now + most;
        loop {
            let due = self.hosts.iter().enumerate().filter_map(|(host, alerts)| Some((alerts.next_at()?, host))).min();
            let arrives = self.under_way.first_key_value().map(|((at, _), _)| *at);
            let next = due.map(|(at, _)| at).into_iter().chain(arrives).min();
            let Some(next) = next else { return true };
            if next > end {
                self.now = end;
                return false;
            }
            self.now = self.now.max(next);
            match due {
                Some((at, host)) if at <= self.now => self.send(host),
                _ => self.arrive(),
            }
        }
    }

    fn send(&mut self, from: usize) {
        for Parcel { to, message } in self.hosts[from].send(self.now, &mut self.rng) {
            self.datagrams[from] += 1;
            self.bytes += (message.len() + crate::seal::OVERHEAD) as u64;
            for told in wire::read(ClusterTag::of("test"), &message) {
                let Testimony { host, digest, .. } = told.unwrap().testimony;
                let key = (from, host, digest.service, digest.sequence);
                self.told.entry(key).or_default().insert(self.now);
            }
            let copies =
                u64::from(!self.one_in(self.links.lost_permille)) + u64::from(self.one_in(self.links.twice_permille));
            for _ in 0..copies {
                let at = self.now + self.rng.random_range(Duration::from_millis(1)..Duration::from_millis(3));
                self.numbered += 1;
                let receiver = usize::from(to.port() - 1);
                self.under_way
                    .insert((at, self.numbered), (receiver, address(from.try_into().unwrap()), message.clone()));
            }
        }
    }

    fn arrive(&mut self) {
        let Some((_, (to, from, message))) = self.under_way.pop_first() else { return };
        let came = Came { from, message: &message, waited: Duration::ZERO };
        for Testimony { host, digest, .. } in self.hosts[to].receive(came, self.now) {
            self.heard.entry((to, host, digest.service)).or_insert(self.now);
        }
    }

    fn one_in(&mut self, permille: u32) -> bool {
        self.rng.random_range(0..1_000) < permille
    }
}
