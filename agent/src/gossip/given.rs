//! Gossip with a membership given at start: no chitchat, only the alert plane.
//!
//! For clusters larger than a pool of the state plane, and for measuring the alert plane by itself. Everybody given
//! counts as live for ever: there is nobody to say otherwise.

use std::time::Duration;

use breaker_client::wire::GossipHealth;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::counters::count;
use super::peers::PEERS_MAX;
use super::presence::Belief;
use super::wires::{StatePlane, Wires};
use super::{End, GivenPeer, Gossip, TURN_MAX};
use crate::core::digest::ANY_LIFE;
use crate::mail::{MemberView, Standing};

impl Gossip {
    /// One life without chitchat.
    pub(super) async fn given(&mut self, peers: &[GivenPeer], shutdown: &CancellationToken) -> End {
        let members: Vec<_> = peers.iter().take(PEERS_MAX).map(member).collect();
        peers.iter().skip(PEERS_MAX).for_each(|_| count(&self.setup.counters.beyond_limits));
        let mut wires = Wires::lay(self.fittings(), StatePlane::Absent);
        wires.members_are(&members);
        self.told.health_is(GossipHealth::Running, self.incarnation);
        let mut turns = tokio::time::interval(TURN_MAX);
        turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return End::Shutdown,
                why = wires.death() => return End::Died { why },
                _ = turns.tick() => {}
            }
            let now = self.transport.now();
            if self.presence.turn(now) == Belief::Stale {
                continue;
            }
            if self.told.tell(members.clone(), &mut self.peers, now).is_err() {
                return End::Shutdown;
            }
            if let Some(end) = wires.outnumbered_by().and_then(|by| self.outnumber(by, now)) {
                return end;
            }
        }
    }
}

fn member(peer: &GivenPeer) -> MemberView {
    let GivenPeer { node, zone, address } = peer.clone();
    MemberView {
        node,
        zone,
        address,
        incarnation: ANY_LIFE,
        standing: Standing::Live,
        heard: Duration::ZERO,
        digests: 0,
    }
}
