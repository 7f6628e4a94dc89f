//! DID documents, key rotation and agent cards: the rules, without I/O.
