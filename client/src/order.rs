//! What callers put into the queue of the connection's task, and how they wait for the answer.
//!
//! **Invariant:** a grant never gets lost between the task and its asker. A grant that finds its asker gone is given
//! back by the task; one that was already handed over when the asker gives up is given back by [`Waiting`]'s drop.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use crate::error::AskError;
use crate::tally::Tally;
use crate::wire::{Permit, Request, Response};

/// A connection's place in the order of this client's connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ConnectionNumber(pub(crate) u64);

/// One request on its way.
#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) request: Request,
    /// The only connection it may go to: a permit means nothing on another, or worse, something else.
    pub(crate) bound: Option<ConnectionNumber>,
    pub(crate) reply: Reply,
}

/// Who is told the answer.
#[derive(Debug)]
pub(crate) enum Reply {
    /// Somebody who waits.
    Asker(oneshot::Sender<Result<Answer, AskError>>),
    /// Nobody: a report of so many calls.
    Nobody { calls: u64 },
}

/// An answer and the connection it came on.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) connection: ConnectionNumber,
    pub(crate) response: Response,
}

/// The asker's end. Dropped with a grant in it, it gives the permit back.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) receiver: oneshot::Receiver<Result<Answer, AskError>>,
    pub(crate) queue: mpsc::Sender<Order>,
    pub(crate) tally: Arc<Tally>,
}

impl Order {
    /// A report that nobody waits for.
    pub(crate) fn telling(request: Request, bound: Option<ConnectionNumber>, calls: u64) -> Self {
        Self { request, bound, reply: Reply::Nobody { calls } }
    }

    /// Whether its asker has given up.
    pub(crate) fn is_abandoned(&self) -> bool {
        matches!(&self.reply, Reply::Asker(asker) if asker.is_closed())
    }

    /// It was not sent.
    pub(crate) fn fail(self, error: AskError, tally: &Tally) {
        match self.reply {
            // An asker who is gone needs no answer.
            Reply::Asker(asker) => drop(asker.send(Err(error))),
            Reply::Nobody { calls } => tally.reports_lost.add(calls),
        }
    }
}

impl Answer {
    /// The request that gives back what this answer grants, if it grants anything.
    pub(crate) fn giving_back(&self) -> Option<Request> {
        match self.response {
            Response::Granted(Permit { id: Some(permit), .. }) => Some(Request::Cancel { permit }),
            _ => None,
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.receiver.close();
        let Ok(Ok(answer)) = self.receiver.try_recv() else { return };
        let Some(request) = answer.giving_back() else { return };
        self.tally.given_back.one();
        if let Err(unsent) = self.queue.try_send(Order::telling(request, Some(answer.connection), 1)) {
            unsent.into_inner().fail(AskError::QueueFull, &self.tally);
        }
    }
}
