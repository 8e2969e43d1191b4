//! The agent of breakerd: one process per host that decides, for every application on it, whether a call to a service
//! may go ahead.
//!
//! `core` decides and knows nothing of the world; everything else is a thin shell around it.

pub mod core;
pub mod datagram;
pub mod gossip;
pub mod incarnation;
pub mod keyring;
pub mod mail;
pub mod seal;
