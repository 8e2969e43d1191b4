//! The pure half of the agent: what is true of a service, and what follows.
//!
//! Everything here is `(state, event, now, rng) -> effects`, and every state can be cloned, compared and printed.
//!
//! **Invariant:** nothing here imports anything but std and `rand_core`: no async, no clock, no entropy, no logging, no
//! I/O, no hash map. A test in `tests/` reads the files to make sure.

pub mod digest;
pub mod outcome;
pub mod policy;
pub mod service;
pub mod time;
