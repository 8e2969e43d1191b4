//! Pages of status: the agent itself, and services in order of name, as many as fit in a frame.

use breaker_client::wire::{
    AgentStatus, FRAME_MAX, Failure, FailureCode, Reason, Response, ServiceStatus, State, StatusPage, WindowStatus,
    WithPeers, to_bytes,
};

use super::{Driver, answers, evidence};
use crate::core::registry::Unserved;
use crate::core::service::ServiceName;
use crate::core::time::MonoTime;

impl Driver {
    pub(super) fn status(
        &mut self,
        now: MonoTime,
        service: Option<&str>,
        after: Option<&str>,
        limit: u32,
        peers: WithPeers,
    ) -> Result<Response, Failure> {
        if limit == 0 || limit > PAGE_MAX {
            let text = format!("limit is {limit}, expected 1 to {PAGE_MAX}");
            return Err(answers::failure(FailureCode::InvalidArgument, text));
        }
        let name = |text: &str| ServiceName::parse(text).map_err(|error| answers::failed(Unserved::Name(error)));
        let services = match service {
            Some(service) => {
                let service = name(service)?;
                if !self.config.admits(&service) {
                    return Err(answers::failed(Unserved::Unknown));
                }
                vec![self.service(now, &service, peers)]
            }
            None => {
                let after = after.map(name).transpose()?;
                return Ok(Response::Status(self.page(now, after.as_ref(), limit as usize, peers)));
            }
        };
        Ok(Response::Status(StatusPage { agent: self.agent(now), services, next: None }))
    }

    fn page(&self, now: MonoTime, after: Option<&ServiceName>, limit: usize, peers: WithPeers) -> StatusPage {
        let agent = self.agent(now);
        let mut room = FRAME_MAX.saturating_sub(encoded_len(&agent) + PAGE_RESERVE);
        let mut services = Vec::new();
        for name in self.names_after(after, peers).take(limit) {
            let status = self.service(now, name, peers);
            let len = encoded_len(&status);
            if len > room {
                return StatusPage { agent, next: services.last().map(last_name), services };
            }
            room -= len;
            services.push(status);
        }
        let more = services.last().is_some_and(|last: &ServiceStatus| {
            let last = ServiceName::parse(&last.service).ok();
            self.names_after(last.as_ref(), peers).next().is_some()
        });
        StatusPage { agent, next: services.last().filter(|_| more).map(last_name), services }
    }

    /// Names in order: those tracked here, and with peers also those that only peers speak of.
    fn names_after<'a>(
        &'a self,
        after: Option<&ServiceName>,
        peers: WithPeers,
    ) -> Box<dyn Iterator<Item = &'a ServiceName> + 'a> {
        let own = self.registry.views_after(after).map(|view| view.name());
        match peers {
            WithPeers::No => Box::new(own),
            WithPeers::Yes => Box::new(merged(own, self.registry.services_heard_after(after))),
        }
    }

    fn service(&self, now: MonoTime, name: &ServiceName, peers: WithPeers) -> ServiceStatus {
        let mut status = match self.registry.view(name.as_str()) {
            Some(view) => answers::service(now, view),
            None => unused(name),
        };
        let Some(seen) = self.registry.cluster_view(now, name.as_str()) else { return status };
        let place = self.registry.cluster_place(now, name.as_str());
        status.cluster = Some(evidence::cluster(&seen, place.as_ref()));
        if peers == WithPeers::Yes {
            status.peers = evidence::peers(seen.peers, &self.peers);
        }
        status
    }

    fn agent(&self, now: MonoTime) -> AgentStatus {
        let host = self.registry.host_state();
        AgentStatus {
            node: self.identity.node.clone(),
            zone: self.identity.zone.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            incarnation: self.peers.incarnation(),
            up_ms: answers::millis(now.since(MonoTime::START)),
            gossip: self.peers.health(),
            deaf: host.deaf,
            sick: host.sick,
            authority: evidence::authority(self.config.cluster.authority.value),
            services: self.registry.services() as u64,
            connections: self.connections.len() as u64,
            counters: self.counters(),
        }
    }
}

/// A service nobody has called through this agent.
fn unused(name: &ServiceName) -> ServiceStatus {
    ServiceStatus {
        service: name.to_string(),
        state: State::Closed,
        since_ms: 0,
        retry_after_ms: None,
        reason: None::<Reason>,
        operator: None,
        window: WindowStatus::default(),
        granted: 0,
        rejected: 0,
        would_refuse: 0,
        dropped: 0,
        in_flight: 0,
        cluster: None,
        peers: Vec::new(),
    }
}

/// Two sorted sequences as one, what is in both once.
pub(super) fn merged<'a>(
    a: impl Iterator<Item = &'a ServiceName> + 'a,
    b: impl Iterator<Item = &'a ServiceName> + 'a,
) -> impl Iterator<Item = &'a ServiceName> + 'a {
    let (mut a, mut b) = (a.peekable(), b.peekable());
    std::iter::from_fn(move || match (a.peek(), b.peek()) {
        (Some(left), Some(right)) if left == right => {
            b.next();
            a.next()
        }
        (Some(left), Some(right)) if right < left => b.next(),
        (None, Some(_)) => b.next(),
        (Some(_), _) => a.next(),
        (None, None) => None,
    })
}

fn last_name(service: &ServiceStatus) -> String {
    service.service.clone()
}

/// The bytes of a value in a frame. One that cannot be encoded, and none of ours is so, would not fit.
pub(super) fn encoded_len<T: serde::Serialize>(value: &T) -> usize {
    to_bytes(value).map_or(FRAME_MAX, |bytes| bytes.len())
}

/// Most services asked for at once; a frame ends sooner.
const PAGE_MAX: u32 = 10_000;

/// Bytes of a page beside the agent and its services: ids, lengths, and the name of the next page.
const PAGE_RESERVE: usize = 512;
