//! Limits and losses of a port, on a network of two.
