//! What hosts do together, against laws and in whole outages.

mod alone;
mod knowledge;
mod numbers;
mod operators;
mod outages;
mod paths;
mod probing;
mod telling;
mod words;
mod world;
