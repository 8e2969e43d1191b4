//! The figures of the judgement alone: how often it opens a service that is well, and how many calls fail before it opens
//! one that is dead.
//!
//! `cargo run --release -p breaker-agent --example evidence -- --seeds 5`
//!
//! It drives `core` directly: calls of all hosts come by chance (Poisson), each host counts its own, one of them judges
//! after every failed call, and there is nothing else: no gossip, no openings, no own breakers. Of the two views, *pooled*
//! is the ideal: the counters of all hosts as they were 10 ms ago. In *pushed* a host is heard only by its failed calls:
//! each sends its counters, known 10 ms later, and then silence is all there is until the next. What an agent knows
//! lies between the two. Rates are told every 30 s. Trips within 10 s are one opening.

use std::collections::VecDeque;
use std::io::{Result, Write, stdout};
use std::time::Duration;

use breaker_agent::core::digest::{Spans, span};
use breaker_agent::core::evidence::{Bar, Judgement, Voice, judge};
use breaker_agent::core::guards::Guards;
use breaker_agent::core::policy::Rate;
use breaker_agent::core::spans::{OwnSpans, SpanCall};
use breaker_agent::core::time::MonoTime;
use clap::Parser;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// How the cluster's judgement fares on simulated calls
#[derive(Clone, Debug, Parser)]
struct Cli {
    /// Seeds of each row, from 1
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    seeds: u64,
    /// Seconds of errors that are no outage, in each row and seed
    #[arg(long, default_value_t = 3_600, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    seconds: u64,
}

/// What the judging host sees of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum View {
    Pooled,
    Pushed,
}

/// Hosts and how often each calls.
#[derive(Clone, Copy, Debug)]
struct Load {
    hosts: usize,
    calls_per_1000s: u32,
}

/// Hosts that call one service.
struct World {
    load: Load,
    view: View,
    bar: Bar,
    rng: StdRng,
    now: MonoTime,
    hosts: Vec<Host>,
    pushes: VecDeque<Push>,
    rates_due: MonoTime,
}

#[derive(Clone, Debug, Default)]
struct Host {
    own: OwnSpans,
    rate: u32,
    told: Spans,
    told_at: Option<MonoTime>,
}

struct Push {
    due: MonoTime,
    made: MonoTime,
    host: usize,
    spans: Spans,
}

fn main() -> Result<()> {
    let cli = Cli::parse();
    writeln!(stdout(), "{} s of errors, one host sick, {} seeds", cli.seconds, cli.seeds)?;
    writeln!(stdout(), "hosts    calls/s  errors  view    margin      calls     failed  openings")?;
    for (hosts, calls_per_1000s) in CALM {
        for percent in [1, 5, 20, 30] {
            for view in [View::Pooled, View::Pushed] {
                for margin in [true, false] {
                    let guards = Guards { margin, ..Guards::ON };
                    errors(&cli, Load { hosts, calls_per_1000s }, percent, view, guards)?;
                }
            }
        }
    }
    writeln!(stdout(), "\noutage, {} seeds: median and most until the judging host trips", cli.seeds)?;
    writeln!(stdout(), "hosts    calls/s  sustained  view        failed calls              ms  of calls, in span")?;
    for (hosts, calls_per_1000s) in ONSETS {
        for shortest_span in [2, 1] {
            for view in [View::Pooled, View::Pushed] {
                onsets(cli.seeds, Load { hosts, calls_per_1000s }, shortest_span, view)?;
            }
        }
    }
    Ok(())
}

/// One row: errors at a constant rate, and one host all of whose calls fail.
fn errors(cli: &Cli, load: Load, percent: u32, view: View, guards: Guards) -> Result<()> {
    let (mut calls, mut failed, mut openings) = (0_u64, 0_u64, 0_u64);
    for seed in 1..=cli.seeds {
        let mut world = World::new(seed, load, view, Bar { guards, ..BAR });
        let end = world.warm_up() + Duration::from_secs(cli.seconds);
        let mut quiet_from = MonoTime::START;
        while world.now < end {
            let host = world.next_caller();
            let fails = host == world.hosts.len() - 1 || world.rng.random_ratio(percent, 100);
            calls += 1;
            failed += u64::from(fails);
            if world.call(host, fails).is_some_and(|judged| judged.trips) && world.now >= quiet_from {
                openings += 1;
                quiet_from = world.now + Duration::from_secs(10);
            }
        }
    }
    let margin = if guards.margin { "on" } else { "off" };
    let rate = f64::from(load.calls_per_1000s) / 1_000.0;
    write!(stdout(), "{:>5}  {rate:>9.3}  {percent:>4} %  {view:?}  {margin:>6}", load.hosts)?;
    writeln!(stdout(), "  {calls:>9}  {failed:>9}  {openings:>8}")
}

/// One row: all is well, and then every call fails.
fn onsets(seeds: u64, load: Load, shortest_span: usize, view: View) -> Result<()> {
    let bar = Bar { shortest_span, ..BAR };
    let mut found: Vec<Onset> = (1..=seeds).filter_map(|seed| onset(World::new(seed, load, view, bar))).collect();
    found.sort_unstable_by_key(|onset| onset.failed);
    let calls = f64::from(load.calls_per_1000s) / 1_000.0;
    write!(stdout(), "{:>5}  {calls:>9.3}  {:>6} ms  {view:?}", load.hosts, span(shortest_span).as_millis())?;
    let never = seeds - found.len() as u64;
    let (Some(most), 0) = (found.last(), never) else {
        return writeln!(stdout(), "  {never} of {seeds} never");
    };
    let median = &found[found.len() / 2];
    write!(stdout(), "  {:>8} {:>8}  {:>8} {:>8}", median.failed, most.failed, median.ms, most.ms)?;
    writeln!(stdout(), "  {} of {} in {:?}", most.judged.failed, most.judged.calls, most.judged.span)
}

/// From the outage to the first trip.
struct Onset {
    failed: u64,
    ms: u128,
    judged: Judgement,
}

/// `None` if there is no trip within five minutes.
fn onset(mut world: World) -> Option<Onset> {
    let start = world.warm_up();
    let mut failed = 0;
    while world.now < start + Duration::from_secs(300) {
        let host = world.next_caller();
        failed += 1;
        if let Some(judged) = world.call(host, true).filter(|judged| judged.trips) {
            return Some(Onset { failed, ms: world.now.since(start).as_millis(), judged });
        }
    }
    None
}

impl World {
    fn new(seed: u64, load: Load, view: View, bar: Bar) -> Self {
        Self {
            load,
            view,
            bar,
            rng: StdRng::seed_from_u64(seed),
            now: MonoTime::START,
            hosts: vec![Host::default(); load.hosts],
            pushes: VecDeque::new(),
            rates_due: MonoTime::START,
        }
    }

    /// All is well for two of the longest spans.
    fn warm_up(&mut self) -> MonoTime {
        let end = MonoTime::START + 2 * span(6);
        while self.now < end {
            let host = self.next_caller();
            self.call(host, false);
        }
        self.now
    }

    /// Whose call is the next to end, and steps to that moment.
    fn next_caller(&mut self) -> usize {
        let per_second = f64::from(self.load.calls_per_1000s) / 1_000.0 * self.hosts.len() as f64;
        let wait = -(1.0 - self.rng.random::<f64>()).ln() / per_second;
        self.now = self.now + Duration::from_secs_f64(wait);
        self.rng.random_range(0..self.hosts.len())
    }

    /// A call ends; after a failed one the first host judges.
    fn call(&mut self, host: usize, fails: bool) -> Option<Judgement> {
        self.hosts[host].own.record(self.now, if fails { SpanCall::Failed } else { SpanCall::Good });
        if self.now >= self.rates_due {
            self.rates_due = self.now + Duration::from_secs(30);
            for host in &mut self.hosts {
                host.rate = host.own.rate(self.now);
            }
        }
        if !fails {
            return None;
        }
        let spans = self.hosts[host].own.counted(self.now);
        self.pushes.push_back(Push { due: self.now + DELAY, made: self.now, host, spans });
        while let Some(push) = self.pushes.pop_front_if(|push| push.due <= self.now) {
            self.hosts[push.host].told = push.spans;
            self.hosts[push.host].told_at = Some(push.made);
        }
        Some(self.judge())
    }

    /// The first host judges.
    fn judge(&mut self) -> Judgement {
        let now = self.now;
        for (index, host) in self.hosts.iter_mut().enumerate() {
            if index == 0 || self.view == View::Pooled {
                host.told = host.own.counted(now);
                host.told_at = Some(now);
            }
        }
        let hosts = self.hosts.iter().enumerate();
        let voices: Vec<Voice<'_>> = hosts.map(|(index, host)| self.voice(host, index == 0)).collect();
        judge(&self.bar, None, &voices)
    }

    fn voice<'a>(&self, host: &'a Host, myself: bool) -> Voice<'a> {
        let waited = host.told_at.map_or(Duration::MAX, |at| self.now.since(at));
        let delay = if self.view == View::Pooled && !myself { DELAY } else { Duration::ZERO };
        let age = waited.saturating_add(delay);
        Voice { spans: &host.told, age, zone: None, rate: host.rate, standing: false, in_opening: false, myself }
    }
}

/// The defaults.
const BAR: Bar = Bar { threshold: Rate::percent(50), minimum: 20, shortest_span: 2, guards: Guards::ON };

/// From a call to the counters that hold it.
const DELAY: Duration = Duration::from_millis(10);

/// Hosts, and calls per 1,000 s of each, while nothing is dead.
const CALM: [(usize, u32); 3] = [(20, 10_000), (4, 10_000), (100, 1_000)];

/// Hosts, and calls per 1,000 s of each, before all fails.
const ONSETS: [(usize, u32); 9] = [
    (2, 10_000),
    (4, 10_000),
    (10, 10_000),
    (10, 1_000),
    (20, 10_000),
    (100, 10_000),
    (100, 17),
    (1_000, 10_000),
    (1_000, 17),
];
