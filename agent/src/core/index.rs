//! From a name to its place in the registry, in constant time.
//!
//! An ordered map of 10,000 names costs fourteen comparisons and as many cache misses on every call; a hash map draws
//! its seed from the operating system, which the core must not. So: open addressing with linear probing, a seed handed
//! in, removal by shifting back (no tombstones to pile up). It is never iterated; the registry keeps an ordered map
//! beside it for that.
//!
//! The hash folds 64 by 64 bit products, as wyhash does. With a seed nobody outside knows, names cannot be chosen to
//! collide; and 10,000 names in a table at most half full stay short runs in any case.

/// Places of names. The names themselves stay where they are: to compare one, the caller brings a way to read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameIndex {
    seed: u64,
    /// A power of two of them.
    cells: Vec<Cell>,
    filled: usize,
}

/// A place and the hash of its name, by which most comparisons and all moves do without the name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Cell {
    hash: u32,
    /// A place plus one, or 0.
    place: u32,
}

impl NameIndex {
    /// An empty index.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { seed, cells: vec![Cell::default(); CELLS_MIN], filled: 0 }
    }

    /// The place of a name.
    pub fn find<'a>(&self, name: &str, name_at: impl Fn(u32) -> &'a str) -> Option<u32> {
        let cell = self.cell_of(name, name_at)?;
        self.cells[cell].place.checked_sub(1)
    }

    /// Adds a name that is not there yet.
    pub fn insert(&mut self, name: &str, place: u32) {
        if (self.filled + 1) * 2 > self.cells.len() {
            let doubled = vec![Cell::default(); self.cells.len() * 2];
            for cell in std::mem::replace(&mut self.cells, doubled).into_iter().filter(|cell| cell.place > 0) {
                self.put(cell);
            }
        }
        self.put(Cell { hash: hash(self.seed, name.as_bytes()), place: place + 1 });
        self.filled += 1;
    }

    /// Removes a name; nothing happens if it is not there.
    pub fn remove<'a>(&mut self, name: &str, name_at: impl Fn(u32) -> &'a str) {
        let Some(mut hole) = self.cell_of(name, name_at) else { return };
        let mut at = self.after(hole);
        while self.cells[at].place > 0 {
            // It may move back into the hole if the hole lies between its home and where it is.
            let home = self.home(self.cells[at].hash);
            if self.distance(home, hole) <= self.distance(home, at) {
                self.cells[hole] = self.cells[at];
                hole = at;
            }
            at = self.after(at);
        }
        self.cells[hole] = Cell::default();
        self.filled -= 1;
    }

    fn cell_of<'a>(&self, name: &str, name_at: impl Fn(u32) -> &'a str) -> Option<usize> {
        let hash = hash(self.seed, name.as_bytes());
        let mut at = self.home(hash);
        loop {
            let cell = self.cells[at];
            let place = cell.place.checked_sub(1)?;
            if cell.hash == hash && name_at(place) == name {
                return Some(at);
            }
            at = self.after(at);
        }
    }

    fn put(&mut self, cell: Cell) {
        let mut at = self.home(cell.hash);
        while self.cells[at].place > 0 {
            at = self.after(at);
        }
        self.cells[at] = cell;
    }

    fn home(&self, hash: u32) -> usize {
        hash as usize & self.mask()
    }

    fn after(&self, at: usize) -> usize {
        (at + 1) & self.mask()
    }

    fn distance(&self, from: usize, to: usize) -> usize {
        to.wrapping_sub(from) & self.mask()
    }

    fn mask(&self) -> usize {
        self.cells.len() - 1
    }
}

fn hash(seed: u64, bytes: &[u8]) -> u32 {
    let mut state = seed ^ (bytes.len() as u64).wrapping_mul(MIX_A);
    let mut words = bytes.chunks_exact(8);
    for word in &mut words {
        let word = word.try_into().map(u64::from_le_bytes).expect("invariant: chunks of eight are eight bytes");
        state = fold(state ^ word, MIX_B);
    }
    let rest = words.remainder().iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
    // The cast keeps the low half, which depends on all of it as much as the high half does.
    fold(fold(state ^ rest, MIX_B), MIX_A) as u32
}

fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product as u64) ^ ((product >> 64) as u64)
}

/// The index of a fresh agent; it doubles whenever it is half full.
const CELLS_MIN: usize = 64;

/// Odd numbers with about as many ones as zeros in their bits: fractions of pi and of the golden ratio.
const MIX_A: u64 = 0x9e37_79b9_7f4a_7c15;
const MIX_B: u64 = 0x2437_54a3_0885_a309;

#[cfg(test)]
mod tests;
