//! A simulated service: a FIFO queue with one server, in exact virtual time, and the software that answers for it.
//!
//! A call takes 0.5 to 1.5 of the inverse of the capacity, uniformly, once its turn has come, also if its caller has
//! given up long since: that is what makes an overload feed itself. On top comes a log-normal latency that occupies
//! nobody. Whoever finds the queue full is refused at once. When the service comes back from being down it starts empty
//! and cold: its capacity grows linearly with the calls it has served well.
//!
//! Turns begin and end in nanoseconds, computed when somebody looks ([`Queue::advance`]); only the sending of answers
//! waits for a timer, which knows milliseconds. So the throughput is the capacity, not the capacity rounded to timers.

use std::collections::{BTreeMap, VecDeque};
use std::f64::consts::TAU;
use std::net::SocketAddr;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::plan::{Down, Service};

/// A FIFO queue with one server.
pub(crate) struct Queue {
    service: Service,
    condition: Condition,
    /// Good calls since it came back; `None` if it never was down.
    warmed: Option<f64>,
    waiting: VecDeque<Call>,
    served: Option<Turn>,
    answers: BTreeMap<(Duration, u64), Answer>,
    answered: u64,
    rng: StdRng,
    /// How often what is wrong with it has struck.
    pub(crate) bites: Bites,
}

/// What is wrong with a service.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Condition {
    /// It is down.
    pub(crate) down: Option<Down>,
    /// This share of its calls fails.
    pub(crate) errors: f64,
    /// Its calls take so much longer.
    pub(crate) slow: Duration,
    /// It has this share of its capacity.
    pub(crate) capacity: f64,
}

/// How often what is wrong with a service has struck.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bites {
    /// Calls refused or swallowed because it was down.
    pub(crate) down: u64,
    /// Calls made to fail.
    pub(crate) errors: u64,
    /// Calls made to take longer.
    pub(crate) slow: u64,
    /// Calls served at less than its capacity.
    pub(crate) capacity: u64,
}

/// A call that reached the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    /// What its caller knows it by.
    pub(crate) id: u64,
    /// Whom to answer.
    pub(crate) from: SocketAddr,
    /// When it came.
    pub(crate) at: Duration,
}

/// The call being served.
#[derive(Clone, Copy, Debug)]
struct Turn {
    call: Call,
    ends: Duration,
}

/// What a caller is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// Which call.
    pub(crate) id: u64,
    /// Its caller.
    pub(crate) to: SocketAddr,
    /// What became of it.
    pub(crate) verdict: Verdict,
}

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It went well.
    Good,
    /// It failed, as the scenario wants it.
    Error,
    /// It was refused: the service is down, or its queue is full.
    Refused,
}

/// What the books should know of a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Note {
    /// The turn of a call that came then came so much later.
    Waited {
        /// When it came.
        came: Duration,
        /// How long it waited.
        wait: Duration,
    },
    /// A call found the queue full.
    Full,
}

impl Condition {
    /// Nothing is.
    pub(crate) const WELL: Self = Self { down: None, errors: 0.0, slow: Duration::ZERO, capacity: 1.0 };
}

impl Queue {
    pub(crate) fn new(service: Service, seed: u64) -> Self {
        Self {
            service,
            condition: Condition::WELL,
            warmed: None,
            waiting: VecDeque::new(),
            served: None,
            answers: BTreeMap::new(),
            answered: 0,
            rng: StdRng::seed_from_u64(seed),
            bites: Bites::default(),
        }
    }

    /// Whether it answers at all.
    pub(crate) fn is_up(&self) -> bool {
        self.condition.down.is_none()
    }

    /// Calls a second it can serve now.
    pub(crate) fn capacity(&self) -> f64 {
        let full = self.service.capacity;
        let now = match (self.condition.down, self.service.warmup, self.warmed) {
            (Some(_), _, _) => return 0.0,
            (None, Some(warmup), Some(done)) if done < warmup.work => {
                warmup.from + (full - warmup.from) * done / warmup.work
            }
            (None, _, _) => full,
        };
        now * self.condition.capacity
    }

    /// What is wrong with it from now on. A service that goes down loses what waits in it.
    pub(crate) fn set(&mut self, at: Duration, condition: Condition) -> Vec<Note> {
        let mut notes = self.advance(at);
        let was_up = self.is_up();
        self.condition = condition;
        match condition.down {
            Some(mode) if was_up => {
                let lost: Vec<Call> =
                    self.served.take().map(|turn| turn.call).into_iter().chain(self.waiting.drain(..)).collect();
                self.answers.clear();
                for call in lost {
                    self.strike_down(at, mode, call);
                }
            }
            None if !was_up => self.warmed = Some(0.0),
            Some(_) | None => {}
        }
        notes.extend(self.serve_next(at));
        notes
    }

    /// A call reached it.
    pub(crate) fn arrive(&mut self, call: Call) -> Vec<Note> {
        let mut notes = self.advance(call.at);
        if let Some(mode) = self.condition.down {
            self.strike_down(call.at, mode, call);
        } else if self.waiting.len() >= self.service.queue && self.served.is_some() {
            self.answer(call.at, call, Verdict::Refused);
            notes.push(Note::Full);
        } else {
            self.waiting.push_back(call);
            notes.extend(self.serve_next(call.at));
        }
        notes
    }

    /// Lets time pass: whatever turn has ended by now has ended at its own time.
    pub(crate) fn advance(&mut self, now: Duration) -> Vec<Note> {
        let mut notes = Vec::new();
        while let Some(turn) = self.served.take_if(|turn| turn.ends <= now) {
            self.finish(turn);
            notes.extend(self.serve_next(turn.ends));
        }
        notes
    }

    /// The answers that are due.
    pub(crate) fn due(&mut self, now: Duration) -> Vec<Answer> {
        let later = self.answers.split_off(&(now, u64::MAX));
        std::mem::replace(&mut self.answers, later).into_values().collect()
    }

    /// When to look again.
    pub(crate) fn next(&self) -> Option<Duration> {
        let answer = self.answers.keys().next().map(|(at, _)| *at);
        [answer, self.served.map(|turn| turn.ends)].into_iter().flatten().min()
    }

    fn serve_next(&mut self, at: Duration) -> Option<Note> {
        let capacity = self.capacity();
        if self.served.is_some() || capacity <= 0.0 {
            return None;
        }
        let call = self.waiting.pop_front()?;
        let takes = self.rng.random_range(TURN_MIN..TURN_MAX) / capacity;
        let takes = Duration::try_from_secs_f64(takes).unwrap_or(TURN_LONGEST).min(TURN_LONGEST);
        self.bites.capacity += u64::from(self.condition.capacity < 1.0);
        self.served = Some(Turn { call, ends: at + takes });
        Some(Note::Waited { came: call.at, wait: at.saturating_sub(call.at) })
    }

    fn finish(&mut self, turn: Turn) {
        let fails = self.condition.errors > 0.0 && self.rng.random::<f64>() < self.condition.errors;
        self.bites.errors += u64::from(fails);
        self.bites.slow += u64::from(!self.condition.slow.is_zero());
        if let (Some(done), false) = (&mut self.warmed, fails) {
            *done += 1.0;
        }
        let latency = self.latency() + self.condition.slow;
        self.answer(turn.ends + latency, turn.call, if fails { Verdict::Error } else { Verdict::Good });
    }

    /// Log-normal by the method of Box and Muller.
    fn latency(&mut self) -> Duration {
        let (radius, angle) = (1.0 - self.rng.random::<f64>(), TAU * self.rng.random::<f64>());
        let normal = (-2.0 * radius.ln()).sqrt() * angle.cos();
        self.service.latency.mul_f64((LATENCY_SIGMA * normal).exp())
    }

    fn strike_down(&mut self, at: Duration, mode: Down, call: Call) {
        self.bites.down += 1;
        match mode {
            Down::Refuse => self.answer(at, call, Verdict::Refused),
            Down::Hang => {}
        }
    }

    fn answer(&mut self, at: Duration, call: Call, verdict: Verdict) {
        self.answers.insert((at, self.answered), Answer { id: call.id, to: call.from, verdict });
        self.answered += 1;
    }
}

/// A call as it travels to a service.
pub(crate) fn question(id: u64) -> [u8; QUESTION_BYTES] {
    id.to_le_bytes()
}

/// What a datagram asks, if it is a call.
pub(crate) fn asked(datagram: &[u8]) -> Option<u64> {
    datagram.try_into().ok().map(u64::from_le_bytes)
}

impl Answer {
    /// The answer as it travels.
    pub(crate) fn bytes(&self) -> [u8; ANSWER_BYTES] {
        let verdict = match self.verdict {
            Verdict::Good => 0,
            Verdict::Error => 1,
            Verdict::Refused => 2,
        };
        let [a, b, c, d, e, f, g, h] = self.id.to_le_bytes();
        [a, b, c, d, e, f, g, h, verdict]
    }

    /// What a datagram answers, if it is an answer.
    pub(crate) fn read(datagram: &[u8]) -> Option<(u64, Verdict)> {
        let (id, verdict) = datagram.split_at_checked(QUESTION_BYTES)?;
        let verdict = match verdict {
            [0] => Verdict::Good,
            [1] => Verdict::Error,
            [2] => Verdict::Refused,
            _ => return None,
        };
        Some((asked(id)?, verdict))
    }
}

/// A question is the caller's number for the call.
const QUESTION_BYTES: usize = 8;

/// An answer is that number and a verdict.
pub(crate) const ANSWER_BYTES: usize = QUESTION_BYTES + 1;

/// A turn takes between these parts of the capacity's inverse.
const TURN_MIN: f64 = 0.5;
const TURN_MAX: f64 = 1.5;

/// A turn at next to no capacity: longer than any run.
const TURN_LONGEST: Duration = Duration::from_secs(48 * 3_600);

/// How much latencies spread: the sigma of their logarithm. One in a hundred takes twice the median.
const LATENCY_SIGMA: f64 = 0.3;

#[cfg(test)]
mod tests;
