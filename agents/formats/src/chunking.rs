//! Content-defined chunking: FastCDC with normalised cut points.
//!
//! Xia et al., "FastCDC: a Fast and Efficient Content-Defined Chunking Approach for Data
//! Deduplication", USENIX ATC 2016. A cut depends only on the 64 bytes before it, so the same
//! content is cut in the same places wherever it stands.

/// No chunk is shorter, but the last.
pub const CHUNK_BYTES_MIN: usize = 2 << 10;
/// Where the cut condition becomes easier.
pub const CHUNK_BYTES_USUAL: usize = 8 << 10;
/// No chunk is longer.
pub const CHUNK_BYTES_MAX: usize = 64 << 10;

/// 15 bits set: cuts before the usual length are rare.
const MASK_HARD: u64 = 0x0003_5907_0353_0000;
/// 11 bits set: cuts after it are frequent.
const MASK_EASY: u64 = 0x0000_d900_0353_0000;

/// One random word for each byte value, of SplitMix64 from seed 0.
static GEAR: [u64; 256] = gear();

const fn gear() -> [u64; 256] {
    let mut table = [0; 256];
    let mut state: u64 = 0;
    let mut index = 0;
    while index < 256 {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = state;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        table[index] = word ^ (word >> 31);
        index += 1;
    }
    table
}

/// How long the first chunk of `bytes` is, when nothing but the end of the stream follows them or
/// they are at least [`CHUNK_BYTES_MAX`].
pub fn cut(bytes: &[u8]) -> usize {
    if bytes.len() <= CHUNK_BYTES_MIN {
        return bytes.len();
    }
    let end = bytes.len().min(CHUNK_BYTES_MAX);
    let usual = end.min(CHUNK_BYTES_USUAL);
    let mut hash: u64 = 0;
    for (index, byte) in bytes[..end].iter().enumerate().skip(CHUNK_BYTES_MIN) {
        hash = (hash << 1).wrapping_add(GEAR[usize::from(*byte)]);
        let mask = if index < usual { MASK_HARD } else { MASK_EASY };
        if hash & mask == 0 {
            return index + 1;
        }
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunks(mut bytes: &[u8]) -> Vec<&[u8]> {
        let mut chunks = Vec::new();
        while !bytes.is_empty() {
            let (chunk, rest) = bytes.split_at(cut(bytes));
            chunks.push(chunk);
            bytes = rest;
        }
        chunks
    }

    fn noise(length: usize) -> Vec<u8> {
        let mut state = 1u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as u8
        };
        (0..length).map(|_| next()).collect()
    }

    #[test]
    fn chunks_keep_their_limits_and_their_usual_length() {
        let bytes = noise(4 << 20);
        let chunks = chunks(&bytes);
        let (last, whole) = chunks.split_last().unwrap();
        assert!(whole.iter().all(|c| (CHUNK_BYTES_MIN..=CHUNK_BYTES_MAX).contains(&c.len())));
        assert!(last.len() <= CHUNK_BYTES_MAX);
        let usual = bytes.len() / chunks.len();
        assert!((6 << 10..14 << 10).contains(&usual), "{usual} bytes on average");
    }

    #[test]
    fn an_insertion_moves_only_the_chunks_around_it() {
        let bytes = noise(1 << 20);
        let mut changed = bytes.clone();
        changed.splice(300_000..300_000, *b"inserted");
        let before = chunks(&bytes);
        let after = chunks(&changed);
        let shared = after.iter().filter(|chunk| before.contains(chunk)).count();
        assert!(shared + 4 >= after.len(), "{shared} of {} chunks are shared", after.len());
    }
}
