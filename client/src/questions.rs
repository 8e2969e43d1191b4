//! Everything a client can ask that is not on a call's path: for operators, dashboards and the command line.
//!
//! Here the caller wants to know why there is no answer, so nothing fails open: every question returns the agent's answer
//! or an [`AskError`]. Status is gathered over as many pages as there are; an agent whose pages do not move on, or never
//! end, is told from one that has many.

use crate::client::Client;
use crate::error::{AskError, Rejected};
use crate::watch::Watch;
use crate::wire::{
    Action, BatchEntry, CallReport, Hold, Member, Permit, Receipt, Request, Response, StatusPage, Verdict, WithPeers,
};

/// An operator's action on one service of this host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Path of the service.
    pub service: String,
    /// What to do.
    pub action: Action,
    /// How long it holds; without it, until another action.
    pub lasting: Option<std::time::Duration>,
    /// Why, for whoever looks later.
    pub reason: Option<String>,
}

impl Client {
    /// Would a call be allowed? Changes nothing.
    ///
    /// # Errors
    /// [`AskError`] if there is no answer.
    pub async fn query(&self, service: &str) -> Result<Verdict, AskError> {
        match self.ask(Request::Query { service: service.to_owned() }).await? {
            Response::Verdict(verdict) => Ok(verdict),
            _ => Err(not_an_answer()),
        }
    }

    /// Asks for a permit that outlives the connection: within its lease any connection of this user may report it with
    /// [`Client::report_detached`]. Until then it is out, also if this client ends.
    ///
    /// # Errors
    /// [`AskError`] if there is no answer.
    pub async fn acquire_detached(&self, service: &str) -> Result<Result<Permit, Rejected>, AskError> {
        let request = Request::Acquire { service: service.to_owned(), timeout_us: None, hold: Hold::Detached };
        match self.ask(request).await? {
            Response::Granted(permit) => Ok(Ok(permit)),
            Response::Rejected(rejection) => Ok(Err(Rejected(rejection))),
            _ => Err(not_an_answer()),
        }
    }

    /// Reports how the call with a detached permit went.
    ///
    /// # Errors
    /// [`AskError`] if there is no answer.
    pub async fn report_detached(&self, permit: u64, call: CallReport) -> Result<Receipt, AskError> {
        self.receipt(Request::Report { permit, call }).await
    }

    /// Reports one call made without asking, and waits for the receipt.
    ///
    /// # Errors
    /// [`AskError`] if there is no answer.
    pub async fn report_unasked_and_wait(&self, service: &str, call: CallReport) -> Result<Receipt, AskError> {
        let entry = BatchEntry { service: service.to_owned(), call, repeat: 1 };
        self.receipt(Request::ReportBatch { entries: vec![entry] }).await
    }

    /// The agent and one service; no service if the agent tracks none of that name.
    ///
    /// # Errors
    /// [`AskError`] if there is no answer.
    pub async fn status_of(&self, service: &str, peers: WithPeers) -> Result<StatusPage, AskError> {
        let request = Request::Status { service: Some(service.to_owned()), after: None, limit: 1, peers };
        self.page(request).await
    }

    /// The agent and all its services, asked for page by page. The agent's figures are those of the first page.
    ///
    /// # Errors
    /// [`AskError`] if any page has no answer.
    pub async fn status(&self, peers: WithPeers) -> Result<StatusPage, AskError> {
        let ask = |after| self.page(Request::Status { service: None, after, limit: PAGE_LIMIT, peers });
        let mut all = ask(None).await?;
        let mut pages = 1;
        while let Some(after) = all.next.take() {
            let page = ask(Some(after.clone())).await?;
            pages += 1;
            // A page that does not move on would be asked for forever.
            if page.next.as_ref().is_some_and(|next| *next <= after) || pages > PAGES_MAX {
                return Err(AskError::protocol("its pages of status have no end"));
            }
            all.services.extend(page.services);
            all.next = page.next;
        }
        Ok(all)
    }

    /// The cluster as the agent knows it.
    ///
    /// # Errors
    /// [`AskError`] if there is no answer.
    pub async fn members(&self) -> Result<Vec<Member>, AskError> {
        match self.ask(Request::Members).await? {
            Response::Members(members) => Ok(members),
            _ => Err(not_an_answer()),
        }
    }

    /// Carries out an operator's action. Only for root and the agent's own user.
    ///
    /// # Errors
    /// [`AskError`] if there is no answer, or the agent did not do it.
    pub async fn operate(&self, operation: Operation) -> Result<(), AskError> {
        let Operation { service, action, lasting, reason } = operation;
        let for_ms = lasting.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
        match self.ask(Request::Operate { service, action, for_ms, reason }).await? {
            Response::Done => Ok(()),
            _ => Err(not_an_answer()),
        }
    }

    /// Everything that happens from now on, on a connection of its own: dropping the [`Watch`] ends it, and a slow
    /// watcher is in nobody's way.
    ///
    /// # Errors
    /// [`AskError`] if the watch cannot begin.
    pub async fn watch(&self) -> Result<Watch, AskError> {
        let deadline = self.deadline();
        let began = tokio::time::timeout(deadline, Watch::begin(self.connector())).await;
        began.unwrap_or(Err(AskError::Late(deadline)))
    }

    async fn receipt(&self, request: Request) -> Result<Receipt, AskError> {
        match self.ask(request).await? {
            Response::Reported(receipt) => Ok(receipt),
            _ => Err(not_an_answer()),
        }
    }

    async fn page(&self, request: Request) -> Result<StatusPage, AskError> {
        match self.ask(request).await? {
            Response::Status(page) => Ok(page),
            _ => Err(not_an_answer()),
        }
    }
}

fn not_an_answer() -> AskError {
    AskError::protocol("its answer is of another kind than the question")
}

/// Services asked for at a time; with the longest names and reasons some 130 fit in a frame.
const PAGE_LIMIT: u32 = 100;

/// Most pages of one status: a hundred times what an agent tracks by default.
const PAGES_MAX: u32 = 10_000;
