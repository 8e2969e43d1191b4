//! Walking the tree by key: a map becomes a section with known keys, and everything else in it is a fault.
//!
//! An unknown key is answered with the near one if there is one (two letters away at most, or the right word in the
//! wrong section), else with all that are known: a misspelt key that is silently ignored is a breaker that never trips.
//! A key written twice is a fault too, and the first one is read on. `elsewhere` are paths from `circuit_breaker` down.

use std::collections::BTreeMap;

use super::error::{Findings, Place};
use super::setting::Setting;
use super::tree::{Key, Node, Value};

/// A value and the key it stands under, from the top: `circuit_breaker.backoff.max`.
#[derive(Clone, Debug)]
pub struct Found<'a> {
    /// The key, with those above it.
    pub key: String,
    /// The value.
    pub node: &'a Node,
}

/// A map of which the keys are known.
#[derive(Debug)]
pub struct Section<'a> {
    /// The key it stands under, with those above it.
    pub key: String,
    entries: BTreeMap<&'a str, &'a Node>,
}

impl<'a> Found<'a> {
    /// A whole file.
    #[must_use]
    pub fn top(node: &'a Node) -> Self {
        Self { key: String::new(), node }
    }

    /// Where the value stands.
    #[must_use]
    pub fn place(&self) -> Place {
        self.node.place
    }

    /// The value under a key below this one.
    #[must_use]
    pub fn below(&self, key: &str, node: &'a Node) -> Self {
        Self { key: joined(&self.key, key), node }
    }

    /// Says that something else was expected here.
    pub fn refuse(&self, findings: &mut Findings, expected: &str) {
        findings.add(self.place(), &self.key, format!("expected {expected}, got {}", self.node.described()));
    }

    /// Says what is wrong here.
    pub fn complain(&self, findings: &mut Findings, what: impl std::fmt::Display) {
        findings.add(self.place(), &self.key, what);
    }

    /// The entries of a map, each key once; nothing written is an empty map.
    pub fn entries(&self, findings: &mut Findings) -> Vec<(&'a Key, Self)> {
        let entries = match &self.node.value {
            Value::Nothing => return Vec::new(),
            Value::Map(entries) => entries,
            Value::Scalar(_) | Value::List(_) => {
                self.refuse(findings, "a map of keys and values");
                return Vec::new();
            }
        };
        let mut first: BTreeMap<&str, Place> = BTreeMap::new();
        let mut kept = Vec::new();
        for (key, node) in entries {
            let found = self.below(&key.text, node);
            match first.get(key.text.as_str()) {
                Some(place) => {
                    findings.add(key.place, &found.key, format!("written twice (first in line {})", place.line));
                }
                None => {
                    first.insert(&key.text, key.place);
                    kept.push((key, found));
                }
            }
        }
        kept
    }

    /// A map with these keys.
    pub fn section(&self, known: &[&str], findings: &mut Findings) -> Section<'a> {
        self.section_among(known, &[], findings)
    }

    /// A map with these keys, where a wrong key may be one of another place, given as a path.
    pub(super) fn section_among(&self, known: &[&str], elsewhere: &[&[&str]], findings: &mut Findings) -> Section<'a> {
        let mut entries = BTreeMap::new();
        for (key, found) in self.entries(findings) {
            if known.contains(&key.text.as_str()) {
                entries.insert(key.text.as_str(), found.node);
            } else {
                findings.add(key.place, &found.key, format!("unknown key, {}", instead(&key.text, known, elsewhere)));
            }
        }
        Section { key: self.key.clone(), entries }
    }
}

impl<'a> Section<'a> {
    /// The value under a key.
    #[must_use]
    pub fn found(&self, key: &str) -> Option<Found<'a>> {
        self.entries.get(key).map(|&node| Found { key: joined(&self.key, key), node })
    }

    /// The setting under a key with its place; nothing if it is not written, or wrong, which is then said.
    pub(super) fn read<T: Setting>(&self, key: &str, findings: &mut Findings) -> Option<(T, Place)> {
        let found = self.found(key)?;
        Some((T::read(&found, findings)?, found.place()))
    }
}

fn joined(above: &str, key: &str) -> String {
    if above.is_empty() { key.to_owned() } else { format!("{above}.{key}") }
}

fn instead(key: &str, known: &[&str], elsewhere: &[&[&str]]) -> String {
    let near = known.iter().map(|word| (distance(key, word), word)).min().filter(|(distance, _)| *distance <= NEAR_MAX);
    if let Some((_, word)) = near {
        return format!("did you mean {word}?");
    }
    if let Some(path) = elsewhere.iter().find(|path| path.last() == Some(&key)) {
        return format!("did you mean {}?", path.join("."));
    }
    format!("expected {}", one_of(known))
}

/// `a, b or c`.
#[must_use]
pub fn one_of(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [most @ .., last] => format!("{} or {last}", most.join(", ")),
    }
}

/// Letters to add, drop or change to turn one word into the other (Levenshtein); long words are never near.
fn distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    if one.len().abs_diff(other.len()) > NEAR_MAX {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in other.iter().enumerate() {
            let changed = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

/// Two letters: a swap, a doubled and a forgotten letter; with three, short keys are near to everything.
const NEAR_MAX: usize = 2;
