//! One peer: the life it is in, when it was heard, and what it says of itself.

use crate::core::digest::{ANY_LIFE, HostView, HostWord, RATES_MAX};
use crate::core::service::ServiceName;
use crate::core::time::{Moment, MonoTime};

use super::Reach;

/// One peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    incarnation: u64,
    heard: Option<Moment>,
    presence: Presence,
    membership: Membership,
    word: HostWord,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Presence {
    Here,
    /// It said goodbye; only another life of it comes back.
    Left,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Membership {
    Listed,
    Unlisted,
}

impl Host {
    pub(super) fn of(incarnation: u64) -> Self {
        Self {
            incarnation,
            heard: None,
            presence: Presence::Here,
            membership: Membership::Unlisted,
            word: HostWord::default(),
        }
    }

    pub(super) fn is_of(&self, incarnation: u64) -> bool {
        self.incarnation == incarnation
    }

    pub(super) fn is_older_than(&self, incarnation: u64) -> bool {
        self.incarnation < incarnation
    }

    pub(super) fn heard_at(&mut self, moment: Moment) {
        self.heard = self.heard.max(Some(moment));
    }

    /// Replaces what it says of itself; what it said of rates before.
    pub(super) fn say(&mut self, mut word: HostWord) -> Vec<(ServiceName, u32)> {
        word.rates.truncate(RATES_MAX);
        std::mem::replace(&mut self.word, word).rates
    }

    pub(super) fn rates(&self) -> &[(ServiceName, u32)] {
        &self.word.rates
    }

    pub(super) fn unlist(&mut self) {
        self.membership = Membership::Unlisted;
    }

    pub(super) fn view(&mut self, now: MonoTime, view: &HostView) {
        self.membership = Membership::Listed;
        if self.is_of(view.incarnation) || view.incarnation == ANY_LIFE {
            self.heard_at(Moment::before(now, view.heard));
            if view.left {
                self.presence = Presence::Left;
            }
        }
    }

    pub(super) fn is_forgotten(&self, now: MonoTime, reach: Reach) -> bool {
        self.membership == Membership::Unlisted && self.heard.is_none_or(|heard| heard.age(now) > reach.known_for)
    }

    pub(super) fn last_heard(&self) -> Option<Moment> {
        self.heard
    }

    /// Whether something from it was processed lately.
    #[must_use]
    pub fn is_heard(&self, now: MonoTime, reach: Reach) -> bool {
        self.presence == Presence::Here && self.heard.is_some_and(|heard| heard.age(now) <= reach.heard_for)
    }

    /// Whether it is known, though perhaps not heard.
    #[must_use]
    pub fn is_known(&self, now: MonoTime, reach: Reach) -> bool {
        self.presence == Presence::Here && self.heard.is_some_and(|heard| heard.age(now) <= reach.known_for)
    }

    /// What it says of itself.
    #[must_use]
    pub fn word(&self) -> &HostWord {
        &self.word
    }
}
