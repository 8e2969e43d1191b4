//! Requests and answers of one connection: bytes to mail, answers to bytes, and no decision.
//!
//! One batch is asked at a time: the session reads what has come, hands all complete requests to the driver as one
//! mail, waits until each is answered, writes the answers with one system call, and only then reads on. While a batch
//! is with the driver the next one gathers in the socket, so a client that pipelines pays two system calls and two
//! mails per batch, not per request, and a client that pipelines more than it should slows down nobody but itself.
//! That the driver holds one mail of each client at most is also why no client can slow another: a batch ends at
//! [`IN_FLIGHT_MAX`] requests, and after one that asks for much (a page of status, a batch of reports).
//!
//! The client, in turn, must take its answers: those of one turn within [`WRITE_STALL_MAX`], or it is cut off.
//!
//! **Invariant:** what a client can make us keep is bounded by one read (a frame and a chunk), one batch, and one
//! outbox.

use std::ops::ControlFlow;
use std::pin::Pin;
use std::time::Duration;

use breaker_client::wire::{
    AgentCodec, Failure, FailureCode, Greeting, Request, RequestFrame, Response, ResponseFrame, WireError,
};
use bytes::BytesMut;
use tokio::io::{self, AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::time::{Instant, Sleep, sleep_until, timeout};
use tokio_util::codec::{Decoder, Encoder};
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::Links;
use crate::listener::Stream;
use crate::mail::{ConnectionId, IN_FLIGHT_MAX, Mail};

/// A connection that has said hello.
pub(super) struct Conversation<S> {
    stream: S,
    connection: ConnectionId,
    links: Links,
    outbox: mpsc::Receiver<Vec<ResponseFrame>>,
    /// Bytes read and not yet asked.
    incoming: BytesMut,
    /// Bytes to write.
    outgoing: BytesMut,
    intake: Intake,
    /// Requests with the driver.
    in_flight: usize,
    patience: Patience,
    last_frame: Instant,
    /// Rings no later than the client has been idle for too long; often earlier, which is harmless.
    alarm: Pin<Box<Sleep>>,
    shutdown: Pin<Box<WaitForCancellationFutureOwned>>,
}

/// Whether more is read from the client.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Intake {
    /// It is.
    Open,
    /// Not until the driver's mailbox has room again.
    AwaitingRoom,
    /// Never again: the client said all it will, or what it said makes no sense, or the agent stops.
    Ended,
}

/// Whether a client that asks nothing may stay.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Patience {
    /// For [`IDLE_MAX`].
    Limited,
    /// For ever: it watches.
    Endless,
}

/// What a session waited for.
enum Turn {
    Shutdown,
    Answers(Option<Vec<ResponseFrame>>),
    Room,
    Read(io::Result<usize>),
    Alarm,
}

impl<S: Stream> Conversation<S> {
    pub(super) fn new(
        stream: S,
        connection: ConnectionId,
        links: Links,
        outbox: mpsc::Receiver<Vec<ResponseFrame>>,
        welcome: Greeting,
    ) -> Self {
        let now = Instant::now();
        let shutdown = Box::pin(links.shutdown.clone().cancelled_owned());
        Self {
            stream,
            connection,
            links,
            outbox,
            incoming: BytesMut::new(),
            outgoing: BytesMut::from(&welcome.to_hello()[..]),
            intake: Intake::Open,
            in_flight: 0,
            patience: Patience::Limited,
            last_frame: now,
            alarm: Box::pin(sleep_until(now + IDLE_MAX)),
            shutdown,
        }
    }

    pub(super) async fn run(mut self) {
        loop {
            if self.ask().is_break() || self.flush().await.is_break() || self.is_finished() {
                return;
            }
            let turn = self.wait().await;
            if self.apply(turn).is_break() {
                return;
            }
        }
    }

    /// Everything read was asked, everything asked was answered, and nothing more will be read.
    fn is_finished(&self) -> bool {
        self.intake == Intake::Ended && self.in_flight == 0
    }

    /// Hands the requests that have come to the driver, if it has answered those before.
    fn ask(&mut self) -> ControlFlow<()> {
        while self.in_flight == 0 && self.intake != Intake::AwaitingRoom {
            let frames = self.next_batch();
            if frames.is_empty() {
                break;
            }
            self.last_frame = Instant::now();
            self.in_flight = frames.len();
            match self.links.mailbox.try_send(Mail::Asked { connection: self.connection, frames }) {
                Ok(()) => {}
                Err(TrySendError::Full(mail)) => self.answer_busy(&mail),
                Err(TrySendError::Closed(_)) => return ControlFlow::Break(()),
            }
        }
        ControlFlow::Continue(())
    }

    /// Takes the next complete requests out of what was read, as many as may be asked at once.
    fn next_batch(&mut self) -> Vec<RequestFrame> {
        let mut frames = Vec::new();
        while frames.len() < IN_FLIGHT_MAX {
            match AgentCodec::default().decode(&mut self.incoming) {
                Ok(Some(frame)) => {
                    let asks_for_much = asks_for_much(&frame.request);
                    frames.push(frame);
                    if asks_for_much {
                        break;
                    }
                }
                Ok(None) => break,
                // The requests before it are answered first; the bytes stay, and are found again after that.
                Err(_) if !frames.is_empty() => break,
                Err(_) => {
                    self.links.counters.malformed.one();
                    self.incoming.clear();
                    self.intake = Intake::Ended;
                    break;
                }
            }
        }
        frames
    }

    /// The driver is behind: says so, and reads no more until it has caught up.
    fn answer_busy(&mut self, refused: &Mail) {
        let Mail::Asked { frames, .. } = refused else { return };
        self.links.counters.busy.many(frames.len());
        for frame in frames {
            self.take_answer(&ResponseFrame { id: frame.id, response: failed(FailureCode::Busy, BUSY) });
        }
        if self.intake == Intake::Open {
            self.intake = Intake::AwaitingRoom;
        }
    }

    /// Writes all there is to say, or gives the client up.
    async fn flush(&mut self) -> ControlFlow<()> {
        if self.outgoing.is_empty() {
            return ControlFlow::Continue(());
        }
        match timeout(WRITE_STALL_MAX, self.stream.write_all(&self.outgoing)).await {
            Ok(Ok(())) => {
                empty(&mut self.outgoing);
                ControlFlow::Continue(())
            }
            Ok(Err(_)) => ControlFlow::Break(()),
            Err(_) => {
                self.links.counters.cut_off_slow.one();
                ControlFlow::Break(())
            }
        }
    }

    /// Waits for whatever comes first. The order matters where several are ready: the agent's end before all, answers
    /// before new requests, and idleness only when there was nothing else.
    async fn wait(&mut self) -> Turn {
        let reads = self.in_flight == 0 && self.intake == Intake::Open;
        if reads {
            if self.incoming.is_empty() {
                empty(&mut self.incoming);
            }
            self.incoming.reserve(READ_CHUNK);
        }
        tokio::select! {
            biased;
            () = self.shutdown.as_mut(), if self.intake != Intake::Ended => Turn::Shutdown,
            batch = self.outbox.recv() => Turn::Answers(batch),
            _ = self.links.mailbox.reserve(), if self.intake == Intake::AwaitingRoom => Turn::Room,
            read = self.stream.read_buf(&mut self.incoming), if reads => Turn::Read(read),
            () = self.alarm.as_mut() => Turn::Alarm,
        }
    }

    fn apply(&mut self, turn: Turn) -> ControlFlow<()> {
        match turn {
            Turn::Answers(Some(batch)) => self.take_answers(batch),
            // The driver gave this client up, or is gone itself.
            Turn::Answers(None) | Turn::Read(Err(_)) => return ControlFlow::Break(()),
            // A client may close its half and still wait for answers.
            Turn::Shutdown | Turn::Read(Ok(0)) => self.intake = Intake::Ended,
            Turn::Read(Ok(_)) => {}
            Turn::Room => self.intake = Intake::Open,
            Turn::Alarm => return self.judge_idleness(),
        }
        ControlFlow::Continue(())
    }

    /// Encodes a batch and those that wait behind it, up to what one write should carry.
    fn take_answers(&mut self, first: Vec<ResponseFrame>) {
        let mut next = Some(first);
        while let Some(batch) = next {
            for frame in &batch {
                self.take_answer(frame);
            }
            next = if self.outgoing.len() < WRITE_CHUNK { self.outbox.try_recv().ok() } else { None };
        }
    }

    fn take_answer(&mut self, frame: &ResponseFrame) {
        match frame.response {
            // An event answers nothing.
            Response::Event(_) => {}
            Response::Watching => {
                self.patience = Patience::Endless;
                self.in_flight = self.in_flight.saturating_sub(1);
            }
            _ => self.in_flight = self.in_flight.saturating_sub(1),
        }
        self.encode(frame);
    }

    fn encode(&mut self, frame: &ResponseFrame) {
        let mut codec = AgentCodec::default();
        let Err(error) = codec.encode(frame, &mut self.outgoing) else { return };
        self.links.counters.answers_too_large.one();
        let text = format!("the answer cannot be sent, ask for less: {error}");
        let excuse = ResponseFrame { id: frame.id, response: failed(FailureCode::InvalidArgument, &text) };
        let sent: Result<(), WireError> = codec.encode(&excuse, &mut self.outgoing);
        sent.expect("invariant: a failure of one short sentence fits in a frame");
    }

    fn judge_idleness(&mut self) -> ControlFlow<()> {
        let now = Instant::now();
        let until = match self.patience {
            Patience::Limited => self.last_frame + IDLE_MAX,
            Patience::Endless => now + IDLE_MAX,
        };
        if until <= now {
            self.links.counters.closed_idle.one();
            return ControlFlow::Break(());
        }
        self.alarm.as_mut().reset(until);
        ControlFlow::Continue(())
    }
}

/// Whether the answer to one request is large, or the work for it: a batch holds one of these at most, as its last.
fn asks_for_much(request: &Request) -> bool {
    match request {
        Request::Status { .. } | Request::Members | Request::ReportBatch { .. } => true,
        Request::Acquire { .. }
        | Request::Report { .. }
        | Request::Cancel { .. }
        | Request::Query { .. }
        | Request::Watch
        | Request::Operate { .. } => false,
    }
}

fn failed(code: FailureCode, text: &str) -> Response {
    Response::Failed(Failure { code, text: text.to_owned() })
}

/// Empties a buffer, and gives back the memory a rare large frame made it take.
fn empty(buffer: &mut BytesMut) {
    buffer.clear();
    if buffer.capacity() > KEPT_MAX {
        *buffer = BytesMut::new();
    }
}

/// Longest time without a request: an application that calls nothing for ten minutes can connect again in 50 us, and
/// one that leaks connections must not use up those of the others. A permit whose lease is longer needs a client that
/// says something in between. Watchers are exempt.
pub const IDLE_MAX: Duration = Duration::from_secs(600);

/// Longest time the answers of one turn may take to write: a client whose deadline is 5 ms and that has not made room
/// for 64 KiB in a thousand times that is not reading.
pub const WRITE_STALL_MAX: Duration = Duration::from_secs(5);

/// Bytes asked of the socket at once: 64 acquires are about 2.5 KiB, and a thousand quiet connections cost 8 MiB.
const READ_CHUNK: usize = 8 * 1024;

/// Bytes after which answers are written before more are encoded.
const WRITE_CHUNK: usize = 64 * 1024;

/// Largest empty buffer that is kept for the next turn.
const KEPT_MAX: usize = 2 * READ_CHUNK;

const BUSY: &str = "the agent is behind; ask again later";
