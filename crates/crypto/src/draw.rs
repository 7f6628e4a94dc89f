//! Random draws that anybody can repeat: everything follows from a seed and a label.
//!
//! A fair seed comes from parties that commit first ([`commit`]) and reveal later. Numbers below a
//! bound are drawn by rejection, so none is likelier than another.
use alloc::vec::Vec;

use ainur_primitives::Digest;

use crate::hash::{sha256, tagged};

const DRAW_TAG: &str = "ainur/draw/v1";
const COMMIT_TAG: &str = "ainur/commit/v1";

/// A source of draws: SHA-256 of seed and label in counter mode.
///
/// ```
/// use ainur_crypto::draw::Draw;
/// use ainur_primitives::Digest;
/// let mut draw = Draw::new(Digest([7; 32]), "example");
/// let jurors = draw.sample(&["a", "b", "c", "d"], 2);
/// assert_eq!(jurors, Draw::new(Digest([7; 32]), "example").sample(&["a", "b", "c", "d"], 2));
/// ```
#[derive(Clone, Debug)]
pub struct Draw {
    key: Digest,
    blocks: u64,
    block: Digest,
    used_bytes: usize,
}

impl Draw {
    /// Draws for one purpose. Draws from the same seed under other labels are independent.
    pub fn new(seed: Digest, label: &str) -> Self {
        let key = tagged(DRAW_TAG, &[&seed.0, label.as_bytes()]);
        Self { key, blocks: 0, block: Digest::ZERO, used_bytes: 32 }
    }

    /// A number of 64 bits, all equally likely.
    pub fn next_u64(&mut self) -> u64 {
        if self.used_bytes == 32 {
            self.block = sha256(&[&self.key.0, &self.blocks.to_le_bytes()]);
            self.blocks += 1;
            self.used_bytes = 0;
        }
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&self.block.0[self.used_bytes..self.used_bytes + 8]);
        self.used_bytes += 8;
        u64::from_le_bytes(bytes)
    }

    /// A number below `n`, all equally likely; zero when `n` is zero.
    pub fn next_below(&mut self, n: u64) -> u64 {
        if n < 2 {
            return 0;
        }
        // The first 2⁶⁴ mod n numbers are refused: what remains divides evenly. More than half
        // remains, so the loop ends at once or soon.
        let refused_below = n.wrapping_neg() % n;
        loop {
            let number = self.next_u64();
            if number >= refused_below {
                return number % n;
            }
        }
    }

    /// Puts the items into an order, all orders equally likely.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        let length = items.len();
        self.shuffle_front(items, length);
    }

    /// Draws `count` different items, in the order drawn; all of them when there are no more.
    pub fn sample<T: Clone>(&mut self, items: &[T], count: usize) -> Vec<T> {
        let mut positions: Vec<usize> = (0..items.len()).collect();
        self.shuffle_front(&mut positions, count);
        positions.into_iter().take(count).map(|position| items[position].clone()).collect()
    }

    /// Fisher and Yates, stopped when the first `count` places are drawn.
    fn shuffle_front<T>(&mut self, items: &mut [T], count: usize) {
        for place in 0..count.min(items.len()) {
            let left = (items.len() - place) as u64;
            let offset = usize::try_from(self.next_below(left)).expect("below a length in memory");
            items.swap(place, place + offset);
        }
    }
}

/// A commitment to a value that hides it until value and salt are revealed.
pub fn commit(value: &[u8], salt: &[u8; 32]) -> Digest {
    tagged(COMMIT_TAG, &[salt, value])
}
