//! Clusters of breakerd agents in one thread, in simulated time, each run repeatable from its seed.
//!
//! The agents are the real ones, started through `breaker_agent::daemon::run`; what differs from a real host comes in
//! through the seams that function has. Code map: `plan` is what is to happen, `engine` makes it happen and `outcome` is
//! what came of it; `fabric` is the network (turmoil, or a queue in memory), `host` is one agent with its applications,
//! `listener` joins the two, `cluster` is many hosts, `faults` what is done to them and when; `world` has the services,
//! the callers and the judge, `news` times how news spread, `trace` is what did happen. The program adds the command
//! line, and `entropy`, without which a run would not repeat: whatever draws from the operating system is given a seed
//! too.

pub mod cluster;
pub mod engine;
pub mod fabric;
pub mod faults;
pub mod host;
pub mod listener;
pub mod news;
pub mod outcome;
pub mod plan;
pub mod report;
pub mod scenario;
pub mod trace;
pub mod world;
