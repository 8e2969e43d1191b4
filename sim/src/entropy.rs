//! The operating system's entropy, replaced by a seed on the threads that ask for it.
//!
//! The agent takes all its chance from one seed, but what it is built on does not: hash maps draw their keys, and
//! chitchat and tokio their generators, from the `getrandom` of the C library. The standard library and the `getrandom`
//! crate both look that symbol up by name at run time, so that a definition in the program itself goes first. This one
//! continues a sequence from a seed on a thread that has called [`seed`], and asks the kernel on all others.
//!
//! It is part of the program `breaker-sim` and not of its library, so that nothing else is ever linked with it.
//!
//! **Invariant:** only entropy is replaced, never a clock: progress and deadlines of the process itself stay real.

#![expect(unsafe_code, reason = "to replace a symbol of the C library is a promise about a foreign interface")]

use std::cell::Cell;
use std::fs::File;
use std::io::Read;

thread_local! {
    /// Where this thread's sequence is. Without a destructor, so that it can be read for as long as the thread lives.
    static SEQUENCE: Cell<Option<u64>> = const { Cell::new(None) };
}

/// From now on this thread draws from a sequence given by `seed`. Call it first thing on a thread of its own: what was
/// drawn before, keys of hash maps for one, has been drawn from the kernel.
pub(crate) fn seed(seed: u64) {
    SEQUENCE.set(Some(seed));
}

/// Fills `len` bytes at `buffer`, as getrandom(2) does; `flags` change nothing, because neither source ever blocks.
///
/// # Safety
/// As for getrandom(2), `buffer` must be writable for `len` bytes unless `len` is 0.
// SAFETY: the name is that of the C library's function, and so are signature, result and effect, so
// whoever calls either gets what they expect. It allocates on no seeded thread and calls nothing that calls it back.
#[unsafe(no_mangle)]
unsafe extern "C" fn getrandom(buffer: *mut u8, len: usize, _flags: u32) -> isize {
    let mut sequence = SEQUENCE.get();
    let mut filled = 0;
    while filled < len {
        let bytes = match &mut sequence {
            Some(state) => next(state).to_ne_bytes(),
            None => match of_kernel() {
                Some(bytes) => bytes,
                // The failed call has left its errno.
                None => return -1,
            },
        };
        let count = bytes.len().min(len - filled);
        // SAFETY: `filled + count <= len`, and the caller promises `len` writable bytes; `bytes` is a local array of at
        // least `count` bytes. Nothing is read from the buffer, so it need not be initialized.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), buffer.add(filled), count) };
        filled += count;
    }
    SEQUENCE.set(sequence);
    isize::try_from(len).unwrap_or(isize::MAX)
}

/// SplitMix64 (Steele, Lea, Flood 2014): every 64-bit number once, in an order that looks like chance.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

/// Eight bytes of the kernel's; through its file, because the function is what is being replaced.
fn of_kernel() -> Option<[u8; 8]> {
    let mut bytes = [0; 8];
    File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes)).ok().map(|()| bytes)
}

#[cfg(test)]
mod tests {
    use std::hash::{BuildHasher, RandomState};
    use std::thread;

    use rand::TryRng;
    use rand::rngs::SysRng;

    /// What the standard library and the `getrandom` crate draw on a fresh thread.
    fn draws(seed: Option<u64>) -> (u64, [u8; 27]) {
        let drawn = thread::spawn(move || {
            seed.into_iter().for_each(super::seed);
            let mut bytes = [0; 27];
            SysRng.try_fill_bytes(&mut bytes).unwrap();
            (RandomState::new().hash_one(1), bytes)
        });
        drawn.join().unwrap()
    }

    #[test]
    fn a_seeded_thread_draws_the_same_again_and_another_seed_differs() {
        assert_eq!(draws(Some(7)), draws(Some(7)));
        let (hash, bytes) = draws(Some(7));
        let (other_hash, other_bytes) = draws(Some(8));
        assert!(hash != other_hash && bytes != other_bytes);
    }

    #[test]
    fn a_thread_without_a_seed_draws_from_the_kernel() {
        let (hash, bytes) = draws(None);
        let (other_hash, other_bytes) = draws(None);
        assert!(hash != other_hash && bytes != other_bytes);
    }

    #[test]
    fn drawing_nothing_writes_nothing() {
        super::seed(1);
        assert_eq!(SysRng.try_fill_bytes(&mut []), Ok(()));
    }
}
