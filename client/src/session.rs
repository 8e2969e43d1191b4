//! One connection: requests go out as they come, answers find their askers by id.
//!
//! One task does all of it, in a fixed order: answers first, since they set waiting calls free; then orders, until the
//! queue is empty or a limit is reached; writing last, so that requests which came together leave together.
//! At its limits it takes no more orders. Then the queue fills and callers see that at once; nothing piles up.
//!
//! A connection that stays silent with questions open is given up after the patience of the options: the agent is
//! stopped or stuck, and a new connection tells which.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use futures_util::StreamExt;
use tokio::io::{AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::codec::{Encoder, FramedRead};

use crate::error::AskError;
use crate::order::{Answer, ConnectionNumber, Order, Reply};
use crate::tally::Tally;
use crate::transport::Stream;
use crate::wire::{ClientCodec, FRAME_MAX, Request, RequestFrame, Response, ResponseFrame, WireError};

/// A welcomed connection.
pub(crate) struct Session {
    answers: FramedRead<ReadHalf<Box<dyn Stream>>, ClientCodec>,
    writer: WriteHalf<Box<dyn Stream>>,
    out: BytesMut,
    pending: BTreeMap<u32, Reply>,
    next_id: u32,
    number: ConnectionNumber,
    quiet_since: Instant,
    patience: Duration,
    has_served: bool,
    tally: Arc<Tally>,
}

impl Session {
    pub(crate) fn new(
        stream: Box<dyn Stream>,
        number: ConnectionNumber,
        patience: Duration,
        tally: &Arc<Tally>,
    ) -> Self {
        let (reader, writer) = tokio::io::split(stream);
        Self {
            answers: FramedRead::new(reader, ClientCodec::default()),
            writer,
            out: BytesMut::new(),
            pending: BTreeMap::new(),
            next_id: 0,
            number,
            quiet_since: Instant::now(),
            patience,
            has_served: false,
            tally: Arc::clone(tally),
        }
    }

    /// Whether the agent has answered anything on it.
    pub(crate) fn has_served(&self) -> bool {
        self.has_served
    }

    /// Serves the queue until the connection fails, or the queue has ended and everything was said.
    pub(crate) async fn run(&mut self, first: Order, queue: &mut mpsc::Receiver<Order>) -> Result<(), AskError> {
        self.take(first);
        let mut silence = std::pin::pin!(sleep(self.patience));
        loop {
            let has_room = self.pending.len() < PENDING_MAX && self.out.len() < OUT_MAX;
            tokio::select! {
                biased;
                answer = self.answers.next() => self.hear(answer)?,
                order = queue.recv(), if has_room => match order {
                    Some(order) => self.take(order),
                    None => return timeout(self.patience, self.finish()).await.unwrap_or(Ok(())),
                },
                written = self.writer.write_buf(&mut self.out), if !self.out.is_empty() => note_written(written)?,
                () = &mut silence, if !self.pending.is_empty() => {
                    let due = self.quiet_since + self.patience;
                    if Instant::now() >= due {
                        return Err(AskError::NoAgent("it has stopped answering".into()));
                    }
                    silence.as_mut().reset(due);
                }
            }
        }
    }

    /// Tells everybody who still waits that the connection has ended.
    pub(crate) fn end(self, why: &AskError) {
        for reply in self.pending.into_values() {
            match reply {
                Reply::Asker(asker) => drop(asker.send(Err(why.clone()))),
                Reply::Nobody { calls } => self.tally.reports_failed.add(calls),
            }
        }
    }

    fn take(&mut self, order: Order) {
        if order.is_abandoned() {
            return;
        }
        if order.bound.is_some_and(|bound| bound != self.number) {
            return order.fail(connection_ended(), &self.tally);
        }
        while self.pending.contains_key(&self.next_id) {
            self.next_id = self.next_id.wrapping_add(1);
        }
        let frame = RequestFrame { id: self.next_id, request: order.request };
        let encoded = ClientCodec::default().encode(&frame, &mut self.out);
        match encoded {
            Ok(()) => self.expect(frame.id, order.reply),
            Err(error) => {
                let unsent = Order { request: frame.request, bound: order.bound, reply: order.reply };
                unsent.fail(AskError::TooLarge(error.to_string().into()), &self.tally);
            }
        }
    }

    fn expect(&mut self, id: u32, reply: Reply) {
        if self.pending.is_empty() {
            self.quiet_since = Instant::now();
        }
        self.pending.insert(id, reply);
        self.next_id = id.wrapping_add(1);
    }

    fn hear(&mut self, answer: Option<Result<ResponseFrame, WireError>>) -> Result<(), AskError> {
        let frame = match answer {
            Some(Ok(frame)) => frame,
            Some(Err(WireError::Io(error))) => return Err(AskError::no_agent(&error)),
            Some(Err(error)) => return Err(AskError::protocol(error.to_string())),
            None => return Err(connection_ended()),
        };
        let Some(reply) = self.pending.remove(&frame.id) else {
            return Err(AskError::protocol(format!("it answers question {}, which was not asked", frame.id)));
        };
        self.quiet_since = Instant::now();
        self.has_served = true;
        match reply {
            Reply::Nobody { calls } if !matches!(frame.response, Response::Reported(_)) => {
                self.tally.reports_failed.add(calls);
            }
            Reply::Nobody { .. } => {}
            Reply::Asker(asker) => {
                let answer = Answer { connection: self.number, response: frame.response };
                if let Err(Ok(late)) = asker.send(Ok(answer)) {
                    self.give_back(&late);
                }
            }
        }
        Ok(())
    }

    fn give_back(&mut self, late: &Answer) {
        if let Some(request @ Request::Cancel { .. }) = late.giving_back() {
            self.tally.given_back.one();
            self.take(Order::telling(request, Some(self.number), 1));
        }
    }

    /// Sends what is left, and stays until the agent has answered and closed, so that it need not drop what it answers.
    async fn finish(&mut self) -> Result<(), AskError> {
        let sent = self.writer.write_all_buf(&mut self.out).await;
        sent.map_err(|error| AskError::no_agent(&error))?;
        self.writer.shutdown().await.map_err(|error| AskError::no_agent(&error))?;
        while !self.pending.is_empty() {
            let answer = self.answers.next().await;
            self.hear(answer)?;
        }
        Ok(())
    }
}

fn note_written(written: std::io::Result<usize>) -> Result<(), AskError> {
    match written {
        Ok(0) => Err(connection_ended()),
        Ok(_) => Ok(()),
        Err(error) => Err(AskError::no_agent(&error)),
    }
}

pub(crate) fn connection_ended() -> AskError {
    AskError::NoAgent("the connection has ended".into())
}

/// Most questions open on one connection: as many as wait in the queue by default, and what an agent may reasonably be
/// asked to remember of one client.
const PENDING_MAX: usize = 1_024;

/// Bytes waiting to be written at which no more orders are taken: one frame of the largest kind.
const OUT_MAX: usize = FRAME_MAX;
