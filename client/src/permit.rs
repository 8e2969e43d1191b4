//! The receipt for a call that may go ahead.
//!
//! Every verb uses the permit up and returns at once: the report goes into the client's queue or is dropped and counted.
//! A permit that is dropped without a word is given back, since nobody can tell whether the call happened; so a call
//! that panics or is cancelled never holds a place in a half-open breaker.

use std::time::Duration;

use tokio::time::Instant;

use crate::client::Client;
use crate::error::AskError;
use crate::order::{ConnectionNumber, Order};
use crate::wire::{self, CallReport, Outcome, Receipt, Request, Response};

/// Says that a call may go ahead; wants to know how it went.
#[must_use = "a permit dropped without a word says that the call did not happen"]
#[derive(Debug)]
pub struct Permit {
    ticket: Option<Ticket>,
    standing: Standing,
    call_timeout: Option<Duration>,
    lease: Option<Duration>,
    granted_at: Instant,
}

/// How a call was let through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// By the breaker.
    Allowed,
    /// The breaker would have refused, but its policy is enforced for part of the traffic only.
    WouldRefuse,
    /// The agent is at one of its limits and does not track this call.
    Untracked,
    /// Without the agent's word, for this reason; reports go nowhere.
    Unguarded(AskError),
}

/// What is needed to speak about a permit.
#[derive(Debug)]
struct Ticket {
    client: Client,
    id: u64,
    connection: ConnectionNumber,
}

impl Permit {
    pub(crate) fn granted(client: &Client, connection: ConnectionNumber, permit: &wire::Permit) -> Self {
        Self {
            ticket: permit.id.map(|id| Ticket { client: client.clone(), id, connection }),
            standing: match permit.standing {
                wire::Standing::Allowed => Standing::Allowed,
                wire::Standing::WouldRefuse => Standing::WouldRefuse,
                wire::Standing::Untracked => Standing::Untracked,
            },
            call_timeout: permit.timeout_us.map(Duration::from_micros),
            lease: Some(Duration::from_millis(permit.lease_ms)),
            granted_at: Instant::now(),
        }
    }

    pub(crate) fn unguarded(why: AskError) -> Self {
        Self {
            ticket: None,
            standing: Standing::Unguarded(why),
            call_timeout: None,
            lease: None,
            granted_at: Instant::now(),
        }
    }

    /// How the call was let through.
    #[must_use]
    pub fn standing(&self) -> &Standing {
        &self.standing
    }

    /// How long the policy lets the call take at most, where it says so.
    #[must_use]
    pub fn call_timeout(&self) -> Option<Duration> {
        self.call_timeout
    }

    /// How long after the grant a report is still taken; `None` if it is unguarded.
    #[must_use]
    pub fn lease(&self) -> Option<Duration> {
        self.lease
    }

    /// The call went well.
    pub fn success(self) {
        self.report(CallReport::success());
    }

    /// The call failed, with the kind of failure in a word such as `connect` or `http_503`.
    pub fn failure(self, kind: &str) {
        self.report(CallReport::failure(kind));
    }

    /// The call took too long.
    pub fn timeout(self) {
        self.report(CallReport::of(Outcome::Timeout));
    }

    /// The service refused the call for load (429).
    pub fn throttled(self) {
        self.report(CallReport::of(Outcome::Throttled));
    }

    /// How the call went says nothing about the service.
    pub fn ignored(self) {
        self.report(CallReport::of(Outcome::Ignored));
    }

    /// The call did not happen. The same as dropping the permit.
    pub fn cancel(self) {}

    /// Everything that can be said about a call. A duration that is left out is measured from the grant; a call that
    /// is said to be cancelled gives the permit back.
    pub fn report(mut self, call: CallReport) {
        let call = self.measured(call);
        if let Some(Ticket { client, id, connection }) = self.ticket.take() {
            client.tell(Order::telling(ending(id, call), Some(connection), 1));
        }
    }

    /// The same, and waits for the agent's receipt under the client's deadline; `None` where there is nothing to report
    /// to.
    ///
    /// # Errors
    /// [`AskError`]; [`AskError::NoAgent`] also if the connection that held the permit has ended.
    pub async fn report_and_wait(mut self, call: CallReport) -> Result<Option<Receipt>, AskError> {
        let call = self.measured(call);
        let Some(Ticket { client, id, connection }) = self.ticket.take() else { return Ok(None) };
        match client.exchange(ending(id, call), Some(connection), client.deadline()).await?.response {
            Response::Reported(receipt) => Ok(Some(receipt)),
            _ => Err(AskError::protocol("a report was not answered by a receipt")),
        }
    }

    fn measured(&self, call: CallReport) -> CallReport {
        if call.duration_us.is_some() { call } else { call.took(self.granted_at.elapsed()) }
    }
}

fn ending(permit: u64, call: CallReport) -> Request {
    match call.outcome {
        Outcome::Cancelled => Request::Cancel { permit },
        _ => Request::Report { permit, call },
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(Ticket { client, id, connection }) = self.ticket.take() {
            client.tell(Order::telling(Request::Cancel { permit: id }, Some(connection), 1));
        }
    }
}
