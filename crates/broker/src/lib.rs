//! The task lifecycle: one durable state machine from wish to receipt.
