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
//! ratio would be that of two places. On one core nothing is hidden behind the other side's work.
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

use criterion::Criterion;

use caller::{AcquireAndReport, Acquires, Echo, Shape};
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
    let one = |name, agent, echo| Pair { place, name, calls: 1, agent, echo };
    let many = |name, agent, echo| Pair { place, name, calls: PIPELINED as u64, agent, echo };
    let acquires = |pipelined| {
        let mut asker = Acquires::new(agent, pipelined);
        let mut echoed = Echo::new(echo, &[Shape::ACQUIRE], pipelined);
        let agent: Measure = Box::new(move |times| asker.measure(times));
        let echo: Measure = Box::new(move |times| echoed.measure(times));
        (agent, echo)
    };
    let (acquire, acquire_echo) = acquires(1);
    let (pipelined, pipelined_echo) = acquires(PIPELINED);
    let mut both = AcquireAndReport::new(agent);
    let mut both_echo = Echo::new(echo, &[Shape::ACQUIRE, Shape::REPORT], 1);
    let library = |at_once| {
        let (mut asker, mut echoed) = (Library::of_agent(agent), Library::of_echo(echo, Shape::ACQUIRE));
        let agent: Measure = Box::new(move |times| asker.acquires(times, at_once));
        let echo: Measure = Box::new(move |times| echoed.echoes(times, at_once));
        (agent, echo)
    };
    let (call, call_echo) = library(1);
    let (calls, calls_echo) = library(PIPELINED);
    vec![
        one(table::ACQUIRE, acquire, acquire_echo),
        one(
            "acquire, then report",
            Box::new(move |times| both.measure(times)),
            Box::new(move |times| both_echo.measure(times)),
        ),
        many(table::PIPELINED, pipelined, pipelined_echo),
        one("library: acquire", call, call_echo),
        many("library: 64 at once", calls, calls_echo),
    ]
}

/// Requests on their way together: a busy process's concurrent calls, and the number of the target.
const PIPELINED: usize = 64;
