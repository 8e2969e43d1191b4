//! L1: a service that is dead for all its callers is refused by 99 % of them after few failed calls.
//!
//! Few are three times the minimum throughput, or a quarter of a second of the demand if that is more, and the calls that
//! were on their way when it died or when the last of the 99 % refused. A failing call is tried again at once, so the
//! calls a second are the demand times its attempts. Judged is an outage that nothing else clouds: no other fault in the
//! minute before or during it, every host running, and the hosts acquainted.

use std::time::Duration;

use crate::plan::{Mode, What};
use crate::world::facts::{Facts, Happening, NetworkFacts};
use crate::world::roster::PathId;
use crate::world::truth::Window;

use super::Invariant;

/// L1.
#[derive(Default)]
pub(super) struct Protected {
    outages: Vec<Outage>,
}

/// A service that is dead for all.
struct Outage {
    fault: usize,
    service: PathId,
    from: Duration,
    in_flight: usize,
    end: End,
}

/// How far it has come.
enum End {
    /// Too few refuse.
    Awaited,
    /// So many calls were on their way when 99 % refused.
    Refused { at: Duration, in_flight: usize },
    /// It was over before.
    Over { at: Duration },
    /// Something else happened.
    Clouded,
}

impl Invariant for Protected {
    fn name(&self) -> &'static str {
        "L1"
    }

    fn says(&self) -> &'static str {
        "dead for all callers: refused by 99 % of hosts within max(3 x minimum, 0.25 s x demand) failed calls"
    }

    fn see(&mut self, facts: &Facts, at: Duration, what: &Happening<'_>) -> Option<String> {
        match what {
            Happening::Fault => self.turn(facts, at),
            Happening::Lives { .. } => self.awaited().for_each(|outage| outage.end = End::Clouded),
            Happening::Notice { .. } => self.awaited().for_each(|outage| outage.look(facts, at)),
            _ => {}
        }
        None
    }

    fn finish(&mut self, facts: &Facts, at: Duration, _: &NetworkFacts) -> Option<String> {
        self.outages.iter().find_map(|outage| outage.broken(facts, at))
    }
}

impl Protected {
    fn awaited(&mut self) -> impl Iterator<Item = &mut Outage> {
        self.outages.iter_mut().filter(|outage| matches!(outage.end, End::Awaited))
    }

    fn turn(&mut self, facts: &Facts, at: Duration) {
        for outage in self.awaited() {
            let (_, _, ended) = facts.truth.faults().nth(outage.fault).expect("invariant: it began");
            outage.end = if ended.is_some() { End::Over { at } } else { End::Clouded };
        }
        for (fault, (told, begun, _)) in facts.truth.faults().enumerate() {
            let What::ServiceDown { service, .. } = &told.what else { continue };
            let Some(service) = facts.roster.find(service).filter(|_| begun == Some(at)) else { continue };
            if is_clear(facts, at, service) && !self.outages.iter().any(|outage| outage.fault == fault) {
                let in_flight = facts.ledger.in_flight(service);
                self.outages.push(Outage { fault, service, from: at, in_flight, end: End::Awaited });
            }
        }
    }
}

impl Outage {
    fn look(&mut self, facts: &Facts, at: Duration) {
        let levels = facts.roster.levels(self.service);
        let refuses = |host: &&usize| levels.iter().any(|level| facts.places.refuses(**host, *level));
        let callers = facts.roster.callers(self.service);
        if callers.keys().filter(refuses).count() * 100 >= callers.len() * 99 {
            self.end = End::Refused { at, in_flight: facts.ledger.in_flight(self.service) };
        }
    }

    fn broken(&self, facts: &Facts, now: Duration) -> Option<String> {
        let (until, in_flight) = match self.end {
            End::Refused { at, in_flight } => (at, in_flight),
            End::Over { at } => (at, facts.ledger.in_flight(self.service)),
            End::Awaited => (now, facts.ledger.in_flight(self.service)),
            End::Clouded => return None,
        };
        let failed = facts.ledger.failed(self.service);
        let failed = failed.iter().filter(|call| call.to >= self.from && call.from <= until).count();
        let attempts = f64::from(1 + facts.roster.retries(self.service));
        let rate = facts.roster.callers(self.service).values().sum::<f64>() * attempts;
        let minimum = facts.roster.minimum(self.service) as f64;
        let most = (3.0 * minimum).max(DETECTION * rate) + (self.in_flight + in_flight) as f64;
        (failed as f64 > most).then(|| {
            let (name, from) = (facts.roster.name(self.service), self.from.as_secs_f64());
            let end = if matches!(self.end, End::Refused { .. }) { "refused it" } else { "would have refused it" };
            format!(
                "{name} died at {from:.3} s, and {failed} calls failed before 99 % of hosts {end}, at most {most:.0}"
            )
        })
    }
}

/// Whether an outage that begins now is nothing but that.
fn is_clear(facts: &Facts, at: Duration, service: PathId) -> bool {
    let gossips = match facts.roster.mode {
        Mode::Gossip | Mode::Steps => true,
        Mode::Local | Mode::Oracle => false,
    };
    let callers = facts.roster.callers(service);
    let others = facts.truth.faults().filter(|(_, begun, ended)| {
        begun.is_some_and(|begun| begun < at) && ended.is_none_or(|ended| ended + REMEMBERED > at)
    });
    let acquainted = |host: &usize| facts.truth.is_live(*host) && facts.truth.host(*host).since + ACQUAINTED <= at;
    let alone = facts.truth.in_force(Window::moment(at)).all(|what| matches!(what, What::ServiceDown { .. }));
    gossips
        && alone
        && others.count() == 0
        && callers.len() > 1
        && callers.keys().all(acquainted)
        && callers.keys().all(|host| !facts.places.refuses(*host, service))
}

/// Seconds of demand that may be lost until it is noticed.
const DETECTION: f64 = 0.25;

/// What the longest span remembers of an earlier fault.
const REMEMBERED: Duration = Duration::from_secs(70);

/// Hosts know each other, and how often each calls, after so long: what they say of themselves is told every few seconds.
const ACQUAINTED: Duration = Duration::from_secs(5);
