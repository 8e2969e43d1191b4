//! What follows from a change of state: for the ancestors, for testimony, for the deadline, and for who looks on.
//!
//! All changes pass through here, those of own breakers and those of openings, so that a service is always withdrawn
//! from its ancestors when it opens and always entered under the deadline it has.

use rand_core::Rng;

use super::{OpenEnds, Registry, Turn};
use crate::core::cluster::Standing;
use crate::core::opening::Opening;
use crate::core::state::{Notice, StateKind};
use crate::core::store::Slot;
use crate::core::time::MonoTime;

impl Registry {
    /// Passes on what the own breaker has to tell. While an opening decides it sleeps, and what it does is seen as a
    /// change from or to the opening's phase.
    #[inline(never)]
    pub(super) fn tell<R: Rng>(&mut self, turn: &mut Turn<'_, R>, place: u32, notice: Option<Notice>) {
        let stands = self.follow(turn.now, place, notice.as_ref());
        let notice = notice.and_then(|notice| self.as_seen(turn.now, place, notice));
        self.pass_on(turn, place, notice);
        if stands == Standing::Yes {
            self.alert_place(turn, place, Vec::new());
        }
    }

    /// Passes on a change, and what follows from it for its ancestors and its deadline.
    #[inline(never)]
    pub(super) fn pass_on<R>(&mut self, turn: &mut Turn<'_, R>, place: u32, notice: Option<Notice>) {
        if opens(notice.as_ref()) {
            self.withdraw(turn, place);
        }
        if let Some(notice) = notice {
            self.unwell.insert(place);
            self.store.touch(place);
            turn.notices.push((self.store.at(place).name.clone(), notice));
        }
        let slot = self.store.at(place);
        let open_over = match self.settings.open_ends {
            OpenEnds::OnAcquire => None,
            OpenEnds::InTime => slot.breaker.half_open_due().filter(|due| *due > turn.now),
        };
        let own = slot.breaker.deadline().or(open_over);
        let opening = self.opening_deadline(turn.now, slot);
        self.store.arm(place, own.into_iter().chain(opening).min());
    }

    /// Has testimony follow a change of the own breaker. Whether it has just opened against the service.
    fn follow(&mut self, now: MonoTime, place: u32, notice: Option<&Notice>) -> Standing {
        let Slot { cluster, breaker, .. } = self.store.at_mut(place);
        let (Some(part), Some(Notice::Changed(change))) = (cluster.as_deref_mut(), notice) else { return Standing::No };
        part.follow(now, breaker);
        if change.to == StateKind::Open { part.standing } else { Standing::No }
    }

    /// A change of the own breaker as it is seen from outside.
    fn as_seen(&mut self, now: MonoTime, place: u32, notice: Notice) -> Option<Notice> {
        let slot = self.store.at_mut(place);
        let inside = slot.cluster.as_ref().and_then(|part| part.inside()).map(Opening::state);
        let (Notice::Changed(mut change), Some(phase)) = (notice.clone(), inside) else { return Some(notice) };
        match slot.breaker.state().hold() {
            Some(_) if !is_held(change.from) => change.from = phase,
            Some(_) => {}
            None => {
                slot.breaker.sleep(now);
                change.to = phase;
            }
        }
        (change.from != change.to).then_some(Notice::Changed(change))
    }

    /// Takes the outcomes of a service that has opened out of its ancestors.
    fn withdraw<R>(&mut self, turn: &Turn<'_, R>, place: u32) {
        let path = self.store.path(place);
        let serial = self.store.at(place).serial;
        for level in 1..path.places().len() {
            let ancestor = path.places()[level];
            let between = || path.places()[..level].iter().enumerate().skip(1);
            let mut share = std::mem::take(&mut self.store.at_mut(place).shares[level - 1]);
            let taken: u64 =
                between().map(|(depth, middle)| self.store.at(*middle).shares[level - depth - 1].withdrawals()).sum();
            if share.is_within(taken) {
                let above = self.store.at_mut(ancestor);
                above.breaker.forget(turn.now, serial, &share);
                if let (Some(part), Some(spans)) = (above.cluster.as_deref_mut(), share.spans()) {
                    part.spans.withdraw(turn.now, spans);
                }
                for (depth, middle) in between() {
                    self.store.at_mut(*middle).shares[level - depth - 1].forget(turn.now, &share);
                }
            }
            share.clear();
            self.store.at_mut(place).shares[level - 1] = share;
        }
    }

    /// Does what the first deadline is for.
    pub(super) fn expire_first<R: Rng>(&mut self, turn: &mut Turn<'_, R>) {
        let Some((_, place)) = self.store.deadline() else { return };
        let slot = self.store.at_mut(place);
        let wanted = slot.is_wanted(turn.now);
        let notice = match slot.breaker.half_open_due() {
            Some(due) if due <= turn.now && wanted => slot.breaker.half_open(turn.now),
            Some(_) => None,
            None => slot.breaker.expire(turn.now, turn.rng),
        };
        self.tell(turn, place, notice);
        self.expire_opening(turn, place);
        self.pass_on(turn, place, None);
    }
}

/// Whether a service opens by this.
pub(super) fn opens(notice: Option<&Notice>) -> bool {
    matches!(notice, Some(Notice::Changed(change)) if change.to == StateKind::Open)
}

fn is_held(state: StateKind) -> bool {
    match state {
        StateKind::ForcedOpen | StateKind::Disabled | StateKind::MetricsOnly => true,
        StateKind::Closed | StateKind::Open | StateKind::HalfOpen => false,
    }
}
