//! AACL v2: the signed envelope, its messages, and which message may follow which.
