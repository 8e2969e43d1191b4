//! The protocol of the socket spoken by hand: for what no well-behaved client does, and to measure one that does.
//!
//! Blocking, one question at a time; the bytes are those of `client::wire`.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use breaker_client::wire::{
    CallReport, Greeting, HELLO_LEN, Hold, Request, RequestFrame, Response, ResponseFrame, StatusPage, VERSIONS,
    WithPeers, from_bytes, to_bytes,
};

use super::wait::PATIENCE;

/// A connection that was welcomed.
#[derive(Debug)]
pub struct Frames {
    stream: UnixStream,
    next_id: u32,
}

impl Frames {
    /// Connects and says hello.
    ///
    /// # Panics
    /// If that is not welcomed.
    #[must_use]
    pub fn connect(socket: &Path) -> Self {
        match Self::try_connect(socket) {
            Ok((frames, Greeting::Welcome { .. })) => frames,
            other => panic!("not welcomed: {other:?}"),
        }
    }

    /// Connects, says hello, and hears what the agent says to that.
    ///
    /// # Errors
    /// What the socket says.
    pub fn try_connect(socket: &Path) -> io::Result<(Self, Greeting)> {
        let mut stream = open(socket)?;
        // A full agent may have said so and closed before this: what it said is there to be read all the same.
        let written = stream.write_all(&VERSIONS.to_hello());
        let mut answer = [0; HELLO_LEN];
        stream.read_exact(&mut answer).map_err(|error| written.err().unwrap_or(error))?;
        let greeting = Greeting::from_hello(answer).map_err(io::Error::other)?;
        Ok((Self { stream, next_id: 0 }, greeting))
    }

    /// One question and its answer.
    ///
    /// # Panics
    /// If there is none.
    pub fn ask(&mut self, request: Request) -> Response {
        self.try_ask(request).expect("the agent answers a well-formed question")
    }

    /// The same.
    ///
    /// # Errors
    /// What the socket says, or that the answer belongs to another question.
    pub fn try_ask(&mut self, request: Request) -> io::Result<Response> {
        let id = self.send(request)?;
        let answer = self.receive()?;
        if answer.id == id { Ok(answer.response) } else { Err(io::Error::other(format!("{answer:?} is not for {id}"))) }
    }

    /// Asks and does not wait; the question's number.
    ///
    /// # Errors
    /// What the socket says.
    pub fn send(&mut self, request: Request) -> io::Result<u32> {
        let id = self.next_id;
        self.next_id += 1;
        self.stream.write_all(&frame(&RequestFrame { id, request }))?;
        Ok(id)
    }

    /// The next answer.
    ///
    /// # Errors
    /// What the socket says; [`io::ErrorKind::InvalidData`] if the end comes in the middle of an answer.
    pub fn receive(&mut self) -> io::Result<ResponseFrame> {
        let mut length = [0; 4];
        self.stream.read_exact(&mut length)?;
        let mut body = vec![0; u32::from_le_bytes(length) as usize];
        self.stream.read_exact(&mut body).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        from_bytes(&body).map_err(io::Error::other)
    }

    /// One call as a well-formed client makes it, asked for and reported; how long the slower of the two answers took.
    ///
    /// # Panics
    /// If it is not granted, or not counted.
    pub fn call(&mut self, service: &str) -> Duration {
        let asked = Instant::now();
        let acquire = Request::Acquire { service: service.to_owned(), timeout_us: None, hold: Hold::Connection };
        let permit = match self.ask(acquire) {
            Response::Granted(permit) => permit.id.expect("the service is tracked"),
            other => panic!("not granted: {other:?}"),
        };
        let granted = asked.elapsed();
        let report = Request::Report { permit, call: CallReport::success() };
        let reported = Instant::now();
        match self.ask(report) {
            Response::Reported(receipt) if receipt.counted == 1 => granted.max(reported.elapsed()),
            other => panic!("not counted: {other:?}"),
        }
    }

    /// The agent and up to a hundred of its services.
    ///
    /// # Panics
    /// If the agent does not say.
    pub fn status(&mut self) -> StatusPage {
        let status = Request::Status { service: None, after: None, limit: 100, peers: WithPeers::No };
        match self.ask(status) {
            Response::Status(page) => page,
            other => panic!("no status: {other:?}"),
        }
    }

    /// One of the agent's counters.
    ///
    /// # Panics
    /// If there is none of that name.
    pub fn counter(&mut self, name: &str) -> u64 {
        let counters = self.status().agent.counters;
        let found = counters.iter().find(|counter| counter.name == name);
        found.unwrap_or_else(|| panic!("no counter {name} in {counters:?}")).count
    }

    /// The bare stream.
    #[must_use]
    pub fn stream(&self) -> &UnixStream {
        &self.stream
    }
}

/// A bare connection, with the tests' patience.
///
/// # Errors
/// What the socket says.
pub(crate) fn open(socket: &Path) -> io::Result<UnixStream> {
    let stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// A message with its length before it.
pub(crate) fn frame(message: &RequestFrame) -> Vec<u8> {
    framed(&to_bytes(message).expect("every request has an encoding"))
}

/// Bytes with their length before them.
pub(crate) fn framed(body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).expect("no test sends 4 GiB");
    [&length.to_le_bytes(), body].concat()
}
