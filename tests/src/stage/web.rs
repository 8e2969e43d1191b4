//! A real service over HTTP that can fail, vanish and come back, and the real client that calls it.
//!
//! The server speaks just enough HTTP/1.1 for curl: it reads a request's head, answers, and closes. It runs in a thread
//! of the test. Stopped, its port refuses connections as that of a dead process does; started again, it has the same
//! port. It listens on 127.0.0.2, because clients' own ports are taken on 127.0.0.1 and might take this one meanwhile;
//! or on a host of its own in a namespace: the socket is opened there, the thread need not be.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

use super::namespaces::Space;
use super::wait::PATIENCE;

/// The service.
#[derive(Debug)]
pub struct Web {
    /// Where it runs; `None` on loopback.
    space: Option<Space>,
    address: SocketAddr,
    state: Arc<State>,
    server: Option<JoinHandle<()>>,
}

/// How it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// 200.
    Well,
    /// 500.
    Failing,
}

#[derive(Debug, Default)]
struct State {
    fails: AtomicBool,
    stops: AtomicBool,
    requests: AtomicU64,
}

impl Web {
    /// A service that is well.
    ///
    /// # Panics
    /// If there is no port for it.
    #[must_use]
    pub fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::new(127, 0, 0, 2), 0)).expect("loopback has a free port");
        let address = listener.local_addr().expect("it is bound");
        let mut web = Self { space: None, address, state: Arc::default(), server: None };
        web.serve(listener);
        web
    }

    /// The same on a host of its own.
    pub(super) fn start_in(space: &Space) -> Self {
        let address = SocketAddr::new(space.address(), PORT);
        let mut web = Self { space: Some(space.clone()), address, state: Arc::default(), server: None };
        web.start_again();
        web
    }

    /// Its address for a client.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Requests it has answered.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.state.requests.load(Ordering::SeqCst)
    }

    /// From now on it answers so.
    pub fn be(&self, mood: Mood) {
        self.state.fails.store(mood == Mood::Failing, Ordering::SeqCst);
    }

    /// Vanishes: from now on its port refuses.
    pub fn stop(&mut self) {
        let Some(server) = self.server.take() else { return };
        self.state.stops.store(true, Ordering::SeqCst);
        // Wakes the server; it closes the port before it looks at this.
        let _ = self.there(TcpStream::connect);
        server.join().expect("the server does not panic");
    }

    /// Comes back.
    ///
    /// # Panics
    /// If it still runs, or its port is taken.
    pub fn start_again(&mut self) {
        assert!(self.server.is_none(), "it still runs");
        self.serve(self.there(TcpListener::bind).expect("its port is still free"));
    }

    /// Opens something at its address, where it runs.
    fn there<T: Send>(&self, open: impl FnOnce(SocketAddr) -> T + Send) -> T {
        match &self.space {
            None => open(self.address),
            Some(space) => space.within(|| open(self.address)),
        }
    }

    fn serve(&mut self, listener: TcpListener) {
        self.state.stops.store(false, Ordering::SeqCst);
        let state = Arc::clone(&self.state);
        self.server = Some(std::thread::spawn(move || {
            for stream in listener.incoming() {
                if state.stops.load(Ordering::SeqCst) {
                    return;
                }
                // A client that goes away in the middle is its own business.
                let _ = stream.and_then(|stream| state.answer(stream));
            }
        }));
    }
}

impl State {
    fn answer(&self, mut stream: TcpStream) -> std::io::Result<()> {
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut head = Vec::new();
        let mut chunk = [0; 1024];
        while !head.windows(4).any(|end| end == b"\r\n\r\n") && head.len() < HEAD_MAX {
            let read = stream.read(&mut chunk)?;
            if read == 0 {
                return Ok(());
            }
            head.extend_from_slice(&chunk[..read]);
        }
        self.requests.fetch_add(1, Ordering::SeqCst);
        let (status, body) = if self.fails.load(Ordering::SeqCst) {
            ("500 Internal Server Error", "ill\n")
        } else {
            ("200 OK", "well\n")
        };
        let length = body.len();
        write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}")
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The words of a call to the service with curl: fails on 500 (status 22) and on a dead port (status 7).
///
/// # Panics
/// If there is no curl. A test that calls nothing real would prove nothing, so it does not pass either.
#[must_use]
pub fn curl(url: &str) -> [String; 6] {
    let found =
        std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join("curl").is_file()));
    assert!(found, "curl is missing: these tests call a real service with it; `apt-get install curl`");
    ["curl", "-sS", "--fail", "--max-time", "10", url].map(str::to_owned)
}

/// Its port on a host of its own, below those the system gives to clients.
const PORT: u16 = 8_080;

/// Longest head of a request that is read: curl's has some 80 bytes.
const HEAD_MAX: usize = 16 * 1024;
