//! Several agents on loopback, with keys and without: what one learns the others show, whoever is killed, and whatever
//! strangers send.

mod crash;
mod gossip_death;
mod membership;
mod outage;
mod recording;
