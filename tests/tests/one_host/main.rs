//! One agent on one host, as its users meet it: the command line, the daemon's life, its configuration, replays, the
//! client library, and more clients than it takes.
//!
//! Every test starts an agent of its own, in a directory of its own.

mod configuration;
mod crowd;
mod holds;
mod library;
mod lifecycle;
mod permits;
mod readme;
mod replay;
mod verbs;
mod walk;
mod watching;
