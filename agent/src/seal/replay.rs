//! Which datagrams of one sender's life were seen: a sliding window over its counter.
//!
//! The window is as of IPsec (RFC 6479, a ring of bits): what is newer than all before moves it, what is within it is
//! taken once, what is older is refused. A sender counts over all its receivers, so one receiver sees gaps; the
//! window's size says how much a sender may send, to everybody, while one datagram is on its way.

/// The counters of one sender seen lately.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Window {
    newest: u64,
    seen: [u64; WORDS],
}

impl Window {
    pub(super) fn new() -> Self {
        Self { newest: 0, seen: [0; WORDS] }
    }

    /// Takes a counter; false if it was taken before or is too old to tell.
    pub(super) fn take(&mut self, counter: u64) -> bool {
        if counter > self.newest {
            self.slide_to(counter);
        } else if self.newest - counter >= WINDOW {
            return false;
        }
        let (word, bit) = place(counter);
        let fresh = self.seen[word] & bit == 0;
        self.seen[word] |= bit;
        fresh
    }

    fn slide_to(&mut self, counter: u64) {
        let steps = (counter - self.newest).min(WINDOW);
        for ahead in 1..=steps {
            // Wrapping, because the last counter there is must not panic; it is authenticated but not ours.
            let (word, bit) = place(self.newest.wrapping_add(ahead));
            self.seen[word] &= !bit;
        }
        self.newest = counter;
    }
}

fn place(counter: u64) -> (usize, u64) {
    let at = (counter % WINDOW) as usize;
    (at / 64, 1 << (at % 64))
}

/// Counters a sender may be ahead of a datagram still on its way: three messages of the largest size to five peers
/// each, sent at once. 128 bytes per sender.
pub(super) const WINDOW: u64 = 1_024;

const WORDS: usize = WINDOW as usize / 64;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Against the set of all numbers taken and the newest of them.
        #[test]
        fn it_takes_what_a_set_of_all_numbers_would(
            steps in prop::collection::vec(prop_oneof![-2_100_i64..2_100, -3_i64..4], 1..400),
            start in prop_oneof![0_u64..3_000, Just(u64::MAX - 1_500)],
        ) {
            let (mut window, mut taken, mut newest) = (Window::new(), BTreeSet::new(), 0_u64);
            let mut counter = start;
            for step in steps {
                counter = counter.saturating_add_signed(step);
                let is_late = counter < newest && newest - counter >= WINDOW;
                let expected = !is_late && taken.insert(counter);
                newest = newest.max(counter);
                prop_assert_eq!(window.take(counter), expected, "{} after {}", counter, newest);
            }
        }
    }

    #[test]
    fn the_oldest_within_the_window_is_taken_and_the_one_before_it_is_not() {
        let mut window = Window::new();
        assert!(window.take(WINDOW + 10));
        assert!(window.take(11));
        assert!(!window.take(11));
        assert!(!window.take(10));
    }
}
