//! The client's background task: it owns the queue, opens connections when they are needed, and hands them orders.
//!
//! It connects when somebody asks and the pause after the last failure is over (see `retry`). While it connects, orders
//! wait in the queue, each under its own deadline; if it fails, all of them learn why at once. It ends when the last
//! client and permit are gone.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use crate::error::AskError;
use crate::options::Options;
use crate::order::{ConnectionNumber, Order};
use crate::retry::Retry;
use crate::session::{Session, connection_ended};
use crate::tally::Tally;
use crate::transport::{Connector, Stream};

pub(crate) struct Link {
    connector: Connector,
    queue: mpsc::Receiver<Order>,
    retry: Retry,
    patience: Duration,
    connections: u64,
    last_failure: AskError,
    tally: Arc<Tally>,
}

impl Link {
    pub(crate) fn new(
        connector: Connector,
        queue: mpsc::Receiver<Order>,
        options: &Options,
        tally: &Arc<Tally>,
    ) -> Self {
        Self {
            connector,
            queue,
            retry: Retry::new(options.seed),
            patience: options.patience(),
            connections: 0,
            last_failure: connection_ended(),
            tally: Arc::clone(tally),
        }
    }

    pub(crate) async fn run(mut self) {
        while let Some(order) = self.queue.recv().await {
            if order.is_abandoned() {
                continue;
            }
            if order.bound.is_some() {
                order.fail(connection_ended(), &self.tally);
            } else if !self.retry.is_due(Instant::now()) {
                order.fail(self.last_failure.clone(), &self.tally);
            } else {
                self.connect_for(order).await;
            }
        }
    }

    async fn connect_for(&mut self, order: Order) {
        match self.open().await {
            Ok(stream) => self.serve(stream, order).await,
            Err(error) => {
                self.tally.connects_failed.one();
                if let AskError::Protocol(_) = error {
                    self.tally.protocol_errors.one();
                }
                self.note_failure(error.clone());
                order.fail(error, &self.tally);
                self.fail_waiting();
            }
        }
    }

    async fn open(&self) -> Result<Box<dyn Stream>, AskError> {
        let opened = timeout(self.patience, self.connector.open()).await;
        opened.unwrap_or_else(|_| Err(AskError::NoAgent("it does not say hello".into())))
    }

    async fn serve(&mut self, stream: Box<dyn Stream>, first: Order) {
        self.tally.connections.one();
        self.connections += 1;
        let number = ConnectionNumber(self.connections);
        let mut session = Session::new(stream, number, self.patience, &self.tally);
        let Err(error) = session.run(first, &mut self.queue).await else { return };
        match &error {
            AskError::Protocol(_) => {
                self.tally.protocol_errors.one();
                self.note_failure(error.clone());
            }
            _ if session.has_served() => self.retry.served(),
            _ => self.note_failure(error.clone()),
        }
        session.end(&error);
    }

    fn note_failure(&mut self, error: AskError) {
        self.retry.failed(Instant::now());
        self.last_failure = error;
    }

    /// Everything that came while connecting. What comes from now on is answered by the loop.
    fn fail_waiting(&mut self) {
        for _ in 0..self.queue.len() {
            let Ok(order) = self.queue.try_recv() else { return };
            order.fail(self.last_failure.clone(), &self.tally);
        }
    }
}
