//! Who is in a scenario, by number: the paths there are breakers for, who calls them, how often and how patiently.
//!
//! Breakers exist for every ancestor of a service too, so paths are more than services. Everything that is kept per path
//! is kept under its number: comparing names at every call would be most of what a run does.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use breaker_agent::config::Config;
use breaker_agent::core::service::ServiceName;

use crate::plan::{Callers, Mode, Run, Service};

/// The number of a path: a service, or an ancestor of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PathId(pub(super) usize);

/// Who is in a scenario.
pub(crate) struct Roster {
    /// How hosts decide.
    pub(crate) mode: Mode,
    /// How often agents exchange state.
    pub(crate) interval: Duration,
    zones: Vec<Option<String>>,
    paths: Vec<Path>,
    lines: Vec<(PathId, Callers)>,
}

/// What is known of a path from the start.
struct Path {
    name: String,
    service: Option<Service>,
    /// The services at it and below.
    covers: Vec<PathId>,
    /// Itself and its ancestors.
    levels: Vec<PathId>,
    /// Calls a second of each host.
    rates: BTreeMap<usize, f64>,
    /// How long the least patient of its callers wait.
    timeout: Duration,
    retries: u32,
    /// Calls below which its rates are not judged.
    minimum: u64,
}

impl Roster {
    pub(crate) fn of(run: &Run) -> Self {
        let scenario = &run.scenario;
        let mut names = BTreeSet::new();
        for service in scenario.services.keys() {
            names.extend(levels_of(service).map(str::to_owned));
        }
        let names: Vec<String> = names.into_iter().collect();
        let find = |name: &str| names.binary_search_by(|known| known.as_str().cmp(name)).ok().map(PathId);
        // The engine has refused a configuration that cannot be read before this is asked.
        let config = Config::load(&scenario.agent, "agent").ok();
        let minimum =
            |name: &str| Some(config.as_ref()?.ruling(&ServiceName::parse(name).ok()?).policy.minimum_throughput);
        let paths = names.iter().map(|name| Path {
            name: name.clone(),
            service: scenario.services.get(name).copied(),
            covers: scenario
                .services
                .keys()
                .filter(|service| is_at_or_below(service, name))
                .filter_map(|s| find(s))
                .collect(),
            levels: levels_of(name).filter_map(find).collect(),
            rates: rates_of(name, scenario.hosts(), &scenario.callers),
            timeout: calling(name, &scenario.callers).map(|callers| callers.timeout).min().unwrap_or(PATIENCE),
            retries: calling(name, &scenario.callers).map(|callers| callers.retries).max().unwrap_or_default(),
            minimum: minimum(name).unwrap_or(MINIMUM),
        });
        let lines = scenario.callers.iter().filter_map(|line| Some((find(&line.service)?, line.clone())));
        Self {
            mode: run.mode,
            interval: config.as_ref().map_or(INTERVAL, |config| config.gossip.interval.value),
            zones: (0..scenario.hosts()).map(|host| scenario.zone_of(host).map(str::to_owned)).collect(),
            paths: paths.collect(),
            lines: lines.collect(),
        }
    }

    pub(crate) fn find(&self, name: &str) -> Option<PathId> {
        self.paths.binary_search_by(|path| path.name.as_str().cmp(name)).ok().map(PathId)
    }

    /// All paths, in order of name.
    pub(crate) fn paths(&self) -> impl Iterator<Item = PathId> + use<> {
        (0..self.paths.len()).map(PathId)
    }

    /// Those that are services, with what they are.
    pub(crate) fn services(&self) -> impl Iterator<Item = (PathId, Service)> {
        self.paths.iter().enumerate().filter_map(|(at, path)| Some((PathId(at), path.service?)))
    }

    pub(crate) fn hosts(&self) -> usize {
        self.zones.len()
    }

    pub(crate) fn zone(&self, host: usize) -> Option<&str> {
        self.zones.get(host)?.as_deref()
    }

    pub(crate) fn name(&self, path: PathId) -> &str {
        &self.at(path).name
    }

    /// Whether it has no ancestor.
    pub(crate) fn is_top(&self, path: PathId) -> bool {
        self.at(path).levels.len() == 1
    }

    /// The services at a path and below.
    pub(crate) fn covers(&self, path: PathId) -> &[PathId] {
        &self.at(path).covers
    }

    /// A path and its ancestors.
    pub(crate) fn levels(&self, path: PathId) -> &[PathId] {
        &self.at(path).levels
    }

    /// The hosts that call a path, with calls a second.
    pub(crate) fn callers(&self, path: PathId) -> &BTreeMap<usize, f64> {
        &self.at(path).rates
    }

    /// How often one host calls a path, in calls a second.
    pub(crate) fn rate(&self, host: usize, path: PathId) -> f64 {
        self.callers(path).get(&host).copied().unwrap_or_default()
    }

    pub(crate) fn timeout(&self, path: PathId) -> Duration {
        self.at(path).timeout
    }

    /// How often a failed call of a path is tried again, at most.
    pub(crate) fn retries(&self, path: PathId) -> u32 {
        self.at(path).retries
    }

    /// Calls of a path below which its rates are not judged.
    pub(crate) fn minimum(&self, path: PathId) -> u64 {
        self.at(path).minimum
    }

    /// The streams of calls of a host.
    pub(crate) fn lines(&self, host: usize) -> impl Iterator<Item = &(PathId, Callers)> {
        self.lines.iter().filter(move |(_, line)| line.hosts.is_empty() || line.hosts.contains(&host))
    }

    fn at(&self, path: PathId) -> &Path {
        self.paths.get(path.0).expect("invariant: numbers of paths come from the roster")
    }
}

/// Whether a service is at a path or below it.
fn is_at_or_below(service: &str, path: &str) -> bool {
    service.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn calling<'a>(path: &'a str, callers: &'a [Callers]) -> impl Iterator<Item = &'a Callers> {
    callers.iter().filter(move |line| is_at_or_below(&line.service, path))
}

fn rates_of(path: &str, hosts: usize, callers: &[Callers]) -> BTreeMap<usize, f64> {
    let mut rates = BTreeMap::new();
    for line in calling(path, callers) {
        for host in (0..hosts).filter(|host| line.hosts.is_empty() || line.hosts.contains(host)) {
            *rates.entry(host).or_default() += line.rate;
        }
    }
    rates
}

/// A name's ancestors from the top, and itself.
fn levels_of(name: &str) -> impl Iterator<Item = &str> {
    let ends = name.match_indices('/').map(|(at, _)| at).chain([name.len()]);
    ends.filter_map(|end| name.get(..end))
}

/// How long callers wait where nobody calls: any time will do, nobody does.
const PATIENCE: Duration = Duration::from_millis(500);

/// How often agents exchange state unless told otherwise.
const INTERVAL: Duration = Duration::from_millis(500);

/// Calls below which rates are not judged unless told otherwise.
const MINIMUM: u64 = 20;
