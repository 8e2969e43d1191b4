//! Clusters of breakerd agents in simulated time, each run repeatable from its seed, and many runs side by side.
//!
//! The agents are the real ones, started through `breaker_agent::daemon::run`; what differs from a real host comes in
//! through the seams that function has. Code map, from the outside in: `sweep`, `compare` and `mutants` plan many runs,
//! `runner` gives each a process of its own, `journal` remembers which are done, `table` and `report` say what came of
//! them, `html` draws it. A run is named by `scenario::request`, read from YAML by `scenario::file` into the plain data
//! of `plan`, run by `engine` on a network (`fabric`) and judged by its `metric`s and invariants; `outcome` is its
//! result, `trace` what happened, `series` what it looked like.
//!
//! The program adds the command line, and `entropy`, without which a run would not repeat: whatever draws from the
//! operating system is given a seed too.

pub mod cluster;
pub mod compare;
pub mod engine;
pub mod fabric;
pub mod faults;
pub mod host;
pub mod html;
mod invariants;
pub mod journal;
pub mod listener;
pub mod metric;
pub mod mutants;
pub mod news;
pub mod outcome;
pub mod plan;
pub mod report;
pub mod runner;
pub mod scenario;
pub mod seeds;
pub mod series;
pub mod sweep;
pub mod table;
pub mod trace;
pub mod world;
