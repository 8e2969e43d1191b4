//! What goes wrong in a run, as single acts in order of time.
//!
//! A fault of the scenario becomes acts: it begins, it ends, and in between hosts stop and start. Before an agent dies it
//! is asked what it has counted, because nobody can ask it afterwards; the answer takes a step.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::fabric::STEP;
use crate::plan::{FabricKind, Fault, Run, What};

/// A single act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// A fault, by its place in the scenario, begins.
    Begin(usize),
    /// It ends.
    End(usize),
    /// A host's agent is asked what it has counted.
    Ask(usize),
    /// Something happens to a host by a fault.
    Host {
        /// The fault.
        fault: usize,
        /// The host.
        host: usize,
        /// What.
        act: HostAct,
    },
}

/// What happens to a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostAct {
    /// It stops without a word.
    Crash,
    /// It starts again.
    Start,
    /// It stops, to go on later.
    Pause,
    /// It goes on.
    Resume,
    /// Its agent is told to stop, and started again.
    Restart,
}

/// All acts of a run that are still to come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Timeline {
    /// By time, then in the order in which they were written.
    acts: BTreeMap<(Duration, usize), Act>,
}

/// Why a run cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Impossible {
    /// A pause, where hosts cannot be paused.
    PauseUnderTurmoil,
    /// More hosts than the fabric bears.
    TooManyHosts {
        /// How many there are.
        hosts: usize,
        /// How many there can be.
        most: usize,
    },
}

/// Whether a run can be made at all.
///
/// # Errors
/// [`Impossible`] says why not.
pub fn check(run: &Run) -> Result<(), Impossible> {
    let (hosts, most) = (run.scenario.hosts(), hosts_max(run.fabric));
    let pauses = run.scenario.faults.iter().any(|fault| matches!(fault.what, What::Pause { .. }));
    match run.fabric {
        _ if hosts > most => Err(Impossible::TooManyHosts { hosts, most }),
        FabricKind::Turmoil if pauses => Err(Impossible::PauseUnderTurmoil),
        FabricKind::Turmoil | FabricKind::Memory => Ok(()),
    }
}

impl Timeline {
    /// All acts of these faults, on so many hosts.
    #[must_use]
    pub fn of(faults: &[Fault], hosts: usize) -> Self {
        let mut timeline = Self::default();
        for (index, fault) in faults.iter().enumerate() {
            timeline.add(fault.at, Act::Begin(index));
            if let Some(end) = timeline.add_host_acts(index, fault, hosts) {
                timeline.add(end, Act::End(index));
            }
        }
        timeline
    }

    /// Takes the next act that is due.
    pub fn next(&mut self, now: Duration) -> Option<Act> {
        let first = self.acts.first_entry().filter(|entry| entry.key().0 <= now)?;
        Some(first.remove())
    }

    /// When the first act is due.
    #[must_use]
    pub fn begins(&self) -> Option<Duration> {
        self.acts.keys().next().map(|(at, _)| *at)
    }

    /// What happens to hosts by a fault; when it is over.
    fn add_host_acts(&mut self, index: usize, fault: &Fault, hosts: usize) -> Option<Duration> {
        let act = |host, act| Act::Host { fault: index, host, act };
        let end = fault.lasts.map(|lasts| fault.at + lasts);
        match &fault.what {
            What::Crash { hosts, restart_after } => {
                let dies = fault.at + STEP;
                let starts = restart_after.map(|after| fault.at + after.max(2 * STEP));
                for host in hosts {
                    self.add(fault.at, Act::Ask(*host));
                    self.add(dies, act(*host, HostAct::Crash));
                    starts.into_iter().for_each(|starts| self.add(starts, act(*host, HostAct::Start)));
                }
                starts
            }
            What::Pause { hosts } => {
                for host in hosts {
                    self.add(fault.at, act(*host, HostAct::Pause));
                    end.into_iter().for_each(|end| self.add(end, act(*host, HostAct::Resume)));
                }
                end
            }
            What::RollingRestart { every } => {
                let turns = (0..hosts).zip(0_u32..).map(|(host, turn)| (host, fault.at + *every * turn));
                let mut last = fault.at;
                for (host, at) in turns {
                    self.add(at, Act::Ask(host));
                    self.add(at + STEP, act(host, HostAct::Restart));
                    last = at;
                }
                Some(last + RESTART_MAX)
            }
            What::ServiceDown { .. }
            | What::ServiceErrors { .. }
            | What::ServiceSlow { .. }
            | What::Capacity { .. }
            | What::Partition { .. }
            | What::OneWay { .. }
            | What::SickHost { .. }
            | What::Liar { .. }
            | What::Loss { .. }
            | What::Duplicate { .. }
            | What::Reorder { .. }
            | What::Delay { .. }
            | What::GossipDead { .. } => end,
        }
    }

    fn add(&mut self, at: Duration, act: Act) {
        self.acts.insert((at, self.acts.len()), act);
    }
}

/// A fault in words: `partition at 30 s for 20 s`.
#[must_use]
pub fn in_words(fault: &Fault) -> String {
    let what = match &fault.what {
        What::ServiceDown { service, .. } => format!("service_down {service}"),
        What::ServiceErrors { service, .. } => format!("service_errors {service}"),
        What::ServiceSlow { service, .. } => format!("service_slow {service}"),
        What::Capacity { service, .. } => format!("capacity {service}"),
        What::Partition { .. } => "partition".to_owned(),
        What::OneWay { .. } => "one_way".to_owned(),
        What::SickHost { .. } => "sick_host".to_owned(),
        What::Liar { .. } => "liar".to_owned(),
        What::Loss { .. } => "loss".to_owned(),
        What::Duplicate { .. } => "duplicate".to_owned(),
        What::Reorder { .. } => "reorder".to_owned(),
        What::Delay { .. } => "delay".to_owned(),
        What::Crash { .. } => "crash".to_owned(),
        What::Pause { .. } => "pause".to_owned(),
        What::RollingRestart { .. } => "rolling_restart".to_owned(),
        What::GossipDead { .. } => "gossip_dead".to_owned(),
    };
    let lasting = fault.lasts.map(|lasts| format!(" for {} s", lasts.as_secs_f64())).unwrap_or_default();
    format!("{what} at {} s{lasting}", fault.at.as_secs_f64())
}

/// Most hosts a fabric bears.
#[must_use]
pub const fn hosts_max(fabric: FabricKind) -> usize {
    match fabric {
        // It looks at every pair of hosts in every millisecond: 50 hosts take a second of the real world for each
        // simulated one, a hundred take seven.
        FabricKind::Turmoil => 50,
        // What the targets ask for; each host is an agent of some megabytes.
        FabricKind::Memory => 1_000,
    }
}

impl fmt::Display for Impossible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PauseUnderTurmoil => crate::fabric::Unpausable.fmt(f),
            Self::TooManyHosts { hosts, most } => write!(f, "{hosts} hosts, at most {most} on this fabric"),
        }
    }
}

impl std::error::Error for Impossible {}

/// Longest time an agent takes to stop and start again: its goodbye takes half a second.
const RESTART_MAX: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
