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
