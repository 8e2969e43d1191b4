//! What hosts do together, against laws and in whole outages.

mod outages;
mod world;
