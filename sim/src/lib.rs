//! Clusters of breakerd agents in one thread, in simulated time, each run repeatable from its seed.
//!
//! The agents are the real ones, started through `breaker_agent::daemon::run`; what differs from a real host comes in
//! through the seams that function has. Code map: `fabric` is the network (turmoil), `listener` joins applications to
//! their agent, `host` is one agent with its application, `cluster` many of them, `scenario` what happens to them,
//! `trace` what did happen, `report` what came of it. The program adds the command line, and `entropy`, without which a
//! run would not repeat: whatever draws from the operating system is given a seed too.

pub mod cluster;
pub mod engine;
pub mod fabric;
pub mod host;
pub mod listener;
pub mod metric;
pub mod outcome;
pub mod plan;
pub mod report;
pub mod scenario;
pub mod series;
pub mod trace;
