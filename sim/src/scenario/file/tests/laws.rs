//! What holds for any text: nothing panics, and what is written of the agent's configuration reads back the same.

use breaker_agent::config::Place;
use breaker_agent::config::tree::{Key, Node, Scalar, ScalarKind, Value};
use proptest::prelude::*;

use super::super::agent::written;
use super::{around, read};

fn scalar() -> impl Strategy<Value = Value> {
    let text = any::<String>().prop_map(|text| Scalar { text, kind: ScalarKind::Text });
    let number = (0_u32..9_999).prop_map(|number| Scalar { text: number.to_string(), kind: ScalarKind::Number });
    let off = Just(Scalar { text: "off".to_owned(), kind: ScalarKind::Bool(false) });
    prop_oneof![text, number, off].prop_map(Value::Scalar)
}

fn node(value: Value) -> Node {
    Node { place: Place::default(), value }
}

fn tree() -> impl Strategy<Value = Node> {
    let leaf = prop_oneof![Just(Value::Nothing), scalar()].prop_map(node);
    leaf.prop_recursive(4, 30, 4, |inner| {
        let list = prop::collection::vec(inner.clone(), 0..4).prop_map(Value::List);
        let key = any::<String>().prop_map(|text| Key { place: Place::default(), text });
        let map = prop::collection::vec((key, inner), 0..4).prop_map(Value::Map);
        prop_oneof![list, map].prop_map(node)
    })
}

fn placeless(mut tree: Node) -> Node {
    super::super::set::forget_places(&mut tree);
    tree
}

/// Words a hostile or clumsy writer may put anywhere.
fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("h0..h99999999999".to_owned()),
        Just("h3..h1".to_owned()),
        Just("999999999999999999999%".to_owned()),
        Just("1e308/s".to_owned()),
        Just("s-0..s-4294967295".to_owned()),
        Just("584542046090y".to_owned()),
        Just("[[rest], rest, 50%]".to_owned()),
        Just("{from: 100%, to: rest}".to_owned()),
        Just("~".to_owned()),
        "[a-z0-9%./~-]{0,12}",
    ]
}

proptest! {
    #[test]
    fn what_is_written_of_a_tree_reads_back_the_same(tree in tree()) {
        let text = written(&tree);
        prop_assert_eq!(text.lines().count(), 1);
        let read = Node::parse(&text).map_err(|error| TestCaseError::fail(format!("{text}: {}", error.text)))?;
        prop_assert_eq!(placeless(read), tree);
    }

    #[test]
    fn no_text_makes_it_panic(text in any::<String>()) {
        let _ = read(&text);
    }

    #[test]
    fn no_word_at_any_place_makes_it_panic(word in word(), place in 0_usize..12) {
        let fault = |fault: String| around(&format!("faults:\n  - {{at: 1s, {fault}}}\n"));
        let text = match place {
            0 => around(&format!("link: {{latency: {word}}}\n")),
            1 => around(&format!("link: {{loss: {word}}}\n")),
            2 => around(&format!("agent: {word}\n")),
            3 => around(&format!("expect: {{overshoot: {word}, recovered: {word}}}\n")),
            4 => fault(format!("partition: [{word}, {word}]")),
            5 => fault(format!("one_way: {{from: {word}, to: {word}}}")),
            6 => fault(format!("crash: {word}, restart_after: {word}")),
            7 => fault(format!("service_down: {word}, mode: {word}")),
            8 => fault(format!("rolling_restart: {{every: {word}}}")),
            9 => format!("name: a\nduration: {word}\nhosts: {word}\n"),
            10 => format!("name: a\nduration: 9s\nhosts: 2\nservices: {{{word}: {{capacity: {word}}}}}\n"),
            _ => around(&format!("  - {{service: {word}, rate: {word}, hosts: {word}, timeout: {word}}}\n")),
        };
        let _ = read(&text);
    }
}
