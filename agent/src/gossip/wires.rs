//! The tasks of one life of gossip that read the transport and carry alerts, and what connects them to its loop.
//!
//! They live and die with the life: whoever holds this waits for their [`Wires::death`], and dropping it ends them.

use std::sync::Arc;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::AlertSource;
use super::alerts::{Alerts, ClusterTag, Neighbour, Speaker, View};
use super::counters::GossipCounters;
use super::courier::Courier;
use super::presence::Presence;
use super::socket::{ALERT_INBOX_MAX, INBOX_MAX, Pump};
use crate::clock::Clock;
use crate::core::digest::HostId;
use crate::mail::{Mail, MemberView, Published, Standing};
use crate::seal::{Received, SealedTransport};

/// What the wires of a life are made of.
pub(super) struct Fittings {
    pub(super) host: HostId,
    pub(super) incarnation: u64,
    pub(super) cluster: ClusterTag,
    pub(super) transport: Arc<SealedTransport>,
    pub(super) source: AlertSource,
    pub(super) clock: Clock,
    pub(super) published: watch::Receiver<Published>,
    pub(super) news: mpsc::Sender<Mail>,
    pub(super) presence: Arc<Presence>,
    pub(super) counters: Arc<GossipCounters>,
    pub(super) seed: [u8; 32],
}

/// Who reads the state plane.
pub(super) enum StatePlane {
    /// Whoever holds the other end.
    Read(mpsc::Sender<Received>),
    /// Nobody: there is none.
    Absent,
}

/// The tasks.
pub(super) struct Wires {
    tasks: JoinSet<()>,
    live: watch::Sender<Vec<Neighbour>>,
    outnumbered: watch::Receiver<Option<u64>>,
}

impl StatePlane {
    /// One that is read.
    pub(super) fn open() -> (Self, mpsc::Receiver<Received>) {
        let (filler, inbox) = mpsc::channel(INBOX_MAX);
        (Self::Read(filler), inbox)
    }
}

impl Wires {
    /// Starts reading and carrying.
    pub(super) fn lay(fittings: Fittings, state: StatePlane) -> Self {
        let Fittings {
            host,
            incarnation,
            cluster,
            transport,
            source,
            clock,
            mut published,
            news,
            presence,
            counters,
            seed,
        } = fittings;
        let (filler, inbox) = mpsc::channel(ALERT_INBOX_MAX);
        let (live, live_now) = watch::channel(Vec::new());
        let (outnumbered, outnumbered_by) = watch::channel(None);
        let view = View::new(host.clone(), StdRng::from_seed(seed).next_u64());
        let alerts = Alerts::new(Speaker { host, incarnation, cluster }, view, Arc::clone(&counters));
        published.mark_changed();
        let pump = Pump {
            transport: Arc::clone(&transport),
            state: match state {
                StatePlane::Read(filler) => Some(filler),
                StatePlane::Absent => None,
            },
            alert: filler,
            presence: Arc::clone(&presence),
            counters: Arc::clone(&counters),
        };
        let courier = Courier {
            alerts,
            transport,
            source,
            clock,
            inbox,
            published,
            live: live_now,
            outnumbered,
            news,
            presence,
            counters,
            seed,
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(pump.run());
        tasks.spawn(courier.run());
        Self { tasks, live, outnumbered: outnumbered_by }
    }

    /// Alerts go to the live ones among these.
    pub(super) fn members_are(&self, members: &[MemberView]) {
        let live: Vec<_> = members.iter().filter(|member| member.standing == Standing::Live).collect();
        self.live.send_if_modified(|known| {
            let is_same = known.len() == live.len() && known.iter().zip(&live).all(|(known, live)| known.is(live));
            if !is_same {
                *known = live.into_iter().map(Neighbour::of).collect();
            }
            !is_same
        });
    }

    /// The number of somebody else under our name that is above ours.
    pub(super) fn outnumbered_by(&self) -> Option<u64> {
        *self.outnumbered.borrow()
    }

    /// Waits for the end of any of them; why, in words.
    pub(super) async fn death(&mut self) -> String {
        match self.tasks.join_next().await {
            Some(Err(death)) => death.to_string(),
            Some(Ok(())) | None => "a task of gossip ended".to_owned(),
        }
    }
}
