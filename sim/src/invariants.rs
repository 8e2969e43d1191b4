//! What must always hold, whatever goes wrong: each invariant a small judge of its own, held against every event.
//!
//! Safety (S) is checked at every notice of an agent and every grant a caller sees; liveness (L) once the faults it could
//! blame are over. What an invariant knows are the facts: the ground truth, the books, and where agents stand. Bounds are
//! computed from the scenario and from what agents said (how long Open lasts), with the slack named beside each.
//!
//! Only the first violation of each is kept, and the run goes on: what follows from the first is of little interest, what
//! other invariants see of it is.
//!
//! Not here are those a run cannot see from outside, which are laws of the agent's core: S3 (datagrams twice, late or out
//! of order end in the same state) and S11 (nothing told by peers alters a host's own testimony). S7 and L4 are about the
//! ramp, which does not exist yet.

use std::time::Duration;

use crate::cluster::host_name;
use crate::outcome::InvariantOutcome;
use crate::world::facts::{Facts, Happening, NetworkFacts};

mod alone;
mod closing;
mod deaf;
mod first_hand;
mod hearsay;
mod network;
mod numbers;
mod permission;
mod probes;
mod protection;
mod returning;
mod sick;
mod trips;

/// Something that must always hold.
pub(crate) trait Invariant: Send {
    /// Its name: `S2`.
    fn name(&self) -> &'static str;

    /// What it says.
    fn says(&self) -> &'static str;

    /// Whether it still holds; if not, how it was broken.
    fn see(&mut self, facts: &Facts, at: Duration, what: &Happening<'_>) -> Option<String> {
        let _ = (facts, at, what);
        None
    }

    /// The same, at the end of the run.
    fn finish(&mut self, facts: &Facts, at: Duration, network: &NetworkFacts) -> Option<String> {
        let _ = (facts, at, network);
        None
    }
}

/// All invariants, and how each was broken first.
pub(crate) struct Judge {
    judged: Vec<(Box<dyn Invariant>, Option<String>)>,
}

impl Judge {
    /// Nothing was broken yet.
    pub(crate) fn new() -> Self {
        let all: Vec<Box<dyn Invariant>> = vec![
            Box::new(trips::Warranted),
            Box::new(first_hand::NotAgainstOwnCalls),
            Box::new(trips::OthersStayClosed),
            Box::new(network::GenuineOnly),
            Box::<permission::OnlyClaimedProbes>::default(),
            Box::<probes::Budget>::default(),
            Box::<numbers::Rising>::default(),
            Box::<deaf::Silent>::default(),
            Box::new(hearsay::Capped),
            Box::<numbers::NoEcho>::default(),
            Box::new(network::AlertBudget),
            Box::<protection::Protected>::default(),
            Box::new(closing::Closing::of_the_well()),
            Box::<probes::InTime>::default(),
            Box::<closing::OneNumber>::default(),
            Box::new(returning::Returning::restarted()),
            Box::new(returning::Returning::resumed()),
            Box::new(sick::Told::default()),
            Box::new(closing::Closing::of_the_cured()),
            Box::new(alone::OwnBreakerOnly),
        ];
        Self { judged: all.into_iter().map(|invariant| (invariant, None)).collect() }
    }

    pub(crate) fn see(&mut self, facts: &Facts, at: Duration, what: &Happening<'_>) {
        for (invariant, broken) in self.judged.iter_mut().filter(|(_, broken)| broken.is_none()) {
            *broken = invariant.see(facts, at, what).map(|how| said(at, &how));
        }
    }

    pub(crate) fn finish(&mut self, facts: &Facts, at: Duration, network: &NetworkFacts) {
        for (invariant, broken) in self.judged.iter_mut().filter(|(_, broken)| broken.is_none()) {
            *broken = invariant.finish(facts, at, network).map(|how| said(at, &how));
        }
    }

    /// Each invariant once; of several judges of one name the first that was broken counts.
    pub(crate) fn verdicts(&self) -> Vec<InvariantOutcome> {
        let mut verdicts: Vec<InvariantOutcome> = Vec::new();
        for (invariant, broken) in &self.judged {
            match verdicts.iter_mut().find(|verdict| verdict.name == invariant.name()) {
                Some(verdict) => {
                    verdict.held &= broken.is_none();
                    verdict.first_violation = verdict.first_violation.take().or_else(|| broken.clone());
                }
                None => verdicts.push(InvariantOutcome {
                    name: invariant.name().to_owned(),
                    says: invariant.says().to_owned(),
                    held: broken.is_none(),
                    first_violation: broken.clone(),
                }),
            }
        }
        verdicts
    }
}

fn said(at: Duration, how: &str) -> String {
    format!("at {:.3} s: {how}", at.as_secs_f64())
}

/// A host and a path in words: `h3 (payments)`.
fn whose(facts: &Facts, (host, path): (usize, crate::world::roster::PathId)) -> String {
    format!("{} ({})", host_name(host), facts.roster.name(path))
}

#[cfg(test)]
mod tests;
