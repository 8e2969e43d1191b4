//! `--set path=value`: any key of a scenario, or of the agent's configuration in it, by its path.
//!
//! `agent.gossip.interval=200ms`, `services.payments.capacity=100/s`, `faults.0.at=10s`. A value is YAML, so that maps
//! and lists can be given too. It is put into the tree before anything is read from it: what is wrong with it is then
//! found by the same walk that finds what is wrong with the file, and a key that nobody knows is an error like any other.
//! Names that users choose (of services, of zones) must exist: a misspelt one would otherwise be one more.

use std::fmt;
use std::str::FromStr;

use breaker_agent::config::Place;
use breaker_agent::config::tree::{Key, Node, Value, quoted};

/// One `path=value`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Set {
    /// Keys joined by dots.
    pub path: String,
    /// What stands there, as YAML.
    pub value: String,
}

impl FromStr for Set {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((path, value)) if !path.is_empty() => Ok(Self { path: path.to_owned(), value: value.to_owned() }),
            _ => Err(format!("expected path=value such as services.payments.capacity=100/s, got {}", quoted(text))),
        }
    }
}

impl fmt::Display for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.path, self.value)
    }
}

impl Set {
    /// Puts the value into a tree.
    pub(super) fn apply(&self, tree: &mut Node) -> Result<(), String> {
        let mut value = Node::parse(&self.value).map_err(|error| format!("{}: {}", self.path, error.text))?;
        forget_places(&mut value);
        put(tree, Path { whole: &self.path, rest: &self.path }, value)
    }
}

/// A path, and what of it is still to go.
#[derive(Clone, Copy)]
struct Path<'p> {
    whole: &'p str,
    rest: &'p str,
}

fn put(node: &mut Node, path: Path<'_>, value: Node) -> Result<(), String> {
    if node.value == Value::Nothing {
        node.value = Value::Map(Vec::new());
    }
    let above = path.whole.strip_suffix(path.rest).unwrap_or_default().trim_end_matches('.');
    match &mut node.value {
        Value::Map(entries) => {
            let (at, rest) = match entry(entries, path.rest) {
                Some(found) => found,
                None if above == "services" || above == "zones" => {
                    let names: Vec<_> =
                        entries.iter().take(NAMES_SHOWN_MAX).map(|(key, _)| key.text.as_str()).collect();
                    let more = if entries.len() > names.len() { ", …" } else { "" };
                    return Err(format!("{}: expected one of {}{more}", path.whole, names.join(", ")));
                }
                None => {
                    let (key, rest) = path.rest.split_once('.').unwrap_or((path.rest, ""));
                    let nothing = Node { place: Place::default(), value: Value::Nothing };
                    entries.push((Key { place: Place::default(), text: key.to_owned() }, nothing));
                    (entries.len() - 1, rest)
                }
            };
            descend(&mut entries[at].1, Path { rest, ..path }, value)
        }
        Value::List(items) => {
            let (index, rest) = path.rest.split_once('.').unwrap_or((path.rest, ""));
            let count = items.len();
            let item = index.parse().ok().and_then(|index: usize| items.get_mut(index));
            let item = item.ok_or_else(|| format!("{}: {above} has {count} items, counted from 0", path.whole))?;
            descend(item, Path { rest, ..path }, value)
        }
        Value::Nothing | Value::Scalar(_) => {
            Err(format!("{}: {above} is {}, it has no keys", path.whole, node.described()))
        }
    }
}

fn descend(node: &mut Node, path: Path<'_>, value: Node) -> Result<(), String> {
    if path.rest.is_empty() {
        *node = value;
        return Ok(());
    }
    put(node, path, value)
}

/// The entry a path goes into, and the path from there; keys can have dots themselves, then the longest one is meant.
fn entry<'p>(entries: &[(Key, Node)], rest: &'p str) -> Option<(usize, &'p str)> {
    let into = |key: &str| match rest.strip_prefix(key)? {
        "" => Some(""),
        below => below.strip_prefix('.'),
    };
    let fitting = entries.iter().enumerate().filter_map(|(at, (key, _))| Some((key.text.len(), at, into(&key.text)?)));
    fitting.max().map(|(_, at, below)| (at, below))
}

/// What is given beside a file stands nowhere in it.
pub(super) fn forget_places(node: &mut Node) {
    node.place = Place::default();
    match &mut node.value {
        Value::List(items) => items.iter_mut().for_each(forget_places),
        Value::Map(entries) => {
            for (key, below) in entries {
                key.place = Place::default();
                forget_places(below);
            }
        }
        Value::Nothing | Value::Scalar(_) => {}
    }
}

/// Most names repeated in a message.
const NAMES_SHOWN_MAX: usize = 8;
