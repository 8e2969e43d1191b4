//! The services an agent tracks: found by name, listed in order, at most so many of them.
//!
//! Creating a service creates its ancestors. When the store is full the least recently used service that is idle goes:
//! Closed and in no opening, no permit out, no child. One that is not Closed is never evicted, or a flood of names would open what a
//! breaker holds shut. Only the idle enter the line of those to go; who is met at its head and is idle no longer leaves it
//! until it is again. So the one to go is found at once, however many cannot.

use std::collections::{BTreeMap, BTreeSet};

use super::breaker::Breaker;
use super::cluster::ClusterBreaker;
use super::index::NameIndex;
use super::opening::Opening;
use super::policy::{Admission, Ruling};
use super::recency::Recency;
use super::service::{SEGMENTS_MAX, ServiceName};
use super::share::Share;
use super::state::StateKind;
use super::time::MonoTime;

/// One tracked service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Its name.
    pub name: ServiceName,
    /// Its breaker.
    pub breaker: Breaker,
    /// Whether it may be asked for itself.
    pub admission: Admission,
    /// Its part in each ancestor's window, the nearest first.
    pub shares: Vec<Share>,
    /// A number no other service of this life has; never 0.
    pub serial: u32,
    /// The place of its parent.
    pub parent: Option<u32>,
    /// How many children it has.
    pub children: u32,
    /// Permits out for calls to itself.
    pub in_flight: u64,
    /// When it was last asked for.
    pub last_asked: Option<MonoTime>,
    /// The deadline it is entered under.
    pub armed: Option<MonoTime>,
    /// What it has counted.
    pub totals: Totals,
    /// Its part in what hosts judge together; `None` in an agent that is alone.
    pub cluster: Option<Box<ClusterBreaker>>,
}

/// What a service has counted since it is tracked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Calls granted.
    pub granted: u64,
    /// Calls refused.
    pub rejected: u64,
    /// Calls let through that a fully enforced policy would have refused.
    pub would_refuse: u64,
    /// Outcomes dropped.
    pub dropped: u64,
}

/// The places of a path, the deepest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path {
    places: [u32; SEGMENTS_MAX],
    len: usize,
}

/// All tracked services.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    slots: Vec<Option<Slot>>,
    free: Vec<u32>,
    index: NameIndex,
    names: BTreeMap<ServiceName, u32>,
    recency: Recency,
    deadlines: BTreeSet<(MonoTime, u32)>,
    limit: usize,
    serial: u32,
}

impl Store {
    /// An empty store for at most `limit` services.
    #[must_use]
    pub fn new(limit: usize, index_seed: u64) -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            index: NameIndex::new(index_seed),
            names: BTreeMap::new(),
            recency: Recency::default(),
            deadlines: BTreeSet::new(),
            limit,
            serial: 0,
        }
    }

    /// How many services are tracked.
    #[must_use]
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The place of a service.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<u32> {
        self.index.find(name, |place| self.name_at(place))
    }

    /// The service at a place that is taken.
    #[must_use]
    pub fn at(&self, place: u32) -> &Slot {
        self.slots[place as usize].as_ref().expect("invariant: only places of tracked services are kept")
    }

    /// The service at a place, if one is there.
    #[must_use]
    pub fn get(&self, place: u32) -> Option<&Slot> {
        self.slots.get(place as usize)?.as_ref()
    }

    /// As [`Store::at`], to change it.
    pub fn at_mut(&mut self, place: u32) -> &mut Slot {
        self.slots[place as usize].as_mut().expect("invariant: only places of tracked services are kept")
    }

    /// The place of a service and those of its ancestors.
    #[must_use]
    pub fn path(&self, place: u32) -> Path {
        let mut path = Path { places: [place; SEGMENTS_MAX], len: 1 };
        while let Some(parent) = self.at(path.places[path.len - 1]).parent {
            path.places[path.len] = parent;
            path.len += 1;
        }
        path
    }

    /// Services whose name sorts after `after`, in order.
    pub fn after(&self, after: Option<&ServiceName>) -> impl Iterator<Item = u32> + use<'_> {
        use std::ops::Bound;
        let from = after.map_or(Bound::Unbounded, |name| Bound::Excluded(name.clone()));
        self.names.range((from, Bound::Unbounded)).map(|(_, place)| *place)
    }

    /// Everything that is tracked, by place.
    pub fn taken(&self) -> impl Iterator<Item = (u32, &Slot)> {
        let slots = self.slots.iter().enumerate();
        slots.filter_map(|(place, slot)| Some((u32::try_from(place).ok()?, slot.as_ref()?)))
    }

    /// Notes that a service was used: if it is idle now, it goes to the end of the line.
    pub fn touch(&mut self, place: u32) {
        if self.is_idle(place) {
            self.recency.touch(place);
        }
    }

    /// Begins to track a service and its ancestors; `None` if there is no room and none can be made.
    pub fn create(
        &mut self,
        now: MonoTime,
        name: &ServiceName,
        ruling: &dyn Fn(&ServiceName) -> Ruling,
    ) -> Option<u32> {
        let parent = match name.parent() {
            None => None,
            Some(above) => Some(match self.find(above.as_str()) {
                Some(place) => place,
                None => self.create(now, &above, ruling)?,
            }),
        };
        if let Some(parent) = parent {
            // Adopted first, so that it is not itself what has to go.
            self.at_mut(parent).children += 1;
        }
        if self.len() >= self.limit && !self.evict_one() {
            self.disown(parent);
            return None;
        }
        let depth = parent.map_or(0, |parent| self.path(parent).len);
        let Ruling { policy, admission } = ruling(name);
        self.serial = self.serial.wrapping_add(1).max(1);
        let slot = Slot {
            name: name.clone(),
            breaker: Breaker::new(policy, now),
            admission,
            shares: vec![Share::default(); depth],
            serial: self.serial,
            parent,
            children: 0,
            in_flight: 0,
            last_asked: None,
            armed: None,
            totals: Totals::default(),
            cluster: None,
        };
        Some(self.put(slot))
    }

    /// Enters a service under the deadline it has now, instead of the one before.
    pub fn arm(&mut self, place: u32, deadline: Option<MonoTime>) {
        let slot = self.slots[place as usize].as_mut().expect("invariant: only places of tracked services are kept");
        if slot.armed == deadline {
            return;
        }
        if let Some(before) = std::mem::replace(&mut slot.armed, deadline) {
            self.deadlines.remove(&(before, place));
        }
        if let Some(deadline) = deadline {
            self.deadlines.insert((deadline, place));
        }
    }

    /// The first deadline and whose it is.
    #[must_use]
    pub fn deadline(&self) -> Option<(MonoTime, u32)> {
        self.deadlines.first().copied()
    }

    fn put(&mut self, slot: Slot) -> u32 {
        let name = slot.name.clone();
        let place = match self.free.pop() {
            Some(place) => {
                self.slots[place as usize] = Some(slot);
                place
            }
            None => {
                self.slots.push(Some(slot));
                u32::try_from(self.slots.len() - 1).expect("invariant: the limit fits in u32")
            }
        };
        self.index.insert(name.as_str(), place);
        self.names.insert(name, place);
        self.touch(place);
        place
    }

    /// Makes room by the eviction of one idle service, if there is one.
    fn evict_one(&mut self) -> bool {
        while let Some(place) = self.recency.oldest() {
            if self.is_idle(place) {
                self.remove(place);
                return true;
            }
            self.recency.remove(place);
        }
        false
    }

    fn is_idle(&self, place: u32) -> bool {
        let slot = self.at(place);
        let stays = slot.cluster.as_ref().is_some_and(|cluster| cluster.opening.is_some());
        slot.in_flight == 0 && slot.children == 0 && !stays && slot.breaker.state().kind() == StateKind::Closed
    }

    fn remove(&mut self, place: u32) {
        self.arm(place, None);
        self.recency.remove(place);
        let name = self.at(place).name.clone();
        let slots = &self.slots;
        self.index.remove(name.as_str(), |place| name_in(slots, place));
        self.names.remove(&name);
        let parent = self.at(place).parent;
        self.slots[place as usize] = None;
        self.free.push(place);
        self.disown(parent);
    }

    /// A parent has one child less.
    fn disown(&mut self, parent: Option<u32>) {
        if let Some(parent) = parent {
            self.at_mut(parent).children -= 1;
            self.touch(parent);
        }
    }

    fn name_at(&self, place: u32) -> &str {
        name_in(&self.slots, place)
    }
}

impl Slot {
    /// The opening that decides here: it is in one, and no operator has spoken.
    #[inline]
    #[must_use]
    pub fn opening(&self) -> Option<&Opening> {
        let opening = self.cluster.as_ref()?.inside()?;
        self.breaker.state().hold().is_none().then_some(opening)
    }

    /// What is done with calls: an operator's word, else the place in an opening, else the own breaker's state.
    #[must_use]
    pub fn effective_state(&self) -> StateKind {
        self.opening().map_or(self.breaker.state().kind(), Opening::state)
    }
}

impl Path {
    /// The places, the deepest first.
    #[must_use]
    pub fn places(&self) -> &[u32] {
        &self.places[..self.len]
    }
}

fn name_in(slots: &[Option<Slot>], place: u32) -> &str {
    slots[place as usize].as_ref().map_or("", |slot| slot.name.as_str())
}
