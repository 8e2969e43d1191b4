//! One stay in an opening: from the entry to Closed, numbered and shared by hosts.
//!
//! Evidence can start an opening; only time, then probes, end it. So a stay knows three phases and moves through them in
//! one direction: Open until its time is over, HalfOpen until enough probes of the whole cluster have succeeded, Closed
//! for a while, when it is no more than something to tell: others may still need its probes. A failed probe leaves it in
//! HalfOpen and holds all hosts back; it starts no new number. Between HalfOpen and Closed there is room for a ramp.
//!
//! How long Open lasts is drawn from a hash that is alike on all hosts, and a host that comes later takes into account how
//! long the others have been there: all half-open together.
//!
//! **Invariant:** a stay never changes its number; a host that moves to another begins another stay.

pub mod probes;

use std::time::Duration;

use super::digest::{Phase, Stay};
use super::evidence::Judgement;
use super::lots::Lots;
use super::reason::Reason;
use super::state::{Entry, StateKind};
use super::time::MonoTime;
use probes::Book;

/// A host's stay in an opening.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// What it began with.
    pub entering: Entering,
    /// The lots of this opening.
    pub lots: Lots,
    /// What is known of its probes.
    pub probes: Book,
    course: Course,
    since: MonoTime,
    reason: Reason,
}

/// What brings a host into an opening.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entering {
    /// The opening.
    pub number: u64,
    /// How it came to that.
    pub how: Entry,
    /// How many of the callers are in it.
    pub hosts: u32,
    /// What was judged.
    pub judged: Judgement,
    /// Whose calls it rests on.
    pub rests_on: RestsOn,
    /// How far those who are in it have come.
    pub ahead: Ahead,
}

/// Whose calls an entry rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestsOn {
    /// Some of the host's own failed too.
    OwnCalls,
    /// Only those of others.
    Hearsay,
}

/// How far others have come in an opening.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ahead {
    /// They have been Open for so long.
    Open(Duration),
    /// For them Open is over.
    OpenIsOver,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Course {
    Open { until: MonoTime },
    HalfOpen,
    Closed,
}

impl Opening {
    /// A stay that begins now, where Open lasts for `recovery_timeout` before jitter.
    #[must_use]
    pub fn enter(now: MonoTime, entering: Entering, lots: Lots, recovery_timeout: Duration) -> Self {
        let whole = lots.open_for(recovery_timeout);
        let been = match entering.ahead {
            Ahead::Open(been) => been.min(whole),
            Ahead::OpenIsOver => whole,
        };
        Self {
            reason: entering.reason(),
            entering,
            lots,
            probes: Book::default(),
            course: Course::Open { until: now + (whole - been) },
            since: MonoTime::from_nanos(now.as_nanos().saturating_sub(nanos(been))),
        }
    }

    /// Its number.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.entering.number
    }

    /// Whether calls are refused or probed: it has not been closed.
    #[must_use]
    pub fn is_in(&self) -> bool {
        self.course != Course::Closed
    }

    /// What is done with calls.
    #[must_use]
    pub fn state(&self) -> StateKind {
        match self.course {
            Course::Open { .. } => StateKind::Open,
            Course::HalfOpen => StateKind::HalfOpen,
            Course::Closed => StateKind::Closed,
        }
    }

    /// Since when it has been in its phase.
    #[must_use]
    pub fn since(&self) -> MonoTime {
        self.since
    }

    /// Why it is in its phase.
    #[must_use]
    pub fn reason(&self) -> &Reason {
        &self.reason
    }

    /// When Open is over, if it is Open.
    #[must_use]
    pub fn open_until(&self) -> Option<MonoTime> {
        match self.course {
            Course::Open { until } => Some(until),
            Course::HalfOpen | Course::Closed => None,
        }
    }

    /// When it need no longer be told, if it is closed.
    #[must_use]
    pub fn told_until(&self) -> Option<MonoTime> {
        (self.course == Course::Closed).then(|| self.since + TOLD_FOR)
    }

    /// What to tell of it.
    #[must_use]
    pub fn told(&self, now: MonoTime) -> Stay {
        let phase = match self.course {
            Course::Open { .. } => Phase::Open,
            Course::HalfOpen => Phase::HalfOpen,
            Course::Closed => Phase::Closed,
        };
        Stay { number: self.number(), phase, age: now.since(self.since), probes: self.probes.told() }
    }

    /// Lets claimed probes go, if Open is over. Whether it did.
    pub fn half_open(&mut self, now: MonoTime) -> bool {
        let over = matches!(self.course, Course::Open { until } if now >= until);
        if over {
            self.turn_to(now, Course::HalfOpen, Reason::RecoveryTimeoutOver);
        }
        over
    }

    /// Ends it.
    pub fn close(&mut self, now: MonoTime, reason: Reason) {
        self.turn_to(now, Course::Closed, reason);
    }

    /// From when on the next probe may go, if it is HalfOpen.
    #[must_use]
    pub fn probe_due(&self) -> Option<MonoTime> {
        (self.course == Course::HalfOpen).then(|| self.probes.due(self.since, self.lots))
    }

    fn turn_to(&mut self, now: MonoTime, course: Course, reason: Reason) {
        self.course = course;
        self.since = now;
        self.reason = reason;
    }
}

impl Entering {
    /// Why the service is refused from now on.
    #[must_use]
    pub fn reason(&self) -> Reason {
        let Judgement { failed, calls, failing_hosts, callers, span, .. } = self.judged;
        match self.how {
            Entry::Started | Entry::Joined => {
                Reason::ClusterOpened { number: self.number, failed, calls, failing_hosts, callers, span }
            }
            Entry::Adopted => Reason::ClusterAdopted { number: self.number, hosts: self.hosts, callers },
        }
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// How long a closed stay is told: twenty turns of gossip, so that nobody has to probe for himself what is known.
const TOLD_FOR: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests;
