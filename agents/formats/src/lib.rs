//! The byte formats our guests deliver: reading all of them, and both ways of the deduplicated
//! container.
//!
//! Compressed streams are concatenations of whole members, one for each block of the input, so that
//! standard tools read them: gzip members, xz streams, Zstandard frames, LZ4 frames. Brotli has no
//! container of its own, so it is framed by [`brotli_frame`].

pub mod brotli_frame;
pub mod chunking;
pub mod compressed;
pub mod deduplicated;
