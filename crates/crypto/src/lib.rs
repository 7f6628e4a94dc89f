//! Hashes, Merkle trees, hybrid post-quantum signatures, key agreement and sealed boxes.
