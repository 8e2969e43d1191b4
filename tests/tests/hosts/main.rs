//! Several hosts, each with an address and an agent of its own, a real service between them, and a network that breaks.
//!
//! What one host learns is refused on all: that is tested here as its users have it, with real processes on real
//! addresses (or on loopback, where namespaces are not to be had). Figures and odd cases belong to the simulator.

mod ground;
