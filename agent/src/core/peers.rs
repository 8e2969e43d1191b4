//! What this host has heard of the others: who they are, what they say of themselves, and of each service.
//!
//! Of each host and service only the newest testimony counts, by incarnation and then by sequence, so that repeats, delay
//! and disorder end in the same knowledge. Of the same one heard twice, the older reading of its age is believed:
//! ages get lost on the way, never added. A higher incarnation replaces everything of a host's former life.
//!
//! A peer counts while something from it was processed within three seconds (six turns of a slower gossip), and is known
//! for a minute. What it last said is kept for as long as it is known; spans fade by their age, places do not. What came
//! by an alert alone nobody will withdraw, and so it goes after a minute if the state plane never says it.
//!
//! Bounded: hosts, and what they say. Past a limit what is new is dropped and counted, and the newest of what is known
//! still replaces the older.

mod caller;
mod hosts;
mod services;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::digest::{HostId, HostView, HostWord, Testimony};
use super::ear::Company;
use super::service::ServiceName;
use super::time::{Moment, MonoTime};

pub use caller::Caller;
pub use hosts::Host;
use services::Room;
pub use services::{Numbers, OfService, Past, Spoken, Told};

/// Everything heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peers {
    reach: Reach,
    hosts: BTreeMap<HostId, Host>,
    services: BTreeMap<ServiceName, OfService>,
    testimonies: usize,
    dropped: u64,
    /// Services nobody speaks of, kept for the numbers of their openings.
    quiet: VecDeque<ServiceName>,
}

/// For how long a peer counts that is not heard any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    /// As one that is heard.
    pub heard_for: Duration,
    /// As one that is known, and that we are deaf to.
    pub known_for: Duration,
}

/// How a testimony came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// By an alert: its host need not keep it on the state plane.
    Alert,
    /// By the state plane, where it will be withdrawn.
    State,
}

/// Whether the counts of a testimony are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counts {
    /// They are.
    Taken,
    /// They are of unknown age.
    Dropped,
}

impl Peers {
    /// Of one who has heard nothing yet.
    #[must_use]
    pub fn new(reach: Reach) -> Self {
        Self {
            reach,
            hosts: BTreeMap::new(),
            services: BTreeMap::new(),
            testimonies: 0,
            dropped: 0,
            quiet: VecDeque::new(),
        }
    }

    /// A testimony reached us. Whether it was news.
    pub fn hear(&mut self, now: MonoTime, testimony: &Testimony, (way, counts): (Way, Counts)) -> bool {
        let made = Moment::before(now, testimony.age);
        if !self.is_sound(testimony) || !self.meet(&testimony.host, testimony.incarnation) {
            return false;
        }
        let Some(host) = self.hosts.get_mut(&testimony.host).filter(|host| host.is_of(testimony.incarnation)) else {
            return false;
        };
        host.heard_at(made);
        let service = self.services.entry(testimony.digest.service.clone()).or_default();
        if let Some(stay) = &testimony.digest.stay {
            service.numbers.told(stay);
        }
        let room = if self.testimonies < TESTIMONIES_MAX { Room::ForOne } else { Room::None };
        match service.hear(made, testimony, (way, counts), room) {
            services::News::No => {}
            services::News::Newer => return true,
            services::News::First => {
                self.testimonies += 1;
                return true;
            }
            services::News::NoRoom => self.dropped += 1,
        }
        self.tidy(&testimony.digest.service);
        false
    }

    /// A peer no longer speaks of a service.
    pub fn withdrawn(&mut self, now: MonoTime, host: &HostId, service: &ServiceName) {
        let Some(of_service) = self.services.get_mut(service) else { return };
        self.testimonies -= of_service.withdraw(now, host);
        self.tidy(service);
    }

    /// What a peer says of itself.
    pub fn said(&mut self, name: &HostId, incarnation: u64, word: HostWord) {
        if !self.meet(name, incarnation) {
            return;
        }
        let Some(host) = self.hosts.get_mut(name).filter(|host| host.is_of(incarnation)) else { return };
        let before = host.say(word);
        for (service, _) in before {
            if let Some(of_service) = self.services.get_mut(&service) {
                of_service.calls_at(name, 0);
            }
            self.tidy(&service);
        }
        if let Some(host) = self.hosts.get(name) {
            for (service, rate) in host.rates() {
                self.services.entry(service.clone()).or_default().calls_at(name, *rate);
            }
        }
    }

    /// Everybody known to membership.
    pub fn are(&mut self, now: MonoTime, views: Vec<HostView>) {
        self.hosts.values_mut().for_each(Host::unlist);
        for view in views {
            if self.meet(&view.host, view.incarnation)
                && let Some(host) = self.hosts.get_mut(&view.host)
            {
                host.view(now, &view);
            }
        }
        let gone = self.hosts.iter().filter(|(_, host)| host.is_forgotten(now, self.reach));
        for name in gone.map(|(name, _)| name.clone()).collect::<Vec<_>>() {
            self.forget(&name);
            self.hosts.remove(&name);
        }
        self.sweep(now);
    }

    /// Drops what was withdrawn long ago, or is nowhere to be withdrawn: services whose instances come and go must not use
    /// up the room of others.
    fn sweep(&mut self, now: MonoTime) {
        let mut swept = Vec::new();
        for (service, of_service) in &mut self.services {
            let gone = of_service.sweep(now);
            self.testimonies -= gone;
            if gone > 0 {
                swept.push(service.clone());
            }
        }
        swept.iter().for_each(|service| self.tidy(service));
    }

    /// Drops the counts of all testimony; places stay.
    pub fn drop_counts(&mut self) {
        self.services.values_mut().for_each(OfService::drop_counts);
    }

    /// How many peers there are.
    #[must_use]
    pub fn company(&self, now: MonoTime) -> Company {
        let known = self.hosts.values().filter(|host| host.is_known(now, self.reach));
        let heard = self.hosts.values().filter(|host| host.is_heard(now, self.reach));
        Company { heard: heard.count(), known: known.count() }
    }

    /// When, if nothing is heard, fewer than half of the known are heard.
    #[must_use]
    pub fn silent_from(&self, now: MonoTime) -> Option<MonoTime> {
        let mut heard: Vec<Moment> =
            self.hosts.values().filter(|host| host.is_known(now, self.reach)).filter_map(Host::last_heard).collect();
        heard.sort_unstable_by(|a, b| b.cmp(a));
        let needed = heard.len().div_ceil(2).checked_sub(1)?;
        // Heard to the very moment, and no longer a nanosecond after it.
        heard.get(needed).map(|moment| moment.after(self.reach.heard_for) + Duration::from_nanos(1))
    }

    /// When the first of the known is not known any more, if nothing is heard.
    #[must_use]
    pub fn fewer_from(&self, now: MonoTime) -> Option<MonoTime> {
        let known = self.hosts.values().filter(|host| host.is_known(now, self.reach));
        known
            .filter_map(Host::last_heard)
            .min()
            .map(|moment| moment.after(self.reach.known_for) + Duration::from_nanos(1))
    }

    /// What is heard of a service.
    #[must_use]
    pub fn of(&self, service: &ServiceName) -> Option<&OfService> {
        self.services.get(service)
    }

    /// The numbers of a service's openings, to note one.
    pub fn numbers_mut(&mut self, service: &ServiceName) -> &mut Numbers {
        &mut self.services.entry(service.clone()).or_default().numbers
    }

    /// The heard callers of a service, whatever they are fit for, in order of their ids.
    pub fn callers<'a>(&'a self, now: MonoTime, service: &ServiceName) -> impl Iterator<Item = Caller<'a>> + use<'a> {
        let spoken = self.services.get(service).into_iter().flat_map(OfService::spoken);
        spoken.filter_map(move |(name, spoken)| {
            let host = self.hosts.get(name).filter(|host| host.is_heard(now, self.reach))?;
            let told = spoken.testimony().map(|told| (&told.testimony, told.made.age(now)));
            let counts = told.is_some() || spoken.rate > 0;
            counts.then(|| Caller { host: name, word: host.word(), rate: spoken.rate, told })
        })
    }

    /// Services that peers speak of whose name sorts after `after`, in order.
    pub fn services_after(&self, after: Option<&ServiceName>) -> impl Iterator<Item = &ServiceName> + use<'_> {
        use std::ops::Bound;
        let from = after.map_or(Bound::Unbounded, |name| Bound::Excluded(name.clone()));
        let services = self.services.range((from, Bound::Unbounded));
        services.filter(|(_, of_service)| of_service.testimonies().next().is_some()).map(|(name, _)| name)
    }

    /// How many testimonies found no room, or were of a host for which there was none.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Whether we may hear of a host: it has or finds room. A new life of it replaces the former one.
    fn meet(&mut self, name: &HostId, incarnation: u64) -> bool {
        match self.hosts.get(name) {
            Some(host) if host.is_older_than(incarnation) => self.forget(name),
            Some(_) => return true,
            None if self.hosts.len() >= HOSTS_MAX => {
                self.dropped += 1;
                return false;
            }
            None => {}
        }
        self.hosts.insert(name.clone(), Host::of(incarnation));
        true
    }

    /// Takes away all a host has said.
    fn forget(&mut self, name: &HostId) {
        for of_service in self.services.values_mut() {
            self.testimonies -= of_service.forget(name);
        }
        let quiet = self.services.iter().filter(|(_, of_service)| of_service.is_quiet());
        for service in quiet.map(|(service, _)| service.clone()).collect::<Vec<_>>() {
            self.tidy(&service);
        }
    }

    /// Forgets a service nobody speaks of, but for the numbers of its openings while there is room for these.
    fn tidy(&mut self, service: &ServiceName) {
        let Some(numbers) = self.services.get(service).filter(|known| known.is_quiet()).map(|known| known.numbers)
        else {
            return;
        };
        if numbers == Numbers::default() {
            self.services.remove(service);
            return;
        }
        if self.quiet.back() != Some(service) {
            self.quiet.push_back(service.clone());
        }
        while self.quiet.len() > QUIET_MAX {
            let oldest = self.quiet.pop_front();
            if let Some(oldest) = oldest.filter(|name| self.services.get(name).is_some_and(OfService::is_quiet)) {
                self.services.remove(&oldest);
            }
        }
    }

    /// Numbers no cluster comes to are a lie or a fault, and would never be outgrown.
    fn is_sound(&mut self, testimony: &Testimony) -> bool {
        let sound = testimony.digest.stay.is_none_or(|stay| (1..=NUMBER_MAX).contains(&stay.number));
        self.dropped += u64::from(!sound);
        sound
    }
}

impl Reach {
    /// Of gossip that takes a turn every `interval`.
    #[must_use]
    pub fn of_gossip_every(interval: Duration) -> Self {
        let heard_for = (interval * TURNS).max(HEARD_FOR_MIN);
        Self { heard_for, known_for: (heard_for * 2).max(KNOWN_FOR_MIN) }
    }
}

/// So many turns of gossip a peer counts after something from it was processed: it takes three lost ones in a row with
/// each of its partners to be silent.
const TURNS: u32 = 6;

/// However fast gossip is, a busy host may be silent for so long.
pub const HEARD_FOR_MIN: Duration = Duration::from_secs(3);

/// How long a peer that is not heard is known, and counts for whether we are deaf.
pub const KNOWN_FOR_MIN: Duration = Duration::from_secs(60);

/// Most testimonies kept: 200 services in trouble on 500 hosts; about 400 bytes each, 40 MB.
pub const TESTIMONIES_MAX: usize = 100_000;

/// Most hosts heard of: twice what gossip's own messages can carry.
pub const HOSTS_MAX: usize = 2_048;

/// Most services kept for nothing but the numbers of their openings: more than an agent tracks; about 2 MB.
pub const QUIET_MAX: usize = 16_384;

/// Highest number of an opening that is believed: one a millisecond for 8,000 years.
pub const NUMBER_MAX: u64 = 1 << 48;

#[cfg(test)]
mod tests;
