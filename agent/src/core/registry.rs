//! All breakers of one agent: asks and tells along the paths of services, and keeps their permits and deadlines.
//!
//! A call to `payments/10.0.0.5:8080` needs a grant from the breakers of that instance and of `payments`: every level
//! is asked first, without effect, and only if all would grant, all do. Outcomes are told to the deepest first; when it
//! trips, its outcomes leave the windows above, this one included, so that one dead instance does not open the service.
//!
//! Nothing is hidden in time: [`Registry::advance`] does what is due, each thing at its own moment and in order, and
//! [`Registry::deadline`] says when it wants to be called next. Too early or twice is harmless.

mod changes;
mod cluster;
mod health;
mod judging;
mod operating;
mod path;
mod probing;
mod read;
mod settings;
mod telling;

use std::time::Duration;

use rand_core::Rng;

use super::breaker::Refusal;
use super::digest::Alert;
use super::outcome::Call;
use super::permits::{Holder, PermitId, Permits};
use super::policy::{Admission, Ruling};
use super::service::{NameError, ServiceName};
use super::state::{HostNotice, Notice};
use super::store::Store;
use super::time::MonoTime;

use cluster::Cluster;
pub use cluster::{ClusterPlace, ClusterView, Hearing, HostState};
pub use read::View;
pub use settings::{Authority, ClusterSettings, OpenEnds, Settings};

/// All breakers of one agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registry {
    store: Store,
    permits: Permits,
    settings: Settings,
    /// Places of services that may have something to tell peers.
    unwell: std::collections::BTreeSet<u32>,
    untracked: u64,
    /// What is judged together with others; `None` alone.
    cluster: Option<Box<Cluster>>,
}

/// What every operation needs from outside.
#[derive(Debug)]
pub struct Turn<'a, R> {
    /// The time.
    pub now: MonoTime,
    /// Chance.
    pub rng: &'a mut R,
    /// What happened, in order.
    pub notices: &'a mut Vec<(ServiceName, Notice)>,
    /// What follows for others.
    pub effects: &'a mut Effects,
}

/// What follows for others from what happened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// News for peers, in order.
    pub alerts: Vec<Alert>,
    /// What happened to the host itself, in order.
    pub host: Vec<HostNotice>,
}

/// What the configuration says of a service. Asked once for each service, when it is first tracked.
pub type RulingOn<'a> = &'a dyn Fn(&ServiceName) -> Ruling;

/// The answer to an acquire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The call may go ahead.
    Granted(Granted),
    /// It may not.
    Rejected(Rejected),
    /// It may go ahead, and the agent does not know of it: it is at a limit.
    Untracked,
}

/// A call that may go ahead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted {
    /// The permit to report with.
    pub permit: PermitId,
    /// How it was let through.
    pub how: super::breaker::Granted,
    /// How long the permit is good for.
    pub lease: Duration,
    /// How long the policy lets the call take.
    pub timeout: Option<Duration>,
}

/// A call that may not go ahead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// The service that refuses: the one asked for or an ancestor.
    pub service: ServiceName,
    /// Why.
    pub refusal: Refusal,
}

/// Why a service cannot be asked for at all. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unserved {
    /// The name is none.
    Name(NameError),
    /// The configuration admits only named services, and this is none.
    Unknown,
}

/// What became of an outcome at the service it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// It was taken in.
    Counted,
    /// It was dropped: late, or without a permit in a state that takes none.
    Dropped,
    /// The agent is at a limit and does not know the service.
    Untracked,
}

/// The permit is not out: never given, used, or its lease has run out. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownPermit;

/// Asking for a call.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// The path of the service.
    pub service: &'a str,
    /// Whom the permit will belong to.
    pub holder: Holder,
    /// How long the call may take, where the client says so.
    pub timeout: Option<Duration>,
}

impl Registry {
    /// An agent that knows no service yet.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            store: Store::new(settings.services_max, settings.index_seed),
            permits: Permits::default(),
            cluster: settings.cluster.clone().map(|settings| Box::new(Cluster::new(settings))),
            settings,
            unwell: std::collections::BTreeSet::new(),
            untracked: 0,
        }
    }

    /// May this call go ahead?
    ///
    /// # Errors
    /// [`Unserved`]; nothing has changed.
    pub fn acquire<R: Rng>(
        &mut self,
        turn: &mut Turn<'_, R>,
        ask: Ask<'_>,
        ruling_on: RulingOn<'_>,
    ) -> Result<Answer, Unserved> {
        self.advance(turn);
        self.reclaim(turn.now, HAND_STEPS);
        let (place, room) = match self.resolve(turn, ask.service, ruling_on)? {
            Some(place) => (Some(place), self.room()),
            // Not tracked itself, it is still refused where an ancestor is.
            None => (self.nearest(ask.service, ruling_on)?, path::Room::None),
        };
        let Some(place) = place else {
            self.untracked += 1;
            return Ok(Answer::Untracked);
        };
        let answer = self.acquire_at(turn, place, ask, room);
        self.store.touch(place);
        Ok(answer)
    }

    /// How a permitted call went. Uses the permit up.
    ///
    /// # Errors
    /// [`UnknownPermit`]; nothing has changed.
    pub fn report<R: Rng>(
        &mut self,
        turn: &mut Turn<'_, R>,
        permit: PermitId,
        call: &Call,
    ) -> Result<Told, UnknownPermit> {
        self.advance(turn);
        let permit = self.permits.take_good(permit, turn.now).ok_or(UnknownPermit)?;
        Ok(self.settle_permit(turn, &permit, path::Ending::Call(call)))
    }

    /// How a call went that was made without asking.
    ///
    /// # Errors
    /// [`Unserved`]; nothing has changed.
    pub fn report_unasked<R: Rng>(
        &mut self,
        turn: &mut Turn<'_, R>,
        service: &str,
        call: &Call,
        ruling_on: RulingOn<'_>,
    ) -> Result<Told, Unserved> {
        self.advance(turn);
        let Some(place) = self.resolve(turn, service, ruling_on)? else {
            self.untracked += 1;
            return Ok(Told::Untracked);
        };
        let told = self.settle_unasked(turn, place, call);
        self.store.touch(place);
        Ok(told)
    }

    /// Everything a holder has is cancelled: its connection is gone.
    pub fn lose<R: Rng>(&mut self, turn: &mut Turn<'_, R>, holder: Holder) {
        self.advance(turn);
        let cancelled = Call::of(super::outcome::Outcome::Cancelled);
        while let Some(permit) = self.permits.take_of(holder) {
            self.settle_permit(turn, &permit, path::Ending::Call(&cancelled));
        }
    }

    /// To whom a permit belongs, if it is out.
    #[must_use]
    pub fn holder(&self, permit: PermitId) -> Option<Holder> {
        self.permits.peek(permit).map(|permit| permit.holder)
    }

    /// When something happens by itself next.
    #[must_use]
    pub fn deadline(&self) -> Option<MonoTime> {
        let cluster = self.cluster.as_ref().and_then(|cluster| cluster.deadline());
        let alone = match (self.store.deadline(), self.permits.deadline()) {
            (Some((breaker, _)), Some(lease)) => Some(breaker.min(lease)),
            (Some((breaker, _)), None) => Some(breaker),
            (None, lease) => lease,
        };
        match (alone, cluster) {
            (Some(alone), Some(cluster)) => Some(alone.min(cluster)),
            (alone, cluster) => alone.or(cluster),
        }
    }

    /// Does all that is due, each at its own moment, in order.
    #[inline]
    pub fn advance<R: Rng>(&mut self, turn: &mut Turn<'_, R>) {
        let due = |at: Option<MonoTime>| at.is_some_and(|at| at <= turn.now);
        let for_others = self.cluster.as_ref().is_some_and(|cluster| due(cluster.deadline()));
        if for_others || due(self.store.deadline().map(|(at, _)| at)) || due(self.permits.deadline()) {
            self.catch_up(turn);
        }
    }

    #[cold]
    fn catch_up<R: Rng>(&mut self, turn: &mut Turn<'_, R>) {
        while let Some(at) = self.deadline().filter(|at| *at <= turn.now) {
            let mut then =
                Turn { now: at, rng: &mut *turn.rng, notices: &mut *turn.notices, effects: &mut *turn.effects };
            // Leases first: a probe that is overdue is a failed probe, not one that HalfOpen waited for in vain.
            match self.permits.take_overdue_probe(at) {
                Some(permit) => {
                    self.settle_permit(&mut then, &permit, path::Ending::LeaseOver);
                }
                None if self.store.deadline().is_some_and(|(breaker, _)| breaker <= at) => self.expire_first(&mut then),
                None => self.look_around(&mut then),
            }
        }
    }

    /// Looks at so many places where permits are kept, the next ones in turn, and takes back those whose lease has run
    /// out without a verdict. Changes nothing but what is in flight.
    pub fn reclaim(&mut self, now: MonoTime, places: usize) {
        for _ in 0..places {
            if let Some(permit) = self.permits.take_stale(now) {
                self.store.at_mut(permit.service).in_flight -= 1;
                self.store.touch(permit.service);
            }
        }
    }

    fn room(&self) -> path::Room {
        if self.permits.has_room(self.settings.permits_max) { path::Room::ForOne } else { path::Room::None }
    }

    /// The place of a service, which is created if need be; `None` if there is no room.
    #[inline]
    fn resolve<R: Rng>(
        &mut self,
        turn: &mut Turn<'_, R>,
        service: &str,
        ruling_on: RulingOn<'_>,
    ) -> Result<Option<u32>, Unserved> {
        match self.store.find(service) {
            Some(place) => served(self.store.at(place).admission).map(|()| Some(place)),
            None => self.create(turn, service, ruling_on),
        }
    }

    #[cold]
    fn create<R: Rng>(
        &mut self,
        turn: &mut Turn<'_, R>,
        service: &str,
        ruling_on: RulingOn<'_>,
    ) -> Result<Option<u32>, Unserved> {
        let name = ServiceName::parse(service).map_err(Unserved::Name)?;
        served(ruling_on(&name).admission)?;
        let place = self.store.create(turn.now, &name, ruling_on);
        if let Some(place) = place {
            self.join_in(turn, place);
        }
        Ok(place)
    }
}

fn served(admission: Admission) -> Result<(), Unserved> {
    match admission {
        Admission::Admitted => Ok(()),
        Admission::OnlyAbove => Err(Unserved::Unknown),
    }
}

/// For how many seconds a call counts as demand: a service asked for so lately is probed when its Open is over, and
/// one nobody asks for waits.
pub const DEMAND_SECONDS: u64 = 10;

/// Most services one agent tracks: 10,000 of about 1.5 KB each stay within the memory a guest may take.
pub const SERVICES_MAX: usize = 10_000;

/// Most permits out in one agent: about 12 MB. A thousand clients with a hundred calls in flight each stay below.
pub const PERMITS_MAX: usize = 131_072;

/// Two steps for each grant: the hand comes round before the table can have doubled.
const HAND_STEPS: usize = 2;
