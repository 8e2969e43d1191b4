//! From a name to its place in the registry, in constant time.
//!
//! An ordered map of 10,000 names costs fourteen comparisons and as many cache misses on every call; a hash map draws
//! its seed from the operating system, which the core must not. So: open addressing with linear probing, a seed handed
//! in, removal by shifting back (no tombstones to pile up). It is never iterated; the registry keeps an ordered map
//! beside it for that.
//!
//! The hash folds 64 by 64 bit products, as wyhash does. With a seed nobody outside knows, names cannot be chosen to
//! collide; and 10,000 names in a table at most half full stay short runs in any case.

/// Places of names. The names themselves stay where they are: every call brings a way to read them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameIndex {
    seed: u64,
    /// A place plus one, or 0; a power of two of them.
    cells: Vec<u32>,
    filled: usize,
}

impl NameIndex {
    /// An empty index.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { seed, cells: vec![0; CELLS_MIN], filled: 0 }
    }

    /// The place of a name.
    pub fn find<'a>(&self, name: &str, name_at: impl Fn(u32) -> &'a str) -> Option<u32> {
        let mut cell = self.home(name);
        loop {
            let place = self.cells[cell].checked_sub(1)?;
            if name_at(place) == name {
                return Some(place);
            }
            cell = self.after(cell);
        }
    }

    /// Adds a name that is not there yet.
    pub fn insert<'a>(&mut self, name: &str, place: u32, name_at: impl Fn(u32) -> &'a str) {
        if (self.filled + 1) * 2 > self.cells.len() {
            let places: Vec<u32> = self.cells.iter().filter_map(|cell| cell.checked_sub(1)).collect();
            self.cells = vec![0; self.cells.len() * 2];
            for place in places {
                self.put(name_at(place), place);
            }
        }
        self.put(name, place);
        self.filled += 1;
    }

    /// Removes a name; nothing happens if it is not there.
    pub fn remove<'a>(&mut self, name: &str, name_at: impl Fn(u32) -> &'a str) {
        let mut hole = self.home(name);
        loop {
            match self.cells[hole].checked_sub(1) {
                None => return,
                Some(place) if name_at(place) == name => break,
                Some(_) => hole = self.after(hole),
            }
        }
        let mut cell = self.after(hole);
        while let Some(place) = self.cells[cell].checked_sub(1) {
            // It may move back into the hole if the hole lies between its home and where it is.
            let home = self.home(name_at(place));
            if self.distance(home, hole) <= self.distance(home, cell) {
                self.cells[hole] = self.cells[cell];
                hole = cell;
            }
            cell = self.after(cell);
        }
        self.cells[hole] = 0;
        self.filled -= 1;
    }

    fn put(&mut self, name: &str, place: u32) {
        let mut cell = self.home(name);
        while self.cells[cell] != 0 {
            cell = self.after(cell);
        }
        self.cells[cell] = place + 1;
    }

    fn home(&self, name: &str) -> usize {
        // The cast keeps the low bits, which is what masking is for.
        hash(self.seed, name.as_bytes()) as usize & self.mask()
    }

    fn after(&self, cell: usize) -> usize {
        (cell + 1) & self.mask()
    }

    fn distance(&self, from: usize, to: usize) -> usize {
        to.wrapping_sub(from) & self.mask()
    }

    fn mask(&self) -> usize {
        self.cells.len() - 1
    }
}

fn hash(seed: u64, bytes: &[u8]) -> u64 {
    let mut state = seed ^ (bytes.len() as u64).wrapping_mul(MIX_A);
    for chunk in bytes.chunks(8) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        state = fold(state ^ u64::from_le_bytes(word), MIX_B);
    }
    fold(state, MIX_A)
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
