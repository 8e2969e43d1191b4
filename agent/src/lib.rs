//! The agent of breakerd: one process per host that decides, for every application on it, whether a call to a service
//! may go ahead.
//!
//! `core` decides and knows nothing of the world. `driver` owns the state and is its only writer. The edges translate:
//! `server` and `session` bytes of clients, `gossip` and `seal` datagrams of peers. `daemon` wires them, in the same way
//! for the real daemon and for the simulator.

pub mod accounts;
pub mod clock;
pub mod config;
pub mod core;
pub mod daemon;
pub mod datagram;
pub mod driver;
pub mod gossip;
pub mod incarnation;
pub mod keyring;
pub mod listener;
pub mod mail;
pub mod observe;
pub mod replay;
pub mod seal;
pub mod server;
pub mod server_counters;
pub mod session;
pub mod socket_path;
