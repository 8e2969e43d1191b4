//! Those who ask, at the level of bytes: they write prepared requests and wait for as many bytes as the answers have.
//!
//! Blocking, because that is the least a client can do, and because it leaves the servers a core to themselves.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use breaker_client::wire::{
    BatchEntry, CallReport, ClientCodec, HELLO_LEN, Hold, Permit, REPEAT_MAX, Receipt, Request, RequestFrame, Response,
    ResponseFrame, Standing, VERSIONS,
};
use bytes::BytesMut;
use tokio_util::codec::{Decoder, Encoder};

/// The lengths of a request and of its answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    request: fn() -> Request,
    response: fn() -> Response,
}

impl Shape {
    pub(crate) const ACQUIRE: Self = Self { request: acquire, response: granted };
    pub(crate) const REPORT: Self = Self { request: || report(PERMIT), response: || reported(1) };
    /// Outcomes of 64 services in one frame, 1,024 in all.
    pub(crate) const BATCH: Self = Self { request: || batch(64, 16), response: || reported(64 * 16) };
    /// As many outcomes as the agent takes at once.
    pub(crate) const BATCH_MAX: Self =
        Self { request: || batch(64, REPEAT_MAX / 64), response: || reported(REPEAT_MAX.into()) };

    /// The bytes of so many requests.
    fn requests(self, count: usize) -> Vec<u8> {
        let mut bytes = BytesMut::new();
        for id in 0..count {
            encode(id, (self.request)(), &mut bytes);
        }
        bytes.to_vec()
    }

    fn answer_len(self) -> usize {
        let mut bytes = BytesMut::new();
        let answer = ResponseFrame { id: 0, response: (self.response)() };
        breaker_client::wire::AgentCodec::default().encode(&answer, &mut bytes).expect("it fits in a frame");
        bytes.len()
    }

    /// The first bytes of a connection to the echo.
    pub(crate) fn hello(self) -> [u8; 8] {
        let mut hello = [0; 8];
        let length = |len: usize| u32::try_from(len).expect("frames are short").to_le_bytes();
        hello[..4].copy_from_slice(&length(self.requests(1).len()));
        hello[4..].copy_from_slice(&length(self.answer_len()));
        hello
    }

    /// What goes out and how much comes back, for so many at once.
    pub(crate) fn exchange(self, count: usize) -> (Vec<u8>, usize) {
        (self.requests(count), self.answer_len() * count)
    }
}

/// A connection and the bytes that came last.
struct Line {
    stream: UnixStream,
    answers: Vec<u8>,
}

impl Line {
    fn open<const N: usize>(path: &Path, hello: [u8; N]) -> Self {
        let stream = std::iter::repeat_with(|| UnixStream::connect(path)).find_map(Result::ok);
        let mut line = Self { stream: stream.expect("it tries for ever"), answers: Vec::new() };
        // An answer of another length than expected ends the benchmark here.
        line.stream.set_read_timeout(Some(Duration::from_secs(10))).expect("it is not zero");
        line.exchange(&hello, N);
        line
    }

    fn exchange(&mut self, requests: &[u8], answers_len: usize) -> &[u8] {
        self.answers.resize(answers_len, 0);
        self.stream.write_all(requests).expect("the server reads");
        self.stream.read_exact(&mut self.answers).expect("the server answers as expected");
        &self.answers
    }

    /// Reports every call whose grant is among these bytes.
    fn report_all(&mut self, answers: &[u8]) {
        let mut answers = BytesMut::from(answers);
        let mut reports = BytesMut::new();
        let mut count = 0;
        while let Some(permit) = next_permit(&mut answers) {
            encode(count, report(permit), &mut reports);
            count += 1;
        }
        self.exchange(&reports, count * Shape::REPORT.answer_len());
    }
}

/// Acquires, so many at once; the reports that follow are not measured.
pub(crate) struct Acquires {
    line: Line,
    requests: Vec<u8>,
    answers_len: usize,
    /// Exchanges before the calls are reported.
    exchanges: u64,
}

impl Acquires {
    pub(crate) fn new(path: &Path, pipelined: usize) -> Self {
        let (requests, answers_len) = Shape::ACQUIRE.exchange(pipelined);
        let exchanges = (REPORTED_TOGETHER / pipelined) as u64;
        Self { line: Line::open::<HELLO_LEN>(path, VERSIONS.to_hello()), requests, answers_len, exchanges }
    }

    pub(crate) fn measure(&mut self, times: u64) -> Duration {
        let mut took = Duration::ZERO;
        let mut left = times;
        while left > 0 {
            let now = left.min(self.exchanges);
            let mut answers = Vec::new();
            let began = Instant::now();
            for _ in 0..now {
                answers.extend_from_slice(self.line.exchange(&self.requests, self.answers_len));
            }
            took += began.elapsed();
            self.line.report_all(&answers);
            left -= now;
        }
        took
    }
}

/// Acquire, and then the report of the call, as two round trips.
pub(crate) struct AcquireAndReport {
    line: Line,
    acquire: Vec<u8>,
    granted_len: usize,
    reported_len: usize,
}

impl AcquireAndReport {
    pub(crate) fn new(path: &Path) -> Self {
        let (acquire, granted_len) = Shape::ACQUIRE.exchange(1);
        let line = Line::open::<HELLO_LEN>(path, VERSIONS.to_hello());
        Self { line, acquire, granted_len, reported_len: Shape::REPORT.answer_len() }
    }

    pub(crate) fn measure(&mut self, times: u64) -> Duration {
        let mut answer = BytesMut::new();
        let mut request = BytesMut::new();
        let began = Instant::now();
        for _ in 0..times {
            answer.extend_from_slice(self.line.exchange(&self.acquire, self.granted_len));
            let permit = next_permit(&mut answer).expect("the answer is whole");
            encode(0, report(permit), &mut request);
            self.line.exchange(&request.split(), self.reported_len);
        }
        began.elapsed()
    }
}

/// Exchanges that ask for nothing afterwards, one after the other.
pub(crate) struct Exchanges {
    lines: Vec<(Line, Vec<u8>, usize)>,
}

impl Exchanges {
    pub(crate) fn with_agent(path: &Path, shape: Shape) -> Self {
        let (requests, answers_len) = shape.exchange(1);
        Self { lines: vec![(Line::open::<HELLO_LEN>(path, VERSIONS.to_hello()), requests, answers_len)] }
    }

    /// Exchanges of the sizes of these shapes.
    pub(crate) fn with_echo(path: &Path, shapes: &[Shape], pipelined: usize) -> Self {
        let line = |shape: &Shape| {
            let (requests, answers_len) = shape.exchange(pipelined);
            (Line::open(path, shape.hello()), requests, answers_len)
        };
        Self { lines: shapes.iter().map(line).collect() }
    }

    pub(crate) fn measure(&mut self, times: u64) -> Duration {
        let began = Instant::now();
        for _ in 0..times {
            for (line, requests, answers_len) in &mut self.lines {
                line.exchange(requests, *answers_len);
            }
        }
        began.elapsed()
    }
}

fn acquire() -> Request {
    Request::Acquire { service: "payments/10.0.0.5:8080".to_owned(), timeout_us: None, hold: Hold::Connection }
}

fn granted() -> Response {
    Response::Granted(Permit { id: Some(PERMIT), standing: Standing::Allowed, lease_ms: 30_000, timeout_us: None })
}

fn report(permit: u64) -> Request {
    Request::Report { permit, call: success() }
}

fn batch(services: u32, repeat: u32) -> Request {
    let entry = |number| BatchEntry { service: format!("payments/10.0.0.{number}:8080"), call: success(), repeat };
    Request::ReportBatch { entries: (0..services).map(entry).collect() }
}

fn success() -> CallReport {
    CallReport::success().took(Duration::from_millis(3))
}

fn reported(calls: u64) -> Response {
    Response::Reported(Receipt { counted: calls, ..Receipt::default() })
}

/// The permit of the first grant among these bytes, which it is taken from.
fn next_permit(answers: &mut BytesMut) -> Option<u64> {
    match ClientCodec::default().decode(answers).expect("the agent speaks the protocol")?.response {
        Response::Granted(Permit { id: Some(permit), .. }) => Some(permit),
        other => panic!("a grant was expected: {other:?}"),
    }
}

fn encode(id: usize, request: Request, to: &mut BytesMut) {
    // One byte of number in every frame, so that all have one length.
    let id = u32::try_from(id % 100).expect("it is below a hundred");
    ClientCodec::default().encode(&RequestFrame { id, request }, to).expect("it fits in a frame");
}

/// A permit's number as long as all of them are.
const PERMIT: u64 = u64::MAX / 2;

/// Calls reported together, outside of what is measured: what the agent has out meanwhile is what a busy client has.
const REPORTED_TOGETHER: usize = 64;
