//! What an agent shows of its peers, without what changes by itself (ages, counts of a window that rolls): two of these
//! compare equal if nothing was believed meanwhile.

use breaker_client::wire::{GossipHealth, Presence, State};

use crate::stage::Agent;

/// An agent's peers and what they say, at a moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    gossip: GossipHealth,
    incarnation: u64,
    /// Node, incarnation and presence of everybody but the agent.
    peers: Vec<(String, u64, Presence)>,
    /// Service, peer and the peer's state.
    digests: Vec<(String, String, State)>,
}

impl Picture {
    /// As the agent shows it now.
    ///
    /// # Panics
    /// If it does not answer.
    #[must_use]
    pub fn of(agent: &Agent) -> Self {
        let status = agent.status_with_peers();
        let peers = agent.members().into_iter().filter(|member| member.presence != Presence::Myself);
        let of_service = |service: breaker_client::wire::ServiceStatus| {
            let name = service.service;
            service.peers.into_iter().map(move |digest| (name.clone(), digest.node, digest.state))
        };
        let mut digests: Vec<_> = status.services.into_iter().flat_map(of_service).collect();
        digests.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
        Self {
            gossip: status.agent.gossip,
            incarnation: status.agent.incarnation,
            peers: peers.map(|peer| (peer.node, peer.incarnation, peer.presence)).collect(),
            digests,
        }
    }

    /// Whether there is anybody but the agent.
    #[must_use]
    pub fn has_peers(&self) -> bool {
        !self.peers.is_empty()
    }
}
