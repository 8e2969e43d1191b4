//! What each request does, and what is answered.

use breaker_client::wire::{
    Action as WireAction, BATCH_MAX, BatchEntry, FRAME_MAX, Failure, FailureCode, Hold, Member, Presence, REPEAT_MAX,
    Receipt, Rejection, Request, RequestFrame, Response, ResponseFrame, Verdict,
};

use super::status::encoded_len;
use super::{Driver, Watcher, answers};
use crate::core::outcome::{Call, Outcome};
use crate::core::permits::{Holder, PermitId};
use crate::core::registry::{Answer, Ask, Rejected, Told};
use crate::core::service::ServiceName;
use crate::core::state::Action;
use crate::core::time::MonoTime;
use crate::mail::ConnectionId;

impl Driver {
    pub(super) fn answer(&mut self, now: MonoTime, connection: ConnectionId, frame: RequestFrame) -> ResponseFrame {
        let RequestFrame { id, request } = frame;
        let response = match request {
            Request::Acquire { service, timeout_us, hold } => self.acquire(now, connection, &service, timeout_us, hold),
            Request::Report { permit, call } => match answers::call(&call) {
                Ok(call) => self.report(now, connection, permit, &call),
                Err(invalid) => Err(invalid),
            },
            Request::Cancel { permit } => self.report(now, connection, permit, &Call::of(Outcome::Cancelled)),
            Request::ReportBatch { entries } => self.report_batch(now, &entries),
            Request::Query { service } => self.query(now, &service),
            Request::Status { service, after, limit, peers } => {
                self.status(now, service.as_deref(), after.as_deref(), limit, peers)
            }
            Request::Members => Ok(self.members(now)),
            Request::Watch => Ok(self.watch(now, connection, id)),
            Request::Operate { service, action, for_ms, reason } => {
                self.operate(now, connection, &service, action, for_ms, reason.as_deref())
            }
        };
        ResponseFrame { id, response: response.unwrap_or_else(Response::Failed) }
    }

    fn acquire(
        &mut self,
        now: MonoTime,
        connection: ConnectionId,
        service: &str,
        timeout_us: Option<u64>,
        hold: Hold,
    ) -> Result<Response, Failure> {
        let timeout = answers::timeout(timeout_us)?;
        let holder = match hold {
            Hold::Connection => Holder::Connection(connection.0),
            Hold::Detached => Holder::User(self.uid(connection).ok_or_else(nobody)?),
        };
        let (registry, mut turn, config) = self.turn(now);
        let answer = registry.acquire(&mut turn, Ask { service, holder, timeout }, &|name| config.ruling(name));
        Ok(match answer {
            Ok(Answer::Granted(granted)) => {
                self.counts.granted += 1;
                Response::Granted(answers::permit(&granted))
            }
            Ok(Answer::Rejected(rejected)) => {
                self.counts.rejected += 1;
                Response::Rejected(self.rejection(now, &rejected))
            }
            Ok(Answer::Untracked) => {
                self.counts.granted += 1;
                Response::Granted(answers::UNTRACKED)
            }
            Err(unserved) => Response::Failed(answers::failed(unserved)),
        })
    }

    fn report(
        &mut self,
        now: MonoTime,
        connection: ConnectionId,
        permit: u64,
        call: &Call,
    ) -> Result<Response, Failure> {
        let permit = PermitId::from_u64(permit);
        let theirs = self.registry.holder(permit).is_some_and(|holder| self.may_use(connection, holder));
        let (registry, mut turn, _) = self.turn(now);
        let told = if theirs { registry.report(&mut turn, permit, call).ok() } else { None };
        let Some(told) = told else {
            self.counts.unknown_permits += 1;
            return Err(answers::failure(
                FailureCode::UnknownPermit,
                "no such permit: never granted to this client, already used, or its lease has run out".to_owned(),
            ));
        };
        let mut receipt = Receipt::default();
        self.count(&mut receipt, told, 1);
        Ok(Response::Reported(receipt))
    }

    fn report_batch(&mut self, now: MonoTime, entries: &[BatchEntry]) -> Result<Response, Failure> {
        let calls: u64 = entries.iter().map(|entry| u64::from(entry.repeat)).sum();
        if entries.len() > BATCH_MAX || calls > u64::from(REPEAT_MAX) {
            return Err(answers::failure(
                FailureCode::InvalidArgument,
                format!(
                    "a batch has at most {BATCH_MAX} entries and {REPEAT_MAX} calls, this one has {} and {calls}",
                    entries.len()
                ),
            ));
        }
        // All are read before one is taken in, so that a batch is taken in whole or not at all.
        let read: Result<Vec<Call>, Failure> = entries.iter().map(|entry| self.read_entry(now, entry)).collect();
        let mut receipt = Receipt::default();
        for (entry, call) in entries.iter().zip(read?) {
            for _ in 0..entry.repeat {
                let (registry, mut turn, config) = self.turn(now);
                let told = registry
                    .report_unasked(&mut turn, &entry.service, &call, &|name| config.ruling(name))
                    .map_err(answers::failed)?;
                self.count(&mut receipt, told, 1);
            }
        }
        Ok(Response::Reported(receipt))
    }

    fn read_entry(&self, now: MonoTime, entry: &BatchEntry) -> Result<Call, Failure> {
        let BatchEntry { service, call, .. } = entry;
        let ruling_on = |name: &ServiceName| self.config.ruling(name);
        self.registry.query(now, service, &ruling_on).map_err(answers::failed).map(drop)?;
        answers::call(call)
    }

    fn query(&mut self, now: MonoTime, service: &str) -> Result<Response, Failure> {
        let ruling_on = |name: &ServiceName| self.config.ruling(name);
        let verdict = self.registry.query(now, service, &ruling_on).map_err(answers::failed)?;
        Ok(Response::Verdict(match verdict {
            Ok(how) => Verdict::Allowed(answers::standing(how)),
            Err(rejected) => Verdict::Refused(self.rejection(now, &rejected)),
        }))
    }

    /// A refusal with what it rests on.
    fn rejection(&self, now: MonoTime, rejected: &Rejected) -> Rejection {
        let place = self.registry.cluster_place(now, rejected.service.as_str());
        answers::rejection(rejected, place.as_ref())
    }

    /// Ourselves, then the others in order of name, as many as fit in a frame: 300 with names of the longest kind, 900
    /// with usual ones.
    fn members(&self, now: MonoTime) -> Response {
        let myself = Member {
            node: self.identity.node.clone(),
            zone: self.identity.zone.clone(),
            address: self.identity.gossip_address.map_or_else(|| "-".to_owned(), |address| address.to_string()),
            incarnation: self.peers.incarnation(),
            presence: Presence::Myself,
            heard_ms: None,
            digests: self.outlets.published.borrow().digests.len() as u64,
        };
        let mut room = FRAME_MAX - MEMBERS_RESERVE;
        let fits = |member: &Member| {
            room = room.saturating_sub(encoded_len(member));
            room > 0
        };
        let members = std::iter::once(myself).chain(self.peers.members(now)).take_while(fits).collect();
        Response::Members(members)
    }

    fn watch(&mut self, now: MonoTime, connection: ConnectionId, id: u32) -> Response {
        // What has happened so far, also within this batch of requests, is not from now on.
        self.tell(now);
        if let Some(connection) = self.connections.get_mut(&connection) {
            connection.watch = Some(Watcher { id, missed: 0 });
        }
        Response::Watching
    }

    fn operate(
        &mut self,
        now: MonoTime,
        connection: ConnectionId,
        service: &str,
        action: WireAction,
        for_ms: Option<u64>,
        reason: Option<&str>,
    ) -> Result<Response, Failure> {
        let uid = self.uid(connection).filter(|uid| *uid == 0 || self.identity.uid == Some(*uid));
        let uid = uid.ok_or_else(|| {
            let text = "only root and the agent's own user may do what an operator does".to_owned();
            answers::failure(FailureCode::NotPermitted, text)
        })?;
        let hold = answers::hold(now, uid, for_ms, reason)?;
        let action = match action {
            WireAction::ForceOpen => Action::ForceOpen(hold),
            WireAction::Disable => Action::Disable(hold),
            WireAction::MetricsOnly => Action::MetricsOnly(hold),
            WireAction::ForceClose | WireAction::Reset if for_ms.is_some() => {
                let text = "force-close and reset take effect at once and have no end: leave out for_ms".to_owned();
                return Err(answers::failure(FailureCode::InvalidArgument, text));
            }
            WireAction::ForceClose => Action::ForceClose(Some(hold.word())),
            WireAction::Reset => Action::Reset(Some(hold.word())),
        };
        let (registry, mut turn, config) = self.turn(now);
        match registry.operate(&mut turn, service, action, &|name| config.ruling(name)) {
            Ok(Told::Counted | Told::Dropped) => Ok(Response::Done),
            Ok(Told::Untracked) => Err(answers::failure(
                FailureCode::Busy,
                "the agent tracks as many services as it can, and none of them is idle".to_owned(),
            )),
            Err(unserved) => Err(answers::failed(unserved)),
        }
    }

    fn count(&mut self, receipt: &mut Receipt, told: Told, calls: u64) {
        self.counts.reports += calls;
        match told {
            Told::Counted => receipt.counted += calls,
            Told::Dropped => {
                receipt.dropped += calls;
                self.counts.reports_dropped += calls;
            }
            Told::Untracked => receipt.untracked += calls,
        }
    }

    fn uid(&self, connection: ConnectionId) -> Option<u32> {
        self.connections.get(&connection)?.uid
    }

    /// A permit may be used by the connection it was granted to; a detached one by its user, and by root.
    fn may_use(&self, connection: ConnectionId, holder: Holder) -> bool {
        match holder {
            Holder::Connection(number) => number == connection.0,
            Holder::User(user) => self.uid(connection).is_some_and(|uid| uid == user || uid == 0),
        }
    }
}

fn nobody() -> Failure {
    let text = "a detached permit belongs to a user, and nobody is known at the other end".to_owned();
    answers::failure(FailureCode::NotPermitted, text)
}

/// Bytes of the answer beside its members: the request's id, a tag, a length.
const MEMBERS_RESERVE: usize = 16;
