//! One call along the path of its service: grants from every level or none, outcomes to the deepest first.

use std::time::Duration;

use rand_core::Rng;

use super::changes::opens;
use super::{Answer, Ask, Granted, Registry, Rejected, Told, Turn};
use crate::core::breaker::{Fate, Grant, Granted as How, Refusal, Settled};
use crate::core::counts::{Judged, Sample};
use crate::core::outcome::Call;
use crate::core::permits::{Permit, Sort};
use crate::core::policy::SEGMENTS_BELOW_MAX;
use crate::core::reason::Reason;
use crate::core::service::SEGMENTS_MAX;
use crate::core::spans::SpanCall;
use crate::core::state::{State, StateKind};
use crate::core::store::{Path, Slot};
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

/// What became of a call.
#[derive(Clone, Copy, Debug)]
enum Outcome<'a> {
    /// Of one that was permitted.
    Permitted(&'a Permit, Ending<'a>),
    /// Of one that was made without asking.
    Unasked(&'a Call),
}

/// Whether a level below, or this one, has opened by an outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Below {
    /// None has.
    Closed,
    /// One has; the outcome counts nowhere above it.
    Opened,
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
        self.half_open_along(turn, path);
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

    /// As the cluster's place or the breaker says; but without room for one more permit only states that need none let a call through.
    pub(super) fn admission(&self, place: u32, now: MonoTime, room: Room) -> Result<(), Refusal> {
        let slot = self.store.at(place);
        if let Some(opening) = slot.opening() {
            return self.opening_admission(now, slot, opening, room);
        }
        let breaker = &slot.breaker;
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
            let in_opening = self.store.at(*place).opening().is_some();
            let breaker = &mut self.store.at_mut(*place).breaker;
            let (grant, notice) = match how[level] {
                How::WouldRefuse => (Grant::UNENFORCED, None),
                How::Allowed if in_opening => {
                    sort = Sort::Probe;
                    (self.grant_probe(turn, *place), None)
                }
                How::Allowed => {
                    let granted = breaker.grant(turn.now);
                    if breaker.state().kind() == StateKind::HalfOpen {
                        sort = Sort::Probe;
                    }
                    granted
                }
            };
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
        let told = self.settle_along(turn, permit.service, Outcome::Permitted(permit, ending));
        self.store.touch(permit.service);
        told
    }

    pub(super) fn settle_unasked<R: Rng>(&mut self, turn: &mut Turn<'_, R>, place: u32, call: &Call) -> Told {
        self.settle_along(turn, place, Outcome::Unasked(call))
    }

    /// Tells every level of a path, the deepest first. Above one that opens by this, the outcome counts nowhere.
    fn settle_along<R: Rng>(&mut self, turn: &mut Turn<'_, R>, leaf: u32, outcome: Outcome<'_>) -> Told {
        let path = self.store.path(leaf);
        let mut told = Told::Counted;
        let mut below = Below::Closed;
        for level in 0..path.places().len() {
            let (fate, opened) = self.settle_at(turn, path, level, outcome, below);
            below = opened;
            if fate == Fate::Dropped {
                self.store.at_mut(path.places()[level]).totals.dropped += 1;
                if level == 0 {
                    told = Told::Dropped;
                }
            }
        }
        told
    }

    /// Tells one level of a path. Whether it, or one below it, has opened by this.
    #[inline]
    fn settle_at<R: Rng>(
        &mut self,
        turn: &mut Turn<'_, R>,
        path: Path,
        level: usize,
        outcome: Outcome<'_>,
        below: Below,
    ) -> (Fate, Below) {
        let place = path.places()[level];
        if let Outcome::Permitted(permit, ending) = outcome
            && let Some(serial) = permit.grants[level].as_probe()
        {
            return self.settle_probe(turn, place, serial, ending, below);
        }
        let lineage = self.lineage(path, level);
        let Settled { fate, notice } = outcome.settle(turn, level, self.store.at_mut(place), lineage, below);
        if let Fate::InWindow(sample) = fate {
            self.note_in_window(turn, path, level, sample);
        }
        let mut opened = if opens(notice.as_ref()) { Below::Opened } else { below };
        let failed = match fate {
            Fate::InWindow(sample) | Fate::Probe(sample) => self.testify(turn, path, level, sample),
            Fate::Nowhere | Fate::Dropped => None,
        };
        // Without a notice only what holds for a while can have moved the deadline.
        if notice.is_some() || self.store.at(place).breaker.policy().conditions.sustained.is_some() {
            self.tell(turn, place, notice);
        }
        if failed == Some(SpanCall::Failed) && self.judge_failure(turn, place) == Below::Opened {
            opened = Below::Opened;
        }
        (fate, opened)
    }

    /// An own call failed: what is judged now, and what is told.
    #[cold]
    fn judge_failure<R: Rng>(&mut self, turn: &mut Turn<'_, R>, place: u32) -> Below {
        let before = self.store.at(place).effective_state();
        self.unwell.insert(place);
        self.consider(turn, place);
        self.alert_failure(turn, place);
        self.keep_promise(turn.now, place);
        self.examine_soon(turn.now);
        let opened = before != StateKind::Open && self.store.at(place).effective_state() == StateKind::Open;
        if opened { Below::Opened } else { Below::Closed }
    }

    /// Adds an outcome to the host's own testimony, and to what each child has put into it.
    #[inline]
    fn testify<R>(&mut self, turn: &Turn<'_, R>, path: Path, level: usize, sample: Sample) -> Option<SpanCall> {
        let call = self.store.at_mut(path.places()[level]).cluster.as_deref_mut()?.testify(turn.now, sample)?;
        if level > 0 {
            self.testify_below(turn.now, path, level, call);
        }
        Some(call)
    }

    fn testify_below(&mut self, now: MonoTime, path: Path, level: usize, call: SpanCall) {
        let mut between = 0;
        for (depth, below) in path.places()[..level].iter().enumerate().rev() {
            let share = &mut self.store.at_mut(*below).shares[level - depth - 1];
            share.testify(now, call, between);
            between += share.withdrawals();
        }
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
}

impl Outcome<'_> {
    /// Tells the own breaker of a service.
    #[inline]
    fn settle<R: Rng>(
        self,
        turn: &mut Turn<'_, R>,
        level: usize,
        slot: &mut Slot,
        lineage: Lineage,
        below: Below,
    ) -> Settled {
        let now = turn.now;
        match self {
            Outcome::Permitted(permit, ending) => {
                let breaker = &mut slot.breaker;
                let grant = permit.grants[level];
                match ending {
                    _ if below == Below::Opened => breaker.settle(now, grant, Judged::Nowhere, lineage, turn.rng),
                    Ending::LeaseOver => breaker.lease_over(now, grant, turn.rng),
                    Ending::Call(call) => {
                        let judged = Sample::judge(breaker.policy(), call);
                        breaker.settle(now, grant, judged, lineage, turn.rng)
                    }
                }
            }
            Outcome::Unasked(_) if below == Below::Opened => quietly(Fate::Nowhere),
            Outcome::Unasked(call) => match Sample::judge(slot.breaker.policy(), call) {
                // Its own breaker sleeps.
                Judged::Counts(_) if slot.opening().is_some() => quietly(Fate::Dropped),
                judged => slot.breaker.settle_unasked(now, judged, lineage, turn.rng),
            },
        }
    }
}

fn quietly(fate: Fate) -> Settled {
    Settled { fate, notice: None }
}
