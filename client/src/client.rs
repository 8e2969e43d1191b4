//! The client: a cheap handle to one background task that speaks with the agent.
//!
//! Every question goes through [`Client::exchange`]: into the bounded queue or refused at once, then waited for under a
//! deadline that covers everything, connecting included. Reports that nobody waits for go into the same queue and are
//! dropped and counted when it is full. So nothing here can hang a call, whatever the agent does.
//!
//! Applications keep a [`Service`] per dependency; that handle is where a faster path can slide underneath later.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use crate::error::{AskError, CallError, Rejected};
use crate::link::Link;
use crate::options::{AcquireOptions, DEADLINE_MAX, Options};
use crate::order::{Answer, ConnectionNumber, Order, Reply, Waiting};
use crate::permit::Permit;
use crate::service::Service;
use crate::socket_path::Environment;
use crate::tally::{Counters, Tally};
use crate::transport::{Connector, Stream};
use crate::wire::{BatchEntry, CallReport, Request, Response};

/// A handle to the agent of this host. Clones share one connection.
#[derive(Clone, Debug)]
pub struct Client {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    queue: mpsc::Sender<Order>,
    tally: Arc<Tally>,
    connector: Connector,
    deadline: Duration,
}

impl Client {
    /// A client of the agent at `path`. It connects when first asked, so this cannot fail.
    ///
    /// # Panics
    /// Outside of a tokio runtime, as everything below that starts a client.
    #[must_use]
    pub fn connect(path: impl AsRef<Path>) -> Self {
        Self::connect_with(Connector::path(path.as_ref()), &Options::default())
    }

    /// A client of the agent in one of the default places (see [`crate::socket_path`]).
    #[must_use]
    pub fn connect_default() -> Self {
        Self::connect_with(Connector::default_places(&Environment::of_process()), &Options::default())
    }

    /// A client of the agent at the other end of `stream`, for as long as that lives.
    pub fn over<S: Stream + 'static>(stream: S) -> Self {
        Self::connect_with(Connector::once(stream), &Options::default())
    }

    /// A client with its own way to connect and its own options.
    #[must_use]
    pub fn connect_with(connector: Connector, options: &Options) -> Self {
        let (client, link) = Self::unspawned(connector, options);
        tokio::spawn(link);
        client
    }

    /// The same, but the background task is the caller's to run. It ends when the last client and permit are gone.
    pub fn unspawned(connector: Connector, options: &Options) -> (Self, impl Future<Output = ()> + Send + use<>) {
        let (queue, orders) = mpsc::channel(options.queue_len());
        let tally = Arc::new(Tally::default());
        let link = Link::new(connector.clone(), orders, options, &tally);
        let shared = Shared { queue, tally, connector, deadline: options.deadline };
        (Self { shared: Arc::new(shared) }, link.run())
    }

    /// A handle for the calls to one service.
    #[must_use]
    pub fn service(&self, path: impl Into<Arc<str>>) -> Service {
        Service::new(self.clone(), path.into())
    }

    /// May a call to `service` go ahead? Without an agent's word it may: then the permit says
    /// [`crate::Standing::Unguarded`] and why.
    ///
    /// # Errors
    /// [`Rejected`] if the agent refuses the call.
    pub async fn acquire(&self, service: &str) -> Result<Permit, Rejected> {
        self.acquire_with(service, AcquireOptions::default()).await
    }

    /// The same, with options for this call.
    ///
    /// # Errors
    /// [`Rejected`] if the agent refuses the call.
    pub async fn acquire_with(&self, service: &str, options: AcquireOptions) -> Result<Permit, Rejected> {
        self.service(service).acquire_with(options).await
    }

    /// Asks, runs `future`, reports as `classify` says. See [`Service::call`].
    ///
    /// # Errors
    /// [`CallError`] says whether the call was refused, took too long, or failed.
    pub async fn call<T, E>(
        &self,
        service: &str,
        future: impl Future<Output = Result<T, E>>,
        classify: impl FnOnce(&Result<T, E>) -> CallReport,
    ) -> Result<T, CallError<E>> {
        self.service(service).call(future, classify).await
    }

    /// Reports a call made without asking. It never waits; what cannot be sent is dropped and counted.
    pub fn report_unasked(&self, service: &str, call: CallReport) {
        self.report_batch(vec![BatchEntry { service: service.to_owned(), call, repeat: 1 }]);
    }

    /// Reports calls made without asking, in as many messages as it takes. It never waits; what cannot be sent is
    /// dropped and counted.
    pub fn report_batch(&self, entries: Vec<BatchEntry>) {
        for entries in crate::batch::messages(entries) {
            let calls = entries.iter().map(|entry| u64::from(entry.repeat)).sum();
            self.tell(Order::telling(Request::ReportBatch { entries }, None, calls));
        }
    }

    /// What this client has counted.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.shared.tally.read()
    }

    /// How long a question may take where the caller does not say.
    pub(crate) fn deadline(&self) -> Duration {
        self.shared.deadline
    }

    pub(crate) fn connector(&self) -> &Connector {
        &self.shared.connector
    }

    pub(crate) fn tally(&self) -> &Tally {
        &self.shared.tally
    }

    /// One question under the client's deadline. [`Response::Failed`] is an error here.
    pub(crate) async fn ask(&self, request: Request) -> Result<Response, AskError> {
        self.exchange(request, None, self.deadline()).await.map(|answer| answer.response)
    }

    pub(crate) async fn exchange(
        &self,
        request: Request,
        bound: Option<ConnectionNumber>,
        deadline: Duration,
    ) -> Result<Answer, AskError> {
        let (asker, receiver) = oneshot::channel();
        let shared = &self.shared;
        let order = Order { request, bound, reply: Reply::Asker(asker) };
        shared.queue.try_send(order).map_err(|unsent| unsendable(&unsent))?;
        let mut waiting = Waiting { receiver, queue: shared.queue.clone(), tally: Arc::clone(&shared.tally) };
        let answer = match timeout(deadline.min(DEADLINE_MAX), &mut waiting.receiver).await {
            Ok(answered) => answered.unwrap_or_else(|_| Err(task_gone()))?,
            Err(_) => return Err(AskError::Late(deadline)),
        };
        match answer.response {
            Response::Failed(failure) => Err(AskError::Failed(failure)),
            _ => Ok(answer),
        }
    }

    pub(crate) fn tell(&self, order: Order) {
        if let Err(unsent) = self.shared.queue.try_send(order) {
            unsent.into_inner().fail(AskError::QueueFull, &self.shared.tally);
        }
    }
}

fn unsendable(unsent: &mpsc::error::TrySendError<Order>) -> AskError {
    match unsent {
        mpsc::error::TrySendError::Full(_) => AskError::QueueFull,
        mpsc::error::TrySendError::Closed(_) => task_gone(),
    }
}

fn task_gone() -> AskError {
    AskError::NoAgent("this client's background task has ended".into())
}
