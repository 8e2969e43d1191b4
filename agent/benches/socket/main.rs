//! What an acquire costs over the socket, beside a bare echo of the same sizes in the same run.
//!
//! The whole agent runs, as the daemon runs it: `daemon::run` on a real Unix socket, without gossip, in a thread of its
//! own. The echo is the least a server on tokio can do: for the bytes of a request it writes the bytes of an answer. It
//! is served by a thread of its own too and asked by the same blocking code, so that the ratio is what the agent adds.
//! The client library is measured beside the same echo asked through tokio.
//!
//! Criterion measures each alone, for comparisons over time. The table at the end is for judging: there agent and echo
//! take turns, a few milliseconds each, so that whatever else the machine does meets both; medians of all turns.
//!
//! Everything is measured twice, with the servers on the callers' core and on another one. Left to itself the system's
//! scheduler puts a server here or there and keeps it, and waking a core that sleeps takes longer than all the rest: the
//! ratio would be that of two places. On one core nothing is hidden behind the other side's work. The calls per second
//! on two cores need a machine that does nothing else; the ratios do not.
//!
//! Permits are given back outside of the measured time: with as many out as an agent allows it no longer tracks calls,
//! and that would be measured instead.
#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "a benchmark reads the clock and prints")]

mod caller;
mod library;
mod servers;
mod table;

use std::path::Path;
use std::time::Duration;

use breaker_client::wire::REPEAT_MAX;
use criterion::Criterion;

use caller::{AcquireAndReport, Acquires, Exchanges, Shape};
use library::Library;
use table::Row;

/// Does something so many times; how long that took.
type Measure = Box<dyn FnMut(u64) -> Duration>;

/// The same work done by the agent and by an echo.
struct Pair {
    place: Place,
    name: &'static str,
    /// Calls in one time.
    calls: u64,
    agent: Measure,
    echo: Measure,
}

/// Where the servers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    OneCore,
    TwoCores,
}

fn main() {
    let directory = std::env::temp_dir().join(format!("breakerd-bench-{}", std::process::id()));
    std::fs::create_dir(&directory).expect("the directory is new");
    let cores = servers::cores();
    let mut pairs = Vec::new();
    for (place, core) in [Place::OneCore, Place::TwoCores].into_iter().zip(&cores) {
        let (agent, echo) = (directory.join(format!("agent{core}.sock")), directory.join(format!("echo{core}.sock")));
        // Threads begin where the one that starts them is.
        servers::stay_on(*core);
        servers::agent(agent.clone());
        servers::echo(echo.clone());
        servers::stay_on(cores[0]);
        pairs.extend(pairs_at(place, &agent, &echo));
    }

    let mut criterion = Criterion::default().configure_from_args();
    for Pair { place, name, agent, echo, .. } in &mut pairs {
        let mut group = criterion.benchmark_group(format!("{name}, {}", place.as_str()));
        group.bench_function("agent", |bencher| bencher.iter_custom(&mut *agent));
        group.bench_function("echo", |bencher| bencher.iter_custom(&mut *echo));
        group.finish();
    }
    criterion.final_summary();
    // Not when every benchmark is only tried out or listed.
    if std::env::args().any(|argument| argument == "--bench") {
        let rows: Vec<Row> = pairs.iter_mut().map(Row::measure).collect();
        println!("{}", table::of(&rows));
    }
    std::fs::remove_dir_all(&directory).ok();
}

impl Place {
    fn as_str(self) -> &'static str {
        match self {
            Self::OneCore => "one core",
            Self::TwoCores => "two cores",
        }
    }
}

fn pairs_at(place: Place, agent: &Path, echo: &Path) -> Vec<Pair> {
    let pair = |name, calls, agent, echo| Pair { place, name, calls, agent, echo };
    let echoes = |shapes: &[Shape], pipelined| -> Measure {
        let mut echoed = Exchanges::with_echo(echo, shapes, pipelined);
        Box::new(move |times| echoed.measure(times))
    };
    let acquires = |pipelined| -> Measure {
        let mut asker = Acquires::new(agent, pipelined);
        Box::new(move |times| asker.measure(times))
    };
    let both = || -> Measure {
        let mut asker = AcquireAndReport::new(agent);
        Box::new(move |times| asker.measure(times))
    };
    let batches = |name, outcomes, shape| {
        let mut teller = Exchanges::with_agent(agent, shape);
        pair(name, outcomes, Box::new(move |times| teller.measure(times)), echoes(&[shape], 1))
    };
    let library = |name, at_once| {
        let (mut asker, mut echoed) = (Library::of_agent(agent), Library::of_echo(echo, Shape::ACQUIRE));
        let agent: Measure = Box::new(move |times| asker.acquires(times, at_once));
        let echo: Measure = Box::new(move |times| echoed.echoes(times, at_once));
        pair(name, at_once as u64, agent, echo)
    };
    vec![
        pair(table::ACQUIRE, 1, acquires(1), echoes(&[Shape::ACQUIRE], 1)),
        pair("acquire, then report", 1, both(), echoes(&[Shape::ACQUIRE, Shape::REPORT], 1)),
        pair(table::PIPELINED, PIPELINED as u64, acquires(PIPELINED), echoes(&[Shape::ACQUIRE], PIPELINED)),
        batches("batch of 1,024", 1_024, Shape::BATCH),
        batches("batch of 16,384", REPEAT_MAX.into(), Shape::BATCH_MAX),
        library("library: acquire", 1),
        library("library: 64 at once", PIPELINED),
    ]
}

/// Requests on their way together: a busy process's concurrent calls, and the number of the target.
const PIPELINED: usize = 64;
