//! Laws of the breaker and the registry, under random sequences of calls, outcomes, waits and operators' actions.
//!
//! The models are written to be obviously right and slow: a window is the list of all calls, a breaker recomputes
//! everything from it. proptest prints the seed of a failure and the shortest sequence that shows it.

#[path = "../stand/mod.rs"]
mod stand;

mod breaker;
mod cluster;
mod conditions;
mod eviction;
mod evidence;
mod model;
mod paths;
mod registry;
mod steps;
