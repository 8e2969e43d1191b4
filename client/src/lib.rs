//! Ask the host's agent whether a call may go ahead, and report how it went.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use breaker_client::{Client, wire::CallReport};
//!
//! let payments = Client::connect_default().service("payments");
//! let permit = payments.acquire().await?;
//! // … make the call …
//! permit.success();
//!
//! let answer = payments
//!     .call(async { Ok::<_, std::io::Error>(42) }, |ended| match ended {
//!         Ok(_) => CallReport::success(),
//!         Err(_) => CallReport::failure("connect"),
//!     })
//!     .await?;
//! # let _ = answer; Ok(())
//! # }
//! ```
//!
//! Without an agent, or with one that is slow, full or confused, calls go ahead: [`Client::acquire`] returns a permit
//! whose [`Permit::standing`] is [`Standing::Unguarded`], and [`Client::counters`] counts it. The only thing that stops
//! a call is an agent that says so within the deadline, 5 ms by default.
//!
//! Code map: `client` is the handle, `order` what it puts into the queue, `link` the task that connects, `session` one
//! connection, `transport` how streams are opened, [`wire`] the protocol, which the agent uses too.

mod batch;
mod client;
mod error;
mod link;
mod options;
mod order;
mod permit;
mod questions;
mod retry;
mod service;
mod session;
pub mod socket_path;
mod tally;
mod transport;
mod watch;
pub mod wire;

pub use client::Client;
pub use error::{AskError, CallError, Rejected};
pub use options::{AcquireOptions, DEADLINE_MAX, Options};
pub use permit::{Permit, Standing};
pub use questions::Operation;
pub use service::Service;
pub use tally::Counters;
pub use transport::{Connector, Opening, Stream};
pub use watch::Watch;
