//! What is done to a breaker from outside: operators' actions, and transitions that recorded sequences ask for.
//!
//! An operator's word beats everything for as long as it lasts, and touches no opening: that goes on beneath it. Only who
//! closes by hand means the opening too, and its number is left by that.

use std::time::Duration;

use rand_core::Rng;

use super::{Registry, RulingOn, Told, Turn, Unserved};
use crate::core::breaker::Breaker;
use crate::core::reason::Reason;
use crate::core::state::{Action, Notice};

impl Registry {
    /// Carries out an operator's action. Returns whether there was room to track the service.
    ///
    /// # Errors
    /// [`Unserved`]; nothing has changed.
    pub fn operate<R: Rng>(
        &mut self,
        turn: &mut Turn<'_, R>,
        service: &str,
        action: Action,
        ruling_on: RulingOn<'_>,
    ) -> Result<Told, Unserved> {
        let ends = match &action {
            Action::ForceClose(word) | Action::Reset(word) => Some(Reason::Operator(word.clone())),
            Action::ForceOpen(_) | Action::Disable(_) | Action::MetricsOnly(_) => None,
        };
        self.transition(turn, service, ruling_on, ends, |breaker, turn| breaker.operate(turn.now, action))
    }

    /// Opens a service's breaker, for the given time or as long as the backoff says; counts for the backoff.
    ///
    /// # Errors
    /// [`Unserved`]; nothing has changed.
    pub fn open<R: Rng>(
        &mut self,
        turn: &mut Turn<'_, R>,
        service: &str,
        wait: Option<Duration>,
        ruling_on: RulingOn<'_>,
    ) -> Result<Told, Unserved> {
        self.transition(turn, service, ruling_on, None, |breaker, turn| breaker.open(turn.now, wait, turn.rng))
    }

    /// Puts a service's breaker into HalfOpen.
    ///
    /// # Errors
    /// [`Unserved`]; nothing has changed.
    pub fn half_open<R: Rng>(
        &mut self,
        turn: &mut Turn<'_, R>,
        service: &str,
        ruling_on: RulingOn<'_>,
    ) -> Result<Told, Unserved> {
        self.transition(turn, service, ruling_on, None, |breaker, turn| breaker.half_open(turn.now))
    }

    /// Changes a breaker from outside; a stay in an opening ends with it if there is a reason for that.
    fn transition<R: Rng>(
        &mut self,
        turn: &mut Turn<'_, R>,
        service: &str,
        ruling_on: RulingOn<'_>,
        ends: Option<Reason>,
        act: impl FnOnce(&mut Breaker, &mut Turn<'_, R>) -> Option<Notice>,
    ) -> Result<Told, Unserved> {
        self.advance(turn);
        let Some(place) = self.resolve(turn, service, ruling_on)? else { return Ok(Told::Untracked) };
        if let Some(reason) = ends {
            self.leave(turn, place, reason);
            self.store.at_mut(place).cluster.iter_mut().for_each(|part| part.forget());
        }
        let notice = act(&mut self.store.at_mut(place).breaker, turn);
        self.tell(turn, place, notice);
        self.store.touch(place);
        Ok(Told::Counted)
    }
}
