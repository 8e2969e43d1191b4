//! One connection of a client, from its hello to its end.
//!
//! A client says hello, the driver is told of the connection, client and driver converse (see `conversation`), and the
//! driver is told that the connection is gone.
//!
//! **Invariant:** after a mail `Connected` exactly one `Gone` follows, after everything else of the connection, however
//! the conversation ends: it is sent outside of what can panic or be cut short.

mod conversation;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use breaker_client::wire::{Greeting, HELLO_LEN, VERSIONS, VersionRange};
use futures_util::FutureExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::listener::Stream;
use crate::mail::{ConnectionId, Mail, OUTBOX_MAX};
use crate::server_counters::ServerCounters;

pub use conversation::{IDLE_MAX, WRITE_STALL_MAX};

use conversation::Conversation;

/// What ties the socket edge to the rest of the agent.
#[derive(Clone, Debug)]
pub struct Links {
    /// The driver's mailbox.
    pub mailbox: mpsc::Sender<Mail>,
    /// What the edge counts.
    pub counters: Arc<ServerCounters>,
    /// Says that the agent stops: nothing more is read, what was read is answered.
    pub shutdown: CancellationToken,
}

/// Whose connection it is.
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    /// Its number.
    pub connection: ConnectionId,
    /// The user at the other end, if somebody is.
    pub uid: Option<u32>,
}

/// Serves one connection until it ends, at the latest when `cut` says so.
///
/// # Panics
/// Only by a bug of ours, and not before the driver was told that the connection is gone.
pub async fn serve<S: Stream>(mut stream: S, caller: Caller, links: Links, cut: CancellationToken) {
    let hello = greet(&mut stream, &links.counters);
    let Some(Some(welcome)) = links.shutdown.run_until_cancelled(hello).await else { return };

    let Caller { connection, uid } = caller;
    let (answers, outbox) = mpsc::channel(OUTBOX_MAX);
    let mailbox = links.mailbox.clone();
    if mailbox.send(Mail::Connected { connection, uid, outbox: answers }).await.is_err() {
        return;
    }
    let conversation = Conversation::new(stream, connection, links, outbox, welcome);
    let ended = AssertUnwindSafe(cut.run_until_cancelled(conversation.run())).catch_unwind().await;
    // Without a driver there is nobody left to tell.
    mailbox.send(Mail::Gone { connection }).await.ok();
    if let Err(panic) = ended {
        std::panic::resume_unwind(panic);
    }
}

/// Reads the client's hello. Returns the greeting to send, or nothing if there is no more to say.
async fn greet<S: Stream>(stream: &mut S, counters: &ServerCounters) -> Option<Greeting> {
    let mut bytes = [0; HELLO_LEN];
    match timeout(HELLO_MAX, stream.read_exact(&mut bytes)).await {
        Ok(Ok(_)) => {}
        // Whoever leaves without a word only looked whether an agent is live.
        Ok(Err(_)) => return None,
        Err(_) => {
            counters.hello_timeouts.one();
            return None;
        }
    }
    let Ok(theirs) = VersionRange::from_hello(bytes) else {
        counters.bad_hello.one();
        return None;
    };
    if let Some(version) = VERSIONS.common(theirs) {
        return Some(Greeting::Welcome { version });
    }
    counters.no_common_version.one();
    let regret = Greeting::NoCommonVersion { agent_max: VERSIONS.max }.to_hello();
    // It is closed next, whether it heard why or not.
    timeout(HELLO_MAX, stream.write_all(&regret)).await.ok();
    None
}

/// Longest time a hello may take: clients say it with their connect, and a paused process deserves another second.
pub const HELLO_MAX: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests;
