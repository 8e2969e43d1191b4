//! The server over an in-memory listener in paused time.
pub(crate) mod stand_in;
