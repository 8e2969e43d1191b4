//! The figures by which the socket is judged: agent and echo in turns, medians, ratios, targets.

use std::time::Duration;

use crate::{Measure, Pair, Place};

/// One line of the table.
pub(crate) struct Row {
    place: Place,
    name: &'static str,
    calls: u64,
    agent: Duration,
    echo: Duration,
    /// The median of the ratios of neighbouring turns.
    ratio: f64,
}

impl Row {
    /// Lets agent and echo take turns.
    pub(crate) fn measure(pair: &mut Pair) -> Self {
        let Pair { place, name, calls, agent, echo } = pair;
        let times = times_a_turn(agent);
        let turns: Vec<(Duration, Duration)> = (0..TURNS).map(|_| (agent(times), echo(times))).collect();
        let each = |took: Duration| took.div_f64(times as f64);
        Self {
            place: *place,
            name,
            calls: *calls,
            agent: each(median(turns.iter().map(|turn| turn.0))),
            echo: each(median(turns.iter().map(|turn| turn.1))),
            ratio: median(turns.iter().map(|turn| turn.0.div_duration_f64(turn.1))),
        }
    }

    fn per_second(&self, each: Duration) -> f64 {
        self.calls as f64 / each.as_secs_f64()
    }

    fn target(&self) -> String {
        let (target, met) = match self.name {
            ACQUIRE => (format!("<= {RATIO_MAX}"), self.ratio <= RATIO_MAX),
            PIPELINED => (format!(">= {RATE_MIN}"), self.per_second(self.agent) >= RATE_MIN),
            _ => return String::new(),
        };
        format!("{target} {}", if met { "met" } else { "MISSED" })
    }
}

/// The table; it fits in a terminal of 80 columns.
pub(crate) fn of(rows: &[Row]) -> String {
    let mut text = String::new();
    let mut place = None;
    for row in rows {
        if place.replace(row.place) != Some(row.place) {
            let (on, heads) = (row.place.as_str(), ["agent us", "echo us", "ratio", "agent /s", "echo /s"]);
            let [agent, echo, ratio, agents, echoes] = heads;
            text += &format!("\n{on:<21} {agent:>8} {echo:>8} {ratio:>5} {agents:>8} {echoes:>8}\n");
        }
        let us = |each: Duration| each.as_secs_f64() * 1e6;
        let line = format!(
            "{:<21} {:>8.2} {:>8.2} {:>5.2} {:>8.0} {:>8.0} {}",
            row.name,
            us(row.agent),
            us(row.echo),
            row.ratio,
            row.per_second(row.agent),
            row.per_second(row.echo),
            row.target(),
        );
        text += line.trim_end();
        text += "\n";
    }
    text
}

/// As many times as fill a turn.
fn times_a_turn(measure: &mut Measure) -> u64 {
    let mut times = 64;
    while measure(times) < TURN {
        times *= 2;
    }
    times
}

fn median<T: PartialOrd + Copy>(values: impl Iterator<Item = T>) -> T {
    let mut values: Vec<T> = values.collect();
    values.sort_by(|a, b| a.partial_cmp(b).expect("a time is a number"));
    values[values.len() / 2]
}

/// The line that is judged by its ratio.
pub(crate) const ACQUIRE: &str = "acquire";

/// The line that is judged by its calls per second.
pub(crate) const PIPELINED: &str = "64 acquires pipelined";

/// Turns of each: an odd number has a middle.
const TURNS: usize = 101;

/// Length of a turn: far longer than a wake-up, far shorter than another program's burst of work.
const TURN: Duration = Duration::from_millis(10);

const RATIO_MAX: f64 = 1.5;

const RATE_MIN: f64 = 300_000.0;
