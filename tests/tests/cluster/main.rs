//! Several agents on loopback, with keys and without: what one learns the others show, whoever is killed, and whatever
//! strangers send.
//!
//! Gossip may be told to die only by its own bugs, and no honest bytes from outside bring that about: that it is started
//! again with a higher incarnation while the breakers go on is tested where its parts can be made to fail, in
//! `agent/src/gossip`.

mod crash;
mod membership;
mod outage;
mod recording;
