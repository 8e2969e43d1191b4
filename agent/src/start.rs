//! How the daemon comes up: accounts, sockets, keys, incarnation, runtime, signals; and what it says when it is up.
//!
//! One thread runs everything: the agent is a guest on the host. The order is that of what can go wrong: whatever a
//! person got wrong is said before anything is left behind on the host.

use std::error::Error;
use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use breaker_agent::accounts;
use breaker_agent::config::{Config, Given, GivenBy, Overrides};
use breaker_agent::core::guards::Guards;
use breaker_agent::daemon::{self, GossipSeam, Seams};
use breaker_agent::driver::Identity;
use breaker_agent::gossip::{self, Membership};
use breaker_agent::incarnation;
use breaker_agent::keyring::{Exposure, Keyring};
use breaker_agent::listener::{Access, UnixSocket};
use breaker_agent::server::CONNECTIONS_MAX;
use breaker_agent::socket_path::Place;
use breaker_client::socket_path::Environment;
use rand::TryRng;
use rand::rngs::SysRng;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::UdpSocket;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::cli::LogFormat;

/// Begins to log to standard error; `RUST_LOG` says how much.
pub(crate) fn logging(format: LogFormat) {
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(format!("info,{}", gossip::QUIET)));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    match format {
        LogFormat::Text => log.with_ansi(std::io::stderr().is_terminal()).init(),
        LogFormat::Json => log.json().init(),
    }
}

/// What was given, and the host's own name where no id was.
#[must_use]
pub(crate) fn with_host(overrides: &Overrides) -> Overrides {
    let mut overrides = overrides.clone();
    overrides.node_id.get_or_insert_with(|| Given { text: host_name(), by: GivenBy::Default });
    overrides
}

/// Runs the agent until a signal says stop.
pub(crate) fn run(config: Config, file: Option<&Path>, format: LogFormat) -> Result<(), Box<dyn Error>> {
    raise_files_max();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let uid = rustix::process::geteuid().as_raw();
        let listener = listener(&config)?;
        let path = listener.path().to_path_buf();
        let gossip = gossip_seam(&config, &path).await?;
        let mut seed = [0; 32];
        SysRng.try_fill_bytes(&mut seed)?;
        let identity = Identity {
            node: config.node.id.value.as_ref().map(|id| id.as_str().to_owned()).unwrap_or_default(),
            zone: config.node.zone.value.as_ref().map(|zone| zone.as_str().to_owned()),
            seed,
            incarnation: first_incarnation(gossip.as_ref().map(|_| path.as_path()))?,
            gossip_address: gossip.as_ref().map(|gossip| gossip.advertise),
            uid: Some(uid),
        };
        let stopped = stop_signal()?;
        announce(&config, file, &path, gossip.as_ref().map(|gossip| gossip.advertise), format);
        daemon::run(
            Arc::new(config),
            Seams { listener, gossip, identity, guards: Guards::ON, observer: None },
            stopped,
        )
        .await?;
        tracing::info!("stopped");
        Ok(())
    })
}

fn listener(config: &Config) -> Result<UnixSocket, Box<dyn Error>> {
    let places = match &config.socket.path.value {
        Some(path) => vec![Place::given(path.clone())],
        // The command line has looked at the variable already.
        None => Place::defaults(&Environment { socket: None, ..Environment::of_process() }),
    };
    let owner = config.socket.owner.value.as_ref();
    let access = Access {
        mode: config.socket.mode.value.bits(),
        owner: owner.map(|owner| accounts::user(&owner.user)).transpose()?,
        group: owner.and_then(|owner| owner.group.as_ref()).map(accounts::group).transpose()?,
    };
    Ok(UnixSocket::bind_first(&places, access)?)
}

async fn gossip_seam(config: &Config, socket: &Path) -> Result<Option<GossipSeam>, Box<dyn Error>> {
    if !config.gossip.on.value {
        return Ok(None);
    }
    let keyring = config.gossip.keyring.value.as_deref().map(keyring).transpose()?;
    let listen = config.gossip.listen.value;
    let datagrams = UdpSocket::bind(listen).await.map_err(|error| {
        format!(
            "cannot gossip on {listen}: {error}; another agent may use it already: choose another address with \
             --gossip-listen, or run without gossip with --gossip-listen off"
        )
    })?;
    let bound = datagrams.local_addr()?;
    let advertise = config.gossip.advertise.value.unwrap_or(bound);
    let path = incarnation_file(socket);
    Ok(Some(GossipSeam {
        datagrams: Arc::new(datagrams),
        advertise,
        keyring,
        on_incarnation: Arc::new(move |raised| {
            if let Err(error) = incarnation::raise(&path, raised) {
                tracing::warn!(%error, file = %path.display(), "cannot keep the raised incarnation");
            }
        }),
        membership: Membership::Gossiped,
    }))
}

fn keyring(path: &Path) -> Result<Keyring, Box<dyn Error>> {
    let read = Keyring::read(path).map_err(|error| format!("keyring {}: {error}", path.display()))?;
    if read.exposure == Exposure::Exposed {
        tracing::warn!(keyring = %path.display(), "others can read the keyring; chmod 600 keeps it to its owner");
    }
    Ok(read.keyring)
}

#[expect(clippy::disallowed_methods, reason = "the wall clock is read once, for the number of this life")]
fn first_incarnation(gossiping_beside: Option<&Path>) -> Result<u64, Box<dyn Error>> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let clock = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
    // Who speaks to nobody needs no number that only rises.
    let Some(socket) = gossiping_beside else { return Ok(clock) };
    let path = incarnation_file(socket);
    match incarnation::next(&path, clock) {
        // Somebody else's file, most likely: better to ask than to overwrite it.
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => Err(error.into()),
        Err(error) => {
            let file = path.display();
            tracing::warn!(%error, %file, "the incarnation cannot be kept; the clock alone must do, and must not go back");
            Ok(clock)
        }
        Ok(incarnation) => Ok(incarnation),
    }
}

/// Makes room for the files of as many connections as are served, as far as the system lets us: the usual limit of 1,024
/// open files is less than that with what the agent itself has open, and clients would wait at a door that is shut.
fn raise_files_max() {
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|now| now >= FILES_WANTED) {
        return;
    }
    let most = limit.maximum.map_or(FILES_WANTED, |most| FILES_WANTED.min(most));
    let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(most), ..limit });
    if raised.is_err() || most < FILES_WANTED {
        let limit = getrlimit(Resource::Nofile).current.unwrap_or(most);
        tracing::warn!(
            limit,
            wanted = FILES_WANTED,
            "the limit of open files cannot be raised as far as {CONNECTIONS_MAX} connections need; fewer are served"
        );
    }
}

fn incarnation_file(socket: &Path) -> PathBuf {
    socket.with_extension("incarnation")
}

/// Ready at the first SIGTERM or SIGINT.
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => tracing::info!("SIGTERM: stopping"),
            _ = interrupt.recv() => tracing::info!("SIGINT: stopping"),
        }
    })
}

/// Says where the agent can be reached and what to try next.
fn announce(config: &Config, file: Option<&Path>, socket: &Path, gossip: Option<SocketAddr>, format: LogFormat) {
    let node = config.node.id.value.as_ref().map(|id| id.as_str().to_owned()).unwrap_or_default();
    let policy = file.map_or("built-in defaults (no --config)".to_owned(), |file| file.display().to_string());
    let cluster = config.gossip.cluster.value.as_str();
    let talk = match gossip {
        None => "off: this agent is on its own".to_owned(),
        Some(address) => match config.gossip.seeds.value.len() {
            0 => format!("{address}, cluster {cluster}; no seeds yet, so it waits for peers"),
            seeds => format!("{address}, cluster {cluster}, {seeds} seeds"),
        },
    };
    match format {
        LogFormat::Json => tracing::info!(socket = %socket.display(), node, gossip = talk, policy, "ready"),
        LogFormat::Text => {
            let text = format!(
                "breakerd {} is ready.\n  node    {node}\n  socket  {}\n  gossip  {talk}\n  policy  {policy}\n\
                 Try: breakerctl status\n     breakerctl run demo -- false\n",
                env!("CARGO_PKG_VERSION"),
                socket.display(),
            );
            // Whoever closed standard error does not want to know.
            std::io::stderr().write_all(text.as_bytes()).ok();
        }
    }
}

/// The host's name, as far as it can be an id.
fn host_name() -> String {
    let name = rustix::system::uname();
    let name = name.nodename().to_string_lossy();
    let id: String =
        name.chars().filter(|c| c.is_ascii_alphanumeric() || "._-".contains(*c)).take(NODE_ID_MAX).collect();
    if id.is_empty() { "node".to_owned() } else { id }
}

/// Open files for all connections, and some for the agent itself: sockets, a lock, the log, the runtime's own.
const FILES_WANTED: u64 = CONNECTIONS_MAX as u64 + 64;

/// As long as an id may be.
const NODE_ID_MAX: usize = 64;
