//! Messages larger than a datagram: split into parts, rejoined at the other end.
//!
//! Chitchat fills its replies up to the largest UDP datagram, and IP fragments of that size do not cross many
//! networks. A message is cut into parts of equal size (the last may be shorter), each a datagram of its own. A part
//! that does not come loses the message: gossip repeats itself anyway, so there is no acknowledgement and no repair.
//!
//! **Invariant:** memory for unfinished messages is bounded in number, in bytes and in time; a part claims no more
//! than its message could be.

use std::collections::BTreeMap;
use std::time::Duration;

use super::header::{BootId, Place};
use crate::core::time::MonoTime;

/// The parts of a message, in order; an empty message is one empty part.
pub(super) fn split(message: &[u8]) -> Vec<&[u8]> {
    if message.is_empty() { vec![message] } else { message.chunks(PART_MAX).collect() }
}

/// Messages of which parts are missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Partials {
    partials: BTreeMap<(BootId, u32), Partial>,
}

/// What became of a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Rejoined {
    /// It was the last one missing.
    Whole(Vec<u8>),
    /// Others are missing.
    Waiting,
    /// It fits no message.
    Malformed,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Partial {
    since: MonoTime,
    count: u8,
    /// Bit i: part i is here.
    here: u64,
    /// Room for `count` parts, cut to size by the last one.
    bytes: Vec<u8>,
}

impl Partials {
    /// Adds a part. A message of one part never waits.
    pub(super) fn add(&mut self, sender: BootId, place: Place, part: &[u8], now: MonoTime) -> Rejoined {
        if !fits(place, part) {
            return Rejoined::Malformed;
        }
        if place.count == 1 {
            return Rejoined::Whole(part.to_vec());
        }
        let key = (sender, place.message);
        let partial = self.partials.entry(key).or_insert_with(|| Partial::new(place.count, now));
        if partial.count != place.count {
            return Rejoined::Malformed;
        }
        partial.put(place.index, part);
        if partial.missing() > 0 {
            return Rejoined::Waiting;
        }
        self.partials.remove(&key).map_or(Rejoined::Waiting, |partial| Rejoined::Whole(partial.bytes))
    }

    /// Gives up what waited too long, and the oldest where there are too many; how many parts never came.
    pub(super) fn give_up(&mut self, now: MonoTime) -> u64 {
        let mut lost = 0;
        self.partials.retain(|_, partial| {
            let keep = now.since(partial.since) < PARTIAL_LIFE;
            lost += if keep { 0 } else { u64::from(partial.missing()) };
            keep
        });
        while self.partials.len() > PARTIALS_MAX {
            let oldest = self.partials.iter().min_by_key(|(_, partial)| partial.since).map(|(key, _)| *key);
            let given_up = oldest.and_then(|key| self.partials.remove(&key));
            lost += given_up.map_or(0, |partial| u64::from(partial.missing()));
        }
        lost
    }
}

impl Partial {
    fn new(count: u8, since: MonoTime) -> Self {
        Self { since, count, here: 0, bytes: vec![0; usize::from(count) * PART_MAX] }
    }

    fn put(&mut self, index: u8, part: &[u8]) {
        let start = usize::from(index) * PART_MAX;
        if index + 1 == self.count {
            self.bytes.truncate(start + part.len());
        }
        self.bytes[start..start + part.len()].copy_from_slice(part);
        self.here |= 1 << index;
    }

    fn missing(&self) -> u32 {
        u32::from(self.count) - self.here.count_ones()
    }
}

/// Whether a part can be one of [`split`]'s.
fn fits(place: Place, part: &[u8]) -> bool {
    let (index, count) = (usize::from(place.index), usize::from(place.count));
    let is_last = index + 1 == count;
    index < count
        && count <= PARTS_MAX
        && part.len() <= PART_MAX
        && (is_last || part.len() == PART_MAX)
        && (count == 1 || !part.is_empty())
        && index * PART_MAX + part.len() <= MESSAGE_MAX
}

/// Longest message in bytes: the most chitchat makes.
pub const MESSAGE_MAX: usize = 65_507;

/// Most bytes of a message in one datagram. With both headers 1,276 bytes: below an Ethernet frame with room for the
/// headers of a tunnel or two.
pub(super) const PART_MAX: usize = 1_200;

/// Most parts of a message; they must fit the bits of a word.
pub(super) const PARTS_MAX: usize = MESSAGE_MAX.div_ceil(PART_MAX);

/// Most unfinished messages (2.1 MB): a newcomer has asked at most five peers per interval, and each may be answering
/// a few others with as much.
pub(super) const PARTIALS_MAX: usize = 32;

/// How long a message may take to be complete: parts leave together, so this is a generous spread of their travel.
pub(super) const PARTIAL_LIFE: Duration = Duration::from_secs(2);

const _: () = assert!(PARTS_MAX <= 64, "the parts of a message must fit the bits of a word");

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    fn sender(seed: u64) -> BootId {
        BootId::draw(&mut StdRng::seed_from_u64(seed))
    }

    fn place(message: u32, index: u8, count: u8) -> Place {
        Place { message, index, count }
    }

    #[test]
    fn a_part_that_cannot_be_is_refused_and_leaves_nothing_behind() {
        let whole = [7; PART_MAX];
        let last = u8::try_from(PARTS_MAX).unwrap();
        let rest = MESSAGE_MAX - (PARTS_MAX - 1) * PART_MAX;
        let cannot_be = [
            (place(1, 0, 0), &whole[..]),
            (place(1, 2, 2), &whole[..]),
            (place(1, 0, last + 1), &whole[..]),
            (place(1, 255, 255), &whole[..]),
            (place(1, 0, 2), &whole[1..]),
            (place(1, 1, 2), &[][..]),
            (place(1, last - 1, last), &whole[..rest + 1]),
        ];
        for (place, part) in cannot_be {
            let mut partials = Partials::default();
            assert_eq!(partials.add(sender(1), place, part, MonoTime::START), Rejoined::Malformed, "{place:?}");
            assert_eq!(partials, Partials::default());
        }
        let longest = place(1, last - 1, last);
        let mut partials = Partials::default();
        assert_eq!(partials.add(sender(1), longest, &whole[..rest], MonoTime::START), Rejoined::Waiting);
        let other_count = place(1, 0, last - 1);
        assert_eq!(partials.add(sender(1), other_count, &whole, MonoTime::START), Rejoined::Malformed);
    }

    #[test]
    fn as_many_messages_wait_as_allowed_and_the_oldest_makes_room() {
        let mut partials = Partials::default();
        let part = [7; PART_MAX];
        for message in 0..=u32::try_from(PARTIALS_MAX).unwrap() {
            let now = MonoTime::from_millis(u64::from(message));
            assert_eq!(partials.give_up(now), 0);
            assert_eq!(partials.add(sender(1), place(message, 0, 3), &part, now), Rejoined::Waiting);
        }
        assert_eq!(partials.give_up(MonoTime::from_millis(40)), 2);
        assert_eq!(partials.partials.len(), PARTIALS_MAX);
        assert!(!partials.partials.contains_key(&(sender(1), 0)));
    }

    #[test]
    fn a_message_waits_as_long_as_allowed_and_not_longer() {
        let mut partials = Partials::default();
        partials.add(sender(1), place(1, 0, 2), &[7; PART_MAX], MonoTime::START);
        assert_eq!(partials.give_up(MonoTime::START + (PARTIAL_LIFE - Duration::from_nanos(1))), 0);
        assert_eq!(partials.give_up(MonoTime::START + PARTIAL_LIFE), 1);
        assert_eq!(partials, Partials::default());
    }

    #[test]
    fn messages_of_two_senders_with_one_number_are_told_apart() {
        let mut partials = Partials::default();
        for seed in [1, 2] {
            partials.add(sender(seed), place(1, 0, 2), &[7; PART_MAX], MonoTime::START);
        }
        let rejoined = partials.add(sender(2), place(1, 1, 2), &[8], MonoTime::START);
        assert_eq!(rejoined, Rejoined::Whole([&[7; PART_MAX][..], &[8]].concat()));
        assert_eq!(partials.partials.len(), 1);
    }
}
