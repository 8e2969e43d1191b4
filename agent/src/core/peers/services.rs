//! What is heard of one service: each peer's rate and newest testimony, and the numbers of its openings.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Counts, Way};
use crate::core::digest::{HostId, Phase, Spans, Stay, Testimony};
use crate::core::time::{Moment, MonoTime};

/// What is heard of one service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OfService {
    spoken: BTreeMap<HostId, Spoken>,
    /// The numbers of its openings.
    pub numbers: Numbers,
}

/// What one peer says of one service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spoken {
    /// How often it calls, in calls per 1,000 s; 0 if it does not say.
    pub rate: u32,
    told: Option<Box<Told>>,
}

/// A testimony, and when it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// What was told last.
    pub testimony: Testimony,
    /// When it was made.
    pub made: Moment,
    validity: Validity,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Validity {
    /// Until it is withdrawn.
    Holds,
    /// Told by alerts alone, which nobody withdraws.
    Alerted,
    /// The peer speaks of the service no more; kept so that what is older and comes late is known to be older.
    Withdrawn,
}

/// The numbers of a service's openings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Numbers {
    /// The highest this host has left.
    pub left: u64,
    /// The highest ever heard.
    pub highest: u64,
    /// The highest that somebody says is closed.
    pub closed: u64,
    closed_here: Option<MonoTime>,
}

/// What is over here, and says nothing of how a service is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Past {
    /// The highest opening this host has left.
    pub left: u64,
    /// How long ago it closed the last one; forever if it closed none.
    pub closed: Duration,
}

impl Past {
    /// Nothing is over.
    pub const NONE: Self = Self { left: 0, closed: Duration::MAX };
}

/// Whether one more testimony may be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    ForOne,
    None,
}

/// What a testimony was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// Nothing new.
    No,
    /// It replaces another.
    Newer,
    /// The first of its host on the service.
    First,
    /// It would have been the first, and there is no room.
    NoRoom,
}

impl OfService {
    /// What all peers say.
    pub fn spoken(&self) -> impl Iterator<Item = (&HostId, &Spoken)> {
        self.spoken.iter()
    }

    /// What all peers testify, heard or not.
    pub fn testimonies(&self) -> impl Iterator<Item = &Told> {
        self.spoken.values().filter_map(Spoken::testimony)
    }

    pub(super) fn hear(
        &mut self,
        made: Moment,
        testimony: &Testimony,
        (way, counts): (Way, Counts),
        room: Room,
    ) -> News {
        let validity = match way {
            Way::Alert => Validity::Alerted,
            Way::State => Validity::Holds,
        };
        let mut told = Told { testimony: testimony.clone(), made, validity };
        if counts == Counts::Dropped {
            told.testimony.digest.spans = Spans::default();
        }
        match self.spoken.get_mut(&testimony.host).and_then(|spoken| spoken.told.as_mut()) {
            Some(known) if known.order() >= told.order() => {
                if known.order() == told.order() {
                    known.made = known.made.min(made);
                }
                known.validity = known.validity.also(told.validity);
                News::No
            }
            Some(known) => {
                told.validity = known.validity.then(told.validity);
                **known = told;
                News::Newer
            }
            None if room == Room::None => News::NoRoom,
            None => {
                self.spoken.entry(testimony.host.clone()).or_default().told = Some(Box::new(told));
                News::First
            }
        }
    }

    /// Returns how many testimonies went.
    pub(super) fn withdraw(&mut self, now: MonoTime, host: &HostId) -> usize {
        if let Some(told) = self.spoken.get_mut(host).and_then(|spoken| spoken.told.as_mut()) {
            told.validity = Validity::Withdrawn;
        }
        self.sweep(now)
    }

    /// Drops what was withdrawn so long ago that nothing older can still come, and what only an alert ever told. Returns
    /// how many testimonies went.
    pub(super) fn sweep(&mut self, now: MonoTime) -> usize {
        let mut gone = 0;
        for spoken in self.spoken.values_mut() {
            let over = |told: &mut Box<Told>| match told.validity {
                Validity::Holds => false,
                Validity::Alerted => told.made.age(now) > ALERTED_FOR,
                Validity::Withdrawn => told.made.age(now) > LATE_MAX,
            };
            gone += usize::from(spoken.told.take_if(over).is_some());
        }
        self.clean();
        gone
    }

    pub(super) fn calls_at(&mut self, host: &HostId, rate: u32) {
        match self.spoken.get_mut(host) {
            Some(spoken) => spoken.rate = rate,
            None if rate > 0 => drop(self.spoken.insert(host.clone(), Spoken { rate, told: None })),
            None => {}
        }
        self.clean();
    }

    pub(super) fn drop_counts(&mut self) {
        for told in self.spoken.values_mut().filter_map(|spoken| spoken.told.as_mut()) {
            told.testimony.digest.spans = Spans::default();
        }
    }

    /// Returns how many testimonies went.
    pub(super) fn forget(&mut self, host: &HostId) -> usize {
        self.spoken.remove(host).map_or(0, |spoken| usize::from(spoken.told.is_some()))
    }

    /// Whether nobody says anything of it any more.
    pub(super) fn is_quiet(&self) -> bool {
        self.spoken.is_empty()
    }

    fn clean(&mut self) {
        self.spoken.retain(|_, spoken| spoken.rate > 0 || spoken.told.is_some());
    }
}

impl Spoken {
    /// Its testimony, if it has one that holds.
    #[must_use]
    pub fn testimony(&self) -> Option<&Told> {
        self.told.as_deref().filter(|told| told.validity != Validity::Withdrawn)
    }
}

impl Told {
    fn order(&self) -> (u64, u64) {
        (self.testimony.incarnation, self.testimony.digest.sequence)
    }
}

impl Validity {
    /// Of one that is told again, perhaps by another way.
    fn also(self, again: Self) -> Self {
        match (self, again) {
            (Self::Alerted, Self::Holds) => Self::Holds,
            _ => self,
        }
    }

    /// Of what replaces one.
    fn then(self, newer: Self) -> Self {
        match (self, newer) {
            (Self::Holds, Self::Alerted) => Self::Holds,
            _ => newer,
        }
    }
}

impl Numbers {
    /// Somebody tells of its stay.
    pub fn told(&mut self, stay: &Stay) {
        self.hear(stay.number);
        if stay.phase == Phase::Closed {
            self.closed = self.closed.max(stay.number);
        }
    }

    /// Somebody is or was in this one.
    pub fn hear(&mut self, number: u64) {
        self.highest = self.highest.max(number);
    }

    /// This host has closed this one.
    pub fn close(&mut self, now: MonoTime, number: u64) {
        self.leave(number);
        self.closed_here = Some(now);
    }

    /// What is over by now.
    #[must_use]
    pub fn past(&self, now: MonoTime) -> Past {
        let closed = self.closed_here.map_or(Past::NONE.closed, |at| now.since(at));
        Past { left: self.left, closed }
    }

    /// This host has left this one.
    pub fn leave(&mut self, number: u64) {
        self.hear(number);
        self.left = self.left.max(number);
    }
}

/// How much later than made a testimony may still arrive, by a few relays and the repair of the state plane.
const LATE_MAX: Duration = Duration::from_secs(10);

/// For how long an alert is believed that the state plane never confirms: a host in trouble with 200 services needs
/// fifty seconds to write them all.
const ALERTED_FOR: Duration = Duration::from_secs(60);
