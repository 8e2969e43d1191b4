//! What happened, in order, as text; and one number that stands for all of it.
//!
//! A trace is lines of tab-separated columns, the first line naming them:
//!
//! ```text
//! time_us  host  event       what
//! 512000   h3    sent        ADDRESS BYTES HASH      a datagram left the agent
//! 514000   h4    received    ADDRESS BYTES HASH      and reached another one
//! 512000   h3    lost        ADDRESS BYTES HASH      or was dropped on purpose
//! 612000   h3    transition  SERVICE FROM TO REASON  an agent said so to a watching client
//! 914000   h4    shown       SERVICE NODE STATE      an agent's status shows what another one says
//! 614000   h4    exceeded    SERVICE REASON          a breaker that only measures would have tripped
//! 615000   h4    cluster     SERVICE STEP NUMBER WHY a cluster breaker took a step in the opening of that number
//! 900000   h4    host        CONDITION               the host is deaf, hears, is sick or well again
//! 950000   h4    lives       TURN                    the host started, crashed, was paused or resumed
//! 960000   -     fault       INDEX TURN              a fault of the scenario begins or ends; they count from 0
//! ```
//!
//! Times are simulated microseconds, addresses those of the other end, hashes FNV-1a of the datagram's bytes. The
//! trace's own hash is FNV-1a over the lines as written, so that it can be computed again from the file. FNV is no
//! cryptographic hash; it need only tell runs apart that nobody has built to collide.
//!
//! **Invariant:** the seed, the process and the real clock are not in the trace: it differs only if the run does.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use breaker_agent::core::fnv::Fnv;

/// Something that happened on a host.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// A datagram left the agent.
    Sent(Datagram<'a>),
    /// A datagram reached the agent.
    Received(Datagram<'a>),
    /// A datagram that left the agent was dropped on purpose.
    Lost(Datagram<'a>),
    /// A breaker changed its state.
    Transition {
        /// The service.
        service: &'a str,
        /// The state it left.
        from: &'a str,
        /// The state it entered.
        to: &'a str,
        /// The reason's code.
        reason: &'a str,
    },
    /// The agent's status shows a peer's digest in a new state.
    Shown {
        /// The service.
        service: &'a str,
        /// The peer.
        node: &'a str,
        /// The state the peer says it is in.
        state: &'a str,
    },
    /// A breaker that only measures would have tripped.
    Exceeded {
        /// The service.
        service: &'a str,
        /// The reason's code.
        reason: &'a str,
    },
    /// A cluster breaker took a step.
    Cluster {
        /// The service.
        service: &'a str,
        /// The step.
        step: &'a str,
        /// The opening.
        number: u64,
        /// What else there is to say of it, in words without tabs.
        why: &'a str,
    },
    /// The host is deaf, hears, is sick or well again.
    Host {
        /// Which.
        condition: &'a str,
    },
    /// The host started, crashed, was paused or resumed.
    Lives {
        /// Which.
        turn: &'a str,
    },
    /// A fault of the scenario turns.
    Fault {
        /// Its number, from 0.
        index: usize,
        /// Whether it begins or ends.
        turn: &'a str,
    },
}

/// A datagram as it passes.
#[derive(Clone, Copy, Debug)]
pub struct Datagram<'a> {
    /// The other end.
    pub peer: SocketAddr,
    /// Its bytes.
    pub bytes: &'a [u8],
}

/// A trace being written. Clones write the same one.
#[derive(Clone)]
pub struct Recorder(Arc<Mutex<Trace>>);

struct Trace {
    hash: Fnv,
    events: u64,
    line: String,
    file: Option<Box<dyn Write + Send>>,
    failed: Option<io::Error>,
}

/// What a trace came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The hash of all lines.
    pub hash: u64,
    /// How many things happened.
    pub events: u64,
}

impl Recorder {
    /// A trace that is only hashed.
    #[must_use]
    pub fn hashing() -> Self {
        Self::new(None)
    }

    /// A trace that is hashed and written.
    #[must_use]
    pub fn writing(file: Box<dyn Write + Send>) -> Self {
        Self::new(Some(file))
    }

    fn new(file: Option<Box<dyn Write + Send>>) -> Self {
        let mut trace = Trace { hash: Fnv::NOTHING, events: 0, line: COLUMNS.to_owned(), file, failed: None };
        trace.finish_line();
        Self(Arc::new(Mutex::new(trace)))
    }

    /// Adds what happened at a time on a host.
    pub fn record(&self, at: Duration, host: &str, event: Event<'_>) {
        let mut trace = self.lock();
        trace.events += 1;
        trace.line.clear();
        // Writing to a string cannot fail.
        let _ = write!(trace.line, "{}\t{host}\t", at.as_micros()).and_then(|()| event.write(&mut trace.line));
        trace.finish_line();
    }

    /// What it has come to so far; everything is in the file then.
    ///
    /// # Errors
    /// The first error of the file.
    pub fn summary(&self) -> io::Result<Summary> {
        let mut trace = self.lock();
        if let Some(error) = trace.failed.take() {
            return Err(error);
        }
        trace.file.as_mut().map_or(Ok(()), |file| file.flush())?;
        Ok(Summary { hash: trace.hash.value(), events: trace.events })
    }

    fn lock(&self) -> MutexGuard<'_, Trace> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Trace {
    fn finish_line(&mut self) {
        self.line.push('\n');
        self.hash = self.hash.with(self.line.as_bytes());
        if let Some(Err(error)) = self.file.as_mut().map(|file| file.write_all(self.line.as_bytes())) {
            self.failed = Some(error);
            self.file = None;
        }
    }
}

impl Event<'_> {
    fn write(&self, line: &mut String) -> std::fmt::Result {
        match self {
            Self::Sent(datagram) => datagram.write("sent", line),
            Self::Received(datagram) => datagram.write("received", line),
            Self::Lost(datagram) => datagram.write("lost", line),
            Self::Transition { service, from, to, reason } => {
                write!(line, "transition\t{service}\t{from}\t{to}\t{reason}")
            }
            Self::Shown { service, node, state } => write!(line, "shown\t{service}\t{node}\t{state}"),
            Self::Exceeded { service, reason } => write!(line, "exceeded\t{service}\t{reason}"),
            Self::Cluster { service, step, number, why } => {
                write!(line, "cluster\t{service}\t{step}\t{number}\t{why}")
            }
            Self::Host { condition } => write!(line, "host\t{condition}"),
            Self::Lives { turn } => write!(line, "lives\t{turn}"),
            Self::Fault { index, turn } => write!(line, "fault\t{index}\t{turn}"),
        }
    }
}

impl Datagram<'_> {
    fn write(&self, event: &str, line: &mut String) -> std::fmt::Result {
        let hash = Fnv::of(self.bytes).value();
        write!(line, "{event}\t{}\t{}\t{hash:016x}", self.peer, self.bytes.len())
    }
}

const COLUMNS: &str = "time_us\thost\tevent\twhat";

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Full;

    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn sent(bytes: &[u8]) -> Event<'_> {
        Event::Sent(Datagram { peer: "192.168.0.2:7373".parse().unwrap(), bytes })
    }

    #[test]
    fn the_hash_of_a_trace_is_that_of_its_file() {
        let page = Page::default();
        let recorder = Recorder::writing(Box::new(page.clone()));
        recorder.record(Duration::from_millis(3), "h0", sent(b"foobar"));
        recorder.record(
            Duration::from_millis(4),
            "h1",
            Event::Transition { service: "payments", from: "closed", to: "open", reason: "failure_rate" },
        );
        let written = page.0.lock().unwrap().clone();
        let lines: Vec<_> = std::str::from_utf8(&written).unwrap().lines().collect();
        assert_eq!(lines[0], COLUMNS);
        assert_eq!(lines[1], "3000\th0\tsent\t192.168.0.2:7373\t6\t85944171f73967e8");
        assert_eq!(lines[2], "4000\th1\ttransition\tpayments\tclosed\topen\tfailure_rate");
        assert_eq!(recorder.summary().unwrap(), Summary { hash: Fnv::of(&written).value(), events: 2 });
    }

    #[test]
    fn time_host_content_and_order_all_change_the_hash() {
        let trace = |events: &[(u64, &str, &[u8])]| {
            let recorder = Recorder::hashing();
            for (ms, host, bytes) in events {
                recorder.record(Duration::from_millis(*ms), host, sent(bytes));
            }
            recorder.summary().unwrap().hash
        };
        let hashes = [
            trace(&[(1, "h0", b"a"), (1, "h1", b"b")]),
            trace(&[(1, "h1", b"b"), (1, "h0", b"a")]),
            trace(&[(2, "h0", b"a"), (1, "h1", b"b")]),
            trace(&[(1, "h2", b"a"), (1, "h1", b"b")]),
            trace(&[(1, "h0", b"c"), (1, "h1", b"b")]),
            trace(&[(1, "h0", b"a")]),
            trace(&[]),
        ];
        let distinct: std::collections::BTreeSet<_> = hashes.iter().collect();
        assert_eq!(distinct.len(), hashes.len());
    }

    #[test]
    fn a_file_that_cannot_be_written_is_said() {
        let recorder = Recorder::writing(Box::new(Full));
        recorder.record(Duration::ZERO, "h0", sent(b"a"));
        assert_eq!(recorder.summary().unwrap_err().kind(), io::ErrorKind::StorageFull);
    }
}
