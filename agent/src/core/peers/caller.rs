//! One peer as a caller of a service: what it saw, in which opening it is, and what it is fit for.
//!
//! Words outlive what they are about. Calls told by one that is still in an opening that was closed here, or that has not
//! been there and counts what failed before it was closed, say nothing of how the service is now: probes have shown
//! better since. Taken for evidence they would open a service again in the moment it is closed, and once more wherever a
//! place is late. One that has closed it too has forgotten all from before, as we have, and is believed at once.

use std::time::Duration;

use super::Past;
use crate::core::digest::{HostId, HostWord, Span, Spans, Stay, Testimony, span};
use crate::core::state::StateKind;

/// One peer as a caller of a service.
#[derive(Clone, Copy, Debug)]
pub struct Caller<'a> {
    /// Who.
    pub host: &'a HostId,
    /// What it says of itself.
    pub word: &'a HostWord,
    /// How often it calls, in calls per 1,000 s; 0 if it does not say.
    pub rate: u32,
    /// What it told last, and when that was made.
    pub told: Option<(&'a Testimony, Duration)>,
}

impl<'a> Caller<'a> {
    /// Its calls, as it told them, and how long ago. Calls from before we closed an opening say nothing of what is now: not
    /// those of one still in it, nor of one that has not been there, and still counts what failed before that.
    #[must_use]
    pub fn spans(self, past: Past) -> (Spans, Duration) {
        let Some((told, age)) = self.told else { return (Spans::default(), Duration::ZERO) };
        let mut spans = told.digest.spans;
        match &told.digest.stay {
            Some(stay) if stay.is_in() && stay.number <= past.left => return (Spans::default(), age),
            Some(stay) if stay.is_in() || stay.number >= past.left => {}
            Some(_) | None => {
                let mut since = Span::default();
                for (index, counted) in spans.iter_mut().enumerate() {
                    let reaches_back = span(index).saturating_add(age) > past.closed;
                    since = if reaches_back { since } else { *counted };
                    *counted = since;
                }
            }
        }
        (spans, age)
    }

    /// Its stay in an opening, if it is in one.
    #[must_use]
    pub fn stay(self) -> Option<&'a Stay> {
        self.told.and_then(|(told, _)| told.digest.stay.as_ref()).filter(|stay| stay.is_in())
    }

    /// Whether it says that it fails where others do not.
    #[must_use]
    pub fn is_sick(self) -> bool {
        self.word.sick || self.told.is_some_and(|(told, _)| told.digest.flags.sick)
    }

    /// Whether it says that it hears too little.
    #[must_use]
    pub fn is_deaf(self) -> bool {
        self.word.deaf || self.told.is_some_and(|(told, _)| told.digest.flags.deaf)
    }

    /// Whether its own breaker is open on the service's failures. What an opening that was left here rests on is over
    /// here, as is what opened a breaker before we closed one.
    #[must_use]
    pub fn is_standing(self, past: Past) -> bool {
        let Some((told, age)) = self.told.filter(|(told, _)| told.digest.flags.standing) else { return false };
        match self.stay() {
            Some(stay) => stay.number > past.left,
            None => told.digest.age.saturating_add(age) <= past.closed,
        }
    }

    /// Whether an operator there lets nothing or everything through.
    #[must_use]
    pub fn is_held(self) -> bool {
        self.told.is_some_and(|(told, _)| match told.digest.state {
            StateKind::ForcedOpen | StateKind::Disabled => true,
            StateKind::Closed | StateKind::Open | StateKind::HalfOpen | StateKind::MetricsOnly => false,
        })
    }
}

#[cfg(test)]
mod tests;
