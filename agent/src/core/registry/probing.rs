//! The way through an opening: Open until its time is over, then claimed probes, then Closed.
//!
//! Probes are a budget of the whole cluster. The next one goes to a real call on the host that stands first in line by a
//! lot, among those in the same opening whose callers want it; should that one not take it, twice as many hosts may every
//! quarter of a second. A sick host probes nothing, nor does one that was away and hears anew. One that is cut off probes
//! for itself, and closes by what its own probes show; what others' show it takes in when it hears them.

use rand_core::Rng;

use super::judging::{Change, fails};
use super::path::{Below, Ending, Room};
use super::{DEMAND_SECONDS, OpenEnds, Registry, Turn};
use crate::core::breaker::{Fate, Grant, Refusal};
use crate::core::counts::{Judged, Sample};
use crate::core::digest::{Flags, Testimony};
use crate::core::ear::Hears;
use crate::core::opening::Opening;
use crate::core::opening::probes::wait_of;
use crate::core::peers::{Caller, Past};
use crate::core::policy::Verdict;
use crate::core::reason::Reason;
use crate::core::state::{ClusterNotice, Notice, StateKind};
use crate::core::store::{Path, Slot};
use crate::core::time::MonoTime;

impl Registry {
    /// Where Open is over along a path that is asked for, claimed probes may go.
    #[inline]
    pub(super) fn half_open_along<R: Rng>(&mut self, turn: &mut Turn<'_, R>, path: Path) {
        if self.cluster.as_ref().is_some_and(|cluster| !cluster.stays.is_empty()) {
            for place in path.places() {
                self.half_open_if_over(turn, *place);
            }
        }
    }

    /// Does what time alone does to a stay.
    pub(super) fn expire_opening<R: Rng>(&mut self, turn: &mut Turn<'_, R>, place: u32) {
        let slot = self.store.at_mut(place);
        let wanted = slot.is_wanted(turn.now);
        let Some(part) = slot.cluster.as_deref_mut() else { return };
        if part.opening.as_ref().and_then(|opening| opening.told_until()).is_some_and(|until| until <= turn.now) {
            part.opening = None;
            self.store.touch(place);
        } else if wanted {
            self.half_open_if_over(turn, place);
        } else {
            self.decide_by_probes(turn, place);
        }
    }

    /// When time alone does something to a stay.
    pub(super) fn opening_deadline(&self, now: MonoTime, slot: &Slot) -> Option<MonoTime> {
        let opening = slot.cluster.as_ref()?.opening.as_ref()?;
        let open_over = match self.settings.open_ends {
            OpenEnds::OnAcquire => None,
            OpenEnds::InTime => opening.open_until().filter(|until| *until > now),
        };
        opening.told_until().or(open_over)
    }

    /// Whether the opening a service is in lets a call through. Changes nothing.
    #[cold]
    pub(super) fn opening_admission(
        &self,
        now: MonoTime,
        slot: &Slot,
        opening: &Opening,
        room: Room,
    ) -> Result<(), Refusal> {
        let refused = |reason, until: Option<MonoTime>| {
            Err(Refusal { state: opening.state(), reason, retry_after: until.map(|until| until.since(now)) })
        };
        match opening.open_until() {
            Some(until) if now < until => return refused(opening.reason().clone(), Some(until)),
            Some(_) | None => {}
        }
        match self.probe_turn(now, slot, opening) {
            Err(at) => refused(Reason::NotOurProbe { number: opening.number() }, at),
            Ok(()) if room == Room::None => refused(Reason::PermitsOut, None),
            Ok(()) => Ok(()),
        }
    }

    /// Claims the next probe for a call that is let through.
    #[cold]
    pub(super) fn grant_probe<R: Rng>(&mut self, turn: &mut Turn<'_, R>, place: u32) -> Grant {
        let Some(cluster) = self.cluster.as_deref_mut() else { return Grant::UNENFORCED };
        let slot = self.store.at_mut(place);
        let Some(opening) = slot.cluster.as_deref_mut().and_then(|part| part.opening.as_mut()) else {
            return Grant::UNENFORCED;
        };
        cluster.probes += 1;
        let serial = cluster.probes;
        let probe = opening.probes.claim(turn.now, serial);
        let notice = ClusterNotice::Probe { number: opening.number(), probe };
        turn.notices.push((slot.name.clone(), Notice::Cluster(notice)));
        self.alert_place(turn, place, Vec::new());
        Grant::probe(serial)
    }

    /// A probe has come to an end.
    #[cold]
    pub(super) fn settle_probe<R: Rng>(
        &mut self,
        turn: &mut Turn<'_, R>,
        place: u32,
        serial: u64,
        ending: Ending<'_>,
        below: Below,
    ) -> (Fate, Below) {
        let slot = self.store.at_mut(place);
        let judged = match ending {
            _ if below == Below::Opened => Judged::Nowhere,
            Ending::LeaseOver => Judged::Counts(Sample::lease_over()),
            Ending::Call(call) => Sample::judge(slot.breaker.policy(), call),
        };
        let opening = slot.cluster.as_deref_mut().and_then(|part| part.opening.as_mut());
        let returned = opening.and_then(|opening| Some((opening.probes.returned(serial)?, opening)));
        let (Some((probe, opening)), Judged::Counts(sample)) = (returned, judged) else {
            return (if judged == Judged::Nowhere { Fate::Nowhere } else { Fate::Dropped }, below);
        };
        if sample.is_host_fault() {
            return (Fate::Nowhere, below);
        }
        let good = !sample.is_failure();
        if good {
            opening.probes.succeeded(probe);
        } else {
            opening.probes.failed(turn.now, probe);
        }
        let notice = ClusterNotice::Probed { number: opening.number(), probe, good };
        turn.notices.push((slot.name.clone(), Notice::Cluster(notice)));
        self.decide_by_probes(turn, place);
        self.alert_place(turn, place, Vec::new());
        (Fate::Probe(sample), if good { below } else { Below::Opened })
    }

    /// Takes in what a peer knows of the opening a service is in here.
    pub(super) fn learn<R: Rng>(&mut self, turn: &mut Turn<'_, R>, place: u32, testimony: &Testimony) {
        let Some(stay) = &testimony.digest.stay else { return };
        let part = self.store.at_mut(place).cluster.as_deref_mut();
        let opening = part.and_then(|part| part.opening.as_mut());
        // Closed here it may be open elsewhere, where our successes count once we know of the same failures.
        if let Some(opening) = opening.filter(|opening| opening.number() == stay.number) {
            opening.probes.learn(turn.now, &stay.probes);
            self.decide_by_probes(turn, place);
        }
    }

    /// Takes note of the probes that were heard of while this host was deaf.
    pub(super) fn catch_up_on_probes<R: Rng>(&mut self, turn: &mut Turn<'_, R>) {
        let stays = self.cluster.as_deref().map(|cluster| cluster.stays.clone()).unwrap_or_default();
        for place in stays {
            self.decide_by_probes(turn, place);
        }
    }

    /// Closes where enough probes have succeeded, whoever sent them, once Open is over here too.
    fn decide_by_probes<R: Rng>(&mut self, turn: &mut Turn<'_, R>, place: u32) {
        let Some(cluster) = self.cluster.as_deref() else { return };
        let slot = self.store.at_mut(place);
        let (Verdict::Permits(needed) | Verdict::Successes(needed)) = slot.breaker.policy().half_open.verdict;
        let part = slot.cluster.as_deref_mut();
        let Some(opening) = part.and_then(|part| part.opening.as_mut()).filter(|opening| opening.is_in()) else {
            return;
        };
        let told = cluster.peers.of(&slot.name).into_iter().flat_map(|known| known.testimonies());
        let stays = told.filter_map(|told| told.testimony.digest.stay.as_ref());
        let number = opening.number();
        let pooled = opening.probes.pool(stays.filter(|stay| stay.number == number).map(|stay| &stay.probes));
        let good = match cluster.hears(turn.now) {
            Hears::Enough => pooled,
            Hears::Alone => opening.probes.own_good(),
            Hears::Anew => return,
        };
        if good < needed {
            return;
        }
        match opening.open_until() {
            Some(until) if turn.now < until => {}
            Some(_) => self.half_open_if_over(turn, place),
            None => self.leave(turn, place, Reason::ProbesSucceeded { probes: good }),
        }
    }

    #[cold]
    fn half_open_if_over<R: Rng>(&mut self, turn: &mut Turn<'_, R>, place: u32) {
        let slot = self.store.at_mut(place);
        let from = slot.effective_state();
        let held = slot.breaker.state().hold().is_some();
        let opening = slot.cluster.as_deref_mut().and_then(|part| part.opening.as_mut());
        let Some(opening) = opening.filter(|opening| opening.is_in()) else { return };
        if !opening.half_open(turn.now) {
            return;
        }
        let notice = ClusterNotice::HalfOpen { number: opening.number() };
        turn.notices.push((slot.name.clone(), Notice::Cluster(notice)));
        let to = if held { from } else { StateKind::HalfOpen };
        let reason = Reason::RecoveryTimeoutOver;
        self.tell_change(turn, place, Change { from, to, reason, retry_after: None });
        // Others may have probed enough while it was Open here.
        self.decide_by_probes(turn, place);
    }

    /// Whether it is this host's turn to probe; if not, when it will be, where that can be told.
    fn probe_turn(&self, now: MonoTime, slot: &Slot, opening: &Opening) -> Result<(), Option<MonoTime>> {
        let Some(cluster) = self.cluster.as_deref() else { return Ok(()) };
        if cluster.hears(now) == Hears::Anew || cluster.is_sick() {
            return Err(None);
        }
        // Where Open is over and nobody has asked since, HalfOpen would begin with this call.
        let due = opening.probe_due().unwrap_or(now);
        if now < due {
            return Err(Some(due));
        }
        let (lots, probe) = (opening.lots, opening.probes.next());
        let mine = (lots.turn(probe, &cluster.settings.me), &cluster.settings.me);
        let callers = cluster.peers.callers(now, &slot.name);
        let first = callers.filter(|caller| {
            let before = || (lots.turn(probe, caller.host), caller.host) < mine;
            !caller.is_sick() && !caller.is_deaf() && self.may_probe(*caller, opening) && before()
        });
        let at = due + wait_of(first.count());
        if now < at { Err(Some(at)) } else { Ok(()) }
    }

    /// Whether a peer probes this opening too, as far as is known: all who are in it half-open together, however late they
    /// are heard; and whose callers want what fails for them is about to be in it, though its place has not come round.
    fn may_probe(&self, caller: Caller<'_>, opening: &Opening) -> bool {
        let Some((told, _)) = caller.told.filter(|_| !caller.is_held()) else { return false };
        let Flags { wanted, advisory, .. } = told.digest.flags;
        let number = opening.number();
        let is_there = match &told.digest.stay {
            Some(stay) if stay.is_in() => stay.number == number,
            Some(stay) if stay.number >= number => false,
            Some(_) | None => fails(caller, Past::NONE),
        };
        wanted && !advisory && is_there
    }
}

impl Slot {
    /// Whether somebody has asked for it lately.
    pub(super) fn is_wanted(&self, now: MonoTime) -> bool {
        self.last_asked.is_some_and(|at| now.since(at).as_secs() < DEMAND_SECONDS)
    }
}
