//! The index against an ordered map, with names that are short and alike, so that runs form and shift.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{CELLS_MIN, Cell, NameIndex, hash};

proptest! {
    #[test]
    fn it_finds_what_an_ordered_map_finds(
        seed in any::<u64>(),
        steps in prop::collection::vec((any::<bool>(), "[ab/]{0,6}"), 0..400),
    ) {
        let mut index = NameIndex::new(seed);
        let mut map: BTreeMap<String, u32> = BTreeMap::new();
        let mut names: Vec<String> = Vec::new();
        for (insert, name) in steps {
            if insert && !map.contains_key(&name) {
                let place = names.len() as u32;
                names.push(name.clone());
                index.insert(&name, place);
                map.insert(name, place);
            } else {
                index.remove(&name, |place| &names[place as usize]);
                map.remove(&name);
            }
            prop_assert_eq!(index.filled, map.len());
            for name in &names {
                let found = index.find(name, |place| &names[place as usize]);
                prop_assert_eq!(found, map.get(name).copied());
            }
        }
    }
}

#[test]
fn it_is_never_more_than_half_full_and_runs_stay_short() {
    let names: Vec<String> = (0..10_000).map(|number| format!("payments/10.0.{number}:8080")).collect();
    let mut index = NameIndex::new(1);
    for (place, name) in names.iter().enumerate() {
        index.insert(name, place as u32);
    }
    assert!(index.filled * 2 <= index.cells.len());
    let longest = index.cells.split(|cell| cell.place == 0).map(<[Cell]>::len).max().unwrap();
    assert!(longest < 64, "names in one run: {longest}");
}

#[test]
fn an_empty_index_finds_and_removes_nothing() {
    let mut index = NameIndex::new(0);
    assert_eq!(index.find("a", |_| "a"), None);
    index.remove("a", |_| "a");
    assert_eq!(index.cells, vec![Cell::default(); CELLS_MIN]);
}

#[test]
fn names_that_differ_in_length_or_in_trailing_zeros_do_not_hash_alike() {
    let names: [&[u8]; 5] = [b"", b"\0", b"a", b"a\0", b"a\0\0\0\0\0\0\0\0"];
    for (at, one) in names.iter().enumerate() {
        for other in &names[at + 1..] {
            assert_ne!(hash(7, one), hash(7, other), "{one:?} {other:?}");
        }
    }
}
