//! FNV-1a, 64 bits (Fowler, Noll and Vo): a hash that is the same on every machine and in every build.
//!
//! For what hosts must come to alike without a word (lots, rings, a cluster's seed) and for what files are compared by.
//! It is small and needs nothing; std's hasher may change from build to build. It resists nobody who builds texts to
//! collide, so nothing that must be safe rests on it. Its high bits hardly differ where only the last letters of texts
//! do: what is ordered by it takes [`Fnv::mixed`], the finish of SplitMix64 (Steele, Lea and Flood 2014).

/// A hash of the bytes so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fnv(u64);

impl Fnv {
    /// Of nothing.
    pub const NOTHING: Self = Self(0xcbf2_9ce4_8422_2325);

    /// Of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self::NOTHING.with(bytes)
    }

    /// Of what came before and these bytes.
    #[must_use]
    pub fn with(self, bytes: &[u8]) -> Self {
        Self(bytes.iter().fold(self.0, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)))
    }

    /// The number.
    #[must_use]
    pub fn value(self) -> u64 {
        self.0
    }

    /// A number whose bits all depend on all of it.
    #[must_use]
    pub fn mixed(self) -> u64 {
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values are those of the algorithm's own test suite. Another number would tear a cluster of two builds apart.
    #[test]
    fn it_is_the_published_hash() {
        let vectors = [("", 0xcbf2_9ce4_8422_2325), ("a", 0xaf63_dc4c_8601_ec8c), ("foobar", 0x8594_4171_f739_67e8)];
        for (text, hash) in vectors {
            assert_eq!(Fnv::of(text.as_bytes()).value(), hash, "{text}");
        }
        assert_eq!(Fnv::of(b"foo").with(b"bar"), Fnv::of(b"foobar"));
    }
}
