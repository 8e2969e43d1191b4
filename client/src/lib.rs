//! Ask the host's agent whether a call may go ahead, and report how it went.

pub mod wire;
