//! Several hosts that judge together: a registry each, and between them links that are worked by hand.
//!
//! Time goes in steps of a millisecond, or of more where it has to go far. What a host tells (alerts at once, digests and its word on itself twice a second)
//! reaches every host it is connected to two milliseconds later, unless the case says otherwise. Calls take no time.

use std::collections::BTreeMap;
use std::time::Duration;

use breaker_agent::core::digest::{HostId, HostView, HostWord, Testimony, Urgency};
use breaker_agent::core::guards::Guards;
use breaker_agent::core::outcome::Outcome;
use breaker_agent::core::peers::{Reach, Way};
use breaker_agent::core::policy::Policy;
use breaker_agent::core::registry::{Authority, ClusterSettings, OpenEnds, Settings};
use breaker_agent::core::state::{ClusterNotice, HostNotice, Notice, StateKind};
use breaker_agent::core::time::MonoTime;

use crate::stand::Stand;

/// See the file's head.
pub(crate) struct World {
    pub(crate) hosts: Vec<Stand>,
    pub(crate) now: MonoTime,
    pub(crate) step_ms: u64,
    /// From whom to whom nothing gets through.
    pub(crate) cut: Vec<(usize, usize)>,
    /// How much longer news is under way than its age tells.
    pub(crate) lost_on_the_way: Duration,
    /// Hosts that do nothing: crashed or paused.
    pub(crate) still: Vec<usize>,
    under_way: BTreeMap<(MonoTime, u64), (usize, usize, News)>,
    sent: u64,
    heard: BTreeMap<(usize, usize), MonoTime>,
    told: BTreeMap<usize, usize>,
    /// When each probe was granted, by service.
    pub(crate) probes: Vec<(MonoTime, String)>,
    /// Every number that was entered, with the host.
    pub(crate) entered: Vec<(MonoTime, usize, String, u64)>,
}

#[derive(Clone, Debug)]
enum News {
    Testimony(Testimony),
    Word(HostWord),
}

pub(crate) fn id(host: usize) -> HostId {
    HostId::new(&format!("h{host:02}"))
}

pub(crate) fn settings(host: usize) -> ClusterSettings {
    ClusterSettings {
        me: id(host),
        zone: None,
        seed: 11,
        authority: Authority::Authoritative,
        shortest_span: 2,
        recovery_timeout: Duration::from_secs(2),
        reach: Reach::of_gossip_every(Duration::from_millis(500)),
        guards: Guards::ON,
    }
}

impl World {
    pub(crate) fn new(hosts: usize) -> Self {
        Self::with(hosts, &Policy::default(), |_| {})
    }

    pub(crate) fn with(hosts: usize, policy: &Policy, change: impl Fn(&mut ClusterSettings)) -> Self {
        let stand = |host: usize| {
            let mut cluster = settings(host);
            change(&mut cluster);
            Stand::with(policy.clone(), registry_settings(Some(cluster)))
        };
        Self {
            hosts: (0..hosts).map(stand).collect(),
            now: MonoTime::START,
            step_ms: 1,
            cut: Vec::new(),
            lost_on_the_way: Duration::ZERO,
            still: Vec::new(),
            under_way: BTreeMap::new(),
            sent: 0,
            heard: BTreeMap::new(),
            told: BTreeMap::new(),
            probes: Vec::new(),
            entered: Vec::new(),
        }
    }

    pub(crate) fn ids(&self) -> std::ops::Range<usize> {
        0..self.hosts.len()
    }

    pub(crate) fn lives(&self, host: usize) -> bool {
        !self.still.contains(&host)
    }

    /// A step goes by.
    pub(crate) fn step(&mut self) {
        self.now = self.now + Duration::from_millis(self.step_ms);
        let now = self.now;
        for host in self.ids().filter(|host| self.lives(*host)).collect::<Vec<_>>() {
            self.hosts[host].now = now;
            self.hosts[host].advance();
        }
        while let Some(entry) = self.under_way.first_entry().filter(|entry| entry.key().0 <= now) {
            let ((_, _), (from, to, news)) = entry.remove_entry();
            self.deliver(from, to, news);
        }
        let ms = now.as_nanos() / 1_000_000;
        let passed = |every: u64| ms / every != (ms - self.step_ms) / every;
        let (publish, members) = (passed(500), passed(1_000));
        for host in self.ids().filter(|host| self.lives(*host)).collect::<Vec<_>>() {
            if publish {
                self.publish(host);
            }
            if members {
                self.members(host);
            }
        }
        self.push();
    }

    /// Steps until so many milliseconds after the start, doing something each millisecond.
    pub(crate) fn run_to(&mut self, ms: u64, mut each: impl FnMut(&mut Self, u64)) {
        while self.now < MonoTime::from_millis(ms) {
            self.step();
            let at = self.now.as_nanos() / 1_000_000;
            each(self, at);
        }
        self.push();
    }

    /// Every host calls a service once in every `every` milliseconds, not all at once.
    pub(crate) fn calls_to(&mut self, ms: u64, service: &str, every: u64, fails: impl Fn(usize) -> bool) {
        self.run_to(ms, |world, at| {
            for host in world.ids().filter(|host| world.lives(*host)).collect::<Vec<_>>() {
                if (at + 40 * host as u64).is_multiple_of(every) {
                    world.hosts[host].call(service, if fails(host) { Outcome::Failure } else { Outcome::Success });
                }
            }
        });
    }

    pub(crate) fn state(&self, host: usize, service: &str) -> StateKind {
        self.hosts[host].registry.view(service).map_or(StateKind::Closed, |view| view.effective_state())
    }

    pub(crate) fn states(&self, service: &str) -> Vec<StateKind> {
        self.ids().map(|host| self.state(host, service)).collect()
    }

    pub(crate) fn all_are(&self, service: &str, state: StateKind) -> bool {
        self.ids().filter(|host| self.lives(*host)).all(|host| self.state(host, service) == state)
    }

    pub(crate) fn number(&self, host: usize, service: &str) -> Option<u64> {
        self.hosts[host].registry.cluster_place(self.now, service).map(|place| place.stay.number)
    }

    pub(crate) fn is_sick(&self, host: usize) -> bool {
        self.hosts[host].registry.host_state().sick
    }

    pub(crate) fn was_told(&self, host: usize, notice: HostNotice) -> bool {
        self.hosts[host].effects.host.contains(&notice)
    }

    fn push(&mut self) {
        for host in self.ids() {
            let alerts = std::mem::take(&mut self.hosts[host].effects.alerts);
            for alert in alerts.into_iter().filter(|alert| alert.urgency != Urgency::Lone) {
                let own = Testimony { host: id(host), incarnation: 1, age: Duration::ZERO, digest: alert.digest };
                for testimony in alert.judged_by.into_iter().chain([own]) {
                    self.send_to_all(host, &News::Testimony(testimony));
                }
            }
            let seen = self.told.insert(host, self.hosts[host].notices.len()).unwrap_or(0);
            for (service, notice) in &self.hosts[host].notices[seen..] {
                match notice {
                    Notice::Cluster(ClusterNotice::Probe { .. }) => self.probes.push((self.now, service.to_string())),
                    Notice::Cluster(ClusterNotice::Entered { number, .. }) => {
                        self.entered.push((self.now, host, service.to_string(), *number));
                    }
                    _ => {}
                }
            }
        }
    }

    fn publish(&mut self, host: usize) {
        let now = self.now;
        let registry = &mut self.hosts[host].registry;
        let digests = registry.digests(now, 512);
        let word = registry.host_word(now);
        self.send_to_all(host, &News::Word(word));
        for digest in digests {
            let testimony = Testimony { host: id(host), incarnation: 1, age: Duration::ZERO, digest };
            self.send_to_all(host, &News::Testimony(testimony));
        }
    }

    fn members(&mut self, host: usize) {
        let (now, others) = (self.now, self.ids().filter(|other| *other != host));
        let view = |other: usize| HostView {
            host: id(other),
            incarnation: 1,
            heard: now.since(self.heard.get(&(other, host)).copied().unwrap_or(MonoTime::START)),
            left: false,
        };
        let views = others.map(view).collect();
        self.hosts[host].turn(|registry, turn, _| registry.hosts_are(turn, views));
    }

    fn send_to_all(&mut self, from: usize, news: &News) {
        for to in self.ids().filter(|to| *to != from) {
            if self.cut.contains(&(from, to)) {
                continue;
            }
            self.sent += 1;
            let arrives = self.now + Duration::from_millis(2) + self.lost_on_the_way;
            self.under_way.insert((arrives, self.sent), (from, to, news.clone()));
        }
    }

    fn deliver(&mut self, from: usize, to: usize, news: News) {
        if !self.lives(to) {
            return;
        }
        self.heard.insert((from, to), self.now);
        match news {
            News::Testimony(mut testimony) => {
                testimony.age += Duration::from_millis(2);
                self.hosts[to].turn(|registry, turn, _| registry.hear(turn, &testimony, Way::State));
            }
            News::Word(word) => {
                self.hosts[to].turn(|registry, turn, _| registry.host_said(turn, &id(from), 1, word));
            }
        }
    }
}

/// Room for all, and openings that half-open in time.
pub(crate) fn registry_settings(cluster: Option<ClusterSettings>) -> Settings {
    Settings { services_max: 1_000, permits_max: 1_000, open_ends: OpenEnds::InTime, index_seed: 3, cluster }
}
