//! One call along the path of its service: grants from every level or none, outcomes to the deepest first.

use std::time::Duration;

use rand_core::Rng;

use super::{Answer, Ask, DEMAND_SECONDS, Granted, OpenEnds, Registry, Rejected, RulingOn, Told, Turn, Unserved};
use crate::core::breaker::{Breaker, Fate, Grant, Granted as How, Refusal, Settled};
use crate::core::counts::{Judged, Sample};
use crate::core::outcome::Call;
use crate::core::permits::{Permit, Sort};
use crate::core::policy::SEGMENTS_BELOW_MAX;
use crate::core::reason::Reason;
use crate::core::service::SEGMENTS_MAX;
use crate::core::state::{Notice, State, StateKind};
use crate::core::store::Path;
use crate::core::time::MonoTime;
use crate::core::window::Lineage;

/// How a permit is used up.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ending<'a> {
    /// By the outcome of its call, or the word that there was none.
    Call(&'a Call),
    /// By its lease running out.
    LeaseOver,
}

/// Whether one more permit may go out for a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    /// One may.
    ForOne,
    /// The permits are all out, or the service is not tracked.
    None,
}

impl Registry {
    pub(super) fn acquire_at<R: Rng>(
        &mut self,
        turn: &mut Turn<'_, R>,
        place: u32,
        ask: Ask<'_>,
        room: Room,
    ) -> Answer {
        let path = self.store.path(place);
        for place in path.places() {
            self.store.at_mut(*place).last_asked = Some(turn.now);
        }
        // The top is asked first: where it refuses, nobody below need be bothered.
        let mut how = [How::Allowed; SEGMENTS_MAX];
        for (level, place) in path.places().iter().enumerate().rev() {
            if let Err(refusal) = self.admission(*place, turn.now, room) {
                if self.store.at_mut(*place).breaker.enforce() {
                    return self.reject(path, *place, refusal);
                }
                how[level] = How::WouldRefuse;
            }
        }
        match room {
            Room::ForOne => Answer::Granted(self.grant_along(turn, path, how, ask)),
            Room::None => {
                self.untracked += 1;
                Answer::Untracked
            }
        }
    }

    /// As the breaker says; but without room for one more permit only states that need none let a call through.
    pub(super) fn admission(&self, place: u32, now: MonoTime, room: Room) -> Result<(), Refusal> {
        let breaker = &self.store.at(place).breaker;
        breaker.admission(now)?;
        match (breaker.state(), room) {
            (State::Open { .. } | State::HalfOpen { .. }, Room::None) => {
                Err(Refusal { state: breaker.state().kind(), reason: Reason::PermitsOut, retry_after: None })
            }
            _ => Ok(()),
        }
    }

    fn reject(&mut self, path: Path, by: u32, refusal: Refusal) -> Answer {
        self.store.at_mut(path.places()[0]).totals.rejected += 1;
        Answer::Rejected(Rejected { service: self.store.at(by).name.clone(), refusal })
    }

    fn grant_along<R: Rng>(
        &mut self,
        turn: &mut Turn<'_, R>,
        path: Path,
        how: [How; SEGMENTS_MAX],
        ask: Ask<'_>,
    ) -> Granted {
        let mut grants = [Grant::UNENFORCED; SEGMENTS_MAX];
        let mut sort = Sort::Plain;
        for (level, place) in path.places().iter().enumerate() {
            let breaker = &mut self.store.at_mut(*place).breaker;
            let (grant, notice) = match how[level] {
                How::WouldRefuse => (Grant::UNENFORCED, None),
                How::Allowed => breaker.grant(turn.now),
            };
            if how[level] == How::Allowed && breaker.state().kind() == StateKind::HalfOpen {
                sort = Sort::Probe;
            }
            grants[level] = grant;
            if notice.is_some() {
                self.tell(turn, *place, notice);
            }
        }
        let place = path.places()[0];
        let slot = self.store.at_mut(place);
        let refused = how.contains(&How::WouldRefuse);
        slot.totals.granted += 1;
        slot.totals.would_refuse += u64::from(refused);
        slot.in_flight += 1;
        let policy = slot.breaker.policy();
        let timeout = ask.timeout.or(policy.timeout);
        // A lease never ends before the call may.
        let lease = policy.half_open.permit_lease.max(timeout.unwrap_or(Duration::ZERO));
        let until = turn.now + lease;
        let permit = self.permits.issue(Permit { holder: ask.holder, until, service: place, grants, sort });
        Granted { permit, how: if refused { How::WouldRefuse } else { How::Allowed }, lease, timeout }
    }

    pub(super) fn settle_permit<R: Rng>(
        &mut self,
        turn: &mut Turn<'_, R>,
        permit: &Permit,
        ending: Ending<'_>,
    ) -> Told {
        self.store.at_mut(permit.service).in_flight -= 1;
        let now = turn.now;
        let told = self.settle_along(turn, permit.service, |level, breaker, lineage, dead_below, rng| {
            let grant = permit.grants[level];
            match ending {
                _ if dead_below => breaker.settle(now, grant, Judged::Nowhere, lineage, rng),
                Ending::LeaseOver => breaker.lease_over(now, grant, rng),
                Ending::Call(call) => {
                    let judged = Sample::judge(breaker.policy(), call);
                    breaker.settle(now, grant, judged, lineage, rng)
                }
            }
        });
        self.store.touch(permit.service);
        told
    }

    pub(super) fn settle_unasked<R: Rng>(&mut self, turn: &mut Turn<'_, R>, place: u32, call: &Call) -> Told {
        let now = turn.now;
        self.settle_along(turn, place, |_, breaker, lineage, dead_below, rng| {
            if dead_below {
                return quietly(Fate::Nowhere);
            }
            let judged = Sample::judge(breaker.policy(), call);
            breaker.settle_unasked(now, judged, lineage, rng)
        })
    }

    /// Tells every level of a path, the deepest first. Above one that opens by this, the outcome counts nowhere.
    fn settle_along<R: Rng>(
        &mut self,
        turn: &mut Turn<'_, R>,
        leaf: u32,
        mut settle: impl FnMut(usize, &mut Breaker, Lineage, bool, &mut R) -> Settled,
    ) -> Told {
        let path = self.store.path(leaf);
        let mut told = Told::Counted;
        let mut dead_below = false;
        for (level, place) in path.places().iter().enumerate() {
            let lineage = self.lineage(path, level);
            let breaker = &mut self.store.at_mut(*place).breaker;
            let Settled { fate, notice } = settle(level, breaker, lineage, dead_below, turn.rng);
            match fate {
                Fate::InWindow(sample) => self.note_in_window(turn, path, level, sample),
                Fate::Dropped => {
                    self.store.at_mut(*place).totals.dropped += 1;
                    if level == 0 {
                        told = Told::Dropped;
                    }
                }
                Fate::Probe | Fate::Nowhere => {}
            }
            dead_below |= opens(notice.as_ref());
            // Without a notice only what holds for a while can have moved the deadline.
            if notice.is_some() || self.store.at(*place).breaker.policy().conditions.sustained.is_some() {
                self.tell(turn, *place, notice);
            }
        }
        told
    }

    /// Through which children a call came to the level of a path.
    fn lineage(&self, path: Path, level: usize) -> Lineage {
        let mut lineage = [0; SEGMENTS_BELOW_MAX];
        for (serial, place) in lineage.iter_mut().zip(path.places()[..level].iter().rev()) {
            *serial = self.store.at(*place).serial;
        }
        lineage
    }

    fn note_in_window<R>(&mut self, turn: &Turn<'_, R>, path: Path, level: usize, sample: Sample) {
        let place = path.places()[level];
        if sample.is_failure() {
            self.unwell.insert(place);
        }
        let mut between = 0;
        for (depth, below) in path.places()[..level].iter().enumerate().rev() {
            let mut share = std::mem::take(&mut self.store.at_mut(*below).shares[level - depth - 1]);
            share.record(turn.now, sample, &self.store.at(place).breaker, between);
            between += share.withdrawals();
            self.store.at_mut(*below).shares[level - depth - 1] = share;
        }
    }

    /// Passes on what a breaker has to tell, and what follows from it for its ancestors and its deadline.
    fn tell<R>(&mut self, turn: &mut Turn<'_, R>, place: u32, notice: Option<Notice>) {
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
        self.store.arm(place, slot.breaker.deadline().or(open_over));
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
                self.store.at_mut(ancestor).breaker.forget(turn.now, serial, &share);
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
        let wanted = slot.last_asked.is_some_and(|at| turn.now.since(at).as_secs() < DEMAND_SECONDS);
        let notice = match slot.breaker.half_open_due() {
            Some(due) if due <= turn.now && wanted => slot.breaker.half_open(turn.now),
            Some(_) => None,
            None => slot.breaker.expire(turn.now, turn.rng),
        };
        self.tell(turn, place, notice);
    }

    pub(super) fn transition<R: Rng>(
        &mut self,
        turn: &mut Turn<'_, R>,
        service: &str,
        ruling_on: RulingOn<'_>,
        act: impl FnOnce(&mut Breaker, &mut Turn<'_, R>) -> Option<Notice>,
    ) -> Result<Told, Unserved> {
        self.advance(turn);
        let Some(place) = self.resolve(turn.now, service, ruling_on)? else { return Ok(Told::Untracked) };
        let notice = act(&mut self.store.at_mut(place).breaker, turn);
        self.tell(turn, place, notice);
        self.store.touch(place);
        Ok(Told::Counted)
    }
}

fn opens(notice: Option<&Notice>) -> bool {
    matches!(notice, Some(Notice::Changed(change)) if change.to == StateKind::Open)
}

fn quietly(fate: Fate) -> Settled {
    Settled { fate, notice: None }
}
