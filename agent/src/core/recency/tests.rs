//! The line against a plain list, under random touches and removals.

use proptest::prelude::*;

use super::Recency;

const PLACES: u32 = 6;

proptest! {
    #[test]
    fn the_oldest_is_always_that_of_a_plain_list(
        steps in prop::collection::vec((any::<bool>(), 0..PLACES), 0..200),
    ) {
        let (mut recency, mut list) = (Recency::default(), Vec::new());
        for (touched, place) in steps {
            list.retain(|other| *other != place);
            if touched {
                list.push(place);
                recency.touch(place);
            } else {
                recency.remove(place);
            }
            prop_assert_eq!(recency.oldest(), list.first().copied());
        }
        for expected in list {
            prop_assert_eq!(recency.oldest(), Some(expected));
            recency.remove(expected);
        }
        prop_assert_eq!(recency.oldest(), None);
    }
}

#[test]
fn removing_one_that_never_was_in_line_does_nothing() {
    let mut recency = Recency::default();
    recency.remove(1_000);
    assert_eq!(recency, Recency::default());
}
