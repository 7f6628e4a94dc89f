//! Acceptance as code: schema, digest and verdict rules.
