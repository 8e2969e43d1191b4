//! Looking at the registry. Nothing here changes anything.

use super::{Registry, Rejected, RulingOn, Unserved, served};
use crate::core::breaker::{Breaker, Granted};
use crate::core::opening::Opening;
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
        self.slot.effective_state()
    }

    /// Since when.
    #[must_use]
    pub fn effective_since(self) -> MonoTime {
        self.slot.opening().map_or(self.slot.breaker.since(), Opening::since)
    }

    /// Why; `None` if it has always been closed.
    #[must_use]
    pub fn effective_reason(self) -> Option<&'a Reason> {
        match self.slot.opening() {
            Some(opening) => Some(opening.reason()),
            None => self.slot.breaker.reason(),
        }
    }

    /// When calls that are refused now may be tried again, where that is a matter of time.
    #[must_use]
    pub fn refuses_until(self) -> Option<MonoTime> {
        match self.slot.opening() {
            Some(opening) => opening.open_until(),
            None => self.slot.breaker.state().refuses_until(),
        }
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
