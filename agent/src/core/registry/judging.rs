//! The cluster's judgement on a service: who is in which opening, what was seen, and what follows here.
//!
//! A judgement is a pure function of what is known now ([`Cluster::decide`]); carrying it out is apart from it. There are
//! three ways into an opening: starting one, joining one that a peer is in, both by one's own judgement; and adopting the
//! one most of the others are in. None is taken by a host that is deaf, that an operator decides for, or whose own calls
//! go well, and none back into a number that was left.
//!
//! **Invariant:** a host moves to higher numbers only, and leaves the last one only by closing it.

mod crowd;

use rand_core::Rng;

use super::cluster::Cluster;
use super::settings::Authority;
use super::{Registry, Turn};
use crate::core::cluster::{Capped, ClusterBreaker};
use crate::core::digest::{SPANS, Testimony, span};
use crate::core::evidence::Judgement;
use crate::core::lots::Lots;
use crate::core::opening::{Entering, Opening, RestsOn};
use crate::core::peers::Past;
use crate::core::reason::Reason;
use crate::core::state::{ClusterNotice, Entry, Notice, StateKind, Transition};
use crate::core::store::Slot;
use crate::core::time::MonoTime;
use crowd::Crowd;
pub(super) use crowd::fails;

use std::time::Duration;

/// What follows from a judgement.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Decision {
    /// Nothing.
    Stay,
    /// An opening is entered.
    Enter(Entering),
    /// The own breaker trips, by the word of peers.
    Hasten(Reason),
}

impl Registry {
    /// New services take part in what is judged: what is known of them already may open them at once.
    pub(super) fn join_in<R: Rng>(&mut self, turn: &mut Turn<'_, R>, place: u32) {
        if self.cluster.is_none() {
            return;
        }
        for place in self.store.path(place).places() {
            let slot = self.store.at_mut(*place);
            if slot.cluster.is_none() {
                slot.cluster = Some(Box::<ClusterBreaker>::default());
                self.consider(turn, *place);
            }
        }
    }

    /// Judges a service, and does what follows.
    pub(super) fn consider<R: Rng>(&mut self, turn: &mut Turn<'_, R>, place: u32) {
        let Some(cluster) = self.cluster.as_deref_mut() else { return };
        let slot = self.store.at(place);
        // Nobody else speaks of it: one voice decides nothing.
        if cluster.peers.of(&slot.name).is_none() && cluster.settings.guards.quorum {
            return;
        }
        let crowd = cluster.look(turn.now, &slot.name, Some(slot));
        let (decision, may_change) = (cluster.decide(turn.now, slot, &crowd), crowd.may_change());
        if may_change {
            cluster.watched.insert(place);
            cluster.judge_at = cluster.judge_at.or(Some(turn.now + JUDGE_EVERY));
        }
        match decision {
            Decision::Stay => self.uncap(place),
            Decision::Hasten(reason) => {
                let notice = self.store.at_mut(place).breaker.hasten(turn.now, reason, turn.rng);
                self.tell(turn, place, notice);
            }
            Decision::Enter(entering) => match self.beyond_cap(turn.now, place, entering) {
                Some(notice) => self.tell_capped(turn, place, notice),
                None => {
                    self.uncap(place);
                    self.enter(turn, place, entering);
                }
            },
        }
    }

    /// Judges all that time alone may have changed, the deepest first.
    pub(super) fn judge_watched<R: Rng>(&mut self, turn: &mut Turn<'_, R>) {
        let Some(cluster) = self.cluster.as_deref_mut() else { return };
        cluster.judge_at = None;
        let watched = std::mem::take(&mut cluster.watched);
        let mut places: Vec<u32> = watched.into_iter().filter(|place| self.store.get(*place).is_some()).collect();
        places.sort_by_key(|place| std::cmp::Reverse(self.store.path(*place).places().len()));
        for place in places {
            self.consider(turn, place);
        }
    }

    fn enter<R: Rng>(&mut self, turn: &mut Turn<'_, R>, place: u32, entering: Entering) {
        let Some(cluster) = self.cluster.as_deref_mut() else { return };
        let now = turn.now;
        let slot = self.store.at_mut(place);
        let (from, name, number) = (slot.effective_state(), slot.name.clone(), entering.number);
        let lots = Lots::of(cluster.settings.seed, &name, number);
        let mut opening = Opening::enter(now, entering, lots, cluster.settings.recovery_timeout);
        for told in cluster.peers.of(&name).into_iter().flat_map(|known| known.testimonies()) {
            if let Some(stay) = told.testimony.digest.stay.as_ref().filter(|stay| stay.number == number) {
                opening.probes.learn(now, &stay.probes);
            }
        }
        let numbers = cluster.peers.numbers_mut(&name);
        numbers.hear(number);
        let before = slot.cluster.as_ref().and_then(|part| part.inside()).map(Opening::number);
        before.into_iter().for_each(|left| numbers.leave(left));
        cluster.stays.insert(place);
        slot.breaker.sleep(now);
        let retry_after = opening.open_until().map(|until| until.since(now));
        let reason = opening.reason().clone();
        if let Some(part) = slot.cluster.as_deref_mut() {
            part.opening = Some(Box::new(opening));
        }
        turn.notices.push((name, Notice::Cluster(entered(entering, before))));
        self.tell_change(turn, place, Change { from, to: StateKind::Open, reason, retry_after });
        if entering.how != Entry::Adopted {
            let judged_by = self.judged_by(now, place);
            self.alert_place(turn, place, judged_by);
        }
    }

    /// Leaves the opening a service is in, for Closed.
    pub(super) fn leave<R: Rng>(&mut self, turn: &mut Turn<'_, R>, place: u32, reason: Reason) {
        let Some(cluster) = self.cluster.as_deref_mut() else { return };
        let slot = self.store.at_mut(place);
        let from = slot.effective_state();
        let held = slot.breaker.state().hold().is_some();
        let Some(part) = slot.cluster.as_deref_mut() else { return };
        let Some(opening) = part.opening.as_mut().filter(|opening| opening.is_in()) else { return };
        let number = opening.number();
        opening.close(turn.now, reason.clone());
        if cluster.is_deaf(turn.now) {
            // By its own calls alone, which is no word for others.
            part.opening = None;
        }
        part.forget();
        cluster.peers.numbers_mut(&slot.name).close(turn.now, number);
        cluster.stays.remove(&place);
        let left = ClusterNotice::Left { number, reason: reason.clone() };
        turn.notices.push((slot.name.clone(), Notice::Cluster(left)));
        if !held {
            slot.breaker.wake(turn.now, reason.clone());
        }
        let to = if held { from } else { StateKind::Closed };
        self.tell_change(turn, place, Change { from, to, reason, retry_after: None });
    }

    /// Passes on what an opening changes in what is done with calls, if it does.
    pub(super) fn tell_change<R: Rng>(&mut self, turn: &mut Turn<'_, R>, place: u32, change: Change) {
        let Change { from, to, reason, retry_after } = change;
        self.unwell.insert(place);
        let changed = (from != to).then_some(Transition { at: turn.now, from, to, reason, retry_after });
        self.pass_on(turn, place, changed.map(Notice::Changed));
    }

    /// What would be said, were an entry beyond the cap: only so many services are refused on the word of others.
    fn beyond_cap(&mut self, now: MonoTime, place: u32, entering: Entering) -> Option<ClusterNotice> {
        let cluster = self.cluster.as_deref_mut()?;
        let store = &self.store;
        let in_none = store.at(place).opening().is_none();
        if !cluster.settings.guards.join_cap || entering.rests_on == RestsOn::OwnCalls || !in_none {
            return None;
        }
        let top = |place: u32| *store.path(place).places().last().unwrap_or(&place);
        let on_hearsay = cluster.stays.iter().filter(|place| {
            store.at(**place).opening().is_some_and(|opening| opening.entering.rests_on == RestsOn::Hearsay)
        });
        let tops: std::collections::BTreeSet<u32> = on_hearsay.map(|place| top(*place)).chain([top(place)]).collect();
        let refused = tops.len();
        if refused <= HEARSAY_ALWAYS {
            return None;
        }
        let used = cluster.used.filter(|(at, _)| now.since(*at) < COUNT_EVERY).map(|(_, used)| used);
        let used = used.unwrap_or_else(|| used_tops(store, now));
        cluster.used = cluster.used.filter(|(at, _)| now.since(*at) < COUNT_EVERY).or(Some((now, used)));
        (refused * 2 > used).then_some(ClusterNotice::Capped { number: entering.number, refused: refused - 1, used })
    }

    fn tell_capped<R>(&mut self, turn: &mut Turn<'_, R>, place: u32, notice: ClusterNotice) {
        let slot = self.store.at_mut(place);
        let Some(part) = slot.cluster.as_deref_mut().filter(|part| part.capped == Capped::No) else { return };
        part.capped = Capped::Told;
        turn.notices.push((slot.name.clone(), Notice::Cluster(notice)));
    }

    fn uncap(&mut self, place: u32) {
        if let Some(part) = self.store.at_mut(place).cluster.as_deref_mut() {
            part.capped = Capped::No;
        }
    }

    /// What the failing peers told last, the newest first.
    fn judged_by(&self, now: MonoTime, place: u32) -> Vec<Testimony> {
        let Some(cluster) = self.cluster.as_deref() else { return Vec::new() };
        let callers = cluster.peers.callers(now, &self.store.at(place).name);
        let failing = callers.filter(|caller| cluster.is_fit(*caller) && fails(*caller, Past::NONE));
        let mut told: Vec<Testimony> =
            failing.filter_map(|caller| caller.told).map(|(told, age)| Testimony { age, ..told.clone() }).collect();
        told.sort_by(|a, b| (a.age, &a.host).cmp(&(b.age, &b.host)));
        told.truncate(JUDGED_BY_MAX);
        told
    }
}

/// What an opening changes in what is done with calls.
pub(super) struct Change {
    pub(super) from: StateKind,
    pub(super) to: StateKind,
    pub(super) reason: Reason,
    pub(super) retry_after: Option<Duration>,
}

impl Cluster {
    /// What follows from all that is known of a service now.
    fn decide(&self, now: MonoTime, slot: &Slot, crowd: &Crowd<'_>) -> Decision {
        let advisory = self.settings.authority == Authority::Advisory;
        if advisory || self.is_deaf(now) || slot.breaker.state().hold().is_some() {
            return Decision::Stay;
        }
        if let Some(opening) = slot.opening() {
            return match crowd.to_move_to(opening.number()) {
                Some(number) => Decision::Enter(crowd.entering(number, Entry::Adopted, crowd.judged())),
                None => Decision::Stay,
            };
        }
        let adopted = crowd.to_adopt();
        if !crowd.may_trip() && adopted.is_none() {
            return Decision::Stay;
        }
        let judged = crowd.judged();
        match (judged.trips, adopted) {
            _ if judged.first_hand_good => Decision::Stay,
            (trips, _) if self.settings.authority == Authority::Accelerate => {
                if trips {
                    hasten(crowd, &judged)
                } else {
                    Decision::Stay
                }
            }
            (true, _) => match crowd.to_join() {
                Some(number) => Decision::Enter(crowd.entering(number, Entry::Joined, judged)),
                None => Decision::Enter(crowd.entering(crowd.to_start(), Entry::Started, judged)),
            },
            (false, Some(number)) => Decision::Enter(crowd.entering(number, Entry::Adopted, judged)),
            (false, None) => Decision::Stay,
        }
    }
}

/// Where peers only lower the own threshold, own calls must fail too: two of them, at the rate.
fn hasten(crowd: &Crowd<'_>, judged: &Judgement) -> Decision {
    let own = crowd.own_calls(judged.span);
    let fails = crowd.threshold().is_reached_by(own.failed.into(), own.calls.into());
    if own.failed < HASTEN_FAILURES_MIN || !fails {
        return Decision::Stay;
    }
    let Judgement { failing_hosts, callers, .. } = *judged;
    Decision::Hasten(Reason::ClusterHastened { failed: own.failed, calls: own.calls, failing_hosts, callers })
}

fn entered(entering: Entering, from: Option<u64>) -> ClusterNotice {
    ClusterNotice::Entered {
        number: entering.number,
        from,
        how: entering.how,
        on_hearsay: entering.rests_on == RestsOn::Hearsay,
        judged: entering.judged,
    }
}

/// Top-level services that were asked for lately.
fn used_tops(store: &crate::core::store::Store, now: MonoTime) -> usize {
    let lately = |slot: &Slot| slot.last_asked.is_some_and(|at| now.since(at) < USED_WITHIN);
    store.taken().filter(|(_, slot)| slot.parent.is_none() && lately(slot)).count()
}

/// The span of this length, by its index.
fn index_of(length: Duration) -> usize {
    (0..SPANS).find(|index| span(*index) == length).unwrap_or(SPANS - 1)
}

/// How often services are judged anew for no other reason than time.
const JUDGE_EVERY: Duration = Duration::from_millis(100);

/// So many services may always be refused on hearsay alone, however few the host uses.
pub(super) const HEARSAY_ALWAYS: usize = 3;

/// A service asked for within a minute is used.
const USED_WITHIN: Duration = Duration::from_secs(60);

/// How often the used services are counted at most: in an outage of hundreds each entry asks for it.
const COUNT_EVERY: Duration = Duration::from_secs(1);

/// Most testimonies of others an alert carries: what a few datagrams hold, and more than are needed to judge.
const JUDGED_BY_MAX: usize = 40;

/// One failed call is no trend, whoever says so.
const HASTEN_FAILURES_MIN: u32 = 2;
