//! A handle for the calls to one service: ask, or ask, run and report in one.
//!
//! It holds what a call needs so that asking allocates little, and it is the place where a path that needs no question
//! at all can slide underneath without a change for applications.

use std::future::Future;
use std::sync::Arc;

use tokio::time::timeout;

use crate::client::Client;
use crate::error::{AskError, CallError, Rejected};
use crate::options::AcquireOptions;
use crate::permit::Permit;
use crate::wire::micros;
use crate::wire::{CallReport, Hold, Request, Response};

/// The calls to one service. Cheap to clone; keep one per service.
#[derive(Clone, Debug)]
pub struct Service {
    client: Client,
    path: Arc<str>,
}

impl Service {
    pub(crate) fn new(client: Client, path: Arc<str>) -> Self {
        Self { client, path }
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// May a call go ahead? Without an agent's word it may: then the permit says [`crate::Standing::Unguarded`] and why.
    ///
    /// # Errors
    /// [`Rejected`] if the agent refuses the call.
    pub async fn acquire(&self) -> Result<Permit, Rejected> {
        self.acquire_with(AcquireOptions::default()).await
    }

    /// The same, with options for this call.
    ///
    /// # Errors
    /// [`Rejected`] if the agent refuses the call.
    pub async fn acquire_with(&self, options: AcquireOptions) -> Result<Permit, Rejected> {
        let tally = self.client.tally();
        match self.ask(options).await {
            Ok(Ok(permit)) => {
                tally.granted.one();
                Ok(permit)
            }
            Ok(Err(rejected)) => {
                tally.rejected.one();
                Err(rejected)
            }
            Err(why) => {
                tally.unguarded.one();
                if let AskError::Late(_) = why {
                    tally.late.one();
                }
                Ok(Permit::unguarded(why))
            }
        }
    }

    /// Asks, runs `future`, and reports as `classify` says, with the time it took. If the policy gives the call a time,
    /// it is dropped after that and reported as a timeout. Dropped itself, it gives the permit back.
    ///
    /// # Errors
    /// [`CallError`] says whether the call was refused, took too long, or failed.
    pub async fn call<T, E>(
        &self,
        future: impl Future<Output = Result<T, E>>,
        classify: impl FnOnce(&Result<T, E>) -> CallReport,
    ) -> Result<T, CallError<E>> {
        self.call_with(AcquireOptions::default(), future, classify).await
    }

    /// The same, with options for this call; a timeout among them goes before the policy's.
    ///
    /// # Errors
    /// [`CallError`] says whether the call was refused, took too long, or failed.
    pub async fn call_with<T, E>(
        &self,
        options: AcquireOptions,
        future: impl Future<Output = Result<T, E>>,
        classify: impl FnOnce(&Result<T, E>) -> CallReport,
    ) -> Result<T, CallError<E>> {
        let permit = self.acquire_with(options).await.map_err(CallError::Rejected)?;
        let ended = match options.timeout.or(permit.call_timeout()) {
            None => future.await,
            Some(limit) => match timeout(limit, future).await {
                Ok(ended) => ended,
                Err(_) => {
                    permit.timeout();
                    return Err(CallError::Timeout(limit));
                }
            },
        };
        permit.report(classify(&ended));
        ended.map_err(CallError::Failed)
    }

    async fn ask(&self, options: AcquireOptions) -> Result<Result<Permit, Rejected>, AskError> {
        let request = Request::Acquire {
            service: self.path.as_ref().to_owned(),
            timeout_us: options.timeout.map(micros),
            hold: Hold::Connection,
        };
        let answer = self.client.exchange(request, None, options.deadline.unwrap_or(self.client.deadline())).await?;
        match answer.response {
            Response::Granted(permit) => Ok(Ok(Permit::granted(&self.client, answer.connection, &permit))),
            Response::Rejected(rejection) => Ok(Err(Rejected(rejection))),
            _ => Err(AskError::protocol("an acquire was answered by neither a grant nor a rejection")),
        }
    }
}
