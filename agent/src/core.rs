//! The pure half of the agent: what is true of a service, and what follows.
//!
//! Everything here is `(state, event, now, rng) -> effects`, and every state can be cloned, compared and printed.
//! Read it in this order: `policy` (what is asked for), `counts` and `window` (what was seen), `conditions` and
//! `sustained` (what trips), `backoff`, `state`, `breaker` (one service), `share` (children and ancestors), `permits`,
//! `index`, `recency` and `registry` (all services). Then what hosts do together: `digest` (what is told to others),
//! `spans` and `cluster` (what a host counts to tell), `peers` and `ear` (who is heard, and what they say), `evidence`
//! (what follows from what all have told), `opening` and `lots` (a stay in an opening and its probes), `sick`, `guards`
//! (what can be switched off to prove it is needed).
//!
//! **Invariant:** nothing here imports anything but std and `rand_core`: no async, no clock, no entropy, no logging, no
//! I/O, no hash map. A test in `tests/` reads the files to make sure.

pub mod backoff;
pub mod breaker;
pub mod cluster;
pub mod conditions;
pub mod counts;
pub mod digest;
pub mod ear;
pub mod evidence;
pub mod fnv;
pub mod guards;
pub mod index;
pub mod lots;
pub mod opening;
pub mod outcome;
pub mod peers;
pub mod permits;
pub mod policy;
pub mod reason;
pub mod recency;
pub mod registry;
pub mod service;
pub mod share;
pub mod sick;
pub mod spans;
pub mod state;
pub mod store;
pub mod sustained;
pub mod time;
pub mod window;
