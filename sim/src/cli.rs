//! The words of the command line; stands where the whole of it goes.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use breaker_agent::core::guards::Guards;
use breaker_sim::plan::{Callers, Down, FabricKind, Fault, Link, Mode, Place, Run, Scenario, Service, What, Zone};
use clap::{Parser, Subcommand};

/// What is asked for.
pub(crate) struct Asked {
    pub(crate) run: Run,
    pub(crate) trace: Option<PathBuf>,
}

#[derive(Debug, Parser)]
#[command(name = "breaker-sim", version)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Run one scenario once
    Run {
        scenario: String,
        #[arg(long, default_value_t = 10)]
        hosts: usize,
        #[arg(long, default_value_t = 1)]
        seed: u64,
        #[arg(long, default_value = "turmoil")]
        fabric: String,
        #[arg(long, default_value = "gossip")]
        mode: String,
        #[arg(long, default_value_t = 20)]
        seconds: u64,
        #[arg(long, default_value = "json")]
        format: String,
        #[arg(long)]
        trace: Option<PathBuf>,
    },
}

/// Reads the command line.
pub(crate) fn parse() -> Asked {
    let Verb::Run { scenario, hosts, seed, fabric, mode, seconds, format: _, trace } = Cli::parse().verb;
    let fabric = if fabric == "memory" { FabricKind::Memory } else { FabricKind::Turmoil };
    let mode = match mode.as_str() {
        "local" => Mode::Local,
        "oracle" => Mode::Oracle,
        _ => Mode::Gossip,
    };
    let run = Run { scenario: plan(&scenario, hosts, seconds, fabric), mode, fabric, seed, guards: Guards::ON };
    Asked { run, trace }
}

fn plan(name: &str, hosts: usize, seconds: u64, fabric: FabricKind) -> Scenario {
    let at = |at: u64, lasts: u64, what| Fault {
        at: Duration::from_secs(at),
        lasts: Some(Duration::from_secs(lasts)),
        what,
    };
    let one = |number| vec![Place::Host(number)];
    let share = 0.2;
    let mut faults = match name {
        "spread" => vec![at(10, 10, What::SickHost { hosts: vec![hosts - 1], fails: 1.0 })],
        "storm" => vec![
            at(5, 3, What::Partition { groups: vec![one(0), one(1)] }),
            at(5, 3, What::OneWay { from: one(1), to: one(2) }),
            at(6, 3, What::Loss { share }),
            at(6, 3, What::Duplicate { share }),
            at(6, 3, What::Reorder { share }),
            at(6, 3, What::Delay { by: Duration::from_millis(30) }),
            at(7, 3, What::GossipDead { hosts: vec![0] }),
            at(8, 3, What::ServiceDown { service: "payments".to_owned(), mode: Down::Hang }),
            Fault {
                at: Duration::from_secs(10),
                lasts: None,
                what: What::Crash { hosts: vec![1], restart_after: Some(Duration::from_secs(2)) },
            },
            Fault {
                at: Duration::from_secs(13),
                lasts: None,
                what: What::RollingRestart { every: Duration::from_millis(500) },
            },
        ],
        _ => Vec::new(),
    };
    if name == "storm" && fabric == FabricKind::Memory {
        faults.push(at(10, 4, What::Pause { hosts: vec![2] }));
    }
    let service = Service { capacity: 10_000.0, latency: Duration::from_millis(20), queue: 100, warmup: None };
    Scenario {
        name: name.to_owned(),
        duration: Duration::from_secs(seconds),
        zones: vec![Zone { name: None, hosts }],
        link: Link {
            latency_min: Duration::from_millis(1),
            latency_max: Duration::from_millis(3),
            loss: if name == "spread" { 0.05 } else { 0.0 },
        },
        agent: String::new(),
        services: BTreeMap::from([("payments".to_owned(), service)]),
        callers: if name == "idle" {
            Vec::new()
        } else {
            vec![Callers {
                service: "payments".to_owned(),
                rate: 10.0,
                timeout: Duration::from_millis(500),
                retries: 0,
                hosts: Vec::new(),
            }]
        },
        faults,
        expect: BTreeMap::new(),
    }
}
