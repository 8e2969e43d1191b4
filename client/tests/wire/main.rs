//! The protocol's bytes: golden files that hold every message still, and laws about the decoder.

mod golden;
mod laws;
mod samples;
