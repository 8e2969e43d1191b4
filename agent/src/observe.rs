//! A window into a running agent, for whoever starts it: everything it decides, as it decides it.
//!
//! The daemon starts without one. The simulator looks through it to check at every event what must always hold, which
//! no client could: clients see what the agent does with calls, not what it rests on.
//!
//! **Invariant:** an observer is told and asked nothing; it cannot change what the agent does.

use crate::core::digest::Testimony;
use crate::core::service::ServiceName;
use crate::core::state::{HostNotice, Notice};
use crate::core::time::MonoTime;

/// What can be seen.
#[derive(Clone, Copy, Debug)]
pub enum Observed<'a> {
    /// Something happened to a service's breakers.
    Service(&'a ServiceName, &'a Notice),
    /// Something happened to the host.
    Host(&'a HostNotice),
    /// A peer's digest was taken in.
    Heard(&'a Testimony),
}

/// Is told what happens, on the agent's own clock.
pub type Observer = Box<dyn FnMut(MonoTime, Observed<'_>) + Send>;
