//! The library and the command line against a fake agent that speaks the real protocol.
//!
//! The fake says what each test tells it to, so that every way an agent can be lost, slow, full or confused is tried
//! without the real one. Waiting is always for a condition under a deadline; the tests of deadlines run in tokio's
//! paused time, where a wait costs nothing and ends exactly when it is due.

mod breakerctl;
mod fake;
mod library;
mod losses;
mod run_verb;
