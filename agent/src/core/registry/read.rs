//! Looking at the registry. Nothing here changes anything, except that services found well are no longer watched for
//! digests.

use std::time::Duration;

use super::{Registry, Rejected, RulingOn, Unserved, served};
use crate::core::breaker::{Breaker, Granted};
use crate::core::digest::FailureDigest;
use crate::core::reason::Reason;
use crate::core::service::ServiceName;
use crate::core::state::StateKind;
use crate::core::store::{Slot, Totals};
use crate::core::time::MonoTime;

/// One service, to look at.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    slot: &'a Slot,
}

impl Registry {
    /// Would a call be let through, and how? No side effect; a service nobody has asked for would be.
    ///
    /// # Errors
    /// [`Unserved`].
    pub fn query(
        &self,
        now: MonoTime,
        service: &str,
        ruling_on: RulingOn<'_>,
    ) -> Result<Result<Granted, Rejected>, Unserved> {
        let Some(place) = self.nearest(service, ruling_on)? else { return Ok(Ok(Granted::Allowed)) };
        let mut how = Granted::Allowed;
        let room = self.room();
        for place in self.store.path(place).places().iter().rev() {
            let slot = self.store.at(*place);
            match self.admission(*place, now, room) {
                Ok(()) => {}
                Err(_) if !slot.breaker.would_enforce() => how = Granted::WouldRefuse,
                Err(refusal) => return Ok(Err(Rejected { service: slot.name.clone(), refusal })),
            }
        }
        Ok(Ok(how))
    }

    /// The service of this name, if it is tracked.
    #[must_use]
    pub fn view(&self, service: &str) -> Option<View<'_>> {
        self.store.find(service).map(|place| View { slot: self.store.at(place) })
    }

    /// Services whose name sorts after `after`, in order.
    pub fn views_after(&self, after: Option<&ServiceName>) -> impl Iterator<Item = View<'_>> + use<'_> {
        self.store.after(after).map(|place| View { slot: self.store.at(place) })
    }

    /// How many services are tracked.
    #[must_use]
    pub fn services(&self) -> usize {
        self.store.len()
    }

    /// How many permits are out.
    #[must_use]
    pub fn permits(&self) -> usize {
        self.permits.len()
    }

    /// How often a call was let through or an outcome dropped without being tracked.
    #[must_use]
    pub fn untracked(&self) -> u64 {
        self.untracked
    }

    /// What to tell peers: the services that are not plainly healthy, in order of name, `most` of them. Operators'
    /// states are this host's own affair and are not among them.
    pub fn digests(&mut self, now: MonoTime, most: usize) -> Vec<FailureDigest> {
        let (store, mut digests) = (&self.store, Vec::new());
        self.unwell.retain(|place| {
            let digest = store.get(*place).and_then(|slot| digest_of(slot, now));
            let ill = digest.is_some();
            digests.extend(digest);
            ill
        });
        digests.sort_by(|a: &FailureDigest, b| (trouble(a), &a.service).cmp(&(trouble(b), &b.service)));
        digests.truncate(most);
        digests
    }

    /// The place of a service or of its nearest tracked ancestor.
    pub(super) fn nearest(&self, service: &str, ruling_on: RulingOn<'_>) -> Result<Option<u32>, Unserved> {
        if let Some(place) = self.store.find(service) {
            return served(self.store.at(place).admission).map(|()| Some(place));
        }
        let name = ServiceName::parse(service).map_err(Unserved::Name)?;
        served(ruling_on(&name).admission)?;
        let above = std::iter::successors(name.parent(), ServiceName::parent);
        Ok(above.into_iter().find_map(|name| self.store.find(name.as_str())))
    }
}

impl<'a> View<'a> {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'a ServiceName {
        &self.slot.name
    }

    /// Its breaker.
    #[must_use]
    pub fn breaker(self) -> &'a Breaker {
        &self.slot.breaker
    }

    /// What is done with calls to it: an operator's word, else the cluster's place, else its own breaker's state.
    #[must_use]
    pub fn effective_state(self) -> StateKind {
        self.slot.breaker.state().kind()
    }

    /// Since when.
    #[must_use]
    pub fn effective_since(self) -> MonoTime {
        self.slot.breaker.since()
    }

    /// Why; `None` if it has always been closed.
    #[must_use]
    pub fn effective_reason(self) -> Option<&'a Reason> {
        self.slot.breaker.reason()
    }

    /// When calls that are refused now may be tried again, where that is a matter of time.
    #[must_use]
    pub fn refuses_until(self) -> Option<MonoTime> {
        self.slot.breaker.state().refuses_until()
    }

    /// What it has counted.
    #[must_use]
    pub fn totals(self) -> Totals {
        self.slot.totals
    }

    /// Permits out for calls to itself.
    #[must_use]
    pub fn in_flight(self) -> u64 {
        self.slot.in_flight
    }
}

/// Services that stopped calls come first where there is no room for all.
fn trouble(digest: &FailureDigest) -> u8 {
    match digest.state {
        StateKind::Open => 0,
        StateKind::HalfOpen => 1,
        StateKind::Closed | StateKind::ForcedOpen | StateKind::Disabled | StateKind::MetricsOnly => 2,
    }
}

fn digest_of(slot: &Slot, now: MonoTime) -> Option<FailureDigest> {
    let state = slot.breaker.state().kind();
    let tally = slot.breaker.tally(now);
    let counts = tally.counts();
    let failed = counts.failed - counts.host_faults;
    let age: Duration = now.since(slot.breaker.since());
    let digest = FailureDigest { age, total: counts.total, failed, ..FailureDigest::of(slot.name.clone(), state) };
    match state {
        StateKind::Closed if failed == 0 => None,
        StateKind::ForcedOpen | StateKind::Disabled | StateKind::MetricsOnly => None,
        StateKind::Closed | StateKind::Open | StateKind::HalfOpen => Some(digest),
    }
}
