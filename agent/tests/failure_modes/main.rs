//! The failure modes of other breakers, each as a regression test of ours.
//!
//! The numbers F1 to F25 are those of the project's list of known failures; the line on top of each test says what went
//! wrong, and where. All are driven through the registry, as the agent does it, on a clock that is stepped by hand.

#[path = "../stand/mod.rs"]
mod stand;

mod clock;
mod half_open;
mod many;
mod open;
mod window;
