//! Whether this host fails where others do not: a sick host counts nowhere and is told so.
//!
//! A broken network card, a full disk, a wrong clock make every call of one host fail. Its testimony is honest and
//! useless. It finds that out by itself: for five seconds it fails on three services at least, and on half of those it
//! calls, that its peers do not find failing. Slow on purpose: below 30 % such hosts can open nothing anyhow, and a rule
//! that is quick to disbelieve would disbelieve the first hosts that see a real outage.

use std::time::Duration;

use super::state::HostNotice;
use super::time::MonoTime;

/// How a host is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Health {
    /// Well.
    #[default]
    Well,
    /// It fails where others do not, not for long enough yet.
    Ailing {
        /// Since when.
        since: MonoTime,
    },
    /// Sick.
    Sick {
        /// When it last failed where others do not.
        seen: MonoTime,
    },
}

/// On how many services a host fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Symptoms {
    /// Services it fails on and its peers do not.
    pub alone: usize,
    /// Services it calls.
    pub called: usize,
}

impl Health {
    /// Looks at the host; what there is to tell.
    pub fn look(&mut self, now: MonoTime, symptoms: Symptoms) -> Option<HostNotice> {
        let was = self.is_sick();
        *self = match (*self, symptoms.are_of_a_sick_host()) {
            (Self::Well, true) => Self::Ailing { since: now },
            (Self::Ailing { since }, true) if now.since(since) >= SICK_AFTER => Self::Sick { seen: now },
            (Self::Ailing { since }, true) => Self::Ailing { since },
            (Self::Sick { .. }, true) => Self::Sick { seen: now },
            (Self::Sick { seen }, false) if now.since(seen) < WELL_AFTER => Self::Sick { seen },
            (Self::Well | Self::Ailing { .. } | Self::Sick { .. }, false) => Self::Well,
        };
        (was != self.is_sick()).then(|| HostNotice::Sick(self.is_sick()))
    }

    /// Whether it is sick.
    #[must_use]
    pub fn is_sick(self) -> bool {
        matches!(self, Self::Sick { .. })
    }
}

impl Symptoms {
    fn are_of_a_sick_host(self) -> bool {
        self.alone >= SERVICES_MIN && self.alone * 2 >= self.called
    }
}

/// How long it must have lasted.
pub const SICK_AFTER: Duration = Duration::from_secs(5);

/// How long it must be over.
pub const WELL_AFTER: Duration = Duration::from_secs(1);

/// How often it is looked at, while own calls fail.
pub const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Fewest services: what fails on one or two is more likely these services, or the way to them.
pub const SERVICES_MIN: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    const ILL: Symptoms = Symptoms { alone: 3, called: 6 };

    fn at(ms: u64) -> MonoTime {
        MonoTime::from_millis(ms)
    }

    #[test]
    fn it_takes_three_services_and_half_of_those_called() {
        let cases = [((2, 2), false), ((3, 6), true), ((3, 7), false), ((4, 8), true)];
        for ((alone, called), sick) in cases {
            assert_eq!(Symptoms { alone, called }.are_of_a_sick_host(), sick, "{alone} of {called}");
        }
    }

    #[test]
    fn it_takes_five_seconds_without_a_break_to_be_sick_and_one_to_be_well() {
        let mut health = Health::default();
        assert_eq!(health.look(at(0), ILL), None);
        assert_eq!(health.look(at(4_000), Symptoms::default()), None);
        assert_eq!(health.look(at(5_000), ILL), None);
        assert_eq!(health.look(at(9_999), ILL), None);
        assert_eq!(health.look(at(10_000), ILL), Some(HostNotice::Sick(true)));
        assert_eq!(health.look(at(10_999), Symptoms::default()), None);
        assert_eq!(health.look(at(11_000), Symptoms::default()), Some(HostNotice::Sick(false)));
    }
}
