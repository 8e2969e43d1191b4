//! What a window adds up: one call boiled down to a [`Sample`], and sums of them.
//!
//! A sample is eight bytes, because a count window keeps the last N of them; whatever a condition can ask about is in
//! it. Sums are 64 bits wide and every counter of a sample is subtracted when it leaves (resilience4j once forgot one
//! when a bucket was reused, and reported negative counts).

use std::time::Duration;

use super::outcome::{Call, Origin, Outcome};
use super::policy::Policy;

/// One counted call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    flags: u8,
    /// Which of the policy's kinds with conditions of their own, or [`NO_KIND`].
    kind: u8,
    /// Microseconds, or [`NO_DURATION`].
    duration_us: u32,
}

/// What a reported call means to a breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judged {
    /// It counts.
    Counts(Sample),
    /// It was ignored or did not happen; the permit is given back.
    Nowhere,
}

/// Sums over samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Calls.
    pub total: u64,
    /// Failed ones: failures, timeouts, throttled.
    pub failed: u64,
    /// Those longer than the slow limit.
    pub slow: u64,
    /// Those that timed out.
    pub timeouts: u64,
    /// Failed ones that were the host's own fault.
    pub host_faults: u64,
    /// Those whose duration is known.
    pub timed: u64,
    /// The sum of these durations in microseconds.
    pub duration_us: u64,
}

/// Counts, and one counter for each kind of failure with conditions of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    counts: Counts,
    kinds: Box<[u64]>,
}

impl Sample {
    /// What `call` means under `policy`.
    #[must_use]
    pub fn judge(policy: &Policy, call: &Call) -> Judged {
        let outcome = policy.classify(call);
        let mut flags = match outcome {
            Outcome::Ignored | Outcome::Cancelled => return Judged::Nowhere,
            Outcome::Success => 0,
            Outcome::Failure => FAILED,
            Outcome::Timeout => FAILED | TIMED_OUT,
            Outcome::Throttled => FAILED | SOFT,
        };
        if flags & FAILED != 0 && call.origin == Origin::Host {
            flags |= HOST_FAULT;
        }
        if call.duration.is_some_and(|took| took > policy.conditions.slow_call_duration) {
            flags |= SLOW;
        }
        let kind = if flags & FAILED == 0 { NO_KIND } else { kind_index(policy, call) };
        Judged::Counts(Self { flags, kind, duration_us: call.duration.map_or(NO_DURATION, clamp_us) })
    }

    /// A probe whose lease ran out: a failure of unknown length.
    #[must_use]
    pub fn lease_over() -> Self {
        Self { flags: FAILED, kind: NO_KIND, duration_us: NO_DURATION }
    }

    /// Whether it is a failure of any sort.
    #[must_use]
    pub fn is_failure(self) -> bool {
        self.has(FAILED)
    }

    /// Whether it is a failure by the host's own fault, which says nothing about the service.
    #[must_use]
    pub fn is_host_fault(self) -> bool {
        self.has(HOST_FAULT)
    }

    /// What it does to the run of consecutive failures.
    #[must_use]
    pub fn run(self) -> RunEffect {
        match self.flags & (FAILED | SOFT) {
            0 => RunEffect::Ends,
            FAILED => RunEffect::Grows,
            _ => RunEffect::Leaves,
        }
    }

    fn has(self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// What a call does to the run of consecutive failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunEffect {
    /// A failure makes it longer.
    Grows,
    /// A success ends it.
    Ends,
    /// A throttled call leaves it as it is.
    Leaves,
}

impl Counts {
    /// The mean duration of the calls whose duration is known.
    #[must_use]
    pub fn average(&self) -> Option<Duration> {
        self.duration_us.checked_div(self.timed).map(Duration::from_micros)
    }

    fn add(&mut self, sample: Sample) {
        self.total += 1;
        self.failed += u64::from(sample.has(FAILED));
        self.slow += u64::from(sample.has(SLOW));
        self.timeouts += u64::from(sample.has(TIMED_OUT));
        self.host_faults += u64::from(sample.has(HOST_FAULT));
        if sample.duration_us != NO_DURATION {
            self.timed += 1;
            self.duration_us += u64::from(sample.duration_us);
        }
    }

    /// Takes away what was added before; every counter, each at least as large.
    fn subtract(&mut self, other: &Self) {
        self.total -= other.total;
        self.failed -= other.failed;
        self.slow -= other.slow;
        self.timeouts -= other.timeouts;
        self.host_faults -= other.host_faults;
        self.timed -= other.timed;
        self.duration_us -= other.duration_us;
    }
}

impl Tally {
    /// Nothing yet, with room for so many kinds.
    #[must_use]
    pub fn new(kinds: usize) -> Self {
        Self { counts: Counts::default(), kinds: vec![0; kinds].into() }
    }

    /// The sums.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// How many failures of the policy's `index`th kind.
    #[must_use]
    pub fn of_kind(&self, index: usize) -> u64 {
        self.kinds.get(index).copied().unwrap_or(0)
    }

    /// Adds one call.
    pub fn add(&mut self, sample: Sample) {
        self.counts.add(sample);
        if let Some(count) = self.kinds.get_mut(usize::from(sample.kind)) {
            *count += 1;
        }
    }

    /// Takes one call away that was added before.
    pub fn take(&mut self, sample: Sample) {
        let mut one = Counts::default();
        one.add(sample);
        self.counts.subtract(&one);
        if let Some(count) = self.kinds.get_mut(usize::from(sample.kind)) {
            *count -= 1;
        }
    }

    /// Takes away sums that were added before.
    pub fn subtract(&mut self, other: &Self) {
        self.counts.subtract(&other.counts);
        for (mine, theirs) in self.kinds.iter_mut().zip(&other.kinds) {
            *mine -= theirs;
        }
    }

    /// Back to nothing.
    pub fn clear(&mut self) {
        self.counts = Counts::default();
        self.kinds.fill(0);
    }
}

fn kind_index(policy: &Policy, call: &Call) -> u8 {
    let word = call.kind_of_failure();
    let position = word.and_then(|word| policy.conditions.kinds.iter().position(|c| c.kind.as_str() == word));
    position.and_then(|index| u8::try_from(index).ok()).unwrap_or(NO_KIND)
}

fn clamp_us(duration: Duration) -> u32 {
    u32::try_from(duration.as_micros()).unwrap_or(DURATION_US_MAX).min(DURATION_US_MAX)
}

const FAILED: u8 = 1;
const SOFT: u8 = 2;
const SLOW: u8 = 4;
const TIMED_OUT: u8 = 8;
const HOST_FAULT: u8 = 16;

/// No kind of its own: no policy has so many ([`super::policy::KINDS_MAX`]).
const NO_KIND: u8 = u8::MAX;

/// Duration not known.
const NO_DURATION: u32 = u32::MAX;

/// Longest duration an average counts, about 71 minutes: four bytes instead of eight in every sample of a count
/// window. Whether the call was slow is judged before it is cut to this.
const DURATION_US_MAX: u32 = NO_DURATION - 1;

/// The longest duration an average counts, and so the longest it can be.
pub const AVERAGE_MAX: Duration = Duration::from_micros(DURATION_US_MAX as u64);
