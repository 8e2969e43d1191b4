//! The stage on which the tests play: real agents in processes of their own, a real service, a real client of it, and
//! what can be done to them from outside.
//!
//! Nothing here reaches into an agent. Whatever a test learns it learns as a user would: from the socket, the command
//! line, the log, the exit status, the file system. Whatever is started ends with the value that stands for it, and
//! every process sees an environment of ours, with none of the variables of whoever runs the tests.
//!
//! **Invariant:** nothing waits for a fixed time; everything waits for a condition, with a deadline that fails the test
//! and says what was waited for.

mod agent;
mod binaries;
mod cluster;
mod ctl;
mod folder;
mod frames;
mod hosts;
mod namespaces;
mod relay;
mod wait;
mod web;

pub use agent::{Agent, Plan};
pub use binaries::{Binaries, binaries};
pub use cluster::{Cluster, INTERVAL, free_address, keyring, member, policy};
pub use ctl::Ended;
pub use folder::Folder;
pub use frames::Frames;
pub(crate) use frames::{framed, open};
pub use hosts::{Ground, Hosts, Weather};
pub use relay::{Relay, Spoken};
pub use wait::{PATIENCE, eventually, wait_for, wait_until};
pub use web::{Mood, Web, curl};
