//! Whether this agent was there: a host that was paused wakes up to a socket full of old news.
//!
//! Gossip's own turns come several times a second. One that is more than a second late says that nothing ran
//! meanwhile, or too little: what then waits in queues and in the socket is of unknown age and must not be believed.
//! Whichever task notices first tells the driver, before it hands on anything; until that is told, and for a moment
//! after, everything that comes is dropped.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::counters::{GossipCounters, count};
use crate::core::time::MonoTime;
use crate::mail::{GossipNews, Mail};

/// Shared by all tasks of gossip.
#[derive(Debug)]
pub(super) struct Presence {
    news: mpsc::Sender<Mail>,
    counters: Arc<GossipCounters>,
    seen: Mutex<Seen>,
}

/// Whether what comes now is to be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Belief {
    /// It is.
    Believed,
    /// This agent was away: it is of unknown age.
    Stale,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Seen {
    /// When the last turn was taken; `None` while none is expected.
    turned: Option<MonoTime>,
    /// Until when what comes was in the socket before.
    stale_until: MonoTime,
    /// How long we were away, where the driver does not know yet.
    untold: Option<Duration>,
}

impl Presence {
    pub(super) fn new(news: mpsc::Sender<Mail>, counters: Arc<GossipCounters>) -> Self {
        Self { news, counters, seen: Mutex::default() }
    }

    /// Gossip takes a turn now.
    pub(super) fn turn(&self, now: MonoTime) -> Belief {
        let belief = self.look(now);
        self.lock().turned = Some(now);
        belief
    }

    /// No turn is expected for a while.
    pub(super) fn rest(&self) {
        self.lock().turned = None;
    }

    /// Something came.
    pub(super) fn look(&self, now: MonoTime) -> Belief {
        let mut seen = self.lock();
        if let Some(late) = seen.notice(now) {
            count(&self.counters.away);
            tracing::warn!(?late, "this agent was away; what came meanwhile is dropped");
        }
        if let Some(late) = seen.untold {
            let told = self.news.try_send(Mail::Gossip(GossipNews::Away(late)));
            if !matches!(told, Err(TrySendError::Full(_))) {
                seen.untold = None;
            }
        }
        seen.belief(now)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    /// How late the next turn is, when it is too late.
    fn notice(&mut self, now: MonoTime) -> Option<Duration> {
        let late = now.since(self.turned?).saturating_sub(super::TURN_MAX);
        if late < AWAY_MIN {
            return None;
        }
        self.turned = Some(now);
        self.stale_until = now + STALE_AFTER;
        self.untold = self.untold.max(Some(late));
        Some(late)
    }

    fn belief(&self, now: MonoTime) -> Belief {
        if self.untold.is_some() || now < self.stale_until { Belief::Stale } else { Belief::Believed }
    }
}

/// How late a turn must be: far beyond what a busy host does to a thread, and well below the three seconds after which
/// peers no longer count us.
pub(super) const AWAY_MIN: Duration = Duration::from_secs(1);

/// How long after waking what comes may have been in the socket: reading a full buffer takes a few milliseconds.
pub(super) const STALE_AFTER: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> MonoTime {
        MonoTime::from_millis(millis)
    }

    fn presence(mails: usize) -> (Presence, mpsc::Receiver<Mail>) {
        let (news, mailbox) = mpsc::channel(mails);
        (Presence::new(news, Arc::default()), mailbox)
    }

    fn told(mailbox: &mut mpsc::Receiver<Mail>) -> Option<Duration> {
        match mailbox.try_recv() {
            Ok(Mail::Gossip(GossipNews::Away(late))) => Some(late),
            _ => None,
        }
    }

    #[test]
    fn a_turn_as_late_as_allowed_is_nothing_and_a_later_one_is_told_once() {
        let last = u64::try_from((super::super::TURN_MAX + AWAY_MIN).as_millis()).unwrap();
        let (presence, mut mailbox) = presence(9);
        assert_eq!(presence.turn(at(0)), Belief::Believed);
        assert_eq!(presence.turn(at(last - 1)), Belief::Believed);
        let late = last - 1 + last;
        assert_eq!(presence.look(at(late)), Belief::Stale);
        assert_eq!(told(&mut mailbox), Some(AWAY_MIN));
        assert_eq!(presence.turn(at(late)), Belief::Stale, "what was queued is of unknown age, whoever asks");
        assert_eq!(presence.look(at(late + 99)), Belief::Stale);
        assert_eq!(presence.look(at(late + 100)), Belief::Believed);
        assert_eq!(told(&mut mailbox), None);
    }

    #[test]
    fn nothing_is_believed_before_the_driver_knows() {
        let (presence, mut mailbox) = presence(1);
        presence.news.try_send(Mail::Gossip(GossipNews::Away(Duration::ZERO))).unwrap();
        presence.turn(at(0));
        assert_eq!(presence.look(at(9_000)), Belief::Stale);
        assert_eq!(presence.turn(at(9_500)), Belief::Stale);
        assert_eq!(told(&mut mailbox), Some(Duration::ZERO));
        assert_eq!(presence.look(at(9_600)), Belief::Believed);
        assert_eq!(told(&mut mailbox), Some(Duration::from_millis(8_750)));
    }

    #[test]
    fn where_no_turn_is_expected_none_is_late() {
        let (presence, _mailbox) = presence(1);
        assert_eq!(presence.look(at(99_000)), Belief::Believed);
        presence.turn(at(99_000));
        presence.rest();
        assert_eq!(presence.turn(at(199_000)), Belief::Believed);
    }
}
