//! How a client reaches its agent: a closure that opens a byte stream, and the exchange of hellos on it.
//!
//! The closure is the seam for everything that is not a Unix socket: the simulator's in-memory stream, a test's duplex.
//! It is called again for every new connection, so an agent that starts later, or at another of the default places, is
//! found. Nothing here waits without a limit but the closure itself; the caller sets that limit.

use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::UnixStream;

use crate::error::AskError;
use crate::socket_path::{Environment, Place};
use crate::wire::{Greeting, HELLO_LEN, VERSIONS};

/// A byte stream to an agent. What is written to it must go out without a flush.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A future on the heap, as a [`Connector`] returns it.
pub type Opening = Pin<Box<dyn Future<Output = io::Result<Box<dyn Stream>>> + Send>>;

/// Opens streams to the agent.
#[derive(Clone)]
pub struct Connector(Arc<dyn Fn() -> Opening + Send + Sync>);

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Connector")
    }
}

impl Connector {
    /// A connector that calls `open` for every connection.
    pub fn new<F, Fut, S>(open: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = io::Result<S>> + Send + 'static,
        S: Stream + 'static,
    {
        Self(Arc::new(move || {
            let opening = open();
            Box::pin(async move { opening.await.map(|stream| Box::new(stream) as Box<dyn Stream>) })
        }))
    }

    /// The socket at one path.
    #[must_use]
    pub fn path(path: &Path) -> Self {
        Self::places(vec![Place::Own(path.to_owned())], u32::MAX)
    }

    /// The first of the places named by `environment` where an agent answers.
    #[must_use]
    pub fn default_places(environment: &Environment) -> Self {
        Self::places(environment.candidates(), environment.uid)
    }

    /// One stream, for one connection; after it ends there is no agent.
    pub fn once<S: Stream + 'static>(stream: S) -> Self {
        let left = Arc::new(Mutex::new(Some(stream)));
        Self::new(move || {
            let taken = left.lock().unwrap_or_else(PoisonError::into_inner).take();
            async move { taken.ok_or_else(|| io::Error::new(io::ErrorKind::NotConnected, "the one stream has ended")) }
        })
    }

    fn places(places: Vec<Place>, uid: u32) -> Self {
        let places: Arc<[Place]> = places.into();
        Self::new(move || first_that_answers(Arc::clone(&places), uid))
    }

    /// Opens a stream and exchanges hellos on it.
    pub(crate) async fn open(&self) -> Result<Box<dyn Stream>, AskError> {
        let mut stream = (self.0)().await.map_err(|error| AskError::no_agent(&error))?;
        let answer = exchange_hellos(&mut stream).await.map_err(|error| AskError::no_agent(&error))?;
        match Greeting::from_hello(answer) {
            Ok(Greeting::Welcome { version }) if (VERSIONS.min..=VERSIONS.max).contains(&version) => Ok(stream),
            Ok(Greeting::Welcome { version }) => {
                Err(AskError::protocol(format!("the agent chose version {version}, which was not offered")))
            }
            Ok(Greeting::NoCommonVersion { agent_max }) => Err(AskError::protocol(format!(
                "the agent speaks the protocol up to version {agent_max}, this client from version {}",
                VERSIONS.min
            ))),
            Ok(Greeting::Full) => Err(AskError::AgentFull),
            Err(error) => Err(AskError::protocol(error.to_string())),
        }
    }
}

/// A full agent may have said so and closed before our hello got through, so a failed write alone ends nothing.
async fn exchange_hellos(stream: &mut Box<dyn Stream>) -> io::Result<[u8; HELLO_LEN]> {
    let written = stream.write_all(&VERSIONS.to_hello()).await;
    let mut answer = [0; HELLO_LEN];
    match stream.read_exact(&mut answer).await {
        Ok(_) => Ok(answer),
        Err(read_error) => Err(written.err().unwrap_or(read_error)),
    }
}

async fn first_that_answers(places: Arc<[Place]>, uid: u32) -> io::Result<UnixStream> {
    let mut failures = Vec::new();
    for place in places.iter() {
        match connect(place, uid).await {
            Ok(stream) => return Ok(stream),
            Err(error) => failures.push((place.path().to_owned(), error)),
        }
    }
    Err(all_failed(&failures))
}

async fn connect(place: &Place, uid: u32) -> io::Result<UnixStream> {
    let stream = UnixStream::connect(place.path()).await?;
    if let Place::Shared(_) = place {
        let owner = stream.peer_cred()?.uid();
        if owner != uid && owner != ROOT {
            let stranger = format!("its agent is run by uid {owner}, neither this user nor root");
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, stranger));
        }
    }
    Ok(stream)
}

fn all_failed(failures: &[(PathBuf, io::Error)]) -> io::Error {
    let kind = failures.first().map_or(io::ErrorKind::NotFound, |(_, error)| error.kind());
    let tried: Vec<String> = failures.iter().map(|(path, error)| format!("{} ({error})", path.display())).collect();
    io::Error::new(kind, tried.join(", "))
}

const ROOT: u32 = 0;
