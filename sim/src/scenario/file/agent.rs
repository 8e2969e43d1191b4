//! The agent's configuration in a scenario: read by the agent's own code, then written out again for the engine.
//!
//! It is checked here, where its place in the file is known, and handed on as YAML of one line: what `--set` changed is
//! in it, and the engine adds what only the simulator knows. Words are written as they were (`off`, `0.5`), texts in
//! quotes, so that it reads back to the same tree.

use breaker_agent::config::Config;
use breaker_agent::config::error::Findings;
use breaker_agent::config::section::Found;
use breaker_agent::config::tree::{Key, Node, Scalar, ScalarKind, Value};

/// The agent's configuration as YAML.
pub(super) fn agent(found: &Found<'_>, findings: &mut Findings) -> String {
    for (path, node) in entries(found.node).flat_map(|(key, node)| settled(key, node)) {
        findings.add(node.place, &format!("{}.{path}", found.key), "is set by the simulator itself");
    }
    if let Err(errors) = Config::load_tree(found.node, "") {
        for fault in errors.faults() {
            let (key, what) = fault.text.split_once(": ").unwrap_or(("", &fault.text));
            let key = if key.is_empty() { found.key.clone() } else { format!("{}.{key}", found.key) };
            findings.add(fault.place.unwrap_or_else(|| found.place()), &key, what);
        }
    }
    written(found.node)
}

/// What the simulator sets, if it is written.
fn settled<'a>(key: &str, node: &'a Node) -> Vec<(String, &'a Node)> {
    match key {
        "node" | "socket" => vec![(key.to_owned(), node)],
        "gossip" => {
            let below = entries(node).filter(|(key, _)| OF_GOSSIP.contains(key));
            below.map(|(below, node)| (format!("{key}.{below}"), node)).collect()
        }
        _ => Vec::new(),
    }
}

fn entries(node: &Node) -> impl Iterator<Item = (&str, &Node)> {
    let entries = match &node.value {
        Value::Map(entries) => entries.as_slice(),
        Value::Nothing | Value::Scalar(_) | Value::List(_) => &[],
    };
    entries.iter().map(|(key, node)| (key.text.as_str(), node))
}

/// A tree as YAML of one line.
pub(super) fn written(node: &Node) -> String {
    let joined = |items: Vec<String>| items.join(", ");
    match &node.value {
        Value::Nothing => "~".to_owned(),
        Value::Scalar(Scalar { text, kind: ScalarKind::Bool(_) | ScalarKind::Number }) => text.clone(),
        Value::Scalar(Scalar { text, kind: ScalarKind::Text }) => quoted(text),
        Value::List(items) => format!("[{}]", joined(items.iter().map(written).collect())),
        Value::Map(entries) => {
            let entry = |(key, node): &(Key, Node)| format!("{}: {}", quoted(&key.text), written(node));
            format!("{{{}}}", joined(entries.iter().map(entry).collect()))
        }
    }
}

/// A text in double quotes, everything but plain letters, digits and signs escaped.
fn quoted(text: &str) -> String {
    let escaped = text.chars().map(|c| match c {
        '"' => "\\\"".to_owned(),
        '\\' => "\\\\".to_owned(),
        ' '..='~' => c.to_string(),
        other => format!("\\U{:08X}", u32::from(other)),
    });
    format!("\"{}\"", escaped.collect::<String>())
}

/// Who an agent is, where it listens and whom it calls is the simulator's.
const OF_GOSSIP: &[&str] = &["listen", "advertise", "seeds", "keyring"];
