//! The deterministic state machine that holds money, stake, rights and outcomes.
