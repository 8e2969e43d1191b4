//! Which layers hold for a service, and what they come to.
//!
//! Each key comes from the most specific layer that writes it: the service's own, then patterns from the longest to
//! the shortest, then the ancestors from the nearest to the furthest, then `defaults`, then what is built in.
//!
//! Everything is worked out once, at loading. Patterns only end in `/*`, so which layers hold for a service that is
//! not listed depends on its nearest listed ancestor alone, and there are no more answers than lines in the file; equal
//! answers are one shared value, so that ten thousand services with one policy cost one. Asking is at most five
//! look-ups, without a lock or a cache that could grow.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::core::policy::Policy;
use crate::core::service::{SEGMENTS_MAX, ServiceName};

use super::contradiction::Check;
use super::effective::Effective;
use super::error::{Findings, Place};
use super::layer::Layer;
use super::section::Found;
use super::tree::quoted;

/// All layers, and what holds for which service.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Services {
    /// The layer of `defaults` first, then those of `services` in the order of the file.
    layers: Vec<Entry>,
    /// Layers of single services.
    names: BTreeMap<Box<str>, u32>,
    /// Layers of patterns, under what stands before `/*`; `*` alone stands under nothing.
    patterns: BTreeMap<Box<str>, u32>,
    exact: BTreeMap<Box<str>, Arc<Effective>>,
    below: BTreeMap<Box<str>, Arc<Effective>>,
    top: Arc<Effective>,
}

/// One layer as it stands in the file.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    /// The service or pattern; `defaults` for the first.
    pub(super) name: String,
    pub(super) written: Layer,
}

/// The `services` section as read.
#[derive(Debug)]
pub(super) struct Listed<'a> {
    /// The key of the layer's policy, for messages.
    key: String,
    name: String,
    /// Where its name stands.
    place: Place,
    circuit_breaker: Option<Found<'a>>,
}

impl<'a> Listed<'a> {
    /// The entries of `services`.
    pub(super) fn read(found: &Found<'a>, findings: &mut Findings) -> Vec<Self> {
        let entries = found.entries(findings);
        if entries.len() > SERVICES_MAX {
            found.complain(findings, format!("at most {SERVICES_MAX} services and patterns, got {}", entries.len()));
            return Vec::new();
        }
        let listed = entries.into_iter().map(|(key, found)| {
            let section = found.section(&["circuit_breaker"], findings);
            let circuit_breaker = section.found("circuit_breaker");
            Self {
                key: format!("{}.circuit_breaker", found.key),
                name: key.text.clone(),
                place: key.place,
                circuit_breaker,
            }
        });
        listed.collect()
    }
}

impl Services {
    /// Reads every layer and works out what they come to.
    pub(super) fn build(defaults: Option<&Found<'_>>, listed: Vec<Listed<'_>>, findings: &mut Findings) -> Self {
        let key = defaults.map_or_else(|| "circuit_breaker".to_owned(), |found| found.key.clone());
        let written = defaults.map(|found| Layer::read(found, 0, findings)).unwrap_or_default();
        let mut keys = vec![key];
        let mut layers = vec![Entry { name: "defaults".to_owned(), written }];
        let (mut names, mut patterns) = (BTreeMap::new(), BTreeMap::new());
        for (number, listed) in (1..).zip(listed) {
            let read = listed.circuit_breaker.as_ref().map(|found| Layer::read(found, number, findings));
            match Target::parse(&listed.name) {
                Err(wrong) => findings.add(listed.place, &format!("services.{}", listed.name), wrong),
                Ok(Target::One(name)) => drop(names.insert(Box::from(name.as_str()), number)),
                Ok(Target::AllBelow(base)) => drop(patterns.insert(base, number)),
            }
            keys.push(listed.key);
            layers.push(Entry { name: listed.name, written: read.unwrap_or_default() });
        }
        let top = Arc::new(Effective::of(&Layer::default()));
        let mut services = Self { layers, names, patterns, exact: BTreeMap::new(), below: BTreeMap::new(), top };
        services.work_out(&keys, findings);
        services
    }

    /// What holds for a service.
    pub(super) fn effective(&self, service: &ServiceName) -> &Effective {
        let own = self.exact.get(service.as_str());
        own.or_else(|| above(service.as_str()).find_map(|path| self.below.get(path))).unwrap_or(&self.top)
    }

    /// Whether a service is listed, matches a pattern, or is below one that is listed.
    pub(super) fn lists(&self, service: &ServiceName) -> bool {
        let name = service.as_str();
        self.patterns.contains_key("")
            || self.exact.contains_key(name)
            || above(name).any(|path| self.below.contains_key(path))
    }

    /// The merged layer of a service.
    pub(super) fn merged(&self, service: &ServiceName) -> Layer {
        self.merge(self.layers_of(Some(service.as_str()), above(service.as_str())))
    }

    pub(super) fn layers(&self) -> &[Entry] {
        &self.layers
    }

    /// What `defaults` alone come to.
    pub(super) fn defaults(&self) -> Effective {
        Effective::of(&self.merge(vec![0]))
    }

    fn work_out(&mut self, keys: &[String], findings: &mut Findings) {
        let mut shared = Shared::default();
        let mut share = |services: &Self, layers| {
            let layer = services.merge(layers);
            let effective = shared.one(Effective::of(&layer));
            Check { layer: &layer, policy: &effective.policy, keys }.run(findings);
            effective
        };
        let top = share(self, self.layers_of(None, std::iter::empty()));
        let mut exact = BTreeMap::new();
        let mut below = BTreeMap::new();
        for name in self.names.keys() {
            exact.insert(name.clone(), share(self, self.layers_of(Some(name), above(name))));
        }
        for base in self.names.keys().chain(self.patterns.keys()).filter(|base| !base.is_empty()) {
            let from_base = std::iter::once(&**base).chain(above(base));
            below.insert(base.clone(), share(self, self.layers_of(None, from_base)));
        }
        (self.top, self.exact, self.below) = (top, exact, below);
    }

    /// The numbers of the layers that hold, the most specific first.
    fn layers_of<'a>(&self, own: Option<&str>, above: impl Iterator<Item = &'a str>) -> Vec<u32> {
        let above: Vec<&str> = above.collect();
        let own = own.and_then(|name| self.names.get(name));
        let patterns = above.iter().copied().chain([""]).filter_map(|base| self.patterns.get(base));
        let ancestors = above.iter().filter_map(|&name| self.names.get(name));
        own.into_iter().chain(patterns).chain(ancestors).copied().chain([0]).collect()
    }

    fn merge(&self, layers: Vec<u32>) -> Layer {
        let written = layers.into_iter().rev().filter_map(|number| self.layers.get(usize::try_from(number).ok()?));
        written.fold(Layer::default(), |below, entry| entry.written.clone().over(below))
    }
}

/// What a key of `services` speaks of.
enum Target {
    One(ServiceName),
    AllBelow(Box<str>),
}

impl Target {
    fn parse(text: &str) -> Result<Self, String> {
        if text == "*" {
            return Ok(Self::AllBelow(Box::from("")));
        }
        let (base, pattern) = text.strip_suffix("/*").map_or((text, false), |base| (base, true));
        if base.contains('*') {
            return Err(format!(
                "a pattern is a path with /* at its end such as payments/*, or * alone, got {}",
                quoted(text)
            ));
        }
        let name = ServiceName::parse(base).map_err(|error| error.to_string())?;
        match pattern {
            false => Ok(Self::One(name)),
            true if base.split('/').count() < SEGMENTS_MAX => Ok(Self::AllBelow(Box::from(base))),
            true => Err(format!("can never match: a service's name has at most {SEGMENTS_MAX} segments")),
        }
    }
}

/// The ancestors of a path, the nearest first.
fn above(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(path.rsplit_once('/').map(|(above, _)| above), |path| {
        path.rsplit_once('/').map(|(above, _)| above)
    })
}

/// Equal values found again by what they print as: policies have no order of their own.
#[derive(Default)]
struct Shared {
    policies: BTreeMap<String, (usize, Arc<Policy>)>,
    all: BTreeMap<(usize, String), Arc<Effective>>,
}

impl Shared {
    fn one(&mut self, mut effective: Effective) -> Arc<Effective> {
        let number = self.policies.len();
        let policy = self.policies.entry(format!("{:?}", effective.policy));
        let (number, policy) = policy.or_insert_with(|| (number, Arc::clone(&effective.policy)));
        effective.policy = Arc::clone(policy);
        let key = (*number, format!("{:?} {:?}", effective.fallback, effective.monitoring));
        Arc::clone(self.all.entry(key).or_insert_with(|| Arc::new(effective)))
    }
}

/// Most services and patterns listed: as many as the registry holds.
pub(super) const SERVICES_MAX: usize = 10_000;
