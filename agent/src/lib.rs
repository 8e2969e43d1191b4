//! The agent of breakerd: one process per host that decides, for every application on it, whether a call to a service
//! may go ahead.
//!
//! `core` decides and knows nothing of the world; everything else is a thin shell around it.

pub mod config;
pub mod core;
pub mod datagram;
pub mod listener;
pub mod mail;
pub mod server;
pub mod server_counters;
pub mod session;
pub mod socket_path;
