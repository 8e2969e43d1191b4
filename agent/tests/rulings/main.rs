//! The rulings a breaker obeys, one by one, by example: at the boundary, just before it and just after it.
//!
//! Their numbers are those of the design's list. What a law covers (windows, backoff, permits, eviction, paths) is not
//! said again here.

#[path = "../stand/mod.rs"]
mod stand;

mod conditions;
mod half_open;
mod operators;
mod permits;
mod reopening;
mod sustained;
