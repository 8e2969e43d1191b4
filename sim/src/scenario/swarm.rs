//! A scenario drawn from the seed: which faults there are, when, how strong, and what is called how often.
//!
//! It is written as the text of a scenario and read like any other, so that it can be seen, changed with `--set`, and
//! cannot do what a file cannot. Only a few kinds of faults are drawn for each run (each with a probability of its own,
//! drawn too): runs that have everything always all look alike. All faults are over by 35 s of 60, which leaves the time
//! in which liveness must show.
//!
//! **Invariant:** the same seed, number of hosts and fabric give the same text.

use std::fmt::Write as _;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::builtin::Draw;
use crate::plan::FabricKind;

/// What `list` says of it.
pub const ABOUT: &str = "The seed draws services, callers, faults and their strengths; all are over by 35 s.";

/// How many hosts unless told otherwise.
pub const HOSTS: usize = 10;

/// The scenario of a draw.
#[must_use]
pub fn text(draw: Draw) -> String {
    let mut swarm = Swarm {
        rng: StdRng::seed_from_u64(draw.seed ^ STREAM),
        hosts: draw.hosts,
        can_pause: draw.fabric == FabricKind::Memory,
        services: 1,
        text: String::new(),
    };
    swarm.write();
    swarm.text
}

struct Swarm {
    rng: StdRng,
    hosts: usize,
    can_pause: bool,
    services: usize,
    text: String,
}

/// When a fault is.
#[derive(Clone, Copy)]
struct When {
    at_ms: u64,
    for_ms: u64,
}

impl Swarm {
    fn write(&mut self) {
        let loss = *self.one_of(&[0, 0, 1, 5]);
        self.line("name: swarm");
        self.line("duration: 60s");
        match self.rng.random_range(0..3) {
            0 if self.hosts >= 6 => {
                let (west, north) = (self.hosts / 3, self.hosts / 3);
                self.line(&format!("zones: {{east: {}, west: {west}, north: {north}}}", self.hosts - west - north));
            }
            _ => self.line(&format!("hosts: {}", self.hosts)),
        }
        let slowest = *self.one_of(&[3, 3, 10, 40]);
        self.line(&format!("link: {{latency: 1ms..{slowest}ms, loss: {loss}%}}"));
        self.write_services();
        self.write_faults();
    }

    fn write_services(&mut self) {
        self.services = *self.one_of(&[1, 1, 2, 4]);
        self.line("services:");
        for service in 0..self.services {
            let capacity = *self.one_of(&[150, 200, 400]);
            let latency = *self.one_of(&[5, 20, 60]);
            self.line(&format!("  s{service}: {{capacity: {capacity}%, latency: {latency}ms, queue: 1s}}"));
        }
        self.line("callers:");
        for service in 0..self.services {
            let rate = *self.one_of(&["1/s", "5/s", "10/s", "20/s"]);
            let retries = *self.one_of(&[0, 0, 1, 2]);
            self.line(&format!("  - {{service: s{service}, rate: {rate}, timeout: 500ms, retries: {retries}}}"));
        }
    }

    fn write_faults(&mut self) {
        self.line("faults:");
        let of_calls = self.rng.random_range(0..=OF_CALLS.len());
        let mut any = false;
        if let Some(kind) = OF_CALLS.get(of_calls) {
            any |= self.write_fault(*kind, OF_CALLS_LENGTH_MIN_MS);
        }
        let of_a_host = (OF_HOSTS_CALLS..OF_CALLS.len()).contains(&of_calls);
        for kind in if of_a_host { &OTHERS[CUTS..] } else { OTHERS } {
            let strikes = self.rng.random_bool(KIND_CHANCE);
            any |= strikes && self.write_fault(*kind, LENGTH_MIN_MS);
        }
        if !any {
            self.line("  - {at: 10s, for: 10s, service_down: s0}");
        }
    }

    /// Whether there can be such a fault.
    fn write_fault(&mut self, kind: Kind, length_min_ms: u64) -> bool {
        let when = self.when(length_min_ms);
        let fault = kind(self, when);
        let lines = fault.map(|fault| self.line(&format!("  - {{at: {}ms, {fault}}}", when.at_ms)));
        lines.is_some()
    }

    /// Between 5 s, when gossip has settled, and 35 s.
    fn when(&mut self, length_min_ms: u64) -> When {
        let at_ms = self.rng.random_range(BEGIN_MS..END_MS - length_min_ms);
        let for_ms = self.rng.random_range(length_min_ms..=END_MS - at_ms);
        When { at_ms, for_ms }
    }

    fn service(&mut self) -> String {
        format!("s{}", self.rng.random_range(0..self.services))
    }

    /// Any but the first, which may be the sick one and must go on calling.
    fn host(&mut self) -> String {
        format!("h{}", self.rng.random_range(1..self.hosts.max(2)).min(self.hosts - 1))
    }

    fn one_of<'t, T>(&mut self, all: &'t [T]) -> &'t T {
        &all[self.rng.random_range(0..all.len())]
    }

    fn line(&mut self, text: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "{text}");
    }
}

/// Draws a fault of a kind; nothing where it cannot be.
type Kind = fn(&mut Swarm, When) -> Option<String>;

/// Faults that strike only where calls are made. At most one of them in a run: what one of them opens, others would not
/// reach. The last two are of single hosts.
const OF_CALLS: &[Kind] = &[
    |swarm, when| {
        let mode = *swarm.one_of(&["refuse", "hang"]);
        Some(format!("for: {}ms, service_down: {}, mode: {mode}", when.for_ms, swarm.service()))
    },
    |swarm, when| {
        let rate = swarm.rng.random_range(30..100);
        Some(format!("for: {}ms, service_errors: {{service: {}, rate: {rate}%}}", when.for_ms, swarm.service()))
    },
    |swarm, when| {
        let by = swarm.rng.random_range(50..1_000);
        Some(format!("for: {}ms, service_slow: {{service: {}, by: {by}ms}}", when.for_ms, swarm.service()))
    },
    |swarm, when| {
        let to = swarm.rng.random_range(10..90);
        Some(format!("for: {}ms, capacity: {{service: {}, to: {to}%}}", when.for_ms, swarm.service()))
    },
    |swarm, when| {
        let fails = swarm.rng.random_range(50..=100);
        Some(format!("for: {}ms, sick_host: h0, fails: {fails}%", when.for_ms))
    },
    |swarm, when| {
        let service = swarm.service();
        (swarm.hosts >= 4).then(|| format!("for: {}ms, liar: 25%, service: {service}", when.for_ms))
    },
];

/// The first of those of single hosts, whose calls must get through.
const OF_HOSTS_CALLS: usize = 4;

/// All others; the first two cut hosts off from services.
const OTHERS: &[Kind] = &[
    |swarm, when| {
        let share = swarm.rng.random_range(20..60);
        let service = swarm.service();
        let groups = format!("[[{share}%, {service}], [rest]]");
        (swarm.hosts >= 5).then(|| format!("for: {}ms, partition: {groups}", when.for_ms))
    },
    |swarm, when| {
        let share = swarm.rng.random_range(20..60);
        (swarm.hosts >= 5).then(|| format!("for: {}ms, one_way: {{from: {share}%, to: rest}}", when.for_ms))
    },
    |swarm, when| Some(format!("for: {}ms, loss: {}%", when.for_ms, swarm.rng.random_range(5..50))),
    |swarm, when| Some(format!("for: {}ms, duplicate: {}%", when.for_ms, swarm.rng.random_range(5..50))),
    |swarm, when| Some(format!("for: {}ms, reorder: {}%", when.for_ms, swarm.rng.random_range(5..50))),
    |swarm, when| Some(format!("for: {}ms, delay: {{by: {}ms}}", when.for_ms, swarm.rng.random_range(20..300))),
    |swarm, when| Some(format!("crash: {}, restart_after: {}ms", swarm.host(), when.for_ms)),
    |swarm, when| {
        let host = swarm.host();
        swarm.can_pause.then(|| format!("for: {}ms, pause: {host}", when.for_ms))
    },
    |swarm, when| {
        let every = when.for_ms / swarm.hosts as u64;
        (every >= ROLLING_MIN_MS).then(|| format!("rolling_restart: {{every: {every}ms}}"))
    },
    |swarm, when| Some(format!("for: {}ms, gossip_dead: {}", when.for_ms, swarm.host())),
];

/// Of [`OTHERS`], those that cut hosts off.
const CUTS: usize = 2;

/// About two of ten kinds in a run.
const KIND_CHANCE: f64 = 0.2;

const BEGIN_MS: u64 = 5_000;
const END_MS: u64 = 35_000;

/// Shorter than this, few faults bite.
const LENGTH_MIN_MS: u64 = 1_000;

/// The same of those that need calls, of which there may be but one a second and host.
const OF_CALLS_LENGTH_MIN_MS: u64 = 4_000;

/// An agent needs some time to be back before the next one goes.
const ROLLING_MIN_MS: u64 = 300;

/// Sets these draws apart from all others of the same seed; any number but zero does.
const STREAM: u64 = 0x5_3A12_4400;
