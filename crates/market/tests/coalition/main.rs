//! Coalitions: what terms have to be, how a price is divided, who should bid together, and what
//! happens when a member fails.
mod formation;
mod sharing;
mod substitution;
mod terms;
mod world;
