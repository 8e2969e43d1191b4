//! A well-formed client that makes calls while the agent is abused, and remembers how long it waited.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::stage::Frames;

/// The client, in a thread.
pub(super) struct Witness {
    stops: Arc<AtomicBool>,
    thread: JoinHandle<Seen>,
}

/// What it saw.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    pub(super) calls: u64,
    pub(super) slowest: Duration,
}

impl Witness {
    pub(super) fn begin(socket: &Path) -> Self {
        let stops = Arc::new(AtomicBool::new(false));
        let (socket, is_over) = (socket.to_path_buf(), Arc::clone(&stops));
        let thread = std::thread::spawn(move || {
            let mut seen = Seen::default();
            let mut client = Frames::connect(&socket);
            while !is_over.load(Ordering::SeqCst) {
                seen.slowest = seen.slowest.max(client.call("witness"));
                seen.calls += 1;
                if seen.calls.is_multiple_of(RECONNECT_EVERY) {
                    let began = Instant::now();
                    client = Frames::connect(&socket);
                    seen.slowest = seen.slowest.max(began.elapsed());
                }
                // A rate, not a wait: on two cores a client that never rests would be what the agent suffers from.
                std::thread::park_timeout(BETWEEN_CALLS);
            }
            seen
        });
        Self { stops, thread }
    }

    /// What it saw, if it was answered throughout.
    pub(super) fn end(self) -> Seen {
        self.stops.store(true, Ordering::SeqCst);
        let seen = self.thread.join().expect("the witness was answered throughout");
        assert!(seen.calls > 0, "the witness saw nothing");
        seen
    }
}

/// Some hundred calls a second.
const BETWEEN_CALLS: Duration = Duration::from_millis(2);

/// New connections must get in, too.
const RECONNECT_EVERY: u64 = 8;
