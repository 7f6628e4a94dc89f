//! The replicated log: one trait, and the embedded single-process back end.
